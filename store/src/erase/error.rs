//! Why a request is not taken, or not carried out.

use crate::catalog::CatalogError;
use crate::split::SplitError;
use crate::store::StoreError;
use crate::write::SourceError;

/// Why a request is not taken, or not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// What it names is no filter, or no time.
    #[error("{0}")]
    Text(String),
    /// There is none of this id.
    #[error("there is no erasure {id}: `timberline erase list` names them")]
    NotThere {
        /// The id.
        id: String,
    },
    /// It is not in a state in which that can be done.
    #[error("erasure {id} is {state}: {what}")]
    State {
        /// Its id.
        id: String,
        /// Its state.
        state: &'static str,
        /// What cannot be done.
        what: &'static str,
    },
    /// Whoever asked for it would approve it.
    #[error("erasure {id} was asked for by {who}: somebody else has to approve it (`erasure.approval`)")]
    Own {
        /// Its id.
        id: String,
        /// Who.
        who: String,
    },
    /// There are as many open requests as may be.
    #[error("there are {max} requests that are not carried out yet: wait for them, or cancel some")]
    Full {
        /// How many.
        max: u64,
    },
    /// It cannot be carried out now.
    #[error("{0}")]
    Later(String),
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The queue cannot be asked.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A split cannot be read.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Backups cannot be looked through.
    #[error(transparent)]
    Backup(#[from] crate::backup::BackupError),
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}
