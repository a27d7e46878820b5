//! What readers get.

use bytes::Bytes;
use timberline_proto::id::IncarnationId;

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
    /// Damaged batches met by readers since the start; each place counts once.
    pub damaged_batches: u64,
    /// Why it takes no more appends, if it has stopped.
    pub failed: Option<String>,
}

/// One segment of a partition's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its first offset.
    pub base_offset: u64,
    /// Durable bytes.
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
