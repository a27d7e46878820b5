//! Literals, ranges, wildcards.

use super::{Parser, Result};
use crate::query::ast::{Bound, Literal, Span, Test};
use crate::query::error::QueryError;
use crate::query::lexer::ends_word;

impl Parser<'_> {
    /// What follows a comparison's sign.
    pub(super) fn literal(&mut self, sign: Span) -> Result<Literal> {
        let rest = self.lexer.rest();
        if ends_word(rest) && !rest.starts_with('"') {
            let after = rest.trim_start();
            let written = &self.lexer.text[sign.start..sign.end];
            if after.len() < rest.len() && !after.is_empty() && !after.starts_with(['|', ')']) {
                let end = self.lexer.text.len() - after.len();
                let span = Span { start: sign.start, end };
                let message = format!("a value must follow `{written}` without a space");
                return Err(QueryError::new(span, message).suggest(written));
            }
            return Err(QueryError::new(sign, format!("a value is missing after `{written}`")));
        }
        self.literal_until(|_| false)
    }

    pub(super) fn literal_until(&mut self, ends: impl Fn(char) -> bool) -> Result<Literal> {
        let start = self.lexer.at;
        let text = if self.lexer.peek_char() == Some('"') {
            let (text, closed) = self.lexer.quoted();
            if !closed {
                return Err(open_quote(Span {
                    start,
                    end: self.lexer.at,
                }));
            }
            text
        } else {
            self.lexer.word(ends).join("*")
        };
        let span = Span {
            start,
            end: self.lexer.at,
        };
        Ok(Literal { text, span })
    }

    /// `a TO b]` after the opening bracket at `open`.
    pub(super) fn range(&mut self, included: bool, open: Span) -> Result<Test> {
        let low = self.bound(open)?;
        self.keyword_to(open)?;
        let high = self.bound(open)?;
        self.lexer.skip_white_space();
        let at = self.lexer.at;
        let high_included = match self.lexer.peek_char() {
            Some(']') => true,
            Some('}') => false,
            _ => {
                let span = Span { start: at, end: at };
                let message = format!("`]` or `}}` is missing for the range at byte {}", open.start);
                return Err(QueryError::new(span, message).suggest("]"));
            }
        };
        self.lexer.at += 1;
        Ok(Test::Range {
            low: close(low, included),
            high: close(high, high_included),
        })
    }

    /// An end of a range; `None` is `*`.
    fn bound(&mut self, open: Span) -> Result<Option<Literal>> {
        self.lexer.skip_white_space();
        let rest = self.lexer.rest();
        if let Some(after) = rest.strip_prefix('*')
            && (ends_word(after) || after.starts_with([']', '}']))
        {
            self.lexer.at += 1;
            return Ok(None);
        }
        let at = self.lexer.at;
        let nothing = ends_word(rest) && !rest.starts_with('"');
        if nothing || rest.starts_with([']', '}']) {
            return Err(range_shape(Span { start: at, end: at }, open));
        }
        self.literal_until(|c| matches!(c, ']' | '}')).map(Some)
    }

    fn keyword_to(&mut self, open: Span) -> Result<()> {
        self.lexer.skip_white_space();
        let start = self.lexer.at;
        let rest = self.lexer.rest();
        let end = rest
            .char_indices()
            .find(|(at, c)| ends_word(&rest[*at..]) || matches!(c, ']' | '}'))
            .map_or(rest.len(), |(at, _)| at);
        let word = &rest[..end];
        let span = Span {
            start,
            end: start + end,
        };
        match word {
            "TO" => {
                self.lexer.at += end;
                Ok(())
            }
            _ if word.eq_ignore_ascii_case("to") => {
                Err(QueryError::new(span, "between the ends of a range stands `TO` in capitals").suggest("TO"))
            }
            _ => Err(range_shape(Span { start, end: start }, open)),
        }
    }
}

fn close(bound: Option<Literal>, included: bool) -> Bound {
    match bound {
        None => Bound::Open,
        Some(literal) if included => Bound::Included(literal),
        Some(literal) => Bound::Excluded(literal),
    }
}

fn range_shape(span: Span, open: Span) -> QueryError {
    let message = format!(
        "the range at byte {} is written `[low TO high]`, or `{{low TO high}}` without its ends, `*` for an open end; \
         to search for the bracket, put it in quotes",
        open.start
    );
    QueryError::new(span, message)
}

/// The error for a quote without its end; `quote` is from the opening quote to the text's end.
pub(in crate::query) fn open_quote(quote: Span) -> QueryError {
    let span = Span {
        start: quote.end,
        end: quote.end,
    };
    let message = format!("the closing `\"` is missing for the quote at byte {}", quote.start);
    QueryError::new(span, message).suggest("\"")
}

/// A word's pieces without empty ones between two stars.
pub(super) fn normal_pieces(pieces: Vec<String>) -> Vec<String> {
    let last = pieces.len() - 1;
    pieces
        .into_iter()
        .enumerate()
        .filter(|(at, piece)| *at == 0 || *at == last || !piece.is_empty())
        .map(|(_, piece)| piece)
        .collect()
}
