//! The same way by mutual TLS: an authority, a server and an agent that it knows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use timberline_proto::tls::MachineFiles;
use timberline_proto::tls::files::{Installation, certificates};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

const AUTHORITY: &str = "authority.pem";
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";

/// Makes the authority, the server's files in `dir`, and those by which the agent of `data_dir` is known.
pub(crate) fn make(dir: &Path, data_dir: &Path) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let made = |names: &[&str]| {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let signed = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        (signed.pem(), key)
    };
    let (server_pem, server_key) = made(&["127.0.0.1"]);
    fs::write(dir.join(AUTHORITY), &authority_pem).unwrap();
    fs::write(dir.join(CERTIFICATE), server_pem).unwrap();
    fs::write(dir.join(KEY), server_key.serialize_pem()).unwrap();
    let (agent_pem, agent_key) = made(&["agent"]);
    let installed = Installation {
        certificate_pem: &agent_pem,
        authorities_pem: &authority_pem,
        collector: "",
        labels: &BTreeMap::new(),
        configuration_key: &[],
    };
    let files = MachineFiles::new(data_dir.join("pki"));
    fs::create_dir_all(files.dir()).unwrap();
    files.install(&agent_key, &installed).unwrap();
}

/// What the server of these files takes connections with.
pub(crate) fn acceptor(dir: &Path) -> TlsAcceptor {
    let read = |name: &str| certificates(&fs::read(dir.join(name)).unwrap()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(read(AUTHORITY).remove(0)).unwrap();
    let provider = timberline_proto::tls::provider();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let key = PrivateKeyDer::from_pem_slice(&fs::read(dir.join(KEY)).unwrap()).unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(read(CERTIFICATE), key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// A connection that tonic takes.
pub(crate) struct Connection(pub(crate) TlsStream<TcpStream>);

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
