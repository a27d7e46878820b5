//! `where FILTER`: the search syntax over the rows of the table before.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{cast, ident};
use timberline_proto::query::ast::Filter;

use super::{Table, planned};
use crate::read::ReadError;
use crate::read::functions::where_test;

pub(super) fn lower(mut table: Table, filter: &Filter) -> Result<Table, ReadError> {
    let mut any = false;
    let mut named = std::collections::BTreeSet::new();
    filter.for_each_leaf(&mut |leaf, _| match &leaf.field {
        Some(field) => {
            named.insert(super::column_name(&field.name).to_owned());
        }
        None => any = true,
    });
    let columns = table.frame.schema().fields().iter();
    let columns = columns.filter(|column| any || named.contains(column.name()));
    let columns = columns.map(|column| (column.name().clone(), cast(ident(column.name()), DataType::Utf8)));
    let test = where_test(filter, columns.collect())?;
    table.frame = table.frame.filter(test).map_err(planned)?;
    Ok(table)
}
