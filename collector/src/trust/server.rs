//! What the listener for agents shows and demands in its TLS handshakes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use timberline_proto::tls::files::certificates;
use timberline_proto::tls::{ALPN, CertificateFacts, provider};

use super::TrustError;
use super::authority::Authority;

/// The life of a certificate that the authority gives to its own listener.
const LIFE: Duration = Duration::from_secs(90 * 86_400);

/// Where the listener's certificate comes from.
#[derive(Clone, Debug)]
pub enum ServerCertificate {
    /// From the collector's own authority, for these names and addresses.
    Own {
        /// DNS names and addresses.
        names: Vec<String>,
    },
    /// From PEM files. The last certificate of the chain is what enrolled machines know the collector
    /// by: an authority's.
    Files {
        /// The chain, the listener's own certificate first.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
}

/// The certificate that is shown now.
#[derive(Debug)]
pub(crate) struct Shown {
    source: ServerCertificate,
    now: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    facts: CertificateFacts,
    /// By what the collector is known: PEM, and SHA-256 of the DER.
    root_pem: String,
    root_sha256: [u8; 32],
    /// When the files were changed last.
    modified: Option<SystemTime>,
}

impl Shown {
    pub(crate) fn open(source: ServerCertificate, authority: &Authority) -> Result<Self, TrustError> {
        let current = make(&source, authority)?;
        Ok(Self {
            source,
            now: RwLock::new(current),
        })
    }

    /// Takes a newer certificate if it is time, or if the files are new. Blocks.
    pub(crate) fn refresh(&self, authority: &Authority, now_s: i64) -> Result<bool, TrustError> {
        let due = match &self.source {
            ServerCertificate::Own { .. } => self.now.read().facts.renew_at_s() <= now_s,
            ServerCertificate::Files { certificate, key } => modified(certificate, key) != self.now.read().modified,
        };
        if due {
            *self.now.write() = make(&self.source, authority)?;
        }
        Ok(due)
    }

    /// By what enrolled machines know the collector.
    pub(super) fn root(&self) -> (String, [u8; 32]) {
        let now = self.now.read();
        (now.root_pem.clone(), now.root_sha256)
    }

    /// The names and addresses that it is for.
    pub(super) fn names(&self) -> Vec<String> {
        self.now.read().facts.names.clone()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now.read().key.clone())
    }
}

fn make(source: &ServerCertificate, authority: &Authority) -> Result<Current, TrustError> {
    let (chain, key, root_pem, modified, place) = match source {
        ServerCertificate::Own { names } => {
            let failed = |why| TrustError::Certificate {
                what: "the names of the own certificate".into(),
                why,
            };
            let (leaf, key) = authority.certify_server(names, LIFE).map_err(failed)?;
            let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|why| failed(why.to_owned()))?;
            let chain = vec![leaf, authority.der().clone()];
            (
                chain,
                key,
                authority.pem().to_owned(),
                None,
                "the names of the own certificate".to_owned(),
            )
        }
        ServerCertificate::Files { certificate, key } => {
            let modified = modified(certificate, key);
            let text = read(certificate)?;
            let chain = certificates(text.as_bytes()).map_err(|why| TrustError::Damaged {
                path: certificate.clone(),
                why,
            })?;
            let private =
                PrivateKeyDer::from_pem_slice(read(key)?.as_bytes()).map_err(|error| TrustError::Damaged {
                    path: key.clone(),
                    why: error.to_string(),
                })?;
            let root = last_block(&text).to_owned();
            (chain, private, root, modified, certificate.display().to_string())
        }
    };
    let failed = |why: String| TrustError::Certificate {
        what: place.clone(),
        why,
    };
    let facts = CertificateFacts::read(&chain[0]).map_err(failed)?;
    let root_sha256 = Sha256::digest(chain.last().expect("a chain has a first certificate")).into();
    let signing = provider()
        .key_provider
        .load_private_key(key)
        .map_err(|error| failed(error.to_string()))?;
    let key = CertifiedKey::new(chain, signing);
    key.keys_match().map_err(|error| failed(error.to_string()))?;
    Ok(Current {
        key: Arc::new(key),
        facts,
        root_pem,
        root_sha256,
        modified,
    })
}

fn read(path: &Path) -> Result<String, TrustError> {
    std::fs::read_to_string(path).map_err(|source| TrustError::Io {
        path: path.to_owned(),
        source,
    })
}

fn modified(certificate: &Path, key: &Path) -> Option<SystemTime> {
    let of = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    of(certificate).max(of(key))
}

/// The last certificate of a PEM text.
fn last_block(pem: &str) -> &str {
    &pem[pem.rfind("-----BEGIN CERTIFICATE-----").unwrap_or(0)..]
}

/// The TLS of the listener: version 1.3, HTTP/2, certificates of the authority asked for but not
/// demanded, for who enrolls has none yet. Sessions are not resumed: each connection proves anew who
/// is there.
pub(super) fn config(
    shown: Arc<Shown>,
    authority: &Authority,
    grace: Duration,
) -> Result<Arc<ServerConfig>, TrustError> {
    let failed = |why: String| TrustError::Certificate {
        what: "ca.crt".into(),
        why,
    };
    let mut roots = RootCertStore::empty();
    roots
        .add(authority.der().clone())
        .map_err(|error| failed(error.to_string()))?;
    let inner = WebPkiClientVerifier::builder_with_provider(roots.into(), provider())
        .allow_unauthenticated()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| failed(error.to_string()))?;
    let mut config = builder
        .with_client_cert_verifier(Arc::new(GraceVerifier { inner, grace }))
        .with_cert_resolver(shown);
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Lets a certificate through for a while after its end, so that a machine that was off may renew it;
/// the services let it do nothing else.
#[derive(Debug)]
struct GraceVerifier {
    inner: Arc<dyn ClientCertVerifier>,
    grace: Duration,
}

impl ClientCertVerifier for GraceVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.inner.verify_client_cert(end_entity, intermediates, now) {
            Err(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
                let ended_s = CertificateFacts::read(end_entity)
                    .ok()
                    .and_then(|facts| u64::try_from(facts.not_after_s).ok())
                    .filter(|ended_s| ended_s.saturating_add(self.grace.as_secs()) > now.as_secs());
                let Some(ended_s) = ended_s else {
                    return Err(CertificateError::Expired.into());
                };
                // All else is checked as of its last second.
                let then = UnixTime::since_unix_epoch(Duration::from_secs(ended_s.saturating_sub(1)));
                self.inner.verify_client_cert(end_entity, intermediates, then)
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
