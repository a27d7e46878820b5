//! Whose alert rules are: a rule sees what its owner may see.
//!
//! The owner is who changed the rule last. What it may see is kept beside it, so that a rule goes on within that
//! when its owner is shut out.

use std::collections::BTreeMap;

use rusqlite::{Transaction, params};
use serde_json::json;
use timberline_proto::api::access::Actor;

use super::edit::now_nanos;
use super::journal::{self, ALERTS_TOPIC};
use super::{Catalog, CatalogError};

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS alert_rule_owners (
    rule_id TEXT PRIMARY KEY,
    actor TEXT NOT NULL,
    sees TEXT,
    gone INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Whose a rule is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleOwner {
    /// As it is on record.
    pub actor: String,
    /// What it may see, or could last, JSON; none until that was asked for once.
    pub sees: Option<String>,
    /// Whether it is not there any more, or shut out.
    pub gone: bool,
}

/// `actor` is the owner from now on.
pub(super) fn set(transaction: &Transaction<'_>, rule: &str, actor: &Actor) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT INTO alert_rule_owners (rule_id, actor, sees, gone) VALUES (?1, ?2, NULL, 0)
             ON CONFLICT (rule_id) DO UPDATE SET actor = ?2, gone = 0,
                 sees = CASE WHEN actor = ?2 THEN sees ELSE NULL END",
        )?
        .execute(params![rule, actor.name])?;
    Ok(())
}

/// The rule is no more.
pub(super) fn forget(transaction: &Transaction<'_>, rule: &str) -> Result<(), CatalogError> {
    transaction.execute("DELETE FROM alert_rule_owners WHERE rule_id = ?1", params![rule])?;
    Ok(())
}

impl Catalog {
    /// The owners of rules, by the rule's id. Rules of before there were owners have none.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn alert_rule_owners(&self) -> Result<BTreeMap<String, RuleOwner>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached("SELECT rule_id, actor, sees, gone FROM alert_rule_owners")?;
        let owners = statement.query_map([], |row| {
            let owner = RuleOwner {
                actor: row.get(1)?,
                sees: row.get(2)?,
                gone: row.get(3)?,
            };
            Ok((row.get(0)?, owner))
        })?;
        Ok(owners.collect::<Result<_, _>>()?)
    }

    /// Keeps what the owner of a rule may see, or that it is gone, if it is the owner still; that it went or came
    /// back is an entry of the history. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Commit`]
    pub fn note_rule_owner(&self, (id, name): (&str, &str), owner: &RuleOwner) -> Result<(), CatalogError> {
        self.transact(|transaction, _| {
            let was_gone: Option<bool> = transaction
                .prepare_cached("SELECT gone FROM alert_rule_owners WHERE rule_id = ?1 AND actor = ?2")?
                .query_map(params![id, owner.actor], |row| row.get(0))?
                .next()
                .transpose()?;
            let Some(was_gone) = was_gone else { return Ok(()) };
            transaction.execute(
                "UPDATE alert_rule_owners SET sees = ?3, gone = ?4 WHERE rule_id = ?1 AND actor = ?2",
                params![id, owner.actor, owner.sees, owner.gone],
            )?;
            if was_gone != owner.gone {
                let event = if owner.gone { "owner_gone" } else { "owner_back" };
                let level = if owner.gone { "warn" } else { "info" };
                let line = json!({ "level": level, "event": event, "rule": name, "rule_id": id, "owner": owner.actor });
                journal::add(transaction, ALERTS_TOPIC, now_nanos(), &line)?;
            }
            Ok(())
        })
    }
}
