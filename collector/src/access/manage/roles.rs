//! Own roles.

use serde_json::json;
use timberline_proto::api::access::{BUILT_IN, Role, RoleList, built_in};
use timberline_proto::query::{
    self,
    ast::{Explain, Query},
};

use super::user_name;
use crate::access::caller::Caller;
use crate::access::state::ROLES_MAX;
use crate::access::{Access, AccessError, act};

/// Bytes of a role's limit.
const STREAMS_BYTES_MAX: usize = 4096;
/// Fields that one role hides.
const HIDDEN_MAX: usize = 200;
/// What every record has, and stays with it.
const OF_EVERY_RECORD: [&str; 14] = [
    "timestamp",
    "@timestamp",
    "_time",
    "severity",
    "level",
    "body",
    "template",
    "id",
    "topic",
    "partition",
    "offset",
    "observed",
    "stream",
    "fields",
];
/// Bytes of a field's name, and of a description.
const TEXT_BYTES_MAX: usize = 256;

impl Access {
    /// Those that are always there, then the own ones.
    pub fn roles(&self) -> RoleList {
        let state = self.state();
        let always = BUILT_IN.iter().filter_map(|name| built_in(name));
        RoleList {
            roles: always.chain(state.roles.values().cloned()).collect(),
        }
    }

    /// Makes a role, or puts it in the place of the one of its name; sessions of accounts that have it end. When
    /// this returns, it is durable. Blocks.
    ///
    /// # Errors
    /// [`AccessError`]
    pub fn put_role(&self, role: &Role, caller: &Caller) -> Result<Role, AccessError> {
        let role = checked(role)?;
        if let Some(beyond) = role.permissions.iter().find(|permission| !caller.may(**permission)) {
            return Err(AccessError::Forbidden(format!(
                "you cannot give `{beyond}`, which you have not yourself"
            )));
        }
        self.change(|state| {
            let before = state.clone();
            if state.roles.len() >= ROLES_MAX && !state.roles.contains_key(&role.name) {
                return Err(AccessError::Conflict(format!(
                    "there are {ROLES_MAX} roles, the most that may be"
                )));
            }
            let was = state.roles.insert(role.name.clone(), role.clone());
            if was.as_ref() == Some(&role) {
                return Ok(role.clone());
            }
            state.check_managed(&before)?;
            end_sessions(state, &role.name);
            let action = if was.is_some() { "role.change" } else { "role.create" };
            let detail = json!({ "before": was, "after": role });
            state.note(&act(&caller.actor, action, format!("role:{}", role.name), "ok", detail));
            Ok(role.clone())
        })
    }

    /// Forgets a role; whoever has it may do what their other roles give. When this returns, that is durable.
    /// Blocks.
    ///
    /// # Errors
    /// [`AccessError`]
    pub fn delete_role(&self, name: &str, caller: &Caller) -> Result<(), AccessError> {
        if BUILT_IN.contains(&name) {
            return Err(AccessError::Conflict(format!(
                "{name:?} came with the program and stays"
            )));
        }
        self.change(|state| {
            let has = |roles: &std::collections::BTreeSet<String>| roles.contains(name);
            let used = state.users.values().any(|user| has(&user.roles))
                || state
                    .keys
                    .values()
                    .any(|key| has(&key.roles) && key.revoked_s.is_none());
            if used {
                // A limit that goes with its role would show more, not less.
                return Err(AccessError::Conflict(format!(
                    "users or keys have the role {name:?}: take it from them first"
                )));
            }
            let was = state.roles.remove(name);
            let was = was.ok_or_else(|| AccessError::NotFound(format!("there is no role {name:?}")))?;
            let detail = json!({ "before": was });
            state.note(&act(&caller.actor, "role.delete", format!("role:{name}"), "ok", detail));
            Ok(())
        })
    }
}

fn end_sessions(state: &mut crate::access::state::State, role: &str) {
    let having: Vec<String> = state
        .users
        .iter()
        .filter(|(_, user)| user.roles.contains(role))
        .map(|(name, _)| name.clone())
        .collect();
    for name in having {
        state.end_sessions_of(&name, None);
    }
}

fn checked(role: &Role) -> Result<Role, AccessError> {
    let bad = |why: String| Err(AccessError::Bad(why));
    let name = user_name(&role.name)?;
    if BUILT_IN.contains(&name.as_str()) {
        return bad(format!(
            "{name:?} came with the program and stays as it is: take another name"
        ));
    }
    if role.description.len() > TEXT_BYTES_MAX {
        return bad(format!("a description has at most {TEXT_BYTES_MAX} bytes"));
    }
    let unfit = |field: &String| field.trim().is_empty() || field.len() > TEXT_BYTES_MAX;
    if role.hidden_fields.len() > HIDDEN_MAX || role.hidden_fields.iter().any(unfit) {
        return bad(format!(
            "hidden fields: at most {HIDDEN_MAX} names of 1 to {TEXT_BYTES_MAX} bytes"
        ));
    }
    if let Some(column) = role
        .hidden_fields
        .iter()
        .find(|field| OF_EVERY_RECORD.contains(&field.trim()))
    {
        return bad(format!(
            "{column} is no field but a part of every record, which cannot be hidden"
        ));
    }
    let streams = role.streams.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if let Some(text) = streams {
        check_streams(text)?;
    }
    Ok(Role {
        name,
        description: role.description.trim().to_owned(),
        permissions: role.permissions.clone(),
        streams: streams.map(str::to_owned),
        hidden_fields: role.hidden_fields.iter().map(|field| field.trim().to_owned()).collect(),
        built_in: false,
    })
}

/// A limit is a search, and only that.
fn check_streams(text: &str) -> Result<(), AccessError> {
    let bad = |why: String| Err(AccessError::Bad(format!("streams: {why}")));
    if text.len() > STREAMS_BYTES_MAX {
        return bad(format!("at most {STREAMS_BYTES_MAX} bytes"));
    }
    match query::parse(text) {
        Ok(Query::Search(search)) if search.pipes.is_empty() && search.explain == Explain::No => Ok(()),
        Ok(_) => bad("a search without pipes, such as `service.name:checkout`".to_owned()),
        Err(error) => bad(error.to_string()),
    }
}
