//! Where a word begins and ends.
//!
//! A token is a maximal run of letters, digits and underscores (Unicode). Templates, index and
//! queries cut tokens with this one function over bytes, so a query's token never straddles a
//! template's edge. Bytes that are not UTF-8 separate.

/// A token's place in the text: `start..end` in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Whether it holds an ASCII or Unicode digit.
    pub has_digit: bool,
}

/// The tokens of `text`, in order.
pub fn tokens(text: &[u8]) -> Tokens<'_> {
    Tokens { text, at: 0 }
}

/// Iterator over the tokens of a text; see [`tokens`].
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        let text = self.text;
        let mut at = self.at;
        loop {
            let Some(&byte) = text.get(at) else {
                self.at = at;
                return None;
            };
            match CLASSES[usize::from(byte)] {
                SEPARATOR => at += 1,
                WIDE => match classify_wide(text, at) {
                    (SEPARATOR, length) => at += length,
                    _ => break,
                },
                _ => break,
            }
        }
        let start = at;
        let mut classes = SEPARATOR;
        while let Some(&byte) = text.get(at) {
            let (mut class, mut length) = (CLASSES[usize::from(byte)], 1);
            if class == WIDE {
                (class, length) = classify_wide(text, at);
            }
            if class == SEPARATOR {
                break;
            }
            classes |= class;
            at += length;
        }
        self.at = at;
        Some(Token {
            start,
            end: at,
            has_digit: classes & DIGIT != 0,
        })
    }
}

/// Whether `c` can stand in a token.
pub fn is_token_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Classes of bytes and characters; those of a token's bytes are united.
const SEPARATOR: u8 = 0;
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
/// A byte that is not ASCII: the character decides.
const WIDE: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [SEPARATOR; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LETTER,
            0..=0x7f => SEPARATOR,
            _ => WIDE,
        };
        byte += 1;
    }
    classes
};

/// The class of the character at `at`, never `WIDE`, and its length.
#[cold]
fn classify_wide(text: &[u8], at: usize) -> (u8, usize) {
    match char_at(text, at) {
        Some(c) if c.is_numeric() => (DIGIT, c.len_utf8()),
        Some(c) if c.is_alphanumeric() => (LETTER, c.len_utf8()),
        Some(c) => (SEPARATOR, c.len_utf8()),
        None => (SEPARATOR, 1),
    }
}

/// The character that begins at byte `at`; `None` at the end and where no valid UTF-8 begins.
#[inline]
pub fn char_at(text: &[u8], at: usize) -> Option<char> {
    let first = *text.get(at)?;
    if first.is_ascii() {
        return Some(char::from(first));
    }
    let window = &text[at..text.len().min(at + 4)];
    let valid = match std::str::from_utf8(window) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(&window[..error.valid_up_to()]).expect("valid up to there"),
    };
    valid.chars().next()
}

/// The character that ends before byte `at`; `None` at the beginning and after a byte that is not
/// part of valid UTF-8.
#[inline]
pub fn char_before(text: &[u8], at: usize) -> Option<char> {
    let last = *text[..at].last()?;
    if last.is_ascii() {
        return Some(char::from(last));
    }
    (at.saturating_sub(4)..at)
        .rev()
        .find(|start| !matches!(text[*start], 0x80..=0xbf))
        .and_then(|start| char_at(&text[..at], start).filter(|c| start + c.len_utf8() == at))
}

/// `c` without regard to case: its lower case if that is one character, and final sigma as sigma.
///
/// One character becomes one character whatever stands beside it, and nothing outside ASCII
/// becomes ASCII (the Kelvin sign stays itself). So the folded form of a piece of a text is the
/// piece of the folded text, and a search for ASCII may go by bytes.
pub fn fold_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    if c == 'ς' {
        return 'σ';
    }
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(folded), None) if !folded.is_ascii() => folded,
        _ => c,
    }
}

/// `token` in the form the index and the matcher compare: every character by [`fold_char`].
///
/// Appends to `out` without clearing it. The bytes must be a token (valid UTF-8); other bytes
/// are copied as they are.
pub fn lower_into(token: &[u8], out: &mut Vec<u8>) {
    if token.is_ascii() {
        out.extend(token.iter().map(u8::to_ascii_lowercase));
        return;
    }
    match std::str::from_utf8(token) {
        Ok(text) => {
            let mut buffer = [0; 4];
            for c in text.chars() {
                out.extend_from_slice(fold_char(c).encode_utf8(&mut buffer).as_bytes());
            }
        }
        Err(_) => out.extend_from_slice(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: impl AsRef<[u8]>, expected: &[&str]) {
        let text = text.as_ref();
        let found: Vec<_> = tokens(text)
            .map(|t| String::from_utf8_lossy(&text[t.start..t.end]).into_owned())
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_token_is_a_run_of_letters_digits_and_underscores() {
        check(
            "GET /api/v1 user-agent=10.251.39.242",
            &["GET", "api", "v1", "user", "agent", "10", "251", "39", "242"],
        );
        check("blk_-9870817 ünïcode№5", &["blk_", "9870817", "ünïcode", "5"]);
        check("", &[]);
    }

    #[test]
    fn invalid_utf8_separates() {
        check(b"ab\xffcd\xc3", &["ab", "cd"]);
        check(b"a\xe2\x82b", &["a", "b"]);
    }

    #[test]
    fn lower_case_is_unicode() {
        let mut out = Vec::new();
        lower_into("ÄB_C".as_bytes(), &mut out);
        assert_eq!(out, "äb_c".as_bytes());
    }

    #[test]
    fn folding_keeps_tokens_tokens_and_is_done_after_once() {
        for c in '\0'..=char::MAX {
            let folded = fold_char(c);
            assert_eq!(is_token_char(c), is_token_char(folded), "{c:?}");
            assert_eq!(fold_char(folded), folded, "{c:?}");
            assert!(c.is_ascii() || !folded.is_ascii(), "{c:?}");
            assert_eq!(c.is_whitespace(), folded.is_whitespace(), "{c:?}");
        }
    }
}
