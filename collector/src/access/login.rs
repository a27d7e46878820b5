//! A password, and a code where the account asks for one, for a session.
//!
//! All that fails is answered alike and takes alike long, whether there is such an account or not.

use std::net::IpAddr;

use serde_json::json;
use timberline_proto::api::access::{Actor, Login, WhoAmI};

use super::caller::{Caller, Proof};
use super::secret::{self, SESSION_PREFIX, issue};
use super::state::{Session, State, Totp, User};
use super::{Access, AccessError, act, now_s, password, totp};

/// Bytes of what a browser calls itself that are kept.
const AGENT_BYTES_MAX: usize = 200;

/// From where somebody logs in.
#[derive(Clone, Debug, Default)]
pub struct From {
    /// The address.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub agent: String,
}

/// Somebody who logged in.
pub struct LoggedIn {
    /// What the browser shows from now on.
    pub cookie: String,
    /// Who it is.
    pub who: WhoAmI,
}

impl std::fmt::Debug for LoggedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoggedIn")
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

impl Access {
    /// Begins a session. When this returns, it is durable.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn log_in(&self, login: Login, from: From) -> Result<LoggedIn, AccessError> {
        let name = login.name.trim().to_lowercase();
        let begun_s = now_s();
        if !self.inner.attempts.may_try_from(from.address, begun_s) {
            self.refuse(from.address, "too many failed logins");
            return Err(AccessError::TooMany);
        }
        if login.password.len() > password::PASSWORD_BYTES_MAX {
            return Err(self.failed(&name, from.address));
        }
        let user = self.state().users.get(&name).cloned();
        let may =
            user.as_ref().is_some_and(|user| !user.disabled) && self.inner.attempts.may_try_account(&name, begun_s);
        let phc = user.as_ref().map(|user| user.password.clone());
        let right = self.inner.passwords.is(login.password.clone(), phc.clone()).await?;
        let (true, true, Some(phc)) = (right, may, phc) else {
            return Err(self.failed(&name, from.address));
        };
        let fresh = match password::is_outdated(&phc) {
            true => Some(self.inner.passwords.hash(login.password).await?),
            false => None,
        };
        let access = self.clone();
        let code = login.code.filter(|code| !code.trim().is_empty());
        super::manage::blocking(move || {
            let begun = access.begin(&name, (&phc, fresh), code.as_deref(), &from);
            match begun {
                Ok(_) => access.inner.attempts.succeeded(&name),
                Err(AccessError::LoginFailed) => return Err(access.failed(&name, from.address)),
                Err(_) => {}
            }
            begun
        })
        .await
    }

    fn begin(
        &self,
        name: &str,
        (phc, fresh): (&str, Option<String>),
        code: Option<&str>,
        from: &From,
    ) -> Result<LoggedIn, AccessError> {
        let issued = issue(SESSION_PREFIX);
        let now_s = now_s();
        let actor = Actor::new(
            format!("user:{name}"),
            from.address.map(|address| address.to_canonical().to_string()),
        );
        self.change(|state| {
            // Nobody changed the password or shut the account out meanwhile.
            let user = state
                .users
                .get_mut(name)
                .filter(|user| user.password == phc && !user.disabled);
            let user = user.ok_or(AccessError::LoginFailed)?;
            let by_code = prove(user, code, now_s)?;
            if let Some(fresh) = fresh {
                user.password = fresh;
            }
            user.last_login_s = Some(now_s);
            let session = Session {
                id: issued.id.clone(),
                user: name.to_owned(),
                secret_sha256: issued.sha256,
                began_s: now_s,
                last_used_s: now_s,
                origin: actor.origin.clone(),
                agent: from
                    .agent
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(AGENT_BYTES_MAX)
                    .collect(),
            };
            state.begin(session, self.options().sessions_per_user_max);
            let detail = json!({ "session": issued.id, "second_factor": by_code });
            state.note(&act(&actor, "login", format!("user:{name}"), "ok", detail));
            Ok(())
        })?;
        Ok(LoggedIn {
            cookie: issued.shown,
            who: self.who(&self.state(), &issued.id).unwrap_or_default(),
        })
    }

    /// Counts a failure; gives what is said of it.
    fn failed(&self, name: &str, address: Option<IpAddr>) -> AccessError {
        let exists = self.state().users.contains_key(name);
        self.refuse(address, "failed login");
        if self.inner.attempts.failed(name, exists, address, now_s()) {
            let origin = address.map(|address| address.to_canonical().to_string());
            let detail = json!({
                "failures": self.options().account_failures_max,
                "seconds": self.options().failures_window.as_secs(),
            });
            tracing::warn!(user = name, "an account is locked for a while: too many failed logins");
            let noted = self.change(|state| {
                let actor = Actor::new("access", origin);
                state.note(&act(&actor, "user.lock", format!("user:{name}"), "ok", detail));
                Ok(())
            });
            if let Err(error) = noted {
                return error;
            }
        }
        AccessError::LoginFailed
    }

    /// Ends the session of whoever asks, if it is one. When this returns, that is durable. Blocks.
    ///
    /// # Errors
    /// [`AccessError::Failed`]
    pub fn log_out(&self, caller: &Caller) -> Result<(), AccessError> {
        let Proof::Session { id, user } = &caller.proof else {
            return Ok(());
        };
        self.change(|state| {
            if state.sessions.remove(id).is_some() {
                let detail = json!({ "session": id });
                state.note(&act(&caller.actor, "logout", format!("user:{user}"), "ok", detail));
            }
            Ok(())
        })
    }

    /// Makes the first account, which is an admin's, by the link that was printed at the start, and logs it
    /// in. When this returns, that is durable.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn set_up(
        &self,
        setup: timberline_proto::api::access::Setup,
        from: From,
    ) -> Result<LoggedIn, AccessError> {
        if !self.inner.attempts.may_try_from(from.address, now_s()) {
            return Err(AccessError::TooMany);
        }
        let valid = self.inner.setup.as_ref().is_some_and(|secret| secret.is(&setup.token));
        if !valid || self.has_account() {
            self.inner.attempts.failed("", false, from.address, now_s());
            self.refuse(from.address, "wrong link to make the first account");
            return Err(AccessError::Forbidden(
                "this link does not hold: it is of an earlier start, or the first account was made".into(),
            ));
        }
        let name = super::manage::user_name(&setup.name)?;
        password::check(&setup.password, &name, self.options().password_chars_min)?;
        let phc = self.inner.passwords.hash(setup.password).await?;
        let access = self.clone();
        super::manage::blocking(move || {
            let actor = Actor::new("setup", from.address.map(|address| address.to_canonical().to_string()));
            access.change(|state| {
                if state.has_account() {
                    return Err(AccessError::Conflict("the first account was made meanwhile".into()));
                }
                let user = User {
                    password: phc.clone(),
                    roles: ["admin".to_owned()].into(),
                    created_s: now_s(),
                    ..User::default()
                };
                state.users.insert(name.clone(), user);
                let detail = json!({ "after": { "roles": ["admin"] } });
                state.note(&act(&actor, "user.create", format!("user:{name}"), "ok", detail));
                Ok(())
            })?;
            access.begin(&name, (&phc, None), None, &from)
        })
        .await
    }

    /// What a caller may do.
    pub fn who_am_i(&self, caller: Option<&Caller>) -> WhoAmI {
        let state = self.state();
        let open = caller.is_some_and(|caller| matches!(caller.proof, Proof::Anyone | Proof::Local));
        let mut who = WhoAmI {
            open,
            no_account: !state.has_account(),
            ..WhoAmI::default()
        };
        let Some(caller) = caller else { return who };
        who.actor = Some(caller.actor.name.clone());
        who.permissions.clone_from(&caller.permissions);
        who.limited = !caller.scope.is_everything();
        match &caller.proof {
            Proof::Session { id, .. } => self.who(&state, id).unwrap_or(who),
            Proof::Key { id } => {
                who.roles = state.keys.get(id).map(|key| key.roles.clone()).unwrap_or_default();
                who
            }
            _ => who,
        }
    }

    fn who(&self, state: &State, session: &str) -> Option<WhoAmI> {
        let name = &state.sessions.get(session)?.user;
        let user = state.users.get(name)?;
        let rights = state.rights(&user.roles);
        Some(WhoAmI {
            actor: Some(format!("user:{name}")),
            user: Some(name.clone()),
            roles: user.roles.clone(),
            permissions: rights.permissions,
            limited: !rights.scope.is_everything(),
            totp: user.totp.is_some(),
            open: false,
            no_account: false,
        })
    }
}

/// The second factor; gives which one it was. A code that was used is over.
fn prove(user: &mut User, code: Option<&str>, now_s: i64) -> Result<&'static str, AccessError> {
    let Some(Totp {
        secret,
        last_step,
        recovery_sha256,
    }) = &mut user.totp
    else {
        return Ok("none");
    };
    let code = code.ok_or(AccessError::CodeNeeded)?;
    if let Some(step) = totp::step_of(secret, code, now_s, *last_step) {
        *last_step = step;
        return Ok("totp");
    }
    match recovery_sha256.remove(&secret::hash(&totp::normal(code))) {
        true => Ok("recovery code"),
        false => Err(AccessError::LoginFailed),
    }
}
