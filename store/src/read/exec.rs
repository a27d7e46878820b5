//! The scan below every table: reads its pages and live rows, tests them, makes batches.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::physical_plan::metrics::{Count, Time};

use crate::rows::RowBlock;
use crate::split::{Columns, PageQuery, SplitError};

use super::columns::{batch, empty_batch, needed};
use super::engine::carried;
use super::leaf::{can_fill, columns_of};
use super::leaf_exec::{LeafExec, Output, Reading};
use super::matching::{Deciders, matching};
use super::open_page::OpenPage;
use super::provider::Source;
use super::row::RowView;
use super::running::add;
use super::scan::{PageUnit, Unit};

/// Reads the chosen pages and live rows of `logs`. Its partitions take units from one list.
#[derive(Debug)]
pub(crate) struct LogsScan {
    source: Source,
    schema: SchemaRef,
    units: Arc<Vec<Unit>>,
    next_unit: AtomicUsize,
    /// Rows that are enough, counted over all partitions.
    limit: Option<usize>,
    rows_sent: AtomicUsize,
    deciders: Deciders,
    /// What the index was asked, for `EXPLAIN`.
    index: PageQuery,
    index_time: Duration,
}

impl LogsScan {
    /// The node of a plan that reads `units`.
    pub(crate) fn node(
        source: Source,
        schema: SchemaRef,
        units: Vec<Unit>,
        (index, index_time): (PageQuery, Duration),
        limit: Option<usize>,
    ) -> LeafExec<Self> {
        let threads = source.threads.min(units.len()).max(1);
        let mut scan = Self::new(source, Arc::clone(&schema), Arc::new(units), index, limit);
        scan.index_time = index_time;
        LeafExec::new(scan, schema, threads)
    }

    fn new(source: Source, schema: SchemaRef, units: Arc<Vec<Unit>>, index: PageQuery, limit: Option<usize>) -> Self {
        Self {
            deciders: Deciders::new(&source.view.cache, &source.selection, &source.running),
            source,
            schema,
            units,
            next_unit: AtomicUsize::new(0),
            limit,
            rows_sent: AtomicUsize::new(0),
            index,
            index_time: Duration::ZERO,
        }
    }
}

impl Reading for LogsScan {
    const NAME: &'static str = "LogsScan";

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meter = &self.source.running.meter;
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let pages = self.units.iter().filter(|unit| matches!(unit, Unit::Page(_))).count();
        let sum = |of: fn(&Unit) -> u64| self.units.iter().map(of).sum::<u64>();
        write!(
            f,
            "splits={} skipped={}, pages={} kept={pages}, rows={} kept_at_most={}, bytes={} kept={}, live_blocks={}, index={:?}",
            of(&meter.splits_total),
            of(&meter.splits_skipped),
            of(&meter.pages_total),
            of(&meter.page_rows_total),
            sum(Unit::rows),
            of(&meter.page_bytes_total),
            sum(Unit::file_bytes),
            self.units.len() - pages,
            self.index,
        )?;
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        let columns: Vec<_> = self.schema.fields().iter().map(|f| f.name().as_str()).collect();
        write!(f, ", columns=[{}]", columns.join(", "))
    }

    fn run(&self, to: &Output) -> Result<()> {
        let work = Work {
            scan: self,
            source: &self.source,
            schema: &self.schema,
            columns: needed(&self.schema),
            to,
            units_read: to.counter("units_read"),
            rows_tested: to.counter("rows_tested"),
            pages_decided: to.counter("pages_decided"),
            line_bytes: to.counter("line_bytes"),
            page_bytes: to.counter("page_bytes"),
            index_time: to.timer("index_time"),
            test_time: to.timer("test_time"),
            column_time: to.timer("column_time"),
        };
        if to.is_first() {
            work.index_time.add_duration(self.index_time);
        }
        work.run()
    }

    fn fresh(&self) -> Self {
        Self::new(
            self.source.clone(),
            Arc::clone(&self.schema),
            Arc::clone(&self.units),
            self.index.clone(),
            self.limit,
        )
    }
}

/// One partition's reading.
struct Work<'a> {
    scan: &'a LogsScan,
    source: &'a Source,
    schema: &'a SchemaRef,
    columns: Columns,
    to: &'a Output,
    units_read: Count,
    rows_tested: Count,
    /// Pages of which template, stream and severity said that no row matches.
    pages_decided: Count,
    line_bytes: Count,
    /// Bytes in their files of the pages that were read.
    page_bytes: Count,
    /// What choosing pages by the index took, while planning.
    index_time: Time,
    /// What finding the rows that match took, and what filling columns did.
    test_time: Time,
    column_time: Time,
}

impl Work<'_> {
    fn run(self) -> Result<()> {
        let scan = self.scan;
        while let Some(unit) = scan.units.get(scan.next_unit.fetch_add(1, Ordering::Relaxed)) {
            self.source.running.check().map_err(carried)?;
            if scan.rows_sent.load(Ordering::Relaxed) >= scan.limit.unwrap_or(usize::MAX) {
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
        if self.source.view.limits.hides() {
            return self.shown(unit);
        }
        let (min, max) = unit.times();
        let all = self.source.selection.takes_all(min, max);
        if all && self.schema.fields().is_empty() {
            return Ok(self.send(empty_batch(self.schema, unit.rows() as usize)?));
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

    /// What is masked is tested row by row: nothing else is known of it.
    fn shown(&self, unit: &Unit) -> Result<bool> {
        let rows = {
            let _timer = self.column_time.timer();
            self.source.view.shown(unit, &self.source.running)
        };
        self.source.running.check().map_err(carried)?;
        let Some(rows) = rows else { return Ok(true) };
        self.units_read.add(1);
        self.page_bytes.add(unit.file_bytes() as usize);
        self.line_bytes.add(rows.block.line_bytes());
        self.rows(&rows.topic, &rows.block, rows.first, false)
    }

    /// The rows of a page that match. One that cannot be read has none, which the answer then says.
    fn page(&self, unit: &PageUnit, all: bool) -> Result<bool> {
        let running = &self.source.running;
        let found = {
            let _timer = self.test_time.timer();
            self.matching(unit, all)
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                unit.failed(&self.source.view, &error, running);
                None
            }
        };
        // What was stopped on the way has not found everything.
        running.check().map_err(carried)?;
        let Some((open, rows)) = found else { return Ok(true) };
        self.units_read.add(1);
        let by_column = can_fill(self.schema, &open);
        self.page_bytes.add(unit.bytes() as usize);
        for portion in rows.chunks(self.to.context.session_config().batch_size()) {
            let read = match by_column {
                true => self.columns(&open, portion).map(|(columns, bytes)| {
                    add(&running.meter.bytes_read, bytes);
                    add(&running.meter.rows_matched, portion.len());
                    self.line_bytes.add(bytes);
                    let options = RecordBatchOptions::new().with_row_count(Some(portion.len()));
                    let schema = Arc::clone(self.schema);
                    Ok(self.send(RecordBatch::try_new_with_options(schema, columns, &options)?))
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
                    let id = &unit.entry.meta.id;
                    self.source.view.failed(id, rows.len() as u64, &error, running);
                    return Ok(true);
                }
            }
            running.check().map_err(carried)?;
        }
        Ok(true)
    }

    fn columns(&self, open: &OpenPage, rows: &[u32]) -> Result<(Vec<ArrayRef>, usize), SplitError> {
        let _timer = self.column_time.timer();
        columns_of(self.schema, open, rows)
    }

    /// A page with its rows that match, ascending; `None` if there is none or the query was stopped.
    fn matching(&self, unit: &PageUnit, all: bool) -> Result<Option<(OpenPage, Vec<u32>)>, SplitError> {
        let running = &self.source.running;
        let split = self.source.view.split(&unit.entry)?;
        let decider = match all {
            true => None,
            false => Some(self.scan.deciders.of(&split, &unit.topic)?),
        };
        if let Some(decider) = &decider
            && decider.holds_none(unit.page)?
        {
            add(&running.meter.pages_decided, 1);
            self.pages_decided.add(1);
            return Ok(None);
        }
        let open = OpenPage::open(&unit.topic, &split, unit.page)?;
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
        for portion in views.chunks(self.to.context.session_config().batch_size()) {
            if !self.send(batch(self.schema, portion)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn send(&self, batch: RecordBatch) -> bool {
        self.scan.rows_sent.fetch_add(batch.num_rows(), Ordering::Relaxed);
        self.to.send(batch)
    }
}
