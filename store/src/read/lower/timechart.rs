//! `timechart [span=1d] [tz=Europe/Berlin] [limit=5] count() [by level]`: stats by time, with gaps
//! filled: a bin without records has counts and rates of 0 and no other values.
//!
//! With a limit the series that are largest by the first function over the whole range stay, and
//! the records of all others are one series called `other`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array, new_null_array};
use datafusion::arrow::array::{Float64Array, Int64Array, TimestampNanosecondArray};
use datafusion::arrow::compute::{cast, concat_batches, take};
use datafusion::arrow::datatypes::{DataType, Float64Type, TimestampNanosecondType};
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::logical_expr::{Expr, ident};
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::{AggregateFunction, BinWidth, Span, Timechart};

use super::stats::{aggregate_expr, per};
use super::{Lowering, Table, column, column_name, planned, range};
use crate::read::ReadError;
use crate::read::bins::Bins;
use crate::read::functions::num;
use crate::read::memory::{batch_bytes, collected};
use crate::read::scalar::call;
use crate::read::time::round_width;

/// Bins where the width is chosen, about.
const BINS: u32 = 100;
/// The series of all others, unless one of the largest has that name.
const OTHER: &str = "other";

pub(super) async fn lower(
    lowering: &Lowering,
    mut table: Table,
    chart: &Timechart,
    span: Span,
) -> Result<Table, ReadError> {
    if !table.records {
        return Err(ReadError::Query(QueryError {
            message: "timechart works on records: put it before what makes a table of them".to_owned(),
            span,
            suggestion: None,
        }));
    }
    let (first, last) = range::of(lowering, &table).await?;
    let width = chart
        .width
        .unwrap_or_else(|| BinWidth::Nanos(round_width(first, last, BINS)));
    let bins = Bins::new(width, chart.zone.as_ref())?;

    let aggregates = chart
        .aggregates
        .iter()
        .map(|a| aggregate_expr(&table, a))
        .collect::<Result<Vec<Expr>, _>>()?;
    let mut keys = vec![bins.expr(ident("timestamp")).alias("timestamp")];
    keys.extend(series(lowering, &table, chart, &aggregates).await?);
    let frame = table.frame.aggregate(keys, aggregates).map_err(planned)?;
    let seconds = bins.seconds(ident("timestamp"));
    let names = frame.schema().fields().iter().map(|field| field.name().clone());
    let mut columns: Vec<Expr> = names.take(1 + chart.by.len()).map(ident).collect();
    columns.extend(chart.aggregates.iter().map(|call| per(call, &seconds)));
    let frame = frame.select(columns).map_err(planned)?;
    let order: Vec<_> = (0..=chart.by.len())
        .map(|at| ident(frame.schema().field(at).name()).sort(true, false))
        .collect();
    let frame = frame.sort(order.clone()).map_err(planned)?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let held = lowering.hold("timechart");
    let batches = collected(frame, lowering.rows_max, &held).await?;
    // For a moment they are there twice.
    held.grow(batches.iter().map(batch_bytes).sum())?;
    let batch = concat_batches(&schema, &batches).map_err(|error| planned(error.into()))?;
    let fill = Fill {
        batch: &batch,
        keys: chart.by.len(),
        first,
        last,
        bins: &bins,
        rows_max: lowering.rows_max,
        zero: chart.aggregates.iter().map(|a| is_zero(a.function)).collect(),
    };
    let filled = fill.run()?;
    held.grow(batch_bytes(&filled))?;
    table.frame = lowering.session.read_batch(filled).map_err(planned)?;
    table.becomes(order);
    Ok(table)
}

/// The keys of the series, under their names.
async fn series(
    lowering: &Lowering,
    table: &Table,
    chart: &Timechart,
    aggregates: &[Expr],
) -> Result<Vec<Expr>, ReadError> {
    let keys = chart
        .by
        .iter()
        .map(|field| Ok(column(table, field)?.alias(column_name(&field.name))))
        .collect::<Result<Vec<Expr>, ReadError>>()?;
    let limit = chart.limit.and_then(|limit| usize::try_from(limit).ok());
    let (Some(limit), false) = (limit, keys.is_empty()) else {
        return Ok(keys);
    };
    let frame = table.frame.clone();
    let frame = frame
        .aggregate(keys.clone(), aggregates[..1].to_vec())
        .map_err(planned)?;
    let names: Vec<String> = frame
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let mut order = vec![num(ident(&names[keys.len()])).sort(false, false)];
    order.extend(names[..keys.len()].iter().map(|name| ident(name).sort(true, false)));
    // One more, to know whether there are others.
    let largest = frame
        .sort(order)
        .and_then(|frame| frame.limit(0, Some(limit.saturating_add(1).min(lowering.rows_max))))
        .map_err(planned)?;
    let batches = collected(largest, lowering.rows_max, &lowering.hold("timechart")).await?;
    let mut kept: Vec<Vec<Option<String>>> = Vec::new();
    for batch in &batches {
        let texts = texts(&batch.columns()[..keys.len()]).map_err(|error| planned(error.into()))?;
        kept.extend((0..batch.num_rows()).map(|row| key_of(&texts, row)));
    }
    if kept.len() <= limit {
        return Ok(keys);
    }
    kept.truncate(limit);
    let rest = name_of_rest(&kept);
    let kept: Arc<HashSet<Vec<Option<String>>>> = Arc::new(kept.into_iter().collect());
    let bare: Vec<Expr> = keys.iter().map(|key| key.clone().unalias()).collect();
    let limited = names[..keys.len()].iter().enumerate().map(|(at, name)| {
        let (kept, rest) = (Arc::clone(&kept), rest.clone());
        let parameters = format!("{at} {rest} {:?}", kept.iter().collect::<BTreeSet<_>>());
        let key = call("series", parameters, DataType::Utf8, bare.clone(), move |args| {
            let columns = (0..args.len()).map(|at| args.text(at)).collect::<Result<Vec<_>, _>>()?;
            let of_row = |row| {
                let key = key_of(&columns, row);
                if kept.contains(&key) {
                    key[at].clone()
                } else {
                    Some(rest.clone())
                }
            };
            Ok(Arc::new((0..args.rows).map(of_row).collect::<StringArray>()))
        });
        key.alias(name)
    });
    Ok(limited.collect())
}

fn texts(columns: &[ArrayRef]) -> Result<Vec<StringArray>, datafusion::arrow::error::ArrowError> {
    let text = |column: &ArrayRef| Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone());
    columns.iter().map(text).collect()
}

fn key_of(columns: &[StringArray], row: usize) -> Vec<Option<String>> {
    let value = |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
    columns.iter().map(value).collect()
}

/// Whether nothing found is 0 and not unknown.
fn is_zero(function: AggregateFunction) -> bool {
    matches!(
        function,
        AggregateFunction::Count
            | AggregateFunction::CountDistinct
            | AggregateFunction::ApproxDistinct
            | AggregateFunction::Rate(_)
    )
}

/// Fills the bins that no record fell into, for every series.
struct Fill<'a> {
    /// Columns: the bin's start, the keys, the aggregates.
    batch: &'a RecordBatch,
    keys: usize,
    first: i64,
    last: i64,
    bins: &'a Bins,
    rows_max: usize,
    zero: Vec<bool>,
}

impl Fill<'_> {
    fn run(&self) -> Result<RecordBatch, ReadError> {
        let arrow = |error: datafusion::arrow::error::ArrowError| planned(error.into());
        let rows = self.batch.num_rows();
        let times = self.batch.column(0).as_primitive::<TimestampNanosecondType>();
        let (series, of_row) = self.series().map_err(arrow)?;
        let found: BTreeMap<(i64, usize), u32> = (0..rows)
            .map(|row| ((times.value(row), of_row[row]), row as u32))
            .collect();
        let starts = self.starts(series.len().max(1), times)?;
        let mut bins = Vec::new();
        let mut taken = Vec::new();
        let mut representative = Vec::new();
        for &start in &starts {
            for (at, &row_of_series) in series.iter().enumerate() {
                bins.push(start);
                taken.push(found.get(&(start, at)).copied());
                representative.push(row_of_series);
            }
        }
        let taken = UInt32Array::from(taken);
        let representative = UInt32Array::from(representative);
        let bins: ArrayRef = Arc::new(TimestampNanosecondArray::from(bins));
        let schema = self.batch.schema();
        let mut columns = vec![cast(&bins, schema.field(0).data_type()).map_err(arrow)?];
        for key in 1..=self.keys {
            columns.push(match rows {
                0 => new_null_array(schema.field(key).data_type(), representative.len()),
                _ => take(self.batch.column(key), &representative, None).map_err(arrow)?,
            });
        }
        for (at, &zero) in self.zero.iter().enumerate() {
            let column = self.batch.column(1 + self.keys + at);
            let values = match rows {
                0 => new_null_array(column.data_type(), taken.len()),
                _ => take(column, &taken, None).map_err(arrow)?,
            };
            columns.push(if zero { zeroed(&values).map_err(arrow)? } else { values });
        }
        let fields: Vec<_> = schema
            .fields()
            .iter()
            .zip(&columns)
            .map(|(field, column)| {
                let field = field.as_ref().clone().with_nullable(true);
                field.with_data_type(column.data_type().clone())
            })
            .collect();
        let schema = Arc::new(datafusion::arrow::datatypes::Schema::new(fields));
        RecordBatch::try_new(schema, columns).map_err(arrow)
    }

    /// A row of each series, and the series of each row. Without keys there is one, even of no rows.
    fn series(&self) -> Result<(Vec<u32>, Vec<usize>), datafusion::arrow::error::ArrowError> {
        if self.keys == 0 {
            return Ok((vec![0], vec![0; self.batch.num_rows()]));
        }
        let keys = &self.batch.columns()[1..=self.keys];
        let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
        let converter = RowConverter::new(fields)?;
        let rows = converter.convert_columns(keys)?;
        let mut known: BTreeMap<OwnedRow, (usize, u32)> = BTreeMap::new();
        for (at, row) in rows.iter().enumerate() {
            let next = known.len();
            known.entry(row.owned()).or_insert((next, at as u32));
        }
        // Series in the order of their keys, so that rows of one bin are ordered by key.
        let place: BTreeMap<usize, usize> = known.values().enumerate().map(|(at, (old, _))| (*old, at)).collect();
        let of_row = rows.iter().map(|row| place[&known[&row.owned()].0]).collect();
        Ok((known.values().map(|(_, row)| *row).collect(), of_row))
    }

    /// The starts of all bins of the range, and of every bin that was found.
    fn starts(
        &self,
        series: usize,
        times: &datafusion::arrow::array::PrimitiveArray<TimestampNanosecondType>,
    ) -> Result<BTreeSet<i64>, ReadError> {
        let mut starts: BTreeSet<i64> = times.iter().flatten().collect();
        let mut next = Some(self.bins.start(self.first));
        while let Some(start) = next.filter(|start| *start <= self.last) {
            starts.insert(start);
            if starts.len().saturating_mul(series) > self.rows_max {
                return Err(ReadError::Limit {
                    what: format!("{series} series of such bins are more than {} rows", self.rows_max),
                    key: "query.rows_max",
                });
            }
            next = self.bins.next(start);
        }
        Ok(starts)
    }
}

fn zeroed(values: &ArrayRef) -> Result<ArrayRef, datafusion::arrow::error::ArrowError> {
    if values.data_type().is_floating() {
        let values = values.as_primitive::<Float64Type>();
        return Ok(Arc::new(
            values.iter().map(|n| Some(n.unwrap_or(0.0))).collect::<Float64Array>(),
        ));
    }
    let values = cast(values, &DataType::Int64)?;
    let values = values.as_primitive::<datafusion::arrow::datatypes::Int64Type>();
    Ok(Arc::new(
        values.iter().map(|n| Some(n.unwrap_or(0))).collect::<Int64Array>(),
    ))
}

/// A name for the series of all others that no series kept has.
fn name_of_rest(kept: &[Vec<Option<String>>]) -> String {
    let mut name = OTHER.to_owned();
    while kept
        .iter()
        .flatten()
        .any(|value| value.as_deref() == Some(name.as_str()))
    {
        name.push_str(" (rest)");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_has_a_name_that_no_series_kept_has() {
        let kept = |names: &[&str]| -> Vec<Vec<Option<String>>> {
            names.iter().map(|name| vec![Some((*name).to_owned()), None]).collect()
        };
        assert_eq!(name_of_rest(&kept(&["web-1"])), "other");
        assert_eq!(name_of_rest(&kept(&["other", "web-1"])), "other (rest)");
    }
}
