//! `variables TEMPLATE [N]`: what stands in the slots of a template.
//!
//! A row per slot and value, the N most frequent values of each slot: the slot's number from 1 on,
//! the value, how many records have it and their share of the slot in percent; beside each how many
//! different values the slot has, and the smallest and largest number among them.

use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt, WindowFunctionDefinition, cast, ident, lit};
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::Span;

use super::{Table, planned};
use crate::read::ReadError;
use crate::read::functions::num;
use crate::read::patterns::{slot_of, slots_of, value_of};

/// A name that no field has.
const SLOTS: &str = "\u{1}slots";
const RANK: &str = "\u{1}rank";
const TOTAL: &str = "\u{1}total";

pub(super) fn lower(mut table: Table, template: &str, limit: u64, span: Span) -> Result<Table, ReadError> {
    if !table.records {
        return Err(ReadError::Query(QueryError {
            message: "variables works on records: put it before what makes a table of them".to_owned(),
            span,
            suggestion: None,
        }));
    }
    let frame = table
        .frame
        .filter(ident("template").eq(lit(template)))
        .and_then(|frame| frame.select(vec![slots_of(ident("body"), ident("timestamp")).alias(SLOTS)]))
        .and_then(|frame| frame.unnest_columns(&[SLOTS]))
        .map_err(planned)?;
    let keys = vec![
        slot_of(ident(SLOTS)).alias("slot"),
        value_of(ident(SLOTS)).alias("value"),
    ];
    let frame = frame
        .aggregate(keys, vec![count(lit(1)).alias("count")])
        .and_then(|frame| frame.window(vec![rank()?]))
        .and_then(|frame| frame.window(of_slots()?))
        .map_err(planned)?;
    let share = cast(ident("count"), DataType::Float64) * lit(100.0) / cast(ident(TOTAL), DataType::Float64);
    let columns = vec![
        ident("slot"),
        ident("value"),
        ident("count"),
        share.alias("share"),
        ident("distinct"),
        ident("min"),
        ident("max"),
    ];
    let order = vec![
        ident("slot").sort(true, false),
        ident("count").sort(false, false),
        ident("value").sort(true, false),
    ];
    table.frame = frame
        .filter(ident(RANK).lt_eq(lit(limit)))
        .and_then(|frame| frame.select(columns))
        .and_then(|frame| frame.sort(order.clone()))
        .map_err(planned)?;
    table.becomes(order);
    Ok(table)
}

/// Each value's place in its slot. A plan of windows holds those of one order only.
fn rank() -> datafusion::common::Result<Expr> {
    let order = vec![ident("count").sort(false, false), ident("value").sort(true, false)];
    let rank = row_number().partition_by(vec![ident("slot")]).order_by(order).build()?;
    Ok(rank.alias(RANK))
}

/// What is said of each slot, beside each of its values.
fn of_slots() -> datafusion::common::Result<Vec<Expr>> {
    use datafusion::functions_aggregate::{count::count_udaf, min_max::max_udaf, min_max::min_udaf, sum::sum_udaf};
    let over_slot = |function: std::sync::Arc<datafusion::logical_expr::AggregateUDF>, of: Expr| {
        let call = WindowFunction::new(WindowFunctionDefinition::AggregateUDF(function), vec![of]);
        Expr::from(call).partition_by(vec![ident("slot")]).build()
    };
    Ok(vec![
        over_slot(sum_udaf(), ident("count"))?.alias(TOTAL),
        over_slot(count_udaf(), lit(1))?.alias("distinct"),
        over_slot(min_udaf(), num(ident("value")))?.alias("min"),
        over_slot(max_udaf(), num(ident("value")))?.alias("max"),
    ])
}
