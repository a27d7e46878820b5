//! What is to be told and was: the outbox of notifications, what the planner remembers, silences, and what
//! people did with incidents. What the planner made is JSON that the catalog does not read.
//!
//! | table | columns | meaning |
//! |---|---|---|
//! | `notify_state` | key, value | `cursor`: the place of the last transition that was planned; `routes`: by which routes; `rate:TARGET` |
//! | `notify_incidents` | id, rule, closed, told, opened_at, closed_at, body | incidents; `told`: nothing is left to tell of it |
//! | `notify_groups` | key, body | what is told together |
//! | `notify_notes` | id, incident, at, by, action, text | what people did and said |
//! | `notify_outbox` | id, key, target, group_key, kind, title, incidents, state, attempts, created_at, next_at, done_at, body | messages: `waiting`, `delivered`, `failed` |
//! | `notify_tries` | id, message, at, outcome, answer, took_ms | the last tries of each |
//! | `silences` | id, version, body, created_at, updated_at | silences and maintenance windows |
//!
//! A step of the planner (cursor, what it remembers, messages) is one transaction, so that none is lost and
//! none is made twice.

mod deliveries;
mod incidents;
mod silences;
#[cfg(test)]
mod tests;

use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::json;

use super::{Catalog, CatalogError, audit};
use timberline_proto::api::access::Actor;

pub use deliveries::{DeliveryFilter, KeptDelivery, KeptTry, Tried, WaitingMessage};
pub use incidents::{KeptIncident, KeptNote, NewNote};
pub use silences::{SilenceError, StoredSilence};

/// Tables of notifications.
pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS notify_state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS notify_incidents (
    id TEXT PRIMARY KEY,
    rule TEXT NOT NULL,
    closed INTEGER NOT NULL,
    told INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notify_incidents_told ON notify_incidents (told, closed_at);
CREATE INDEX IF NOT EXISTS notify_incidents_opened ON notify_incidents (opened_at);
CREATE TABLE IF NOT EXISTS notify_groups (key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS notify_notes (
    id INTEGER PRIMARY KEY,
    incident TEXT NOT NULL,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    action TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notify_notes_incident ON notify_notes (incident);
CREATE TABLE IF NOT EXISTS notify_outbox (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    target TEXT NOT NULL,
    group_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    incidents TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    done_at INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notify_outbox_waiting ON notify_outbox (next_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS notify_outbox_order ON notify_outbox (target, group_key, id) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS notify_tries (
    id INTEGER PRIMARY KEY,
    message INTEGER NOT NULL REFERENCES notify_outbox (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    answer TEXT NOT NULL,
    took_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notify_tries_message ON notify_tries (message);
CREATE TABLE IF NOT EXISTS silences (
    id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
";

const RATE: &str = "rate:";

/// What one step of the planner changes.
#[derive(Clone, Debug, Default)]
pub struct NotifyStep {
    /// The last transition that was planned, if another one.
    pub cursor: Option<u64>,
    /// The routes by which, if others.
    pub routes: Option<String>,
    /// Incidents that are new or changed.
    pub incidents: Vec<KeptIncident>,
    /// Groups that are new, changed, or (without a body) gone.
    pub groups: Vec<(String, Option<String>)>,
    /// What targets got lately.
    pub rates: Vec<(String, String)>,
    /// Messages to be sent.
    pub messages: Vec<NewMessage>,
    /// What somebody did, for the record.
    pub note: Option<NewNote>,
}

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// By which its receiver recognises it.
    pub key: String,
    /// To whom.
    pub target: String,
    /// What it is about; messages about the same are sent in order.
    pub group_key: String,
    /// Why.
    pub kind: String,
    /// In a line.
    pub title: String,
    /// Ids of the incidents that it tells of, JSON.
    pub incidents: String,
    /// When it was decided, nanoseconds since the epoch.
    pub created_at: i64,
    /// All of it, JSON.
    pub body: String,
}

/// What the planner remembered.
#[derive(Clone, Debug, Default)]
pub struct NotifyMemory {
    /// The last transition that was planned.
    pub cursor: u64,
    /// By which routes.
    pub routes: Option<String>,
    /// Bodies of incidents of which something is left to tell.
    pub incidents: Vec<String>,
    /// Bodies of groups.
    pub groups: Vec<String>,
    /// What targets got lately, by name.
    pub rates: Vec<(String, String)>,
}

impl Catalog {
    /// Writes a step down. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn notify_step(&self, step: &NotifyStep) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            if let Some(cursor) = step.cursor {
                set(transaction, "cursor", &cursor.to_string())?;
            }
            if let Some(routes) = &step.routes {
                set(transaction, "routes", routes)?;
            }
            for incident in &step.incidents {
                incidents::write(transaction, incident)?;
            }
            for (key, body) in &step.groups {
                match body {
                    Some(body) => transaction
                        .prepare_cached("INSERT OR REPLACE INTO notify_groups (key, body) VALUES (?1, ?2)")?
                        .execute(params![key, body])?,
                    None => transaction
                        .prepare_cached("DELETE FROM notify_groups WHERE key = ?1")?
                        .execute(params![key])?,
                };
            }
            for (target, rate) in &step.rates {
                set(transaction, &format!("{RATE}{target}"), rate)?;
            }
            for message in &step.messages {
                deliveries::add(transaction, message)?;
            }
            match &step.note {
                Some(note) => incidents::add_note(transaction, note),
                None => Ok(()),
            }
        })
    }

    /// What the last step left.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn notify_memory(&self) -> Result<NotifyMemory, CatalogError> {
        let connection = self.inner.connection.lock();
        let bodies = |sql: &str| -> Result<Vec<String>, CatalogError> {
            let mut statement = connection.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        let mut statement = connection.prepare("SELECT key, value FROM notify_state")?;
        let pairs = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let mut memory = NotifyMemory {
            incidents: bodies("SELECT body FROM notify_incidents WHERE told = 0")?,
            groups: bodies("SELECT body FROM notify_groups")?,
            ..NotifyMemory::default()
        };
        for pair in pairs {
            let (key, value) = pair?;
            match key.as_str() {
                "cursor" => memory.cursor = value.parse().unwrap_or(0),
                "routes" => memory.routes = Some(value),
                key => {
                    if let Some(target) = key.strip_prefix(RATE) {
                        memory.rates.push((target.to_owned(), value));
                    }
                }
            }
        }
        Ok(memory)
    }

    /// Puts on record that somebody tried a target.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn note_target_test(&self, target: &str, delivered: bool, actor: &Actor) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            audit::note_of(
                transaction,
                actor,
                "target.test",
                target,
                &json!({ "delivered": delivered }),
            )
        })
    }
}

fn set(transaction: &Transaction<'_>, key: &str, value: &str) -> Result<(), CatalogError> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO notify_state (key, value) VALUES (?1, ?2)")?
        .execute(params![key, value])?;
    Ok(())
}

/// The one row, or none.
fn optional<T>(result: rusqlite::Result<T>) -> Result<Option<T>, CatalogError> {
    Ok(result.optional()?)
}
