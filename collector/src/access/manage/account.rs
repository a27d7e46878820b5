//! What everybody changes of their own account: password, authenticator, sessions.

use std::collections::BTreeSet;

use serde_json::json;
use timberline_proto::api::access::{
    OwnPassword, Permission, Possession, RecoveryCodes, SessionInfo, SessionList, TotpCode, TotpSecret,
};

use super::{blocking, time_text};
use crate::access::caller::{Caller, Proof};
use crate::access::state::{State, Totp, User};
use crate::access::{Access, AccessError, act, now_s, password, secret, totp};

impl Access {
    /// Changes one's own password; all other sessions of the account end. When this returns, it is durable.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn change_own_password(&self, asked: OwnPassword, caller: Caller) -> Result<(), AccessError> {
        let name = own(&caller)?.to_owned();
        password::check(&asked.new, &name, self.options().password_chars_min)?;
        self.prove_possession(&name, asked.old, &caller).await?;
        let phc = self.inner.passwords.hash(asked.new).await?;
        self.change_own(caller, move |state, name, caller| {
            user_of(state, name)?.password = phc;
            state.end_sessions_of(name, session_of(caller));
            state.note(&act(
                &caller.actor,
                "user.password",
                format!("user:{name}"),
                "ok",
                json!({}),
            ));
            Ok(())
        })
        .await
    }

    /// Shows a secret for an authenticator. It counts once a code of it was given.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn offer_totp(
        &self,
        asked: Possession,
        caller: Caller,
        server: String,
    ) -> Result<TotpSecret, AccessError> {
        let name = own(&caller)?.to_owned();
        self.prove_possession(&name, asked.password, &caller).await?;
        self.change_own(caller, move |state, name, _| {
            let secret = totp::new_secret();
            user_of(state, name)?.totp_offered = Some(secret.clone());
            Ok(TotpSecret {
                uri: totp::uri(&secret, name, &server),
                secret,
            })
        })
        .await
    }

    /// From now on the account asks for codes. When this returns, that is durable.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn confirm_totp(&self, asked: TotpCode, caller: Caller) -> Result<RecoveryCodes, AccessError> {
        self.change_own(caller, move |state, name, caller| {
            let user = user_of(state, name)?;
            let offered = user.totp_offered.clone();
            let offered = offered.ok_or_else(|| AccessError::Conflict("no secret was asked for: begin anew".into()))?;
            let step = totp::step_of(&offered, &asked.code, now_s(), 0);
            let step = step.ok_or_else(|| {
                AccessError::Bad("this code does not fit: see that the clocks of both machines are right".into())
            })?;
            let codes = totp::new_recovery_codes();
            let hashes: BTreeSet<String> = codes.iter().map(|code| secret::hash(&totp::normal(code))).collect();
            user.totp = Some(Totp {
                secret: offered,
                last_step: step,
                recovery_sha256: hashes,
            });
            user.totp_offered = None;
            state.end_sessions_of(name, session_of(caller));
            state.note(&act(
                &caller.actor,
                "user.totp",
                format!("user:{name}"),
                "ok",
                json!({ "after": true }),
            ));
            Ok(RecoveryCodes { codes })
        })
        .await
    }

    /// The account asks for codes no more. When this returns, that is durable.
    ///
    /// # Errors
    /// [`AccessError`]
    pub async fn remove_totp(&self, asked: Possession, caller: Caller) -> Result<(), AccessError> {
        let name = own(&caller)?.to_owned();
        self.prove_possession(&name, asked.password, &caller).await?;
        self.change_own(caller, move |state, name, caller| {
            let user = user_of(state, name)?;
            (user.totp, user.totp_offered) = (None, None);
            state.note(&act(
                &caller.actor,
                "user.totp",
                format!("user:{name}"),
                "ok",
                json!({ "after": false }),
            ));
            Ok(())
        })
        .await
    }

    /// One's own sessions; with `access.manage`, all.
    pub fn sessions(&self, caller: &Caller) -> SessionList {
        let state = self.state();
        let all = caller.may(Permission::ManageAccess);
        let shown = state
            .sessions
            .values()
            .filter(|session| (all || caller.user() == Some(&session.user)) && !self.is_over(session));
        let mut shown: Vec<_> = shown.collect();
        shown.sort_by_key(|session| std::cmp::Reverse(session.began_s));
        let used = self.inner.used.lock();
        let info = |session: &crate::access::state::Session| SessionInfo {
            id: session.id.clone(),
            user: session.user.clone(),
            origin: session.origin.clone(),
            agent: session.agent.clone(),
            began: time_text(session.began_s),
            last_used: time_text(session.last_used_s.max(used.get(&session.id).copied().unwrap_or(0))),
            expires: time_text(session.ends_s(self.options())),
            own: session_of(caller) == Some(&session.id),
        };
        SessionList {
            sessions: shown.into_iter().map(info).collect(),
        }
    }

    /// Ends a session: one's own, or, with `access.manage`, any. When this returns, that is durable, and what
    /// it had asked for ends. Blocks.
    ///
    /// # Errors
    /// [`AccessError`]
    pub fn end_session(&self, id: &str, caller: &Caller) -> Result<(), AccessError> {
        self.change(|state| {
            let all = caller.may(Permission::ManageAccess);
            let session = state.sessions.get(id);
            let session = session.filter(|session| all || caller.user() == Some(&session.user));
            let user = session.map(|session| session.user.clone());
            let user = user.ok_or_else(|| AccessError::NotFound(format!("there is no session {id:?}")))?;
            state.sessions.remove(id);
            let detail = json!({ "session": id });
            state.note(&act(&caller.actor, "session.end", format!("user:{user}"), "ok", detail));
            Ok(())
        })
    }

    /// Whoever left a session open is not to lose their account with it.
    async fn prove_possession(&self, name: &str, password: String, caller: &Caller) -> Result<(), AccessError> {
        let address = caller.actor.origin.as_deref().and_then(|origin| origin.parse().ok());
        let attempts = &self.inner.attempts;
        if !attempts.may_try_from(address, now_s()) || !attempts.may_try_account(name, now_s()) {
            return Err(AccessError::TooMany);
        }
        let phc = self.state().users.get(name).map(|user| user.password.clone());
        if password.len() <= password::PASSWORD_BYTES_MAX && self.inner.passwords.is(password, phc).await? {
            return Ok(());
        }
        attempts.failed(name, true, address, now_s());
        self.refuse(address, "wrong password for a change of one's own account");
        Err(AccessError::Bad("the password until now is another one".into()))
    }

    async fn change_own<T: Send + 'static>(
        &self,
        caller: Caller,
        change: impl FnOnce(&mut State, &str, &Caller) -> Result<T, AccessError> + Send + 'static,
    ) -> Result<T, AccessError> {
        let access = self.clone();
        let name = own(&caller)?.to_owned();
        blocking(move || access.change(|state| change(state, &name, &caller))).await
    }
}

fn own(caller: &Caller) -> Result<&str, AccessError> {
    let user = match &caller.proof {
        Proof::Session { user, .. } => Some(user.as_str()),
        _ => None,
    };
    user.ok_or_else(|| AccessError::Forbidden("only an account that is logged in has a password and sessions".into()))
}

fn session_of(caller: &Caller) -> Option<&str> {
    match &caller.proof {
        Proof::Session { id, .. } => Some(id),
        _ => None,
    }
}

fn user_of<'a>(state: &'a mut State, name: &str) -> Result<&'a mut User, AccessError> {
    let user = state.users.get_mut(name);
    user.ok_or_else(|| AccessError::NotFound(format!("there is no user {name:?}")))
}
