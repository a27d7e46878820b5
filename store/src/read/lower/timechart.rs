//! `timechart [span=5m] count() [by level]`: stats by time, with gaps filled: a bin without
//! records has counts of 0 and no other values.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array, new_null_array};
use datafusion::arrow::array::{Int64Array, TimestampNanosecondArray};
use datafusion::arrow::compute::{cast, concat_batches, take};
use datafusion::arrow::datatypes::{DataType, TimestampNanosecondType};
use datafusion::arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{Expr, ident};
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::{AggregateFunction, Span, Timechart};

use super::stats::{aggregate_expr, time_bin};
use super::{Lowering, Table, column, column_name, planned};
use crate::read::ReadError;
use crate::read::time::{bin_start, round_width};

/// Bins where the width is chosen, about.
const BINS: u32 = 100;

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
    let (first, last) = range(lowering, &table).await?;
    let width = chart
        .span_nanos
        .filter(|&nanos| nanos > 0)
        .unwrap_or_else(|| round_width(first, last, BINS));

    let mut keys = vec![time_bin(ident("timestamp"), width).alias("timestamp")];
    for field in &chart.by {
        keys.push(column(&table, field)?.alias(column_name(&field.name)));
    }
    let aggregates = chart
        .aggregates
        .iter()
        .map(|a| aggregate_expr(&table, a))
        .collect::<Result<Vec<Expr>, _>>()?;
    let frame = table.frame.aggregate(keys, aggregates).map_err(planned)?;
    let columns: Vec<Expr> = frame
        .schema()
        .fields()
        .iter()
        .map(|field| ident(field.name()))
        .collect();
    let frame = frame.select(columns).map_err(planned)?;
    let order = (0..=chart.by.len())
        .map(|at| ident(frame.schema().field(at).name()).sort(true, false))
        .collect();
    let frame = frame.sort(order).map_err(planned)?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.map_err(planned)?;
    let batch = concat_batches(&schema, &batches).map_err(|error| planned(error.into()))?;
    let fill = Fill {
        batch: &batch,
        keys: chart.by.len(),
        first,
        last,
        width,
        rows_max: lowering.rows_max,
        zero: chart.aggregates.iter().map(|a| is_count(a.function)).collect(),
    };
    let filled = fill.run()?;
    table.frame = lowering.session.read_batch(filled).map_err(planned)?;
    table.records = false;
    table.sorted = true;
    Ok(table)
}

/// The range as asked, where it has ends; what was found decides the open ones, so that a few
/// records far away that do not match make no chart of empty bins.
async fn range(lowering: &Lowering, table: &Table) -> Result<(i64, i64), ReadError> {
    let asked = &lowering.range;
    if asked.first != i64::MIN && asked.last != i64::MAX {
        return Ok((asked.first, asked.last));
    }
    let ends = vec![
        min(ident("timestamp")).alias("first"),
        max(ident("timestamp")).alias("last"),
    ];
    let frame = table.frame.clone().aggregate(Vec::new(), ends).map_err(planned)?;
    let found = frame.collect().await.map_err(planned)?;
    let end = |column: usize| {
        let row = found.iter().find(|batch| batch.num_rows() > 0)?;
        let times = row.column(column).as_primitive_opt::<TimestampNanosecondType>()?;
        times.is_valid(0).then(|| times.value(0))
    };
    let first = if asked.first == i64::MIN {
        end(0).unwrap_or(0)
    } else {
        asked.first
    };
    let last = if asked.last == i64::MAX {
        end(1).unwrap_or(first)
    } else {
        asked.last
    };
    Ok((first, last.max(first)))
}

fn is_count(function: AggregateFunction) -> bool {
    matches!(function, AggregateFunction::Count | AggregateFunction::CountDistinct)
}

/// Fills the bins that no record fell into, for every series.
struct Fill<'a> {
    /// Columns: the bin's start, the keys, the aggregates.
    batch: &'a RecordBatch,
    keys: usize,
    first: i64,
    last: i64,
    width: i64,
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
            .map(|field| field.as_ref().clone().with_nullable(true))
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

    fn starts(
        &self,
        series: usize,
        times: &datafusion::arrow::array::PrimitiveArray<TimestampNanosecondType>,
    ) -> Result<Vec<i64>, ReadError> {
        let first = times
            .iter()
            .flatten()
            .min()
            .unwrap_or(i64::MAX)
            .min(bin_start(self.first, self.width));
        let last = times
            .iter()
            .flatten()
            .max()
            .unwrap_or(i64::MIN)
            .max(bin_start(self.last, self.width));
        let bins = (i128::from(last) - i128::from(first)) / i128::from(self.width) + 1;
        if bins.saturating_mul(series as i128) > self.rows_max as i128 {
            return Err(ReadError::Limit {
                what: format!("{bins} bins of {series} series are more than {} rows", self.rows_max),
                key: "query.rows_max",
            });
        }
        let starts = (0..bins.max(0)).map(|at| i128::from(first) + at * i128::from(self.width));
        Ok(starts.filter_map(|start| i64::try_from(start).ok()).collect())
    }
}

fn zeroed(values: &ArrayRef) -> Result<ArrayRef, datafusion::arrow::error::ArrowError> {
    let values = cast(values, &DataType::Int64)?;
    let values = values.as_primitive::<datafusion::arrow::datatypes::Int64Type>();
    Ok(Arc::new(
        values.iter().map(|n| Some(n.unwrap_or(0))).collect::<Int64Array>(),
    ))
}
