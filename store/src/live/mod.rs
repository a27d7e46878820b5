//! Rows not yet published, in memory. `write` fills it from the queue, `read` asks it.
//!
//! A query takes the live blocks first and the catalog's snapshot after them, then drops live rows
//! below the snapshot's positions: so publication neither hides nor doubles a row. That holds
//! because `write` publishes first and drops live rows afterwards, and because a partition that
//! starts over is emptied here and reset in the catalog before its first new row arrives.
//!
//! Nothing here is on disk: after a crash the rows are taken from the queue again.

mod held;
mod partition;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use timberline_proto::batch::{ChainCheck, Chained};
use timberline_proto::id::{AgentId, GenerationId};

use crate::rows::{RowBlock, Stream};

pub use held::Live;
pub(crate) use held::{Cut, Held};

/// Some rows of one partition, contiguous in offset; never changed once handed out.
#[derive(Clone, Debug)]
pub struct LiveBlock {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: u32,
    /// The rows, ascending in offset. The store's `write` seals a block and begins another often.
    pub rows: Arc<RowBlock>,
}

/// What one batch covers of a file.
#[derive(Clone, Debug)]
pub(crate) struct SourceRange {
    pub(crate) generation: GenerationId,
    pub(crate) agent: AgentId,
    pub(crate) stream: Arc<Stream>,
    /// The first byte.
    pub(crate) start: u64,
    /// One past the last.
    pub(crate) end: u64,
    /// The batch's first offset.
    pub(crate) offset_start: u64,
    /// One past the batch's last offset.
    pub(crate) offset_end: u64,
    /// Its records; none of a marker.
    pub(crate) records: u32,
    /// What its agent chained, and whether its lines are that.
    pub(crate) chain: Option<(Chained, ChainCheck)>,
}

/// Held by a query while it runs: merging gives way to it.
#[derive(Clone, Debug, Default)]
pub struct Reading(#[allow(dead_code, reason = "counted, not read")] Arc<()>);

/// An offset per topic and partition.
pub type QueueEnds = BTreeMap<(String, u32), u64>;

/// How far the queue goes, and how much of it was taken.
#[derive(Clone, Debug)]
pub struct QueueTaken {
    /// When the queue was last asked how far it goes: `ends` are what it had then, or more.
    pub asked_at: Instant,
    /// One past the last record.
    pub ends: QueueEnds,
    /// Every offset below is live, published, or known to hold no row.
    pub covered: QueueEnds,
}

impl QueueTaken {
    /// Whether everything below `ends` was taken.
    pub fn has(&self, ends: &QueueEnds) -> bool {
        let taken = |key: &(String, u32)| self.covered.get(key).copied().unwrap_or(0);
        ends.iter().all(|(key, end)| taken(key) >= *end)
    }
}

/// What `read` asks of the rows not yet published.
pub trait LiveRows: Send + Sync + std::fmt::Debug {
    /// Every block held now, those of one partition in order of offset.
    fn blocks(&self) -> Vec<LiveBlock>;
    /// Blocks as they arrive from now on, for `tail`; a slow receiver loses the oldest and is told
    /// (`tokio::sync::broadcast`).
    fn subscribe(&self) -> tokio::sync::broadcast::Receiver<LiveBlock>;
    /// Records in the queue beyond what is live or published.
    fn queued_records(&self) -> u64;
    /// Says that a query runs, as long as the answer is held.
    fn reading(&self) -> Reading {
        Reading::default()
    }
    /// How far the queue goes and how much of it was taken; `None` where there is no queue to ask.
    fn taken(&self) -> Option<QueueTaken> {
        None
    }
}
