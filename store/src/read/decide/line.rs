//! A test of lines, asked of a template: fixed texts with slots between them.
//!
//! What fills a slot is one token with a digit, or the text of a time. A fixed text ends where a
//! token ends. So what matches within a fixed text matches in every line of the template, and a text
//! whose tokens have no digit matches nowhere else, but for the words of a time.

use timberline_proto::query::ast::Test;
use timberline_proto::query::matcher::{CompiledText, RegexMatch};
use timberline_proto::token::{lower_into, tokens};

use super::needs::{Needs, is_of_time};
use super::verdict::Verdict;
use crate::read::ReadError;
use crate::read::prune;
use crate::read::test::regex;
use crate::split::Pieces;

/// Stands for any token with a digit. A letter, so that it is a token like these.
const ANY_NUMBER: &str = "ꙮ";

/// A test of a line's text.
#[derive(Debug)]
pub(crate) struct LineTest {
    kind: Kind,
    /// What a line must hold, token by token.
    pub(crate) needs: Needs,
}

#[derive(Debug)]
enum Kind {
    /// The line is empty.
    Empty,
    /// Words without digits. `in_time`: one can be a time's.
    Plain {
        text: CompiledText,
        in_time: bool,
    },
    /// Words of which some have digits; `marked` has [`ANY_NUMBER`] for each of these.
    Numbered {
        text: CompiledText,
        marked: CompiledText,
        in_time: bool,
    },
    Wildcard(CompiledText),
    /// `within`: what matches in a piece of a line matches in the line.
    Regex {
        regex: Box<dyn RegexMatch>,
        within: bool,
    },
}

impl LineTest {
    /// `None` for a test that is not of text.
    pub(crate) fn new(test: &Test) -> Result<Option<Self>, ReadError> {
        let kind = match test {
            Test::Text { text, quoted } => of_text(text, *quoted),
            Test::Wildcard(pieces) => Kind::Wildcard(CompiledText::wildcard(pieces)),
            Test::Regex(pattern) => Kind::Regex {
                regex: regex(pattern).map_err(ReadError::BadRequest)?,
                within: regex_syntax::Parser::new()
                    .parse(pattern)
                    .is_ok_and(|hir| hir.properties().look_set().is_empty()),
            },
            Test::Exists | Test::Compare(..) | Test::Range { .. } => return Ok(None),
        };
        Ok(Some(Self {
            kind,
            needs: Needs::of(&prune::test_query(test)),
        }))
    }

    /// Whether a value as a whole passes.
    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        match &self.kind {
            Kind::Empty => value.is_empty(),
            Kind::Plain { text, .. } | Kind::Numbered { text, .. } | Kind::Wildcard(text) => text.matches(value),
            Kind::Regex { regex, .. } => regex.is_match(value),
        }
    }

    /// Whether the lines of a template pass.
    pub(crate) fn of_template(&self, pieces: &Pieces) -> Verdict {
        if pieces.slots() == 0 {
            return Verdict::of(pieces.fixed().all(|fixed| self.matches(fixed)));
        }
        let stands = |text: &CompiledText| pieces.fixed().any(|fixed| text.matches(fixed));
        let has_time = pieces.time_slot().is_some();
        match &self.kind {
            // A slot is never empty.
            Kind::Empty => Verdict::No,
            Kind::Plain { text, .. } if stands(text) => Verdict::Yes,
            Kind::Plain { in_time, .. } => maybe(*in_time && has_time),
            Kind::Numbered { marked, in_time, .. } => {
                maybe((*in_time && has_time) || stretches(pieces).iter().any(|stretch| marked.matches(stretch)))
            }
            Kind::Wildcard(text) if stands(text) => Verdict::Yes,
            Kind::Regex { regex, within: true } if pieces.fixed().any(|fixed| regex.is_match(fixed)) => Verdict::Yes,
            Kind::Wildcard(_) | Kind::Regex { .. } => maybe(self.needs.possible(pieces)),
        }
    }
}

fn maybe(possible: bool) -> Verdict {
    if possible { Verdict::Maybe } else { Verdict::No }
}

fn of_text(text: &str, quoted: bool) -> Kind {
    if text.is_empty() {
        return Kind::Empty;
    }
    let mut marked = String::with_capacity(text.len());
    let (mut end, mut has_tokens, mut has_numbers, mut in_time) = (0, false, false, false);
    for token in tokens(text.as_bytes()) {
        let word = &text[token.start..token.end];
        let mut lower = Vec::with_capacity(word.len());
        lower_into(word.as_bytes(), &mut lower);
        in_time |= std::str::from_utf8(&lower).is_ok_and(is_of_time);
        marked.push_str(&text[end..token.start]);
        marked.push_str(if token.has_digit { ANY_NUMBER } else { word });
        end = token.end;
        has_tokens = true;
        has_numbers |= token.has_digit;
    }
    marked.push_str(&text[end..]);
    let text = CompiledText::text(text, quoted);
    match has_numbers {
        true => Kind::Numbered {
            text,
            marked: CompiledText::text(&marked, quoted),
            in_time,
        },
        // Characters between words stand in times too.
        false => Kind::Plain {
            text,
            in_time: in_time || !has_tokens,
        },
    }
}

/// The template's text with [`ANY_NUMBER`] in its slots, cut where its time stands.
fn stretches(pieces: &Pieces) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for (at, fixed) in pieces.fixed().enumerate() {
        match at.checked_sub(1) {
            None => {}
            before if before == pieces.time_slot() => all.push(Vec::new()),
            Some(_) => all.iter_mut().last().into_iter().for_each(|stretch| {
                stretch.extend_from_slice(ANY_NUMBER.as_bytes());
            }),
        }
        all.iter_mut().last().into_iter().for_each(|stretch| {
            stretch.extend_from_slice(fixed);
        });
    }
    all
}
