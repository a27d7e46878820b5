//! The log of trees: its entries, its right edge, and in which split each tree is.
//!
//! An entry is added in the transaction that does what it speaks of, so the log, the splits and the
//! record of acts are of one moment. The table `integrity_state` has by name: `log` (number of
//! entries, hashes of the tree's right edge), `key` (number of the entry that names it, the public
//! key that signs), `paused` (number of the entry) while integrity is off.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use timberline_proto::integrity::{Frontier, Hash, NoteKey};

use super::edit::now_nanos;
use super::{Catalog, CatalogError, CatalogSplit, ErasureWork, Snapshot, erasures};
use crate::integrity::{BeginEntry, DeleteEntry, Entry, EraseEntry, Erased, LogTree, Removal, StoreKey, ranges_of};
use crate::split::SplitMeta;

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS integrity_log (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS integrity_trees (
    seq INTEGER NOT NULL,
    split_id TEXT NOT NULL,
    tree TEXT NOT NULL,
    root BLOB NOT NULL,
    leaves INTEGER NOT NULL,
    PRIMARY KEY (seq, split_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS integrity_trees_split ON integrity_trees (split_id);
CREATE TABLE IF NOT EXISTS integrity_state (
    name TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
";

const LOG: &str = "log";
const KEY: &str = "key";
const PAUSED: &str = "paused";

/// What keeps records of a split from being erased or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// A hold, or a minimum retention.
    HoldsAndMinimums,
    /// A hold alone: where records stay, and only a name in them goes, no minimum is touched.
    Holds,
    /// Nothing: it was done by right before, and a restored directory does not know of it.
    Nothing,
}

impl Guard {
    /// What keeps a split, in words.
    pub(crate) fn of(self, snapshot: &Snapshot, split: &CatalogSplit, now_nanos: i64) -> Option<String> {
        let rules = &snapshot.rules;
        match self {
            Self::HoldsAndMinimums => rules
                .keeper(split, &snapshot.streams, now_nanos)
                .map(|keeping| keeping.to_string()),
            Self::Nothing => None,
            Self::Holds => rules.holder(split, &snapshot.streams).map(|held| held.to_string()),
        }
    }
}

/// How a split is replaced by one from which records were erased, or in which they were changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SplitErasure<'a> {
    /// The one that stands in its place.
    pub(crate) meta: &'a SplitMeta,
    /// Which leaves of which of its trees ([`punctured`](crate::integrity::punctured)).
    pub(crate) erased: &'a [Erased],
    /// The tree over records that were changed, if there are any.
    pub(crate) added: Option<&'a LogTree>,
    /// Why, and by whom.
    pub(crate) removal: &'a Removal,
    /// What may forbid it.
    pub(crate) guard: Guard,
    /// The request for which it is done, and what is noted there.
    pub(crate) work: Option<(&'a str, &'a ErasureWork)>,
}

impl Catalog {
    /// By what tombstones are signed from now on.
    pub(crate) fn sign_with(&self, key: Arc<StoreKey>) {
        *self.inner.key.write() = Some(key);
    }

    /// The public key that signs now, if integrity is on.
    pub(crate) fn signing_key(&self) -> Option<String> {
        self.inner.key.read().as_ref().map(|key| key.public().to_string())
    }

    /// A signature by that key, base64.
    pub(crate) fn signature(&self, bytes: &[u8]) -> Option<String> {
        self.inner.key.read().as_ref().map(|key| key.sign(bytes))
    }

    /// The right edge of the log; `None` if it never began.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn log_head(&self) -> Result<Option<Frontier>, CatalogError> {
        frontier(&self.inner.connection.lock(), LOG)
    }

    /// The public key that signs, as the log has it; `None` if it never began.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn log_key(&self) -> Result<Option<String>, CatalogError> {
        let value = state(&self.inner.connection.lock(), KEY)?;
        Ok(value.map(|(_, value)| String::from_utf8_lossy(&value).into_owned()))
    }

    /// Begins the log, or goes on with one that was paused; else nothing changes. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub(crate) fn begin_log(&self, key: &NoteKey, entry: impl FnOnce(&str) -> BeginEntry) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            let is_new = frontier(transaction, LOG)?.is_none();
            if !is_new && state(transaction, PAUSED)?.is_none() {
                return Ok(());
            }
            if is_new {
                store_frontier(transaction, LOG, &Frontier::new())?;
            }
            let seq = append(transaction, &Entry::Begin(entry(self.store_id())))?;
            store_state(transaction, KEY, seq.unwrap_or(0), key.to_string().as_bytes())?;
            transaction.execute("DELETE FROM integrity_state WHERE name = ?1", params![PAUSED])?;
            Ok(())
        })
    }

    /// Notes in a log that began that nothing gets trees from now on. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub(crate) fn pause_log(&self, entry: &Entry) -> Result<(), CatalogError> {
        if self.log_head()?.is_none() {
            return Ok(());
        }
        self.transact(|transaction, _| {
            if state(transaction, PAUSED)?.is_some() {
                return Ok(());
            }
            let seq = append(transaction, entry)?;
            store_state(transaction, PAUSED, seq.unwrap_or(0), b"")
        })
    }

    /// Puts another key on record. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub(crate) fn change_log_key(&self, entry: &Entry, key: &NoteKey) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            let seq = append(transaction, entry)?;
            store_state(transaction, KEY, seq.unwrap_or(0), key.to_string().as_bytes())
        })
    }

    /// Replaces a split by one from which records were erased, or in which they were changed, in one
    /// transaction. Positions are not touched. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::NotThere`], [`CatalogError::Kept`], [`CatalogError::Database`]
    pub(crate) fn erase(&self, topic: &str, replaced: &str, by: &SplitErasure<'_>) -> Result<(), CatalogError> {
        self.transact(|transaction, next| {
            if let Some(split) = next.split(replaced)
                && let Some(why) = by.guard.of(next, split, now_nanos())
            {
                return Err(CatalogError::Kept {
                    id: replaced.to_owned(),
                    why,
                });
            }
            super::edit::replace_one(transaction, next, topic, replaced, by.meta)?;
            self.note_erased(transaction, by)?;
            if let Some(tree) = by.added
                && let Some(seq) = append(transaction, &Entry::Tree(tree.clone()))?
            {
                insert_tree(transaction, seq, tree, &by.meta.id)?;
            }
            match by.work {
                Some((id, work)) => erasures::add_work(transaction, id, work),
                None => Ok(()),
            }
        })
    }

    /// Puts on record in the log which leaves are erased, in the transaction that erases them.
    fn note_erased(&self, transaction: &Transaction<'_>, by: &SplitErasure<'_>) -> Result<(), CatalogError> {
        for Erased {
            tree,
            leaves,
            is_redacted,
        } in by.erased
        {
            let seq: Option<i64> = transaction
                .prepare_cached("SELECT seq FROM integrity_trees WHERE tree = ?1")?
                .query_row(params![tree], |row| row.get(0))
                .optional()?;
            let Some(seq) = seq else { continue };
            let entry = Entry::Erase(EraseEntry {
                tree: tree.clone(),
                seq: seq as u64,
                leaves: ranges_of(leaves.iter().copied()),
                redacted: by.added.filter(|_| *is_redacted).map(|tree| tree.tree.clone()),
                removal: by.removal.clone(),
                at: now_nanos(),
                signature: None,
            });
            append(transaction, &self.signed(entry))?;
        }
        Ok(())
    }

    /// The tombstone of a split, in the transaction that deletes it.
    pub(super) fn bury(
        &self,
        transaction: &Transaction<'_>,
        split: &CatalogSplit,
        removal: &Removal,
    ) -> Result<(), CatalogError> {
        let id = &split.meta.id;
        let mut statement =
            transaction.prepare_cached("SELECT seq FROM integrity_trees WHERE split_id = ?1 ORDER BY seq")?;
        let trees = statement.query_map(params![id], |row| row.get::<_, i64>(0).map(|seq| seq as u64))?;
        let trees: Vec<u64> = trees.collect::<Result<_, _>>()?;
        let entry = Entry::Delete(DeleteEntry {
            split: id.clone(),
            topic: split.topic.clone(),
            trees: ranges_of(trees),
            rows: split.meta.rows,
            ranges: split.meta.offsets.clone(),
            time_min: split.meta.time_min,
            time_max: split.meta.time_max,
            removal: removal.clone(),
            at: now_nanos(),
            signature: None,
        });
        append(transaction, &self.signed(entry))?;
        transaction
            .prepare_cached("DELETE FROM integrity_trees WHERE split_id = ?1")?
            .execute(params![id])?;
        Ok(())
    }

    fn signed(&self, entry: Entry) -> Entry {
        match &*self.inner.key.read() {
            Some(key) => entry.signed(key),
            None => entry,
        }
    }
}

/// Adds an entry to the log, if it began; its number.
pub(super) fn append(transaction: &Transaction<'_>, entry: &Entry) -> Result<Option<u64>, CatalogError> {
    let Some(mut log) = frontier(transaction, LOG)? else {
        return Ok(None);
    };
    let (seq, text) = (log.size(), entry.text());
    transaction
        .prepare_cached("INSERT INTO integrity_log (seq, entry) VALUES (?1, ?2)")?
        .execute(params![seq as i64, text])?;
    log.push(Hash::leaf(text.as_bytes()));
    store_frontier(transaction, LOG, &log)?;
    Ok(Some(seq))
}

/// The trees of published splits.
pub(super) fn add_trees(transaction: &Transaction<'_>, trees: &[LogTree]) -> Result<(), CatalogError> {
    for tree in trees {
        let Some(seq) = append(transaction, &Entry::Tree(tree.clone()))? else {
            return Ok(());
        };
        insert_tree(transaction, seq, tree, &tree.tree)?;
    }
    Ok(())
}

fn insert_tree(transaction: &Transaction<'_>, seq: u64, tree: &LogTree, split: &str) -> Result<(), CatalogError> {
    transaction
        .prepare_cached("INSERT INTO integrity_trees (seq, tree, split_id, root, leaves) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![seq as i64, tree.tree, split, tree.root.0, tree.leaves as i64])?;
    Ok(())
}

/// The trees of splits are in another one from now on.
pub(super) fn move_trees(transaction: &Transaction<'_>, from: &[String], to: &str) -> Result<(), CatalogError> {
    let mut statement = transaction.prepare_cached("UPDATE integrity_trees SET split_id = ?2 WHERE split_id = ?1")?;
    for id in from {
        statement.execute(params![id, to])?;
    }
    Ok(())
}

/// A tree's right edge, by its name in `integrity_state`.
pub(super) fn frontier(connection: &Connection, name: &str) -> Result<Option<Frontier>, CatalogError> {
    let Some((size, peaks)) = state(connection, name)? else {
        return Ok(None);
    };
    let frontier = Frontier::from_peaks(size, &peaks).ok_or_else(|| CatalogError::Damaged {
        path: "catalog.sqlite".to_owned(),
        what: format!("the right edge of the tree `{name}` is not one"),
    })?;
    Ok(Some(frontier))
}

pub(super) fn store_frontier(connection: &Connection, name: &str, tree: &Frontier) -> Result<(), CatalogError> {
    store_state(connection, name, tree.size(), &tree.peaks())
}

fn state(connection: &Connection, name: &str) -> Result<Option<(u64, Vec<u8>)>, CatalogError> {
    let mut statement = connection.prepare_cached("SELECT size, value FROM integrity_state WHERE name = ?1")?;
    let state = statement.query_row(params![name], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)));
    Ok(state.optional()?)
}

fn store_state(connection: &Connection, name: &str, size: u64, value: &[u8]) -> Result<(), CatalogError> {
    connection
        .prepare_cached(
            "INSERT INTO integrity_state (name, size, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET size = excluded.size, value = excluded.value",
        )?
        .execute(params![name, size as i64, value])?;
    Ok(())
}
