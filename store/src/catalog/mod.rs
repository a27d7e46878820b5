//! The one place that says which splits exist, and how far the store has taken the queue. SQLite.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use timberline_proto::id::IncarnationId;

use crate::rows::{Stream, StreamId};
use crate::split::SplitMeta;

/// How far each partition of the queue is published: the next offset to take.
pub type Positions = BTreeMap<(String, u32), Position>;

/// How far one partition is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The life of the partition's directory that the offset belongs to.
    pub incarnation: IncarnationId,
    /// The next offset to take; everything before it is in splits.
    pub next_offset: u64,
}

/// What exists at one moment. Shared and never changed.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The splits, newest `time_max` first.
    pub splits: Vec<Arc<CatalogSplit>>,
    /// The positions of the same transaction.
    pub positions: Positions,
    /// Every stream known.
    pub streams: Arc<BTreeMap<StreamId, Arc<Stream>>>,
}

/// A split in the catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogSplit {
    /// The topic of its rows.
    pub topic: String,
    /// What is known of it.
    pub meta: SplitMeta,
    /// Why it is not read, if it was found damaged.
    pub quarantined: Option<String>,
}

/// A range of a partition that becomes splits: offsets `from..to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: u32,
    /// Incarnation.
    pub incarnation: IncarnationId,
    /// Must equal the stored position.
    pub from: u64,
    /// The next position.
    pub to: u64,
}

/// Why the catalog refuses.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// `from` is below the stored position: these offsets are published already.
    #[error("offsets {from}..{to} of {topic}-{partition} overlap what is published up to {stored}")]
    Overlap {
        /// Topic.
        topic: String,
        /// Partition.
        partition: u32,
        /// Asked.
        from: u64,
        /// Asked.
        to: u64,
        /// Stored.
        stored: u64,
    },
    /// A newer program wrote it.
    #[error(
        "{path} has catalog version {found}, this program reads up to {supported}: install the newer program again"
    )]
    NewerFormat {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
        /// Ours.
        supported: u32,
    },
    /// SQLite said no.
    #[error("catalog: {0}")]
    Database(#[from] rusqlite::Error),
}

/// The open catalog. Cheap to clone. Calls block: keep them off the async threads.
#[derive(Clone, Debug)]
pub struct Catalog {}

impl Catalog {
    /// Opens or creates the database (`synchronous=FULL`, WAL).
    ///
    /// # Errors
    /// [`CatalogError`]
    pub fn open(_path: &Path) -> Result<Self, CatalogError> {
        todo!()
    }
    /// The present moment. Cheap: kept in memory, replaced by each transaction of this process.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        todo!()
    }
    /// Publishes splits cut from a range and advances the position, in one transaction. A `from`
    /// above the stored position is recorded as a gap. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Overlap`], [`CatalogError::Database`]
    pub fn publish(&self, _taken: &Taken, _splits: &[SplitMeta], _streams: &[Arc<Stream>]) -> Result<(), CatalogError> {
        todo!()
    }
    /// Replaces splits by their merge, in one transaction. Positions are not touched.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn replace(&self, _topic: &str, _removed: &[String], _added: &[SplitMeta]) -> Result<(), CatalogError> {
        todo!()
    }
    /// Deletes splits, with the reason on record.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn delete(&self, _ids: &[String], _reason: &str) -> Result<(), CatalogError> {
        todo!()
    }
    /// Marks a split as damaged: it stays listed and is named in answers, and is not read.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn quarantine(&self, _id: &str, _reason: &str) -> Result<(), CatalogError> {
        todo!()
    }
}
