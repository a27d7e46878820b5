//! Why the queue, or a part of it, is not to be had.

use std::io;
use std::path::{Path, PathBuf};

use timberline_proto::id::IncarnationId;

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

/// Names the file in an error of the disk.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Result<T, QueueError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, QueueError> {
        self.map_err(|source| QueueError::Io {
            path: path.to_owned(),
            source,
        })
    }
}

/// Whether waiting may help: no space, no quota, no file handles.
pub(crate) fn is_retryable(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        || matches!(
            Errno::from_io_error(error),
            Some(Errno::NOSPC | Errno::DQUOT | Errno::MFILE | Errno::NFILE)
        )
}
