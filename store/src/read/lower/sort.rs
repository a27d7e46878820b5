//! `sort [N] -n, +host`. A field of records is text that may read as a number: numbers come first,
//! as numbers, in either direction, then texts; missing values come last.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{SortExpr, ident};
use timberline_proto::query::ast::SortKey;

use super::{Table, column, column_name, planned};
use crate::read::ReadError;
use crate::read::functions::num;
use crate::read::row::FIXED;

pub(super) fn lower(mut table: Table, keys: &[SortKey], limit: Option<u64>) -> Result<Table, ReadError> {
    let mut order = Vec::new();
    for key in keys {
        let expr = column(&table, &key.field)?;
        let name = column_name(&key.field.name);
        let known = table.frame.schema().field_with_unqualified_name(name);
        let text = known.is_ok_and(|field| *field.data_type() == DataType::Utf8);
        if text && !FIXED.contains(&name) {
            order.push(num(expr.clone()).sort(!key.descending, false));
        }
        order.push(expr.sort(!key.descending, false));
    }
    if table.records {
        order.extend(total_order());
    } else {
        // Rows that are equal stay in the order they had.
        order.extend(usable(&table));
    }
    table.frame = table.frame.sort(order.clone()).map_err(planned)?;
    if let Some(rows) = limit {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        table.frame = table.frame.limit(0, Some(rows)).map_err(planned)?;
    }
    table.order = order;
    table.sorted = true;
    table.sorted_by_query = true;
    Ok(table)
}

/// The rows in their order; records that were not sorted newest first.
pub(super) fn in_order(mut table: Table) -> Result<Table, ReadError> {
    let order = usable(&table);
    if !table.sorted && !order.is_empty() {
        table.frame = table.frame.sort(order).map_err(planned)?;
    }
    table.sorted = true;
    Ok(table)
}

/// The order as far as its columns are still there.
pub(super) fn usable(table: &Table) -> Vec<SortExpr> {
    let schema = table.frame.schema();
    let there = |key: &&SortExpr| {
        let mut columns = key.expr.column_refs().into_iter();
        columns.all(|column| schema.has_column_with_unqualified_name(&column.name))
    };
    table.order.iter().take_while(there).cloned().collect()
}

/// The other way round: what came last comes first.
pub(super) fn reversed(key: &SortExpr) -> SortExpr {
    SortExpr {
        expr: key.expr.clone(),
        asc: !key.asc,
        nulls_first: !key.nulls_first,
    }
}

/// Records, newest first.
pub(super) fn total_order() -> Vec<SortExpr> {
    ["timestamp", "partition", "offset", "topic"]
        .map(|name| ident(name).sort(false, false))
        .to_vec()
}
