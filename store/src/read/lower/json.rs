//! `json [path [as name], …] [from field]`: members of a JSON text as columns.

use std::collections::BTreeSet;

use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{ident, lit};
use timberline_proto::query::ast::{Field, Renaming};

use super::{Table, column, column_name, with_column};
use crate::read::ReadError;
use crate::read::scalar::json::member;

/// `names` are those that any pipe of the query uses.
pub(super) fn lower(
    mut table: Table,
    paths: &[Renaming],
    from: Option<&Field>,
    names: &BTreeSet<String>,
) -> Result<Table, ReadError> {
    let text = match from {
        Some(from) => column(&table, from)?,
        None => super::line(&table)?,
    };
    for path in paths {
        let value = member(text.clone(), lit(path.from.name.clone()));
        table = with_column(table, column_name(&path.to.name), value)?;
    }
    // Members of the line are fields already.
    let Some(from) = from.filter(|_| paths.is_empty()) else {
        return Ok(table);
    };
    let prefix = format!("{}.", from.name);
    for name in names.iter().filter(|name| name.starts_with(&prefix)) {
        let value = member(text.clone(), lit(&name[prefix.len()..]));
        let there = table.frame.schema().has_column_with_unqualified_name(name);
        let value = if there {
            coalesce(vec![value, ident(name)])
        } else {
            value
        };
        table = with_column(table, name, value)?;
    }
    Ok(table)
}
