//! What a listener has seen since the start.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// A listener's counters.
#[derive(Debug)]
pub struct Counts {
    /// `syslog-udp`, and so on.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    pub(super) messages: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) durable_bytes: AtomicU64,
    pub(super) durable_messages: AtomicU64,
    pub(super) dropped_full: AtomicU64,
    pub(super) dropped_bytes: AtomicU64,
    pub(super) dropped_kernel: AtomicU64,
    pub(super) chunks_given_up: AtomicU64,
    pub(super) unread: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) connections_failed: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `syslog-udp`, and so on.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Messages taken in, pieces of long ones each.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, durable in the queue or dropped by a rule.
    pub durable_messages: u64,
    /// Their bytes.
    pub durable_bytes: u64,
    /// Datagrams dropped because the intake was full.
    pub dropped_full: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// Datagrams that the kernel dropped.
    pub dropped_kernel: u64,
    /// Messages in chunks that never were whole.
    pub chunks_given_up: u64,
    /// Messages kept without having been read.
    pub unread: u64,
    /// Messages taken in that the queue did not take before the stop.
    pub lost: u64,
    /// Connections open now.
    pub connections: u64,
    /// Connections that ended badly, handshakes included.
    pub connections_failed: u64,
}

impl Counts {
    pub(super) fn new(name: String, address: SocketAddr) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            name,
            address,
            messages: zero(),
            bytes: zero(),
            durable_bytes: zero(),
            durable_messages: zero(),
            dropped_full: zero(),
            dropped_bytes: zero(),
            dropped_kernel: zero(),
            chunks_given_up: zero(),
            unread: zero(),
            lost: zero(),
            connections: zero(),
            connections_failed: zero(),
        }
    }

    /// The counters now.
    pub fn seen(&self) -> Seen {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        // What is durable is read first, so that it is never more than what was taken in.
        let (durable_messages, durable_bytes) = (get(&self.durable_messages), get(&self.durable_bytes));
        Seen {
            name: self.name.clone(),
            address: self.address,
            messages: get(&self.messages),
            bytes: get(&self.bytes),
            durable_messages,
            durable_bytes,
            dropped_full: get(&self.dropped_full),
            dropped_bytes: get(&self.dropped_bytes),
            dropped_kernel: get(&self.dropped_kernel),
            chunks_given_up: get(&self.chunks_given_up),
            unread: get(&self.unread),
            lost: get(&self.lost),
            connections: get(&self.connections),
            connections_failed: get(&self.connections_failed),
        }
    }
}

impl Seen {
    /// What was dropped, in words; none if nothing was.
    pub fn trouble(&self) -> Option<String> {
        let counts = [
            (
                self.dropped_full,
                "datagrams dropped because the queue or its memory was full",
            ),
            (self.dropped_kernel, "datagrams dropped by the kernel"),
            (self.chunks_given_up, "messages in chunks never whole"),
            (self.lost, "messages not taken by the queue"),
        ];
        let words: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

pub(super) fn add(count: &AtomicU64, n: u64) {
    count.fetch_add(n, Ordering::Relaxed);
}
