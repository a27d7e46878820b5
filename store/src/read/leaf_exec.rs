//! What the plans of DataFusion end in: nodes without inputs, which read on threads of their own.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, Time};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use tokio::sync::mpsc::Sender;

/// Batches that wait for who computes on them; beyond it the reading waits.
const BATCHES_WAITING_MAX: usize = 2;

/// What such a node reads.
pub(crate) trait Reading: fmt::Debug + Send + Sync + 'static {
    /// Its name in plans.
    const NAME: &'static str;

    /// What stands behind the name in plans.
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Reads one partition. Blocks.
    fn run(&self, to: &Output) -> Result<()>;

    /// The same, as if nothing was read yet.
    fn fresh(&self) -> Self;
}

/// Where a partition's batches go, and what it notes for `EXPLAIN ANALYZE`.
pub(crate) struct Output {
    partition: usize,
    sender: Sender<Result<RecordBatch>>,
    metrics: ExecutionPlanMetricsSet,
    rows: Count,
    pub(crate) context: Arc<TaskContext>,
}

impl Output {
    /// Whether it is the first partition: what is of all of them is noted once.
    pub(crate) fn is_first(&self) -> bool {
        self.partition == 0
    }

    /// A counter of this partition.
    pub(crate) fn counter(&self, name: &'static str) -> Count {
        MetricBuilder::new(&self.metrics).counter(name, self.partition)
    }

    /// A clock of this partition.
    pub(crate) fn timer(&self, name: &'static str) -> Time {
        MetricBuilder::new(&self.metrics).subset_time(name, self.partition)
    }

    /// Sends a batch; whether anyone listens still.
    pub(crate) fn send(&self, batch: RecordBatch) -> bool {
        if batch.num_rows() == 0 {
            return true;
        }
        self.rows.add(batch.num_rows());
        self.sender.blocking_send(Ok(batch)).is_ok()
    }
}

/// The node.
#[derive(Debug)]
pub(crate) struct LeafExec<R> {
    reading: Arc<R>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl<R: Reading> LeafExec<R> {
    pub(crate) fn new(reading: R, schema: SchemaRef, partitions: usize) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            reading: Arc::new(reading),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl<R: Reading> DisplayAs for LeafExec<R> {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", R::NAME)?;
        self.reading.describe(f)
    }
}

impl<R: Reading> ExecutionPlan for LeafExec<R> {
    fn name(&self) -> &'static str {
        R::NAME
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

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self {
            reading: Arc::new(self.reading.fresh()),
            properties: Arc::clone(&self.properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut stream = RecordBatchReceiverStream::builder(self.schema(), BATCHES_WAITING_MAX);
        let output = Output {
            partition,
            sender: stream.tx(),
            metrics: self.metrics.clone(),
            rows: MetricBuilder::new(&self.metrics).output_rows(partition),
            context,
        };
        let elapsed = MetricBuilder::new(&self.metrics).elapsed_compute(partition);
        let reading = Arc::clone(&self.reading);
        stream.spawn_blocking(move || {
            let _timer = elapsed.timer();
            reading.run(&output)
        });
        Ok(stream.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
