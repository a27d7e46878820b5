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
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};

use super::{Counting, Groups, Means, Value, bytes_of};
use crate::read::engine::{BATCH_ROWS_MAX, carried};
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
}

/// The table of counts.
#[derive(Debug)]
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
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Ok(Arc::new(CountsExec {
            table: Arc::new(Self {
                source: self.source.clone(),
                counting: self.counting.clone(),
                schema,
                outputs,
                present: self.present.clone(),
                always: self.always,
            }),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }
}

impl CountsTable {
    fn batches(&self, groups: Groups) -> Result<Vec<RecordBatch>> {
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
            let columns = columns.map(|(output, field)| Ok(cast(&column(*output, rows), field.data_type())?));
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

fn column(output: Output, rows: &[(Box<[Value]>, u64)]) -> ArrayRef {
    let count = |(_, rows): &(Box<[Value]>, u64)| i64::try_from(*rows).unwrap_or(i64::MAX);
    match output {
        Output::Count => Arc::new(rows.iter().map(|row| Some(count(row))).collect::<Int64Array>()),
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

/// Counts, when it is run.
#[derive(Debug)]
pub(super) struct CountsExec {
    table: Arc<CountsTable>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl DisplayAs for CountsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counting = &self.table.counting;
        let splits = self.table.source.view.snapshot.splits.len();
        let filter = &counting.selection.filter;
        write!(
            f,
            "CountsExec: by={:?}, filter=[{filter}], splits={splits}",
            counting.keys
        )
    }
}

impl ExecutionPlan for CountsExec {
    fn name(&self) -> &'static str {
        "CountsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let table = Arc::clone(&self.table);
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&table.schema), 1);
        let sender = stream.tx();
        let counter = |name| MetricBuilder::new(&self.metrics).counter(name, partition);
        let (cached, pages_read, rows_tested) =
            (counter("splits_cached"), counter("pages_read"), counter("rows_tested"));
        let output_rows = MetricBuilder::new(&self.metrics).output_rows(partition);
        let memory = MemoryConsumer::new("counts").register(context.memory_pool());
        stream.spawn_blocking(move || {
            let running = &table.source.running;
            let means = Means {
                view: &table.source.view,
                cache: &table.source.view.cache,
                running,
                threads: table.source.threads,
            };
            let groups = table.counting.run(means).map_err(carried)?;
            memory.try_grow(2 * bytes_of(&groups))?;
            cached.add(running.progress_counts().splits_cached);
            pages_read.add(running.progress_counts().pages_read);
            rows_tested.add(running.progress_counts().rows_scanned);
            for batch in table.batches(groups)? {
                output_rows.add(batch.num_rows());
                if sender.blocking_send(Ok(batch)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        Ok(stream.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
