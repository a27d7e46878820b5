//! What a test needs of a line, token by token: asked of a template and, row by row, of the values
//! in its slots. Says only what cannot be.

use std::cmp::Reverse;
use std::sync::Arc;

use timberline_proto::query::matcher::{CompiledText, RegexMatch};
use timberline_proto::token::tokens;

use super::required::Required;
use crate::split::{PageQuery, PageText, Pieces, SlotView};

/// Tokens that are no number in the text of a time.
const TIME_WORDS: [&str; 22] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon", "tue", "wed", "thu",
    "fri", "sat", "sun", "utc", "gmt", "z",
];

/// Whether a token, in lower case, can stand in the text of a time.
pub(super) fn is_of_time(token: &str) -> bool {
    let is_number = token.bytes().any(|b| b.is_ascii_digit());
    match is_number {
        true => token.bytes().all(|b| b.is_ascii_digit() || b"tz_utcgm".contains(&b)),
        false => TIME_WORDS.contains(&token),
    }
}

/// Whether a piece of a token can stand in the text of a time.
pub(super) fn is_within_time(piece: &str) -> bool {
    // A token with a digit has no letters of names, in a time: `is_of_time`.
    let of_number = |b: u8| b.is_ascii_digit() || b"tz_utcgm".contains(&b);
    piece.bytes().all(of_number) || TIME_WORDS.iter().any(|word| word.contains(piece))
}

/// What a line must hold.
#[derive(Debug)]
pub(crate) enum Needs {
    /// Nothing is known.
    Any,
    /// No line will do.
    None,
    /// All of them.
    And(Vec<Needs>),
    /// One of them.
    Or(Vec<Needs>),
    /// A token, or one that is like it.
    Word(Box<Word>),
}

#[derive(Debug)]
pub(crate) struct Word {
    like: Like,
    required: Required,
    /// Whether it is any token that holds a text, wherever in it.
    anywhere: bool,
    /// Whether a value of a slot can hold it.
    in_slot: bool,
    in_time: bool,
    /// Whether it is a token as a whole.
    whole: bool,
}

/// What it is like.
#[derive(Debug)]
enum Like {
    Text(CompiledText),
    Regex(Arc<dyn RegexMatch>),
}

impl Word {
    fn matches(&self, value: &[u8]) -> bool {
        match &self.like {
            Like::Text(text) => text.matches(value),
            Like::Regex(regex) => regex.is_match(value),
        }
    }
}

/// The largest of a slot's numbers.
fn most(numbers: &[i64]) -> u64 {
    numbers.iter().max().map_or(0, |&most| most as u64)
}

impl Needs {
    /// A token that a regex matches somewhere in. `runs`: texts in lower case that it requires.
    pub(crate) fn token_regex(regex: Arc<dyn RegexMatch>, runs: &[String]) -> Self {
        Self::Word(Box::new(Word {
            like: Like::Regex(regex),
            required: Required::of(runs),
            anywhere: false,
            in_slot: true,
            in_time: runs.iter().all(|run| is_within_time(run)),
            whole: false,
        }))
    }

    pub(crate) fn of(query: &PageQuery) -> Self {
        let all = |queries: &[PageQuery]| queries.iter().map(Self::of).collect();
        match query {
            PageQuery::None => Self::None,
            PageQuery::And(queries) => Self::And(all(queries)),
            PageQuery::Or(queries) => Self::Or(all(queries)),
            PageQuery::Token(token) => Self::Word(Box::new(Word {
                like: Like::Text(CompiledText::text(token, false)),
                required: Required::of(std::slice::from_ref(token)),
                anywhere: false,
                in_slot: tokens(token.as_bytes()).any(|token| token.has_digit),
                in_time: is_of_time(token),
                whole: true,
            })),
            PageQuery::TokenPrefix(prefix) => Self::like(&[prefix.clone(), String::new()]),
            PageQuery::TokenWildcard(pieces) => Self::like(pieces),
            _ => Self::Any,
        }
    }

    fn like(pieces: &[String]) -> Self {
        Self::Word(Box::new(Word {
            like: Like::Text(CompiledText::wildcard(pieces)),
            required: Required::of(pieces),
            anywhere: matches!(pieces, [before, _, after] if before.is_empty() && after.is_empty()),
            in_slot: true,
            in_time: pieces.iter().all(|piece| is_within_time(piece)),
            whole: false,
        }))
    }

    /// Whether a line of a template can have it.
    pub(crate) fn possible(&self, pieces: &Pieces) -> bool {
        match self {
            Self::Any => true,
            Self::None => false,
            Self::And(all) => all.iter().all(|needs| needs.possible(pieces)),
            Self::Or(any) => any.iter().any(|needs| needs.possible(pieces)),
            Self::Word(word) => {
                let variables = pieces.slots() - usize::from(pieces.time_slot().is_some());
                pieces.has_leaves()
                    || (word.in_slot && variables > 0)
                    || (word.in_time && pieces.time_slot().is_some())
                    || pieces.fixed().any(|fixed| word.matches(fixed))
            }
        }
    }

    /// Takes out of `holds`, which has one entry per row of a page's template, the rows that cannot
    /// have it.
    pub(crate) fn narrow(&self, text: &PageText, which: usize, holds: &mut Vec<bool>) {
        match self {
            Self::Any => {}
            Self::None => holds.fill(false),
            Self::And(all) => {
                // What no slot can hold is told without a look at any row.
                if all
                    .iter()
                    .any(|needs| matches!(needs, Self::Word(word) if word.is_ruled_out(text, which)))
                {
                    return holds.fill(false);
                }
                // Whole tokens first, then what holds most digits: they leave the fewest rows to the others.
                let mut all: Vec<_> = all.iter().collect();
                all.sort_by_key(|needs| match needs {
                    Self::Word(word) => Reverse((word.whole, word.required.digits())),
                    _ => Reverse((false, 0)),
                });
                all.iter().for_each(|needs| needs.narrow(text, which, holds));
            }
            Self::Or(any) => {
                let mut sum = vec![false; holds.len()];
                for needs in any {
                    let mut of_one = holds.clone();
                    needs.narrow(text, which, &mut of_one);
                    sum.iter_mut().zip(of_one).for_each(|(sum, one)| *sum |= one);
                }
                *holds = sum;
            }
            Self::Word(word) => word.narrow(text, which, holds),
        }
    }
}

impl Word {
    fn fits(&self, value: &[u8]) -> bool {
        self.required.may_be(value) && self.matches(value)
    }

    /// Whether no line of a page's template can have it, by how its slots' values are kept.
    fn is_ruled_out(&self, text: &PageText, which: usize) -> bool {
        let in_slot = self.in_slot || text.has_leaves(which);
        let may_fill = |slot: usize| match text.slot(which, slot) {
            Some(SlotView::Time) => self.in_time,
            // Of a rare template any slot may be its time.
            None => in_slot || self.in_time,
            _ if !in_slot => false,
            Some(SlotView::Const(value)) => self.fits(value),
            Some(SlotView::Dictionary { entries, .. }) => entries.iter().any(|entry| self.fits(entry)),
            Some(SlotView::Integer {
                prefix,
                suffix,
                digits,
                numbers,
            }) => self.required.may_be_number(prefix, suffix, most(numbers), digits),
            Some(SlotView::Text(texts)) => {
                self.required.digits() == 0 || self.required.next_in(texts.bytes(), 0).is_some()
            }
            Some(SlotView::Made) => true,
        };
        !text.fixed(which).any(|fixed| self.matches(fixed)) && !(0..text.slots(which)).any(may_fill)
    }

    fn narrow(&self, text: &PageText, which: usize, holds: &mut [bool]) {
        if text.fixed(which).any(|fixed| self.matches(fixed)) || !holds.contains(&true) {
            return;
        }
        // A leaf may hold any text, but no part of a token that goes on outside.
        let in_slot = self.in_slot || text.has_leaves(which);
        let mut found = vec![false; holds.len()];
        let mut value = Vec::new();
        for slot in 0..text.slots(which) {
            match text.slot(which, slot) {
                Some(SlotView::Time) if self.in_time && self.fits_time(text, which, slot) => {
                    let mut time = Vec::with_capacity(40);
                    for (at, &row) in text.rows_of(which).iter().enumerate() {
                        if holds[at] && !found[at] {
                            time.clear();
                            text.value_into(row as usize, slot, &mut time);
                            found[at] = self.matches(&time);
                        }
                    }
                }
                Some(SlotView::Time) => {}
                None | Some(SlotView::Made) if in_slot || self.in_time => {
                    for (at, &row) in text.rows_of(which).iter().enumerate() {
                        if holds[at] && !found[at] {
                            value.clear();
                            text.value_into(row as usize, slot, &mut value);
                            found[at] = self.fits(&value);
                        }
                    }
                }
                Some(view) if in_slot => self.slot(&view, holds, &mut found),
                None | Some(_) => {}
            }
        }
        holds.iter_mut().zip(found).for_each(|(holds, found)| *holds &= found);
    }

    /// Whether the times of a template's lines have as many digits in one stretch as it requires, as far
    /// as the first of them tells: in a form of one width they stand alike in all.
    fn fits_time(&self, text: &PageText, which: usize, slot: usize) -> bool {
        let (Some(&row), true) = (text.rows_of(which).first(), text.is_time_even(which)) else {
            return true;
        };
        let mut time = Vec::with_capacity(40);
        text.value_into(row as usize, slot, &mut time);
        let stretches = time.split(|byte| !byte.is_ascii_digit());
        stretches.map(<[u8]>::len).max().unwrap_or(0) >= self.required.digits()
    }

    /// Marks the rows, of those that hold still, whose value has it.
    fn slot(&self, view: &SlotView<'_>, holds: &[bool], found: &mut [bool]) {
        match view {
            // Asked row by row.
            SlotView::Time | SlotView::Made => {}
            SlotView::Const(value) => {
                if self.matches(value) {
                    found.fill(true);
                }
            }
            SlotView::Dictionary { entries, codes } => {
                let matching: Vec<bool> = entries.iter().map(|entry| self.fits(entry)).collect();
                if matching.contains(&true) {
                    found
                        .iter_mut()
                        .zip(*codes)
                        .for_each(|(found, &code)| *found |= matching[code as usize]);
                }
            }
            SlotView::Integer {
                prefix,
                suffix,
                digits,
                numbers,
            } => {
                if !self.required.may_be_number(prefix, suffix, most(numbers), *digits) {
                    return;
                }
                if self.anywhere && (self.matches(prefix) || self.matches(suffix)) {
                    found.fill(true);
                    return;
                }
                let mut value = Vec::with_capacity(prefix.len() + suffix.len() + 20);
                value.extend_from_slice(prefix);
                for (at, &number) in numbers.iter().enumerate() {
                    if holds[at] && !found[at] {
                        value.truncate(prefix.len());
                        crate::split::put_decimal(number as u64, *digits, &mut value);
                        value.extend_from_slice(suffix);
                        found[at] = self.fits(&value);
                    }
                }
            }
            SlotView::Text(texts) if self.required.digits() > 0 => {
                let bytes = texts.bytes();
                let mut from = 0;
                while let Some(place) = self.required.next_in(bytes, from) {
                    let (at, end) = texts.at(place);
                    // Where they stand over the end of a value, no others stand within it further on.
                    found[at] |= holds[at] && self.matches(texts.get(at));
                    from = end;
                }
            }
            SlotView::Text(texts) => {
                for (at, value) in texts.iter().enumerate() {
                    if holds[at] && !found[at] {
                        found[at] = self.matches(value);
                    }
                }
            }
        }
    }
}
