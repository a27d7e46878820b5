//! Sockets that are bound, and what runs on them.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use timberline_proto::batch::BatchBuilder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::Connections;
use super::counts::{Counts, Seen};
use super::intake::Intake;
use super::options::{Listener, ReceiveError, ReceiveOptions, Transport};
use super::panics::kept_alive;
use super::pieces::record_bytes_max;
use super::reading::{Feed, Shared};
use super::streams::{Process, Streams};
use super::tcp::{self, Stop};
use super::tls::Tls;
use super::udp;
use super::writer::Writer;
use crate::Queue;

/// Listeners whose sockets are bound: senders may connect, and wait.
#[derive(Debug)]
pub struct Bound {
    listeners: Vec<(Listener, Socket)>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Tcp(TcpListener, Option<Arc<Tls>>),
    Feed,
}

/// Listeners that run.
#[derive(Debug)]
pub struct Receivers {
    shared: Arc<[Arc<Shared>]>,
    record_bytes_max: usize,
    intake: Arc<Intake>,
    stop: Stop,
    tasks: TaskTracker,
    writer: Option<JoinHandle<()>>,
}

impl Bound {
    /// Binds all, and reads the certificates. Blocks while names are resolved.
    ///
    /// # Errors
    /// [`ReceiveError::Bind`], [`ReceiveError::Tls`]
    pub fn bind(listeners: Vec<Listener>) -> Result<Self, ReceiveError> {
        let bound = listeners.into_iter().map(|listener| {
            let socket = bind(&listener)?;
            Ok((listener, socket))
        });
        Ok(Self {
            listeners: bound.collect::<Result<_, ReceiveError>>()?,
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }

    /// Their names (`syslog-udp`) and addresses.
    pub fn addresses(&self) -> Vec<(String, SocketAddr)> {
        let has_socket = |(_, socket): &&(Listener, Socket)| !matches!(socket, Socket::Feed);
        let all = self.listeners.iter().filter(has_socket);
        all.map(|(listener, socket)| (listener.name(), socket.address()))
            .collect()
    }

    /// Begins to take messages, into `queue`. To be called within a runtime.
    ///
    /// # Errors
    /// [`ReceiveError::Thread`]; [`ReceiveError::Bind`] if a socket cannot be used by the runtime.
    pub fn start(
        self,
        queue: Queue,
        options: ReceiveOptions,
        process: Option<Box<dyn Process>>,
    ) -> Result<Receivers, ReceiveError> {
        let intake = Arc::new(Intake::new(options.memory_bytes_max));
        let (listeners, sockets): (Vec<Listener>, Vec<Socket>) = self.listeners.into_iter().unzip();
        let shared = listeners
            .iter()
            .zip(&sockets)
            .enumerate()
            .map(|(number, (listener, socket))| {
                Arc::new(Shared {
                    number,
                    protocol: listener.protocol,
                    message_bytes_max: listener.message_bytes_max,
                    host: options.host.clone(),
                    zone: options.zone.clone(),
                    counts: Counts::new(listener.name(), socket.address()),
                    intake: intake.clone(),
                })
            });
        let shared: Arc<[Arc<Shared>]> = shared.collect();
        let listeners: Arc<[Listener]> = listeners.into();
        let record_bytes_max = record_bytes_max(queue.batch_bytes_max());
        let writer = Writer {
            intake: intake.clone(),
            record_bytes_max,
            queue,
            streams: Streams::new(listeners.clone(), &options),
            options,
            process,
            counts: shared.clone(),
            builder: BatchBuilder::new(),
            origins: HashMap::new(),
            refused: None,
            window: None,
            in_hand: Vec::new(),
        };
        let receivers = Receivers {
            record_bytes_max,
            intake: intake.clone(),
            stop: Stop {
                token: CancellationToken::new(),
                now: CancellationToken::new(),
            },
            tasks: TaskTracker::new(),
            writer: Some(
                std::thread::Builder::new()
                    .name("timberline-receive".into())
                    .spawn(move || writer.run())
                    .map_err(ReceiveError::Thread)?,
            ),
            shared,
        };
        for ((listener, socket), shared) in listeners.iter().zip(sockets).zip(receivers.shared.iter()) {
            receivers.run(listener, socket, shared.clone())?;
        }
        Ok(receivers)
    }
}

impl Receivers {
    /// What each listener has seen.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.iter().map(|shared| shared.counts.seen()).collect()
    }

    /// The way in for the input of this name that has no socket. To be called within a runtime.
    pub fn feed(&self, name: &str) -> Option<Feed> {
        let shared = self.shared.iter().find(|shared| shared.counts.name == name)?;
        Some(Feed {
            shared: shared.clone(),
            record_bytes_max: self.record_bytes_max,
            runtime: tokio::runtime::Handle::current(),
        })
    }

    /// As [`seen`](Self::seen), for others.
    pub fn watch(&self) -> impl Fn() -> Vec<Seen> + Clone + Send + Sync + use<> {
        let shared = self.shared.clone();
        move || shared.iter().map(|shared| shared.counts.seen()).collect()
    }

    /// Reads what has come, closes, and waits until the queue has it. When this returns, that is
    /// durable, or `deadline` is over and what is missing was counted.
    pub async fn stop(mut self, deadline: Duration) {
        let until = Instant::now() + deadline;
        self.stop.token.cancel();
        self.tasks.close();
        if tokio::time::timeout(deadline, self.tasks.wait()).await.is_err() {
            self.stop.now.cancel();
            self.tasks.wait().await;
        }
        self.intake.close(until);
        let Some(writer) = self.writer.take() else { return };
        match tokio::task::spawn_blocking(move || writer.join()).await {
            Ok(Ok(())) => {}
            _ => tracing::error!("the thread that appends messages ended badly"),
        }
    }

    fn run(&self, listener: &Listener, socket: Socket, shared: Arc<Shared>) -> Result<(), ReceiveError> {
        let fail = |source| ReceiveError::Bind {
            name: listener.name(),
            address: listener.listen.clone(),
            source,
        };
        let stop = self.stop.clone();
        match socket {
            Socket::Udp(socket) => {
                let inode = rustix::fs::fstat(&socket).map_or(0, |stat| stat.st_ino);
                // So that it fails here if it does.
                let mut first = Some(tokio::net::UdpSocket::from_std(socket.try_clone().map_err(fail)?).map_err(fail)?);
                let (panics, token) = (shared.clone(), stop.token.clone());
                let begin = move || {
                    let bound = match first.take() {
                        Some(bound) => bound,
                        None => tokio::net::UdpSocket::from_std(socket.try_clone()?)?,
                    };
                    Ok(udp::run(bound, inode, shared.clone(), token.clone()))
                };
                let note = move |panic: &(dyn std::any::Any + Send)| panics.counts.panicked("datagrams", panic);
                self.tasks.spawn(kept_alive(note, stop.token, begin));
            }
            Socket::Tcp(socket, tls) => {
                let mut first =
                    Some(tokio::net::TcpListener::from_std(socket.try_clone().map_err(fail)?).map_err(fail)?);
                let (panics, token) = (shared.clone(), stop.token.clone());
                let (connections, served) = (Arc::new(Connections::new(listener)), TaskTracker::new());
                let listening = Arc::new(Mutex::new(Some(socket)));
                let begin = move || {
                    let bound = match first.take() {
                        Some(bound) => bound,
                        None => match &*listening.lock() {
                            Some(socket) => tokio::net::TcpListener::from_std(socket.try_clone()?)?,
                            None => return Err(std::io::ErrorKind::NotConnected.into()),
                        },
                    };
                    let places = tcp::Places {
                        connections: connections.clone(),
                        tasks: served.clone(),
                        listening: listening.clone(),
                    };
                    Ok(tcp::run(bound, tls.clone(), places, shared.clone(), stop.clone()))
                };
                let note = move |panic: &(dyn std::any::Any + Send)| panics.counts.panicked("accepting", panic);
                self.tasks.spawn(kept_alive(note, token, begin));
            }
            Socket::Feed => {}
        }
        Ok(())
    }
}

impl Drop for Receivers {
    /// Dropped without a stop, everything ends as if killed.
    fn drop(&mut self) {
        self.stop.token.cancel();
        self.stop.now.cancel();
        self.intake.close(Instant::now());
    }
}

impl Socket {
    fn address(&self) -> SocketAddr {
        let address = match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Tcp(socket, _) => socket.local_addr(),
            Self::Feed => return SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        address.unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
    }
}

fn bind(listener: &Listener) -> Result<Socket, ReceiveError> {
    if listener.transport == Transport::Feed {
        return Ok(Socket::Feed);
    }
    let fail = |source| ReceiveError::Bind {
        name: listener.name(),
        address: listener.listen.clone(),
        source,
    };
    let addresses: Vec<SocketAddr> = listener.listen.to_socket_addrs().map_err(fail)?.collect();
    if listener.transport == Transport::Udp {
        let socket = UdpSocket::bind(&addresses[..]).map_err(fail)?;
        socket.set_nonblocking(true).map_err(fail)?;
        let wanted = listener.receive_buffer_bytes.min(i32::MAX as usize);
        // The system gives what it allows; drops are counted either way.
        if let Err(error) = socket2::SockRef::from(&socket).set_recv_buffer_size(wanted) {
            tracing::debug!(%error, "the socket's buffer stays as it is");
        }
        return Ok(Socket::Udp(socket));
    }
    let tls = match (&listener.tls, listener.transport) {
        (Some(files), Transport::Tls) => Some(Arc::new(Tls::new(&listener.listen, files)?)),
        (None, Transport::Tls) => {
            return Err(ReceiveError::Tls {
                address: listener.listen.clone(),
                path: "certificate".into(),
                reason: "a listener of TLS needs certificate and key".into(),
            });
        }
        _ => None,
    };
    let socket = TcpListener::bind(&addresses[..]).map_err(fail)?;
    socket.set_nonblocking(true).map_err(fail)?;
    Ok(Socket::Tcp(socket, tls))
}
