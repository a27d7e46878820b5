//! Connections to the gRPC port: plain or by TLS, each with who is at its other end.
//!
//! A connection by certificate ends when its machine is revoked, and when its certificate ends: the
//! machine connects again, with what it has by then, and sends again what was not acked. Where a
//! certificate is demanded, a guest, who shows none that holds, is given the time and the calls that
//! enrolling and renewing take. Whoever connects has to say something before long: a TLS handshake, then
//! the first bytes of HTTP/2. How many there may be is decided in [`places`](super::places).

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use timberline_proto::tls::CertificateFacts;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;

use super::handshakes::{Handshake, Handshakes};
use super::places::{NoPlace, Place, Places};
use crate::trust::{LiveConnection, TlsMode, Trust};

/// Handshakes under way at once. For one more the oldest of whoever has most is given up.
const HANDSHAKES_MAX: usize = 256;
/// Of one address.
const HANDSHAKES_ADDRESS_MAX: usize = 64;
/// What is waited after a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// What a client of HTTP/2 sends first (RFC 9113, 3.4).
const PREFACE_BYTES: u64 = 24;
/// Calls that a guest's connection may make in its life.
const GUEST_CALLS_MAX: u32 = 8;

/// The limits of connections to the gRPC port.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Open at once: `server.grpc_connections_max`. More are closed.
    pub connections_max: usize,
    /// Of one IPv4 address, or one /64 of IPv6: `server.grpc_connections_per_address_max`.
    pub per_address_max: usize,
    /// What a TLS handshake, and then the first bytes of HTTP/2, may take: `server.header_timeout`.
    pub handshake_timeout: Duration,
    /// The life of a connection without a certificate that holds, where one is demanded:
    /// `server.grpc_tls.guest_timeout`.
    pub guest_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: 16_384,
            per_address_max: 1024,
            handshake_timeout: Duration::from_secs(10),
            guest_timeout: Duration::from_secs(30),
        }
    }
}

/// Who is at the other end of a connection; among the extensions of each request.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    /// From where.
    pub(super) address: Option<IpAddr>,
    /// What its certificate says, if it showed one.
    pub(super) certificate: Option<Arc<CertificateFacts>>,
    /// Calls that a guest has left; none of who is no guest.
    calls_left: Option<Arc<AtomicU32>>,
}

impl Caller {
    /// Counts a call. False if the connection may make no more.
    pub(super) fn may_call(&self) -> bool {
        let less = |left: u32| left.checked_sub(1);
        self.calls_left
            .as_ref()
            .is_none_or(|left| left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok())
    }
}

type End = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One connection.
pub(super) struct Connection {
    stream: Stream,
    caller: Caller,
    /// Ends the connection.
    end: Option<End>,
    /// Ends it too, until it has sent so many bytes more.
    greeting: Option<(End, u64)>,
    /// Counts it among the open ones of its machine.
    _live: Option<LiveConnection>,
    _place: Place,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What every connection is opened by.
#[derive(Clone)]
struct Door {
    trust: Option<Trust>,
    limits: ConnectionLimits,
    places: Places,
    handshakes: Handshakes,
    shutdown: CancellationToken,
}

/// The connections that come in at `listener`, handshakes done. Ends with `shutdown`.
pub(super) fn incoming(
    listener: TcpListener,
    trust: Option<Trust>,
    limits: ConnectionLimits,
    shutdown: CancellationToken,
) -> ReceiverStream<io::Result<Connection>> {
    let door = Door {
        trust,
        limits,
        places: Places::new(limits.connections_max, limits.per_address_max),
        handshakes: Handshakes::new(HANDSHAKES_MAX, HANDSHAKES_ADDRESS_MAX),
        shutdown,
    };
    let (ready, connections) = mpsc::channel(16);
    tokio::spawn(door.accept(listener, ready));
    ReceiverStream::new(connections)
}

impl Door {
    async fn accept(self, listener: TcpListener, ready: mpsc::Sender<io::Result<Connection>>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.shutdown.cancelled() => return,
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
            let Some((place, handshake)) = self.admit(address.ip()) else {
                continue; // the stream is closed by dropping it
            };
            let (door, ready) = (self.clone(), ready.clone());
            tokio::spawn(async move {
                let opening = tokio::time::timeout(door.limits.handshake_timeout, door.open(stream, address, place));
                let opened = tokio::select! {
                    opened = opening => opened,
                    () = handshake.given_up.cancelled() => {
                        return tracing::debug!(%address, "a handshake was given up for another one");
                    }
                    () = door.shutdown.cancelled() => return,
                };
                drop(handshake);
                match opened {
                    // Whoever serves is gone at shutdown only.
                    Ok(Ok(connection)) => ready.send(Ok(connection)).await.unwrap_or_default(),
                    Ok(Err(error)) => tracing::debug!(%address, %error, "a handshake failed"),
                    Err(_) => tracing::debug!(%address, "a handshake took too long"),
                }
            });
        }
    }

    /// A place for a connection, and its handshake.
    fn admit(&self, address: IpAddr) -> Option<(Place, Handshake)> {
        let place = match self.places.take(address) {
            Ok(place) => place,
            Err(why) => {
                self.places.say(address, why);
                return None;
            }
        };
        let (handshake, is_crowded) = self.handshakes.begin(address);
        if is_crowded {
            self.places.say(address, NoPlace::Handshakes);
        }
        Some((place, handshake))
    }

    async fn open(&self, stream: TcpStream, address: SocketAddr, place: Place) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        let caller = Caller {
            address: Some(address.ip()),
            ..Caller::default()
        };
        let Some(trust) = &self.trust else {
            return Ok(self.connection(Stream::Plain(stream), caller, place, None, None));
        };
        let stream = TlsAcceptor::from(trust.tls()).accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let facts = shown.map(|shown| CertificateFacts::read(shown)).transpose();
        let facts = facts.map_err(io::Error::other)?;
        self.known(trust, Stream::Tls(Box::new(stream)), caller, place, facts)
            .map_err(|why| {
                self.places.say(address.ip(), why);
                io::Error::other(why)
            })
    }

    /// A connection by TLS: how long it may last, and what it may do.
    fn known(
        &self,
        trust: &Trust,
        stream: Stream,
        mut caller: Caller,
        mut place: Place,
        facts: Option<CertificateFacts>,
    ) -> Result<Connection, NoPlace> {
        // Before it is asked whether the machine is refused: whoever is revoked in between is cut.
        let live = facts
            .as_ref()
            .and_then(|facts| facts.peer)
            .map(|peer| trust.connected(peer));
        let holds = facts
            .as_ref()
            .filter(|facts| trust.refusal(facts).is_none())
            .map(left_of)
            .filter(|left| !left.is_zero());
        if trust.mode() == TlsMode::Mutual && holds.is_none() {
            place = place.of_guest()?;
            caller.calls_left = Some(Arc::new(AtomicU32::new(GUEST_CALLS_MAX)));
        }
        let demanded = trust.mode() == TlsMode::Mutual || facts.is_some();
        let life = holds.or_else(|| demanded.then_some(self.limits.guest_timeout));
        let cut = live.as_ref().map(LiveConnection::cut).unwrap_or_default();
        let end = life.map(|life| over(life, cut));
        caller.certificate = facts.map(Arc::new);
        Ok(self.connection(stream, caller, place, end, live))
    }

    fn connection(
        &self,
        stream: Stream,
        caller: Caller,
        place: Place,
        end: Option<End>,
        live: Option<LiveConnection>,
    ) -> Connection {
        Connection {
            stream,
            caller,
            end,
            // Whoever says nothing goes with the collector, too.
            greeting: Some((
                over(self.limits.handshake_timeout, self.shutdown.clone()),
                PREFACE_BYTES,
            )),
            _live: live,
            _place: place,
        }
    }
}

/// Ends after `life`, or when it is cut.
fn over(life: Duration, cut: CancellationToken) -> End {
    Box::pin(async move {
        tokio::select! {
            () = cut.cancelled() => {}
            () = tokio::time::sleep(life) => {}
        }
    })
}

/// How long a certificate lasts.
fn left_of(facts: &CertificateFacts) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let end = Duration::from_secs(u64::try_from(facts.not_after_s).unwrap_or(0));
    end.saturating_sub(now)
}

impl Connection {
    /// Whether the connection is over, whatever its peer would like.
    fn poll_end(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let greeting = self.greeting.as_mut().map(|(end, _)| end);
        let mut ends = self.end.iter_mut().chain(greeting);
        if ends.any(|end| end.as_mut().poll(context).is_ready()) {
            // Polled no more.
            self.end = Some(Box::pin(std::future::ready(())));
            self.greeting = None;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    /// Notes what was read: who has said enough may be silent from now on.
    fn heard(&mut self, bytes: usize) {
        if let Some((_, missing)) = &mut self.greeting {
            *missing = missing.saturating_sub(bytes as u64);
            if *missing == 0 {
                self.greeting = None;
            }
        }
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
        let before = buffer.filled().len();
        let read = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        self.heard(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Whoever takes nothing is read from no more either.
        self.poll_end(context)?;
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_end(context)?;
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
