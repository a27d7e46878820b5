//! Where the store's records come from: one trait over the queue in this process and the one of a
//! collector elsewhere.

mod journal;
mod local;
mod remote;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use timberline_proto::id::IncarnationId;
use timberline_queue::{Erased, PartitionInfo};

pub(crate) use journal::Journal;
pub use local::LocalSource;
pub use remote::RemoteSource;

/// The consumer group of the store; the queue's retention waits for it.
pub const GROUP: &str = "store";

/// What to fetch.
#[derive(Clone, Debug)]
pub struct FetchFrom<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Partition.
    pub partition: u32,
    /// The incarnation that `offset` belongs to.
    pub incarnation: IncarnationId,
    /// The first offset wanted.
    pub offset: u64,
    /// About so many bytes of batches, but at least one batch.
    pub bytes_max: u64,
    /// How long to wait if there is none yet.
    pub wait: Duration,
}

/// Whole batches, in order.
#[derive(Clone, Debug, Default)]
pub struct Batches {
    /// Record batches v2; the first one holds the offset asked for, or follows it.
    pub batches: Vec<Bytes>,
    /// Where to read on.
    pub next_offset: u64,
    /// One past the last durable record.
    pub end_offset: u64,
}

/// Why nothing was fetched or committed; each is a decision for the caller.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The partition's directory is another one: start over from its beginning.
    #[error("partition is incarnation {}, not the one expected", partition.incarnation)]
    OtherIncarnation {
        /// As it is now.
        partition: PartitionInfo,
    },
    /// The offset is not held: go on at the start, or, beyond the end, from the end.
    #[error("offset {offset} is not in {}..{}", partition.start_offset, partition.end_offset)]
    OutOfRange {
        /// Asked for.
        offset: u64,
        /// As it is now.
        partition: PartitionInfo,
    },
    /// The partition is gone.
    #[error("no partition {topic}-{partition}")]
    NoPartition {
        /// Topic.
        topic: String,
        /// Partition.
        partition: u32,
    },
    /// Not now: try again, with growing pauses.
    #[error("queue not available: {0}")]
    Unavailable(String),
}

/// A queue to read. Calls block; they come from plain threads, never from async ones.
pub trait Source: Send + Sync + fmt::Debug {
    /// Every partition that exists.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`]
    fn partitions(&self) -> Result<Vec<PartitionInfo>, SourceError>;

    /// Durable batches from an offset on; none if none came in the time given.
    ///
    /// # Errors
    /// [`SourceError`]
    fn fetch(&self, from: &FetchFrom<'_>) -> Result<Batches, SourceError>;

    /// The store has published everything before `offset`: the queue may delete it. Durable on return.
    ///
    /// # Errors
    /// [`SourceError`]
    fn commit(&self, topic: &str, partition: u32, incarnation: IncarnationId, offset: u64) -> Result<(), SourceError>;

    /// Takes what the records at these offsets said out of the queue; offsets that it does not hold are passed
    /// over. Durable on return. Takes as long as writing the segments anew that hold them.
    ///
    /// # Errors
    /// [`SourceError`]; some of it may be done then, and asking again does the rest.
    fn erase(
        &self,
        topic: &str,
        partition: u32,
        incarnation: IncarnationId,
        gone: &BTreeSet<u64>,
    ) -> Result<Erased, SourceError>;
}

/// The one partition among all, as it is now.
fn find(source: &dyn Source, topic: &str, partition: u32) -> Result<PartitionInfo, SourceError> {
    let all = source.partitions()?;
    all.into_iter()
        .find(|info| info.topic == topic && info.partition == partition)
        .ok_or_else(|| SourceError::NoPartition {
            topic: topic.to_owned(),
            partition,
        })
}

/// Whether a partition as found serves a fetch; says why not.
fn check(from: &FetchFrom<'_>, found: PartitionInfo) -> Result<PartitionInfo, SourceError> {
    if found.incarnation != from.incarnation {
        return Err(SourceError::OtherIncarnation { partition: found });
    }
    if !(found.start_offset..=found.end_offset).contains(&from.offset) {
        return Err(SourceError::OutOfRange {
            offset: from.offset,
            partition: found,
        });
    }
    Ok(found)
}
