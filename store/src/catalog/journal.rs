//! What the store tells of itself as records: acts, what alert rules decided, what became of messages.
//!
//! | table | columns | meaning |
//! |---|---|---|
//! | `journal` | topic, id, at, line | entries that are not published yet; `line` is JSON |
//! | `journal_ends` | topic, next | the id of the next entry: ids have no gaps and are never used twice |
//!
//! An entry is written in the transaction that does what it tells of, so that nothing is done without it.
//! The store takes entries as it takes records from the queue, by id as their offset
//! ([`Journal`](crate::write::Journal)): each becomes one record, found by searches, merged, exported and
//! retained as any, and is forgotten here once it is published.

use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::{Value, json};
use timberline_proto::id::IncarnationId;

use super::edit::now_nanos;
use super::{Catalog, CatalogError};

/// Topics that begin with this are the store's own.
pub const OWN_TOPICS: &str = "timberline.";
/// Acts: who did what, from where, to what, and how it went.
pub const AUDIT_TOPIC: &str = "timberline.audit";
/// Changes of state of alert rules.
pub const ALERTS_TOPIC: &str = "timberline.alerts";
/// Tries to deliver messages, with the receivers' answers.
pub const DELIVERIES_TOPIC: &str = "timberline.deliveries";

const TOPICS: [&str; 3] = [AUDIT_TOPIC, ALERTS_TOPIC, DELIVERIES_TOPIC];
/// The key of the journal's life in `meta`.
const INCARNATION: &str = "journal_incarnation";

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS journal (
    topic TEXT NOT NULL,
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (topic, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal_ends (topic TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Whether a topic is the store's own.
pub fn is_own_topic(topic: &str) -> bool {
    topic.starts_with(OWN_TOPICS)
}

/// An entry that is not published yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its place among those of its topic.
    pub id: u64,
    /// When, nanoseconds since the epoch.
    pub at_nanos: i64,
    /// What, JSON.
    pub line: String,
}

/// Adds an entry to a transaction.
pub(super) fn add(transaction: &Transaction<'_>, topic: &str, at: i64, line: &Value) -> Result<(), CatalogError> {
    let id: i64 = transaction
        .prepare_cached(
            "INSERT INTO journal_ends (topic, next) VALUES (?1, 1)
             ON CONFLICT (topic) DO UPDATE SET next = next + 1 RETURNING next - 1",
        )?
        .query_row(params![topic], |row| row.get(0))?;
    transaction
        .prepare_cached("INSERT INTO journal (topic, id, at, line) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![topic, id, at, line.to_string()])?;
    Ok(())
}

impl Catalog {
    /// Puts on record how the evaluation of an alert rule fares: `event` says what happened to it. Durable on
    /// return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn note_evaluation(&self, event: &str, rule: (&str, &str), detail: &Value) -> Result<(), CatalogError> {
        let (id, name) = rule;
        let line = json!({ "level": "warn", "event": event, "rule": name, "rule_id": id, "detail": detail });
        self.transact(|transaction, _| add(transaction, ALERTS_TOPIC, now_nanos(), &line))
    }

    /// The journal's topics, each with the first id that is not forgotten and the next one.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn journal_ends(&self) -> Result<Vec<(&'static str, u64, u64)>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut next = connection.prepare_cached("SELECT next FROM journal_ends WHERE topic = ?1")?;
        let mut first = connection.prepare_cached("SELECT min(id) FROM journal WHERE topic = ?1")?;
        let mut ends = Vec::with_capacity(TOPICS.len());
        for topic in TOPICS {
            let next: Option<i64> = next.query_row(params![topic], |row| row.get(0)).optional()?;
            let next = next.unwrap_or(0);
            let first: Option<i64> = first.query_row(params![topic], |row| row.get(0))?;
            ends.push((topic, first.unwrap_or(next) as u64, next as u64));
        }
        Ok(ends)
    }

    /// Entries from an id on, in order, at most so many and, but for the first, of so many bytes.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn journal_from(
        &self,
        topic: &str,
        id: u64,
        entries_max: usize,
        bytes_max: u64,
    ) -> Result<Vec<JournalEntry>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection
            .prepare_cached("SELECT id, at, line FROM journal WHERE topic = ?1 AND id >= ?2 ORDER BY id LIMIT ?3")?;
        let limit = i64::try_from(entries_max).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![topic, id as i64, limit])?;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let entry = JournalEntry {
                id: row.get::<_, i64>(0)? as u64,
                at_nanos: row.get(1)?,
                line: row.get(2)?,
            };
            bytes += entry.line.len() as u64;
            if bytes > bytes_max && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Entries below an id are published: they are forgotten here.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn journal_forget(&self, topic: &str, below: u64) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            transaction
                .prepare_cached("DELETE FROM journal WHERE topic = ?1 AND id < ?2")?
                .execute(params![topic, below as i64])?;
            Ok(())
        })
    }

    /// The journal's life, made with the first call: offsets belong to it.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Damaged`]
    pub fn journal_incarnation(&self) -> Result<IncarnationId, CatalogError> {
        let read = |connection: &rusqlite::Connection| {
            let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
            statement
                .query_row(params![INCARNATION], |row| row.get::<_, String>(0))
                .optional()
        };
        let known = read(&self.inner.connection.lock())?;
        let text = match known {
            Some(text) => text,
            None => {
                let fresh = IncarnationId(rand::random()).to_string();
                self.transact(|transaction, _| {
                    transaction.execute(
                        "INSERT INTO meta (key, value) VALUES (?1, ?2)",
                        params![INCARNATION, fresh],
                    )?;
                    Ok(())
                })?;
                fresh
            }
        };
        text.parse().map_err(|_| CatalogError::Damaged {
            path: self.inner.path.display().to_string(),
            what: format!("meta.{INCARNATION} is no id: {text}"),
        })
    }
}
