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
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, cast, ident, lit};
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::Span;

use super::{Lowering, Table, planned, range, sort, top};
use crate::read::ReadError;
use crate::read::patterns::{PatternsTable, pattern_of};
use crate::read::scan::Selection;
use crate::read::time::TimeRange;

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
    let frame = match searched(lowering, &table, limit, compare_nanos, span).await? {
        Some(frame) => frame,
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

/// The search itself, if nothing stands between it and `patterns`: then its templates are counted
/// without reading lines.
async fn searched(
    lowering: &Lowering,
    table: &Table,
    limit: Option<u64>,
    compare_nanos: Option<i64>,
    span: Span,
) -> Result<Option<DataFrame>, ReadError> {
    let bare = table.filter.as_ref().filter(|_| is_scan(table.frame.logical_plan()));
    let Some(filter) = bare else {
        return match compare_nanos {
            None => Ok(None),
            Some(_) => Err(wrong(
                span,
                "compare counts the same search at another time: nothing may stand between the search and patterns",
            )),
        };
    };
    let before = match compare_nanos {
        None => None,
        Some(nanos) => {
            let (first, last) = range::of(lowering, table).await?;
            let earlier = TimeRange {
                first: first.saturating_sub(nanos),
                last: last.saturating_sub(nanos),
            };
            Some(Selection::new(filter.clone(), earlier)?)
        }
    };
    let source = lowering.source(filter.clone(), lowering.range)?;
    let patterns = PatternsTable::new(source, before, limit);
    let frame = lowering.session.read_table(std::sync::Arc::new(patterns));
    frame.map(Some).map_err(planned)
}

fn is_scan(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::SubqueryAlias(alias) => is_scan(&alias.input),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => is_scan(&sort.input),
        _ => false,
    }
}
