//! `dedup [N] [keep=first|last] field, …`: N rows of each value.

use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{ExprFunctionExt, SortExpr, ident, lit};
use timberline_proto::query::ast::{Field, Keep};

use super::{Table, column, planned, sort};
use crate::read::ReadError;

/// A name that no field has.
const NUMBER: &str = "\u{1}dedup";

pub(super) fn lower(mut table: Table, rows: u64, keep: Option<Keep>, fields: &[Field]) -> Result<Table, ReadError> {
    let keys = fields
        .iter()
        .map(|field| column(&table, field))
        .collect::<Result<Vec<_>, _>>()?;
    let shown = sort::usable(&table);
    // Records that were not sorted are shown newest first.
    let unsorted = table.records && !table.sorted_by_query;
    let reverse = matches!((keep, unsorted), (Some(Keep::First), true) | (Some(Keep::Last), false));
    let order: Vec<SortExpr> = match reverse {
        true => shown.iter().map(sort::reversed).collect(),
        false => shown.clone(),
    };
    let before: Vec<_> = table
        .frame
        .schema()
        .columns()
        .into_iter()
        .map(datafusion::logical_expr::Expr::Column)
        .collect();
    let number = row_number()
        .partition_by(keys)
        .order_by(order)
        .build()
        .map_err(planned)?;
    let mut frame = table.frame.window(vec![number.alias(NUMBER)]).map_err(planned)?;
    frame = frame
        .filter(ident(NUMBER).lt_eq(lit(rows)))
        .and_then(|frame| frame.select(before))
        .map_err(planned)?;
    if !shown.is_empty() {
        frame = frame.sort(shown).map_err(planned)?;
    }
    table.frame = frame;
    table.sorted = true;
    Ok(table)
}
