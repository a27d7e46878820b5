//! Splits that come and go without the queue: merges, deletions, quarantine.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use rusqlite::{Transaction, params};
use serde_json::json;
use timberline_proto::id::GenerationId;

use super::snapshot::Published;
use super::{
    Catalog, CatalogError, CatalogSplit, Deletion, ErasureWork, Guard, Snapshot, audit, erasures, integrity, ledger,
};
use crate::integrity::Removal;
use crate::rows::StreamId;
use crate::split::SplitMeta;

/// Streams that are forgotten at once: whoever publishes waits meanwhile.
const FORGOTTEN_MAX: usize = 1000;

impl Catalog {
    /// Replaces splits by their merge, in one transaction. Positions are not touched. All of
    /// `removed` must be there and sound, else nothing changes. What the ledger knows of their bytes
    /// goes to the first of `added`. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::NotThere`], [`CatalogError::Database`]
    pub fn replace(&self, topic: &str, removed: &[String], added: &[SplitMeta]) -> Result<(), CatalogError> {
        self.transact(|transaction, next| {
            for id in removed {
                let sound = next
                    .split(id)
                    .is_some_and(|split| split.topic == topic && split.quarantined.is_none());
                if !sound {
                    return Err(CatalogError::NotThere { id: id.clone() });
                }
            }
            let published = published_of(next, removed);
            let described: Vec<_> = added
                .iter()
                .map(|meta| next.described(topic, meta, published))
                .collect();
            for split in &described {
                insert_split(transaction, split)?;
            }
            if let Some(joined) = added.first() {
                ledger::move_bytes(transaction, removed, &joined.id)?;
                integrity::move_trees(transaction, removed, &joined.id)?;
            }
            remove_splits(transaction, removed, next)?;
            next.add_splits(described);
            let detail = json!({
                "removed": removed,
                "added": added.iter().map(|meta| &meta.id).collect::<Vec<_>>(),
                "rows": added.iter().map(|meta| meta.rows).sum::<u64>(),
            });
            audit::note(transaction, "split.merge", topic, &detail)
        })
    }

    /// Deletes splits, with the reason on record; ids that are not there are passed over, and so are those
    /// that a hold or a minimum retention keeps at `now_nanos`, whatever was known when the deletion was
    /// planned. Returns the ids of what was deleted. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn delete(&self, ids: &[String], reason: &str, now_nanos: i64) -> Result<Vec<String>, CatalogError> {
        self.delete_by(ids, &Removal::by_store(reason), now_nanos)
    }

    /// As [`delete`](Self::delete), by whom and by what policy `removal` says: so it stands in the
    /// tombstone and in the record of acts.
    ///
    /// # Errors
    /// As `delete`.
    pub fn delete_by(&self, ids: &[String], removal: &Removal, now_nanos: i64) -> Result<Vec<String>, CatalogError> {
        self.delete_noting(ids, removal, now_nanos, Guard::HoldsAndMinimums, None)
    }

    /// As [`delete_by`](Self::delete_by), for a request to erase, which notes what was done.
    ///
    /// # Errors
    /// As `delete`.
    pub(crate) fn delete_noting(
        &self,
        ids: &[String],
        removal: &Removal,
        now_nanos: i64,
        guard: Guard,
        work: Option<(&str, &ErasureWork)>,
    ) -> Result<Vec<String>, CatalogError> {
        let reason = &removal.reason;
        let mut deleted = Vec::new();
        self.transact(|transaction, next| {
            for id in ids {
                let Some(split) = next.split(id) else { continue };
                if let Some(keeping) = guard.of(next, split, now_nanos) {
                    tracing::info!(split = %id, keeping, reason, "not deleted");
                    continue;
                }
                insert_deletion(transaction, split, reason)?;
                ledger::count_removed(transaction, id)?;
                self.bury(transaction, split, removal)?;
                let detail = json!({
                    "topic": split.topic,
                    "class": split.class,
                    "rows": split.meta.rows,
                    "time_min": split.meta.time_min,
                    "time_max": split.meta.time_max,
                    "reason": reason,
                    "policy": removal.policy,
                });
                audit::note_by(transaction, &removal.actor, "split.delete", id, &detail)?;
                deleted.push(id.clone());
            }
            if let Some((id, work)) = work.filter(|_| !deleted.is_empty()) {
                erasures::add_work(transaction, id, work)?;
            }
            remove_splits(transaction, &deleted, next)
        })?;
        Ok(deleted)
    }

    /// Puts splits in the place of one that together hold its rows, each those of one retention class, in
    /// one transaction. `files` says per split which bytes of which file it holds. The one that is replaced
    /// must be there and sound, else nothing changes. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::NotThere`], [`CatalogError::Database`]
    pub fn divide(
        &self,
        removed: &str,
        added: &[SplitMeta],
        files: &[Vec<(GenerationId, u64)>],
    ) -> Result<(), CatalogError> {
        self.transact(|transaction, next| {
            let sound = next.split(removed).filter(|split| split.quarantined.is_none());
            let Some(split) = sound.cloned() else {
                return Err(CatalogError::NotThere { id: removed.to_owned() });
            };
            let ids = [removed.to_owned()];
            let published = published_of(next, &ids);
            let described = added.iter().map(|meta| next.described(&split.topic, meta, published));
            let described: Vec<_> = described.collect();
            for split in &described {
                insert_split(transaction, split)?;
            }
            ledger::divide_bytes(transaction, added, files)?;
            remove_splits(transaction, &ids, next)?;
            let detail = json!({
                "removed": removed,
                "added": described.iter().map(|split| json!({ "split": split.meta.id, "class": split.class })).collect::<Vec<_>>(),
                "rows": split.meta.rows,
            });
            next.add_splits(described);
            audit::note(transaction, "split.divide", &split.topic, &detail)
        })
    }

    /// Marks a split as damaged: it stays listed and is named in answers, and is not read.
    /// Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn quarantine(&self, id: &str, reason: &str) -> Result<(), CatalogError> {
        self.mark(id, Some(reason))
    }

    fn mark(&self, id: &str, quarantined: Option<&str>) -> Result<(), CatalogError> {
        self.transact(|transaction, next| {
            // Every query that meets it says so; it is one act all the same.
            let known = next.split(id).map(|split| split.quarantined.is_some()) == Some(quarantined.is_some());
            transaction.execute(
                "UPDATE splits SET quarantined = ?2 WHERE id = ?1",
                params![id, quarantined],
            )?;
            for split in next.splits.iter_mut().filter(|split| split.meta.id == id) {
                *split = Arc::new(CatalogSplit {
                    quarantined: quarantined.map(str::to_owned),
                    ..CatalogSplit::clone(split)
                });
            }
            match (known, quarantined) {
                (true, _) => Ok(()),
                (false, Some(reason)) => audit::note(transaction, "split.quarantine", id, &json!({ "reason": reason })),
                (false, None) => audit::note(transaction, "split.release", id, &json!({})),
            }
        })
    }

    /// Takes a split back that was found sound after all, because its file was restored. Durable on
    /// return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn release(&self, id: &str) -> Result<(), CatalogError> {
        self.mark(id, None)
    }

    /// Forgets streams that are in no split, quarantined ones included, and not in `live`; about a
    /// thousand at a time. Returns how many: there may be more until that is 0. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn forget_streams(&self, live: &BTreeSet<StreamId>) -> Result<usize, CatalogError> {
        let mut forgotten = 0;
        self.transact(|transaction, next| {
            let in_splits = next.splits.iter().flat_map(|split| &split.meta.streams);
            let held: HashSet<StreamId> = in_splits.chain(live).copied().collect();
            let known = next.streams.values().map(|stream| stream.id);
            let unused: Vec<StreamId> = known.filter(|id| !held.contains(id)).take(FORGOTTEN_MAX).collect();
            let mut statement = transaction.prepare_cached("DELETE FROM streams WHERE id = ?1")?;
            for id in &unused {
                statement.execute(params![id.0 as i64])?;
                next.streams.remove(*id);
            }
            forgotten = unused.len();
            Ok(())
        })?;
        Ok(forgotten)
    }

    /// What was deleted on purpose of a range of time, if anything was: how many rows in all, and why and
    /// when last. A split counts whole if it reached into the range.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn deleted_between(&self, first: i64, last: i64) -> Result<Option<Deletion>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection
            .prepare_cached("SELECT sum(rows), max(id) FROM deletions WHERE time_min <= ?2 AND time_max >= ?1")?;
        let (rows, id) = statement.query_row(params![first, last], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
        let Some((rows, id)) = rows.zip(id) else {
            return Ok(None);
        };
        let mut statement =
            connection.prepare_cached("SELECT split_id, topic, reason, deleted_at FROM deletions WHERE id = ?1")?;
        let deletion = statement.query_row(params![id], |row| {
            Ok(Deletion {
                split_id: row.get(0)?,
                topic: row.get(1)?,
                rows: rows as u64,
                reason: row.get(2)?,
                deleted_at_nanos: row.get(3)?,
            })
        })?;
        Ok(Some(deletion))
    }

    /// What was deleted on purpose, oldest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn deletions(&self) -> Result<Vec<Deletion>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement =
            connection.prepare("SELECT split_id, topic, rows, reason, deleted_at FROM deletions ORDER BY id")?;
        let deletions = statement.query_map([], |row| {
            Ok(Deletion {
                split_id: row.get(0)?,
                topic: row.get(1)?,
                rows: row.get::<_, i64>(2)? as u64,
                reason: row.get(3)?,
                deleted_at_nanos: row.get(4)?,
            })
        })?;
        Ok(deletions.collect::<Result<_, _>>()?)
    }
}

/// Replaces one split by another, which has its bytes in the ledger and its trees from then on.
pub(super) fn replace_one(
    transaction: &Transaction<'_>,
    next: &mut Snapshot,
    topic: &str,
    removed: &str,
    added: &SplitMeta,
) -> Result<(), CatalogError> {
    let split = next
        .split(removed)
        .filter(|split| split.topic == topic && split.quarantined.is_none());
    if split.is_none() {
        return Err(CatalogError::NotThere { id: removed.to_owned() });
    }
    let removed = [removed.to_owned()];
    let described = next.described(topic, added, published_of(next, &removed));
    insert_split(transaction, &described)?;
    ledger::move_bytes(transaction, &removed, &added.id)?;
    integrity::move_trees(transaction, &removed, &added.id)?;
    remove_splits(transaction, &removed, next)?;
    next.add_splits([described]);
    Ok(())
}

/// When the rows of splits were published.
fn published_of(snapshot: &Snapshot, ids: &[String]) -> Published {
    let splits = || ids.iter().filter_map(|id| snapshot.split(id));
    Published {
        first: splits().map(|split| split.published_first_nanos).min().unwrap_or(0),
        last: splits()
            .map(|split| split.published_at_nanos)
            .max()
            .unwrap_or_else(now_nanos),
    }
}

pub(super) fn insert_split(transaction: &Transaction<'_>, split: &CatalogSplit) -> Result<(), CatalogError> {
    let meta = &split.meta;
    let json = serde_json::to_string(meta).expect("numbers and text are JSON");
    transaction
        .prepare_cached(
            "INSERT INTO splits (id, topic, level, rows, raw_bytes, file_bytes, time_min, time_max, meta, created_at,
                                 published_first, class)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            meta.id,
            split.topic,
            meta.level,
            meta.rows as i64,
            meta.raw_bytes as i64,
            meta.file_bytes as i64,
            meta.time_min,
            meta.time_max,
            json,
            split.published_at_nanos,
            split.published_first_nanos,
            split.class.as_deref()
        ])?;
    let mut statement =
        transaction.prepare_cached("INSERT OR IGNORE INTO split_streams (split_id, stream_id) VALUES (?1, ?2)")?;
    for stream in &meta.streams {
        statement.execute(params![meta.id, stream.0 as i64])?;
    }
    Ok(())
}

fn remove_splits(transaction: &Transaction<'_>, ids: &[String], next: &mut Snapshot) -> Result<(), CatalogError> {
    let mut statement = transaction.prepare_cached("DELETE FROM splits WHERE id = ?1")?;
    for id in ids {
        statement.execute(params![id])?;
    }
    let gone: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    next.splits.retain(|split| !gone.contains(split.meta.id.as_str()));
    Ok(())
}

fn insert_deletion(transaction: &Transaction<'_>, split: &CatalogSplit, reason: &str) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT INTO deletions (split_id, topic, rows, time_min, time_max, reason, deleted_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            split.meta.id,
            split.topic,
            split.meta.rows as i64,
            split.meta.time_min,
            split.meta.time_max,
            reason,
            now_nanos()
        ])?;
    Ok(())
}

/// Now, nanoseconds since the epoch.
pub(crate) fn now_nanos() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}
