//! The one place that says which splits exist, and how far the store has taken the queue. SQLite.
//!
//! # The file
//! `catalog.sqlite`, in WAL mode with `synchronous=FULL`: a transaction is durable when the call
//! that made it returns. `user_version` is the format version; a newer one is refused, untouched.
//! Times are nanoseconds since the epoch; ids of streams and offsets are stored as SQLite's signed
//! 64 bits with the same bit pattern.
//!
//! | table | columns | meaning |
//! |---|---|---|
//! | `meta` | key, value | `store_id`: 32 hexadecimal digits, made with the file |
//! | `splits` | id, topic, level, rows, raw_bytes, file_bytes, time_min, time_max, meta, quarantined, created_at, published_first, class | one row per split that exists; `meta` is [`SplitMeta`] as JSON and wins over the columns beside it, which are there for people; `quarantined` is the reason, or NULL; `created_at` is when its rows were published, a merge's newest ones, `published_first` its oldest ones; `class` follows from the policies and its streams and is there for people, NULL while they are of several |
//! | `retention_versions` | version, at, origin, source, body | the policies, as JSON; the greatest version is in force; `source` is `file` or `set` |
//! | `retention_promises` | topic, stream_id, published_to, minimum_seconds | what a stream's data that was published up to then keeps of a minimum that was lowered |
//! | `holds` | id, case_number, owner, reason, selector, first, last, created_at, created_from, released_at, released_by, released_from, release_reason | legal holds; in force while `released_at` is NULL; never deleted |
//! | `split_streams` | split_id, stream_id | which streams a split holds |
//! | `streams` | id, attributes | the streams of splits; those that are in no split any more go with retention; attributes as a JSON object |
//! | `positions` | topic, partition, incarnation, next_offset | how far each partition is published |
//! | `gaps` | topic, partition, incarnation, from_offset, to_offset, reason, noted_at | offsets that the queue no longer had or could not read |
//! | `holes` | generation, start, end, reason, noted_at | bytes of files that became no record, as the agent said: NULs, lines that a rule dropped |
//! | `sources` | id, generation, agent, topic, host, path, first, end, published, doubled, removed, first_at, last_at | the ledger: which bytes `first..end` of each file were taken, how many of them went into splits, how many of those came twice, and how many went with splits that were deleted on purpose |
//! | `split_sources` | split_id, source, bytes | bytes of each source in a split |
//! | `source_gaps` | generation, reason, ranges, bytes, first_at, last_at | sums of holes that are not kept one by one any more |
//! | `past_sources`, `past_gaps` | sums | of sources that are not kept one by one any more |
//! | `alerts` | id, topic, partition, what, noted_at | a partition that came back as another one, or shorter |
//! | `deletions` | id, split_id, topic, rows, time_min, time_max, reason, deleted_at | what was deleted on purpose, and why |
//! | `documents` | kind, id, name, version, summary, body, created_at, updated_at | dashboards and saved searches; `body` is JSON, `summary` what lists show of it |
//! | `notify_…`, `silences` | see `notify.rs` | notifications: the outbox, what the planner remembers, what people did |
//! | `alert_rule_owners` | rule_id, actor, sees, gone | whose a rule is, and what that one may see, or could last, as JSON |
//! | `alert_rules`, `alert_rule_versions` | id, name, version, body, …; rule_id, version, at, origin, body | alert rules as JSON, and what they said before |
//! | `alert_progress`, `alert_states`, `alert_positions` | rule_id, next, began; rule_id, group_key, state; topic, partition, incarnation, next | to which window each rule is decided, how its groups are, and which records were looked at |
//! | `alert_transitions` | sequence, key, rule_id, group_key, to_state, at, decided_at, late, body | changes of state; `key` names the verdict, `body` is JSON; bounded by `alerts.evaluation.history_entries_max` and `alerts.evaluation.history_age` |
//! | `alert_decommissioned` | host, at | hosts for which nothing waits any more |
//! | `integrity_log`, `integrity_trees`, `integrity_state` | see `integrity.rs` | the log of trees, in which split each tree is, and how far the log goes |
//! | `integrity_chains` | seq, topic, partition, tier, first, block | what agents chained: see `crate::integrity::chains`; `seq` is the number of the log's entry, `first` that of the oldest publication in it |
//! | `erasures`, `erasure_work` | see `erasures.rs` | requests to erase, and what was done of each |
//! | `audit` | id, at, actor, origin, action, object, outcome, detail | who did what; `detail` is JSON; entries older than 90 days go |
//!
//! # What holds
//! - A split's row and the position that covers its offsets are written in one transaction, so no
//!   crash publishes rows twice or moves the position past rows that are in no split.
//! - Within one incarnation a position only grows, except by [`Catalog::reset`], which leaves an alert.
//! - Replacing splits by their merge touches no position.
//! - The snapshot in memory is replaced only after its transaction is durable. Splits keep their
//!   `Arc` from snapshot to snapshot: whoever holds one can tell whether others still do.

mod alert_owners;
mod alerts;
mod audit;
mod chains;
mod change;
mod documents;
mod edit;
mod erasures;
mod holds;
mod holes;
mod integrity;
mod journal;
mod ledger;
pub mod notify;
mod publish;
mod retention;
mod schema;
mod snapshot;
mod streams;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use timberline_proto::id::IncarnationId;

use crate::integrity::StoreKey;

pub use alert_owners::RuleOwner;
pub use alerts::{
    AlertWrite, HistoryFilter, HistoryLimits, RuleError, RuleLimits, RuleProgress, SeenTo, StoredRule, StoredVersion,
};
pub use audit::{AUDIT_AGE_MAX_NANOS, AuditEntry, NotedAct};
pub use documents::{Document, DocumentError, DocumentKind, DocumentLimits, NewDocument};
pub(crate) use edit::now_nanos;
pub use erasures::{ErasureWork, StoredErasure};
pub use holds::{HoldError, StoredHold};
pub use holes::Hole;
pub(crate) use integrity::{Guard, SplitErasure};
pub use journal::{ALERTS_TOPIC, AUDIT_TOPIC, DELIVERIES_TOPIC, JournalEntry, OWN_TOPICS, is_own_topic};
pub use ledger::{
    Account, AgentTrace, Counted, GapSum, LedgerFilter, LedgerKey, LedgerView, NamedGap, TakenFile, Totals,
};
pub use retention::{PolicyError, PolicyVersion};
pub use snapshot::{CatalogSplit, Position, Positions, Snapshot};
pub use streams::Streams;

/// A range of a partition that becomes splits: offsets `from..to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: u32,
    /// Incarnation.
    pub incarnation: IncarnationId,
    /// Not below the stored position; offsets between are put on record as a gap.
    pub from: u64,
    /// The next position.
    pub to: u64,
}

/// Offsets that the queue no longer had, or could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: u32,
    /// The life of the partition's directory.
    pub incarnation: IncarnationId,
    /// The first offset missing.
    pub from: u64,
    /// One past the last.
    pub to: u64,
    /// Why.
    pub reason: String,
}

/// A deletion on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The split's id.
    pub split_id: String,
    /// Its topic.
    pub topic: String,
    /// Its rows.
    pub rows: u64,
    /// Why it was deleted.
    pub reason: String,
    /// When, nanoseconds since the epoch.
    pub deleted_at_nanos: i64,
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
    /// A split to be replaced is not there any more, or must not be read: plan anew.
    #[error("split {id} is not in the catalog, or is quarantined: plan again from a new snapshot")]
    NotThere {
        /// Its id.
        id: String,
    },
    /// A hold or a minimum retention forbids it.
    #[error("nothing is erased of split {id}: it is {why}")]
    Kept {
        /// Its id.
        id: String,
        /// What forbids it.
        why: String,
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
    /// The file is not what this program wrote: restore it from a backup.
    #[error("{path}: damaged: {what}; restore it from a backup")]
    Damaged {
        /// The file.
        path: String,
        /// Where and how.
        what: String,
    },
    /// It could not be opened or read: another program has it locked, or the disk refuses.
    #[error(
        "{path} cannot be opened: {error}; see that this user may write it and that no other program holds it open"
    )]
    Unreadable {
        /// The file.
        path: String,
        /// What SQLite said.
        error: rusqlite::Error,
    },
    /// SQLite said no.
    #[error("catalog: {0}")]
    Database(#[from] rusqlite::Error),
    /// The commit failed: after a crash the change may be found made all the same.
    #[error("catalog: commit: {0}")]
    Commit(rusqlite::Error),
}

impl CatalogError {
    /// What SQLite says at the start names no file.
    fn about(self, path: &Path) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        let Self::Database(error) = self else { return self };
        let path = path.display().to_string();
        match error.sqlite_error_code() {
            // A table or column that is missing has no code of its own.
            Some(DatabaseCorrupt | NotADatabase | rusqlite::ErrorCode::Unknown) | None => Self::Damaged {
                path,
                what: error.to_string(),
            },
            Some(_) => Self::Unreadable { path, error },
        }
    }
}

/// The open catalog. Cheap to clone. Calls other than [`snapshot`](Self::snapshot) block on the
/// disk: keep them off the async threads.
#[derive(Clone, Debug)]
pub struct Catalog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    store_id: String,
    created: bool,
    /// One writer at a time; held from before a transaction until its snapshot is in place.
    connection: Mutex<rusqlite::Connection>,
    /// By what tombstones are signed.
    key: RwLock<Option<Arc<StoreKey>>>,
    snapshot: RwLock<Arc<Snapshot>>,
}

impl Catalog {
    /// Opens or creates the database (`synchronous=FULL`, WAL).
    ///
    /// # Errors
    /// [`CatalogError`]
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        let (opened, snapshot) = schema::open(path)
            .and_then(|opened| {
                let snapshot = snapshot::load(&opened.connection, path)?;
                Ok((opened, snapshot))
            })
            .map_err(|error| error.about(path))?;
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                store_id: opened.store_id,
                created: opened.created,
                connection: Mutex::new(opened.connection),
                key: RwLock::new(None),
                snapshot: RwLock::new(Arc::new(snapshot)),
            }),
        })
    }

    /// The present moment. Cheap: kept in memory, replaced by each transaction of this process.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.inner.snapshot.read())
    }

    /// As a transaction does that takes long: nothing else of the file is read or written.
    #[cfg(test)]
    pub(crate) fn hold(&self) -> parking_lot::MutexGuard<'_, rusqlite::Connection> {
        self.inner.connection.lock()
    }

    /// This store's identity, 32 hexadecimal digits, made with the catalog.
    pub fn store_id(&self) -> &str {
        &self.inner.store_id
    }

    /// Whether [`open`](Self::open) created the file.
    pub fn was_created(&self) -> bool {
        self.inner.created
    }

    /// How far a partition is published.
    pub fn position(&self, topic: &str, partition: u32) -> Option<Position> {
        self.snapshot().positions.get(&(topic.to_owned(), partition)).copied()
    }

    /// Copies the database to `path`, replacing what is there, and gives the snapshot that it holds. Nothing is
    /// published meanwhile. Blocks.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Damaged`] if the path is no text.
    pub fn copy_to(&self, path: &Path) -> Result<Arc<Snapshot>, CatalogError> {
        let text = path.to_str().ok_or_else(|| CatalogError::Damaged {
            path: path.display().to_string(),
            what: "not UTF-8, which the database needs".to_owned(),
        })?;
        let connection = self.inner.connection.lock();
        // What a crash left of a copy before.
        std::fs::remove_file(path).ok();
        connection.execute("VACUUM INTO ?1", rusqlite::params![text])?;
        Ok(self.snapshot())
    }

    /// Runs one transaction and, once it is durable, puts the changed snapshot in place.
    ///
    /// A commit that failed leaves open what the disk holds, so the snapshot is read anew then. Any
    /// other error changed nothing.
    fn transact(
        &self,
        change: impl FnOnce(&rusqlite::Transaction<'_>, &mut Snapshot) -> Result<(), CatalogError>,
    ) -> Result<(), CatalogError> {
        let mut connection = self.inner.connection.lock();
        let mut next = Snapshot::clone(&self.snapshot());
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        change(&transaction, &mut next)?;
        if let Err(error) = transaction.commit() {
            if let Ok(read_back) = snapshot::load(&connection, &self.inner.path) {
                *self.inner.snapshot.write() = Arc::new(read_back.sharing(&self.snapshot()));
            }
            return Err(CatalogError::Commit(error));
        }
        *self.inner.snapshot.write() = Arc::new(next);
        #[cfg(test)]
        crate::crash::note(crate::crash::Step::Committed);
        Ok(())
    }
}
