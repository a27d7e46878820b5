//! Words, phrases and wildcards.

use super::literal::{Bounds, Literal};
use crate::query::ast::Test;
use crate::token::{char_at, char_before};

/// A word, phrase or wildcard, made ready to be sought in many values.
#[derive(Clone, Debug)]
pub struct CompiledText(Shape);

#[derive(Clone, Debug)]
enum Shape {
    /// Matches an empty value.
    Empty,
    /// Matches any value.
    Any,
    /// A run of white space.
    Space,
    Phrase(Phrase),
    Wildcard(Wildcard),
}

/// Pieces with runs of white space between them; a word is one piece.
#[derive(Clone, Debug)]
struct Phrase {
    pieces: Box<[Literal]>,
    space_before: bool,
    space_after: bool,
}

/// Pieces with runs without white space between them.
#[derive(Clone, Debug)]
struct Wildcard {
    pieces: Box<[Literal]>,
    star_before: bool,
    star_after: bool,
}

/// Whether `test` holds for `value`.
pub fn matches_text(test: &CompiledText, value: &[u8]) -> bool {
    test.matches(value)
}

impl CompiledText {
    /// A [`Test::Text`] or [`Test::Wildcard`]; `None` for another test.
    pub fn new(test: &Test) -> Option<Self> {
        match test {
            Test::Text { text, quoted } => Some(Self::text(text, *quoted)),
            Test::Wildcard(pieces) => Some(Self::wildcard(pieces)),
            _ => None,
        }
    }

    /// A word, or a phrase if `quoted`.
    pub fn text(text: &str, quoted: bool) -> Self {
        if text.is_empty() {
            return CompiledText(Shape::Empty);
        }
        let phrase = if quoted {
            Phrase {
                pieces: text.split_whitespace().filter_map(Literal::new).collect(),
                space_before: text.starts_with(char::is_whitespace),
                space_after: text.ends_with(char::is_whitespace),
            }
        } else {
            Phrase {
                pieces: Literal::new(text).into_iter().collect(),
                space_before: false,
                space_after: false,
            }
        };
        CompiledText(if phrase.pieces.is_empty() {
            Shape::Space
        } else {
            Shape::Phrase(phrase)
        })
    }

    /// A word with stars between `pieces`.
    pub fn wildcard(pieces: &[String]) -> Self {
        let literals: Box<[Literal]> = pieces.iter().filter_map(|piece| Literal::new(piece)).collect();
        if literals.is_empty() {
            return CompiledText(Shape::Any);
        }
        CompiledText(Shape::Wildcard(Wildcard {
            pieces: literals,
            star_before: pieces.first().is_some_and(String::is_empty),
            star_after: pieces.last().is_some_and(String::is_empty),
        }))
    }

    /// Whether it holds for `value`.
    pub fn matches(&self, value: &[u8]) -> bool {
        match &self.0 {
            Shape::Empty => value.is_empty(),
            Shape::Any => true,
            _ => self.find(value, 0).is_some(),
        }
    }

    /// The places in `value` that make it match, left to right, each `start..end` in bytes. Stars
    /// at the ends add nothing to a place.
    pub fn find_spans(&self, value: &[u8]) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        let mut from = 0;
        while let Some((start, end)) = self.find(value, from) {
            spans.push((start, end));
            from = end;
        }
        spans
    }

    fn find(&self, value: &[u8], from: usize) -> Option<(usize, usize)> {
        match &self.0 {
            Shape::Empty | Shape::Any => None,
            Shape::Space => {
                let start = next_space(value, from);
                (start < value.len()).then(|| (start, skip_space(value, start)))
            }
            Shape::Phrase(phrase) => phrase.find(value, from),
            Shape::Wildcard(wildcard) => wildcard.find(value, from),
        }
    }
}

impl Phrase {
    fn find(&self, value: &[u8], from: usize) -> Option<(usize, usize)> {
        let is_one = self.pieces.len() == 1;
        let mut bounds = Bounds {
            from,
            start_max: usize::MAX,
            edge_before: true,
            edge_after: is_one,
        };
        loop {
            let (start, end) = self.pieces[0].find(value, bounds)?;
            if let Some(place) = self.complete(value, from, start, end) {
                return Some(place);
            }
            bounds.from = start + 1;
        }
    }

    /// The whole place, if the first piece stands at `start..end` and the rest follows.
    fn complete(&self, value: &[u8], from: usize, mut start: usize, mut end: usize) -> Option<(usize, usize)> {
        if self.space_before {
            let space = char_before(value, start).filter(|c| c.is_whitespace())?;
            start -= space.len_utf8();
            if start < from {
                return None;
            }
        }
        for piece in &self.pieces[1..] {
            let next = skip_space(value, end);
            if next == end {
                return None;
            }
            end = piece.match_at(value, next)?;
        }
        let last = self.pieces.last()?;
        if !last.ends_at_edge(value, end) {
            return None;
        }
        if self.space_after {
            let next = skip_space(value, end);
            if next == end {
                return None;
            }
            end = next;
        }
        Some((start, end))
    }
}

impl Wildcard {
    fn find(&self, value: &[u8], from: usize) -> Option<(usize, usize)> {
        let is_one = self.pieces.len() == 1;
        let mut bounds = Bounds {
            from,
            start_max: usize::MAX,
            edge_before: !self.star_before,
            edge_after: is_one && !self.star_after,
        };
        // What the rest was not found in: a first piece that ends up to there cannot find it
        // either, because its star reaches no farther.
        let mut failed_to: Option<usize> = None;
        loop {
            let (start, end) = self.pieces[0].find(value, bounds)?;
            if failed_to.is_none_or(|failed_to| end > failed_to) {
                if let Some(end) = self.rest(value, end) {
                    return Some((start, end));
                }
                failed_to = Some(next_space(value, end));
            }
            bounds.from = start + 1;
        }
    }

    /// Where the last piece ends if the pieces after the first follow from `at` on. The earliest
    /// place of each is the best one: its star reaches as far as any later place's.
    fn rest(&self, value: &[u8], mut at: usize) -> Option<usize> {
        let pieces = &self.pieces[1..];
        for (index, piece) in pieces.iter().enumerate() {
            let bounds = Bounds {
                from: at,
                start_max: next_space(value, at),
                edge_before: false,
                edge_after: index + 1 == pieces.len() && !self.star_after,
            };
            at = piece.find(value, bounds)?.1;
        }
        Some(at)
    }
}

fn space_at(value: &[u8], at: usize) -> Option<usize> {
    char_at(value, at).filter(|c| c.is_whitespace()).map(char::len_utf8)
}

/// The first place from `at` on without white space.
fn skip_space(value: &[u8], mut at: usize) -> usize {
    while let Some(length) = space_at(value, at) {
        at += length;
    }
    at
}

/// The first white space from `at` on, or the end.
fn next_space(value: &[u8], at: usize) -> usize {
    (at..value.len())
        .find(|at| space_at(value, *at).is_some())
        .unwrap_or(value.len())
}
