//! Accounts, roles, keys, sessions and what was done with them: the rules, without clock, disk and
//! randomness.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use timberline_proto::api::access::{Permission, Role, Scope, built_in};

use super::sink::Act;
use super::{AccessError, AccessOptions};
use crate::trust::refusals::Refusals;

/// Accounts at most.
pub(super) const USERS_MAX: usize = 1000;
/// Own roles at most.
pub(super) const ROLES_MAX: usize = 200;
/// Keys at most, those that are over among them.
pub(super) const KEYS_MAX: usize = 2000;
/// Sessions of all accounts at most; the oldest gives way.
const SESSIONS_MAX: usize = 10_000;
/// Acts remembered.
pub(super) const ACTS_MAX: usize = 1000;
/// Keys that are over are listed for so long.
const OVER_S: i64 = 30 * 86_400;

/// Everything that is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct State {
    pub(super) users: BTreeMap<String, User>,
    /// Own roles, by name.
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) sessions: BTreeMap<String, Session>,
    pub(super) acts: VecDeque<Act>,
    /// The sequence of the next act.
    pub(super) next_act: u64,
    /// Who was refused.
    pub(super) refused: Refusals,
}

/// An account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct User {
    /// PHC string.
    pub(super) password: String,
    pub(super) roles: BTreeSet<String>,
    pub(super) disabled: bool,
    pub(super) totp: Option<Totp>,
    /// A secret that was shown and waits for its first code.
    pub(super) totp_offered: Option<String>,
    pub(super) created_s: i64,
    pub(super) last_login_s: Option<i64>,
}

/// The second factor of an account.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Totp {
    /// Base32.
    pub(super) secret: String,
    /// Codes of steps up to this one are over.
    pub(super) last_step: i64,
    /// SHA-256 of the recovery codes that are left.
    pub(super) recovery_sha256: BTreeSet<String>,
}

/// A key of a program, of whose secret only the hash is known.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) secret_sha256: String,
    pub(super) roles: BTreeSet<String>,
    pub(super) scopes: Option<BTreeSet<Permission>>,
    pub(super) created_by: String,
    pub(super) created_s: i64,
    pub(super) expires_s: Option<i64>,
    pub(super) revoked_s: Option<i64>,
    pub(super) last_used_s: Option<i64>,
}

/// Somebody who logged in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) user: String,
    pub(super) secret_sha256: String,
    pub(super) began_s: i64,
    pub(super) last_used_s: i64,
    pub(super) origin: Option<String>,
    pub(super) agent: String,
}

/// What roles come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) permissions: BTreeSet<Permission>,
    pub(super) scope: Scope,
}

impl Key {
    /// `valid`, `expired` or `revoked`.
    pub(super) fn state(&self, now_s: i64) -> &'static str {
        match (self.revoked_s, self.expires_s) {
            (Some(_), _) => "revoked",
            (None, Some(expires_s)) if expires_s <= now_s => "expired",
            _ => "valid",
        }
    }

    fn over_since(&self, now_s: i64) -> Option<i64> {
        self.revoked_s
            .or(self.expires_s.filter(|expires_s| *expires_s <= now_s))
    }
}

impl Session {
    /// Whether it is over, `used_s` being its last use if that is later than the one that is written.
    pub(super) fn is_over(&self, used_s: Option<i64>, options: &AccessOptions, now_s: i64) -> bool {
        let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let used_s = self.last_used_s.max(used_s.unwrap_or(0));
        now_s >= self.ends_s(options) || now_s.saturating_sub(used_s) >= seconds(options.session_idle_timeout)
    }

    pub(super) fn ends_s(&self, options: &AccessOptions) -> i64 {
        let life_s = i64::try_from(options.session_lifetime.as_secs()).unwrap_or(i64::MAX);
        self.began_s.saturating_add(life_s)
    }
}

impl State {
    pub(super) fn has_account(&self) -> bool {
        !self.users.is_empty() || !self.keys.is_empty()
    }

    pub(super) fn role(&self, name: &str) -> Option<Role> {
        built_in(name).or_else(|| self.roles.get(name).cloned())
    }

    /// What roles give together. Permissions add up. What may be seen is what any of the roles that read
    /// records shows; what any role hides is hidden.
    pub(super) fn rights(&self, roles: &BTreeSet<String>) -> Rights {
        let roles: Vec<Role> = roles.iter().filter_map(|name| self.role(name)).collect();
        let permissions: BTreeSet<Permission> = roles.iter().flat_map(|role| role.permissions.clone()).collect();
        let reads = |role: &&Role| {
            let reading = [Permission::SearchLogs, Permission::ExportLogs];
            reading.iter().any(|permission| role.permissions.contains(permission))
        };
        let streams: Vec<Option<&str>> = roles.iter().filter(reads).map(|role| role.streams.as_deref()).collect();
        let streams = match streams.iter().copied().collect::<Option<BTreeSet<&str>>>() {
            Some(limits) if limits.len() > 1 => {
                let each: Vec<String> = limits.iter().map(|limit| format!("({limit})")).collect();
                Some(each.join(" OR "))
            }
            Some(limits) => limits.first().map(|limit| (*limit).to_owned()),
            None => None,
        };
        let hidden: BTreeSet<String> = roles.into_iter().flat_map(|role| role.hidden_fields).collect();
        Rights {
            permissions,
            scope: Scope {
                streams,
                hidden_fields: hidden.into_iter().collect(),
            },
        }
    }

    /// What a session or key may do, by its id.
    pub(super) fn rights_of_credential(&self, id: &str) -> Option<Rights> {
        if let Some(session) = self.sessions.get(id) {
            return Some(self.rights(&self.users.get(&session.user)?.roles));
        }
        Some(self.rights_of_key(self.keys.get(id)?))
    }

    pub(super) fn rights_of_key(&self, key: &Key) -> Rights {
        let mut rights = self.rights(&key.roles);
        if let Some(scopes) = &key.scopes {
            rights.permissions.retain(|permission| scopes.contains(permission));
        }
        rights
    }

    /// Whether a session or key of this id is there and was not revoked.
    pub(super) fn has_credential(&self, id: &str) -> bool {
        self.sessions.contains_key(id) || self.keys.get(id).is_some_and(|key| key.revoked_s.is_none())
    }

    /// Whether somebody is left who may say who comes in.
    pub(super) fn has_manager(&self) -> bool {
        self.users
            .values()
            .any(|user| !user.disabled && self.rights(&user.roles).permissions.contains(&Permission::ManageAccess))
    }

    /// # Errors
    /// If the change took the last one away who may say who comes in.
    pub(super) fn check_managed(&self, before: &Self) -> Result<(), AccessError> {
        if before.has_manager() && !self.has_manager() {
            return Err(AccessError::Conflict(
                "this is the last account that may manage users: give another one the role `admin` first".into(),
            ));
        }
        Ok(())
    }

    pub(super) fn end_sessions_of(&mut self, user: &str, but: Option<&str>) {
        self.sessions
            .retain(|id, session| session.user != user || Some(id.as_str()) == but);
    }

    /// Adds a session; the oldest of its account gives way beyond the bound.
    pub(super) fn begin(&mut self, session: Session, per_user_max: usize) {
        let oldest = |sessions: &BTreeMap<String, Session>, of: Option<&str>| {
            let all = sessions
                .values()
                .filter(|other| of.is_none_or(|user| other.user == user));
            all.min_by_key(|other| other.last_used_s).map(|other| other.id.clone())
        };
        let of_user = |state: &Self| {
            state
                .sessions
                .values()
                .filter(|other| other.user == session.user)
                .count()
        };
        while of_user(self) >= per_user_max.max(1)
            && let Some(id) = oldest(&self.sessions, Some(&session.user))
        {
            self.sessions.remove(&id);
        }
        while self.sessions.len() >= SESSIONS_MAX
            && let Some(id) = oldest(&self.sessions, None)
        {
            self.sessions.remove(&id);
        }
        self.sessions.insert(session.id.clone(), session);
    }

    pub(super) fn note(&mut self, act: &Act) {
        let mut act = act.clone();
        act.sequence = self.next_act;
        self.next_act += 1;
        self.acts.push_back(act);
        while self.acts.len() > ACTS_MAX {
            self.acts.pop_front();
        }
    }

    /// How many acts there are from a sequence on.
    pub(super) fn acts_from(&self, sequence: u64) -> usize {
        self.acts.iter().filter(|act| act.sequence >= sequence).count()
    }

    /// Takes over when sessions and keys were used.
    pub(super) fn take_used(&mut self, used: &HashMap<String, i64>) {
        for (id, at_s) in used {
            if let Some(session) = self.sessions.get_mut(id) {
                session.last_used_s = session.last_used_s.max(*at_s);
            } else if let Some(key) = self.keys.get_mut(id) {
                key.last_used_s = key.last_used_s.max(Some(*at_s));
            }
        }
    }

    /// Lets go of what is over.
    pub(super) fn expire(&mut self, options: &AccessOptions, now_s: i64) {
        self.sessions
            .retain(|_, session| !session.is_over(None, options, now_s));
        self.keys
            .retain(|_, key| key.over_since(now_s).is_none_or(|over_s| now_s - over_s < OVER_S));
    }
}
