//! A rule sees what its owner may see.
//!
//! The owner is who changed the rule last. Rights that change are taken over at the next look; an owner who is shut
//! out, or is no more, is named, and the rule goes on with what that one could see last.

use timberline_collector::Access;
use timberline_proto::api::access::Permission;

use crate::catalog::RuleOwner;
use crate::read::{For, ReadError, Reader};

use super::plan::Plan;

/// Who may see what.
pub trait Owners: Send + Sync + std::fmt::Debug {
    /// What an actor may see now; none if it is not there any more, or shut out.
    fn sees(&self, actor: &str) -> Option<For>;
}

impl Owners for Access {
    fn sees(&self, actor: &str) -> Option<For> {
        let (permissions, scope) = self.rights_of_actor(actor)?;
        let may = |permission| permissions.contains(&permission);
        Some(For::scope(
            &scope,
            may(Permission::ReadAudit),
            may(Permission::ReadAlerts),
        ))
    }
}

/// What a rule sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sees {
    /// Its owner; none of rules of before there were owners.
    pub(super) owner: Option<String>,
    pub(super) of: For,
    /// Whether its owner is gone.
    pub(super) gone: bool,
}

impl Sees {
    /// What the rule of an owner sees now.
    ///
    /// # Errors
    /// If its owner is gone, and was never seen.
    pub(super) fn now(owner: Option<&RuleOwner>, owners: &dyn Owners) -> Result<Self, String> {
        let Some(owner) = owner else {
            return Ok(Self {
                owner: None,
                of: For::everything(),
                gone: false,
            });
        };
        let name = Some(owner.actor.clone());
        if let Some(of) = owners.sees(&owner.actor) {
            let (owner, gone) = (name, false);
            return Ok(Self { owner, of, gone });
        }
        let last = owner.sees.as_deref().map(serde_json::from_str);
        match last {
            Some(Ok(of)) => Ok(Self {
                owner: name,
                of,
                gone: true,
            }),
            _ => Err(format!(
                "its owner {} is gone, and what that one could see is not known: change the rule to own it",
                owner.actor
            )),
        }
    }

    /// To keep; none if there is no owner.
    pub(super) fn kept(&self) -> Option<RuleOwner> {
        Some(RuleOwner {
            actor: self.owner.clone()?,
            sees: serde_json::to_string(&self.of).ok(),
            gone: self.gone,
        })
    }
}

/// Refuses a rule about what its owner may not see.
///
/// # Errors
/// [`ReadError::Forbidden`]
pub(super) fn allow(plan: &Plan, reader: &Reader) -> Result<(), ReadError> {
    if plan.is_silence() {
        reader.refuse("a rule about silence, which looks at every source,")?;
    }
    reader.topics_allowed(&plan.measure.filter)?;
    plan.searches
        .iter()
        .try_for_each(|filter| reader.topics_allowed(filter))
}
