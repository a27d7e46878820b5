//! What can be asked of a running agent.

use std::path::PathBuf;
use std::sync::Arc;

use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::wire::v1;

/// A running agent, as last looked at; at most about a second old.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentStatus {
    /// This installation.
    pub agent: AgentId,
    /// When it was started, nanoseconds since the epoch.
    pub started_at_nanos: i64,
    /// Whether a collector answers now.
    pub connected: bool,
    /// Why not, if so.
    pub collector_error: Option<String>,
    /// Walks over the globs since the start: `files` is what the last of them found.
    pub walks: u64,
    /// Batches sent or waiting, without a verdict.
    pub batches_pending: u64,
    /// Records read since the start.
    pub records_read: u64,
    /// Records acked since the start.
    pub records_acked: u64,
    /// Bytes of files known never to have been read, since the start.
    pub lost_bytes: u64,
    /// Records the collector refused for good, kept under `dead-letter`, since the start.
    pub dead_letter_records: u64,
    /// Files held open.
    pub open_files: u64,
    /// Why checkpoints cannot be written, if so; reading pauses meanwhile.
    pub registry_error: Option<String>,
    /// Every file that matches, also those not read.
    pub files: Vec<FileState>,
}

/// One file, or what is known of one that cannot be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileState {
    /// Its path as the globs find it.
    pub path: PathBuf,
    /// Its present life; none while it is empty or unread.
    pub generation: Option<GenerationId>,
    /// The first byte that was asked for.
    pub start: u64,
    /// Bytes read.
    pub read: u64,
    /// Bytes acked.
    pub acked: u64,
    /// Bytes in the file when last looked at.
    pub size: u64,
    /// When its end was last seen with every whole line read, nanoseconds since the epoch; 0: not yet.
    pub read_to_end_at_nanos: i64,
    /// Bytes known never to have been read.
    pub lost_bytes: u64,
    /// Why it is not read, if so.
    pub error: Option<String>,
    /// Whether it is left out on purpose (binary, compressed, too old): no source of lines.
    pub left_out: bool,
}

impl From<&FileState> for v1::FileStatus {
    fn from(file: &FileState) -> Self {
        Self {
            path: file.path.to_string_lossy().into_owned(),
            generation_id: file.generation.map(|id| id.0.to_vec().into()).unwrap_or_default(),
            start: file.start,
            read: file.read,
            acked: file.acked,
            size: file.size,
            read_to_end_at_unix_nanos: file.read_to_end_at_nanos,
            lost_bytes: file.lost_bytes,
            error: file.error.clone().unwrap_or_default(),
        }
    }
}

/// How the status is handed around: one snapshot, shared.
pub(crate) type SharedStatus = Arc<AgentStatus>;
