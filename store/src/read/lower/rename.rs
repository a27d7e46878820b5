//! `rename a as b, …`: other names for columns. A column that has the new name already goes.

use datafusion::logical_expr::{Expr, ident};
use timberline_proto::query::ast::Renaming;

use super::{Table, column, column_name, fields, planned};
use crate::read::ReadError;

pub(super) fn lower(mut table: Table, all: &[Renaming]) -> Result<Table, ReadError> {
    let mut shown = fields::shown(&table);
    for one in all {
        column(&table, &one.from)?;
        let from = column_name(&one.from.name).to_owned();
        if !shown.contains(&from) {
            shown.push(from);
        }
    }
    let to_of = |name: &str| {
        let found = all.iter().find(|one| column_name(&one.from.name) == name);
        found.map(|one| column_name(&one.to.name).to_owned())
    };
    let is_new = |name: &str| all.iter().any(|one| column_name(&one.to.name) == name);
    shown.retain(|name| !is_new(name) || to_of(name).is_some());
    // Records keep all their columns, those renamed too: what comes later may name and sort by them.
    let kept: Vec<String> = match table.records {
        true => table
            .frame
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect(),
        false => shown.clone(),
    };
    let mut columns: Vec<Expr> = Vec::new();
    for name in &kept {
        match to_of(name) {
            Some(to) => {
                columns.push(ident(name).alias(to));
                if table.records && !is_new(name) {
                    columns.push(ident(name));
                }
            }
            None if is_new(name) => {}
            None => columns.push(ident(name)),
        }
    }
    table.frame = table.frame.select(columns).map_err(planned)?;
    if table.records {
        table.shown = Some(shown.into_iter().map(|name| to_of(&name).unwrap_or(name)).collect());
        return Ok(table);
    }
    for key in &mut table.order {
        if let Expr::Column(column) = &key.expr
            && let Some(to) = to_of(&column.name)
        {
            key.expr = ident(to);
        }
    }
    Ok(table)
}
