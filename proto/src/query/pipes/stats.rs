//! `stats count() as n, p99(x) by host, bin(timestamp, 5m)`; bins of days, weeks and months in a
//! zone: `bin(timestamp, 1d, "Europe/Berlin")`.

use super::functions::aggregate;
use super::{PipeInfo, alias};
use crate::query::ast::{BinWidth, Field, GroupKey, PipeKind, Span, Stats};
use crate::query::duration::{UNIT_NAMES, parse_width};
use crate::query::error::QueryError;
use crate::query::fields::{TIMESTAMP, is_time_field};
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "stats",
    summary: "computes over all rows, or per value of fields",
    syntax: "stats count() as n, p99(ms) by host, bin(timestamp, 5m)",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let aggregates = parser.list(aggregate)?;
    let by = if parser.keyword("by") {
        parser.list(group_key)?
    } else {
        Vec::new()
    };
    let keys = by.iter().map(|key| match key {
        GroupKey::Field(field) => (field.name.as_str(), field.span),
        GroupKey::Bin { name, span, .. } => (name.as_str(), *span),
    });
    super::distinct(keys.chain(aggregates.iter().map(|a| (a.name.as_str(), a.span))))?;
    Ok(PipeKind::Stats(Stats { aggregates, by }))
}

fn group_key(parser: &mut Parser<'_>) -> Result<GroupKey> {
    let is_bin = matches!(parser.peek_pipe().0, PipeToken::Name(name) if name.eq_ignore_ascii_case("bin"));
    let mut after = parser.lexer.clone();
    after.pipe();
    if is_bin && after.pipe().0 == PipeToken::Open {
        return bin(parser);
    }
    let field = parser.column("a field")?;
    if let (PipeToken::Open, open) = parser.peek_pipe() {
        let message = format!("only `bin` can be called after `by`, not `{}`", field.name);
        let span = Span {
            start: field.span.start,
            end: open.start,
        };
        return Err(QueryError::new(span, message).suggest("bin"));
    }
    Ok(GroupKey::Field(field))
}

/// `bin(timestamp, 5m)`, `bin(5m)`, `bin(bytes, 100)`.
fn bin(parser: &mut Parser<'_>) -> Result<GroupKey> {
    let (_, start) = parser.lexer.pipe();
    parser.expect(&PipeToken::Open, "(")?;
    let field = match parser.peek_pipe() {
        (PipeToken::Number(_), span) => Field {
            name: TIMESTAMP.to_owned(),
            span: Span {
                start: span.start,
                end: span.start,
            },
        },
        _ => {
            let field = parser.column("a field")?;
            parser.expect(&PipeToken::Comma, ",")?;
            field
        }
    };
    let width = bin_width(parser, &field)?;
    let zone = match (parser.take(&PipeToken::Comma), width) {
        (false, _) => None,
        (true, BinWidth::Nanos(_) | BinWidth::Months(_)) => Some(parser.zone()?),
        (true, BinWidth::Number(_)) => {
            let (_, at) = parser.peek_pipe();
            return Err(parser.unexpected(at, "only bins of time have a zone"));
        }
    };
    parser.expect(&PipeToken::Close, ")")?;
    let call_end = parser.lexer.at;
    let name = alias(parser)?.unwrap_or_else(|| bin_name(&field.name, width));
    let end = parser.lexer.at.max(call_end);
    Ok(GroupKey::Bin {
        field,
        width,
        zone,
        name,
        span: Span {
            start: start.start,
            end,
        },
    })
}

fn bin_width(parser: &mut Parser<'_>, field: &Field) -> Result<BinWidth> {
    let (token, span) = parser.lexer.pipe();
    let PipeToken::Number(text) = token else {
        return Err(parser.unexpected(span, "a width such as 5m or 100 is expected here"));
    };
    if let Some(width) = parse_width(text) {
        return Ok(width);
    }
    let number = text.parse::<f64>().ok().filter(|n| *n > 0.0 && n.is_finite());
    match number {
        Some(_) if is_time_field(&field.name) => {
            let message = format!("a bin of `{}` needs a unit: {UNIT_NAMES}, mon, q or y", field.name);
            Err(QueryError::new(span, message).suggest(format!("{text}s")))
        }
        Some(number) => Ok(BinWidth::Number(number)),
        None => Err(QueryError::new(span, "a bin's width is a number above 0, or a duration such as 5m").suggest("5m")),
    }
}

/// The column's name unless `as` says otherwise.
pub(in crate::query) fn bin_name(field: &str, width: BinWidth) -> String {
    match width {
        BinWidth::Nanos(_) | BinWidth::Months(_) => field.to_owned(),
        BinWidth::Number(number) => format!("bin({field},{number})"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails, pipe};
    use super::*;
    use crate::query::ast::AggregateFunction;

    #[test]
    fn stats_of_the_design_is_read() {
        let PipeKind::Stats(stats) = pipe("stats count() as n, p99(duration_ms) by host, bin(timestamp, 5m)") else {
            panic!("no stats")
        };
        assert_eq!(stats.aggregates[0].name, "n");
        assert_eq!(stats.aggregates[0].field, None);
        assert_eq!(stats.aggregates[1].name, "p99(duration_ms)");
        assert_eq!(stats.aggregates[1].function, AggregateFunction::Percentile(99.0));
        let GroupKey::Bin { width, name, .. } = &stats.by[1] else {
            panic!("no bin")
        };
        assert_eq!(*width, BinWidth::Nanos(300_000_000_000));
        assert_eq!(name, "timestamp");
    }

    #[test]
    fn stats_is_written_back() {
        for text in [
            "stats count()",
            "stats count(status), sum(a.b) as total by host",
            "stats p99.9(ms), median(ms) by bin(timestamp, 1h30m), bin(bytes, 100)",
            "stats first(a), last(a), min(a), max(a), avg(a), count_distinct(a)",
            "stats count() by bin(bytes, 0.5) as half, \"odd name\"",
        ] {
            canonical(text, text);
        }
        canonical("stats count by host", "stats count() by host");
        canonical("stats dc(a)", "stats count_distinct(a) as \"dc(a)\"");
        canonical(
            "stats COUNT() BY bin(5m)",
            "stats count() as \"COUNT()\" by bin(timestamp, 5m)",
        );
        canonical("stats count() by bin", "stats count() by bin");
        canonical(
            "stats count() by bin(timestamp, 1d, 'Europe/Berlin'), bin(observed, 1q, UTC) as q",
            "stats count() by bin(timestamp, 1d, Europe/Berlin), bin(observed, 3mon, UTC) as q",
        );
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        fails("stats", "", None);
        fails("stats sums(a)", "sums", Some("sum"));
        fails("stats foo(a)", "foo", None);
        fails("stats sum()", "", None);
        fails("stats sum", "", Some("("));
        fails("stats count(", "", None);
        fails("stats count(a", "", Some(")"));
        fails("stats p101(a)", "p101", Some("p99"));
        fails("stats count() by", "", None);
        fails("stats count() as by host", "by", None);
        fails("stats count() by bin(timestamp, 5)", "5", Some("5s"));
        fails("stats count() by bin(bytes, 0)", "0", Some("5m"));
        fails("stats count() by bin(bytes, 5, UTC)", "UTC", None);
        fails("stats count() by bin(timestamp, 1d, )", "", Some("UTC"));
        fails("stats count() by floor(x)", "floor", Some("bin"));
        fails("stats count(), count()", "count()", None);
        fails("stats count() as host by host", "count() as host", None);
        fails("stats 5", "5", None);
    }
}
