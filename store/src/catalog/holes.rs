//! Bytes of files that became no record. Without them a file could not be told whole from one with
//! something missing, nor be made again.

use rusqlite::{Transaction, params};
use timberline_proto::gap::NUL_HOLE;
use timberline_proto::id::GenerationId;

use super::edit::now_nanos;
use super::ledger::{self, IS_NO_LOSS};
use super::{Catalog, CatalogError};

/// Bytes of a file that became no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The file's generation.
    pub generation: GenerationId,
    /// The first byte.
    pub start: u64,
    /// One past the last.
    pub end: u64,
    /// Why, as the agent said.
    pub reason: String,
}

impl Hole {
    /// Whether its bytes are known: all of them are 0.
    pub fn is_nul(&self) -> bool {
        self.reason == NUL_HOLE
    }
}

impl Catalog {
    /// Records holes, before the records beside them are published, so that these are never there
    /// without. Noting the same again changes nothing; of bytes that are in a hole already the first
    /// reason stays. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn note_holes(&self, holes: &[Hole]) -> Result<(), CatalogError> {
        if holes.is_empty() {
            return Ok(());
        }
        self.transact(|transaction, _| insert_holes(transaction, holes))
    }

    /// The holes of one generation, or of all, in the order of the file.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn holes(&self, generation: Option<GenerationId>) -> Result<Vec<Hole>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT generation, start, \"end\", reason FROM holes
             WHERE ?1 IS NULL OR generation = ?1 ORDER BY generation, start",
        )?;
        let holes = statement.query_map(params![generation.map(|one| one.0)], |row| {
            let generation: Vec<u8> = row.get(0)?;
            Ok(Hole {
                generation: GenerationId::try_from(generation.as_slice()).unwrap_or_default(),
                start: row.get::<_, i64>(1)? as u64,
                end: row.get::<_, i64>(2)? as u64,
                reason: row.get(3)?,
            })
        })?;
        Ok(holes.collect::<Result<_, _>>()?)
    }

    /// The generations whose newest hole was noted before `nanos`, of those of which holes can be
    /// forgotten.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn generations_with_holes(&self, before_nanos: i64) -> Result<Vec<GenerationId>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(&format!(
            "SELECT generation FROM holes
             WHERE {IS_NO_LOSS} OR NOT EXISTS (SELECT 1 FROM sources WHERE sources.generation = holes.generation)
             GROUP BY generation HAVING max(noted_at) < ?1"
        ))?;
        let generations = statement.query_map(params![before_nanos], |row| {
            let generation: Vec<u8> = row.get(0)?;
            Ok(GenerationId::try_from(generation.as_slice()).unwrap_or_default())
        })?;
        Ok(generations.collect::<Result<_, _>>()?)
    }

    /// Forgets the holes of generations of which nothing is held any more. The ledger keeps their
    /// sums, and what was lost one by one as long as it knows the file. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn forget_holes(&self, generations: &[GenerationId]) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            generations
                .iter()
                .try_for_each(|generation| ledger::sum_up_holes(transaction, *generation))
        })
    }
}

/// Adds holes, but for the bytes that are in one already. Those of one batch do not overlap.
pub(super) fn insert_holes(transaction: &Transaction<'_>, holes: &[Hole]) -> Result<(), CatalogError> {
    let mut known = transaction.prepare_cached(
        "SELECT start, \"end\" FROM holes WHERE generation = ?1 AND start < ?3 AND \"end\" > ?2 ORDER BY start",
    )?;
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO holes (generation, start, \"end\", reason, noted_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let now = now_nanos();
    for of_one in holes.chunk_by(|a, b| a.generation == b.generation) {
        let generation = of_one[0].generation;
        // Most often nothing is known of the bytes of a batch, and one look tells.
        let start = of_one.iter().map(|hole| hole.start).min().unwrap_or(0);
        let end = of_one.iter().map(|hole| hole.end).max().unwrap_or(0);
        let ranges = known.query_map(params![generation.0, start as i64, end as i64], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
        })?;
        let taken: Vec<(u64, u64)> = ranges.collect::<Result<_, _>>()?;
        for hole in of_one {
            for (start, end) in outside(&taken, hole.start, hole.end) {
                insert.execute(params![generation.0, start as i64, end as i64, hole.reason, now])?;
            }
        }
    }
    Ok(())
}

/// What of `from..to` lies in none of the ranges, which ascend.
fn outside(ranges: &[(u64, u64)], from: u64, to: u64) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let mut at = from;
    for &(start, end) in ranges.iter().filter(|range| range.1 > from && range.0 < to) {
        if start > at {
            found.push((at, start));
        }
        at = at.max(end);
    }
    if at < to {
        found.push((at, to));
    }
    found
}
