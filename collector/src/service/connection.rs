//! Connections to the gRPC port: plain or by TLS, each with who is at its other end.
//!
//! A connection by certificate ends when its machine is revoked, and when its certificate ends: the
//! machine connects again, with what it has by then, and sends again what was not acked.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use timberline_proto::tls::CertificateFacts;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use crate::trust::{LiveConnection, Trust};

/// Handshakes under way at once; more wait to be accepted.
const HANDSHAKES_MAX: usize = 256;
/// What a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// What is waited after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long an expired certificate's connection lives: for renewing.
const EXPIRED_LIFE: Duration = Duration::from_secs(60);

/// Who is at the other end of a connection; among the extensions of each request.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    /// From where.
    pub(super) address: Option<IpAddr>,
    /// What its certificate says, if it showed one.
    pub(super) certificate: Option<Arc<CertificateFacts>>,
}

/// One connection.
pub(super) struct Connection {
    stream: Stream,
    caller: Caller,
    /// Ends the connection.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Counts it among the open ones.
    _live: Option<LiveConnection>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The connections that come in at `listener`, handshakes done. Ends with `shutdown`.
pub(super) fn incoming(
    listener: TcpListener,
    trust: Option<Trust>,
    shutdown: CancellationToken,
) -> ReceiverStream<io::Result<Connection>> {
    let (ready, connections) = mpsc::channel(16);
    tokio::spawn(accept(listener, trust, ready, shutdown));
    ReceiverStream::new(connections)
}

async fn accept(
    listener: TcpListener,
    trust: Option<Trust>,
    ready: mpsc::Sender<io::Result<Connection>>,
    shutdown: CancellationToken,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let next = async { (Arc::clone(&handshakes).acquire_owned().await, listener.accept().await) };
        let (permit, accepted) = tokio::select! {
            both = next => both,
            () = shutdown.cancelled() => return,
            () = ready.closed() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection to the gRPC port was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (trust, ready) = (trust.clone(), ready.clone());
        tokio::spawn(async move {
            let opened = tokio::time::timeout(HANDSHAKE_TIMEOUT, open(stream, address, trust.as_ref())).await;
            drop(permit);
            match opened {
                // Whoever serves is gone at shutdown only.
                Ok(Ok(connection)) => ready.send(Ok(connection)).await.unwrap_or_default(),
                Ok(Err(error)) => tracing::debug!(%address, %error, "a handshake failed"),
                Err(_) => tracing::debug!(%address, "a handshake took too long"),
            }
        });
    }
}

async fn open(stream: TcpStream, address: SocketAddr, trust: Option<&Trust>) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    let mut caller = Caller {
        address: Some(address.ip()),
        certificate: None,
    };
    let Some(trust) = trust else {
        return Ok(Connection {
            stream: Stream::Plain(stream),
            caller,
            end: None,
            _live: None,
        });
    };
    let stream = TlsAcceptor::from(trust.tls()).accept(stream).await?;
    let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let facts = shown.map(|shown| CertificateFacts::read(shown)).transpose();
    caller.certificate = facts.map_err(io::Error::other)?.map(Arc::new);
    let peer = caller.certificate.as_ref().and_then(|facts| facts.peer);
    let live = peer.map(|peer| trust.connected(peer));
    let end = caller.certificate.as_ref().map(|facts| {
        let cut = live.as_ref().map(LiveConnection::cut).unwrap_or_default();
        let left = left_of(facts);
        Box::pin(async move {
            tokio::select! {
                () = cut.cancelled() => {}
                () = tokio::time::sleep(left) => {}
            }
        }) as Pin<Box<dyn Future<Output = ()> + Send>>
    });
    Ok(Connection {
        stream: Stream::Tls(Box::new(stream)),
        caller,
        end,
        _live: live,
    })
}

/// How long a certificate's connection may last.
fn left_of(facts: &CertificateFacts) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let end = Duration::from_secs(u64::try_from(facts.not_after_s).unwrap_or(0));
    match end.saturating_sub(now) {
        Duration::ZERO => EXPIRED_LIFE,
        left => left,
    }
}

impl Connection {
    /// Whether the connection is over, whatever its peers would like.
    fn poll_end(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let over = self
            .end
            .as_mut()
            .is_some_and(|end| end.as_mut().poll(context).is_ready());
        if over {
            // Polled no more.
            self.end = Some(Box::pin(std::future::ready(())));
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_end(context)?;
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(context, buffers),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
