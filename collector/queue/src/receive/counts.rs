//! What a listener has seen since the start.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use super::panics::Panics;

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
    pub(super) connections_refused: AtomicU64,
    pub(super) panics: Panics,
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
    /// Connections closed at once because their peer had its share.
    pub connections_refused: u64,
    /// Panics of what serves this listener.
    pub panics: u64,
    /// Whether the last one was a moment ago.
    pub has_panicked: bool,
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
            connections_refused: zero(),
            panics: Panics::default(),
        }
    }

    /// Messages that are durable or lost.
    pub(super) fn taken(&self) -> u64 {
        self.durable_messages.load(Ordering::Relaxed) + self.lost.load(Ordering::Relaxed)
    }

    /// Takes note of a panic of what serves it.
    pub(super) fn panicked(&self, what: &str, panic: &(dyn std::any::Any + Send)) {
        self.panics.note(&self.name, what, panic);
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
            connections_refused: get(&self.connections_refused),
            panics: self.panics.count(),
            has_panicked: self.panics.is_recent(),
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
            (
                self.connections_refused,
                "connections refused because their peer had its share",
            ),
            (self.panics, "panics, which the log tells of"),
        ];
        let words: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Why a process with this listener is not ready, if so.
    pub fn not_ready(&self) -> Option<String> {
        self.has_panicked.then(|| {
            format!(
                "{} on {} panicked a moment ago and was begun anew; the log says more",
                self.name, self.address
            )
        })
    }
}

pub(super) fn add(count: &AtomicU64, n: u64) {
    count.fetch_add(n, Ordering::Relaxed);
}
