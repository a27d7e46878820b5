//! Backups: all that is stored, as it was at one moment, in a directory elsewhere.
//!
//! ```text
//! DIR/backups/NAME.json       one backup: its files, each with size and SHA-256 (a manifest)
//! DIR/blobs/ab/abcdef…        the files' bytes, by their SHA-256: what did not change is there once
//! DIR/incoming/               what is being written; emptied by the next backup
//! DIR/erasures/ID.json        what erasures took since, by place: a restore carries them out again
//! DIR/LOCK                    held by who writes
//! ```
//!
//! Names in a manifest are paths within a data directory. Blobs are durable before the manifest that names
//! them, so a manifest that is there is whole; one that a crash left behind is none. Nothing is written twice
//! and nothing is changed, so the directory can be copied on (to an object store with versions or a lock, by
//! any program that copies new files).
//!
//! # One moment
//! Deletions of the queue are held, then the catalog is copied, and then the list of the queue's files is
//! taken: the queue in the backup begins at or below the catalog's positions and ends at or above them. So
//! what is restored has every record once, those published from splits and the others from the queue. The
//! splits that the catalog names stay on disk as long as its snapshot is held.
//!
//! | file | what |
//! |---|---|
//! | [`directory`] | where backups are |
//! | [`manifest`] | what one holds |
//! | [`take`] | makes one |
//! | [`check`] | whether all of one is there |
//! | [`erasures`] | which backups hold what was erased, and what a restore is told of it |
//! | [`restore`] | a data directory of one |
//! | [`service`] | making them by the clock and by request |

mod check;
mod directory;
mod erasures;
mod manifest;
mod restore;
mod service;
mod take;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use check::{Checked, Fault, check};
pub use directory::Directory;
pub use erasures::backups_holding;
pub use manifest::{File, Manifest};
pub use restore::restore;
pub use service::{BackupOptions, Backups};
pub use take::{What, take};

/// Why a backup is not made, read, or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// Another process writes backups there.
    #[error("{path} is in use: another backup is being made there")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// There is no such backup.
    #[error("no backup {name} in {path}: `timberline backup list` names those that are there")]
    NoBackup {
        /// Its name.
        name: String,
        /// The directory.
        path: PathBuf,
    },
    /// A manifest or a blob is not what was written.
    #[error("{path}: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Where it is to be restored to is something already.
    #[error("{path} is there already and not empty: restore into a directory of its own, and move it into place")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// The catalog refuses.
    #[error(transparent)]
    Catalog(#[from] crate::catalog::CatalogError),
    /// The queue refuses.
    #[error(transparent)]
    Queue(#[from] timberline_queue::QueueError),
    /// One is being made.
    #[error("a backup is being made")]
    Busy,
    /// Nobody said where they go.
    #[error("no directory for backups: set `backup.directory`")]
    NoDirectory,
}

trait At<T> {
    fn at(self, path: &Path) -> Result<T, BackupError>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, path: &Path) -> Result<T, BackupError> {
        self.map_err(|source| BackupError::Io {
            path: path.to_owned(),
            source,
        })
    }
}
