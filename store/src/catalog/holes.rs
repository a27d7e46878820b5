//! Bytes of files that became no record. Without them a file could not be told whole from one with
//! something missing, nor be made again.

use rusqlite::params;
use timberline_proto::id::GenerationId;

use super::edit::now_nanos;
use super::{Catalog, CatalogError};

/// The reason of a hole that held nothing but NULs.
const NUL: &str = "nul_hole";

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
        self.reason == NUL
    }
}

impl Catalog {
    /// Records holes, before the records beside them are published, so that these are never there
    /// without. Noting the same again changes nothing. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn note_holes(&self, holes: &[Hole]) -> Result<(), CatalogError> {
        if holes.is_empty() {
            return Ok(());
        }
        self.transact(|transaction, _| {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO holes (generation, start, \"end\", reason, noted_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (generation, start) DO UPDATE SET \"end\" = max(\"end\", excluded.\"end\")",
            )?;
            for hole in holes {
                let (start, end) = (hole.start as i64, hole.end as i64);
                statement.execute(params![hole.generation.0, start, end, hole.reason, now_nanos()])?;
            }
            Ok(())
        })
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

    /// The generations whose newest hole was noted before `nanos`.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn generations_with_holes(&self, before_nanos: i64) -> Result<Vec<GenerationId>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement =
            connection.prepare_cached("SELECT generation FROM holes GROUP BY generation HAVING max(noted_at) < ?1")?;
        let generations = statement.query_map(params![before_nanos], |row| {
            let generation: Vec<u8> = row.get(0)?;
            Ok(GenerationId::try_from(generation.as_slice()).unwrap_or_default())
        })?;
        Ok(generations.collect::<Result<_, _>>()?)
    }

    /// Forgets the holes of generations of which nothing is held any more. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn forget_holes(&self, generations: &[GenerationId]) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            let mut statement = transaction.prepare_cached("DELETE FROM holes WHERE generation = ?1")?;
            for generation in generations {
                statement.execute(params![generation.0])?;
            }
            Ok(())
        })
    }
}
