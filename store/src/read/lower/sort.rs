//! `sort -n, +host`. Fields of records sort as numbers first, then as text; missing values come last.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{SortExpr, ident};
use timberline_proto::query::ast::SortKey;

use super::{Table, column, planned};
use crate::read::ReadError;
use crate::read::functions::num;
use crate::read::row::FIXED;

pub(super) fn lower(mut table: Table, keys: &[SortKey]) -> Result<Table, ReadError> {
    let mut order = Vec::new();
    for key in keys {
        let expr = column(&table, &key.field)?;
        let known = table
            .frame
            .schema()
            .field_with_unqualified_name(super::column_name(&key.field.name));
        let text = known.is_ok_and(|field| *field.data_type() == DataType::Utf8);
        if text && !FIXED.contains(&key.field.name.as_str()) {
            order.push(num(expr.clone()).sort(!key.descending, false));
        }
        order.push(expr.sort(!key.descending, false));
    }
    if table.records {
        order.extend(total_order());
    }
    table.frame = table.frame.sort(order).map_err(planned)?;
    table.sorted = true;
    Ok(table)
}

/// Records in their total order, newest first, unless they are in another that was asked for.
pub(super) fn newest_first(mut table: Table) -> Result<Table, ReadError> {
    if !table.sorted {
        table.frame = table.frame.sort(total_order()).map_err(planned)?;
        table.sorted = true;
    }
    Ok(table)
}

fn total_order() -> Vec<SortExpr> {
    ["timestamp", "partition", "offset", "topic"]
        .map(|name| ident(name).sort(false, false))
        .to_vec()
}
