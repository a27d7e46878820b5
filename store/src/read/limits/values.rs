//! Where a line says what a hidden field says.
//!
//! A value is looked for in any case of letters, as it is and as JSON would write it. What is found is
//! masked to the ends of the words that it begins and ends in, so that a masked line has no word that
//! the line does not have, which is what the indexes know.

use std::ops::Range;

use memchr::memmem;
use timberline_proto::line::json_escaped;
use timberline_proto::token::is_token_char;

/// What stands in place of what is hidden. No part of it is a word.
pub(super) const MASK: &str = "***";
/// A shorter value is masked where it is a word by itself: within others it would be found everywhere.
const WITHIN_BYTES_MIN: usize = 4;

/// Texts that hidden fields have.
#[derive(Debug, Default)]
pub(super) struct Values(Vec<Vec<u8>>);

impl Values {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, text: &str) {
        let text = text.trim();
        // What is true of nothing in particular is no secret of its own.
        if matches!(text, "true" | "false" | "null") || !text.bytes().any(is_word) {
            return;
        }
        let mut put = |form: Vec<u8>| {
            if !self.0.contains(&form) {
                self.0.push(form);
            }
        };
        let escaped = json_escaped(text);
        if escaped != text {
            put(escaped.to_ascii_lowercase().into_bytes());
        }
        put(text.to_ascii_lowercase().into_bytes());
    }

    /// Where they stand in `text`, each to the ends of its words, ascending, none touching another.
    pub(super) fn found_in(&self, text: &[u8]) -> Vec<Range<usize>> {
        let lower = text.to_ascii_lowercase();
        let mut found: Vec<Range<usize>> = Vec::new();
        for value in &self.0 {
            let is_short = value.len() < WITHIN_BYTES_MIN;
            for start in memmem::find_iter(&lower, value) {
                let at = start..start + value.len();
                let words = to_words(text, at.clone());
                if !is_short || words == at {
                    found.push(words);
                }
            }
        }
        found.sort_by_key(|range| (range.start, range.end));
        found.dedup_by(|next, before| {
            let touches = next.start <= before.end;
            if touches {
                before.end = before.end.max(next.end);
            }
            touches
        });
        found
    }

    /// `text` with [`MASK`] where they stand; `None` if they stand nowhere.
    pub(super) fn masked(&self, text: &[u8]) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        let found = self.found_in(text);
        (!found.is_empty()).then(|| without(text, &found))
    }
}

/// `text` with [`MASK`] in place of these ranges, which are ascending.
pub(super) fn without(text: &[u8], ranges: &[Range<usize>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        out.extend_from_slice(&text[from..range.start]);
        out.extend_from_slice(MASK.as_bytes());
        from = range.end;
    }
    out.extend_from_slice(&text[from..]);
    out
}

/// The range with the rest of the words in which it begins and ends. An escape that would lose its letter
/// goes whole.
pub(super) fn to_words(text: &[u8], range: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = range;
    if text.get(start).is_some_and(|byte| is_word(*byte)) {
        start -= text[..start].iter().rev().take_while(|byte| is_word(**byte)).count();
    }
    if end > 0 && is_word(text[end - 1]) {
        end += text[end..].iter().take_while(|byte| is_word(**byte)).count();
    }
    let slashes = text[..start].iter().rev().take_while(|byte| **byte == b'\\').count();
    if slashes % 2 == 1 {
        start -= 1;
    }
    start..end
}

/// Whether the byte is part of a word. Of characters beyond ASCII that is not asked: to mask one more is safe.
fn is_word(byte: u8) -> bool {
    !byte.is_ascii() || is_token_char(char::from(byte))
}
