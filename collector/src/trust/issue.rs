//! Certificates for machines: those that enroll, those that renew, and this process's own.

use std::net::IpAddr;

use timberline_proto::id::AgentId;
use timberline_proto::tls::files::{Installation, new_key};
use timberline_proto::tls::identity::hex;
use timberline_proto::tls::{CertificateFacts, MachineFiles, Peer, Role};

use super::options::{Application, IssueError, IssuedCertificate, TrustError};
use super::refusal::Refusal;
use super::request::{RequestedKey, requested_key};
use super::state::{Act, Applicant, Issued, Machine, State, secret_hash};
use super::{Trust, now_s};

impl Trust {
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
}
