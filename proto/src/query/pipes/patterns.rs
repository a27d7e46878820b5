//! `patterns [N] [compare=-1d]`: the templates of the lines: how often, since when, with an example;
//! with `compare` also how often in the same range so much earlier.

use super::PipeInfo;
use crate::query::ast::PipeKind;
use crate::query::duration::{UNIT_NAMES, parse_duration};
use crate::query::error::QueryError;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "patterns",
    summary: "the kinds of lines: their text with <*> for variables, count, first and last seen",
    syntax: "patterns 20 compare=-1d",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let limit = match parser.peek_pipe().0 {
        PipeToken::Number(_) => Some(parser.count("patterns", 20)?),
        _ => None,
    };
    let compare_nanos = match parser.option("compare") {
        true => Some(earlier(parser)?),
        false => None,
    };
    Ok(PipeKind::Patterns { limit, compare_nanos })
}

/// `-1d`; the sign may be left out, since only what was before can be compared with.
fn earlier(parser: &mut Parser<'_>) -> Result<i64> {
    parser.take(&PipeToken::Minus);
    let (token, span) = parser.lexer.pipe();
    let nanos = match token {
        PipeToken::Number(text) => parse_duration(text).filter(|nanos| *nanos > 0),
        _ => None,
    };
    nanos.ok_or_else(|| {
        let message = format!("`compare` takes how much earlier, with a unit: {UNIT_NAMES}");
        QueryError::new(span, message).suggest("1d")
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn patterns_takes_a_number_and_a_time_before() {
        canonical("patterns", "patterns");
        canonical("patterns 5", "patterns 5");
        canonical("patterns compare=-24h", "patterns compare=-1d");
        canonical("patterns 5 compare=1h30m", "patterns 5 compare=-1h30m");
        fails("patterns 0", "0", Some("20"));
        fails("patterns compare=-5", "5", Some("1d"));
        fails("patterns compare=x", "x", Some("1d"));
        fails("patterns host", "host", None);
    }
}
