//! What keeps an agent from starting or ends it.

use std::io;
use std::path::{Path, PathBuf};

use timberline_queue::QueueError;
use timberline_queue::receive::ReceiveError;

/// Why the agent does not run. Trouble with one file or with the collector is no error: it is
/// retried and shown in the status.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The configuration cannot work; correct the named key.
    #[error("agent configuration, {key}: {reason}")]
    Config {
        /// The key.
        key: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// Another process uses the data directory.
    #[error(
        "the agent's data directory {path} is in use by another process; stop that one or choose another directory"
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The registry was written by a newer program.
    #[error(
        "the registry {path} has format {found}, this program knows up to {known}; run the newer program, or move the file away (the collector still knows what it holds)"
    )]
    RegistryNewer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// The data directory cannot be used.
    #[error("{action} {path}: {source}")]
    DataDir {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A listener cannot listen.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
    /// The outbox cannot be used.
    #[error("outbox: {0}")]
    Outbox(QueueError),
    /// A thread of the agent ended unexpectedly; checkpoints on disk are sound.
    #[error("the agent's {0} ended unexpectedly")]
    Ended(&'static str),
}

impl From<QueueError> for AgentError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Locked { path, .. } => Self::Locked { path },
            error => Self::Outbox(error),
        }
    }
}

impl AgentError {
    pub(crate) fn data_dir(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::DataDir { action, path, source }
    }
}
