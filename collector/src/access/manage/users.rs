//! Accounts.

use serde_json::json;
use timberline_proto::api::access::{NewUser, UserChange, UserInfo, UserList};

use super::{blocking, described, may_give, time_text, user_name};
use crate::access::caller::Caller;
use crate::access::state::{State, USERS_MAX, User};
use crate::access::{Access, AccessError, act, now_s, password};

impl Access {
    /// All accounts.
    pub fn users(&self) -> UserList {
        let state = self.state();
        let users = state.users.iter().map(|(name, user)| info(&state, name, user));
        UserList { users: users.collect() }
    }

    /// Makes an account. When this returns, it is durable.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn create_user(&self, new: NewUser, caller: Caller) -> Result<UserInfo, AccessError> {
        let name = user_name(&new.name)?;
        password::check(&new.password, &name, self.options().password_chars_min)?;
        let phc = self.inner.passwords.hash(new.password).await?;
        let (access, roles) = (self.clone(), new.roles);
        blocking(move || {
            access.change(|state| {
                may_give(state, &caller, &roles)?;
                if state.users.contains_key(&name) {
                    return Err(AccessError::Conflict(format!("there is a user {name:?} already")));
                }
                if state.users.len() >= USERS_MAX {
                    return Err(AccessError::Conflict(format!(
                        "there are {USERS_MAX} users, the most that may be"
                    )));
                }
                let user = User {
                    password: phc,
                    roles,
                    created_s: now_s(),
                    ..User::default()
                };
                let detail = json!({ "after": described(&user) });
                let made = info(state, &name, &user);
                state.users.insert(name.clone(), user);
                // The first account closes the door behind its maker, who must be able to open it.
                if state.users.len() == 1 && !state.has_manager() {
                    return Err(AccessError::Bad(
                        "the first account is an admin's: give it the role `admin`".into(),
                    ));
                }
                state.note(&act(&caller.actor, "user.create", format!("user:{name}"), "ok", detail));
                Ok(made)
            })
        })
        .await
    }

    /// Changes roles, shuts out, or takes an authenticator away; each ends the account's sessions. When this
    /// returns, it is durable. Blocks.
    ///
    /// # Errors
    /// [`AccessError`]
    pub fn change_user(&self, name: &str, change: &UserChange, caller: &Caller) -> Result<UserInfo, AccessError> {
        self.change(|state| {
            let before = state.clone();
            let user = state.users.get(name).ok_or_else(|| not_found(name))?;
            may_touch(state, caller, user)?;
            if let Some(roles) = &change.roles {
                may_give(state, caller, roles)?;
            }
            let user = state.users.get_mut(name).ok_or_else(|| not_found(name))?;
            let was = described(user);
            if let Some(roles) = &change.roles {
                user.roles.clone_from(roles);
            }
            if let Some(disabled) = change.disabled {
                user.disabled = disabled;
            }
            if change.reset_totp == Some(true) {
                (user.totp, user.totp_offered) = (None, None);
            }
            let is = described(user);
            state.check_managed(&before)?;
            if was != is {
                state.end_sessions_of(name, None);
                let detail = json!({ "before": was, "after": is });
                state.note(&act(&caller.actor, "user.change", format!("user:{name}"), "ok", detail));
            }
            Ok(info(state, name, &state.users[name]))
        })
    }

    /// Gives an account a new password and ends its sessions. When this returns, it is durable.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn set_password(&self, name: String, new: String, caller: Caller) -> Result<(), AccessError> {
        password::check(&new, &name, self.options().password_chars_min)?;
        let phc = self.inner.passwords.hash(new).await?;
        let access = self.clone();
        blocking(move || {
            access.change(|state| {
                let user = state.users.get(&name).ok_or_else(|| not_found(&name))?;
                may_touch(state, &caller, user)?;
                let user = state.users.get_mut(&name).ok_or_else(|| not_found(&name))?;
                user.password = phc;
                state.end_sessions_of(&name, None);
                state.note(&act(
                    &caller.actor,
                    "user.password",
                    format!("user:{name}"),
                    "ok",
                    json!({}),
                ));
                Ok(())
            })?;
            access.inner.attempts.succeeded(&name);
            Ok(())
        })
        .await
    }

    /// Forgets an account. When this returns, that is durable. Blocks.
    ///
    /// # Errors
    /// [`AccessError`]
    pub fn delete_user(&self, name: &str, caller: &Caller) -> Result<(), AccessError> {
        self.change(|state| {
            let before = state.clone();
            let user = state.users.get(name).ok_or_else(|| not_found(name))?;
            may_touch(state, caller, user)?;
            let user = state.users.remove(name).ok_or_else(|| not_found(name))?;
            state.check_managed(&before)?;
            state.end_sessions_of(name, None);
            let detail = json!({ "before": described(&user) });
            state.note(&act(&caller.actor, "user.delete", format!("user:{name}"), "ok", detail));
            Ok(())
        })
    }
}

fn not_found(name: &str) -> AccessError {
    AccessError::NotFound(format!("there is no user {name:?}"))
}

/// Who may do more than somebody cannot be shut out or taken over by them.
fn may_touch(state: &State, caller: &Caller, user: &User) -> Result<(), AccessError> {
    may_give(
        state,
        caller,
        &user
            .roles
            .iter()
            .filter(|name| state.role(name).is_some())
            .cloned()
            .collect(),
    )
    .map_err(|error| match error {
        AccessError::Forbidden(_) => AccessError::Forbidden("this account may do more than you".into()),
        other => other,
    })
}

fn info(state: &State, name: &str, user: &User) -> UserInfo {
    UserInfo {
        name: name.to_owned(),
        roles: user.roles.clone(),
        disabled: user.disabled,
        totp: user.totp.is_some(),
        created: time_text(user.created_s),
        last_login: user.last_login_s.map(time_text),
        sessions: state.sessions.values().filter(|session| session.user == name).count() as u64,
    }
}
