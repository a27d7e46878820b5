//! The pipes: one file each, and one line each in [`PIPES`].

mod dedup;
mod extend;
mod fields;
mod functions;
mod head;
mod json;
mod lookup;
mod parse;
mod patterns;
mod rare;
mod rename;
mod sort;
mod stats;
mod tail;
mod timechart;
mod top;
mod variables;
mod r#where;

use super::ast::{Field, Pipe, PipeKind, Span, Zone};
use super::error::QueryError;
use super::lexer::PipeToken;
use super::parser::{Parser, Result, open_quote};
use super::suggest::nearest;

/// A pipe as the page offers it.
#[derive(Clone, Copy, Debug)]
pub struct PipeInfo {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// How it is written.
    pub syntax: &'static str,
    parse: fn(&mut Parser<'_>) -> Result<PipeKind>,
}

/// Every pipe, in the order in which a person would look for them.
pub static PIPES: &[PipeInfo] = &[
    r#where::INFO,
    stats::INFO,
    timechart::INFO,
    top::INFO,
    rare::INFO,
    sort::INFO,
    head::INFO,
    tail::INFO,
    dedup::INFO,
    fields::INFO,
    rename::INFO,
    extend::INFO,
    parse::INFO,
    json::INFO,
    patterns::INFO,
    variables::INFO,
    lookup::INFO,
];

/// What other query languages call them.
const ELSEWHERE: [(&str, &str); 28] = [
    ("filter", "where"),
    ("search", "where"),
    ("limit", "head"),
    ("take", "head"),
    ("first", "head"),
    ("last", "tail"),
    ("order", "sort"),
    ("table", "fields"),
    ("project", "fields"),
    ("select", "fields"),
    ("keep", "fields"),
    ("drop", "fields -"),
    ("delete", "fields -"),
    ("summarize", "stats"),
    ("count", "stats count()"),
    ("eval", "extend"),
    ("let", "extend"),
    ("rex", "parse"),
    ("regexp", "parse"),
    ("extract", "parse"),
    ("grok", "parse grok"),
    ("spath", "json"),
    ("unpack_json", "json"),
    ("uniq", "dedup"),
    ("distinct", "dedup"),
    ("cluster", "patterns"),
    ("collapse_nums", "patterns"),
    ("join", "lookup"),
];

pub(super) use functions::call_name;
pub use functions::{FUNCTIONS, FunctionInfo};
pub(super) use stats::bin_name;

/// The pipe by its name.
pub(super) fn find(name: &str) -> Option<&'static PipeInfo> {
    PIPES.iter().find(|pipe| pipe.name.eq_ignore_ascii_case(name))
}

/// One pipe, from after its `|`.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Pipe> {
    let (token, span) = parser.lexer.pipe();
    let PipeToken::Name(name) = token else {
        return Err(expected_name(&token, span));
    };
    let Some(info) = find(name) else {
        return Err(unknown(name, span));
    };
    let kind = (info.parse)(parser)?;
    let end = parser.lexer.at;
    match parser.peek_pipe() {
        (PipeToken::End | PipeToken::Pipe, _) => Ok(Pipe {
            kind,
            span: Span { start: span.start, end },
        }),
        (_, extra) => Err(parser.unexpected(extra, &format!("`{}` is written `{}`", info.name, info.syntax))),
    }
}

fn expected_name(token: &PipeToken<'_>, span: Span) -> QueryError {
    let names: Vec<_> = PIPES.iter().map(|pipe| pipe.name).collect();
    let message = format!("after `|` stands one of {}", names.join(", "));
    match token {
        PipeToken::End | PipeToken::Pipe => QueryError::new(
            Span {
                start: span.start,
                end: span.start,
            },
            message,
        ),
        _ => QueryError::new(span, message),
    }
}

fn unknown(name: &str, span: Span) -> QueryError {
    let error = QueryError::new(span, format!("there is no pipe `{name}`"));
    let elsewhere = ELSEWHERE.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    match elsewhere
        .map(|(_, ours)| *ours)
        .or_else(|| nearest(name, PIPES.iter().map(|pipe| pipe.name)))
    {
        Some(known) => {
            let message = format!("there is no pipe `{name}`; did you mean `{known}`?");
            QueryError::new(span, message).suggest(known)
        }
        None => error,
    }
}

/// What several pipes read.
impl<'a> Parser<'a> {
    pub(super) fn peek_pipe(&self) -> (PipeToken<'a>, Span) {
        self.lexer.clone().pipe()
    }

    /// Takes `token` if it comes next.
    pub(super) fn take(&mut self, token: &PipeToken<'_>) -> bool {
        let found = self.peek_pipe().0 == *token;
        if found {
            self.lexer.pipe();
        }
        found
    }

    /// Takes `word` if it comes next, in any letters.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        let found = matches!(self.peek_pipe().0, PipeToken::Name(name) if name.eq_ignore_ascii_case(word));
        if found {
            self.lexer.pipe();
        }
        found
    }

    pub(super) fn expect(&mut self, token: &PipeToken<'_>, written: &str) -> Result<()> {
        if self.take(token) {
            return Ok(());
        }
        let (_, span) = self.peek_pipe();
        let at = Span {
            start: span.start,
            end: span.start,
        };
        Err(QueryError::new(at, format!("`{written}` is missing here")).suggest(written))
    }

    /// A field's or column's name.
    fn column(&mut self, what: &str) -> Result<Field> {
        match self.lexer.pipe() {
            (PipeToken::Name(name), span) if !is_reserved(name) => Ok(Field {
                name: name.to_owned(),
                span,
            }),
            (PipeToken::Quoted { text, closed: true } | PipeToken::Ticked { text, closed: true }, span) => {
                Ok(Field { name: text, span })
            }
            (PipeToken::Quoted { closed: false, .. }, span) => Err(open_quote(span)),
            (_, span) => Err(self.unexpected(span, &format!("{what} is expected here"))),
        }
    }

    /// One or more of something with commas between.
    pub(super) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.take(&PipeToken::Comma) {
            all.push(one(self)?);
        }
        Ok(all)
    }

    /// Takes `word=` if it comes next.
    fn option(&mut self, word: &str) -> bool {
        let mut after = Parser::at(self.lexer.clone());
        let found = after.keyword(word) && after.take(&PipeToken::Equals);
        if found {
            self.lexer = after.lexer;
        }
        found
    }

    /// A zone's name, bare or in quotes: `Europe/Berlin`.
    fn zone(&mut self) -> Result<Zone> {
        self.lexer.skip_white_space();
        let start = self.lexer.at;
        let name = match self.lexer.peek_char() {
            Some('"' | '\'') => match self.lexer.quoted() {
                (text, true) => text,
                (_, false) => {
                    let end = self.lexer.at;
                    return Err(open_quote(Span { start, end }));
                }
            },
            _ => {
                let rest = self.lexer.rest();
                let length = rest.find(|c| !in_zone(c)).unwrap_or(rest.len());
                self.lexer.at += length;
                rest[..length].to_owned()
            }
        };
        let span = Span {
            start,
            end: self.lexer.at,
        };
        if name.is_empty() {
            let message = "a zone such as Europe/Berlin or UTC is expected here";
            return Err(QueryError::new(span, message).suggest("UTC"));
        }
        Ok(Zone { name, span })
    }

    /// A whole number of 1 to [`COUNT_MAX`], if a number comes next; else `default` if nothing does.
    fn count(&mut self, pipe: &str, default: u64) -> Result<u64> {
        let (token, span) = self.peek_pipe();
        let wrong = || {
            let message = format!("`{pipe}` takes a whole number of at least 1");
            Err(QueryError::new(span, message).suggest(default.to_string()))
        };
        match token {
            PipeToken::Number(digits) => {
                self.lexer.pipe();
                let is_whole = digits.bytes().all(|digit| digit.is_ascii_digit());
                match digits.parse().ok().filter(|n| *n > 0) {
                    Some(count) if count <= COUNT_MAX => Ok(count),
                    None if !is_whole || digits.bytes().all(|digit| digit == b'0') => wrong(),
                    _ => {
                        let message = format!("`{pipe}` takes at most {COUNT_MAX}");
                        Err(QueryError::new(span, message).suggest(COUNT_MAX.to_string()))
                    }
                }
            }
            PipeToken::Minus | PipeToken::Plus => wrong(),
            _ => Ok(default),
        }
    }

    pub(super) fn unexpected(&self, span: Span, hint: &str) -> QueryError {
        match &self.lexer.text[span.start..span.end] {
            "" | "|" => QueryError::new(
                Span {
                    start: span.start,
                    end: span.start,
                },
                hint,
            ),
            found => QueryError::new(span, format!("`{found}` cannot stand here; {hint}")),
        }
    }
}

/// `head`, `top` and the like take at most so many rows.
pub(crate) const COUNT_MAX: u64 = 1_000_000_000;

/// Whether a zone's name may hold it without quotes.
pub(super) fn in_zone(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '+' | '-' | ':')
}

/// `as name`, if it comes next.
fn alias(parser: &mut Parser<'_>) -> Result<Option<String>> {
    if !parser.keyword("as") {
        return Ok(None);
    }
    parser.column("a column's name").map(|field| Some(field.name))
}

/// Words that end a list of columns; a column of that name stands in quotes.
pub(super) fn is_reserved(name: &str) -> bool {
    ["by", "as"].iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// `Err` if two of `names` are the same.
fn distinct<'n>(names: impl IntoIterator<Item = (&'n str, Span)>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    for (name, span) in names {
        if !seen.insert(name) {
            let message = format!("two columns would be called `{name}`; name one of them with `as`");
            return Err(QueryError::new(span, message));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use crate::query::ast::{PipeKind, Query};
    use crate::query::parse;

    /// The only pipe of `* | text`.
    #[track_caller]
    pub(in crate::query) fn pipe(text: &str) -> PipeKind {
        let Query::Search(mut search) = parse(&format!("* | {text}")).expect(text) else {
            panic!("{text} is SQL")
        };
        assert_eq!(search.pipes.len(), 1);
        search.pipes.remove(0).kind
    }

    /// `text` as it is written back.
    #[track_caller]
    pub(in crate::query) fn canonical(text: &str, expected: &str) {
        let whole = parse(&format!("* | {text}")).expect(text).to_string();
        assert_eq!(whole, format!("* | {expected}"));
    }

    /// The bytes at fault within `text`, and the suggestion.
    #[track_caller]
    pub(in crate::query) fn fails(text: &str, at: &str, suggestion: Option<&str>) {
        let whole = format!("* | {text}");
        let error = parse(&whole).expect_err(text);
        assert_eq!(&whole[error.span.start..error.span.end], at, "{error}");
        assert_eq!(error.suggestion.as_deref(), suggestion, "{error}");
    }

    #[test]
    fn an_unknown_pipe_names_the_nearest() {
        fails("stat count()", "stat", Some("stats"));
        fails("limit 5", "limit", Some("head"));
        fails("zebra", "zebra", None);
        fails("", "", None);
        fails("head 5 | | head", "", None);
        fails("head 5 || head", "||", Some("|"));
        fails("5", "5", None);
    }

    #[test]
    fn what_follows_a_pipe_is_not_swallowed() {
        fails("head 5 6", "6", None);
        fails("top host host", "host", None);
    }
}
