//! `fields a, b` keeps columns, `fields - a, b` drops them.

use datafusion::logical_expr::ident;
use timberline_proto::query::ast::Field;

use super::{Table, column, column_name, planned};
use crate::read::ReadError;

/// What is shown of records that no pipe chose columns of.
pub(super) const DEFAULT: [&str; 8] = [
    "timestamp",
    "severity",
    "host",
    "service",
    "file",
    "body",
    "id",
    "fields",
];

/// The columns that are shown, in their order.
pub(super) fn shown(table: &Table) -> Vec<String> {
    match (&table.shown, table.records) {
        (Some(shown), _) => shown.clone(),
        (None, true) => DEFAULT.map(str::to_owned).to_vec(),
        (None, false) => table
            .frame
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect(),
    }
}

pub(super) fn lower(mut table: Table, fields: &[Field], keep: bool) -> Result<Table, ReadError> {
    let before = shown(&table);
    let mut shown = Vec::new();
    if keep {
        for field in fields {
            column(&table, field)?;
            let name = column_name(&field.name).to_owned();
            if !shown.contains(&name) {
                shown.push(name);
            }
        }
    } else {
        let dropped = |name: &String| fields.iter().any(|field| column_name(&field.name) == name);
        shown.extend(before.into_iter().filter(|name| !dropped(name)));
    }
    if shown.is_empty() {
        return Err(ReadError::BadRequest(
            "fields drops every column: keep at least one".to_owned(),
        ));
    }
    if table.records {
        // Dropped columns may still be what later pipes name or sort by.
        table.shown = Some(shown);
    } else {
        table.frame = table
            .frame
            .select(shown.iter().map(ident).collect::<Vec<_>>())
            .map_err(planned)?;
    }
    Ok(table)
}
