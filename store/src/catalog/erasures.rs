//! Requests to erase, what was done of each, and the catalog's own texts that name a subject.
//!
//! | table | columns | meaning |
//! |---|---|---|
//! | `erasures` | id, state, what, body, created_at, updated_at | requests; `what` has query or subject as text and is NULL once all is done; `body` is JSON that the catalog does not read |
//! | `erasure_work` | erasure, number, place, body | what was done, place by place, each in the transaction that does it, or, of the queue, before it is done |

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};

use super::edit::now_nanos;
use super::{Catalog, CatalogError, NotedAct, audit};

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS erasures (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    what TEXT,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS erasure_work (
    erasure TEXT NOT NULL,
    number INTEGER NOT NULL,
    place TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (erasure, number)
) STRICT, WITHOUT ROWID;
";

/// A request on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredErasure {
    /// Its id.
    pub id: String,
    /// Its state, in a word.
    pub state: String,
    /// Query or subject as text, JSON, as long as it is needed.
    pub what: Option<String>,
    /// All the rest, JSON.
    pub body: String,
    /// When it was asked for, nanoseconds.
    pub created_at_nanos: i64,
}

/// Something that was done for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasureWork {
    /// Where: `split`, `queue`, `catalog`.
    pub place: String,
    /// What, JSON.
    pub body: String,
}

/// Texts of the catalog that may name what was in records: table, key, columns. What people wrote and
/// own (dashboards, saved searches, rules, silences, holds, policies) is not among them.
const TEXTS: &[(&str, &[&str], &[&str])] = &[
    ("audit", &["id"], &["object", "outcome", "detail"]),
    ("journal", &["topic", "id"], &["line"]),
    ("alerts", &["id"], &["what"]),
    ("sources", &["id"], &["host", "path"]),
    ("alert_states", &["rule_id", "group_key"], &["group_key", "state"]),
    ("alert_transitions", &["sequence"], &["key", "group_key", "body"]),
    ("notify_state", &["key"], &["value"]),
    ("notify_incidents", &["id"], &["body"]),
    ("notify_groups", &["key"], &["key", "body"]),
    ("notify_notes", &["id"], &["text"]),
    ("notify_outbox", &["id"], &["group_key", "title", "incidents", "body"]),
    ("notify_tries", &["id"], &["answer"]),
];

/// What people keep, which is named and left: table, what it is, the column of its name, its columns.
const DOCUMENTS: &[(&str, &str, &str, &[&str])] = &[
    ("documents", "document", "name", &["name", "summary", "body"]),
    ("alert_rules", "alert rule", "name", &["name", "body"]),
    (
        "alert_rule_versions",
        "former version of alert rule",
        "rule_id",
        &["body"],
    ),
    ("silences", "silence", "id", &["body"]),
    ("holds", "hold of case", "case_number", &["owner", "reason", "selector"]),
    (
        "retention_versions",
        "retention policies of version",
        "version",
        &["body"],
    ),
];

fn erasure_of(row: &Row<'_>) -> rusqlite::Result<StoredErasure> {
    Ok(StoredErasure {
        id: row.get(0)?,
        state: row.get(1)?,
        what: row.get(2)?,
        body: row.get(3)?,
        created_at_nanos: row.get(4)?,
    })
}

const COLUMNS: &str = "id, state, what, body, created_at";

impl Catalog {
    /// Every request, the oldest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn erasures(&self) -> Result<Vec<StoredErasure>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement =
            connection.prepare_cached(&format!("SELECT {COLUMNS} FROM erasures ORDER BY created_at, id"))?;
        let erasures = statement.query_map([], erasure_of)?;
        Ok(erasures.collect::<Result<_, _>>()?)
    }

    /// The requests that may run, the oldest first; those that are over, with their receipts, are not read.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub(crate) fn erasures_to_run(&self) -> Result<Vec<StoredErasure>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM erasures WHERE state IN ('queued', 'running', 'blocked', 'sealing') ORDER BY created_at, id"
        ))?;
        let erasures = statement.query_map([], erasure_of)?;
        Ok(erasures.collect::<Result<_, _>>()?)
    }

    /// One request.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn erasure(&self, id: &str) -> Result<Option<StoredErasure>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM erasures WHERE id = ?1"))?;
        Ok(statement.query_row(params![id], erasure_of).optional()?)
    }

    /// Puts a request on record, with the act that asks for it, unless there are `count_max` that are not
    /// over; whether it is. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn add_erasure(&self, erasure: &StoredErasure, count_max: u64, act: &NotedAct) -> Result<bool, CatalogError> {
        let mut added = false;
        self.transact(|transaction, _| {
            let open: i64 = transaction.query_row(
                "SELECT count(*) FROM erasures WHERE state NOT IN ('final', 'refused', 'cancelled')",
                [],
                |row| row.get(0),
            )?;
            if open as u64 >= count_max {
                return Ok(());
            }
            transaction.execute(
                "INSERT INTO erasures (id, state, what, body, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                params![
                    erasure.id,
                    erasure.state,
                    erasure.what,
                    erasure.body,
                    erasure.created_at_nanos
                ],
            )?;
            added = true;
            audit::note_of(transaction, &act.actor, act.action, &act.object, &act.detail)
        })?;
        Ok(added)
    }

    /// Changes a request that is in state `from` still, with the act that does; whether it was. Durable on
    /// return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn change_erasure(
        &self,
        erasure: &StoredErasure,
        from: &str,
        act: Option<&NotedAct>,
    ) -> Result<bool, CatalogError> {
        let mut changed = false;
        self.transact(|transaction, _| {
            changed = 1 == transaction.execute(
                "UPDATE erasures SET state = ?2, what = ?3, body = ?4, updated_at = ?5 WHERE id = ?1 AND state = ?6",
                params![erasure.id, erasure.state, erasure.what, erasure.body, now_nanos(), from],
            )?;
            match act.filter(|_| changed) {
                Some(act) => audit::note_of(transaction, &act.actor, act.action, &act.object, &act.detail),
                None => Ok(()),
            }
        })?;
        Ok(changed)
    }

    /// What was done for a request, in order.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn erasure_work(&self, id: &str) -> Result<Vec<ErasureWork>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement =
            connection.prepare_cached("SELECT place, body FROM erasure_work WHERE erasure = ?1 ORDER BY number")?;
        let work = statement.query_map(params![id], |row| {
            Ok(ErasureWork {
                place: row.get(0)?,
                body: row.get(1)?,
            })
        })?;
        Ok(work.collect::<Result<_, _>>()?)
    }

    /// Puts on record what is about to be done elsewhere. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn add_erasure_work(&self, id: &str, work: &ErasureWork) -> Result<(), CatalogError> {
        self.transact(|transaction, _| add_work(transaction, id, work))
    }

    /// Replaces texts of the catalog: `replaced` gives what stands in the place of a text, if anything of
    /// it goes. Per table how many rows were changed, which goes on record for the request `id` in the
    /// same transactions. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn replace_texts(
        &self,
        id: &str,
        replaced: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<(&'static str, u64)>, CatalogError> {
        let mut changed = Vec::new();
        for &(table, keys, columns) in TEXTS {
            let mut rows = 0;
            self.transact(|transaction, _| {
                rows = replace_in(transaction, table, keys, columns, replaced)?;
                if rows == 0 {
                    return Ok(());
                }
                let body = serde_json::json!({ "table": table, "rows": rows }).to_string();
                let work = ErasureWork {
                    place: "catalog".to_owned(),
                    body,
                };
                add_work(transaction, id, &work)
            })?;
            if rows > 0 {
                changed.push((table, rows));
            }
        }
        Ok(changed)
    }

    /// Names of what people keep of which a text holds something.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn documents_with(&self, holds: &dyn Fn(&str) -> bool) -> Result<Vec<String>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut named = std::collections::BTreeSet::new();
        for &(table, what, name, columns) in DOCUMENTS {
            let mut statement = connection.prepare(&format!(
                "SELECT CAST({name} AS TEXT), {} FROM {table}",
                columns.join(", ")
            ))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let mut is_meant = false;
                for at in 1..=columns.len() {
                    let text: Option<String> = row.get(at)?;
                    is_meant |= text.is_some_and(|text| holds(&text));
                }
                if is_meant {
                    let name: String = row.get(0)?;
                    named.insert(format!("{what} {name}"));
                }
            }
        }
        Ok(named.into_iter().collect())
    }

    /// Writes the file anew without its freed pages, and empties the log before it: what was deleted or
    /// replaced stands in neither any more. Nothing is published meanwhile. Whether the log could be
    /// emptied: whoever reads the file at that moment keeps it. Blocks.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn scrub(&self) -> Result<bool, CatalogError> {
        let connection = self.inner.connection.lock();
        // Prepared statements that were not read to their end would keep the log.
        connection.flush_prepared_statement_cache();
        connection.execute_batch("VACUUM")?;
        let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(busy == 0)
    }
}

/// Puts on record what was done, in the transaction that does it.
pub(super) fn add_work(transaction: &Transaction<'_>, id: &str, work: &ErasureWork) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT INTO erasure_work (erasure, number, place, body)
             VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM erasure_work WHERE erasure = ?1), ?2, ?3)",
        )?
        .execute(params![id, work.place, work.body])?;
    Ok(())
}

/// A row's key, and the columns that are to hold something else.
type Change = (Vec<Sql>, Vec<(usize, String)>);

fn replace_in(
    connection: &Connection,
    table: &str,
    keys: &[&str],
    columns: &[&str],
    replaced: &dyn Fn(&str) -> Option<String>,
) -> Result<u64, CatalogError> {
    let mut changes: Vec<Change> = Vec::new();
    {
        let mut statement = connection.prepare(&format!(
            "SELECT {}, {} FROM {table}",
            keys.join(", "),
            columns.join(", ")
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut fresh = Vec::new();
            for at in 0..columns.len() {
                let text: Option<String> = row.get(keys.len() + at)?;
                fresh.extend(text.and_then(|text| replaced(&text)).map(|text| (at, text)));
            }
            if fresh.is_empty() {
                continue;
            }
            let key = (0..keys.len()).map(|at| row.get(at)).collect::<Result<_, _>>()?;
            changes.push((key, fresh));
        }
    }
    for (key, fresh) in &changes {
        let set: Vec<String> = fresh
            .iter()
            .enumerate()
            .map(|(number, (at, _))| format!("{} = ?{}", columns[*at], number + 1))
            .collect();
        let of: Vec<String> = keys
            .iter()
            .enumerate()
            .map(|(number, name)| format!("{name} = ?{}", fresh.len() + number + 1))
            .collect();
        // Two keys that differ in the text alone become one: the older row gives way.
        let text = format!(
            "UPDATE OR REPLACE {table} SET {} WHERE {}",
            set.join(", "),
            of.join(" AND ")
        );
        let values = fresh
            .iter()
            .map(|(_, text)| Sql::Text(text.clone()))
            .chain(key.iter().cloned());
        connection.prepare(&text)?.execute(params_from_iter(values))?;
    }
    Ok(changes.len() as u64)
}
