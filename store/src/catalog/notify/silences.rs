//! Silences and maintenance windows.

use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};

use super::optional;
use crate::catalog::change::Refusal;
use crate::catalog::edit::now_nanos;
use crate::catalog::{Catalog, CatalogError};
use timberline_proto::api::access::Actor;

/// A silence as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSilence {
    /// Its id.
    pub id: String,
    /// From 1; grows by one with each change.
    pub version: u64,
    /// All of it, JSON.
    pub body: String,
    /// When it was made, nanoseconds since the epoch.
    pub created_at: i64,
    /// When it was changed last, nanoseconds since the epoch.
    pub updated_at: i64,
}

/// Why a silence is not kept, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum SilenceError {
    /// There are as many as there may be.
    #[error("there are {0} silences already (`alerts.silences_max`): delete some that are over, or allow more")]
    Full(usize),
    /// There is none of this id.
    #[error("there is no silence {0:?}: it may have been deleted")]
    NotThere(String),
    /// Somebody changed it since.
    #[error(
        "the silence was changed by somebody else: version {found} is kept, and this was made from version {asked}"
    )]
    Conflict {
        /// The version that was changed.
        asked: u64,
        /// The version that is kept.
        found: u64,
    },
    /// The catalog said no.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Refusal for SilenceError {
    fn failure(self) -> Result<CatalogError, Self> {
        match self {
            Self::Catalog(error) => Ok(error),
            refusal => Err(refusal),
        }
    }
}

impl From<rusqlite::Error> for SilenceError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Catalog(error.into())
    }
}

impl Catalog {
    /// All of them, the newest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn silences(&self) -> Result<Vec<StoredSilence>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, version, body, created_at, updated_at FROM silences ORDER BY created_at DESC, id",
        )?;
        let rows = statement.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps a new one, for `actor`. Durable on return.
    ///
    /// # Errors
    /// [`SilenceError::Full`], [`SilenceError::Catalog`]
    pub fn create_silence(&self, body: &str, count_max: usize, actor: &Actor) -> Result<StoredSilence, SilenceError> {
        let now = now_nanos();
        let silence = StoredSilence {
            id: format!("{:016x}", rand::random::<u64>()),
            version: 1,
            body: body.to_owned(),
            created_at: now,
            updated_at: now,
        };
        self.change::<SilenceError, _>(actor, |connection| {
            let count: i64 = connection.query_row("SELECT COUNT(*) FROM silences", [], |row| row.get(0))?;
            if count as u64 >= count_max as u64 {
                return Err(SilenceError::Full(count_max));
            }
            connection.execute(
                "INSERT INTO silences (id, version, body, created_at, updated_at) VALUES (?1, 1, ?2, ?3, ?3)",
                params![silence.id, silence.body, now],
            )?;
            Ok(("silence.create", silence.id.clone(), detail(&silence)))
        })?;
        Ok(silence)
    }

    /// Puts another in the place of `version` of one. Durable on return.
    ///
    /// # Errors
    /// [`SilenceError::Conflict`], [`SilenceError::NotThere`], [`SilenceError::Catalog`]
    pub fn replace_silence(
        &self,
        (id, version): (&str, u64),
        body: &str,
        actor: &Actor,
    ) -> Result<StoredSilence, SilenceError> {
        let mut replaced = None;
        self.change::<SilenceError, _>(actor, |connection| {
            let held = find(connection, id)?;
            check(&held, version)?;
            let silence = StoredSilence {
                version: version + 1,
                body: body.to_owned(),
                updated_at: now_nanos(),
                ..held
            };
            connection.execute(
                "UPDATE silences SET version = ?2, body = ?3, updated_at = ?4 WHERE id = ?1",
                params![id, silence.version as i64, silence.body, silence.updated_at],
            )?;
            let detail = detail(&silence);
            replaced = Some(silence);
            Ok(("silence.change", id.to_owned(), detail))
        })?;
        Ok(replaced.expect("it was put there by the change that went well"))
    }

    /// Deletes one; if a version is named, only that one. Durable on return.
    ///
    /// # Errors
    /// [`SilenceError::Conflict`], [`SilenceError::NotThere`], [`SilenceError::Catalog`]
    pub fn delete_silence(&self, id: &str, version: Option<u64>, actor: &Actor) -> Result<(), SilenceError> {
        self.change::<SilenceError, _>(actor, |connection| {
            let held = find(connection, id)?;
            if let Some(version) = version {
                check(&held, version)?;
            }
            connection.execute("DELETE FROM silences WHERE id = ?1", params![id])?;
            Ok(("silence.delete", id.to_owned(), detail(&held)))
        })
    }
}

fn find(connection: &Connection, id: &str) -> Result<StoredSilence, SilenceError> {
    let mut statement =
        connection.prepare_cached("SELECT id, version, body, created_at, updated_at FROM silences WHERE id = ?1")?;
    optional(statement.query_row(params![id], read))?.ok_or_else(|| SilenceError::NotThere(id.to_owned()))
}

fn check(held: &StoredSilence, asked: u64) -> Result<(), SilenceError> {
    match held.version == asked {
        true => Ok(()),
        false => Err(SilenceError::Conflict {
            asked,
            found: held.version,
        }),
    }
}

fn detail(silence: &StoredSilence) -> Value {
    let body: Value = serde_json::from_str(&silence.body).unwrap_or(Value::Null);
    json!({ "version": silence.version, "by": body["by"], "matchers": body["matchers"], "ends": body["ends"] })
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredSilence> {
    Ok(StoredSilence {
        id: row.get(0)?,
        version: row.get::<_, i64>(1)? as u64,
        body: row.get(2)?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
    })
}
