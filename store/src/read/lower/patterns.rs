//! `patterns [N] [compare=-1d]`: the kinds of lines of records.
//!
//! A row per template: its id, its text with `<*>` for each variable, how many records, their share
//! in percent, when the first and the last of them were, and the line of the last. With `compare`
//! also how many there were in the same range so much earlier, the difference, and whether the
//! template is `new` or `gone`; templates of either range are shown.

use datafusion::arrow::datatypes::DataType;
use datafusion::dataframe::DataFrame;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::functions_aggregate::first_last::last_value_udaf;
use datafusion::logical_expr::{Expr, ExprFunctionExt, cast, ident, lit, when};
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::Span;

use super::{Lowering, Table, planned, range, sort, top};
use crate::read::ReadError;
use crate::read::patterns::pattern_of;
use crate::read::time::TimeRange;

/// What is kept of a record.
const COLUMNS: [&str; 6] = ["template", "timestamp", "partition", "offset", "topic", "body"];
/// Whether a record is of the range itself; a name that no field has.
const NOW: &str = "\u{1}now";

pub(super) async fn lower(
    lowering: &Lowering,
    mut table: Table,
    limit: Option<u64>,
    compare_nanos: Option<i64>,
    span: Span,
) -> Result<Table, ReadError> {
    if !table.records {
        return Err(wrong(
            span,
            "patterns works on records: put it before what makes a table of them",
        ));
    }
    let frame = match compare_nanos {
        Some(nanos) => compared(lowering, &table, nanos, span).await?,
        None => plain(table.frame)?,
    };
    let order = vec![ident("count").sort(false, false), ident("template").sort(true, false)];
    let mut frame = frame.sort(order.clone()).map_err(planned)?;
    if let Some(limit) = limit {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        frame = frame.limit(0, Some(limit)).map_err(planned)?;
    }
    table.frame = frame;
    table.becomes(order);
    Ok(table)
}

fn wrong(span: Span, message: &str) -> ReadError {
    ReadError::Query(QueryError {
        message: message.to_owned(),
        span,
        suggestion: None,
    })
}

fn plain(frame: DataFrame) -> Result<DataFrame, ReadError> {
    let aggregates = vec![
        count(lit(1)).alias("count"),
        min(ident("timestamp")).alias("first_seen"),
        max(ident("timestamp")).alias("last_seen"),
        example()?.alias("example"),
    ];
    let frame = frame.aggregate(vec![ident("template")], aggregates).map_err(planned)?;
    let frame = frame.window(vec![top::total()?.alias("total")]).map_err(planned)?;
    let columns = vec![
        ident("template"),
        pattern_of(ident("example")).alias("pattern"),
        ident("count"),
        share(),
        ident("first_seen"),
        ident("last_seen"),
        ident("example"),
    ];
    frame.select(columns).map_err(planned)
}

/// The line of the latest record.
fn example() -> Result<Expr, ReadError> {
    let order = sort::total_order().iter().map(sort::reversed).collect();
    let call = last_value_udaf().call(vec![ident("body")]).order_by(order);
    call.build().map_err(planned)
}

fn share() -> Expr {
    let percent = cast(ident("count"), DataType::Float64) * lit(100.0) / cast(ident("total"), DataType::Float64);
    percent.alias("share")
}

async fn compared(lowering: &Lowering, table: &Table, nanos: i64, span: Span) -> Result<DataFrame, ReadError> {
    let Some(filter) = &table.filter else {
        let message =
            "compare counts the same search at another time: nothing may stand between the search and patterns";
        return Err(wrong(span, message));
    };
    let (first, last) = range::of(lowering, table).await?;
    let earlier = TimeRange {
        first: first.saturating_sub(nanos),
        last: last.saturating_sub(nanos),
    };
    let logs = lowering.logs_of(filter.clone(), &Default::default(), earlier)?;
    let before = lowering
        .session
        .read_table(std::sync::Arc::new(logs))
        .map_err(planned)?;
    let marked = |frame: DataFrame, now: bool| {
        let columns = COLUMNS.iter().map(|name| ident(*name)).chain([lit(now).alias(NOW)]);
        frame.select(columns.collect::<Vec<_>>()).map_err(planned)
    };
    let both = marked(table.frame.clone(), true)?
        .union(marked(before, false)?)
        .map_err(planned)?;
    let in_range = |aggregate: Expr, now: bool| {
        let test = if now { ident(NOW) } else { !ident(NOW) };
        aggregate.filter(test).build().map_err(planned)
    };
    let aggregates = vec![
        in_range(count(lit(1)), true)?.alias("count"),
        in_range(count(lit(1)), false)?.alias("before"),
        min(ident("timestamp")).alias("first_seen"),
        max(ident("timestamp")).alias("last_seen"),
        example()?.alias("example"),
    ];
    let frame = both.aggregate(vec![ident("template")], aggregates).map_err(planned)?;
    let frame = frame.window(vec![top::total()?.alias("total")]).map_err(planned)?;
    let none: i64 = 0;
    let state = when(ident("before").eq(lit(none)), lit("new"))
        .when(ident("count").eq(lit(none)), lit("gone"))
        .otherwise(cast(lit(datafusion::common::ScalarValue::Null), DataType::Utf8))
        .map_err(planned)?;
    let columns = vec![
        ident("template"),
        pattern_of(ident("example")).alias("pattern"),
        ident("count"),
        share(),
        ident("before"),
        (ident("count") - ident("before")).alias("change"),
        state.alias("state"),
        ident("first_seen"),
        ident("last_seen"),
        ident("example"),
    ];
    frame.select(columns).map_err(planned)
}
