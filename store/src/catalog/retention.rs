//! Retention policies and promises on record.
//!
//! Every set of policies that was ever in force is a version. The greatest counts. What the
//! configuration's file says is a version of its own each time it changes; it is passed over while a set
//! that came through page, API or command line is in force, until that is reset.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde_json::json;
use timberline_proto::api::access::Actor;
use timberline_proto::api::dashboards::Fault;
use timberline_proto::api::retention::{PolicySet, PolicySource};

use super::snapshot::damaged;
use super::{Catalog, CatalogError, Snapshot, audit, holds};
use crate::retain::{Promise, Promises, Rules, SelectError};
use crate::rows::StreamId;

/// A set of policies on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Its number.
    pub version: u64,
    /// Since when, nanoseconds.
    pub at_nanos: i64,
    /// From where it was set.
    pub origin: Option<String>,
    /// Whose it is.
    pub source: PolicySource,
    /// What it says.
    pub set: PolicySet,
}

/// Why policies are not changed.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A key is not what it may be.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A selector is none.
    #[error("policy {name}: select: {error}")]
    Select {
        /// The policy.
        name: String,
        /// What is wrong.
        error: SelectError,
    },
    /// Somebody was quicker.
    #[error("the policies are at version {kept}, not {asked}: look at what was changed, and try again")]
    Conflict {
        /// The version in force.
        kept: u64,
        /// The one that was to be replaced.
        asked: u64,
    },
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl From<(String, SelectError)> for PolicyError {
    fn from((name, error): (String, SelectError)) -> Self {
        Self::Select { name, error }
    }
}

fn word(source: PolicySource) -> &'static str {
    match source {
        PolicySource::File => "file",
        PolicySource::Set => "set",
    }
}

fn version_of(row: &Row<'_>) -> rusqlite::Result<(PolicyVersion, String)> {
    let source: String = row.get(3)?;
    let version = PolicyVersion {
        version: row.get::<_, i64>(0)? as u64,
        at_nanos: row.get(1)?,
        origin: row.get(2)?,
        source: match source.as_str() {
            "set" => PolicySource::Set,
            _ => PolicySource::File,
        },
        set: PolicySet::default(),
    };
    Ok((version, row.get(4)?))
}

/// The rules as they are on record.
pub(super) fn load(connection: &Connection, path: &std::path::Path) -> Result<Rules, CatalogError> {
    let wrong = |what: String| damaged(path, format!("retention policies: {what}"));
    let mut rules = match last(connection, None)? {
        Some(version) => {
            let mut rules = Rules::new(version.set).map_err(|(name, error)| wrong(format!("{name}: {error}")))?;
            rules.version = version.version;
            rules.source = version.source;
            rules.since_nanos = version.at_nanos;
            rules
        }
        None => Rules::default(),
    };
    rules.promises = Arc::new(load_promises(connection)?);
    rules.holds = holds::in_force(connection).map_err(|error| match error {
        CatalogError::Database(error) => CatalogError::Database(error),
        other => wrong(other.to_string()),
    })?;
    Ok(rules)
}

/// The newest version, of all or of one source.
fn last(connection: &Connection, source: Option<PolicySource>) -> Result<Option<PolicyVersion>, CatalogError> {
    let found = connection
        .prepare_cached(
            "SELECT version, at, origin, source, body FROM retention_versions
             WHERE ?1 IS NULL OR source = ?1 ORDER BY version DESC LIMIT 1",
        )?
        .query_row(params![source.map(word)], version_of)
        .optional()?;
    found.map(with_body).transpose()
}

fn with_body((version, body): (PolicyVersion, String)) -> Result<PolicyVersion, CatalogError> {
    let set = serde_json::from_str(&body).map_err(|error| CatalogError::Damaged {
        path: "the catalog".to_owned(),
        what: format!("retention policies of version {}: {error}", version.version),
    })?;
    Ok(PolicyVersion { set, ..version })
}

fn load_promises(connection: &Connection) -> Result<Promises, CatalogError> {
    let mut statement =
        connection.prepare("SELECT topic, stream_id, published_to, minimum_seconds FROM retention_promises")?;
    let rows = statement.query_map([], |row| {
        let promise = Promise {
            published_to: row.get(2)?,
            minimum_seconds: row.get::<_, i64>(3)? as u64,
        };
        Ok((
            (row.get::<_, String>(0)?, StreamId(row.get::<_, i64>(1)? as u64)),
            promise,
        ))
    })?;
    let mut promises = Promises::new();
    for row in rows {
        let (key, promise) = row?;
        promises.entry(key).or_default().push(promise);
    }
    Ok(promises)
}

impl Catalog {
    /// Takes note of what the configuration's file says. It counts at once, unless a set that came
    /// otherwise is in force; whether it counts. Durable on return.
    ///
    /// # Errors
    /// [`PolicyError::Fault`], [`PolicyError::Select`], [`PolicyError::Catalog`]
    pub fn adopt_policies(&self, set: PolicySet, now_nanos: i64) -> Result<bool, PolicyError> {
        let set = set.closed();
        set.check()?;
        let mut rules = Rules::new(set.clone())?;
        let mut counts = true;
        self.transact(|transaction, next| {
            if next.rules.source == PolicySource::Set && next.rules.version > 0 {
                counts = false;
                return Ok(());
            }
            // The same again is no change; a store that never had any begins with version 1.
            if next.rules.version > 0 && *next.rules.set() == set {
                return Ok(());
            }
            rules.version = next.rules.version + 1;
            install(transaction, next, rules, None, now_nanos)
        })?;
        Ok(counts)
    }

    /// Puts other policies in the place of `version`. A lower minimum of a stream leaves a promise for
    /// what is published of it. Durable on return.
    ///
    /// # Errors
    /// [`PolicyError`]
    pub fn set_policies(
        &self,
        version: u64,
        set: PolicySet,
        source: PolicySource,
        actor: &Actor,
        now_nanos: i64,
    ) -> Result<(), PolicyError> {
        let set = set.closed();
        set.check()?;
        let mut rules = Rules::new(set)?;
        let mut kept = version;
        self.transact(|transaction, next| {
            kept = next.rules.version;
            if kept != version {
                return Ok(());
            }
            rules.version = version + 1;
            rules.source = source;
            install(transaction, next, rules, Some(actor), now_nanos)
        })?;
        match kept == version {
            true => Ok(()),
            false => Err(PolicyError::Conflict { kept, asked: version }),
        }
    }

    /// The newest `versions_max` versions, the newest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Damaged`]
    pub fn policy_versions(&self, versions_max: u64) -> Result<Vec<PolicyVersion>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT version, at, origin, source, body FROM retention_versions ORDER BY version DESC LIMIT ?1",
        )?;
        let limit = i64::try_from(versions_max).unwrap_or(i64::MAX);
        let found = statement.query_map(params![limit], version_of)?;
        found.map(|row| with_body(row?)).collect()
    }
}

/// Puts rules in force: on record with what they were before, promises for what they lower, and the class
/// of every split anew.
fn install(
    transaction: &Transaction<'_>,
    next: &mut Snapshot,
    mut rules: Rules,
    actor: Option<&Actor>,
    now_nanos: i64,
) -> Result<(), CatalogError> {
    let before = Arc::clone(&next.rules);
    rules.since_nanos = now_nanos;
    rules.holds.clone_from(&before.holds);
    rules.promises = Arc::new(promised(transaction, next, &before, &rules, now_nanos)?);
    let body = serde_json::to_string(rules.set()).expect("text and numbers are JSON");
    transaction.execute(
        "INSERT INTO retention_versions (version, at, origin, source, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            rules.version as i64,
            now_nanos,
            actor.and_then(|actor| actor.origin.as_deref()),
            word(rules.source),
            body
        ],
    )?;
    let detail = json!({
        "version": rules.version,
        "source": word(rules.source),
        "before": before.set(),
        "after": rules.set(),
        "promises": rules.promises.values().map(Vec::len).sum::<usize>(),
    });
    match actor {
        None => audit::note(transaction, "retention.change", "policies", &detail)?,
        Some(actor) => audit::note_of(transaction, actor, "retention.change", "policies", &detail)?,
    }
    next.rules = Arc::new(rules);
    let mut relabel = transaction.prepare_cached("UPDATE splits SET class = ?2 WHERE id = ?1")?;
    for split in next.classify() {
        relabel.execute(params![split.meta.id, split.class.as_deref()])?;
    }
    Ok(())
}

/// The promises that are kept, and those that become necessary.
fn promised(
    transaction: &Transaction<'_>,
    next: &Snapshot,
    before: &Rules,
    after: &Rules,
    now_nanos: i64,
) -> Result<Promises, CatalogError> {
    let mut promises = Promises::clone(&before.promises);
    for kept in promises.values_mut() {
        kept.retain(|promise| !promise.is_over(now_nanos));
    }
    promises.retain(|_, kept| !kept.is_empty());
    // A clock that was set back does not take what is there out of the promise.
    let published = next.splits.iter().map(|split| split.published_at_nanos);
    let published_to = published.max().unwrap_or(now_nanos).max(now_nanos);
    let mut streams = std::collections::BTreeSet::new();
    for split in &next.splits {
        streams.extend(split.meta.streams.iter().map(|id| (split.topic.as_str(), *id)));
    }
    for (topic, id) in streams {
        let Some(stream) = next.streams.get(&id) else { continue };
        let minimum = |rules: &Rules| {
            rules.policies()[rules.policy_of(topic, stream)]
                .minimum_seconds
                .unwrap_or(0)
        };
        let was = minimum(before);
        if minimum(after) >= was {
            continue;
        }
        let kept = promises.entry((topic.to_owned(), id)).or_default();
        let is_covered = |promise: &Promise| promise.minimum_seconds >= was && promise.published_to >= published_to;
        if !kept.iter().any(is_covered) {
            kept.push(Promise {
                published_to,
                minimum_seconds: was,
            });
        }
    }
    transaction.execute("DELETE FROM retention_promises", [])?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO retention_promises (topic, stream_id, published_to, minimum_seconds) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (topic, stream_id, published_to)
         DO UPDATE SET minimum_seconds = max(minimum_seconds, excluded.minimum_seconds)",
    )?;
    for ((topic, stream), kept) in &promises {
        for promise in kept {
            insert.execute(params![
                topic,
                stream.0 as i64,
                promise.published_to,
                i64::try_from(promise.minimum_seconds).unwrap_or(i64::MAX)
            ])?;
        }
    }
    Ok(promises)
}
