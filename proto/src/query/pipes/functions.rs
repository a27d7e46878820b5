//! The functions of `stats` and `timechart`, and how they are called:
//! `name(field, parameter if condition) as column`.

use crate::query::ast::{Aggregate, AggregateFunction, Field, Span};
use crate::query::error::QueryError;
use crate::query::expr::Expr;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};
use crate::query::suggest::nearest;

/// A function of `stats` and `timechart` as the page offers it.
#[derive(Clone, Copy, Debug)]
pub struct FunctionInfo {
    /// Its name.
    pub name: &'static str,
    /// What it computes.
    pub summary: &'static str,
    function: AggregateFunction,
}

macro_rules! functions {
    ($($name:literal $function:expr, $summary:literal;)*) => {
        &[$(FunctionInfo { name: $name, summary: $summary, function: $function }),*]
    };
}

const SECOND: i64 = 1_000_000_000;

/// The functions, without the other names that some have.
pub static FUNCTIONS: &[FunctionInfo] = {
    use AggregateFunction::{
        ApproxDistinct, ApproxPercentile, Avg, Count, CountDistinct, First, Histogram, Last, Max, Min, Percentile,
        Rate, Stddev, Sum, Variance,
    };
    functions! {
        "count" Count, "rows, or rows with the field";
        "count_distinct" CountDistinct, "different values, exactly";
        "approx_distinct" ApproxDistinct, "different values, about, in little memory";
        "sum" Sum, "sum of the numbers";
        "avg" Avg, "mean of the numbers";
        "min" Min, "smallest number; smallest text if there is no number";
        "max" Max, "largest number; largest text if there is no number";
        "median" Percentile(50.0), "half of the numbers are below";
        "p90" Percentile(90.0), "percentile; p0 to p100, p99.9 too";
        "p95" Percentile(95.0), "percentile; p0 to p100, p99.9 too";
        "p99" Percentile(99.0), "percentile; p0 to p100, p99.9 too";
        "approx_median" ApproxPercentile(50.0), "half of the numbers are below, about";
        "approx_p99" ApproxPercentile(99.0), "percentile, about, in little memory; approx_p0 to approx_p100";
        "stddev" Stddev, "standard deviation of the numbers, as of a sample";
        "variance" Variance, "variance of the numbers, as of a sample";
        "first" First, "value of the earliest row";
        "last" Last, "value of the latest row";
        "rate" Rate(SECOND), "rows per second, or the sum of a field per second";
        "per_minute" Rate(60 * SECOND), "the same per minute";
        "per_hour" Rate(3600 * SECOND), "the same per hour";
        "per_day" Rate(86_400 * SECOND), "the same per day";
        "histogram" Histogram(None), "numbers per bucket: histogram(ms, 100)";
    }
};

const ELSEWHERE: [(&str, &str); 17] = [
    ("dc", "count_distinct"),
    ("distinct", "count_distinct"),
    ("dcount", "count_distinct"),
    ("distinct_count", "count_distinct"),
    ("count_uniq", "count_distinct"),
    ("estdc", "approx_distinct"),
    ("dc_approx", "approx_distinct"),
    ("approx_dc", "approx_distinct"),
    ("approx_count_distinct", "approx_distinct"),
    ("mean", "avg"),
    ("average", "avg"),
    ("stdev", "stddev"),
    ("var", "variance"),
    ("earliest", "first"),
    ("latest", "last"),
    ("per_second", "rate"),
    ("approx_percentile", "approx_median"),
];

/// Words that are no function here or elsewhere, with what is surely meant.
const MEANT: [(&str, &str); 10] = [
    ("cnt", "count"),
    ("number", "count"),
    ("lines", "count"),
    ("total", "sum"),
    ("unique", "count_distinct"),
    ("uniq", "count_distinct"),
    ("minimum", "min"),
    ("maximum", "max"),
    ("percentile", "p95"),
    ("quantile", "p95"),
];

/// `p99(x) as slow`.
pub(super) fn aggregate(parser: &mut Parser<'_>) -> Result<Aggregate> {
    let (token, name_span) = parser.lexer.pipe();
    let PipeToken::Name(name) = token else {
        return Err(parser.unexpected(name_span, "a function such as `count()` is expected here"));
    };
    let mut function = function(name, name_span)?;
    let arguments = arguments(parser, name, &mut function)?;
    let call = call_name(name, arguments.field.as_ref(), function, arguments.condition.as_ref());
    let name = super::alias(parser)?.unwrap_or(call);
    Ok(Aggregate {
        function,
        field: arguments.field,
        condition: arguments.condition,
        name,
        span: Span {
            start: name_span.start,
            end: parser.lexer.at,
        },
    })
}

/// A column's name unless `as` says otherwise: the call without white space around its arguments.
pub(in crate::query) fn call_name(
    name: &str,
    field: Option<&Field>,
    function: AggregateFunction,
    condition: Option<&Expr>,
) -> String {
    let mut inside = field.map(|field| field.name.clone()).unwrap_or_default();
    if let AggregateFunction::Histogram(Some(width)) = function {
        inside.push_str(&format!(",{width}"));
    }
    if let Some(condition) = condition {
        let space = if inside.is_empty() { "" } else { " " };
        inside.push_str(&format!("{space}if {condition}"));
    }
    format!("{name}({inside})")
}

#[derive(Default)]
struct Arguments {
    field: Option<Field>,
    condition: Option<Expr>,
}

/// Whether a function is of rows where no field is named.
fn goes_alone(function: AggregateFunction) -> bool {
    matches!(function, AggregateFunction::Count | AggregateFunction::Rate(_))
}

fn arguments(parser: &mut Parser<'_>, name: &str, function: &mut AggregateFunction) -> Result<Arguments> {
    let mut arguments = Arguments::default();
    if goes_alone(*function) && parser.peek_pipe().0 != PipeToken::Open {
        return Ok(arguments);
    }
    parser.expect(&PipeToken::Open, "(")?;
    let empty = parser.peek_pipe().0 == PipeToken::Close;
    if !empty && !condition_follows(parser) {
        arguments.field = Some(parser.column("a field")?);
    } else if !goes_alone(*function) {
        let (_, next) = parser.peek_pipe();
        let at = Span {
            start: next.start,
            end: next.start,
        };
        let message = format!("`{name}` needs a field: `{name}(duration_ms)`");
        return Err(QueryError::new(at, message));
    }
    if parser.take(&PipeToken::Comma) {
        *function = with_parameter(parser, name, *function)?;
    }
    if condition_follows(parser) {
        parser.keyword("if");
        arguments.condition = Some(parser.expression()?);
    }
    parser.expect(&PipeToken::Close, ")")?;
    Ok(arguments)
}

/// Whether `if` and a condition come next, and no field of that name.
fn condition_follows(parser: &Parser<'_>) -> bool {
    let mut after = Parser::at(parser.lexer.clone());
    after.keyword("if")
        && !matches!(
            after.peek_pipe().0,
            PipeToken::Close | PipeToken::Comma | PipeToken::End
        )
}

/// The number after the comma: a histogram's width.
fn with_parameter(parser: &mut Parser<'_>, name: &str, function: AggregateFunction) -> Result<AggregateFunction> {
    let (token, span) = parser.lexer.pipe();
    let number = match token {
        PipeToken::Number(text) => text.parse::<f64>().ok().filter(|n| n.is_finite()),
        _ => None,
    };
    match (function, number) {
        (AggregateFunction::Histogram(_), Some(width)) if width > 0.0 => Ok(AggregateFunction::Histogram(Some(width))),
        (AggregateFunction::Histogram(_), _) => {
            Err(QueryError::new(span, "a bucket's width is a number above 0").suggest("100"))
        }
        _ => Err(QueryError::new(span, format!("`{name}` takes one field"))),
    }
}

fn function(name: &str, span: Span) -> Result<AggregateFunction> {
    let lower = name.to_ascii_lowercase();
    let known = ELSEWHERE
        .iter()
        .find(|(other, _)| *other == lower)
        .map_or(lower.as_str(), |(_, ours)| ours);
    if let Some(info) = FUNCTIONS.iter().find(|info| info.name == known) {
        return Ok(info.function);
    }
    let (digits, approx) = match lower.strip_prefix("approx_") {
        Some(digits) => (digits, true),
        None => (lower.as_str(), false),
    };
    match percentile(digits) {
        Some(percent) if percent > 100.0 => {
            Err(QueryError::new(span, "a percentile is between p0 and p100").suggest("p99"))
        }
        Some(percent) if approx => Ok(AggregateFunction::ApproxPercentile(percent)),
        Some(percent) => Ok(AggregateFunction::Percentile(percent)),
        None => Err(unknown(name, span)),
    }
}

fn unknown(name: &str, span: Span) -> QueryError {
    let lower = name.to_ascii_lowercase();
    let meant = MEANT.iter().find(|(other, _)| *other == lower).map(|(_, ours)| *ours);
    match meant.or_else(|| nearest(name, FUNCTIONS.iter().map(|info| info.name))) {
        Some(near) => {
            QueryError::new(span, format!("there is no function `{name}`; did you mean `{near}`?")).suggest(near)
        }
        None => {
            let names: Vec<_> = FUNCTIONS.iter().map(|info| info.name).collect();
            QueryError::new(
                span,
                format!("there is no function `{name}`; there are {}", names.join(", ")),
            )
        }
    }
}

/// 99.9 of `p99.9`, `perc99.9`.
fn percentile(name: &str) -> Option<f64> {
    let digits = name.strip_prefix("perc").or_else(|| name.strip_prefix('p'))?;
    let plain =
        digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') && digits.starts_with(|c: char| c.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails, pipe};
    use super::*;
    use crate::query::ast::PipeKind;

    fn function_of(text: &str) -> AggregateFunction {
        match pipe(&format!("stats {text}")) {
            PipeKind::Stats(stats) => stats.aggregates[0].function,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn functions_have_other_names_elsewhere() {
        assert_eq!(function_of("estdc(a)"), AggregateFunction::ApproxDistinct);
        assert_eq!(function_of("perc99(a)"), AggregateFunction::Percentile(99.0));
        assert_eq!(
            function_of("approx_p99.9(a)"),
            AggregateFunction::ApproxPercentile(99.9)
        );
        assert_eq!(function_of("rate"), AggregateFunction::Rate(SECOND));
        assert_eq!(function_of("per_minute(bytes)"), AggregateFunction::Rate(60 * SECOND));
        assert_eq!(
            function_of("histogram(a, 0.5)"),
            AggregateFunction::Histogram(Some(0.5))
        );
    }

    #[test]
    fn every_function_is_written_back() {
        for text in [
            "stats approx_distinct(a), stddev(a), variance(a), rate(), rate(b), per_minute(), per_hour(b), per_day(b)",
            "stats histogram(a), histogram(a, 100), approx_p99(a), approx_median(a)",
            "stats count(if status >= 500) as errors, sum(bytes if host = \"a\")",
            "stats count(), count(\"if\")",
        ] {
            canonical(text, text);
        }
        canonical("stats count(if)", "stats count(\"if\")");
        canonical(
            "stats dc(a if b>1)",
            "stats count_distinct(a if b > 1) as \"dc(a if b > 1)\"",
        );
    }

    #[test]
    fn what_is_wrong_in_a_call_is_pointed_at() {
        fails("stats histogram(a, 0)", "0", Some("100"));
        fails("stats sum(a, 5)", "5", None);
        fails("stats cnt()", "cnt", Some("count"));
        fails("stats sum(if a > 1)", "", None);
        fails("stats count(if a >)", ")", None);
        fails("stats approx_p101(a)", "approx_p101", Some("p99"));
    }
}
