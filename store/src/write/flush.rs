//! From live rows to published splits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_proto::id::GenerationId;

use super::context::{Context, Phase, add};
use super::net::{Panicked, caught};
use super::source::SourceError;
use crate::catalog::{CatalogError, Counted, Taken, TakenFile};
use crate::crash::CrashPoint;
use crate::integrity::links_of;
use crate::live::{Held, SourceRange};
use crate::rows::{RowBlock, Stream, StreamId};
use crate::split::{SplitError, SplitMeta};

/// How often the thread looks for something to flush.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Pauses after a failed flush grow from here …
const RETRY_MIN: Duration = Duration::from_millis(500);
/// … to here.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Why a flush failed. Its rows stay live and the next attempt takes them again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FlushError {
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error("flush or merge {0}")]
    Panicked(#[from] Panicked),
}

/// Splits written but not published, because the catalog's disk said no: per partition the range
/// and its splits, published as they are by the next attempt. Their files are never removed by
/// this process: whether the failed commit will be seen after a crash is not known.
pub(super) type Pending = BTreeMap<(String, u32), Written>;

/// A range whose splits are durable.
#[derive(Clone, Debug)]
pub(super) struct Written {
    taken: Taken,
    metas: Vec<SplitMeta>,
    streams: Vec<Arc<Stream>>,
    counted: Counted,
}

/// Partitions whose last flush failed: when to try again, and how long that was waited for.
type Retries = BTreeMap<(String, u32), (Instant, Duration)>;

/// The flush thread.
pub(super) fn run(context: &Context) {
    let mut retries = Retries::new();
    while context.phase() == Phase::Run {
        context.pause(LOOK_INTERVAL);
        if context.phase() != Phase::Run {
            return;
        }
        flush_due(context, &mut retries);
    }
}

/// Flushes what is due. A partition that fails waits by itself: the others are not held up.
fn flush_due(context: &Context, retries: &mut Retries) {
    for held in context.live.held() {
        let Some(oldest) = held.oldest else { continue };
        let key = (held.topic.clone(), held.partition);
        if is_waiting(retries, &key) {
            continue;
        }
        let is_full = is_full(context, &held, retries);
        if is_full {
            *context.filled_at.lock() = Some(Instant::now());
        }
        if !is_full && oldest.elapsed() < context.options.flush_interval {
            continue;
        }
        match context.flush_partition(&held.topic, held.partition) {
            Ok(_) => {
                retries.remove(&key);
            }
            Err(_) => {
                let waited = retries.get(&key).map(|(_, waited)| *waited);
                let pause = waited.map_or(RETRY_MIN, |waited| (waited * 2).min(RETRY_MAX));
                retries.insert(key, (Instant::now() + pause, pause));
            }
        }
    }
}

fn is_waiting(retries: &Retries, key: &(String, u32)) -> bool {
    retries.get(key).is_some_and(|(at, _)| Instant::now() < *at)
}

fn is_full(context: &Context, held: &Held, retries: &Retries) -> bool {
    let options = &context.options;
    held.rows >= options.flush_rows_max as u64
        || held.bytes >= options.flush_bytes_max
        || is_under_pressure(context, held, retries)
}

/// Memory is half full: the partition that holds the most makes room, of those that can.
fn is_under_pressure(context: &Context, held: &Held, retries: &Retries) -> bool {
    let all = context.live.held();
    let bytes: u64 = all.iter().map(|one| one.bytes).sum();
    let can = all
        .iter()
        .filter(|one| !is_waiting(retries, &(one.topic.clone(), one.partition)));
    let most = can.map(|one| one.bytes).max().unwrap_or(0);
    bytes >= context.options.live_bytes_max / 2 && held.bytes == most
}

impl Context {
    /// Publishes every row that is live now, of every partition of which that can be done.
    pub(crate) fn flush_all(&self) -> Result<(), FlushError> {
        let held = self.live.held();
        let mut flushed = Ok(());
        for held in &held {
            flushed = flushed.and(self.flush_up_to(held));
        }
        flushed
    }

    /// Publishes every row of one partition that is live now.
    pub(super) fn flush_partition_whole(&self, topic: &str, partition: u32) -> Result<(), FlushError> {
        let held = self.live.held();
        let held = held
            .iter()
            .find(|held| held.topic == topic && held.partition == partition);
        held.map_or(Ok(()), |held| self.flush_up_to(held))
    }

    fn flush_up_to(&self, held: &Held) -> Result<(), FlushError> {
        while self
            .flush_partition(&held.topic, held.partition)?
            .is_some_and(|to| to < held.covered)
        {}
        Ok(())
    }

    /// Publishes one cut of a partition's live rows; up to which offset. `None`: nothing was there.
    pub(super) fn flush_partition(&self, topic: &str, partition: u32) -> Result<Option<u64>, FlushError> {
        let mut pending = self.flushing.lock();
        if self.is_dead() {
            return Ok(None);
        }
        let flushed = caught(|| self.flush_locked(topic, partition, &mut pending));
        let key = (topic.to_owned(), partition);
        if let Err(error) = &flushed {
            self.live.uncut(topic, partition);
            add(&self.counters.flushes_failed, 1);
            add(
                &self.counters.panics,
                u64::from(matches!(error, FlushError::Panicked(_))),
            );
            let message = error.to_string();
            let before = self.counters.flush_errors.lock().insert(key, message.clone());
            if before.as_ref() != Some(&message) {
                tracing::warn!(topic, partition, %error, "cannot flush: rows stay in memory and in the queue, trying again");
            }
        } else if self.counters.flush_errors.lock().remove(&key).is_some() {
            tracing::info!(topic, partition, "flushing works again");
        }
        flushed
    }

    fn flush_locked(&self, topic: &str, partition: u32, pending: &mut Pending) -> Result<Option<u64>, FlushError> {
        let key = (topic.to_owned(), partition);
        let written = match pending.remove(&key) {
            Some(written) => written,
            None => match self.write(topic, partition)? {
                Some(written) => written,
                None => return Ok(None),
            },
        };
        if self.dies_at(CrashPoint::SplitsWritten) {
            return Ok(None);
        }
        if let Err(error) = self.publish(&written) {
            pending.insert(key, written);
            return Err(error);
        }
        if self.dies_at(CrashPoint::Published) {
            return Ok(None);
        }
        self.live.drop_below(topic, partition, written.taken.to);
        add(&self.counters.flushes, 1);
        if self.dies_at(CrashPoint::Dropped) {
            return Ok(None);
        }
        self.tell_source(&written.taken);
        if self.dies_at(CrashPoint::Told) {
            return Ok(None);
        }
        Ok(Some(written.taken.to))
    }

    /// Writes the splits of one cut. Nothing of a failed attempt stays on disk.
    fn write(&self, topic: &str, partition: u32) -> Result<Option<Written>, FlushError> {
        let (rows_max, bytes_max) = (self.options.flush_rows_max, self.options.flush_bytes_max);
        let position = self.catalog.position(topic, partition);
        if let Some(position) = position {
            self.live.drop_published(topic, partition, &position);
        }
        let Some(cut) = self.live.cut(topic, partition, rows_max, bytes_max) else {
            return Ok(None);
        };
        let position = position.filter(|position| position.incarnation == cut.incarnation);
        let from = position.map_or(0, |position| position.next_offset);
        if cut.to <= from {
            self.live.uncut(topic, partition);
            return Ok(None);
        }
        debug_assert!(
            cut.blocks
                .iter()
                .all(|block| block.offsets().iter().all(|at| (from..cut.to).contains(at)))
        );
        let splits = self.write_splits(topic, &cut)?;
        let (mut metas, mut files, mut trees) = (Vec::new(), Vec::new(), Vec::new());
        for split in splits {
            metas.push(split.meta);
            files.push(split.files);
            trees.extend(split.tree);
        }
        Ok(Some(Written {
            taken: Taken {
                topic: topic.to_owned(),
                partition,
                incarnation: cut.incarnation,
                from,
                to: cut.to,
            },
            metas,
            streams: streams_of(&cut.blocks),
            counted: Counted {
                files: files_of(&cut.ranges),
                splits: files,
                trees,
                // As trees: without integrity nothing is put on record.
                links: if self.keeper.is_some() {
                    links_of(&cut.ranges)
                } else {
                    Vec::new()
                },
            },
        }))
    }

    fn publish(&self, written: &Written) -> Result<(), FlushError> {
        let Written {
            taken,
            metas,
            streams,
            counted,
        } = written;
        match self.catalog.publish_counted(taken, metas, streams, counted) {
            Ok(()) => Ok(()),
            Err(CatalogError::Overlap { .. }) if self.is_published(written) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A commit reported as failed may have been durable all the same.
    fn is_published(&self, written: &Written) -> bool {
        let snapshot = self.catalog.snapshot();
        let key = (written.taken.topic.clone(), written.taken.partition);
        let position = snapshot.positions.get(&key);
        position.is_some_and(|at| at.incarnation == written.taken.incarnation && at.next_offset == written.taken.to)
            && written.metas.iter().all(|meta| snapshot.split(&meta.id).is_some())
    }

    /// The queue's watermark follows; if it cannot now, the next flush or the next start moves it.
    fn tell_source(&self, taken: &Taken) {
        match self
            .source
            .commit(&taken.topic, taken.partition, taken.incarnation, taken.to)
        {
            Ok(()) => {}
            Err(error @ (SourceError::Unavailable(_) | SourceError::OutOfRange { .. })) => {
                tracing::debug!(topic = taken.topic, partition = taken.partition, %error, "queue not told how far the store is");
            }
            Err(error) => {
                tracing::warn!(topic = taken.topic, partition = taken.partition, %error, "queue not told how far the store is");
            }
        }
    }
}

fn streams_of(blocks: &[Arc<RowBlock>]) -> Vec<Arc<Stream>> {
    let mut streams = BTreeMap::<StreamId, Arc<Stream>>::new();
    for stream in blocks.iter().flat_map(|block| block.streams()) {
        streams.entry(stream.id).or_insert_with(|| Arc::clone(stream));
    }
    streams.into_values().collect()
}

/// What the batches cover of each file; ranges that follow each other are one.
fn files_of(ranges: &[SourceRange]) -> Vec<TakenFile> {
    let mut files = BTreeMap::<GenerationId, TakenFile>::new();
    // The last word of a generation has no bytes.
    for range in ranges.iter().filter(|range| range.start < range.end) {
        let attribute = |name: &str| range.stream.attributes.get(name).cloned().unwrap_or_default();
        let file = files.entry(range.generation).or_insert_with(|| TakenFile {
            generation: range.generation,
            agent: range.agent,
            host: attribute("host.name"),
            path: attribute("log.file.path"),
            ranges: Vec::new(),
        });
        match file.ranges.last_mut().filter(|last| last.1 == range.start) {
            Some(last) => last.1 = range.end,
            None => file.ranges.push((range.start, range.end)),
        }
    }
    files.into_values().collect()
}
