//! `variables TEMPLATE, … [N]`: which values stand in the slots of a template, and how often; of several
//! templates that are one pattern also where these differ.

use super::PipeInfo;
use crate::query::ast::{Literal, PipeKind};
use crate::query::error::QueryError;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "variables",
    summary: "the values in each slot of a pattern, with counts and ranges",
    syntax: "variables 0123456789abcdef 10",
    parse,
};

const VALUES_DEFAULT: u64 = 10;
/// Hexadecimal digits of a template's id.
const DIGITS: usize = 16;

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let templates = parser.list(template)?;
    let limit = parser.count("variables", VALUES_DEFAULT)?;
    Ok(PipeKind::Variables { templates, limit })
}

fn template(parser: &mut Parser<'_>) -> Result<Literal> {
    let (token, span) = parser.lexer.pipe();
    let text = match &token {
        PipeToken::Name(text) | PipeToken::Number(text) => text,
        PipeToken::Quoted { text, closed: true } => text.as_str(),
        _ => "",
    };
    let is_id = text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_id {
        let message =
            format!("a template's id of {DIGITS} hexadecimal digits is expected here, as `patterns` shows it");
        return Err(QueryError::new(span, message));
    }
    Ok(Literal {
        text: text.to_ascii_lowercase(),
        span,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn variables_takes_a_templates_id() {
        canonical("variables 0123456789ABCDEF", "variables 0123456789abcdef 10");
        canonical("variables abcdef0123456789 3", "variables abcdef0123456789 3");
        canonical(
            "variables abcdef0123456789,ABCDEF0123456788 3",
            "variables abcdef0123456789, abcdef0123456788 3",
        );
        fails("variables abcdef0123456789,", "", None);
        fails("variables", "", None);
        fails("variables 123", "123", None);
        fails("variables abcdef0123456789 0", "0", Some("10"));
    }
}
