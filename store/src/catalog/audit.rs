//! Who did what. Every act on data leaves an entry in the transaction that does it, so an act that is
//! durable is on record, and one that is not leaves nothing.
//!
//! | action | object | detail |
//! |---|---|---|
//! | `split.publish` | topic-partition | offsets `from..to`, splits, rows |
//! | `split.merge` | topic | splits removed and added, rows |
//! | `split.delete` | split | topic, rows, times, reason, policy; its actor is who asked for it |
//! | `split.quarantine` | split | reason |
//! | `split.release` | split | |
//! | `queue.gap` | topic-partition | offsets, reason |
//! | `queue.reset` | topic-partition | next offset, reason |
//! | `export.begin` | the export's id | query, range, limit, format |
//! | `export.end` | the export's id | rows; its outcome says why it broke off |
//! | `search` | `query`, `tail`, `record`, `context`, `file` | query and range, or id, or generation and range |
//! | `searches.off` | `configuration` | that searches are not on record from this start on |
//! | `split.divide` | topic | the split, those that took its place with their retention classes, rows |
//! | `retention.configure` | `store` | age in seconds, bytes: of programs that had no policies |
//! | `retention.change` | `policies` | version, whose they are, what was in force before and after, promises |
//! | `hold.create` | the hold's id | case, owner, reason, filter, range |
//! | `hold.release` | the hold's id | case, by whom, why |
//! | `dashboard.create`, `.change`, `.delete` | id | name, version, bytes |
//! | `search.create`, `.change`, `.delete` | id | name, version, bytes |
//! | `silence.create`, `.change`, `.delete` | id | version, by whom, matchers, end |
//! | `incident.acknowledge`, `.release`, `.assign`, `.comment` | the incident's id | by whom, what |
//! | `target.test` | target | whether it took the message |
//! | `alert_rule.create`, `.change`, `.delete` | id | name, version, bytes |
//! | `backup.begin`, `backup.end` | the directory | name, files, bytes, what was removed; its outcome says why none was made |
//! | `host.decommission`, `host.recommission` | host | |
//! | `login`, `logout`, `session.end` | `user:NAME` | session |
//! | `user.create`, `.change`, `.password`, `.totp`, `.lock`, `.delete` | `user:NAME` | before, after |
//! | `role.create`, `.change`, `.delete` | `role:NAME` | before, after |
//! | `key.create`, `.revoke` | `key:ID` | name, roles, scopes, end |
//! | `access.refuse` | `requests` | counts by address and reason, at most every minute |
//!
//! Each entry is also a record of the topic `timberline.audit` ([`journal`]).
//!
//! The store acts as `store`; who asks over HTTP has a name of [`Actor`]. `origin` is where an actor came
//! from (an address), `outcome` is `ok`, or why an act was refused.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::{Value, json};
use timberline_proto::api::access::Actor;

use super::edit::now_nanos;
use super::journal::{self, AUDIT_TOPIC, is_own_topic};
use super::{Catalog, CatalogError};

/// Entries older than this are dropped when the next one is written.
pub const AUDIT_AGE_MAX_NANOS: i64 = 90 * 86_400 * 1_000_000_000;
/// Entries that are read while the catalog is held.
pub(super) const PORTION_ENTRIES: usize = 1000;
/// The store itself.
const STORE: &str = "store";

/// An entry.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When, nanoseconds since the epoch.
    pub at_nanos: i64,
    /// Who.
    pub actor: String,
    /// From where, if the actor came from elsewhere.
    pub origin: Option<String>,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: String,
    /// `ok`, or why not.
    pub outcome: String,
    /// What else is known.
    pub detail: Value,
}

/// An act that went well, as it goes on record.
#[derive(Clone, Debug, PartialEq)]
pub struct NotedAct {
    /// Who.
    pub actor: Actor,
    /// What was done.
    pub action: &'static str,
    /// To what.
    pub object: String,
    /// What else is known.
    pub detail: Value,
}

/// Adds an entry of the store's own to a transaction, and drops those that are too old.
pub(super) fn note(
    transaction: &Transaction<'_>,
    action: &str,
    object: &str,
    detail: &Value,
) -> Result<(), CatalogError> {
    insert(transaction, (STORE, None), action, object, "ok", detail)
}

/// As [`note`], of whoever `actor` names; from where is on record with what asked for it.
pub(super) fn note_by(
    transaction: &Transaction<'_>,
    actor: &str,
    action: &str,
    object: &str,
    detail: &Value,
) -> Result<(), CatalogError> {
    insert(transaction, (actor, None), action, object, "ok", detail)
}

/// As [`note`], of somebody who asked for it.
pub(super) fn note_of(
    transaction: &Transaction<'_>,
    actor: &Actor,
    action: &str,
    object: &str,
    detail: &Value,
) -> Result<(), CatalogError> {
    insert(
        transaction,
        (&actor.name, actor.origin.as_deref()),
        action,
        object,
        "ok",
        detail,
    )
}

fn insert(
    transaction: &Transaction<'_>,
    (actor, origin): (&str, Option<&str>),
    action: &str,
    object: &str,
    outcome: &str,
    detail: &Value,
) -> Result<(), CatalogError> {
    let now = now_nanos();
    transaction
        .prepare_cached(
            "INSERT INTO audit (at, actor, origin, action, object, outcome, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![now, actor, origin, action, object, outcome, detail.to_string()])?;
    if !is_of_itself(action, object, detail) {
        let line = json!({
            "level": if outcome == "ok" { "info" } else { "warn" },
            "actor": actor,
            "origin": origin,
            "action": action,
            "object": object,
            "outcome": outcome,
            "detail": detail,
        });
        journal::add(transaction, AUDIT_TOPIC, now, &line)?;
    }
    transaction
        .prepare_cached("DELETE FROM audit WHERE at < ?1")?
        .execute(params![now.saturating_sub(AUDIT_AGE_MAX_NANOS)])?;
    Ok(())
}

/// Whether an act only stores what was told of acts: told of in turn, it would never end.
fn is_of_itself(action: &str, object: &str, detail: &Value) -> bool {
    let topic = detail.get("topic").and_then(Value::as_str);
    action.starts_with("split.") && (is_own_topic(object) || topic.is_some_and(is_own_topic))
}

impl Catalog {
    /// The newest `entries_max` entries, oldest first. The catalog is held for a portion of them at a time.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn audit(&self, entries_max: usize) -> Result<Vec<AuditEntry>, CatalogError> {
        let mut entries = Vec::new();
        let mut before = i64::MAX;
        while entries.len() < entries_max {
            let portion = self.audit_portion(before, PORTION_ENTRIES.min(entries_max - entries.len()))?;
            let Some((id, _)) = portion.last() else { break };
            before = *id;
            entries.extend(portion.into_iter().map(|(_, entry)| entry));
        }
        entries.reverse();
        Ok(entries)
    }

    /// Entries with their ids, the newest first of those before an id.
    fn audit_portion(&self, before: i64, entries: usize) -> Result<Vec<(i64, AuditEntry)>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, at, actor, origin, action, object, outcome, detail FROM audit WHERE id < ?1 \
             ORDER BY id DESC LIMIT ?2",
        )?;
        let limit = i64::try_from(entries).unwrap_or(i64::MAX);
        let entries = statement.query_map(params![before, limit], |row| {
            let detail: String = row.get(7)?;
            let entry = AuditEntry {
                at_nanos: row.get(1)?,
                actor: row.get(2)?,
                origin: row.get(3)?,
                action: row.get(4)?,
                object: row.get(5)?,
                outcome: row.get(6)?,
                detail: serde_json::from_str(&detail).unwrap_or(Value::String(detail)),
            };
            Ok((row.get(0)?, entry))
        })?;
        Ok(entries.collect::<Result<_, _>>()?)
    }

    /// Puts on record how long data is kept, if that is not what was recorded last. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn note_retention(&self, age_seconds: Option<u64>, bytes: Option<u64>) -> Result<(), CatalogError> {
        const ACTION: &str = "retention.configure";
        let detail = json!({ "age_seconds": age_seconds, "bytes": bytes });
        let text = detail.to_string();
        self.transact(|transaction, _| match last_detail(transaction, ACTION)? {
            Some(last) if last == text => Ok(()),
            _ => note(transaction, ACTION, STORE, &detail),
        })
    }
}

impl Catalog {
    /// Puts on record that data was taken out. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn note_export(
        &self,
        actor: &Actor,
        (action, id): (&str, &str),
        outcome: &str,
        detail: &Value,
    ) -> Result<(), CatalogError> {
        let actor = (actor.name.as_str(), actor.origin.as_deref());
        self.transact(|transaction, _| insert(transaction, actor, action, id, outcome, detail))
    }

    /// Puts acts on record, all or none. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn note_acts(&self, acts: &[NotedAct]) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            acts.iter()
                .try_for_each(|act| note_of(transaction, &act.actor, act.action, &act.object, &act.detail))
        })
    }
}

/// The key in `meta` of the sequence of the next act about accounts that is not here yet.
const ACCESS_NEXT: &str = "access_acts_next";

/// Acts about accounts come from the list of accounts, which keeps them until they are here: each once.
#[cfg(feature = "read")]
impl timberline_collector::access::AuditSink for Catalog {
    fn take(&self, acts: &[timberline_collector::access::Act]) -> Result<u64, String> {
        let mut next = 0;
        let taken = self.transact(|transaction, _| {
            let known: Option<String> = transaction
                .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
                .query_row(params![ACCESS_NEXT], |row| row.get(0))
                .optional()?;
            next = known.and_then(|next| next.parse().ok()).unwrap_or(0);
            // A list that was made anew counts from the beginning.
            if acts.last().is_some_and(|act| act.sequence + 1 < next) {
                next = acts[0].sequence;
            }
            for act in acts.iter().filter(|act| act.sequence >= next) {
                let actor = (act.actor.as_str(), act.origin.as_deref());
                insert(transaction, actor, &act.action, &act.object, &act.outcome, &act.detail)?;
            }
            next = acts.last().map_or(next, |act| next.max(act.sequence + 1));
            transaction
                .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
                .execute(params![ACCESS_NEXT, next.to_string()])?;
            Ok(())
        });
        taken.map(|()| next).map_err(|error| error.to_string())
    }
}

impl Catalog {
    /// Puts an act on record that is none on the catalog: of `actor`, or of the store itself. Durable
    /// on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn note_act(
        &self,
        actor: Option<&Actor>,
        action: &str,
        object: &str,
        outcome: &str,
        detail: &Value,
    ) -> Result<(), CatalogError> {
        let actor = actor.map_or((STORE, None), |actor| (actor.name.as_str(), actor.origin.as_deref()));
        self.transact(|transaction, _| insert(transaction, actor, action, object, outcome, detail))
    }
}

fn last_detail(connection: &Connection, action: &str) -> Result<Option<String>, CatalogError> {
    let mut statement = connection.prepare("SELECT detail FROM audit WHERE action = ?1 ORDER BY id DESC LIMIT 1")?;
    Ok(statement.query_row(params![action], |row| row.get(0)).optional()?)
}
