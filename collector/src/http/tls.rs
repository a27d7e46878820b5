//! TLS of the HTTP port: a certificate from files or of the own authority, taken anew without a restart
//! when the files change or it is time.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::ServerConfig;
use timberline_proto::tls::provider;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::trust::authority::Authority;
use crate::trust::server::Shown;
use crate::trust::{ServerCertificate, TrustError};

/// How often files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);

/// What the port shows in its handshakes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpTls {
    shown: Arc<Shown>,
    authority: Arc<Authority>,
    config: Arc<ServerConfig>,
}

impl HttpTls {
    /// A certificate from `source`; the authority is in `pki`, and made if there is none. Blocks.
    ///
    /// # Errors
    /// [`TrustError`]
    pub fn open(source: ServerCertificate, pki: &Path, host: &str) -> Result<Self, TrustError> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(pki)
            .map_err(|source| TrustError::Io {
                path: pki.to_owned(),
                source,
            })?;
        let authority = Authority::open(pki, host)?;
        let shown = Arc::new(Shown::open(source, &authority)?);
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| TrustError::Certificate {
                what: "server.http_tls".into(),
                why: error.to_string(),
            })?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            shown,
            authority: Arc::new(authority),
            config: Arc::new(config),
        })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }

    /// Takes newer certificates until told to stop. One that is no good is not taken: the one before is
    /// still shown, and the log says why.
    pub(super) async fn keep(self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(LOOK_INTERVAL);
        let mut failed = false;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = shutdown.cancelled() => return,
            }
            let tls = self.clone();
            let now_s = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs();
            let now_s = i64::try_from(now_s).unwrap_or(i64::MAX);
            let refreshed = tokio::task::spawn_blocking(move || tls.shown.refresh(&tls.authority, now_s)).await;
            match &refreshed {
                Ok(Ok(true)) => tracing::info!("the HTTP port shows a new certificate"),
                Ok(Err(error)) if !failed => {
                    tracing::warn!(%error, "the HTTP port keeps its certificate; a newer one is tried again");
                }
                Err(error) => tracing::error!(%error, "the look at certificates failed"),
                Ok(_) => {}
            }
            failed = matches!(refreshed, Ok(Err(_)));
        }
    }
}
