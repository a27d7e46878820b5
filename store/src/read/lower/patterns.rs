//! `patterns [N] [merge=off] [points=40] [compare=-1d]`: the kinds of lines of records.
//!
//! A row per pattern: the id of its most frequent template, its text with `<*>` for each variable, how
//! many records, their share in percent, when the first and the last of them were, the line of the
//! last, and all of its templates. With `merge=off` a row per template. With `points` also how many
//! records there were in each part of the range; with `compare` how many in the same range so much
//! earlier, the difference, and whether the pattern is `new` or `gone`; patterns of either range are
//! shown.

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use datafusion::dataframe::DataFrame;
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::functions_aggregate::first_last::last_value_udaf;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, cast, ident, lit};
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::{self, Span};

use super::{Lowering, Table, planned, range, sort, top};
use crate::read::memory::collected;
use crate::read::patterns::{self, Asked, Parts, PatternsTable, Shown, pattern_of};
use crate::read::scan::Selection;
use crate::read::time::{TimeRange, now_nanos};
use crate::read::{ReadError, engine};
use crate::split::LineCutter;

pub(super) async fn lower(
    lowering: &Lowering,
    mut table: Table,
    asked: &ast::Patterns,
    span: Span,
) -> Result<Table, ReadError> {
    if !table.records {
        return Err(wrong(
            span,
            "patterns works on records: put it before what makes a table of them",
        ));
    }
    let frame = match searched(lowering, &table, asked, span).await? {
        Some(frame) => frame,
        None => {
            let frame = plain(table.frame)?;
            match asked.by_template {
                true => frame,
                false => merged(lowering, frame).await?,
            }
        }
    };
    let order = vec![ident("count").sort(false, false), ident("template").sort(true, false)];
    let mut frame = frame.sort(order.clone()).map_err(planned)?;
    if let Some(limit) = asked.limit {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        frame = frame.limit(0, Some(limit)).map_err(planned)?;
    }
    table.frame = frame;
    table.becomes(order);
    Ok(table)
}

pub(super) fn wrong(span: Span, message: &str) -> ReadError {
    ReadError::Query(QueryError {
        message: message.to_owned(),
        span,
        suggestion: None,
    })
}

/// A row per template of any records.
pub(super) fn plain(frame: DataFrame) -> Result<DataFrame, ReadError> {
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

/// Rows of templates, joined where they are one pattern.
async fn merged(lowering: &Lowering, frame: DataFrame) -> Result<DataFrame, ReadError> {
    let held = lowering.hold("patterns");
    let batches = collected(frame, lowering.rows_max, &held).await?;
    let mut cutter = LineCutter::new(now_nanos());
    let mut shown = Vec::new();
    for batch in &batches {
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .map(Arc::clone)
                .unwrap_or_else(|| unreachable!("`plain` makes the column {name}"))
        };
        let (templates, counts, examples) = (column("template"), column("count"), column("example"));
        let (first, last) = (column("first_seen"), column("last_seen"));
        for row in 0..batch.num_rows() {
            let example = examples.as_string::<i32>().value(row);
            let cut = cutter.cut(example);
            shown.push(Shown {
                templates: vec![u64::from_str_radix(templates.as_string::<i32>().value(row), 16).unwrap_or(0)],
                count: u64::try_from(counts.as_primitive::<Int64Type>().value(row)).unwrap_or(0),
                first: first.as_primitive::<TimestampNanosecondType>().value(row),
                last: last.as_primitive::<TimestampNanosecondType>().value(row),
                pattern: cut.pattern,
                may_join: !cut.is_shape,
                example: example.to_owned(),
                ..Shown::default()
            });
        }
    }
    patterns::sort(&mut shown);
    let total = shown.iter().map(|one| one.count).sum();
    let shown = patterns::joined(shown, lowering.patterns_merge_max);
    let batch = patterns::batch(&patterns::schema(true, false, false), &shown, total);
    let batch = batch.map_err(|error| engine::failed(&error))?;
    lowering.session.read_batch(batch).map_err(planned)
}

/// The search itself, if nothing stands between it and `patterns`: then its templates are counted
/// without reading lines.
async fn searched(
    lowering: &Lowering,
    table: &Table,
    asked: &ast::Patterns,
    span: Span,
) -> Result<Option<DataFrame>, ReadError> {
    let bare = table.filter.as_ref().filter(|_| is_scan(table.frame.logical_plan()));
    let Some(filter) = bare else {
        return match (asked.compare_nanos, asked.points) {
            (None, None) => Ok(None),
            (Some(_), _) => Err(wrong(
                span,
                "compare counts the same search at another time: nothing may stand between the search and patterns",
            )),
            (None, Some(_)) => Err(wrong(
                span,
                "points are counted of a search: nothing may stand between it and patterns",
            )),
        };
    };
    let ends = match asked.compare_nanos.is_some() || asked.points.is_some() {
        true => range::of(lowering, table).await?,
        false => (0, 0),
    };
    let before = asked.compare_nanos.map(|nanos| {
        let earlier = TimeRange {
            first: ends.0.saturating_sub(nanos),
            last: ends.1.saturating_sub(nanos),
        };
        Selection::new(&lowering.view.limits, filter.clone(), earlier)
    });
    let points = asked.points.map(|points| usize::try_from(points).unwrap_or(usize::MAX));
    let asked = Asked {
        limit: asked.limit,
        merge_max: (!asked.by_template).then_some(lowering.patterns_merge_max),
        parts: points.map(|points| Parts::new(ends, points)),
        before: before.transpose()?,
    };
    kinds(lowering, filter.clone(), asked).map(Some)
}

/// The kinds of lines of a search.
pub(super) fn kinds(lowering: &Lowering, filter: ast::Filter, asked: Asked) -> Result<DataFrame, ReadError> {
    let source = lowering.source(filter, lowering.range)?;
    let patterns = PatternsTable::new(source, asked);
    lowering.session.read_table(Arc::new(patterns)).map_err(planned)
}

pub(super) fn is_scan(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::SubqueryAlias(alias) => is_scan(&alias.input),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => is_scan(&sort.input),
        _ => false,
    }
}
