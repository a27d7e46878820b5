//! Limits and habits of a queue. Each limit says what happens there.

use std::time::Duration;

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
    /// Sealed segments beyond this sum, over all partitions, are deleted once every required group has taken them.
    pub retention_bytes: u64,
    /// Sealed segments older than this are deleted once every required group has taken them.
    pub retention_age: Duration,
    /// At this size producers are refused ([`AppendError::Full`]).
    pub bytes_max: u64,
    /// From this part of `bytes_max` on, in percent, commits are slowed, the more the nearer the limit
    /// is, and [`Queue::pressure`](crate::Queue::pressure) says so. 100: never.
    pub high_water_percent: u64,
    /// Groups that retention waits for.
    pub required_groups: Vec<String>,
    /// How long a generation's end is remembered after its last batch.
    pub generation_ttl: Duration,
    /// Longest wait that group commit adds.
    pub commit_interval: Duration,
    /// Bytes of log between entries of the sparse index.
    pub index_interval_bytes: u64,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            partitions: 4,
            segment_bytes_max: 128 << 20,
            batch_bytes_max: 8 << 20,
            unpacked_bytes_max: 64 << 20,
            retention_bytes: 4 << 30,
            retention_age: Duration::from_secs(24 * 3600),
            bytes_max: 16 << 30,
            high_water_percent: 90,
            required_groups: vec!["store".to_owned()],
            generation_ttl: Duration::from_secs(30 * 24 * 3600),
            commit_interval: Duration::ZERO,
            index_interval_bytes: 1 << 20,
        }
    }
}
