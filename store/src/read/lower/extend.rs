//! `extend name = expression, …`: a column of that name is replaced.

use timberline_proto::query::ast::Assignment;

use super::{Table, column_name, expr, with_column};
use crate::read::ReadError;

pub(super) fn lower(mut table: Table, all: &[Assignment]) -> Result<Table, ReadError> {
    for one in all {
        let value = expr::value(&table, &one.value)?.plan;
        table = with_column(table, column_name(&one.name.name), value)?;
    }
    Ok(table)
}
