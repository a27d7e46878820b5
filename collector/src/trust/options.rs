//! How a collector knows its machines, what they ask for and get, and why not.

use std::path::PathBuf;
use std::time::Duration;

use timberline_proto::id::AgentId;
use timberline_proto::tls::identity::hex;

use super::refusal::Refusal;
use super::server::ServerCertificate;

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
