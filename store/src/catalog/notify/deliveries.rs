//! The outbox: messages that wait, and what became of the others.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde_json::{Value, json};

use super::{NewMessage, optional};
use crate::catalog::journal::{self, DELIVERIES_TOPIC};
use crate::catalog::{Catalog, CatalogError};

/// Tries of one message that are kept.
const TRIES_MAX: i64 = 10;

/// A message that is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingMessage {
    /// Its place in the outbox.
    pub id: u64,
    /// To whom.
    pub target: String,
    /// Tries so far.
    pub attempts: u64,
    /// When it was put there, nanoseconds since the epoch.
    pub created_at: i64,
    /// All of it, JSON.
    pub body: String,
}

/// What a try came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// When it began, nanoseconds since the epoch.
    pub at: i64,
    /// `delivered`, `again`, `refused` or `given up`.
    pub outcome: &'static str,
    /// What the receiver answered, cut.
    pub answer: String,
    /// How long it took.
    pub took_ms: u64,
    /// When it is tried again; it is done with if absent.
    pub next_at: Option<i64>,
}

/// Which deliveries are asked for.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Of this target.
    pub target: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// Telling of this incident.
    pub incident: Option<String>,
    /// Before this place.
    pub before: Option<u64>,
}

/// A message and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDelivery {
    /// Its place in the outbox.
    pub id: u64,
    /// Its key.
    pub key: String,
    /// To whom.
    pub target: String,
    /// Why.
    pub kind: String,
    /// In a line.
    pub title: String,
    /// Ids of incidents, JSON.
    pub incidents: String,
    /// `waiting`, `delivered`, `failed`.
    pub state: String,
    /// Tries so far.
    pub attempts: u64,
    /// When it was put there, nanoseconds since the epoch.
    pub created_at: i64,
    /// When it is tried next.
    pub next_at: i64,
    /// The last tries, oldest first.
    pub tries: Vec<KeptTry>,
}

/// A try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTry {
    /// When it began, nanoseconds since the epoch.
    pub at: i64,
    /// What it came to.
    pub outcome: String,
    /// What the receiver answered.
    pub answer: String,
    /// How long it took.
    pub took_ms: u64,
}

pub(super) fn add(transaction: &Transaction<'_>, message: &NewMessage) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO notify_outbox \
             (key, target, group_key, kind, title, incidents, state, attempts, created_at, next_at, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'waiting', 0, ?7, ?7, ?8)",
        )?
        .execute(params![
            message.key,
            message.target,
            message.group_key,
            message.kind,
            message.title,
            message.incidents,
            message.created_at,
            message.body
        ])?;
    Ok(())
}

impl Catalog {
    /// The message that waited longest and may be sent now: to a target that is not among `busy`, and behind
    /// none about the same thing.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn notify_next<'a>(
        &self,
        now: i64,
        busy: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<WaitingMessage>, CatalogError> {
        let busy: Vec<&str> = busy.into_iter().collect();
        let busy = serde_json::to_string(&busy).expect("text is JSON");
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, target, attempts, created_at, body FROM notify_outbox AS o \
             WHERE state = 'waiting' AND next_at <= ?1 AND target NOT IN (SELECT value FROM json_each(?2)) \
             AND NOT EXISTS (SELECT 1 FROM notify_outbox AS e WHERE e.state = 'waiting' AND e.target = o.target \
                             AND e.group_key = o.group_key AND e.id < o.id) \
             ORDER BY next_at, id LIMIT 1",
        )?;
        optional(statement.query_row(params![now, busy], |row| {
            Ok(WaitingMessage {
                id: row.get::<_, i64>(0)? as u64,
                target: row.get(1)?,
                attempts: row.get::<_, i64>(2)? as u64,
                created_at: row.get(3)?,
                body: row.get(4)?,
            })
        }))
    }

    /// When the next message is due, if one waits.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn notify_next_at(&self) -> Result<Option<i64>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement =
            connection.prepare_cached("SELECT min(next_at) FROM notify_outbox WHERE state = 'waiting'")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// Writes down what a try came to. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn notify_tried(&self, id: u64, tried: &Tried) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            let state = match (tried.next_at, tried.outcome) {
                (Some(_), _) => "waiting",
                (None, "delivered") => "delivered",
                (None, _) => "failed",
            };
            transaction
                .prepare_cached(
                    "UPDATE notify_outbox SET state = ?2, attempts = attempts + 1, next_at = ?3, \
                     done_at = CASE WHEN ?2 = 'waiting' THEN NULL ELSE ?4 END WHERE id = ?1",
                )?
                .execute(params![id as i64, state, tried.next_at.unwrap_or(tried.at), tried.at])?;
            transaction
                .prepare_cached(
                    "INSERT INTO notify_tries (message, at, outcome, answer, took_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    id as i64,
                    tried.at,
                    tried.outcome,
                    tried.answer,
                    tried.took_ms as i64
                ])?;
            let told: Option<Value> = transaction
                .prepare_cached("SELECT key, target, kind, title, attempts FROM notify_outbox WHERE id = ?1")?
                .query_row(params![id as i64], |row| {
                    Ok(json!({
                        "level": if tried.outcome == "delivered" { "info" } else { "warn" },
                        "target": row.get::<_, String>(1)?,
                        "kind": row.get::<_, String>(2)?,
                        "title": row.get::<_, String>(3)?,
                        "attempt": row.get::<_, i64>(4)?,
                        "outcome": tried.outcome,
                        "answer": tried.answer,
                        "took_ms": tried.took_ms,
                        "key": row.get::<_, String>(0)?,
                    }))
                })
                .optional()?;
            if let Some(told) = told {
                journal::add(transaction, DELIVERIES_TOPIC, tried.at, &told)?;
            }
            transaction
                .prepare_cached(
                    "DELETE FROM notify_tries WHERE message = ?1 AND id NOT IN \
                     (SELECT id FROM notify_tries WHERE message = ?1 ORDER BY id DESC LIMIT ?2)",
                )?
                .execute(params![id as i64, TRIES_MAX])?;
            Ok(())
        })
    }

    /// How many messages wait for each target.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn notify_waiting(&self) -> Result<BTreeMap<String, u64>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection
            .prepare_cached("SELECT target, COUNT(*) FROM notify_outbox WHERE state = 'waiting' GROUP BY target")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Messages and what became of them, the newest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn notify_deliveries(&self, filter: &DeliveryFilter, max: usize) -> Result<Vec<KeptDelivery>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, key, target, kind, title, incidents, state, attempts, created_at, next_at FROM notify_outbox \
             WHERE id < ?1 AND (?2 IS NULL OR target = ?2) AND (?3 IS NULL OR state = ?3) \
             AND (?4 IS NULL OR EXISTS (SELECT 1 FROM json_each(incidents) WHERE value = ?4)) ORDER BY id DESC LIMIT ?5",
        )?;
        let before = filter
            .before
            .and_then(|before| i64::try_from(before).ok())
            .unwrap_or(i64::MAX);
        let rows = statement.query_map(
            params![
                before,
                filter.target,
                filter.state,
                filter.incident,
                i64::try_from(max).unwrap_or(i64::MAX)
            ],
            read,
        )?;
        let mut deliveries: Vec<KeptDelivery> = rows.collect::<Result<_, _>>()?;
        for delivery in &mut deliveries {
            delivery.tries = tries(&connection, delivery.id)?;
        }
        Ok(deliveries)
    }

    /// Forgets the oldest messages beyond `kept_max` that do not wait, a portion at a time.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn notify_forget_deliveries(&self, kept_max: usize) -> Result<(), CatalogError> {
        const PORTION: i64 = 500;
        self.transact(|transaction, _| {
            let done: i64 = transaction.query_row(
                "SELECT COUNT(*) FROM notify_outbox WHERE state <> 'waiting'",
                [],
                |row| row.get(0),
            )?;
            let beyond = done
                .saturating_sub(i64::try_from(kept_max).unwrap_or(i64::MAX))
                .min(PORTION);
            if beyond > 0 {
                transaction.execute(
                    "DELETE FROM notify_outbox WHERE id IN \
                     (SELECT id FROM notify_outbox WHERE state <> 'waiting' ORDER BY id LIMIT ?1)",
                    params![beyond],
                )?;
            }
            Ok(())
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeptDelivery> {
    Ok(KeptDelivery {
        id: row.get::<_, i64>(0)? as u64,
        key: row.get(1)?,
        target: row.get(2)?,
        kind: row.get(3)?,
        title: row.get(4)?,
        incidents: row.get(5)?,
        state: row.get(6)?,
        attempts: row.get::<_, i64>(7)? as u64,
        created_at: row.get(8)?,
        next_at: row.get(9)?,
        tries: Vec::new(),
    })
}

fn tries(connection: &Connection, id: u64) -> Result<Vec<KeptTry>, CatalogError> {
    let mut statement = connection
        .prepare_cached("SELECT at, outcome, answer, took_ms FROM notify_tries WHERE message = ?1 ORDER BY id")?;
    let rows = statement.query_map(params![id as i64], |row| {
        Ok(KeptTry {
            at: row.get(0)?,
            outcome: row.get(1)?,
            answer: row.get(2)?,
            took_ms: row.get::<_, i64>(3)? as u64,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
