//! An embedded log-structured queue with Kafka's model: topics, partitions, segments, offsets,
//! consumer groups, retention. Its unit on disk is Kafka's record batch v2.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use timberline_proto::id::{GenerationId, IncarnationId};

/// Limits and habits of a queue.
#[derive(Clone, Debug)]
pub struct QueueOptions {
    /// Partitions that a new topic gets.
    pub partitions: u32,
    /// A segment is sealed at this size.
    pub segment_bytes_max: u64,
    /// An encoded batch may be so large.
    pub batch_bytes_max: u64,
    /// A batch may unpack to so much.
    pub unpacked_bytes_max: u64,
    /// Sealed segments beyond this sum are deleted once every required group has taken them.
    pub retention_bytes: u64,
    /// Sealed segments older than this are deleted once every required group has taken them.
    pub retention_age: Duration,
    /// At this size producers are refused ([`AppendError::Full`]).
    pub bytes_max: u64,
    /// Groups that retention waits for.
    pub required_groups: Vec<String>,
    /// How long a generation's end is remembered after its last batch.
    pub generation_ttl: Duration,
    /// Longest wait that group commit adds.
    pub commit_interval: Duration,
    /// Bytes of log between entries of the sparse index.
    pub index_interval_bytes: u64,
}

/// An open queue. Cheap to clone; the directory stays locked until the last clone is gone.
#[derive(Clone, Debug)]
pub struct Queue {}

/// A batch for the queue, checked by `timberline_proto::batch::verify` already.
#[derive(Clone, Debug)]
pub struct Append {
    /// One record batch v2 as encoded by the sender.
    pub batch: Bytes,
    /// Generation and byte range, from a sender with identity.
    pub origin: Option<(GenerationId, u64, u64)>,
    /// Chooses the partition: the generation's bytes, else the stream id.
    pub key: Bytes,
}

/// What became of an append. Durable when it is returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It was appended and fsynced.
    At {
        /// The partition.
        partition: u32,
        /// Offset of its first record.
        base_offset: u64,
    },
    /// Wholly below the end held for its generation; nothing written.
    Duplicate {
        /// That end.
        end: u64,
    },
    /// Begins beyond that end, or straddles it; nothing written.
    Refused {
        /// That end.
        end: u64,
    },
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Never: the bytes are no batch within the limits.
    #[error("batch rejected: {0}")]
    Rejected(String),
    /// Not now: the queue is at `bytes_max` or its disk is full.
    #[error("queue is full: {0}")]
    Full(String),
    /// The partition has stopped after a failed write or fsync; a restart re-reads the disk.
    #[error("partition has failed: {0}")]
    Failed(String),
}

/// Why the queue, or a part of it, is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Another process has the directory.
    #[error("{path} is in use by another process{holder}")]
    Locked {
        /// The directory.
        path: PathBuf,
        /// " (pid N)" if known.
        holder: String,
    },
    /// A newer program wrote it.
    #[error("{path} has format version {found}, this program reads up to {supported}: install the newer program again")]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        supported: u32,
    },
    /// No such topic or partition.
    #[error("no partition {topic}-{partition}")]
    NoPartition {
        /// Topic.
        topic: String,
        /// Partition.
        partition: u32,
    },
    /// The offset is not held: retention took it, or it was never written.
    #[error("offset {offset} is not in {start}..{end}")]
    OutOfRange {
        /// Asked for.
        offset: u64,
        /// First held.
        start: u64,
        /// One past the last.
        end: u64,
    },
    /// The partition's directory is not the one that was meant.
    #[error("partition is incarnation {found}, not {expected}")]
    OtherIncarnation {
        /// Asked for.
        expected: IncarnationId,
        /// There.
        found: IncarnationId,
    },
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}

/// A partition at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionInfo {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: u32,
    /// This life of its directory.
    pub incarnation: IncarnationId,
    /// First offset held.
    pub start_offset: u64,
    /// One past the last durable record.
    pub end_offset: u64,
    /// Bytes of its segments.
    pub bytes: u64,
}

/// What a read gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Whole durable batches, base offsets assigned, the first one holding `offset` or following it.
    pub batches: Vec<Bytes>,
    /// Where to read on: past damaged batches, which are skipped and counted.
    pub next_offset: u64,
    /// One past the last durable record.
    pub end_offset: u64,
}

impl Queue {
    /// Opens or creates the queue in `dir`, recovering torn tails.
    ///
    /// # Errors
    /// [`QueueError`]
    pub fn open(_dir: &Path, _options: QueueOptions) -> Result<Self, QueueError> {
        todo!()
    }
    /// Appends and waits for the group commit: when this returns, the batch is durable. Blocks;
    /// call it off the async threads. Many callers share one fsync.
    ///
    /// # Errors
    /// [`AppendError`]
    pub fn append(&self, _topic: &str, _append: Append) -> Result<Appended, AppendError> {
        todo!()
    }
    /// Writes, and calls `done` from the commit thread once durable (or at once if refused). Appends of one
    /// generation keep the order of the calls.
    pub fn append_then(
        &self,
        _topic: &str,
        _append: Append,
        _done: Box<dyn FnOnce(Result<Appended, AppendError>) + Send>,
    ) {
        todo!()
    }
    /// To where the queue holds a generation, durable.
    pub fn generation_end(&self, _topic: &str, _generation: GenerationId) -> Option<u64> {
        todo!()
    }
    /// Every partition of every topic.
    pub fn partitions(&self) -> Vec<PartitionInfo> {
        todo!()
    }
    /// Durable batches from `offset` on, about `bytes_max` of them but at least one if there is one.
    ///
    /// # Errors
    /// [`QueueError::NoPartition`], [`QueueError::OutOfRange`], [`QueueError::Io`]
    pub fn read(&self, _topic: &str, _partition: u32, _offset: u64, _bytes_max: u64) -> Result<Fetched, QueueError> {
        todo!()
    }
    /// Waits until the partition's durable end is beyond `offset`, or the time is over.
    pub fn wait(&self, _topic: &str, _partition: u32, _offset: u64, _timeout: Duration) {
        todo!()
    }
    /// The group has taken everything before `offset`. Durable on return.
    ///
    /// # Errors
    /// [`QueueError::NoPartition`], [`QueueError::OtherIncarnation`], [`QueueError::Io`]
    pub fn commit(
        &self,
        _group: &str,
        _topic: &str,
        _partition: u32,
        _incarnation: IncarnationId,
        _offset: u64,
    ) -> Result<(), QueueError> {
        todo!()
    }
    /// Where the group stands.
    pub fn position(&self, _group: &str, _topic: &str, _partition: u32) -> Option<u64> {
        todo!()
    }
    /// Deletes what retention allows. Called every so often by the owner.
    ///
    /// # Errors
    /// [`QueueError::Io`]
    pub fn enforce_retention(&self, _now: std::time::SystemTime) -> Result<u64, QueueError> {
        todo!()
    }
    /// Commits what is written and marks a clean shutdown.
    ///
    /// # Errors
    /// [`QueueError::Io`]
    pub fn close(&self) -> Result<(), QueueError> {
        todo!()
    }
}
