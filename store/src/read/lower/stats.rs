//! `stats count() as n, p99(x) by host, bin(timestamp, 5m)`, ordered by what it groups by.
//!
//! | function | of a field |
//! |---|---|
//! | count | records that have it; `count()`: all |
//! | dc | distinct values, as text |
//! | sum avg min max p50… | of the values that are or read as numbers |
//! | first last | value of the earliest or latest record that has it |

use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNanoType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::functions::datetime::expr_fn::date_bin;
use datafusion::functions::math::expr_fn::floor;
use datafusion::functions_aggregate::expr_fn as aggregate;
use datafusion::functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion::functions_aggregate::percentile_cont::percentile_cont;
use datafusion::logical_expr::expr::NullTreatment;
use datafusion::logical_expr::{Expr, ExprFunctionExt, SortExpr, ident, lit};
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::{Aggregate, AggregateFunction, BinWidth, Field, GroupKey, Span, Stats};

use super::{Table, column, column_name, planned};
use crate::read::ReadError;
use crate::read::functions::num;

pub(super) fn lower(mut table: Table, stats: &Stats) -> Result<Table, ReadError> {
    let keys = stats
        .by
        .iter()
        .map(|key| group_key(&table, key))
        .collect::<Result<Vec<_>, _>>()?;
    let aggregates = stats
        .aggregates
        .iter()
        .map(|a| aggregate_expr(&table, a))
        .collect::<Result<Vec<_>, _>>()?;
    let order: Vec<SortExpr> = keys.iter().map(|(name, _)| ident(name).sort(true, false)).collect();
    let keys = keys.into_iter().map(|(name, expr)| expr.alias(name)).collect();
    let mut frame = table.frame.aggregate(keys, aggregates).map_err(planned)?;
    if !order.is_empty() {
        frame = frame.sort(order).map_err(planned)?;
    }
    table.frame = frame;
    table.records = false;
    table.sorted = true;
    Ok(table)
}

/// A grouping expression and its column's name.
fn group_key(table: &Table, key: &GroupKey) -> Result<(String, Expr), ReadError> {
    match key {
        GroupKey::Field(field) => Ok((column_name(&field.name).to_owned(), column(table, field)?)),
        GroupKey::Bin {
            field,
            width,
            name,
            span,
        } => Ok((name.clone(), bin(table, field, *width, *span)?)),
    }
}

fn bin(table: &Table, field: &Field, width: BinWidth, span: Span) -> Result<Expr, ReadError> {
    let expr = column(table, field)?;
    let known = table
        .frame
        .schema()
        .field_with_unqualified_name(column_name(&field.name));
    let is_time = known.is_ok_and(|known| matches!(known.data_type(), DataType::Timestamp(..)));
    match (width, is_time) {
        (BinWidth::Nanos(nanos), true) if nanos > 0 => Ok(time_bin(expr, nanos)),
        (BinWidth::Number(width), false) if width > 0.0 => Ok(floor(num(expr) / lit(width)) * lit(width)),
        (_, is_time) => Err(ReadError::Query(QueryError {
            message: format!(
                "{:?} is {}: its bins have a width like {}",
                field.name,
                if is_time { "a time" } else { "no time" },
                if is_time { "5m" } else { "100" }
            ),
            span,
            suggestion: None,
        })),
    }
}

/// A time rounded down to a bin's start; bins are counted from the epoch.
pub(super) fn time_bin(time: Expr, nanos: i64) -> Expr {
    let width = IntervalMonthDayNanoType::make_value(0, 0, nanos);
    let epoch = ScalarValue::TimestampNanosecond(Some(0), Some("+00:00".into()));
    let kind = DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()));
    let bin = date_bin(
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(width)), None),
        time,
        Expr::Literal(epoch, None),
    );
    datafusion::logical_expr::cast(bin, kind)
}

/// An aggregate under its name.
pub(super) fn aggregate_expr(table: &Table, call: &Aggregate) -> Result<Expr, ReadError> {
    let expr = call.field.as_ref().map(|field| column(table, field)).transpose()?;
    let expr = match (call.function, expr) {
        (AggregateFunction::Count, None) => aggregate::count(lit(1)),
        (AggregateFunction::Count, Some(expr)) => aggregate::count(expr),
        (_, None) => {
            return Err(ReadError::Query(QueryError {
                message: "only count() goes without a field".to_owned(),
                span: call.span,
                suggestion: None,
            }));
        }
        (AggregateFunction::CountDistinct, Some(expr)) => aggregate::count_distinct(expr),
        (AggregateFunction::Sum, Some(expr)) => aggregate::sum(num(expr)),
        (AggregateFunction::Avg, Some(expr)) => aggregate::avg(num(expr)),
        (AggregateFunction::Min, Some(expr)) => aggregate::min(ordered(table, call, expr)),
        (AggregateFunction::Max, Some(expr)) => aggregate::max(ordered(table, call, expr)),
        (AggregateFunction::Percentile(p), Some(expr)) => percentile_cont(num(expr).sort(true, false), lit(p / 100.0)),
        (AggregateFunction::First, Some(expr)) => edge(table, expr, true)?,
        (AggregateFunction::Last, Some(expr)) => edge(table, expr, false)?,
    };
    Ok(expr.alias(&call.name))
}

/// Times are compared as times, everything else as numbers.
fn ordered(table: &Table, call: &Aggregate, expr: Expr) -> Expr {
    let name = call.field.as_ref().map_or("", |field| column_name(&field.name));
    let known = table.frame.schema().field_with_unqualified_name(name);
    match known.is_ok_and(|field| matches!(field.data_type(), DataType::Timestamp(..))) {
        true => expr,
        false => num(expr),
    }
}

fn edge(table: &Table, expr: Expr, first: bool) -> Result<Expr, ReadError> {
    let order = match table.records {
        true => ["timestamp", "partition", "offset", "topic"]
            .map(|name| ident(name).sort(true, false))
            .to_vec(),
        false => Vec::new(),
    };
    let function = if first { first_value_udaf() } else { last_value_udaf() };
    let call = function
        .call(vec![expr])
        .order_by(order)
        .null_treatment(NullTreatment::IgnoreNulls);
    call.build().map_err(planned)
}
