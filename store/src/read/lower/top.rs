//! `top [N] field, …`: the most frequent values of records that have all the fields, with count
//! and percent; `rare [N] field, …`: the least frequent.

use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{Expr, ExprFunctionExt, WindowFunctionDefinition, cast, ident, lit};
use timberline_proto::query::ast::Field;

use super::{Table, column, column_name, planned};
use crate::read::ReadError;

pub(super) fn lower(mut table: Table, limit: u64, fields: &[Field], rarest: bool) -> Result<Table, ReadError> {
    let keys = fields
        .iter()
        .map(|field| column(&table, field))
        .collect::<Result<Vec<Expr>, _>>()?;
    let present = keys.iter().cloned().map(Expr::is_not_null).reduce(Expr::and);
    let frame = match present {
        Some(present) => table.frame.filter(present).map_err(planned)?,
        None => table.frame,
    };
    let frame = frame
        .aggregate(keys, vec![count(lit(1)).alias("count")])
        .map_err(planned)?;
    let frame = frame.window(vec![total()?.alias("total")]).map_err(planned)?;
    let percent = cast(ident("count"), DataType::Float64) * lit(100.0) / cast(ident("total"), DataType::Float64);
    let names: Vec<_> = fields.iter().map(|field| column_name(&field.name)).collect();
    let mut shown: Vec<Expr> = names.iter().map(|name| ident(*name)).collect();
    shown.extend([ident("count"), percent.alias("percent")]);
    let frame = frame.select(shown).map_err(planned)?;
    let mut order = vec![ident("count").sort(rarest, false)];
    order.extend(names.iter().map(|name| ident(*name).sort(true, false)));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    table.frame = frame
        .sort(order.clone())
        .and_then(|frame| frame.limit(0, Some(limit)))
        .map_err(planned)?;
    table.becomes(order);
    Ok(table)
}

/// The sum of all counts, beside each.
pub(super) fn total() -> Result<Expr, ReadError> {
    let Expr::AggregateFunction(function) = sum(ident("count")) else {
        return Err(ReadError::Internal("sum is no aggregate".to_owned()));
    };
    let function = WindowFunctionDefinition::AggregateUDF(function.func);
    let window = datafusion::logical_expr::expr::WindowFunction::new(function, vec![ident("count")]);
    Expr::from(window).partition_by(Vec::new()).build().map_err(planned)
}
