//! The connection to a broker: bytes, frames, TLS, and one deadline for all of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::frame::{FRAME_BYTES, Frame, Method, Writer};

/// Bytes of a frame that we take and send: what RabbitMQ proposes.
const FRAME_BYTES_MAX: u32 = 131_072;
/// Below it no broker may go.
const FRAME_BYTES_MIN: u32 = 4_096;

/// How connections are protected, and whose they must be.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    pub(super) fn new(host: &str, ca: Option<&Path>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        match ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(file) => {
                let place = |error: String| format!("ca = {:?}: {error}", file.display().to_string());
                let certificates = CertificateDer::pem_file_iter(file).map_err(|error| place(error.to_string()))?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| place(error.to_string()))?;
                    roots.add(certificate).map_err(|error| place(error.to_string()))?;
                }
                if roots.is_empty() {
                    return Err(place("it holds no certificate".to_owned()));
                }
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
            name: ServerName::try_from(host.to_owned()).map_err(|_| format!("host = {host:?} is no name"))?,
        })
    }
}

pub(super) struct Link {
    stream: Stream,
    socket: TcpStream,
    until: Instant,
    frame_bytes_max: u32,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Link {
    pub(super) fn connect(address: SocketAddr, tls: Option<&Tls>, until: Instant) -> Result<Self, String> {
        let socket = TcpStream::connect_timeout(&address, left(until)?).map_err(|error| error.to_string())?;
        socket.set_nodelay(true).map_err(|error| error.to_string())?;
        let other = socket.try_clone().map_err(|error| error.to_string())?;
        let stream = match tls {
            None => Stream::Plain(other),
            Some(tls) => {
                let connection = ClientConnection::new(Arc::clone(&tls.config), tls.name.clone());
                let connection = connection.map_err(|error| error.to_string())?;
                Stream::Tls(Box::new(StreamOwned::new(connection, other)))
            }
        };
        Ok(Self {
            stream,
            socket,
            until,
            frame_bytes_max: FRAME_BYTES_MAX,
        })
    }

    /// Takes the broker's bound of a frame (0: none) or ours, whichever is less.
    pub(super) fn agree_on(&mut self, proposed: u32) -> u32 {
        let theirs = if proposed == 0 { FRAME_BYTES_MAX } else { proposed };
        self.frame_bytes_max = theirs.clamp(FRAME_BYTES_MIN, FRAME_BYTES_MAX);
        self.frame_bytes_max
    }

    /// Bytes of content that one frame carries.
    pub(super) fn body_bytes_max(&self) -> usize {
        self.frame_bytes_max as usize - FRAME_BYTES
    }

    pub(super) fn send_method(
        &mut self,
        channel: u16,
        method: Method,
        fill: impl FnOnce(&mut Writer),
    ) -> Result<(), String> {
        let mut arguments = Writer::default();
        fill(&mut arguments);
        self.send(&Frame::of_method(channel, method, &arguments))
    }

    pub(super) fn send(&mut self, frame: &Frame) -> Result<(), String> {
        self.send_bytes(&frame.bytes())
    }

    pub(super) fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), String> {
        let limit = left(self.until)?;
        self.socket
            .set_write_timeout(Some(limit))
            .map_err(|error| error.to_string())?;
        self.socket
            .set_read_timeout(Some(limit))
            .map_err(|error| error.to_string())?;
        let written = match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes),
        };
        written.map_err(|error| error.to_string())
    }

    pub(super) fn flush(&mut self) -> Result<(), String> {
        let flushed = match &mut self.stream {
            Stream::Plain(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        };
        flushed.map_err(|error| error.to_string())
    }

    pub(super) fn receive(&mut self) -> Result<Frame, String> {
        let mut head = [0; 7];
        self.read(&mut head[..1])?;
        // A broker of another version answers with its own header.
        if head[0] == b'A' {
            return Err("the broker does not speak AMQP 0-9-1".to_owned());
        }
        self.read(&mut head[1..])?;
        let (kind, channel, length) = Frame::head(head);
        if length + FRAME_BYTES > FRAME_BYTES_MAX as usize {
            return Err(format!("the broker sent a frame of {length} bytes"));
        }
        let mut rest = vec![0; length + 1];
        self.read(&mut rest)?;
        Frame::whole(kind, channel, rest)
    }

    fn read(&mut self, mut into: &mut [u8]) -> Result<(), String> {
        // One byte at a time would reset the clock each time: the deadline is looked at before each read.
        while !into.is_empty() {
            self.socket
                .set_read_timeout(Some(left(self.until)?))
                .map_err(|error| error.to_string())?;
            let read = match &mut self.stream {
                Stream::Plain(stream) => stream.read(into),
                Stream::Tls(stream) => stream.read(into),
            };
            match read.map_err(|error| error.to_string())? {
                0 => return Err("the broker closed the connection".to_owned()),
                n => into = &mut into[n..],
            }
        }
        Ok(())
    }
}

fn left(until: Instant) -> Result<Duration, String> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err("the broker was too slow".to_owned())
    } else {
        Ok(left)
    }
}
