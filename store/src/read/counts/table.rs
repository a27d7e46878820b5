//! Counts as a table for DataFusion: a row per group.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, TimestampNanosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::ends::Ends;
use super::{Counting, Groups, Value, bytes_of};
use crate::read::engine::{BATCH_ROWS_MAX, carried};
use crate::read::leaf_exec::{self, LeafExec, Reading};
use crate::read::provider::Source;

/// A column of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// The value of the key of this number.
    Key(usize),
    /// Rows.
    Count,
    /// Rows, where the key of this number has a value.
    CountOf(usize),
    /// The first time of all rows, of counts without keys. The next: the last.
    First,
    Last,
}

/// The table of counts.
#[derive(Clone, Debug)]
pub(super) struct CountsTable {
    pub(super) source: Source,
    pub(super) counting: Counting,
    pub(super) schema: SchemaRef,
    pub(super) outputs: Vec<Output>,
    /// Keys without a value make no row.
    pub(super) present: Vec<usize>,
    /// Whether rows are wanted even if nothing is counted: an aggregate without keys has one.
    pub(super) always: bool,
}

#[async_trait::async_trait]
impl TableProvider for CountsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (schema, outputs) = match projection {
            None => (Arc::clone(&self.schema), self.outputs.clone()),
            Some(projection) => (
                Arc::new(self.schema.project(projection)?),
                projection.iter().map(|&at| self.outputs[at]).collect(),
            ),
        };
        let table = Self {
            source: self.source.clone(),
            counting: self.counting.clone(),
            schema: Arc::clone(&schema),
            outputs,
            present: self.present.clone(),
            always: self.always,
        };
        Ok(Arc::new(LeafExec::new(table, schema, 1)))
    }
}

impl CountsTable {
    fn batches(&self, groups: Groups, ends: Ends) -> Result<Vec<RecordBatch>> {
        let has_all = |(values, _): &(Box<[Value]>, u64)| {
            let mut present = self.present.iter();
            present.all(|&key| values[key] != Value::Text(None))
        };
        let mut rows: Vec<_> = groups.into_iter().filter(has_all).collect();
        if rows.is_empty() && self.always {
            rows.push((Box::default(), 0));
        }
        let batch = |rows: &[(Box<[Value]>, u64)]| {
            let columns = self.outputs.iter().zip(self.schema.fields());
            let columns = columns.map(|(output, field)| Ok(cast(&column(*output, rows, ends), field.data_type())?));
            let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            Ok(RecordBatch::try_new_with_options(
                Arc::clone(&self.schema),
                columns,
                &options,
            )?)
        };
        rows.chunks(BATCH_ROWS_MAX).map(batch).collect()
    }
}

fn column(output: Output, rows: &[(Box<[Value]>, u64)], ends: Ends) -> ArrayRef {
    let times = |time: Option<i64>| Arc::new(TimestampNanosecondArray::from(vec![time; rows.len()]));
    let count = |(_, rows): &(Box<[Value]>, u64)| i64::try_from(*rows).unwrap_or(i64::MAX);
    match output {
        Output::Count => Arc::new(rows.iter().map(|row| Some(count(row))).collect::<Int64Array>()),
        Output::First => times(ends.first),
        Output::Last => times(ends.last),
        Output::CountOf(key) => {
            let count = |row: &(Box<[Value]>, u64)| match row.0.get(key) {
                None | Some(Value::Text(None)) => 0,
                Some(_) => count(row),
            };
            Arc::new(rows.iter().map(|row| Some(count(row))).collect::<Int64Array>())
        }
        Output::Key(key) => {
            let is_time = rows
                .iter()
                .any(|(values, _)| matches!(values.get(key), Some(Value::Time(_))));
            if is_time {
                let time = |(values, _): &(Box<[Value]>, u64)| match values[key] {
                    Value::Time(nanos) => Some(nanos),
                    Value::Text(_) => None,
                };
                return Arc::new(rows.iter().map(time).collect::<TimestampNanosecondArray>());
            }
            let text = |(values, _): &'_ (Box<[Value]>, u64)| match &values[key] {
                Value::Text(text) => text.clone(),
                Value::Time(_) => None,
            };
            let texts: Vec<_> = rows.iter().map(text).collect();
            Arc::new(texts.iter().map(Option::as_deref).collect::<StringArray>())
        }
    }
}

impl Reading for CountsTable {
    const NAME: &'static str = "CountsExec";

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let splits = self.source.view.snapshot.splits.len();
        let (keys, filter) = (&self.counting.keys, &self.counting.selection.filter);
        write!(f, "by={keys:?}, filter=[{filter}], splits={splits}")
    }

    fn run(&self, to: &leaf_exec::Output) -> Result<()> {
        let running = &self.source.running;
        let ends = Ends::find(&self.source, &self.outputs).map_err(carried)?;
        let is_end = |output: &Output| matches!(output, Output::First | Output::Last);
        let groups = match !self.outputs.is_empty() && self.outputs.iter().all(is_end) {
            true => Groups::default(),
            false => self.counting.run(self.source.means()).map_err(carried)?,
        };
        let memory = MemoryConsumer::new("counts").register(to.context.memory_pool());
        memory.try_grow(2 * bytes_of(&groups))?;
        for (name, count) in running.costs() {
            to.counter(name).add(count);
        }
        for batch in self.batches(groups, ends)? {
            if !to.send(batch) {
                break;
            }
        }
        Ok(())
    }

    fn fresh(&self) -> Self {
        self.clone()
    }
}
