//! Connecting to a collector, plainly or by certificate.
//!
//! Certificates are read anew for each connection: one that was renewed, or got by enrolling while the
//! program runs, is used from the next connection on.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};

use super::files::{MachineFiles, NotEnrolled, read_certificates};
use super::verify::PinnedVerifier;

/// Where a collector listens: `http://HOST:PORT`, or `https://HOST:PORT` by TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorUrl {
    tls: bool,
    host: String,
    port: u16,
}

/// Why no connection by TLS came about.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is nothing by which the collector could be known.
    #[error(transparent)]
    NotEnrolled(#[from] NotEnrolled),
    /// The file of authorities cannot be used.
    #[error("{path}: {why}")]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The key and certificates do not work.
    #[error("the certificates cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// The other end, or the way to it, is not what it should be.
    #[error("{0}")]
    Handshake(String),
}

/// By what a machine knows its collector, and shows who it is.
#[derive(Clone, Debug)]
pub struct Credentials {
    files: MachineFiles,
    authorities: Option<PathBuf>,
}

impl Credentials {
    /// What was got by enrolling; the collector is known by the PEM file `authorities` instead, if
    /// there is one.
    pub fn new(files: MachineFiles, authorities: Option<PathBuf>) -> Self {
        Self { files, authorities }
    }

    /// The machine's files.
    pub fn files(&self) -> &MachineFiles {
        &self.files
    }

    /// What TLS needs, read from the files. Blocks. A machine that is not enrolled shows no
    /// certificate, which a collector may or may not accept.
    fn config(&self) -> Result<ClientConfig, TlsError> {
        let mut roots = RootCertStore::empty();
        let authorities = match &self.authorities {
            None => self.files.authorities()?,
            Some(path) => read_certificates(path).map_err(|why| TlsError::Authorities {
                path: path.clone(),
                why,
            })?,
        };
        for authority in authorities {
            roots.add(authority)?;
        }
        let builder = builder()?.with_root_certificates(roots);
        match self.files.identity() {
            Ok(identity) => Ok(builder.with_client_auth_cert(identity.chain, identity.key)?),
            Err(NotEnrolled::Missing) => Ok(builder.with_no_client_auth()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Who is trusted, and how far, for one connection.
#[derive(Clone, Debug)]
pub(super) enum Trust {
    /// As the files say when the connection is made.
    Files(Credentials),
    /// As was decided before.
    Fixed(Arc<ClientConfig>),
}

impl Trust {
    /// The authority with this SHA-256 and no other; the identity in `files` is shown if `show` is set.
    pub(super) fn pinned(pin: [u8; 32], files: &MachineFiles, show: bool) -> Result<Self, TlsError> {
        let builder = builder()?
            .dangerous() // the verifier is stricter than the usual one
            .with_custom_certificate_verifier(Arc::new(PinnedVerifier::new(pin)));
        let config = match files.identity() {
            Ok(identity) if show => builder.with_client_auth_cert(identity.chain, identity.key)?,
            _ => builder.with_no_client_auth(),
        };
        Ok(Self::Fixed(Arc::new(config)))
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        match self {
            Self::Fixed(config) => Ok(config.clone()),
            Self::Files(credentials) => {
                let credentials = credentials.clone();
                let read = tokio::task::spawn_blocking(move || credentials.config()).await;
                let config = read.map_err(|error| TlsError::Handshake(error.to_string()))??;
                Ok(Arc::new(config))
            }
        }
    }
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(super::provider()).with_protocol_versions(&[&rustls::version::TLS13])
}

impl CollectorUrl {
    /// Whether TLS is spoken.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// What a connection can be set up with. Over TLS, tonic sees a plain address and the connector
    /// below encrypts; requests name the true scheme.
    ///
    /// # Errors
    /// If the host is no host.
    pub fn endpoint(&self) -> Result<Endpoint, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.authority()))?;
        if !self.tls {
            return Ok(endpoint);
        }
        let origin = Endpoint::from_shared(self.to_string())?.uri().clone();
        Ok(endpoint.origin(origin))
    }

    /// Connects.
    ///
    /// # Errors
    /// The innermost source says why.
    pub async fn connect(
        &self,
        endpoint: &Endpoint,
        credentials: &Credentials,
    ) -> Result<Channel, tonic::transport::Error> {
        if self.tls {
            self.connect_trusting(endpoint, Trust::Files(credentials.clone())).await
        } else {
            endpoint.connect().await
        }
    }

    /// Connects with the first call, and again whenever the connection was lost.
    pub fn connect_lazy(&self, endpoint: &Endpoint, credentials: &Credentials) -> Channel {
        if self.tls {
            endpoint.connect_with_connector_lazy(self.connector(Trust::Files(credentials.clone())))
        } else {
            endpoint.connect_lazy()
        }
    }

    pub(super) async fn connect_trusting(
        &self,
        endpoint: &Endpoint,
        trust: Trust,
    ) -> Result<Channel, tonic::transport::Error> {
        endpoint.connect_with_connector(self.connector(trust)).await
    }

    fn connector(
        &self,
        trust: Trust,
    ) -> impl tower::Service<Uri, Response = TokioIo<TlsStream<TcpStream>>, Error = TlsError, Future: Send + 'static>
    + Send
    + 'static {
        let url = self.clone();
        tower::service_fn(move |_: Uri| {
            let (url, trust) = (url.clone(), trust.clone());
            async move { url.dial(&trust).await.map(TokioIo::new) }
        })
    }

    async fn dial(&self, trust: &Trust) -> Result<TlsStream<TcpStream>, TlsError> {
        let mut config = Arc::unwrap_or_clone(trust.config().await?);
        config.alpn_protocols = vec![super::ALPN.to_vec()];
        let name = ServerName::try_from(self.host.clone())
            .map_err(|error| TlsError::Handshake(format!("{:?} is no host: {error}", self.host)))?;
        let unreachable = |error: io::Error| TlsError::Handshake(error.to_string());
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let connector = TlsConnector::from(Arc::new(config));
        connector
            .connect(name, stream)
            .await
            .map_err(|error| TlsError::Handshake(self.explain(&error)))
    }

    /// What a failed handshake means, and the way out.
    fn explain(&self, error: &io::Error) -> String {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                "the collector's certificate is of an authority that this machine does not trust: if the collector was set up anew, enroll again".to_owned()
            }
            Some(rustls::Error::InvalidCertificate(
                why @ (CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }),
            )) => format!(
                "the collector's certificate is not for {}: add it to `server.grpc_tls.names` there ({why})",
                self.host
            ),
            Some(rustls::Error::InvalidMessage(_)) => format!(
                "no TLS is spoken at {}: set `server.grpc_tls.mode` there, or use http://",
                self.authority()
            ),
            Some(rustls::Error::General(why)) => why.clone(),
            Some(other) => format!("TLS: {other}"),
            None => format!("TLS: {error}"),
        }
    }

    fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl FromStr for CollectorUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no collector; write https://HOST:PORT or http://HOST:PORT, such as \"https://logs.example:4317\""
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong()),
        };
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ if tls => return Err(wrong()),
            _ => (rest, 80),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let sound = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
        if bare.is_empty() || !bare.chars().all(sound) || (bare.contains(':') && bare == host) {
            return Err(wrong());
        }
        Ok(Self {
            tls,
            host: bare.to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn urls_with_and_without_tls_are_read_back_from_their_text() {
        for url in [
            "http://127.0.0.1:4317",
            "https://logs.example:4317",
            "https://[::1]:4317",
        ] {
            assert_eq!(url.parse::<CollectorUrl>().unwrap().to_string(), url);
        }
        let slash = "http://[::1]:4317/".parse::<CollectorUrl>().unwrap();
        assert_eq!(slash.to_string(), "http://[::1]:4317");
    }

    #[test]
    fn what_is_no_collector_is_refused_with_an_example() {
        for url in [
            "logs:4317",
            "ftp://logs:1",
            "https://logs",
            "https://:1",
            "http://",
            "http://a/b:1",
            "https://::1:5",
        ] {
            let message = url.parse::<CollectorUrl>().unwrap_err();
            assert!(message.contains("https://HOST:PORT"), "{url}: {message}");
        }
    }

    proptest! {
        #[test]
        fn fuzz_no_text_makes_the_parser_panic(text in ".*") {
            text.parse::<CollectorUrl>().ok();
        }
    }
}
