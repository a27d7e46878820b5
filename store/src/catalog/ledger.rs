//! The ledger: what became of every byte of every file.
//!
//! A publication counts, in its own transaction, which bytes of which files the batches that it takes
//! speak of (`first..end`), and how many of them stand as records in its splits (`published`). What
//! became no record is a hole, noted before. So for every file, at every moment,
//!
//! ```text
//! end − first + doubled = published + holes within first..end
//! ```
//!
//! and what is left over is bytes that went missing between the queue and the splits. A batch that
//! begins beyond `end` makes a hole for what is between (the queue lost it after its ack); one that
//! begins before it has taken bytes twice, which `doubled` says. Splits that are deleted on purpose add
//! their bytes to `removed` in the transaction that deletes them; merges carry them over.

mod page;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, params};
use timberline_proto::gap::{QUEUE_LOST, kind_of};
use timberline_proto::id::{AgentId, GenerationId};

use super::edit::now_nanos;
use super::holes::{Hole, insert_holes};
use super::{Catalog, CatalogError};
use crate::split::SplitMeta;

pub use page::{Account, AgentTrace, GapSum, LedgerFilter, LedgerKey, LedgerView, NamedGap, Totals};

/// A hole that is no loss: see `timberline_proto::gap::class_of`.
pub(super) const IS_NO_LOSS: &str = "(reason = 'nul_hole' OR reason GLOB 'rule:*')";
/// Accounts that are forgotten at once: whoever publishes waits meanwhile.
const FORGOTTEN_MAX: u64 = 1000;

/// What the batches of a publication say of files, and what of it stands in the splits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// The files.
    pub files: Vec<TakenFile>,
    /// Per split, in the order of the splits: bytes of each file.
    pub splits: Vec<Vec<(GenerationId, u64)>>,
    /// The trees over the splits' records.
    pub trees: Vec<crate::integrity::LogTree>,
    /// What agents chained of the files.
    pub links: Vec<crate::integrity::Link>,
}

/// A file of which something was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenFile {
    /// Its generation.
    pub generation: GenerationId,
    /// Its agent.
    pub agent: AgentId,
    /// Its host; empty if its stream names none.
    pub host: String,
    /// The path under which it was first found; empty if its stream names none.
    pub path: String,
    /// The ranges of the batches, in the order in which they were taken.
    pub ranges: Vec<(u64, u64)>,
}

/// How far a file was taken.
#[derive(Clone, Copy, Debug)]
struct Reach {
    first: u64,
    end: u64,
    doubled: u64,
}

/// Puts a publication into the ledger.
pub(super) fn count_taken(
    transaction: &Transaction<'_>,
    topic: &str,
    splits: &[SplitMeta],
    counted: &Counted,
) -> Result<(), CatalogError> {
    let now = now_nanos();
    let mut ids = HashMap::new();
    for file in &counted.files {
        if let Some(id) = take_file(transaction, topic, file, now)? {
            ids.insert(file.generation, id);
        }
    }
    let mut published = transaction.prepare_cached("UPDATE sources SET published = published + ?2 WHERE id = ?1")?;
    let mut insert =
        transaction.prepare_cached("INSERT INTO split_sources (split_id, source, bytes) VALUES (?1, ?2, ?3)")?;
    for (split, files) in splits.iter().zip(&counted.splits) {
        for (generation, bytes) in files {
            let Some(id) = ids.get(generation) else { continue };
            published.execute(params![id, *bytes as i64])?;
            insert.execute(params![split.id, id, *bytes as i64])?;
        }
    }
    Ok(())
}

/// Takes in the ranges of one file; gives its id.
fn take_file(
    transaction: &Transaction<'_>,
    topic: &str,
    file: &TakenFile,
    now: i64,
) -> Result<Option<i64>, CatalogError> {
    let Some(&(first, _)) = file.ranges.first() else {
        return Ok(None);
    };
    let known = transaction
        .prepare_cached("SELECT id, first, \"end\" FROM sources WHERE generation = ?1")?
        .query_row(params![file.generation.0], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)? as u64,
                row.get::<_, i64>(2)? as u64,
            ))
        })
        .optional()?;
    let mut reach = Reach {
        first: known.map_or(first, |(_, first, _)| first),
        end: known.map_or(first, |(_, _, end)| end),
        doubled: 0,
    };
    for &range in &file.ranges {
        extend(transaction, &mut reach, file.generation, range)?;
    }
    if let Some((id, ..)) = known {
        transaction
            .prepare_cached(
                "UPDATE sources SET first = ?2, \"end\" = ?3, doubled = doubled + ?4, last_at = ?5 WHERE id = ?1",
            )?
            .execute(params![
                id,
                reach.first as i64,
                reach.end as i64,
                reach.doubled as i64,
                now
            ])?;
        return Ok(Some(id));
    }
    transaction
        .prepare_cached(
            "INSERT INTO sources (generation, agent, topic, host, path, first, \"end\", published, doubled, removed, first_at, last_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 0, ?9, ?9)",
        )?
        .execute(params![
            file.generation.0,
            file.agent.0,
            topic,
            file.host,
            file.path,
            reach.first as i64,
            reach.end as i64,
            reach.doubled as i64,
            now
        ])?;
    Ok(Some(transaction.last_insert_rowid()))
}

/// Takes in one range: what lies between is a hole, what is there already came twice.
fn extend(
    transaction: &Transaction<'_>,
    reach: &mut Reach,
    generation: GenerationId,
    (start, end): (u64, u64),
) -> Result<(), CatalogError> {
    let hole = |start: u64, end: u64| Hole {
        generation,
        start,
        end,
        reason: QUEUE_LOST.to_owned(),
    };
    if start > reach.end {
        insert_holes(transaction, &[hole(reach.end, start)])?;
    } else if end < reach.first {
        insert_holes(transaction, &[hole(end, reach.first)])?;
    }
    let (from, to) = (start.max(reach.first), end.min(reach.end));
    if from < to {
        // Bytes without a record were not taken as one twice.
        let holes: i64 = transaction
            .prepare_cached(
                "SELECT coalesce(sum(min(\"end\", ?3) - max(start, ?2)), 0) FROM holes
                 WHERE generation = ?1 AND start < ?3 AND \"end\" > ?2",
            )?
            .query_row(params![generation.0, from as i64, to as i64], |row| row.get(0))?;
        reach.doubled += (to - from).saturating_sub(holes as u64);
    }
    reach.first = reach.first.min(start);
    reach.end = reach.end.max(end);
    Ok(())
}

/// The bytes of splits that are merged are those of the split that takes their place.
pub(super) fn move_bytes(transaction: &Transaction<'_>, removed: &[String], added: &str) -> Result<(), CatalogError> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO split_sources (split_id, source, bytes)
         SELECT ?2, source, bytes FROM split_sources WHERE split_id = ?1
         ON CONFLICT (split_id, source) DO UPDATE SET bytes = bytes + excluded.bytes",
    )?;
    for id in removed {
        statement.execute(params![id, added])?;
    }
    Ok(())
}

/// What one split held stands in several now: which bytes of which file in each.
pub(super) fn divide_bytes(
    transaction: &Transaction<'_>,
    added: &[SplitMeta],
    files: &[Vec<(GenerationId, u64)>],
) -> Result<(), CatalogError> {
    // A file that the ledger does not know, of before there was one, is passed over.
    let mut statement = transaction.prepare_cached(
        "INSERT INTO split_sources (split_id, source, bytes)
         SELECT ?1, id, ?3 FROM sources WHERE generation = ?2",
    )?;
    for (split, files) in added.iter().zip(files) {
        for (generation, bytes) in files {
            statement.execute(params![split.id, generation.0, *bytes as i64])?;
        }
    }
    Ok(())
}

/// A split is about to be deleted on purpose.
pub(super) fn count_removed(transaction: &Transaction<'_>, split: &str) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "UPDATE sources SET removed = removed +
                 (SELECT bytes FROM split_sources WHERE split_id = ?1 AND source = sources.id)
             WHERE id IN (SELECT source FROM split_sources WHERE split_id = ?1)",
        )?
        .execute(params![split])?;
    Ok(())
}

/// Forgets the holes of a file one by one. The ledger keeps their sums if it knows the file, and then
/// what was lost as it is.
pub(super) fn sum_up_holes(transaction: &Transaction<'_>, generation: GenerationId) -> Result<(), CatalogError> {
    let is_known = transaction
        .prepare_cached("SELECT 1 FROM sources WHERE generation = ?1")?
        .exists(params![generation.0])?;
    if !is_known {
        transaction
            .prepare_cached("DELETE FROM holes WHERE generation = ?1")?
            .execute(params![generation.0])?;
        return Ok(());
    }
    transaction
        .prepare_cached(&format!(
            "INSERT INTO source_gaps (generation, reason, ranges, bytes, first_at, last_at)
             SELECT generation, reason, count(*), sum(\"end\" - start), min(noted_at), max(noted_at) FROM holes
             WHERE generation = ?1 AND {IS_NO_LOSS} GROUP BY reason
             ON CONFLICT (generation, reason) DO UPDATE SET
                 ranges = ranges + excluded.ranges, bytes = bytes + excluded.bytes, last_at = excluded.last_at"
        ))?
        .execute(params![generation.0])?;
    transaction
        .prepare_cached(&format!("DELETE FROM holes WHERE generation = ?1 AND {IS_NO_LOSS}"))?
        .execute(params![generation.0])?;
    Ok(())
}

impl Catalog {
    /// Forgets, beyond `sources_max`, the accounts of files of which nothing is held any more and
    /// nothing came since `before_nanos`, the oldest first; about a thousand at a time. Their sums stay.
    /// Returns how many: there may be more until that is 0. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn forget_accounts(&self, sources_max: u64, before_nanos: i64) -> Result<u64, CatalogError> {
        let known: i64 = {
            let connection = self.inner.connection.lock();
            connection.query_row("SELECT count(*) FROM sources", [], |row| row.get(0))?
        };
        let beyond = (known as u64).saturating_sub(sources_max).min(FORGOTTEN_MAX);
        if beyond == 0 {
            return Ok(0);
        }
        let mut forgotten = 0;
        self.transact(|transaction, _| {
            let mut statement = transaction.prepare_cached(
                "SELECT id, generation, \"end\" - first, published, doubled, removed FROM sources
                 WHERE published = removed AND last_at < ?1 ORDER BY last_at LIMIT ?2",
            )?;
            let rows = statement.query_map(params![before_nanos, beyond as i64], |row| {
                let sums: [i64; 4] = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, sums))
            })?;
            for row in rows {
                let (id, generation, sums) = row?;
                forget_account(transaction, id, &generation, sums)?;
                forgotten += 1;
            }
            Ok(())
        })?;
        Ok(forgotten)
    }
}

fn forget_account(
    transaction: &Transaction<'_>,
    id: i64,
    generation: &[u8],
    [taken, published, doubled, removed]: [i64; 4],
) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT INTO past_sources (id, sources, taken, published, doubled, removed) VALUES (1, 1, ?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET sources = sources + 1, taken = taken + excluded.taken,
                 published = published + excluded.published, doubled = doubled + excluded.doubled,
                 removed = removed + excluded.removed",
        )?
        .execute(params![taken, published, doubled, removed])?;
    let mut gaps = transaction.prepare_cached(
        "SELECT reason, count(*), sum(\"end\" - start) FROM holes WHERE generation = ?1 GROUP BY reason
         UNION ALL SELECT reason, ranges, bytes FROM source_gaps WHERE generation = ?1",
    )?;
    let sums = gaps.query_map(params![generation], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    let mut past = transaction.prepare_cached(
        "INSERT INTO past_gaps (reason, ranges, bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT (reason) DO UPDATE SET ranges = ranges + excluded.ranges, bytes = bytes + excluded.bytes",
    )?;
    for sum in sums {
        let (reason, ranges, bytes) = sum?;
        past.execute(params![kind_of(&reason), ranges, bytes])?;
    }
    for table in ["holes", "source_gaps"] {
        transaction
            .prepare_cached(&format!("DELETE FROM {table} WHERE generation = ?1"))?
            .execute(params![generation])?;
    }
    transaction
        .prepare_cached("DELETE FROM sources WHERE id = ?1")?
        .execute(params![id])?;
    Ok(())
}
