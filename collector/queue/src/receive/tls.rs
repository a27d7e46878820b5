//! TLS for senders (RFC 5425): rustls. Certificate and key are read again when their files change, so
//! that a certificate that is renewed needs no restart.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};
use tokio_rustls::server::TlsStream;

use super::options::{ReceiveError, TlsFiles};

/// The files are looked at no more often.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Tls {
    files: TlsFiles,
    address: String,
    held: Mutex<Held>,
}

struct Held {
    config: Arc<ServerConfig>,
    changed: Vec<Option<SystemTime>>,
    looked: Instant,
}

impl Tls {
    /// Reads the files.
    pub(super) fn new(address: &str, files: &TlsFiles) -> Result<Self, ReceiveError> {
        let config = config(address, files)?;
        Ok(Self {
            files: files.clone(),
            address: address.to_owned(),
            held: Mutex::new(Held {
                config,
                changed: changed(files),
                looked: Instant::now(),
            }),
        })
    }

    /// Agrees on TLS with a sender.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.config()).accept(stream).await
    }

    fn config(&self) -> Arc<ServerConfig> {
        let mut held = self.held.lock();
        if held.looked.elapsed() < LOOK {
            return held.config.clone();
        }
        held.looked = Instant::now();
        let changed = changed(&self.files);
        if changed != held.changed {
            match config(&self.address, &self.files) {
                Ok(config) => {
                    tracing::info!(address = self.address, "the certificate was read again");
                    held.config = config;
                }
                Err(error) => {
                    tracing::warn!(%error, "the certificate has changed and cannot be used; the one before is kept")
                }
            }
            held.changed = changed;
        }
        held.config.clone()
    }
}

fn changed(files: &TlsFiles) -> Vec<Option<SystemTime>> {
    let all = [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()];
    let when = |path: &std::path::PathBuf| path.metadata().and_then(|meta| meta.modified()).ok();
    all.iter().map(|path| path.and_then(when)).collect()
}

fn config(address: &str, files: &TlsFiles) -> Result<Arc<ServerConfig>, ReceiveError> {
    let fail = |path: &Path, reason: String| ReceiveError::Tls {
        address: address.to_owned(),
        path: path.to_owned(),
        reason,
    };
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| fail(&files.certificate, error.to_string()))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(path).map_err(|reason| fail(path, reason))? {
                roots.add(root).map_err(|error| fail(path, error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| fail(path, error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain = certificates(&files.certificate).map_err(|reason| fail(&files.certificate, reason))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| fail(&files.key, error.to_string()))?;
    let config = builder
        .with_single_cert(chain, key)
        .map_err(|error| fail(&files.certificate, error.to_string()))?;
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|error| error.to_string())?
        .collect();
    let all = all.map_err(|error| error.to_string())?;
    if all.is_empty() {
        return Err("holds no certificate in PEM".to_owned());
    }
    Ok(all)
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
