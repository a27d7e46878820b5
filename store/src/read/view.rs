//! What one query sees: live rows fixed first, then one catalog snapshot with its positions.
//!
//! A row is published before it leaves the live rows, so taking the live blocks first never hides
//! one; dropping live rows below the snapshot's positions never shows one twice.

use std::sync::Arc;

use crate::catalog::{Catalog, CatalogSplit, Snapshot};
use crate::live::{LiveRows, Reading};
use crate::rows::RowBlock;
use crate::split::{Columns, Split, SplitError};

use super::cache::Cache;
use super::limits::Limits;
use super::running::Running;
use super::scan::{Rows, Unit};
use super::topics::Topics;

/// Where the reader finds the files of the catalog's splits.
pub trait Splits: Send + Sync + std::fmt::Debug {
    /// The open split. Blocks.
    ///
    /// # Errors
    /// [`SplitError`]
    fn split(&self, split: &CatalogSplit) -> Result<Arc<Split>, SplitError>;
    /// Opens the file anew, quarantined or not, reads all of it and checks all of it. Blocks.
    ///
    /// # Errors
    /// [`SplitError`]
    fn check(&self, split: &CatalogSplit) -> Result<(), SplitError>;
}

/// Live rows that no split of the snapshot holds: those from `first` on.
#[derive(Clone, Debug)]
pub(crate) struct LivePart {
    pub(crate) topic: Arc<str>,
    pub(crate) rows: Arc<RowBlock>,
    pub(crate) first: usize,
    pub(crate) time_min: i64,
    pub(crate) time_max: i64,
}

/// What one query sees. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) live: Arc<[LivePart]>,
    /// What is kept of splits.
    pub(crate) cache: Arc<Cache>,
    /// What of it is seen. Rows are read by [`View::shown`] where they hide fields.
    pub(crate) limits: Arc<Limits>,
    splits: Arc<dyn Splits>,
    catalog: Catalog,
    _reading: Reading,
}

impl View {
    pub(crate) fn take(
        live: &dyn LiveRows,
        catalog: &Catalog,
        splits: &Arc<dyn Splits>,
        cache: &Arc<Cache>,
        limits: &Arc<Limits>,
    ) -> Self {
        let reading = live.reading();
        let blocks = live.blocks();
        let snapshot = catalog.snapshot();
        let live = blocks.into_iter().filter_map(|block| {
            let published = snapshot.positions.get(&(block.topic.clone(), block.partition));
            let next_offset = published.map_or(0, |position| position.next_offset);
            let first = block.rows.offsets().partition_point(|&offset| offset < next_offset);
            let times = &block.rows.times()[first..];
            Some(LivePart {
                topic: Arc::from(block.topic.as_str()),
                first,
                time_min: *times.iter().min()?,
                time_max: *times.iter().max()?,
                rows: block.rows,
            })
        });
        let rows = live.collect();
        Self {
            live: rows,
            snapshot,
            cache: Arc::clone(cache),
            limits: Arc::clone(limits),
            splits: Arc::clone(splits),
            catalog: catalog.clone(),
            _reading: reading,
        }
    }

    /// Without other topics.
    pub(crate) fn only(mut self, topics: &Topics) -> Self {
        self.snapshot = topics.of_snapshot(self.snapshot);
        if !self.live.iter().all(|part| topics.has(&part.topic)) {
            self.live = self
                .live
                .iter()
                .filter(|part| topics.has(&part.topic))
                .cloned()
                .collect();
        }
        self
    }

    /// Opens a split. One that cannot be read is left out, and the answer says so.
    pub(crate) fn open(&self, split: &CatalogSplit, running: &Running) -> Option<Arc<Split>> {
        if let Some(reason) = &split.quarantined {
            running.note_partial(format!(
                "split {} ({} records) is left out: {reason}",
                split.meta.id, split.meta.rows
            ));
            return None;
        }
        match self.splits.split(split) {
            Ok(open) => Some(open),
            Err(error) => {
                self.failed(&split.meta.id, split.meta.rows, &error, running);
                None
            }
        }
    }

    /// The open split.
    ///
    /// # Errors
    /// [`SplitError`]
    pub(crate) fn split(&self, split: &CatalogSplit) -> Result<Arc<Split>, SplitError> {
        self.splits.split(split)
    }

    /// Takes note that a split, or a page of it, cannot be read.
    pub(crate) fn failed(&self, id: &str, rows: u64, error: &SplitError, running: &Running) {
        if matches!(error, SplitError::Stopped) {
            return;
        }
        running.note_partial(format!("{rows} records of split {id} are left out: {error}"));
        tracing::error!(split = id, %error, "split cannot be read");
        // Each mark is a transaction: a split of many unreadable pages is marked by the first.
        let is_marked = || {
            let now = self.catalog.snapshot();
            now.split(id).is_none_or(|split| split.quarantined.is_some())
        };
        if let SplitError::Damaged { what, .. } = error
            && !is_marked()
            && let Err(error) = self.catalog.quarantine(id, what)
        {
            tracing::error!(split = id, %error, "split cannot be quarantined");
        }
    }

    /// The rows of a unit as they are seen; `None` if they cannot be read, which the answer then says.
    pub(crate) fn shown(&self, unit: &Unit, running: &Running) -> Option<Rows> {
        let everything = Columns {
            line: true,
            provenance: true,
            attributes: true,
        };
        let rows = unit.read(self, everything, running)?;
        if self.limits.is_none() {
            return Some(rows);
        }
        Some(Rows {
            block: Arc::new(self.limits.block(&rows.block, rows.first, &rows.topic)),
            first: 0,
            topic: rows.topic,
        })
    }

    /// The earliest and the latest time of all rows.
    pub(crate) fn time_bounds(&self) -> Option<(i64, i64)> {
        let splits = self.snapshot.splits.iter().map(|s| (s.meta.time_min, s.meta.time_max));
        let live = self.live.iter().map(|part| (part.time_min, part.time_max));
        splits.chain(live).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}
