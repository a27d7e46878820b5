//! Incidents, and what people did with them.

use rusqlite::{Row, Transaction, params};
use serde_json::json;

use super::optional;
use crate::catalog::{Catalog, CatalogError, audit};
use timberline_proto::api::access::Actor;

/// An incident as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptIncident {
    /// Its id.
    pub id: String,
    /// Its rule's id.
    pub rule: String,
    /// Whether nothing is left to tell of it: then it is history.
    pub told: bool,
    /// When it was taken note of, nanoseconds since the epoch.
    pub opened_at: i64,
    /// When it was resolved, nanoseconds since the epoch.
    pub closed_at: Option<i64>,
    /// All of it, JSON.
    pub body: String,
}

/// What somebody does or says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNote {
    /// The incident's id.
    pub incident: String,
    /// When, nanoseconds since the epoch.
    pub at: i64,
    /// Who.
    pub by: String,
    /// What: `acknowledge`, `release`, `assign`, `comment`.
    pub action: String,
    /// To whom, or what was said.
    pub text: String,
    /// As whom it goes on record.
    pub actor: Actor,
    /// Notes of one incident that are kept.
    pub notes_max: usize,
}

/// What somebody did or said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptNote {
    /// When, nanoseconds since the epoch.
    pub at: i64,
    /// Who.
    pub by: String,
    /// What.
    pub action: String,
    /// To whom, or what was said.
    pub text: String,
}

pub(super) fn write(transaction: &Transaction<'_>, incident: &KeptIncident) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO notify_incidents (id, rule, closed, told, opened_at, closed_at, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            incident.id,
            incident.rule,
            incident.closed_at.is_some(),
            incident.told,
            incident.opened_at,
            incident.closed_at,
            incident.body
        ])?;
    Ok(())
}

pub(super) fn add_note(transaction: &Transaction<'_>, note: &NewNote) -> Result<(), CatalogError> {
    transaction
        .prepare_cached("INSERT INTO notify_notes (incident, at, by, action, text) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![note.incident, note.at, note.by, note.action, note.text])?;
    transaction
        .prepare_cached(
            "DELETE FROM notify_notes WHERE incident = ?1 AND id NOT IN \
             (SELECT id FROM notify_notes WHERE incident = ?1 ORDER BY id DESC LIMIT ?2)",
        )?
        .execute(params![
            note.incident,
            i64::try_from(note.notes_max).unwrap_or(i64::MAX)
        ])?;
    let detail = json!({ "by": note.by, "text": note.text });
    let action = format!("incident.{}", note.action);
    audit::note_of(transaction, &note.actor, &action, &note.incident, &detail)
}

impl Catalog {
    /// Incidents, the newest first; `before` an instant, only open ones if asked.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn notify_incidents(&self, open: bool, before: i64, max: usize) -> Result<Vec<KeptIncident>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, rule, told, opened_at, closed_at, body FROM notify_incidents \
             WHERE opened_at < ?1 AND (closed = 0 OR ?2 = 0) ORDER BY opened_at DESC, id LIMIT ?3",
        )?;
        let rows = statement.query_map(params![before, open, i64::try_from(max).unwrap_or(i64::MAX)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One incident with what people did and said, oldest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn notify_incident(&self, id: &str) -> Result<Option<(KeptIncident, Vec<KeptNote>)>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection
            .prepare_cached("SELECT id, rule, told, opened_at, closed_at, body FROM notify_incidents WHERE id = ?1")?;
        let Some(incident) = optional(statement.query_row(params![id], read))? else {
            return Ok(None);
        };
        let mut statement = connection
            .prepare_cached("SELECT at, by, action, text FROM notify_notes WHERE incident = ?1 ORDER BY id")?;
        let notes = statement.query_map(params![id], |row| {
            Ok(KeptNote {
                at: row.get(0)?,
                by: row.get(1)?,
                action: row.get(2)?,
                text: row.get(3)?,
            })
        })?;
        Ok(Some((incident, notes.collect::<Result<_, _>>()?)))
    }

    /// Forgets the oldest incidents beyond `kept_max` of which nothing is left to tell, a portion at a time.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn notify_forget_incidents(&self, kept_max: usize) -> Result<(), CatalogError> {
        const PORTION: i64 = 500;
        self.transact(|transaction, _| {
            let beyond: i64 =
                transaction.query_row("SELECT COUNT(*) FROM notify_incidents WHERE told = 1", [], |row| {
                    row.get(0)
                })?;
            let beyond = beyond
                .saturating_sub(i64::try_from(kept_max).unwrap_or(i64::MAX))
                .min(PORTION);
            if beyond <= 0 {
                return Ok(());
            }
            let oldest = "SELECT id FROM notify_incidents WHERE told = 1 ORDER BY closed_at, id LIMIT ?1";
            transaction.execute(
                &format!("DELETE FROM notify_notes WHERE incident IN ({oldest})"),
                params![beyond],
            )?;
            transaction.execute(
                &format!("DELETE FROM notify_incidents WHERE id IN ({oldest})"),
                params![beyond],
            )?;
            Ok(())
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeptIncident> {
    Ok(KeptIncident {
        id: row.get(0)?,
        rule: row.get(1)?,
        told: row.get(2)?,
        opened_at: row.get(3)?,
        closed_at: row.get(4)?,
        body: row.get(5)?,
    })
}
