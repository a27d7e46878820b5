//! `parse [field] /regex/`, `parse [field] grok "pattern"`: the named groups of a pattern as
//! columns, out of the line unless a field is named.
//!
//! The store compiles the pattern, with limits on its size and its groups; its regular expressions
//! take time in proportion to the text.

use super::PipeInfo;
use crate::query::ast::{Parse, PipeKind, Span};
use crate::query::error::QueryError;
use crate::query::lexer::{PipeToken, regex_at};
use crate::query::parser::{Parser, Result, open_quote};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "parse",
    summary: "takes columns out of a text by a regex's named groups, or by grok",
    syntax: "parse /took (?<ms>\\d+) ms/",
    parse,
};

/// Bytes of a pattern at most.
pub(super) const PATTERN_BYTES_MAX: usize = 4096;

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let from = if pattern_follows(parser) {
        None
    } else {
        Some(parser.column("a regex between slashes, `grok`, or a field")?)
    };
    let grok = parser.keyword("grok");
    let (pattern, span) = pattern(parser, grok)?;
    if pattern.len() > PATTERN_BYTES_MAX {
        let message = format!(
            "the pattern has {} bytes; at most {PATTERN_BYTES_MAX} are read",
            pattern.len()
        );
        return Err(QueryError::new(span, message));
    }
    Ok(PipeKind::Parse(Parse {
        from,
        pattern,
        grok,
        span,
    }))
}

/// Whether a pattern comes next and no field: a quoted text is a field if another follows it.
fn pattern_follows(parser: &Parser<'_>) -> bool {
    let mut after = parser.lexer.clone();
    after.skip_white_space();
    if regex_at(after.rest()).is_some() {
        return true;
    }
    let token = after.pipe().0;
    after.skip_white_space();
    let regex_next = regex_at(after.rest()).is_some();
    let next = after.pipe().0;
    match token {
        PipeToken::Name(word) => {
            // `parse grok "…"`, unless `grok` is a field: `parse grok grok "…"`, `parse grok /…/`.
            word.eq_ignore_ascii_case("grok") && matches!(next, PipeToken::Quoted { .. } | PipeToken::Text { .. })
        }
        PipeToken::Quoted { .. } | PipeToken::Text { .. } => {
            let grok_next = matches!(next, PipeToken::Name(word) if word.eq_ignore_ascii_case("grok"));
            let text_next = matches!(next, PipeToken::Quoted { .. } | PipeToken::Text { .. });
            !regex_next && !grok_next && !text_next
        }
        _ => false,
    }
}

fn pattern(parser: &mut Parser<'_>, grok: bool) -> Result<(String, Span)> {
    parser.lexer.skip_white_space();
    let start = parser.lexer.at;
    if !grok && let Some((pattern, length)) = regex_at(parser.lexer.rest()) {
        parser.lexer.at += length;
        let end = parser.lexer.at;
        return Ok((pattern, Span { start, end }));
    }
    match parser.lexer.pipe() {
        (PipeToken::Quoted { text, closed: true } | PipeToken::Text { text, closed: true }, span) => Ok((text, span)),
        (PipeToken::Quoted { .. } | PipeToken::Text { .. }, span) => Err(open_quote(span)),
        (_, span) if grok => {
            Err(parser.unexpected(span, "a pattern in quotes such as \"%{IP:client}\" is expected here"))
        }
        (_, span) => Err(parser.unexpected(span, "a regex such as /took (?<ms>\\d+)/ is expected here")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn parse_takes_a_pattern_and_a_field() {
        canonical("parse /a (?<b>\\d+) \\/c/", "parse \"a (?<b>\\\\d+) /c\"");
        canonical("parse '(?<b>.)'", "parse \"(?<b>.)\"");
        canonical("parse msg /(?<b>.)/", "parse msg \"(?<b>.)\"");
        canonical("parse \"odd name\" \"(?<b>.)\"", "parse \"odd name\" \"(?<b>.)\"");
        canonical("parse grok \"%{IP:client}\"", "parse grok \"%{IP:client}\"");
        canonical("parse msg grok '%{IP:client}'", "parse msg grok \"%{IP:client}\"");
        canonical("parse grok grok \"%{IP:a}\"", "parse \"grok\" grok \"%{IP:a}\"");
        canonical("parse /a|b/ | head 3", "parse \"a|b\" | head 3");
    }

    #[test]
    fn what_is_wrong_in_parse_is_pointed_at() {
        fails("parse", "", None);
        fails("parse msg", "", None);
        fails("parse grok", "", None);
        fails("parse msg grok x", "x", None);
        fails("parse \"a", "", Some("\""));
        let long = format!("* | parse \"{}\"", "a".repeat(5000));
        assert!(crate::query::parse(&long).is_err());
    }
}
