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

    /// Forgets holes noted before `nanos`, when the records beside them are deleted for their age.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn forget_holes_before(&self, nanos: i64) -> Result<(), CatalogError> {
        let connection = self.inner.connection.lock();
        connection.execute("DELETE FROM holes WHERE noted_at < ?1", params![nanos])?;
        Ok(())
    }
}
