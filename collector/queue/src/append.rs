//! What goes in, and what becomes of it.

use bytes::Bytes;
use timberline_proto::id::GenerationId;

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
#[derive(Clone, Debug, thiserror::Error)]
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
