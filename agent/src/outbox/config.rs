//! What can be set of the outbox.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The queue of what cannot be read again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutboxConfig {
    /// Bytes on disk. At the limit connections are not read, and datagrams dropped and counted.
    pub bytes_max: u64,
    /// Messages are made durable together, at most so long after the first came.
    pub commit_interval: Duration,
    /// Bytes of messages that are not durable yet.
    pub memory_bytes_max: u64,
    /// Streams (host and program) known by name; records of further ones name theirs themselves.
    pub streams_max: usize,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self {
            bytes_max: 1 << 30,
            commit_interval: Duration::from_millis(100),
            memory_bytes_max: 64 << 20,
            streams_max: 10_000,
        }
    }
}

impl OutboxConfig {
    /// Checks what types do not; what is wrong, if something is.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.bytes_max < 16 << 20 {
            return Err("bytes_max must be at least 16 MiB");
        }
        if self.memory_bytes_max < 1 << 20 || self.memory_bytes_max > u64::from(u32::MAX) {
            return Err("memory_bytes_max must be 1 MiB to 4 GiB");
        }
        if self.streams_max == 0 {
            return Err("streams_max must be at least 1");
        }
        Ok(())
    }
}
