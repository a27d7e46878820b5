//! `timechart [span=5m] count() [by level]`: stats by time, with gaps filled.

use super::{PipeInfo, stats};
use crate::query::ast::{Aggregate, AggregateFunction, Field, PipeKind, Timechart};
use crate::query::duration::{UNIT_NAMES, parse_duration};
use crate::query::error::QueryError;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "timechart",
    summary: "computes over bins of time, empty ones included",
    syntax: "timechart span=5m count() by level",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let span_nanos = span(parser)?;
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
            name: "count()".to_owned(),
            span: next_span,
        }]
    } else {
        parser.list(stats::aggregate)?
    };
    let by: Vec<Field> = if parser.keyword("by") {
        parser.list(|parser| parser.column("a field"))?
    } else {
        Vec::new()
    };
    let aggregate_names = aggregates.iter().map(|a| (a.name.as_str(), a.span));
    super::distinct(aggregate_names.chain(by.iter().map(|field| (field.name.as_str(), field.span))))?;
    Ok(PipeKind::Timechart(Timechart {
        span_nanos,
        aggregates,
        by,
    }))
}

fn span(parser: &mut Parser<'_>) -> Result<Option<i64>> {
    if !parser.keyword("span") {
        return Ok(None);
    }
    parser.expect(&PipeToken::Equals, "=")?;
    match parser.lexer.pipe() {
        (PipeToken::Name("auto"), _) => Ok(None),
        (PipeToken::Number(text), at) => match parse_duration(text) {
            Some(nanos) if nanos > 0 => Ok(Some(nanos)),
            _ => {
                let message = format!("`span` takes a duration above 0 with a unit: {UNIT_NAMES}");
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
        assert_eq!(chart.span_nanos, Some(300_000_000_000));
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
