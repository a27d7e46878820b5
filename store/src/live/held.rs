//! The live rows of all partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use timberline_proto::id::IncarnationId;
use tokio::sync::broadcast;

use super::partition::PartitionRows;
use super::{LiveBlock, LiveRows, QueueEnds, QueueTaken, Reading, SourceRange};
use crate::catalog::Position;
use crate::rows::{RowBlock, StreamId};

/// Blocks that a slow `tail` may lag behind before it loses the oldest. Each block is one fetch.
const TAIL_BLOCKS_MAX: usize = 64;

/// The rows not yet published. Filled by `write`, which alone appends and drops.
#[derive(Debug)]
pub struct Live {
    partitions: Mutex<BTreeMap<(String, u32), PartitionRows>>,
    /// Signalled when rows were dropped: pullers at the bound wait for it.
    dropped: Condvar,
    tail: broadcast::Sender<LiveBlock>,
    reading: Reading,
    /// When the queue was last asked, and how far it went then.
    asked: Mutex<Option<(Instant, QueueEnds)>>,
}

/// What a flush takes: offsets `from..to` and their rows.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    pub(crate) incarnation: IncarnationId,
    pub(crate) to: u64,
    pub(crate) blocks: Vec<Arc<RowBlock>>,
    pub(crate) ranges: Vec<SourceRange>,
}

/// How much of one partition is held.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) topic: String,
    pub(crate) partition: u32,
    pub(crate) covered: u64,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) oldest: Option<Instant>,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// Nothing held.
    pub fn new() -> Self {
        Self {
            partitions: Mutex::default(),
            dropped: Condvar::new(),
            tail: broadcast::channel(TAIL_BLOCKS_MAX).0,
            reading: Reading::default(),
            asked: Mutex::default(),
        }
    }

    /// Bytes held in memory, of all partitions.
    pub fn bytes(&self) -> u64 {
        self.partitions.lock().values().map(PartitionRows::bytes).sum()
    }

    /// Rows held, of all partitions.
    pub fn rows(&self) -> u64 {
        self.partitions.lock().values().map(PartitionRows::rows).sum()
    }

    /// The streams of all rows held.
    pub(crate) fn streams(&self) -> BTreeSet<StreamId> {
        let partitions = self.partitions.lock();
        let blocks = partitions.values().flat_map(|held| &held.blocks);
        let streams = blocks.flat_map(|block| block.rows.streams());
        streams.map(|stream| stream.id).collect()
    }

    /// Whether a query runs.
    pub(crate) fn is_read(&self) -> bool {
        Arc::strong_count(&self.reading.0) > 1
    }

    /// Begins a partition, or begins it anew: what was held of it is forgotten.
    pub(crate) fn start(&self, topic: &str, partition: u32, incarnation: IncarnationId, next_offset: u64) {
        let key = (topic.to_owned(), partition);
        self.partitions
            .lock()
            .insert(key, PartitionRows::new(incarnation, next_offset));
        self.dropped.notify_all();
    }

    /// Adds rows; every offset below `covered` is taken now, rows or not. Visible on return.
    pub(crate) fn append(&self, topic: &str, partition: u32, rows: RowBlock, covered: u64, queue_end: u64) {
        let rows = Arc::new(rows);
        {
            let mut partitions = self.partitions.lock();
            let Some(held) = partitions.get_mut(&(topic.to_owned(), partition)) else {
                return;
            };
            if covered > held.covered {
                held.covered = covered;
                held.oldest.get_or_insert_with(Instant::now);
            }
            held.queue_end = queue_end.max(covered);
            if !rows.is_empty() {
                held.push(Arc::clone(&rows));
            }
        }
        if !rows.is_empty() && self.tail.receiver_count() > 0 {
            let block = LiveBlock {
                topic: topic.to_owned(),
                partition,
                rows,
            };
            // No receiver is no error: it left between the question and the sending.
            self.tail.send(block).ok();
        }
    }

    /// Notes what the batches cover that [`append`](Self::append) covers next: a flush between the two
    /// takes neither.
    pub(crate) fn note_ranges(&self, topic: &str, partition: u32, ranges: impl IntoIterator<Item = SourceRange>) {
        if let Some(held) = self.partitions.lock().get_mut(&(topic.to_owned(), partition)) {
            ranges.into_iter().for_each(|range| held.push_range(range));
        }
    }

    /// Notes how far the queue goes, for [`LiveRows::queued_records`].
    pub(crate) fn note_queue_end(&self, topic: &str, partition: u32, queue_end: u64) {
        if let Some(held) = self.partitions.lock().get_mut(&(topic.to_owned(), partition)) {
            held.queue_end = queue_end.max(held.covered);
        }
    }

    /// Notes how far all of the queue went when it was asked at `at`.
    pub(crate) fn note_asked(&self, at: Instant, ends: QueueEnds) {
        *self.asked.lock() = Some((at, ends));
    }

    /// Takes the rows of the next flush; they stay visible until [`drop_below`](Self::drop_below).
    pub(crate) fn cut(&self, topic: &str, partition: u32, rows_max: usize, bytes_max: u64) -> Option<Cut> {
        let mut partitions = self.partitions.lock();
        let held = partitions.get_mut(&(topic.to_owned(), partition))?;
        let (blocks, to) = held.fence(rows_max, bytes_max);
        Some(Cut {
            incarnation: held.incarnation,
            to,
            blocks,
            ranges: held.ranges_below(to),
        })
    }

    /// The flush came to nothing: its rows are as all others again.
    pub(crate) fn uncut(&self, topic: &str, partition: u32) {
        if let Some(held) = self.partitions.lock().get_mut(&(topic.to_owned(), partition)) {
            held.unfence();
        }
    }

    /// Forgets published rows.
    pub(crate) fn drop_below(&self, topic: &str, partition: u32, offset: u64) {
        if let Some(held) = self.partitions.lock().get_mut(&(topic.to_owned(), partition)) {
            held.drop_below(offset);
            held.unfence();
        }
        self.dropped.notify_all();
    }

    /// Forgets what the catalog says is published, whoever published it.
    pub(crate) fn drop_published(&self, topic: &str, partition: u32, position: &Position) {
        if let Some(held) = self.partitions.lock().get_mut(&(topic.to_owned(), partition))
            && held.incarnation == position.incarnation
        {
            held.drop_below(position.next_offset);
        }
    }

    /// What is held of each partition.
    pub(crate) fn held(&self) -> Vec<Held> {
        let partitions = self.partitions.lock();
        let held = partitions.iter().map(|((topic, partition), rows)| Held {
            topic: topic.clone(),
            partition: *partition,
            covered: rows.covered,
            rows: rows.rows(),
            bytes: rows.bytes(),
            oldest: rows.oldest,
        });
        held.collect()
    }

    /// Waits until less than `bytes_max` is held, or the time is over; whether there is room.
    pub(crate) fn wait_for_room(&self, bytes_max: u64, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut partitions = self.partitions.lock();
        loop {
            if partitions.values().map(PartitionRows::bytes).sum::<u64>() < bytes_max {
                return true;
            }
            if self.dropped.wait_until(&mut partitions, deadline).timed_out() {
                return false;
            }
        }
    }
}

impl LiveRows for Live {
    fn blocks(&self) -> Vec<LiveBlock> {
        let partitions = self.partitions.lock();
        let blocks = partitions.iter().flat_map(|((topic, partition), held)| {
            held.blocks.iter().map(|block| LiveBlock {
                topic: topic.clone(),
                partition: *partition,
                rows: Arc::clone(&block.rows),
            })
        });
        blocks.collect()
    }

    fn subscribe(&self) -> broadcast::Receiver<LiveBlock> {
        self.tail.subscribe()
    }

    fn taken(&self) -> Option<QueueTaken> {
        let (asked_at, ends) = self.asked.lock().clone()?;
        let partitions = self.partitions.lock();
        let covered = partitions.iter().map(|(key, held)| (key.clone(), held.covered));
        Some(QueueTaken {
            asked_at,
            ends,
            covered: covered.collect(),
        })
    }

    fn queued_records(&self) -> u64 {
        let partitions = self.partitions.lock();
        partitions
            .values()
            .map(|held| held.queue_end.saturating_sub(held.covered))
            .sum()
    }

    fn reading(&self) -> Reading {
        self.reading.clone()
    }
}
