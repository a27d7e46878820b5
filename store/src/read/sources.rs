//! What is known of the sources (files) that records come from.

use std::sync::Arc;

use timberline_collector::fleet::{Fleet, Source};

/// What is known of the sources (files) that records come from.
pub trait Sources: Send + Sync + std::fmt::Debug {
    /// Every file that an agent follows, and to when it is complete in the queue.
    fn sources(&self) -> Arc<[Source]>;
    /// The agents' reports, if there are any.
    fn fleet(&self) -> Option<&Fleet> {
        None
    }
    /// What every agent last said of each of its files; an agent without files says so once.
    fn agents(&self) -> Vec<AgentFile> {
        Vec::new()
    }
}

/// What an agent last said of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFile {
    /// The agent's id.
    pub agent: String,
    /// Its host.
    pub host: String,
    /// Its version.
    pub version: String,
    /// When it said so, nanoseconds since the epoch.
    pub reported_at_nanos: i64,
    /// The file's path; `None` if the agent has no file.
    pub path: Option<String>,
    /// The file's generation.
    pub generation: String,
    /// Bytes.
    pub size: u64,
    /// Bytes read.
    pub read: u64,
    /// Bytes acked.
    pub acked: u64,
    /// Bytes that were lost.
    pub lost: u64,
    /// When it was last read to its end, nanoseconds since the epoch; 0 for never.
    pub read_to_end_at_nanos: i64,
    /// Why it cannot be read, if it cannot.
    pub error: String,
}

/// No source is known of.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSources;

impl Sources for NoSources {
    fn sources(&self) -> Arc<[Source]> {
        Arc::default()
    }
}
