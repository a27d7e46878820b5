//! Legal holds on record. None is ever deleted: a release is written beside it.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::{Catalog, CatalogError, audit};
use crate::retain::{Hold, SelectError, Selector};
use timberline_proto::api::access::Actor;

/// Holds in force at most: each is asked for every split that is to go.
const HOLDS_MAX: usize = 1_000;

/// A hold on record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredHold {
    /// Its id.
    pub id: String,
    /// The number of the case.
    pub case: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// What is held: a filter of the query language.
    pub selector: String,
    /// The first moment, nanoseconds; open if absent.
    pub first: Option<i64>,
    /// The last moment.
    pub last: Option<i64>,
    /// Since when, nanoseconds.
    pub created_at_nanos: i64,
    /// From where it was made.
    pub created_from: Option<String>,
    /// How it ended, if it did.
    pub release: Option<StoredRelease>,
}

/// The end of a hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredRelease {
    /// When, nanoseconds.
    pub at_nanos: i64,
    /// Who.
    pub by: String,
    /// From where.
    pub from: Option<String>,
    /// Why.
    pub reason: String,
}

/// Why a hold is not made or released.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// What it selects is no filter.
    #[error("select: {0}")]
    Select(#[from] SelectError),
    /// The range ends before it begins.
    #[error("from is after to: nothing would be held")]
    EmptyRange,
    /// There are as many as may be.
    #[error("{HOLDS_MAX} holds are in force, which is as many as may be: release those that are over")]
    Full,
    /// There is none of this id.
    #[error("there is no hold {id}")]
    NotThere {
        /// The id.
        id: String,
    },
    /// It has ended before.
    #[error("hold {id} of case {case} is released already")]
    Released {
        /// The id.
        id: String,
        /// Its case.
        case: String,
    },
    /// The catalog failed.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

const COLUMNS: &str = "id, case_number, owner, reason, selector, first, last, created_at, created_from, \
                       released_at, released_by, released_from, release_reason";

fn hold_of(row: &Row<'_>) -> rusqlite::Result<StoredHold> {
    let release = match row.get::<_, Option<i64>>(9)? {
        None => None,
        Some(at_nanos) => Some(StoredRelease {
            at_nanos,
            by: row.get::<_, Option<String>>(10)?.unwrap_or_default(),
            from: row.get(11)?,
            reason: row.get::<_, Option<String>>(12)?.unwrap_or_default(),
        }),
    };
    Ok(StoredHold {
        id: row.get(0)?,
        case: row.get(1)?,
        owner: row.get(2)?,
        reason: row.get(3)?,
        selector: row.get(4)?,
        first: row.get(5)?,
        last: row.get(6)?,
        created_at_nanos: row.get(7)?,
        created_from: row.get(8)?,
        release,
    })
}

/// Those in force, ready to be asked.
pub(super) fn in_force(connection: &Connection) -> Result<Vec<Hold>, CatalogError> {
    let mut statement = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM holds WHERE released_at IS NULL ORDER BY created_at, id"
    ))?;
    let holds = statement.query_map([], hold_of)?;
    holds
        .map(|hold| {
            let hold = hold?;
            ready(&hold).map_err(|error| CatalogError::Damaged {
                path: "the catalog".to_owned(),
                what: format!("hold {} of case {}: {error}", hold.id, hold.case),
            })
        })
        .collect()
}

fn ready(hold: &StoredHold) -> Result<Hold, SelectError> {
    Ok(Hold {
        id: hold.id.clone(),
        case: hold.case.clone(),
        selector: Arc::new(Selector::new(&hold.selector)?),
        first: hold.first.unwrap_or(i64::MIN),
        last: hold.last.unwrap_or(i64::MAX),
    })
}

impl Catalog {
    /// Puts a hold in force; its id and the time are given to it here. From the return on nothing that it
    /// may hold is deleted. Durable on return.
    ///
    /// # Errors
    /// [`HoldError`]
    pub fn create_hold(&self, hold: StoredHold, now_nanos: i64, actor: &Actor) -> Result<StoredHold, HoldError> {
        let made = StoredHold {
            id: format!("{:032x}", rand::random::<u128>()),
            created_at_nanos: now_nanos,
            created_from: actor.origin.clone(),
            release: None,
            ..hold
        };
        let ready = ready(&made)?;
        if ready.first > ready.last {
            return Err(HoldError::EmptyRange);
        }
        let mut is_full = false;
        self.transact(|transaction, next| {
            if next.rules.holds.len() >= HOLDS_MAX {
                is_full = true;
                return Ok(());
            }
            transaction.execute(
                "INSERT INTO holds (id, case_number, owner, reason, selector, first, last, created_at, created_from)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    made.id,
                    made.case,
                    made.owner,
                    made.reason,
                    made.selector,
                    made.first,
                    made.last,
                    now_nanos,
                    actor.origin
                ],
            )?;
            let mut holds = next.rules.holds.clone();
            holds.push(ready);
            next.rules = Arc::new(next.rules.with_holds(holds));
            let detail = json!({
                "case": made.case, "owner": made.owner, "reason": made.reason,
                "select": made.selector, "first": made.first, "last": made.last,
            });
            audit::note_of(transaction, actor, "hold.create", &made.id, &detail)
        })?;
        if is_full { Err(HoldError::Full) } else { Ok(made) }
    }

    /// Ends a hold, with who and why on record. Durable on return.
    ///
    /// # Errors
    /// [`HoldError::NotThere`], [`HoldError::Released`], [`HoldError::Catalog`]
    pub fn release_hold(
        &self,
        id: &str,
        (by, reason): (&str, &str),
        now_nanos: i64,
        actor: &Actor,
    ) -> Result<StoredHold, HoldError> {
        let mut found = None;
        self.transact(|transaction, next| {
            found = transaction
                .prepare_cached(&format!("SELECT {COLUMNS} FROM holds WHERE id = ?1"))?
                .query_row(params![id], hold_of)
                .optional()?;
            let Some(hold) = found.as_ref().filter(|hold| hold.release.is_none()) else {
                return Ok(());
            };
            transaction.execute(
                "UPDATE holds SET released_at = ?2, released_by = ?3, released_from = ?4, release_reason = ?5
                 WHERE id = ?1",
                params![id, now_nanos, by, actor.origin, reason],
            )?;
            let mut holds = next.rules.holds.clone();
            holds.retain(|one| one.id != id);
            next.rules = Arc::new(next.rules.with_holds(holds));
            let detail = json!({ "case": hold.case, "by": by, "reason": reason });
            audit::note_of(transaction, actor, "hold.release", id, &detail)
        })?;
        match found {
            None => Err(HoldError::NotThere { id: id.to_owned() }),
            Some(hold) if hold.release.is_some() => Err(HoldError::Released {
                id: hold.id,
                case: hold.case,
            }),
            Some(hold) => Ok(StoredHold {
                release: Some(StoredRelease {
                    at_nanos: now_nanos,
                    by: by.to_owned(),
                    from: actor.origin.clone(),
                    reason: reason.to_owned(),
                }),
                ..hold
            }),
        }
    }

    /// Every hold: those in force first, then those that ended, the latest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn holds(&self) -> Result<Vec<StoredHold>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare(&format!(
            "SELECT {COLUMNS} FROM holds ORDER BY released_at IS NOT NULL, coalesce(released_at, created_at) DESC, id"
        ))?;
        let holds = statement.query_map([], hold_of)?;
        Ok(holds.collect::<Result<_, _>>()?)
    }
}
