//! Configuration pushed to groups of machines: signed, tried on a few first, taken back by itself.
//!
//! ```text
//! DATA/collector/pki/config.key     Ed25519, PEM: what is pushed is signed with it
//! DATA/collector/rollouts.state     groups, what they run, and what is on trial
//! ```
//! A group is the machines whose tokens gave them certain labels. What is set for a group is tried on a
//! few of its machines; if they run it and are well for a while, all get it and are watched for as long
//! again. If one of the few, or more than a tenth of all, gives it up, falls silent, cannot read files
//! that it could read, loses bytes or lags, the group runs what it ran before. What a machine puts off for
//! a cause that may pass is no verdict on the configuration; it is given time to try again. Every change
//! is durable before a machine hears of it.
//!
//! What is signed has a time that only grows, whatever the clock does: a machine takes nothing older than
//! what it had. The list holds a time that is ahead of all that was signed, and is written anew where that
//! is reached.

mod manage;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData, SigningKey};
use timberline_proto::id::AgentId;
use timberline_proto::tls::files::write_private;
use timberline_proto::tls::pushed::{PushedDocument, signed_bytes};

use crate::fleet::{Agent, Fleet};
use crate::trust::{TrustError, load_state, save_state};
pub use manage::{GroupConfig, PushError};
pub(crate) use state::Failure;
use state::{Health, Labels, State, Verdict};

const STATE_NAME: &str = "rollouts.state";
/// How far the time in the list is ahead of what is signed.
const SIGNED_AHEAD: Duration = Duration::from_secs(60);
/// Characters of a machine's words that are kept.
const WHY_CHARS_MAX: usize = 500;

/// Says what is wrong with a configuration's text.
pub type CheckConfig = fn(&str) -> Result<(), String>;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rollouts {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    key: KeyPair,
    check: Option<CheckConfig>,
    /// Held while a change is made and written.
    changing: Mutex<()>,
    state: RwLock<Arc<State>>,
    /// The time of what was signed last, nanoseconds since the epoch.
    signed_nanos: Mutex<u64>,
    opened: Instant,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rollouts")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// What a machine is to run.
#[derive(Debug)]
pub(crate) struct Pulled {
    pub(crate) version: u64,
    /// The document and its signature, if the machine runs something else.
    pub(crate) signed: Option<(Vec<u8>, Vec<u8>)>,
}

impl Rollouts {
    /// Opens what is kept in `dir` (`DATA/collector`), making the key if there is none. Blocks.
    ///
    /// # Errors
    /// [`TrustError`]
    pub fn open(dir: &Path, check: Option<CheckConfig>) -> Result<Self, TrustError> {
        let key = open_key(&dir.join("pki"))?;
        let state: State = load_state(dir, STATE_NAME)?;
        Ok(Self {
            inner: Arc::new(Inner {
                dir: dir.to_owned(),
                key,
                check,
                changing: Mutex::new(()),
                signed_nanos: Mutex::new(state.signed_before_nanos),
                opened: Instant::now(),
                state: RwLock::new(Arc::new(state)),
            }),
        })
    }

    /// By what machines know that a configuration comes from here: Ed25519.
    pub fn public_key(&self) -> &[u8] {
        self.inner.key.der_bytes()
    }

    /// Hears what a machine runs and gave up, and says what it is to run. Blocks where that is news.
    pub(crate) fn pull(
        &self,
        id: AgentId,
        labels: &Labels,
        running: u64,
        failure: Option<Failure>,
    ) -> Result<Pulled, TrustError> {
        let failure = failure.map(|failure| Failure {
            why: failure.why.chars().take(WHY_CHARS_MAX).collect(),
            ..failure
        });
        let now_s = now_s();
        let state = self.state();
        if let Some(name) = state.group_of(labels)
            && state.groups[name].is_news(id, running, failure.as_ref())
        {
            self.change(|state| {
                if let Some(group) = state.groups.get_mut(name) {
                    group.heard(id, running, failure, now_s);
                }
                Ok::<_, TrustError>(())
            })?;
        }
        let state = self.state();
        let Some((group, document)) = state.document_for(id, labels) else {
            return self.signed(id, running, 0, "", "");
        };
        self.signed(id, running, document.version, group, &document.toml)
    }

    fn signed(
        &self,
        agent: AgentId,
        running: u64,
        version: u64,
        group: &str,
        toml: &str,
    ) -> Result<Pulled, TrustError> {
        if running == version {
            return Ok(Pulled { version, signed: None });
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let document = PushedDocument {
            agent,
            version,
            signed_nanos: self.next_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))?,
            group: group.to_owned(),
            toml: toml.to_owned(),
        };
        let document = serde_json::to_vec(&document).expect("text and numbers are JSON");
        let signature = self
            .inner
            .key
            .sign(&signed_bytes(&document))
            .expect("Ed25519 signs anything");
        Ok(Pulled {
            version,
            signed: Some((document, signature)),
        })
    }

    /// A time for what is signed: now, or just after the last one if the clock was set back.
    fn next_nanos(&self, now_nanos: u64) -> Result<u64, TrustError> {
        let mut last = self.inner.signed_nanos.lock();
        let next = last.saturating_add(1).max(now_nanos);
        if next >= self.state().signed_before_nanos {
            let ahead = u64::try_from(SIGNED_AHEAD.as_nanos()).unwrap_or(u64::MAX);
            self.change(|state| {
                state.signed_before_nanos = next.saturating_add(ahead);
                Ok::<_, TrustError>(())
            })?;
        }
        *last = next;
        Ok(next)
    }

    /// Looks at every trial, and goes on with it or takes it back. Blocks where something changes.
    ///
    /// # Errors
    /// [`TrustError`]; it is tried again with the next look.
    pub(crate) fn judge(
        &self,
        fleet: &Fleet,
        labels: impl FnOnce() -> BTreeMap<AgentId, Labels>,
    ) -> Result<(), TrustError> {
        let none = self.state().groups.values().all(|group| group.trial.is_none());
        // Who has had no time to report since the start is not silent.
        if none || self.inner.opened.elapsed() < fleet.agent_timeout() {
            return Ok(());
        }
        let (labels, health) = (labels(), health_of(fleet));
        let now_s = now_s();
        let state = self.state();
        let look = |id| health.get(&id).copied();
        for (name, group) in &state.groups {
            let Some((trial, verdict)) = group.trial.as_ref().zip(group.judge(now_s, look)) else {
                continue;
            };
            let (version, others) = (trial.document.version, members(name, &state, &labels, &health));
            // An operator may have begun another trial since it was looked at.
            let entered = self.change(|state| {
                let group = state.groups.get_mut(name);
                Ok::<_, TrustError>(group.is_some_and(|group| group.enter(version, &verdict, others, now_s)))
            })?;
            if !entered {
                continue;
            }
            match &verdict {
                Verdict::Spread => tracing::info!(
                    group = name,
                    "a pushed configuration is well on the first machines; all of the group get it"
                ),
                Verdict::Done => tracing::info!(
                    group = name,
                    "a pushed configuration is well on all machines of the group"
                ),
                Verdict::Back(why) => tracing::warn!(group = name, why, "a pushed configuration was rolled back"),
            }
        }
        Ok(())
    }

    fn state(&self) -> Arc<State> {
        self.inner.state.read().clone()
    }

    /// Makes a change durable, then visible. Nothing is changed on an error.
    fn change<T, E: From<TrustError>>(&self, change: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        let _changing = self.inner.changing.lock();
        let mut next = State::clone(&self.state());
        let outcome = change(&mut next)?;
        save_state(&self.inner.dir, STATE_NAME, &next)?;
        *self.inner.state.write() = Arc::new(next);
        Ok(outcome)
    }
}

/// The machines that report and whose configuration is this group's.
fn members(
    name: &String,
    state: &State,
    labels: &BTreeMap<AgentId, Labels>,
    health: &BTreeMap<AgentId, Health>,
) -> BTreeMap<AgentId, Health> {
    let of_group = |id: &&AgentId| {
        labels
            .get(id)
            .is_some_and(|labels| state.group_of(labels) == Some(name))
    };
    health.keys().filter(of_group).map(|id| (*id, health[id])).collect()
}

/// How every machine is that has reported lately.
fn health_of(fleet: &Fleet) -> BTreeMap<AgentId, Health> {
    let agents = fleet.agents();
    let there = agents.iter().filter(|(_, agent)| fleet.is_connected(agent));
    there.map(|(id, agent)| (*id, health(agent))).collect()
}

fn health(agent: &Agent) -> Health {
    let files = &agent.report.files;
    Health {
        errors: files.iter().filter(|file| !file.error.is_empty()).count() as u64,
        unacked_bytes: files.iter().map(|file| file.size.saturating_sub(file.acked)).sum(),
        lost_bytes: files.iter().map(|file| file.lost_bytes).sum(),
    }
}

fn open_key(pki: &Path) -> Result<KeyPair, TrustError> {
    let path = pki.join("config.key");
    let damaged = |error: rcgen::Error| TrustError::Damaged {
        path: path.clone(),
        why: error.to_string(),
    };
    let io = |source| TrustError::Io {
        path: path.clone(),
        source,
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => KeyPair::from_pem(&text).map_err(damaged),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = KeyPair::generate_for(&PKCS_ED25519).map_err(damaged)?;
            write_private(pki, "config.key", key.serialize_pem().as_bytes()).map_err(io)?;
            Ok(key)
        }
        Err(error) => Err(io(error)),
    }
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
