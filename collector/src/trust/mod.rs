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
//! | [`authority`] | signs |
//! | [`request`] | requests for certificates |
//! | [`server`] | the listener's own certificate and its TLS |
//! | [`state`] | the rules, without clock and disk |
//! | [`file`] | `fleet.state` |
//! | [`manage`] | what an operator asks for |
//! | [`attempts`] | who guesses tokens, and is not listened to for a while |
//! | [`refusals`] | who was refused, counted |
//! | [`live`] | open connections |

mod attempts;
mod authority;
mod file;
mod live;
mod manage;
mod refusals;
mod request;
mod server;
mod state;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use timberline_proto::id::AgentId;
use timberline_proto::tls::files::{Installation, new_key};
use timberline_proto::tls::identity::hex;
use timberline_proto::tls::{CertificateFacts, MachineFiles, Peer, Role};

use attempts::Attempts;
use authority::Authority;
pub(crate) use file::{load as load_state, save as save_state};
use live::Live;
pub(crate) use live::LiveConnection;
pub use manage::ManageError;
pub(crate) use manage::check_labels;
use refusals::Refusals;
use request::{RequestedKey, requested_key};
pub use server::ServerCertificate;
use server::Shown;
use state::{Act, Applicant, Issued, Machine, State, secret_hash};
pub use state::{Refusal, TTL_MAX_S, USES_MAX};

const STATE_NAME: &str = "fleet.state";

/// What the listener for agents asks of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// TLS; a certificate is not needed, but whoever shows one is held to it.
    Server,
    /// TLS and a certificate, for all but enrolling.
    Mutual,
}

/// How a collector knows its machines. The binary fills this from its configuration.
#[derive(Clone, Debug)]
pub struct TrustOptions {
    /// `DATA/collector`.
    pub dir: PathBuf,
    /// What is asked of agents and stores.
    pub mode: TlsMode,
    /// What the listener shows.
    pub certificate: ServerCertificate,
    /// The life of a machine's certificate.
    pub machine_life: Duration,
    /// How long after its end a certificate may still be renewed.
    pub grace: Duration,
    /// Machines enrolled at most.
    pub machines_max: usize,
    /// This machine's name, for the authority's.
    pub host: String,
}

/// Why the collector cannot know its machines.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} cannot be used: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The listener's certificate cannot be made or used.
    #[error("the certificate of {what} cannot be used: {why}")]
    Certificate {
        /// A key of the configuration, or a file.
        what: String,
        /// What is wrong.
        why: String,
    },
}

/// Why somebody gets no certificate.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The answer to them.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nothing that they could change.
    #[error(transparent)]
    Failed(#[from] TrustError),
}

/// A certificate for a machine.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// It, as text.
    pub certificate_pem: String,
    /// By what the collector is known.
    pub authorities_pem: String,
    /// What is known of the machine.
    pub labels: std::collections::BTreeMap<String, String>,
}

/// What a machine says when it enrolls. `Debug` does not show the secret.
#[derive(Clone)]
pub struct Application {
    /// Which token.
    pub token_id: Vec<u8>,
    /// Its secret.
    pub token_secret: Vec<u8>,
    /// What the machine goes by.
    pub id: AgentId,
    /// PKCS #10, DER.
    pub certificate_request: Vec<u8>,
    /// Its name.
    pub host: String,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application")
            .field("token_id", &hex(&self.token_id))
            .field("id", &self.id)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

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

    /// Exchanges a token for a certificate. When this returns, what it took is durable. `shown` is the
    /// connection's own certificate, if there is one. Blocks.
    ///
    /// # Errors
    /// [`IssueError`]
    pub fn enroll(
        &self,
        from: Option<IpAddr>,
        shown: Option<&CertificateFacts>,
        application: &Application,
    ) -> Result<IssuedCertificate, IssueError> {
        let now_s = now_s();
        let outcome = match from {
            Some(from) if !self.inner.attempts.may_try(from, now_s) => Err(Refusal::TooManyAttempts.into()),
            _ => self.admit(from, shown, application, now_s),
        };
        if let Err(IssueError::Refused(refusal)) = &outcome {
            self.refused(from, &application.host, refusal, now_s);
        }
        outcome
    }

    /// Counts a refusal, in memory until the next change or look: whoever is refused without end must
    /// not make the collector write without end.
    fn refused(&self, from: Option<IpAddr>, host: &str, refusal: &Refusal, now_s: i64) {
        if *refusal != Refusal::TooManyAttempts {
            tracing::warn!(?from, host, %refusal, "a machine was not enrolled");
        }
        if let (Refusal::UnknownToken, Some(from)) = (refusal, from) {
            self.inner.attempts.failed(from, now_s);
        }
        self.inner.refused.lock().count(from, refusal.kind(), now_s);
    }

    fn admit(
        &self,
        from: Option<IpAddr>,
        shown: Option<&CertificateFacts>,
        application: &Application,
        now_s: i64,
    ) -> Result<IssuedCertificate, IssueError> {
        let token_id = hex(&application.token_id);
        // The secret is asked first: nobody without one makes the collector parse a request.
        let applicant = Applicant {
            token_id: token_id.clone(),
            secret_sha256: secret_hash(&application.token_secret),
            id: application.id,
            key_sha256: String::new(),
            proven: false,
        };
        self.state().check_secret(&applicant)?;
        let key = requested_key(&application.certificate_request)?;
        self.change(|state| {
            let holds = |shown: &&CertificateFacts| shown.not_after_s > now_s;
            let proof = shown.filter(holds).filter(|shown| {
                let peer = shown.peer.filter(|peer| peer.id == application.id);
                peer.is_some_and(|peer| state.refusal(peer, &shown.serial).is_none())
            });
            let applicant = Applicant {
                key_sha256: key.sha256.clone(),
                proven: proof.is_some(),
                ..applicant
            };
            let (peer, labels) = state.admit(&applicant, now_s)?;
            let act = Act {
                at_s: now_s,
                actor: peer.to_string(),
                origin: from.map(|from| from.to_string()),
                action: "machine.enroll".into(),
                object: format!("token {token_id}"),
                outcome: "ok".into(),
            };
            let machine = Machine {
                role: peer.role,
                id: peer.id,
                host: application.host.chars().take(255).collect(),
                labels,
                enrolled_s: now_s,
                certificates: Vec::new(),
                revoked_s: None,
                allowed: false,
            };
            self.issue(state, machine, &key, act, now_s)
        })
    }

    /// A newer certificate for the machine of `shown`. When this returns, it is on record. Blocks.
    ///
    /// # Errors
    /// [`IssueError`]
    pub fn renew(
        &self,
        from: Option<IpAddr>,
        shown: &CertificateFacts,
        certificate_request: &[u8],
    ) -> Result<IssuedCertificate, IssueError> {
        let now_s = now_s();
        let Some(peer) = shown.peer else {
            return Err(Refusal::BadRequest("the connection's certificate names no machine".into()).into());
        };
        let key = requested_key(certificate_request)?;
        self.change(|state| {
            if let Some(refusal) = state.refusal(peer, &shown.serial) {
                return Err(refusal.into());
            }
            let act = Act {
                at_s: now_s,
                actor: peer.to_string(),
                origin: from.map(|from| from.to_string()),
                action: "machine.renew".into(),
                object: peer.to_string(),
                outcome: "ok".into(),
            };
            // Known unless the list was lost since.
            let machine = Machine {
                role: peer.role,
                id: peer.id,
                host: String::new(),
                labels: std::collections::BTreeMap::new(),
                enrolled_s: now_s,
                certificates: Vec::new(),
                revoked_s: None,
                allowed: false,
            };
            self.issue(state, machine, &key, act, now_s)
        })
    }

    /// Makes this process's own machine known, unless it is. When this returns, that is durable.
    /// Blocks.
    ///
    /// # Errors
    /// [`IssueError`], or what the filesystem says. [`Refusal::Revoked`] if it was revoked: that the
    /// collector runs in the same process is no reason to let it in again.
    pub fn enroll_own(&self, files: &MachineFiles, id: AgentId, url: &str) -> Result<(), IssueError> {
        let peer = Peer { role: Role::Agent, id };
        let failed = |source| TrustError::Io {
            path: files.dir().to_owned(),
            source,
        };
        let (root_pem, _) = self.inner.shown.root();
        let held = files.identity().is_ok_and(|held| {
            held.facts.peer == Some(peer)
                && held.facts.renew_at_s() > now_s()
                && self.refusal(&held.facts).is_none()
                && self.state().machines.contains_key(&peer.urn())
        });
        let same = files.authorities().is_ok_and(|held| {
            timberline_proto::tls::files::certificates(root_pem.as_bytes()).is_ok_and(|root| root == held)
        });
        if held && same {
            return Ok(());
        }
        if let Some(revoked @ Refusal::Revoked(_)) = self.state().refusal(peer, "") {
            return Err(revoked.into());
        }
        let _lock = files.lock().map_err(failed)?;
        let key = new_key().map_err(failed)?;
        let request = rcgen::CertificateParams::default()
            .serialize_request(&key)
            .map_err(|error| Refusal::BadRequest(error.to_string()))?;
        let requested = requested_key(request.der())?;
        let now_s = now_s();
        let issued = self.change(|state| {
            if let Some(revoked @ Refusal::Revoked(_)) = state.refusal(peer, "") {
                return Err(revoked.into());
            }
            let machine = Machine {
                role: peer.role,
                id,
                host: self.inner.options.host.clone(),
                labels: std::collections::BTreeMap::new(),
                enrolled_s: now_s,
                certificates: Vec::new(),
                revoked_s: None,
                allowed: false,
            };
            let act = Act {
                at_s: now_s,
                actor: "collector".into(),
                origin: None,
                action: "machine.enroll".into(),
                object: peer.to_string(),
                outcome: "ok".into(),
            };
            self.issue(state, machine, &requested, act, now_s)
        })?;
        let new = Installation {
            certificate_pem: &issued.certificate_pem,
            authorities_pem: &issued.authorities_pem,
            collector: url,
            labels: &issued.labels,
            configuration_key: &[],
        };
        files.install(&key, &new).map_err(failed)?;
        Ok(())
    }

    fn issue(
        &self,
        state: &mut State,
        machine: Machine,
        key: &RequestedKey,
        act: Act,
        now_s: i64,
    ) -> Result<IssuedCertificate, IssueError> {
        let options = &self.inner.options;
        let peer = machine.peer();
        let labels = machine.labels.clone();
        let signed = self
            .inner
            .authority
            .certify(peer, key, options.machine_life)
            .map_err(Refusal::BadRequest)?;
        let issued = Issued {
            serial: signed.serial,
            key_sha256: key.sha256.clone(),
            expires_s: signed.expires_s,
            refused: false,
        };
        let labels = state.issued(machine, issued, options.machines_max, now_s, labels)?;
        state.note(act);
        Ok(IssuedCertificate {
            certificate_pem: signed.pem,
            authorities_pem: self.inner.shown.root().0,
            labels,
        })
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
