//! Erasing and changing records: a split is replaced by one without them, or with them as they are to be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use timberline_proto::batch::{AttributeValue, BatchHeader, LogBatch};
use timberline_proto::id::IncarnationId;
use timberline_queue::PartitionInfo;

use super::context::Context;
use super::decode::Decoder;
use super::flush::FlushError;
use super::source::{FetchFrom, SourceError};
use crate::catalog::{CatalogError, CatalogSplit, ErasureWork, Guard, SplitErasure, now_nanos};
use crate::crash::CrashPoint;
use crate::integrity::{LogTree, Removal, punctured, redacted};
use crate::rows::{Row, RowBlock, StreamId};
use crate::split::{Columns, SplitError, SplitMeta, SplitOptions, SplitStream};

/// Partition and offset.
pub(crate) type RowPlace = (u32, u64);

/// What a record is changed to. Its time, its place and its stream stay.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Changed {
    pub(crate) line: Vec<u8>,
    pub(crate) attributes: Vec<(String, AttributeValue)>,
}

/// What happens to a split's rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rewrite {
    /// These go.
    pub(crate) gone: BTreeSet<RowPlace>,
    /// These become others.
    pub(crate) changed: BTreeMap<RowPlace, Changed>,
}

/// What is noted of a rewrite, by the id of the split that stands in the place of another.
type Noted<'a> = &'a dyn Fn(Option<&str>) -> ErasureWork;

/// Why it is done, what may forbid it, and for which request.
#[derive(Clone, Copy)]
pub(crate) struct RewriteFor<'a> {
    pub(crate) removal: &'a Removal,
    pub(crate) guard: Guard,
    /// The request's id, and what is noted there of the split that stands in the place of another.
    pub(crate) request: Option<(&'a str, Noted<'a>)>,
}

impl Context {
    /// Replaces a split by one without the rows at these partitions and offsets; `None` if that
    /// leaves none, and it was deleted. What is left of an erased row is its leaf in its tree, of
    /// which the salt cannot be had any more; the log says that, why, and by whom. The old file goes
    /// when no query reads it any more. Durable on return.
    ///
    /// # Errors
    /// [`FlushError`]; nothing is erased then.
    pub(crate) fn erase_rows(
        &self,
        split: &Arc<CatalogSplit>,
        gone: &BTreeSet<RowPlace>,
        removal: &Removal,
    ) -> Result<Option<SplitMeta>, FlushError> {
        let rewrite = Rewrite {
            gone: gone.clone(),
            changed: BTreeMap::new(),
        };
        let why = RewriteFor {
            removal,
            guard: Guard::HoldsAndMinimums,
            request: None,
        };
        self.rewrite_rows(split, &rewrite, &why)
    }

    /// As [`erase_rows`](Self::erase_rows), and rows that become others keep their place; those are in a
    /// tree of their own from then on.
    ///
    /// # Errors
    /// [`FlushError`]; nothing is changed then.
    pub(crate) fn rewrite_rows(
        &self,
        split: &Arc<CatalogSplit>,
        rewrite: &Rewrite,
        why: &RewriteFor<'_>,
    ) -> Result<Option<SplitMeta>, FlushError> {
        let _alone = self.merging.lock();
        let snapshot = self.catalog.snapshot();
        let now = self.options.clock.now_unix_nanos();
        if snapshot.split(&split.meta.id).is_none() {
            return Err(not_there(split).into());
        }
        if let Some(keeping) = why.guard.of(&snapshot, split, now) {
            return Err(kept(split, keeping).into());
        }
        drop(snapshot);
        let open = self.open_split(split)?;
        let places = rewrite.changed.keys().copied().collect();
        let (mut integrity, erased) = punctured(&open, &split.topic, &rewrite.gone, &places)?;
        let options = SplitOptions {
            zstd_level: self.options.merge_zstd_level,
            ..self.options.split.clone()
        };
        let mut output = SplitStream::create(self.files.dir(), &options, split.meta.level)?;
        let mut changed = RowBlock::new();
        let mut kept_rows = 0;
        for page in 0..open.pages().len() as u32 {
            let rows = open.read_page(page, Columns::ALL)?;
            open.forget_templates();
            kept_rows += push_kept(&mut output, &rows, rewrite, &mut changed)?;
        }
        if kept_rows == 0 {
            drop(output);
            let work = why.request.map(|(id, work)| (id, work(None)));
            let work = work.as_ref().map(|(id, work)| (*id, work));
            let ids = [split.meta.id.clone()];
            let deleted = self.catalog.delete_noting(&ids, why.removal, now, why.guard, work)?;
            if deleted.is_empty() {
                return Err(self.why_kept(split, why.guard).into());
            }
            drop(open);
            self.files.drop_when_unused([Arc::clone(split)]);
            return Ok(None);
        }
        let added = match integrity.trees.is_empty() {
            true => None,
            false => redacted(&mut integrity, rand::random(), &split.topic, &in_order(&changed)),
        };
        if !integrity.trees.is_empty() {
            output.set_integrity(integrity);
        }
        let meta = output.finish()?;
        let times = || changed.times().iter().copied();
        let added = added.map(|tree| LogTree {
            tree: tree.id_text(),
            topic: split.topic.clone(),
            root: tree.root,
            leaves: tree.leaves(),
            ranges: ranges_of(&changed),
            time_min: times().min().unwrap_or(split.meta.time_min),
            time_max: times().max().unwrap_or(split.meta.time_max),
            at: now_nanos(),
        });
        let work = why.request.map(|(id, work)| (id, work(Some(&meta.id))));
        let by = SplitErasure {
            meta: &meta,
            erased: &erased,
            added: added.as_ref(),
            removal: why.removal,
            guard: why.guard,
            work: work.as_ref().map(|(id, work)| (*id, work)),
        };
        if self.dies_at(CrashPoint::ErasureWritten) {
            return Ok(Some(meta));
        }
        if let Err(error) = self.catalog.erase(&split.topic, &split.meta.id, &by) {
            // Where the commit failed it may be found made after a crash: then the file must stay.
            if !matches!(error, CatalogError::Commit(_)) {
                self.files.remove(&meta.id);
            }
            return Err(error.into());
        }
        drop(open);
        self.files.drop_when_unused([Arc::clone(split)]);
        self.dies_at(CrashPoint::ErasureReplaced);
        Ok(Some(meta))
    }

    /// Why nothing of a split is erased, or that it is not there.
    fn why_kept(&self, split: &CatalogSplit, guard: Guard) -> CatalogError {
        let now = self.options.clock.now_unix_nanos();
        match guard.of(&self.catalog.snapshot(), split, now) {
            Some(keeping) => kept(split, keeping),
            None => not_there(split),
        }
    }
}

fn kept(split: &CatalogSplit, why: String) -> CatalogError {
    CatalogError::Kept {
        id: split.meta.id.clone(),
        why,
    }
}

fn not_there(split: &CatalogSplit) -> CatalogError {
    CatalogError::NotThere {
        id: split.meta.id.clone(),
    }
}

/// Adds the rows that stay, changed or not; how many.
fn push_kept(
    output: &mut SplitStream,
    rows: &RowBlock,
    rewrite: &Rewrite,
    changed: &mut RowBlock,
) -> Result<usize, SplitError> {
    let mut kept = 0;
    for (number, row) in rows.rows().enumerate() {
        let place = (row.partition, row.offset);
        if rewrite.gone.contains(&place) {
            continue;
        }
        kept += 1;
        match rewrite.changed.get(&place) {
            None => output.push(rows, number..number + 1)?,
            Some(to) => {
                let mut alone = RowBlock::new();
                let row = Row {
                    template: 0,
                    line: &to.line,
                    attributes: &to.attributes,
                    ..row
                };
                alone.push(&row);
                changed.push(&row);
                output.push(&alone, 0..1)?
            }
        };
    }
    Ok(kept)
}

/// The rows ascending by partition and offset.
fn in_order(rows: &RowBlock) -> RowBlock {
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_unstable_by_key(|&row| (rows.partitions()[row as usize], rows.offsets()[row as usize]));
    rows.select(&order)
}

/// Partition, first and last offset.
fn ranges_of(rows: &RowBlock) -> Vec<(u32, u64, u64)> {
    let mut ranges: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for (&partition, &offset) in rows.partitions().iter().zip(rows.offsets()) {
        let range = ranges.entry(partition).or_insert((offset, offset));
        *range = (range.0.min(offset), range.1.max(offset));
    }
    let ranges = ranges.into_iter();
    ranges
        .map(|(partition, (first, last))| (partition, first, last))
        .collect()
}

/// A partition of the queue whose records are looked at, up to an offset.
#[derive(Clone, Debug)]
pub(crate) struct QueueRange {
    pub(crate) topic: String,
    pub(crate) partition: u32,
    pub(crate) incarnation: IncarnationId,
    pub(crate) to: u64,
}

impl Context {
    /// The partitions of the queue as they are now, without the store's own topics.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`]
    pub(crate) fn queue_ranges(&self) -> Result<Vec<QueueRange>, SourceError> {
        let found = self.source.partitions()?.into_iter();
        let range = |info: PartitionInfo| QueueRange {
            topic: info.topic,
            partition: info.partition,
            incarnation: info.incarnation,
            to: info.end_offset,
        };
        Ok(found.map(range).collect())
    }

    /// Offsets of records that the queue still holds and that `is_meant` takes. Reads all that is held below
    /// the range's end, whatever was published of it.
    ///
    /// # Errors
    /// [`SourceError`]
    pub(crate) fn find_in_queue(
        &self,
        range: &QueueRange,
        is_meant: &mut dyn FnMut(&str, &Row<'_>) -> bool,
    ) -> Result<BTreeSet<u64>, SourceError> {
        let mut found = BTreeSet::new();
        let info = self.source.partitions()?.into_iter();
        let info = info
            .filter(|info| info.topic == range.topic && info.partition == range.partition)
            .find(|info| info.incarnation == range.incarnation);
        // A partition that is gone, or is another one now, holds nothing of it.
        let Some(info) = info else { return Ok(found) };
        let known = self.catalog.snapshot();
        let mut decoder = Decoder::default();
        let mut at = info.start_offset;
        while at < range.to {
            let fetched = self.source.fetch(&FetchFrom {
                topic: &range.topic,
                partition: range.partition,
                incarnation: range.incarnation,
                offset: at,
                bytes_max: self.options.fetch_bytes_max,
                wait: Duration::ZERO,
            });
            let fetched = match fetched {
                // Retention took the beginning meanwhile.
                Err(SourceError::OutOfRange { partition, .. }) if partition.start_offset > at => {
                    at = partition.start_offset;
                    continue;
                }
                other => other?,
            };
            for bytes in &fetched.batches {
                let Ok(header) = BatchHeader::parse(bytes) else {
                    continue;
                };
                let Ok(batch) = LogBatch::parse(bytes, self.options.unpacked_bytes_max) else {
                    continue;
                };
                let mut rows = RowBlock::new();
                if batch.marker.is_none() {
                    decoder.decode(&batch, range.partition, 0, &known, &mut rows);
                }
                let meant = rows
                    .rows()
                    .filter(|row| row.offset < range.to && is_meant(&range.topic, row));
                found.extend(meant.map(|row| row.offset));
                at = at.max((header.base_offset.max(0) as u64).saturating_add(u64::from(header.record_count)));
            }
            if fetched.next_offset <= at && fetched.batches.is_empty() {
                break;
            }
            at = at.max(fetched.next_offset);
        }
        Ok(found)
    }

    /// Whether everything below these ends is published.
    pub(crate) fn has_published(&self, ranges: &[QueueRange]) -> bool {
        ranges.iter().all(|range| {
            let position = self.catalog.position(&range.topic, range.partition);
            range.to == 0
                || position.is_some_and(|position| {
                    position.incarnation != range.incarnation || position.next_offset >= range.to
                })
        })
    }

    /// The streams of rows in memory.
    pub(crate) fn live_streams(&self) -> BTreeSet<StreamId> {
        self.live.streams()
    }

    /// Where a split's file is.
    pub(crate) fn split_path(&self, id: &str) -> PathBuf {
        self.files.path(id)
    }

    /// Signs the log of trees as it is.
    pub(crate) fn sign_log(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.finish();
        }
    }

    /// Takes what these records said out of the queue. Durable on return.
    ///
    /// # Errors
    /// [`SourceError`]
    pub(crate) fn erase_in_queue(&self, range: &QueueRange, gone: &BTreeSet<u64>) -> Result<(), SourceError> {
        match self
            .source
            .erase(&range.topic, range.partition, range.incarnation, gone)
        {
            // A partition that is gone, or is another one now, holds nothing of it.
            Err(SourceError::NoPartition { .. } | SourceError::OtherIncarnation { .. }) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// Removes the files of splits that are dropped and read by nobody; whether none is left.
    pub(crate) fn sweep_files(&self) -> bool {
        self.files.sweep();
        self.files.dropped() == 0
    }
}
