//! Who may connect: the collector's own authority, tokens, certificates, and who is refused.
//!
//! ```text
//! DATA/collector/pki/ca.key, ca.crt    the authority
//! DATA/collector/fleet.state           tokens, machines, refusals, and the last acts with them
//! ```
//! A certificate is good until it ends, unless its machine was revoked or it was taken back itself.
//! What is refused stands in `fleet.state`; without an entry a sound certificate is let in. Every act
//! is durable, with its entry in the audit, before it has an effect that others see.
//!
//! | module | what it does |
//! |---|---|
//! | [`options`] | what is set, asked for and given |
//! | [`issue`] | certificates for machines |
//! | [`authority`] | signs |
//! | [`request`] | requests for certificates |
//! | [`server`] | the listener's own certificate and its TLS |
//! | [`state`] | the rules, without clock and disk |
//! | [`file`] | `fleet.state` |
//! | [`manage`] | what an operator asks for |
//! | [`attempts`] | who guesses tokens, and is not listened to for a while |
//! | [`refusal`] | why a machine is refused |
//! | [`refusals`] | who was refused, counted |
//! | [`live`] | open connections |

mod attempts;
pub(crate) mod authority;
pub(crate) mod file;
mod issue;
mod live;
mod manage;
mod options;
mod refusal;
pub(crate) mod refusals;
mod request;
pub(crate) mod server;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use timberline_proto::id::AgentId;
use timberline_proto::tls::{CertificateFacts, Peer, Role};

use attempts::Attempts;
use authority::Authority;
pub(crate) use file::{load as load_state, save as save_state};
use live::Live;
pub(crate) use live::LiveConnection;
pub use manage::ManageError;
pub(crate) use manage::check_labels;
pub use options::{Application, IssueError, IssuedCertificate, TlsMode, TrustError, TrustOptions};
pub use refusal::Refusal;
use refusals::Refusals;
pub use server::ServerCertificate;
use server::Shown;
use state::State;
pub use state::{TTL_MAX_S, USES_MAX};

const STATE_NAME: &str = "fleet.state";

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trust {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: TrustOptions,
    authority: Authority,
    shown: Arc<Shown>,
    tls: Arc<ServerConfig>,
    /// Held while a change is made and written.
    changing: Mutex<()>,
    state: RwLock<Arc<State>>,
    attempts: Attempts,
    /// As in the state, and what came since.
    refused: Mutex<Refusals>,
    live: Live,
}

impl Trust {
    /// Opens the authority and the list of machines, making them if there are none. When this
    /// returns, they are durable. Blocks.
    ///
    /// # Errors
    /// [`TrustError`]
    pub fn open(options: TrustOptions) -> Result<Self, TrustError> {
        use std::os::unix::fs::DirBuilderExt;
        let pki = options.dir.join("pki");
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&pki)
            .map_err(|source| TrustError::Io {
                path: pki.clone(),
                source,
            })?;
        let authority = Authority::open(&pki, &options.host)?;
        let shown = Arc::new(Shown::open(options.certificate.clone(), &authority)?);
        let tls = server::config(shown.clone(), &authority, options.grace)?;
        let state: State = file::load(&options.dir, STATE_NAME)?;
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                authority,
                shown,
                tls,
                changing: Mutex::new(()),
                refused: Mutex::new(state.refused.clone()),
                state: RwLock::new(Arc::new(state)),
                attempts: Attempts::default(),
                live: Live::default(),
            }),
        })
    }

    /// What is asked of agents and stores.
    pub fn mode(&self) -> TlsMode {
        self.inner.options.mode
    }

    pub(crate) fn tls(&self) -> Arc<ServerConfig> {
        self.inner.tls.clone()
    }

    pub(crate) fn connected(&self, peer: Peer) -> LiveConnection {
        self.inner.live.add(peer)
    }

    /// Why a certificate that is otherwise sound is not accepted, if so.
    pub fn refusal(&self, facts: &CertificateFacts) -> Option<Refusal> {
        let peer = facts.peer?;
        self.state().refusal(peer, &facts.serial)
    }

    /// Whether an agent of this id ever enrolled.
    pub(crate) fn is_machine(&self, id: AgentId) -> bool {
        let peer = Peer { role: Role::Agent, id };
        self.state().machines.contains_key(&peer.urn())
    }

    /// Renews the listener's own certificate if it is time, and puts on record who was refused since the
    /// last look. Blocks.
    ///
    /// # Errors
    /// [`TrustError`]; the certificate before is then still shown.
    pub fn refresh(&self) -> Result<(), TrustError> {
        let news = *self.inner.refused.lock() != self.state().refused;
        if news {
            self.change(|_| Ok::<_, TrustError>(()))?;
        }
        if self.inner.shown.refresh(&self.inner.authority, now_s())? {
            tracing::info!("the listener for agents shows a new certificate");
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
        let grace_s = i64::try_from(self.inner.options.grace.as_secs()).unwrap_or(i64::MAX);
        next.expire(now_s(), grace_s);
        next.refused.clone_from(&self.inner.refused.lock());
        let outcome = change(&mut next)?;
        file::save(&self.inner.options.dir, STATE_NAME, &next)?;
        *self.inner.state.write() = Arc::new(next);
        Ok(outcome)
    }
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
