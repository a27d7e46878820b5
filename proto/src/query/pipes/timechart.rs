//! `timechart [span=1d] [tz=Europe/Berlin] [limit=5] count() [by level]`: stats by time, with gaps
//! filled; series beyond the limit are one called `other`.

use super::{PipeInfo, functions};
use crate::query::ast::{Aggregate, AggregateFunction, BinWidth, Field, PipeKind, Timechart, Zone};
use crate::query::duration::{UNIT_NAMES, parse_width};
use crate::query::error::QueryError;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "timechart",
    summary: "computes over bins of time, empty ones included",
    syntax: "timechart span=1d tz=Europe/Berlin limit=5 count() by level",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let mut options = Options::default();
    while options.next(parser)? {}
    let (next, next_span) = parser.peek_pipe();
    let no_aggregate = match next {
        PipeToken::End | PipeToken::Pipe => true,
        PipeToken::Name(name) => name.eq_ignore_ascii_case("by"),
        _ => false,
    };
    let aggregates = if no_aggregate {
        vec![Aggregate {
            function: AggregateFunction::Count,
            field: None,
            condition: None,
            name: "count()".to_owned(),
            span: next_span,
        }]
    } else {
        parser.list(functions::aggregate)?
    };
    let by: Vec<Field> = if parser.keyword("by") {
        parser.list(|parser| parser.column("a field"))?
    } else {
        Vec::new()
    };
    let aggregate_names = aggregates.iter().map(|a| (a.name.as_str(), a.span));
    super::distinct(aggregate_names.chain(by.iter().map(|field| (field.name.as_str(), field.span))))?;
    Ok(PipeKind::Timechart(Timechart {
        width: options.width,
        zone: options.zone,
        limit: options.limit,
        aggregates,
        by,
    }))
}

/// What stands before the functions, in any order.
#[derive(Default)]
struct Options {
    width: Option<BinWidth>,
    zone: Option<Zone>,
    limit: Option<u64>,
}

impl Options {
    /// Takes one; whether there was one.
    fn next(&mut self, parser: &mut Parser<'_>) -> Result<bool> {
        if parser.keyword("span") {
            parser.expect(&PipeToken::Equals, "=")?;
            self.width = width(parser)?;
        } else if parser.option("tz") {
            self.zone = Some(parser.zone()?);
        } else if parser.option("limit") {
            self.limit = Some(series(parser)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

fn series(parser: &mut Parser<'_>) -> Result<u64> {
    let (token, span) = parser.lexer.pipe();
    let number = match token {
        PipeToken::Number(text) => text.parse().ok().filter(|n| *n > 0),
        _ => None,
    };
    number.ok_or_else(|| QueryError::new(span, "`limit` takes a whole number of series, at least 1").suggest("10"))
}

fn width(parser: &mut Parser<'_>) -> Result<Option<BinWidth>> {
    match parser.lexer.pipe() {
        (PipeToken::Name("auto"), _) => Ok(None),
        (PipeToken::Number(text), at) => match parse_width(text) {
            Some(width) => Ok(Some(width)),
            None => {
                let message = format!("`span` takes a duration above 0 with a unit: {UNIT_NAMES}, mon, q or y");
                Err(QueryError::new(at, message).suggest("5m"))
            }
        },
        (_, at) => Err(parser.unexpected(at, "`span` takes a duration such as 5m")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails, pipe};
    use super::*;

    #[test]
    fn timechart_has_defaults() {
        canonical("timechart", "timechart count()");
        canonical("timechart by level", "timechart count() by level");
        canonical("timechart span=auto count()", "timechart count()");
        canonical(
            "timechart span=90m p99(ms), count() as n by host, level",
            "timechart span=1h30m p99(ms), count() as n by host, level",
        );
    }

    #[test]
    fn a_span_is_nanoseconds() {
        let PipeKind::Timechart(chart) = pipe("timechart span=5m count()") else {
            panic!("no timechart")
        };
        assert_eq!(chart.width, Some(BinWidth::Nanos(300_000_000_000)));
    }

    #[test]
    fn timechart_has_a_zone_and_a_limit_of_series() {
        canonical(
            "timechart tz=Europe/Berlin span=1d limit=5 count() by host",
            "timechart span=1d tz=Europe/Berlin limit=5 count() by host",
        );
        canonical(
            "timechart span=1mon tz=\"odd zone\" count()",
            "timechart span=1mon tz=\"odd zone\" count()",
        );
        fails("timechart tz=", "", Some("UTC"));
        fails("timechart limit=0 count() by host", "0", Some("10"));
    }

    #[test]
    fn a_wrong_span_is_pointed_at() {
        fails("timechart span=5 count()", "5", Some("5m"));
        fails("timechart span=0s", "0s", Some("5m"));
        fails("timechart span 5m", "", Some("="));
        fails("timechart span=", "", None);
        fails("timechart count(), count()", "count()", None);
        fails("timechart counts()", "counts", Some("count"));
    }
}
