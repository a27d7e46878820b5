//! `patterns [N] [merge=off] [points=40] [compare=-1d]`: the kinds of lines: how often, since when, with
//! an example. Templates that differ in names alone are one kind unless `merge=off` says otherwise;
//! `points` counts also in so many parts of the range, `compare` in the same range so much earlier.

use super::PipeInfo;
use crate::query::ast::{Patterns, PipeKind};
use crate::query::duration::{UNIT_NAMES, parse_duration};
use crate::query::error::QueryError;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "patterns",
    summary: "the kinds of lines: their text with <*> for variables, count, first and last seen",
    syntax: "patterns 20 merge=off compare=-1d",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let limit = match parser.peek_pipe().0 {
        PipeToken::Number(_) => Some(parser.count("patterns", 20)?),
        _ => None,
    };
    let mut patterns = Patterns {
        limit,
        ..Patterns::default()
    };
    loop {
        if parser.option("merge") {
            patterns.by_template = !switch(parser)?;
        } else if parser.option("points") {
            patterns.points = Some(points(parser)?);
        } else if parser.option("compare") {
            patterns.compare_nanos = Some(earlier(parser)?);
        } else {
            return Ok(PipeKind::Patterns(patterns));
        }
    }
}

fn switch(parser: &mut Parser<'_>) -> Result<bool> {
    match parser.lexer.pipe() {
        (PipeToken::Name(word), _) if word.eq_ignore_ascii_case("on") => Ok(true),
        (PipeToken::Name(word), _) if word.eq_ignore_ascii_case("off") => Ok(false),
        (_, span) => Err(QueryError::new(span, "`merge` is `on` or `off`").suggest("off")),
    }
}

fn points(parser: &mut Parser<'_>) -> Result<u64> {
    let (token, span) = parser.lexer.pipe();
    let points = match token {
        PipeToken::Number(text) => text.parse().ok().filter(|points| (1..=POINTS_MAX).contains(points)),
        _ => None,
    };
    points.ok_or_else(|| {
        let message = format!("`points` takes a whole number of 1 to {POINTS_MAX}");
        QueryError::new(span, message).suggest("40")
    })
}

/// Parts of a range at most: each kind of line holds as many counts.
const POINTS_MAX: u64 = 500;

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
    fn patterns_takes_a_number_and_options() {
        canonical("patterns 5 merge=off", "patterns 5 merge=off");
        canonical(
            "patterns compare=1d points=40 merge=ON",
            "patterns points=40 compare=-1d",
        );
        fails("patterns merge=maybe", "maybe", Some("off"));
        fails("patterns points=0", "0", Some("40"));
        fails("patterns points=501", "501", Some("40"));
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
