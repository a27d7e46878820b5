//! Users, roles, keys and sessions, as those change them who may. Nobody gives away what they may not do
//! themselves.

mod account;
mod keys;
mod roles;
mod users;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use timberline_proto::api::access::{AccessAct, AccessAudit, AccessRefusals};

use super::caller::Caller;
use super::state::{State, User};
use super::{Access, AccessError};

/// Bytes of a name.
const NAME_BYTES_MAX: usize = 64;

/// Does what waits for the disk: not on the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AccessError> + Send + 'static,
) -> Result<T, AccessError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(AccessError::Failed(error.to_string())),
    }
}

/// # Errors
/// If it cannot be an account's name.
pub(super) fn user_name(text: &str) -> Result<String, AccessError> {
    let name = text.trim().to_lowercase();
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-@".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !begins || name.len() > NAME_BYTES_MAX || !name.chars().all(sound) {
        return Err(AccessError::Bad(format!(
            "{text:?} cannot be a name: it begins with a letter or digit and has up to {NAME_BYTES_MAX} of a-z, 0-9, `.`, `_`, `-` and `@`"
        )));
    }
    Ok(name)
}

/// # Errors
/// If a role is not there, or gives what who asks has not.
fn may_give(state: &State, caller: &Caller, roles: &BTreeSet<String>) -> Result<(), AccessError> {
    if let Some(unknown) = roles.iter().find(|name| state.role(name).is_none()) {
        return Err(AccessError::Bad(format!(
            "there is no role {unknown:?}; `timberline role list` shows those that there are"
        )));
    }
    let given = state.rights(roles).permissions;
    match given.iter().find(|permission| !caller.may(**permission)) {
        Some(beyond) => Err(AccessError::Forbidden(format!(
            "you cannot give `{beyond}`, which you have not yourself"
        ))),
        None => Ok(()),
    }
}

fn described(user: &User) -> Value {
    json!({ "roles": user.roles, "disabled": user.disabled, "totp": user.totp.is_some() })
}

pub(super) fn time_text(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

impl Access {
    /// The last acts, and who was refused, the newest first.
    pub fn audit(&self) -> AccessAudit {
        let state = self.state();
        let acts = state.acts.iter().rev().map(|act| AccessAct {
            at: time_text(act.at_s),
            actor: act.actor.clone(),
            origin: act.origin.clone(),
            action: act.action.clone(),
            object: act.object.clone(),
            outcome: act.outcome.clone(),
            detail: act.detail.clone(),
        });
        let mut refusals = self.inner.refused.lock().entries.clone();
        refusals.sort_by_key(|refused| std::cmp::Reverse(refused.last_s));
        let refusals = refusals.into_iter().map(|refused| AccessRefusals {
            origin: refused.origin,
            why: refused.why,
            count: refused.count,
            first: time_text(refused.first_s),
            last: time_text(refused.last_s),
        });
        AccessAudit {
            acts: acts.collect(),
            refusals: refusals.collect(),
        }
    }
}
