//! Who may use the HTTP port, and for what.
//!
//! Accounts, own roles, keys and sessions are kept in one small file, replaced whole, so that an act and
//! its entry are durable together; a damaged one stops the start, for it holds who is shut out. A request
//! becomes a [`Caller`] by what it shows ([`identify`]), and [`ROUTES`] says what a route asks of it:
//! what is not in that table is refused.
//!
//! | module | what it does |
//! |---|---|
//! | `options` | limits, each with its name |
//! | `state` | what is kept, and the rules: no clock, no disk, no randomness |
//! | `attempts` | who guesses is soon not listened to |
//! | `password`, `totp`, `secret` | what people and programs prove themselves by |
//! | [`caller`] | who asks, and what for |
//! | [`identify`] | from a request's headers to a caller |
//! | `login` | a password, and a code, for a session |
//! | `manage` | users, roles, keys, sessions |
//! | [`sink`] | where acts go besides the file |
//! | [`routes`] | the one table of routes |

mod attempts;
pub mod caller;
pub mod identify;
mod login;
mod manage;
mod options;
mod owner;
mod password;
pub mod routes;
mod secret;
pub mod sink;
mod state;
#[cfg(test)]
mod tests;
mod totp;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use timberline_proto::api::access::Actor;
use tokio_util::sync::CancellationToken;

use crate::trust::file;
use crate::trust::refusals::Refusals;
use attempts::Attempts;
pub use caller::{Caller, Proof};
pub use identify::Asked;
pub use login::{From as LoginFrom, LoggedIn};
pub use options::{AccessOptions, Openness};
use password::Passwords;
pub use routes::{GRPC_METHODS, Limits, Need, ROUTES, Route, need_of};
use secret::Secret;
pub use sink::{Act, AuditSink};
use state::State;

use crate::trust::TrustError;

const STATE_NAME: &str = "access.state";

/// Why an act is refused.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Name, password or code is wrong, the account is shut out or locked for a while: which, is not said.
    #[error("name, password or code is wrong, or there were too many tries: wait a while, or ask an administrator")]
    LoginFailed,
    /// The password is right, and a code is needed besides.
    #[error("this account asks for a code of its authenticator besides the password")]
    CodeNeeded,
    /// Too many tries came from this address.
    #[error("too many failed tries from this address: wait a while")]
    TooMany,
    /// More passwords are checked than may be at once.
    #[error("too many passwords are being checked: try again")]
    Busy,
    /// What is asked for cannot be.
    #[error("{0}")]
    Bad(String),
    /// There is none of that name.
    #[error("{0}")]
    NotFound(String),
    /// It stands against what is there.
    #[error("{0}")]
    Conflict(String),
    /// Who asks may not.
    #[error("{0}")]
    Forbidden(String),
    /// It could not be written.
    #[error("{0}")]
    Failed(String),
}

impl From<TrustError> for AccessError {
    fn from(error: TrustError) -> Self {
        tracing::error!(%error, "the list of accounts could not be written");
        Self::Failed(error.to_string())
    }
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Access {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: AccessOptions,
    /// Where the file is; it is only in memory if none.
    dir: Option<PathBuf>,
    /// Held while a change is made and written.
    changing: Mutex<()>,
    state: RwLock<Arc<State>>,
    attempts: Attempts,
    passwords: Passwords,
    /// As in the state, and what came since.
    refused: Mutex<Refusals>,
    /// When sessions and keys were used since the last write, seconds.
    used: Mutex<HashMap<String, i64>>,
    /// By session and key: cancelled when it ends.
    live: Mutex<HashMap<String, CancellationToken>>,
    /// What makes the first account, while there is none.
    setup: Option<Secret>,
    sink: Option<Arc<dyn AuditSink>>,
    /// Acts below this sequence are in the sink.
    taken: AtomicU64,
}

impl Access {
    /// Opens the list in `dir`, which is made if it is not there. Blocks.
    ///
    /// # Errors
    /// [`TrustError`]
    pub fn open(dir: PathBuf, options: AccessOptions, sink: Option<Arc<dyn AuditSink>>) -> Result<Self, TrustError> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(|source| TrustError::Io {
                path: dir.clone(),
                source,
            })?;
        let state: State = file::load(&dir, STATE_NAME)?;
        let access = Self::with(Some(dir), state, options, sink);
        access.forward();
        Ok(access)
    }

    /// One that asks nobody who they are and keeps nothing.
    pub fn anyone() -> Self {
        let options = AccessOptions {
            openness: Openness::Anyone,
            ..AccessOptions::default()
        };
        Self::with(None, State::default(), options, None)
    }

    fn with(dir: Option<PathBuf>, state: State, options: AccessOptions, sink: Option<Arc<dyn AuditSink>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                dir,
                changing: Mutex::new(()),
                refused: Mutex::new(state.refused.clone()),
                setup: (!state.has_account()).then(Secret::new),
                state: RwLock::new(Arc::new(state)),
                attempts: Attempts::new(&options),
                passwords: Passwords::new(options.hashing_concurrent_max),
                used: Mutex::default(),
                live: Mutex::default(),
                sink,
                taken: AtomicU64::new(0),
                options,
            }),
        }
    }

    /// Its limits.
    pub fn options(&self) -> &AccessOptions {
        &self.inner.options
    }

    /// Whether there is an account or a key: from then on everybody is asked who they are.
    pub fn has_account(&self) -> bool {
        self.state().has_account()
    }

    /// The one-time secret by which whoever started the server makes the first account; none if there is
    /// one already.
    pub fn setup_token(&self) -> Option<String> {
        let setup = self.inner.setup.as_ref()?;
        (!self.has_account()).then(|| setup.text())
    }

    /// Counts a refusal; it is put on record with the next change, or at the next look.
    pub(crate) fn refuse(&self, from: Option<IpAddr>, why: &str) {
        self.inner.refused.lock().count(from, why, now_s());
    }

    /// Puts on record what came since the last look, lets go of what is over, and hands acts on. Blocks.
    ///
    /// # Errors
    /// [`AccessError::Failed`]
    pub fn refresh(&self) -> Result<(), AccessError> {
        let refused = self.inner.refused.lock().clone();
        let before = self.state();
        let news = refused != before.refused;
        let over = self.state().sessions.values().any(|session| self.is_over(session));
        if news || over || !self.inner.used.lock().is_empty() {
            self.change(|state| {
                if news {
                    let detail = refused.since(&before.refused);
                    state.note(&act(
                        &Actor::new("access", None),
                        "access.refuse",
                        "requests",
                        "refused",
                        detail,
                    ));
                }
                Ok(())
            })?;
        }
        self.forward();
        Ok(())
    }

    /// Looks after itself until told to stop.
    pub async fn run_upkeep(self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(self.inner.options.upkeep_interval);
        tick.tick().await;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = shutdown.cancelled() => break,
            }
            self.look().await;
        }
        self.look().await;
    }

    async fn look(&self) {
        let access = self.clone();
        match tokio::task::spawn_blocking(move || access.refresh()).await {
            Ok(Err(error)) => tracing::warn!(%error, "what happened to accounts is not on record yet; tried again"),
            Err(error) => tracing::error!(%error, "the upkeep of accounts failed"),
            Ok(Ok(())) => {}
        }
    }

    fn state(&self) -> Arc<State> {
        self.inner.state.read().clone()
    }

    fn is_over(&self, session: &state::Session) -> bool {
        let used_s = self.inner.used.lock().get(&session.id).copied();
        session.is_over(used_s, &self.inner.options, now_s())
    }

    /// Makes a change durable, then visible, then hands its acts on. Nothing is changed on an error.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> Result<T, AccessError>) -> Result<T, AccessError> {
        let outcome = {
            let _changing = self.inner.changing.lock();
            let before = self.state();
            let mut next = State::clone(&before);
            let taken = self.inner.taken.load(Ordering::Acquire);
            if self.inner.sink.is_some() && next.acts_from(taken) >= state::ACTS_MAX {
                self.forward();
                return Err(AccessError::Failed(
                    "the record of acts cannot be written, so nothing may be done: see that the store's disk takes writes".into(),
                ));
            }
            let used = self.inner.used.lock().clone();
            next.take_used(&used);
            next.refused.clone_from(&self.inner.refused.lock());
            let outcome = change(&mut next)?;
            next.expire(&self.inner.options, now_s());
            if let Some(dir) = &self.inner.dir {
                file::save(dir, STATE_NAME, &next)?;
            }
            self.inner
                .used
                .lock()
                .retain(|id, at| used.get(id).is_none_or(|written| written != at));
            let next = Arc::new(next);
            *self.inner.state.write() = next.clone();
            self.end_what_changed(&before, &next);
            outcome
        };
        self.forward();
        Ok(outcome)
    }

    /// Ends what runs in the name of sessions and keys that are gone, or that may do something else now.
    fn end_what_changed(&self, before: &State, now: &State) {
        self.inner.live.lock().retain(|id, token| {
            let same = before.rights_of_credential(id) == now.rights_of_credential(id) && now.has_credential(id);
            if !same {
                token.cancel();
            }
            same
        });
    }

    /// What is cancelled when a session or key ends.
    fn live(&self, id: &str) -> CancellationToken {
        self.inner.live.lock().entry(id.to_owned()).or_default().clone()
    }

    /// Hands acts to the sink that it has not got. What fails is tried at the next change or look.
    fn forward(&self) {
        let Some(sink) = &self.inner.sink else { return };
        let state = self.state();
        let taken = self.inner.taken.load(Ordering::Acquire);
        let acts: Vec<Act> = state.acts.iter().filter(|act| act.sequence >= taken).cloned().collect();
        if acts.is_empty() {
            return;
        }
        match sink.take(&acts) {
            Ok(next) => {
                self.inner.taken.fetch_max(next, Ordering::AcqRel);
            }
            Err(error) => {
                tracing::warn!(%error, "acts about accounts are not in the record of the store yet; tried again");
            }
        }
    }
}

fn act(actor: &Actor, action: &str, object: impl Into<String>, outcome: &str, detail: Value) -> Act {
    Act {
        sequence: 0,
        at_s: now_s(),
        actor: actor.name.clone(),
        origin: actor.origin.clone(),
        action: action.to_owned(),
        object: object.into(),
        outcome: outcome.to_owned(),
        detail,
    }
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
