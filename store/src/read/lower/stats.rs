//! `stats count() as n, p99(x) by host, bin(timestamp, 5m)`, ordered by what it groups by.
//!
//! | function | of a field |
//! |---|---|
//! | count | rows that have it; `count()`: all |
//! | count_distinct | distinct values, as text |
//! | approx_distinct | the same by HyperLogLog, off by about 1 % |
//! | sum avg stddev variance p50… | of the values that are or read as numbers |
//! | approx_p50… | the same by t-digest |
//! | min max | of the numbers; of the texts if there is no number; times as times |
//! | histogram | the numbers per bucket |
//! | first last | value of the earliest or latest row that has it |
//! | rate per_minute … | rows, or the sum of the numbers, per second of the bin, else of the time range |
//!
//! Each may have a condition: `count(if status >= 500)`.

use datafusion::arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn::floor;
use datafusion::functions_aggregate::expr_fn as aggregate;
use datafusion::functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion::functions_aggregate::percentile_cont::percentile_cont;
use datafusion::functions_aggregate::variance::var_sample;
use datafusion::logical_expr::expr::NullTreatment;
use datafusion::logical_expr::{Expr, ExprFunctionExt, SortExpr, cast, ident, lit};
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::{Aggregate, AggregateFunction, BinWidth, Field, GroupKey, Span, Stats, Zone};

use super::expr::{self, Kind, Value};
use super::{Lowering, Table, column, column_name, planned, range, sort};
use crate::read::ReadError;
use crate::read::aggregates::{histogram, mixed_max, mixed_min};
use crate::read::bins::Bins;
use crate::read::functions::num;

pub(super) async fn lower(lowering: &Lowering, mut table: Table, stats: &Stats) -> Result<Table, ReadError> {
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
    let rates = rates(lowering, &table, stats).await?;
    let order: Vec<SortExpr> = keys.iter().map(|(name, _)| ident(name).sort(true, false)).collect();
    let names: Vec<String> = keys.iter().map(|(name, _)| name.clone()).collect();
    let keys = keys.into_iter().map(|(name, expr)| expr.alias(name)).collect();
    let mut frame = table.frame.aggregate(keys, aggregates).map_err(planned)?;
    if let Some(seconds) = rates {
        let columns = names
            .iter()
            .map(ident)
            .chain(stats.aggregates.iter().map(|call| per(call, &seconds)));
        frame = frame.select(columns.collect::<Vec<_>>()).map_err(planned)?;
    }
    if !order.is_empty() {
        frame = frame.sort(order.clone()).map_err(planned)?;
    }
    table.frame = frame;
    table.becomes(order);
    Ok(table)
}

/// A column, divided by seconds if it is a rate.
pub(super) fn per(call: &Aggregate, seconds: &Expr) -> Expr {
    let value = ident(&call.name);
    match call.function {
        AggregateFunction::Rate(nanos) => {
            let of = lit(nanos as f64 / 1e9);
            (cast(value, DataType::Float64) * of / seconds.clone()).alias(&call.name)
        }
        _ => value,
    }
}

/// How many seconds each row of the answer stands for, if any function asks.
async fn rates(lowering: &Lowering, table: &Table, stats: &Stats) -> Result<Option<Expr>, ReadError> {
    let Some(call) = stats
        .aggregates
        .iter()
        .find(|call| matches!(call.function, AggregateFunction::Rate(_)))
    else {
        return Ok(None);
    };
    let bin = stats.by.iter().find_map(|key| match key {
        GroupKey::Bin {
            width: width @ (BinWidth::Nanos(_) | BinWidth::Months(_)),
            zone,
            name,
            ..
        } => Some((*width, zone.as_ref(), name)),
        _ => None,
    });
    if let Some((width, zone, name)) = bin {
        return Ok(Some(Bins::new(width, zone)?.seconds(ident(name))));
    }
    if !table.frame.schema().has_column_with_unqualified_name("timestamp") {
        return Err(wrong(
            call.span,
            "a rate is of records, or of bins of time: put it before what makes a table of them",
        ));
    }
    let (first, last) = range::of(lowering, table).await?;
    let nanos = i128::from(last) - i128::from(first) + 1;
    Ok(Some(lit(nanos as f64 / 1e9)))
}

fn wrong(span: Span, message: &str) -> ReadError {
    ReadError::Query(QueryError {
        message: message.to_owned(),
        span,
        suggestion: None,
    })
}

/// A grouping expression and its column's name.
fn group_key(table: &Table, key: &GroupKey) -> Result<(String, Expr), ReadError> {
    match key {
        GroupKey::Field(field) => Ok((column_name(&field.name).to_owned(), column(table, field)?)),
        GroupKey::Bin {
            field,
            width,
            zone,
            name,
            span,
        } => Ok((name.clone(), bin(table, field, *width, zone.as_ref(), *span)?)),
    }
}

fn bin(table: &Table, field: &Field, width: BinWidth, zone: Option<&Zone>, span: Span) -> Result<Expr, ReadError> {
    let expr = column(table, field)?;
    let is_time = is_time(table, field);
    match (width, is_time) {
        (BinWidth::Number(width), false) if width > 0.0 => Ok(floor(num(expr) / lit(width)) * lit(width)),
        (BinWidth::Nanos(_) | BinWidth::Months(_), true) => Ok(Bins::new(width, zone)?.expr(expr)),
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

fn is_time(table: &Table, field: &Field) -> bool {
    let known = table
        .frame
        .schema()
        .field_with_unqualified_name(column_name(&field.name));
    known.is_ok_and(|known| matches!(known.data_type(), DataType::Timestamp(..)))
}

/// An aggregate under its name.
pub(super) fn aggregate_expr(table: &Table, call: &Aggregate) -> Result<Expr, ReadError> {
    let expr = call.field.as_ref().map(|field| column(table, field)).transpose()?;
    let condition = call
        .condition
        .as_ref()
        .map(|condition| expr::condition(table, condition))
        .transpose()?;
    let plan = function(table, call, expr)?;
    let plan = match condition {
        Some(condition) => plan.filter(condition).build().map_err(planned)?,
        None => plan,
    };
    Ok(plan.alias(&call.name))
}

fn function(table: &Table, call: &Aggregate, expr: Option<Expr>) -> Result<Expr, ReadError> {
    use AggregateFunction::{
        ApproxDistinct, ApproxPercentile, Avg, Count, CountDistinct, First, Histogram, Last, Max, Min, Percentile,
        Rate, Stddev, Sum, Variance,
    };
    let Some(expr) = expr else {
        return match call.function {
            Count | Rate(_) => Ok(aggregate::count(lit(1))),
            _ => Err(wrong(call.span, "only count() and rate() go without a field")),
        };
    };
    Ok(match call.function {
        Count => aggregate::count(expr),
        CountDistinct => aggregate::count_distinct(expr),
        ApproxDistinct => aggregate::approx_distinct(expr),
        Sum | Rate(_) => aggregate::sum(num(expr)),
        Avg => aggregate::avg(num(expr)),
        Min | Max => extreme(table, call, expr),
        Percentile(p) => percentile_cont(num(expr).sort(true, false), lit(p / 100.0)),
        ApproxPercentile(p) => aggregate::approx_percentile_cont(num(expr).sort(true, false), lit(p / 100.0), None),
        Stddev => aggregate::stddev(num(expr)),
        Variance => var_sample(num(expr)),
        Histogram(width) => histogram(num(expr), width),
        First => edge(table, expr, true)?,
        Last => edge(table, expr, false)?,
    })
}

/// Times are compared as times, numbers as numbers, and texts as what they read as.
fn extreme(table: &Table, call: &Aggregate, expr: Expr) -> Expr {
    let name = call.field.as_ref().map_or("", |field| column_name(&field.name));
    let known = table.frame.schema().field_with_unqualified_name(name);
    let kind = known.map_or(Kind::Text, |known| expr::kind_of(known.data_type()));
    let smallest = call.function == AggregateFunction::Min;
    match (kind, smallest) {
        (Kind::Time | Kind::Number, true) => aggregate::min(expr),
        (Kind::Time | Kind::Number, false) => aggregate::max(expr),
        (_, true) => mixed_min(Value { plan: expr, kind }.text()),
        (_, false) => mixed_max(Value { plan: expr, kind }.text()),
    }
}

/// The value of the first or last row: by time for records, else in the order that the rows have.
fn edge(table: &Table, expr: Expr, first: bool) -> Result<Expr, ReadError> {
    let order: Vec<SortExpr> = match table.records {
        true => sort::total_order().iter().map(sort::reversed).collect(),
        false => sort::usable(table),
    };
    let function = if first { first_value_udaf() } else { last_value_udaf() };
    let call = function
        .call(vec![expr])
        .order_by(order)
        .null_treatment(NullTreatment::IgnoreNulls);
    call.build().map_err(planned)
}
