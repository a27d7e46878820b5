//! Connections: accepted, read and, at a stop, read until nothing more comes.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use timberline_proto::receive::{Fault, Frame, Framer, Framing};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::{Connections, Place};
use super::counts::add;
use super::options::Protocol;
use super::reading::{Piece, Reading, Shared};
use super::tls::Tls;

/// A read takes so much.
const READ_BYTES: usize = 32 << 10;
/// TLS must be agreed on within this time.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// A stop looks so often whether more has come, …
const LINGER_TICK: Duration = Duration::from_millis(50);
/// … and closes a connection on which nothing came for so long.
const LINGER: Duration = Duration::from_millis(200);
/// One that makes room is read no longer than this, waits for room for its messages left out, …
const LINGER_MAX: Duration = Duration::from_secs(5);
/// … and for no more than what may have been on its way when it was told.
const LINGER_BYTES_MAX: usize = 16 << 20;
/// Wait after the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Where a listener's connections are.
pub(super) struct Places {
    pub(super) connections: Arc<Connections>,
    pub(super) tasks: TaskTracker,
    /// The socket itself, from which accepting is begun anew after a panic.
    pub(super) listening: Arc<Mutex<Option<std::net::TcpListener>>>,
}

/// Accepts connections until told to stop; then reads those that there are to their end.
pub(super) async fn run(listener: TcpListener, tls: Option<Arc<Tls>>, places: Places, shared: Arc<Shared>, stop: Stop) {
    let Places {
        connections,
        tasks,
        listening,
    } = places;
    let (mut at_limit, mut at_share) = (false, false);
    loop {
        if connections.is_full() && !std::mem::replace(&mut at_limit, true) {
            tracing::warn!(
                listener = shared.counts.name,
                address = %shared.counts.address,
                "as many connections as are served at once (connections_max); further ones wait until one ends or has been idle for idle_close_after"
            );
        }
        let accepted = tokio::select! {
            () = stop.token.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = tokio::select! {
            () = stop.token.cancelled() => break,
            place = connections.place(peer.ip()) => place,
        };
        let Some(place) = place else {
            add(&shared.counts.connections_refused, 1);
            if !std::mem::replace(&mut at_share, true) {
                tracing::warn!(
                    listener = shared.counts.name,
                    address = %shared.counts.address,
                    peer = %peer.ip(),
                    "a peer has its share of the connections (connections_per_peer_max) and none of them is idle; further ones of it are closed"
                );
            }
            continue;
        };
        let connection = Connection {
            shared: shared.clone(),
            stop: stop.clone(),
            place,
            peer: peer.ip(),
        };
        let (tls, counted) = (tls.clone(), shared.clone());
        tasks.spawn(async move {
            let served = tokio::spawn(async move { connection.serve(stream, tls, peer).await });
            if let Err(ended) = served.await
                && let Ok(panic) = ended.try_into_panic()
            {
                counted.counts.panicked("a connection", &*panic);
            }
        });
    }
    drop((listener, listening.lock().take()));
    tasks.close();
    tasks.wait().await;
}

/// When to stop, and when at the latest.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    /// Read what is there and close.
    pub(super) token: CancellationToken,
    /// Close at once.
    pub(super) now: CancellationToken,
}

struct Connection {
    shared: Arc<Shared>,
    stop: Stop,
    place: Place,
    peer: IpAddr,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<Arc<Tls>>, peer: SocketAddr) {
        let counts = &self.shared.counts;
        let _counted = Counted::new(&counts.connections);
        if let Err(error) = keep_alive(&stream) {
            tracing::debug!(%peer, %error, "a dead peer will not be noticed");
        }
        let outcome = match tls {
            None => self.read(stream, |stream| stream.as_fd()).await,
            Some(tls) => match self.agree(&tls, stream).await {
                Ok(Some(stream)) => self.read(stream, |stream| stream.get_ref().0.as_fd()).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            },
        };
        if let Err(error) = outcome {
            add(&counts.connections_failed, 1);
            tracing::debug!(listener = counts.name, %peer, %error, "a connection ended badly");
        }
    }

    /// Agrees on TLS; none if it is to stop or to make room: no message has come yet.
    async fn agree(&self, tls: &Tls, stream: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
        tokio::select! {
            biased;
            () = self.stop.token.cancelled() => Ok(None),
            () = self.place.close.cancelled() => Ok(None),
            agreed = tokio::time::timeout(HANDSHAKE_WAIT, tls.accept(stream)) => match agreed {
                Ok(agreed) => agreed.map(Some),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "TLS was not agreed on in time")),
            },
        }
    }

    async fn read<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        fd: impl Fn(&S) -> std::os::fd::BorrowedFd<'_>,
    ) -> io::Result<()> {
        let mut messages = Messages::new(self.shared.clone(), self.peer);
        let mut buffer = vec![0; READ_BYTES];
        let outcome = loop {
            let read = tokio::select! {
                biased;
                () = self.stop.token.cancelled() => break Ok(true),
                () = self.place.close.cancelled() => break Ok(true),
                read = stream.read(&mut buffer) => read,
            };
            match read {
                Ok(0) => break Ok(false),
                Ok(len) => {
                    self.place.busy(len);
                    messages.take(&buffer[..len], &self.stop.now).await;
                    self.place.idle();
                }
                Err(error) => break Err(error),
            }
        };
        let outcome = match outcome {
            Ok(true) => self.linger(&mut stream, fd, &mut messages, &mut buffer).await,
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        messages.finish(&self.stop.now).await;
        outcome
    }

    /// Tells the sender that no more is read, and reads what it has sent. The kernel is asked whether
    /// bytes are there: that the runtime knows of none does not say so.
    async fn linger<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        fd: impl Fn(&S) -> std::os::fd::BorrowedFd<'_>,
        messages: &mut Messages,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        // A sender that is gone cannot be told; what it sent is read all the same.
        let told = tokio::time::timeout(LINGER_TICK, stream.shutdown()).await;
        tracing::trace!(?told, "no more is read");
        let mut quiet_since = Instant::now();
        let (mut waited, mut taken) = (Duration::ZERO, 0);
        loop {
            // At a stop there is another end.
            if !self.stop.token.is_cancelled() && (waited >= LINGER_MAX || taken >= LINGER_BYTES_MAX) {
                return Ok(());
            }
            let since = Instant::now();
            let read = tokio::select! {
                () = self.stop.now.cancelled() => return Ok(()),
                read = tokio::time::timeout(LINGER_TICK, stream.read(buffer)) => read,
            };
            waited += since.elapsed();
            match read {
                Ok(Ok(0)) => return Ok(()),
                Ok(Ok(len)) => {
                    messages.take(&buffer[..len], &self.stop.now).await;
                    taken += len;
                    quiet_since = Instant::now();
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    let waiting = rustix::io::ioctl_fionread(fd(stream)).unwrap_or(0);
                    if waiting == 0 && quiet_since.elapsed() >= LINGER {
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// A connection that is counted as open while it is, however it ends.
struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection's messages on their way to the intake.
struct Messages {
    framer: Framer,
    reading: Reading,
    peer: IpAddr,
}

impl Messages {
    fn new(shared: Arc<Shared>, peer: IpAddr) -> Self {
        let framing = match shared.protocol {
            Protocol::Syslog | Protocol::Lines => Framing::Syslog,
            Protocol::Gelf => Framing::Nul,
        };
        Self {
            framer: Framer::new(framing, shared.message_bytes_max),
            reading: Reading::new(shared),
            peer,
        }
    }

    /// Waits for room for each: meanwhile nothing is read, and the sender waits.
    async fn take(&mut self, bytes: &[u8], now: &CancellationToken) {
        self.framer.push(bytes);
        while let Some(frame) = self.framer.next() {
            put(&mut self.reading, self.peer, frame, now).await;
        }
    }

    async fn finish(&mut self, now: &CancellationToken) {
        if let Some(frame) = self.framer.finish() {
            put(&mut self.reading, self.peer, frame, now).await;
        }
    }
}

async fn put(reading: &mut Reading, peer: IpAddr, frame: Frame<'_>, now: &CancellationToken) {
    let piece = Piece {
        continues: frame.part.is_some_and(|(index, _)| index > 0),
        is_partial: frame.part.is_some_and(|(_, last)| !last) || frame.fault == Some(Fault::CutShort),
    };
    let why_not = (frame.fault == Some(Fault::NoCount)).then_some("syslog framing");
    let ready = reading.read(peer, frame.bytes, piece, why_not);
    let shared = reading.shared.clone();
    tokio::select! {
        room = shared.intake.room(ready.cost) => {
            if let Some(room) = room {
                reading.put(ready, room);
            }
        }
        () = now.cancelled() => add(&shared.counts.lost, 1),
    }
}

/// A peer that is gone without a word is noticed within minutes.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let how = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(10))
        .with_retries(6);
    socket2::SockRef::from(stream).set_tcp_keepalive(&how)
}
