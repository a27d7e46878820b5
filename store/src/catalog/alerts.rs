//! Alert rules with their versions, how each group of them is, and every change of state.
//!
//! A change of state is written with the states that it follows from and with how far the rule was
//! decided, in one transaction; its key names the verdict, and a key is there once. So a verdict that is
//! reached again after a crash is on record once.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde_json::{Value, json};
use timberline_proto::alert::{AlertState, Severity, Transition};
use timberline_proto::api::access::Actor;
use timberline_proto::id::IncarnationId;
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::change::Refusal;
use super::edit::now_nanos;
use super::journal::{self, ALERTS_TOPIC};
use super::{Catalog, CatalogError, alert_owners};

/// A rule that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRule {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// From 1; grows by one with each change.
    pub version: u64,
    /// All of it, JSON.
    pub body: String,
    /// When it was made, nanoseconds since the epoch.
    pub created_at_nanos: i64,
    /// When it was changed last.
    pub updated_at_nanos: i64,
}

/// One version of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVersion {
    /// Its number.
    pub version: u64,
    /// Since when.
    pub at_nanos: i64,
    /// From where it was made.
    pub origin: Option<String>,
    /// All of it, JSON.
    pub body: String,
}

/// What may be kept of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleLimits {
    /// So many.
    pub rules_max: u64,
    /// Each with so many bytes.
    pub bytes_max: u64,
    /// And so many versions of it.
    pub versions_max: u64,
}

/// How long changes of state are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryLimits {
    /// So many.
    pub entries_max: u64,
    /// And no longer than this, nanoseconds.
    pub age_nanos: i64,
}

/// Why a rule is not kept, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// There are as many as there may be.
    #[error("there are {max} rules already (`alerts.evaluation.rules_max`): delete one, or allow more")]
    Full {
        /// The limit.
        max: u64,
    },
    /// It is too large.
    #[error("the rule has {bytes} bytes, more than the {max} that are kept (`alerts.evaluation.rule_bytes_max`)")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// Another rule has its name.
    #[error("there is a rule {name:?} already: take another name, or change that one")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// There is none of this id.
    #[error("there is no rule {id:?}: it may have been deleted")]
    NotThere {
        /// The id.
        id: String,
    },
    /// Somebody changed it since.
    #[error("{name:?} was changed by somebody else: version {found} is kept, and this was made from version {asked}")]
    Conflict {
        /// Its name as it is kept.
        name: String,
        /// The version that was changed.
        asked: u64,
        /// The version that is kept.
        found: u64,
    },
    /// The catalog said no.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Refusal for RuleError {
    fn failure(self) -> Result<CatalogError, Self> {
        match self {
            Self::Catalog(error) => Ok(error),
            refusal => Err(refusal),
        }
    }
}

impl From<rusqlite::Error> for RuleError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Catalog(error.into())
    }
}

/// How far a rule is decided, and how its groups are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleProgress {
    /// The rule.
    pub rule: String,
    /// The end of the window that is decided next, nanoseconds since the epoch.
    pub next_nanos: i64,
    /// When it began to be evaluated.
    pub began_nanos: i64,
    /// Its groups and their states, JSON both; `None`: as they are kept already.
    pub groups: Option<Vec<(String, String)>>,
}

/// How far a partition's records were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTo {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: u32,
    /// The life of its directory.
    pub incarnation: IncarnationId,
    /// The next offset.
    pub next: u64,
}

/// What one look at the rules changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertWrite {
    /// Rules that went on.
    pub progress: Vec<RuleProgress>,
    /// Changes of state, in order.
    pub transitions: Vec<Transition>,
    /// How far records were looked at.
    pub seen: Vec<SeenTo>,
}

/// Which changes of state are asked for. What is absent is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Of this rule's id.
    pub rule: Option<String>,
    /// To this state, by its word.
    pub to: Option<String>,
    /// Whose window ends from then on.
    pub from_nanos: Option<i64>,
    /// And before.
    pub to_nanos: Option<i64>,
    /// Whether those of late lines, or the others.
    pub late: Option<bool>,
    /// Before this entry.
    pub before: Option<u64>,
}

impl Catalog {
    /// All rules by name.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn alert_rules(&self) -> Result<Vec<StoredRule>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, name, version, body, created_at, updated_at FROM alert_rules ORDER BY name COLLATE NOCASE, id",
        )?;
        let rules = statement.query_map([], read)?;
        Ok(rules.collect::<Result<_, _>>()?)
    }

    /// One rule.
    ///
    /// # Errors
    /// [`RuleError::NotThere`], [`RuleError::Catalog`]
    pub fn alert_rule(&self, id: &str) -> Result<StoredRule, RuleError> {
        find(&self.inner.connection.lock(), id)
    }

    /// The versions of a rule, the latest first.
    ///
    /// # Errors
    /// [`RuleError::NotThere`], [`RuleError::Catalog`]
    pub fn alert_rule_versions(&self, id: &str) -> Result<Vec<StoredVersion>, RuleError> {
        let connection = self.inner.connection.lock();
        find(&connection, id)?;
        let mut statement = connection.prepare_cached(
            "SELECT version, at, origin, body FROM alert_rule_versions WHERE rule_id = ?1 ORDER BY version DESC",
        )?;
        let versions = statement.query_map(params![id], |row| {
            Ok(StoredVersion {
                version: row.get::<_, i64>(0)? as u64,
                at_nanos: row.get(1)?,
                origin: row.get(2)?,
                body: row.get(3)?,
            })
        })?;
        Ok(versions.collect::<Result<_, _>>()?)
    }

    /// Keeps a new rule, for `actor`. Durable on return.
    ///
    /// # Errors
    /// [`RuleError::Full`], [`RuleError::TooLarge`], [`RuleError::NameTaken`], [`RuleError::Catalog`]
    pub fn create_alert_rule(
        &self,
        name: &str,
        body: &str,
        limits: RuleLimits,
        actor: &Actor,
    ) -> Result<StoredRule, RuleError> {
        check_size(body, limits)?;
        let now = now_nanos();
        let rule = StoredRule {
            id: format!("{:016x}", rand::random::<u64>()),
            name: name.to_owned(),
            version: 1,
            body: body.to_owned(),
            created_at_nanos: now,
            updated_at_nanos: now,
        };
        self.change::<RuleError, _>(actor, |transaction| {
            let count: i64 = transaction.query_row("SELECT COUNT(*) FROM alert_rules", [], |row| row.get(0))?;
            if count as u64 >= limits.rules_max {
                return Err(RuleError::Full { max: limits.rules_max });
            }
            check_name(transaction, name, &rule.id)?;
            transaction.execute(
                "INSERT INTO alert_rules (id, name, version, body, created_at, updated_at) VALUES (?1, ?2, 1, ?3, ?4, ?4)",
                params![rule.id, name, body, now],
            )?;
            note_version(transaction, &rule, limits, actor)?;
            alert_owners::set(transaction, &rule.id, actor)?;
            Ok(("alert_rule.create", rule.id.clone(), detail(&rule)))
        })?;
        Ok(rule)
    }

    /// Puts another in the place of `version` of one. Durable on return.
    ///
    /// # Errors
    /// [`RuleError::Conflict`] if another version is kept, [`RuleError::NotThere`],
    /// [`RuleError::NameTaken`], [`RuleError::TooLarge`], [`RuleError::Catalog`]
    pub fn replace_alert_rule(
        &self,
        (id, version): (&str, u64),
        (name, body): (&str, &str),
        limits: RuleLimits,
        actor: &Actor,
    ) -> Result<StoredRule, RuleError> {
        check_size(body, limits)?;
        let mut replaced = None;
        self.change::<RuleError, _>(actor, |transaction| {
            let held = find(transaction, id)?;
            check_version(&held, version)?;
            check_name(transaction, name, id)?;
            let rule = StoredRule {
                name: name.to_owned(),
                version: version + 1,
                body: body.to_owned(),
                updated_at_nanos: now_nanos(),
                ..held
            };
            transaction.execute(
                "UPDATE alert_rules SET name = ?2, version = ?3, body = ?4, updated_at = ?5 WHERE id = ?1",
                params![id, name, rule.version as i64, body, rule.updated_at_nanos],
            )?;
            note_version(transaction, &rule, limits, actor)?;
            alert_owners::set(transaction, id, actor)?;
            let detail = detail(&rule);
            replaced = Some(rule);
            Ok(("alert_rule.change", id.to_owned(), detail))
        })?;
        Ok(replaced.expect("it was put there by the change that went well"))
    }

    /// Deletes one; if a version is named, only that one. What is on record of it stays. Durable on
    /// return.
    ///
    /// # Errors
    /// [`RuleError::Conflict`], [`RuleError::NotThere`], [`RuleError::Catalog`]
    pub fn delete_alert_rule(&self, id: &str, version: Option<u64>, actor: &Actor) -> Result<(), RuleError> {
        self.change::<RuleError, _>(actor, |transaction| {
            let held = find(transaction, id)?;
            if let Some(version) = version {
                check_version(&held, version)?;
            }
            transaction.execute("DELETE FROM alert_rules WHERE id = ?1", params![id])?;
            transaction.execute("DELETE FROM alert_rule_versions WHERE rule_id = ?1", params![id])?;
            alert_owners::forget(transaction, id)?;
            Ok(("alert_rule.delete", id.to_owned(), detail(&held)))
        })
    }

    /// How far every rule is decided, with its groups; also of rules that were deleted since.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn alert_progress(&self) -> Result<Vec<RuleProgress>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached("SELECT rule_id, next, began FROM alert_progress")?;
        let mut all: Vec<RuleProgress> = statement
            .query_map([], |row| {
                Ok(RuleProgress {
                    rule: row.get(0)?,
                    next_nanos: row.get(1)?,
                    began_nanos: row.get(2)?,
                    groups: None,
                })
            })?
            .collect::<Result<_, _>>()?;
        let mut statement =
            connection.prepare_cached("SELECT group_key, state FROM alert_states WHERE rule_id = ?1")?;
        for progress in &mut all {
            let groups = statement.query_map(params![progress.rule], |row| Ok((row.get(0)?, row.get(1)?)))?;
            progress.groups = Some(groups.collect::<Result<_, _>>()?);
        }
        Ok(all)
    }

    /// How far records were looked at.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn alert_seen(&self) -> Result<Vec<SeenTo>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement =
            connection.prepare_cached("SELECT topic, partition, incarnation, next FROM alert_positions")?;
        let seen = statement.query_map([], |row| {
            let incarnation: Vec<u8> = row.get(2)?;
            Ok(SeenTo {
                topic: row.get(0)?,
                partition: row.get(1)?,
                incarnation: IncarnationId::try_from(incarnation.as_slice()).unwrap_or_default(),
                next: row.get::<_, i64>(3)? as u64,
            })
        })?;
        Ok(seen.collect::<Result<_, _>>()?)
    }

    /// Keeps what one look at the rules changed. Returns how many changes of state are new on record:
    /// those whose key is there already are passed over. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]; nothing is kept then.
    pub fn write_alerts(&self, write: &AlertWrite, limits: HistoryLimits) -> Result<u64, CatalogError> {
        let mut added = 0;
        self.transact(|transaction, _| {
            for progress in &write.progress {
                write_progress(transaction, progress)?;
            }
            for transition in &write.transitions {
                added += insert(transaction, transition)?;
            }
            for seen in &write.seen {
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO alert_positions (topic, partition, incarnation, next) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![seen.topic, seen.partition, seen.incarnation.0, seen.next as i64])?;
            }
            if added > 0 {
                forget(transaction, limits)?;
            }
            Ok(())
        })?;
        Ok(added)
    }

    /// Forgets how a rule that is no more was decided. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn forget_alert_progress(&self, rule: &str) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            transaction.execute("DELETE FROM alert_states WHERE rule_id = ?1", params![rule])?;
            transaction.execute("DELETE FROM alert_progress WHERE rule_id = ?1", params![rule])?;
            Ok(())
        })
    }

    /// Changes of state with their numbers, the latest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn alert_history(&self, filter: &HistoryFilter, limit: usize) -> Result<Vec<(u64, Transition)>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT sequence, body FROM alert_transitions
             WHERE (?1 IS NULL OR rule_id = ?1) AND (?2 IS NULL OR to_state = ?2)
               AND (?3 IS NULL OR at >= ?3) AND (?4 IS NULL OR at < ?4)
               AND (?5 IS NULL OR late = ?5) AND (?6 IS NULL OR sequence < ?6)
             ORDER BY sequence DESC LIMIT ?7",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(
            params![
                filter.rule,
                filter.to,
                filter.from_nanos,
                filter.to_nanos,
                filter.late,
                filter.before.map(|before| before as i64),
                limit
            ],
            entry,
        )?;
        readable(rows)
    }

    /// Changes of state behind a number, in order: what notifications are made of.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn alert_transitions_after(&self, sequence: u64, limit: usize) -> Result<Vec<(u64, Transition)>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT sequence, body FROM alert_transitions WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![sequence as i64, limit], entry)?;
        readable(rows)
    }

    /// The last change of each group of each rule that is on record and not about late lines, by rule
    /// and the group as JSON of its values.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn last_alert_transition(&self, rule: &str, group: &str) -> Result<Option<Transition>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT sequence, body FROM alert_transitions WHERE rule_id = ?1 AND group_key = ?2 AND late = 0
             ORDER BY sequence DESC LIMIT 1",
        )?;
        let found = statement.query_row(params![rule, group], entry).optional()?;
        Ok(found.and_then(|(_, body)| serde_json::from_str(&body).ok()))
    }

    /// Hosts for which nothing waits any more.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn decommissioned_hosts(&self) -> Result<Vec<String>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached("SELECT host FROM alert_decommissioned ORDER BY host")?;
        let hosts = statement.query_map([], |row| row.get(0))?;
        Ok(hosts.collect::<Result<_, _>>()?)
    }

    /// Puts a host on that list, or takes it off. Durable on return.
    ///
    /// # Errors
    /// [`RuleError::Full`] with as many hosts as there may be, [`RuleError::Catalog`]
    pub fn decommission_host(&self, host: &str, gone: bool, hosts_max: u64, actor: &Actor) -> Result<(), RuleError> {
        self.change::<RuleError, _>(actor, |transaction| {
            if gone {
                let count: i64 =
                    transaction.query_row("SELECT COUNT(*) FROM alert_decommissioned", [], |row| row.get(0))?;
                if count as u64 >= hosts_max {
                    return Err(RuleError::Full { max: hosts_max });
                }
                transaction.execute(
                    "INSERT OR IGNORE INTO alert_decommissioned (host, at) VALUES (?1, ?2)",
                    params![host, now_nanos()],
                )?;
            } else {
                transaction.execute("DELETE FROM alert_decommissioned WHERE host = ?1", params![host])?;
            }
            let action = if gone { "host.decommission" } else { "host.recommission" };
            Ok((action, host.to_owned(), json!({})))
        })
    }
}

type Entry = (u64, String);

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))
}

/// Entries; one that this program cannot read is passed over, and said.
fn readable(rows: impl Iterator<Item = rusqlite::Result<Entry>>) -> Result<Vec<(u64, Transition)>, CatalogError> {
    let mut entries = Vec::new();
    for row in rows {
        let (sequence, body) = row?;
        match serde_json::from_str(&body) {
            Ok(transition) => entries.push((sequence, transition)),
            Err(error) => tracing::warn!(sequence, %error, "a change of state on record cannot be read"),
        }
    }
    Ok(entries)
}

fn insert(transaction: &Transaction<'_>, transition: &Transition) -> Result<u64, CatalogError> {
    let to = serde_json::to_value(transition.to).ok();
    let to = to.as_ref().and_then(Value::as_str).unwrap_or_default();
    let body = serde_json::to_string(transition).expect("texts and numbers are JSON");
    let group = serde_json::to_string(&transition.group).expect("texts are JSON");
    let added = transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO alert_transitions (key, rule_id, group_key, to_state, at, decided_at, late, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            transition.key,
            transition.rule.id,
            group,
            to,
            transition.at_nanos,
            transition.decided_at_nanos,
            transition.late,
            body
        ])?;
    if added > 0 {
        journal::add(
            transaction,
            ALERTS_TOPIC,
            transition.decided_at_nanos,
            &told(transition),
        )?;
    }
    Ok(added as u64)
}

/// A change of state as a line of the journal. The lines that led to it are left out: they are records already,
/// and their text is theirs.
fn told(transition: &Transition) -> Value {
    let instant = format_rfc3339_nanos;
    let level = match (transition.to, transition.rule.severity) {
        (AlertState::Firing, Severity::Critical) => "error",
        (AlertState::Firing | AlertState::Error | AlertState::NoData, _) => "warn",
        _ => "info",
    };
    json!({
        "level": level,
        "event": "verdict",
        "rule": transition.rule.name,
        "rule_id": transition.rule.id,
        "rule_version": transition.rule.version,
        "from": transition.from,
        "to": transition.to,
        "late": transition.late,
        "at": instant(transition.at_nanos),
        "value": transition.value,
        "threshold": transition.threshold,
        "reason": transition.reason,
        "group": transition.group,
        "labels": transition.labels,
        "lines": transition.evidence.lines_total,
        "pattern": transition.evidence.pattern,
        "query": transition.query,
        "missing": transition.missing_sources.iter().map(|source| &source.host).collect::<Vec<_>>(),
        "key": transition.key,
    })
}

fn forget(transaction: &Transaction<'_>, limits: HistoryLimits) -> Result<(), CatalogError> {
    let before = now_nanos().saturating_sub(limits.age_nanos);
    transaction
        .prepare_cached("DELETE FROM alert_transitions WHERE decided_at < ?1")?
        .execute(params![before])?;
    transaction
        .prepare_cached(
            "DELETE FROM alert_transitions WHERE sequence <=
                (SELECT sequence FROM alert_transitions ORDER BY sequence DESC LIMIT 1 OFFSET ?1)",
        )?
        .execute(params![i64::try_from(limits.entries_max).unwrap_or(i64::MAX)])?;
    Ok(())
}

fn write_progress(transaction: &Transaction<'_>, progress: &RuleProgress) -> Result<(), CatalogError> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO alert_progress (rule_id, next, began) VALUES (?1, ?2, ?3)")?
        .execute(params![progress.rule, progress.next_nanos, progress.began_nanos])?;
    let Some(groups) = &progress.groups else { return Ok(()) };
    transaction
        .prepare_cached("DELETE FROM alert_states WHERE rule_id = ?1")?
        .execute(params![progress.rule])?;
    let mut statement =
        transaction.prepare_cached("INSERT INTO alert_states (rule_id, group_key, state) VALUES (?1, ?2, ?3)")?;
    for (group, state) in groups {
        statement.execute(params![progress.rule, group, state])?;
    }
    Ok(())
}

fn note_version(
    transaction: &Transaction<'_>,
    rule: &StoredRule,
    limits: RuleLimits,
    actor: &Actor,
) -> Result<(), RuleError> {
    transaction.execute(
        "INSERT INTO alert_rule_versions (rule_id, version, at, origin, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            rule.id,
            rule.version as i64,
            rule.updated_at_nanos,
            actor.origin,
            rule.body
        ],
    )?;
    let oldest = rule.version.saturating_sub(limits.versions_max);
    transaction.execute(
        "DELETE FROM alert_rule_versions WHERE rule_id = ?1 AND version <= ?2",
        params![rule.id, oldest as i64],
    )?;
    Ok(())
}

fn detail(rule: &StoredRule) -> Value {
    json!({ "name": rule.name, "version": rule.version, "bytes": rule.body.len() })
}

fn check_size(body: &str, limits: RuleLimits) -> Result<(), RuleError> {
    let bytes = body.len() as u64;
    match bytes > limits.bytes_max {
        true => Err(RuleError::TooLarge {
            bytes,
            max: limits.bytes_max,
        }),
        false => Ok(()),
    }
}

fn check_version(held: &StoredRule, asked: u64) -> Result<(), RuleError> {
    match held.version == asked {
        true => Ok(()),
        false => Err(RuleError::Conflict {
            name: held.name.clone(),
            asked,
            found: held.version,
        }),
    }
}

fn check_name(connection: &Connection, name: &str, id: &str) -> Result<(), RuleError> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM alert_rules WHERE name = ?1 AND id <> ?2")?;
    match statement.exists(params![name, id])? {
        true => Err(RuleError::NameTaken { name: name.to_owned() }),
        false => Ok(()),
    }
}

fn find(connection: &Connection, id: &str) -> Result<StoredRule, RuleError> {
    let mut statement = connection
        .prepare_cached("SELECT id, name, version, body, created_at, updated_at FROM alert_rules WHERE id = ?1")?;
    let found = statement.query_row(params![id], read).optional()?;
    found.ok_or_else(|| RuleError::NotThere { id: id.to_owned() })
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredRule> {
    Ok(StoredRule {
        id: row.get(0)?,
        name: row.get(1)?,
        version: row.get::<_, i64>(2)? as u64,
        body: row.get(3)?,
        created_at_nanos: row.get(4)?,
        updated_at_nanos: row.get(5)?,
    })
}

#[cfg(test)]
mod tests;
