//! Datagrams: each is a message (RFC 5426), or a chunk of GELF.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use timberline_proto::receive::{CHUNK_MAGIC, Chunk, ChunkLimits, Chunks};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::counts::add;
use super::drops;
use super::options::Protocol;
use super::reading::{Piece, Reading, Shared};

/// No datagram is larger.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Datagrams taken before others get a turn.
const TURN: usize = 256;

/// How long what the system still holds is read at a stop.
const STOP_READ: std::time::Duration = std::time::Duration::from_secs(1);
const UPKEEP: Duration = Duration::from_secs(1);

struct Udp {
    inode: u64,
    reading: Reading,
    chunks: Chunks<SocketAddr>,
    buffer: Vec<u8>,
}

/// Takes datagrams until told to stop, then what has come by then.
pub(super) async fn run(socket: UdpSocket, inode: u64, shared: Arc<Shared>, stop: CancellationToken) {
    let mut udp = Udp {
        inode,
        reading: Reading::new(shared),
        chunks: Chunks::new(ChunkLimits::default()),
        buffer: vec![0; DATAGRAM_BYTES_MAX],
    };
    let mut upkeep = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = upkeep.tick() => udp.upkeep(),
            ready = socket.readable() => {
                if ready.is_err() {
                    tokio::time::sleep(UPKEEP).await;
                }
                for _ in 0..TURN {
                    let Ok((len, peer)) = socket.try_recv_from(&mut udp.buffer) else {
                        break;
                    };
                    udp.take(len, peer);
                }
                tokio::task::yield_now().await;
            }
        }
    }
    // The socket itself is asked for what is left: what the runtime knows of it may be older than a
    // datagram that has come.
    match socket.into_std() {
        Ok(socket) => {
            // A sender that does not pause would keep the stop waiting.
            let end = Instant::now() + STOP_READ;
            let mut taken = 0;
            while Instant::now() < end
                && let Ok((len, peer)) = socket.recv_from(&mut udp.buffer)
            {
                udp.take(len, peer);
                taken += 1;
                if taken % TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
        Err(error) => tracing::warn!(%error, "the socket cannot be read to its end"),
    }
    udp.upkeep();
}

impl Udp {
    fn take(&mut self, len: usize, peer: SocketAddr) {
        let datagram = &self.buffer[..len];
        let protocol = self.reading.shared.protocol;
        let ready = if protocol == Protocol::Gelf && datagram.starts_with(&CHUNK_MAGIC) {
            match self.chunks.take(peer, datagram, Instant::now()) {
                Ok(Chunk::Waits) => return,
                Ok(Chunk::Whole(message)) => self.reading.read_packed(peer.ip(), &message),
                Err(refused) => self
                    .reading
                    .read(peer.ip(), datagram, Piece::WHOLE, Some(&refused.to_string())),
            }
        } else {
            let message = match protocol {
                Protocol::Syslog => without_end(datagram),
                Protocol::Gelf | Protocol::Lines => datagram,
            };
            if message.is_empty() {
                return;
            }
            self.reading.read_packed(peer.ip(), message)
        };
        let shared = &self.reading.shared;
        match shared.intake.try_room(ready.cost) {
            Some(room) => self.reading.put(ready, room),
            None => {
                if shared.counts.dropped_full.fetch_add(1, Ordering::Relaxed) == 0 {
                    tracing::warn!(
                        listener = shared.counts.name,
                        address = %shared.counts.address,
                        "datagrams are dropped: the queue does not take them as fast as they come; the agent's report and the metrics count them"
                    );
                }
                add(&shared.counts.dropped_bytes, len as u64);
            }
        }
    }

    fn upkeep(&mut self) {
        self.chunks.expire(Instant::now());
        let counts = &self.reading.shared.counts;
        counts.chunks_given_up.store(self.chunks.given_up(), Ordering::Relaxed);
        if let Some(dropped) = drops::of(self.inode) {
            let before = counts.dropped_kernel.swap(dropped, Ordering::Relaxed);
            if before == 0 && dropped > 0 {
                tracing::warn!(
                    listener = counts.name,
                    address = %counts.address,
                    dropped,
                    "the kernel dropped datagrams: raise receive_buffer_bytes and the system's net.core.rmem_max"
                );
            }
        }
    }
}

/// Some senders end a datagram as they would a line.
fn without_end(datagram: &[u8]) -> &[u8] {
    let end = datagram.iter().rposition(|b| !b"\r\n\0".contains(b));
    &datagram[..end.map_or(0, |end| end + 1)]
}
