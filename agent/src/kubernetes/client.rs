//! One request to the API: HTTP/1.1 over TLS, the token read anew, the answer bounded.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::config::{Api, KubernetesConfig};

/// To connect, to agree on TLS, to be answered.
const ANSWER_WAIT: Duration = Duration::from_secs(15);

/// Why a request gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// What was asked from is too old (410 Gone): everything is to be listed anew.
    #[error("the API no longer knows where the watch was")]
    Gone,
    /// The API said no.
    #[error("the API answered {status}: {text}")]
    Refused {
        /// 401 where the token has ended, 403 where the service account may not list pods.
        status: u16,
        /// The beginning of what it said.
        text: String,
    },
    /// A file, the network, or what came is no answer.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The body of an answer that comes bit by bit. The connection ends with it.
pub(super) struct Answer {
    body: Incoming,
    connection: tokio::task::JoinHandle<()>,
}

pub(super) struct Client {
    api: Api,
    config: KubernetesConfig,
}

impl Client {
    pub(super) fn new(api: Api, config: KubernetesConfig) -> Self {
        Self { api, config }
    }

    pub(super) fn node(&self) -> &str {
        &self.api.node
    }

    /// Asks for a path; `Ok` once the API has begun to answer with 200.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, AskError> {
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the Kubernetes API does not answer");
        tokio::time::timeout(ANSWER_WAIT, self.ask(path)).await.map_err(late)?
    }

    async fn ask(&self, path: &str) -> Result<Answer, AskError> {
        let token = tokio::fs::read_to_string(&self.config.token)
            .await
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.config.token.display())))?;
        let tls = TlsConnector::from(Arc::new(self.tls().await?));
        let stream = TcpStream::connect((self.api.host.as_str(), self.api.port)).await?;
        let name = ServerName::try_from(self.api.host.clone()).map_err(io::Error::other)?;
        let stream = TokioIo::new(tls.connect(name, stream).await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(io::Error::other)?;
        let connection = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the Kubernetes API ended");
            }
        });
        let request = hyper::Request::get(path)
            .header(hyper::header::HOST, &self.api.host)
            .header(hyper::header::AUTHORIZATION, format!("Bearer {}", token.trim()))
            .header(hyper::header::ACCEPT, "application/json")
            .header(
                hyper::header::USER_AGENT,
                concat!("timberline/", env!("CARGO_PKG_VERSION")),
            )
            .body(String::new())
            .map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let mut answer = Answer {
            body: response.into_body(),
            connection,
        };
        match status {
            200 => Ok(answer),
            410 => Err(AskError::Gone),
            status => {
                let text = answer.whole(4096).await.unwrap_or_default();
                let text = String::from_utf8_lossy(&text).chars().take(300).collect();
                Err(AskError::Refused { status, text })
            }
        }
    }

    async fn tls(&self) -> io::Result<ClientConfig> {
        let path = &self.config.authorities;
        let named = |why: &dyn std::fmt::Display| io::Error::other(format!("{}: {why}", path.display()));
        let pem = tokio::fs::read(path).await.map_err(|error| named(&error))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            roots
                .add(certificate.map_err(|error| named(&error))?)
                .map_err(|error| named(&error))?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|error| named(&error))?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

impl Answer {
    /// The next bytes; none at its end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(io::Error::other(error)),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }

    /// All of it, if it is no more than `bytes_max`.
    pub(super) async fn whole(&mut self, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            if all.len() + bytes.len() > bytes_max {
                return Err(io::Error::other(format!("an answer of more than {bytes_max} bytes")));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
