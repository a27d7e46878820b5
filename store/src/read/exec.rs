//! The scan below every table: reads its pages and live rows, tests them, makes batches.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use tokio::sync::mpsc::Sender;

use crate::rows::RowBlock;
use crate::split::{Columns, PageQuery, SplitError};

use super::columns::{batch, empty_batch, needed};
use super::engine::{BATCH_ROWS_MAX, carried};
use super::leaf::{can_fill, columns_of};
use super::matching::{Deciders, matching};
use super::open_page::OpenPage;
use super::provider::Source;
use super::row::RowView;
use super::running::add;
use super::scan::{PageUnit, Unit};

/// Batches that wait for who computes on them; beyond it the scan waits.
const BATCHES_WAITING_MAX: usize = 2;

/// Reads the chosen pages and live rows of `logs`. Its partitions take units from one list.
#[derive(Debug)]
pub(crate) struct LogsScan {
    source: Source,
    units: Arc<Vec<Unit>>,
    next_unit: Arc<AtomicUsize>,
    /// Rows that are enough, counted over all partitions.
    limit: Option<usize>,
    rows_sent: Arc<AtomicUsize>,
    deciders: Arc<Deciders>,
    /// What the index was asked, for `EXPLAIN`.
    index: PageQuery,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl LogsScan {
    pub(crate) fn new(
        source: Source,
        schema: SchemaRef,
        units: Vec<Unit>,
        index: PageQuery,
        limit: Option<usize>,
    ) -> Self {
        let threads = source.threads.min(units.len()).max(1);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(threads),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            deciders: Arc::new(Deciders::new(&source.view.cache, &source.selection)),
            source,
            units: Arc::new(units),
            next_unit: Arc::default(),
            limit,
            rows_sent: Arc::default(),
            index,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for LogsScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let progress = self.source.running.progress();
        let pages = self.units.iter().filter(|unit| matches!(unit, Unit::Page(_))).count();
        let rows: u64 = self.units.iter().map(Unit::rows).sum();
        write!(
            f,
            "LogsScan: splits={} skipped={}, pages={} kept={pages}, live_blocks={}, rows_at_most={rows}, index={:?}",
            progress.splits_total,
            progress.splits_skipped,
            progress.pages_total,
            self.units.len() - pages,
            self.index,
        )?;
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        let columns: Vec<_> = self
            .properties
            .eq_properties
            .schema()
            .fields()
            .iter()
            .map(|f| f.name().as_str())
            .collect();
        write!(f, ", columns=[{}]", columns.join(", "))
    }
}

impl ExecutionPlan for LogsScan {
    fn name(&self) -> &'static str {
        "LogsScan"
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
        let mut fresh = Self::new(
            self.source.clone(),
            self.schema(),
            Vec::new(),
            self.index.clone(),
            self.limit,
        );
        fresh.units = Arc::clone(&self.units);
        fresh.properties = Arc::clone(&self.properties);
        Ok(Arc::new(fresh))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&schema), BATCHES_WAITING_MAX);
        let counter = |name| MetricBuilder::new(&self.metrics).counter(name, partition);
        let columns = needed(&schema);
        let work = Work {
            source: self.source.clone(),
            columns,
            deciders: Arc::clone(&self.deciders),
            schema,
            units: Arc::clone(&self.units),
            next_unit: Arc::clone(&self.next_unit),
            limit: self.limit.unwrap_or(usize::MAX),
            rows_sent: Arc::clone(&self.rows_sent),
            sender: stream.tx(),
            output_rows: MetricBuilder::new(&self.metrics).output_rows(partition),
            units_read: counter("units_read"),
            rows_tested: counter("rows_tested"),
            pages_decided: counter("pages_decided"),
            line_bytes: counter("line_bytes"),
        };
        stream.spawn_blocking(move || work.run());
        Ok(stream.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// One partition's reading.
struct Work {
    source: Source,
    columns: Columns,
    deciders: Arc<Deciders>,
    schema: SchemaRef,
    units: Arc<Vec<Unit>>,
    next_unit: Arc<AtomicUsize>,
    limit: usize,
    rows_sent: Arc<AtomicUsize>,
    sender: Sender<Result<RecordBatch>>,
    output_rows: Count,
    units_read: Count,
    rows_tested: Count,
    /// Pages of which template, stream and severity said that no row matches.
    pages_decided: Count,
    line_bytes: Count,
}

impl Work {
    fn run(self) -> Result<()> {
        while let Some(unit) = self.units.get(self.next_unit.fetch_add(1, Ordering::Relaxed)) {
            self.source.running.check().map_err(carried)?;
            if self.rows_sent.load(Ordering::Relaxed) >= self.limit {
                break;
            }
            if !self.unit(unit)? {
                break;
            }
        }
        Ok(())
    }

    /// Reads one unit; whether anyone listens still.
    fn unit(&self, unit: &Unit) -> Result<bool> {
        let (min, max) = unit.times();
        let all = self.source.selection.takes_all(min, max);
        if all && self.schema.fields().is_empty() {
            return self.send(empty_batch(&self.schema, unit.rows() as usize)?);
        }
        match unit {
            Unit::Page(page) => self.page(page, all),
            Unit::Live(part) => {
                let running = &self.source.running;
                add(&running.meter.rows_scanned, part.rows.len() - part.first);
                self.units_read.add(1);
                self.rows(&part.topic, &part.rows, part.first, all)
            }
        }
    }

    /// The rows of a page that match. One that cannot be read has none, which the answer then says.
    fn page(&self, unit: &PageUnit, all: bool) -> Result<bool> {
        let running = &self.source.running;
        let found = match self.matching(unit, all) {
            Ok(found) => found,
            Err(error) => {
                let rows = unit.split.pages()[unit.page as usize].rows;
                let id = &unit.split.meta().id;
                self.source.view.failed(id, u64::from(rows), &error, running);
                None
            }
        };
        // What was stopped on the way has not found everything.
        running.check().map_err(carried)?;
        let Some((open, rows)) = found else { return Ok(true) };
        self.units_read.add(1);
        let by_column = can_fill(&self.schema, &open);
        for portion in rows.chunks(BATCH_ROWS_MAX) {
            let read = match by_column {
                true => columns_of(&self.schema, &open, portion).map(|(columns, bytes)| {
                    add(&running.meter.bytes_read, bytes);
                    add(&running.meter.rows_matched, portion.len());
                    self.line_bytes.add(bytes);
                    let options = RecordBatchOptions::new().with_row_count(Some(portion.len()));
                    let schema = Arc::clone(&self.schema);
                    self.send(RecordBatch::try_new_with_options(schema, columns, &options)?)
                }),
                false => open.rows(portion, self.columns).map(|block| {
                    add(&running.meter.bytes_read, block.line_bytes());
                    self.line_bytes.add(block.line_bytes());
                    self.rows(&unit.topic, &block, 0, true)
                }),
            };
            match read {
                Ok(sent) => {
                    if !sent? {
                        return Ok(false);
                    }
                }
                Err(error) => {
                    let id = &unit.split.meta().id;
                    self.source.view.failed(id, rows.len() as u64, &error, running);
                    return Ok(true);
                }
            }
            running.check().map_err(carried)?;
        }
        Ok(true)
    }

    /// A page with its rows that match, ascending; `None` if there is none or the query was stopped.
    fn matching(&self, unit: &PageUnit, all: bool) -> Result<Option<(OpenPage, Vec<u32>)>, SplitError> {
        let running = &self.source.running;
        let decider = match all {
            true => None,
            false => Some(self.deciders.of(&unit.split, &unit.topic)?),
        };
        if let Some(decider) = &decider
            && decider.holds_none(unit.page)?
        {
            add(&running.meter.pages_decided, 1);
            self.pages_decided.add(1);
            return Ok(None);
        }
        let open = OpenPage::open(&unit.topic, &unit.split, unit.page)?;
        add(&running.meter.pages_read, 1);
        add(&running.meter.rows_scanned, open.core.rows());
        let rows = match &decider {
            None => (0..open.core.rows() as u32).collect(),
            Some(decider) => {
                self.rows_tested.add(open.core.rows());
                match matching(&self.source.selection, decider, &open, running)? {
                    Some(rows) => rows,
                    None => return Ok(None),
                }
            }
        };
        Ok((!rows.is_empty()).then_some((open, rows)))
    }

    /// Sends the rows from `first` on, of those that match if not `all` do.
    fn rows(&self, topic: &str, block: &RowBlock, first: usize, all: bool) -> Result<bool> {
        let mut views = Vec::new();
        for at in first..block.len() {
            let view = RowView::new(block.row(at), topic);
            if all || self.source.selection.matches(&view) {
                views.push(view);
            }
        }
        add(&self.source.running.meter.rows_matched, views.len());
        for portion in views.chunks(BATCH_ROWS_MAX) {
            if !self.send(batch(&self.schema, portion)?)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn send(&self, batch: RecordBatch) -> Result<bool> {
        if batch.num_rows() == 0 {
            return Ok(true);
        }
        self.output_rows.add(batch.num_rows());
        self.rows_sent.fetch_add(batch.num_rows(), Ordering::Relaxed);
        Ok(self.sender.blocking_send(Ok(batch)).is_ok())
    }
}
