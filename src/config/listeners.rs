//! `[[agent.syslog]]`, `[[agent.gelf]]`, `[[server.syslog]]`, `[[server.gelf]]`: listeners for other
//! programs' messages, and what holds for all of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
#[cfg(any(feature = "agent", feature = "collector"))]
use timberline_queue::receive::{self, Listener, Protocol};

use super::{Age, Size};

/// One listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListenerSection {
    /// `HOST:PORT`.
    pub(crate) listen: String,
    /// How messages come.
    pub(crate) transport: Transport,
    /// With `transport = "tls"`: the certificate and those that it rests on, PEM. Read again when it changes.
    pub(crate) certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub(crate) key: Option<PathBuf>,
    /// Senders must show a certificate that one of these has signed; anyone may send if absent.
    pub(crate) client_ca: Option<PathBuf>,
    /// The queue's topic.
    pub(crate) topic: String,
    /// Attributes of what comes; they win over those that messages name.
    pub(crate) attributes: BTreeMap<String, String>,
    /// Connections served at once; further ones wait until one ends or makes room.
    pub(crate) connections_max: u32,
    /// Connections of one peer (an address; of IPv6 a /64).
    pub(crate) connections_per_peer_max: u32,
    /// Where there is no place, a connection makes room on which nothing came for so long.
    pub(crate) idle_close_after: Age,
    /// A longer message is kept in pieces.
    pub(crate) message_bytes_max: Size,
    /// Datagrams that the kernel keeps until they are fetched, as far as it allows.
    pub(crate) receive_buffer_bytes: Size,
}

/// How messages come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    #[default]
    Udp,
    Tcp,
    Tls,
}

impl Default for ListenerSection {
    fn default() -> Self {
        Self {
            listen: String::new(),
            transport: Transport::Udp,
            certificate: None,
            key: None,
            client_ca: None,
            topic: "logs".to_owned(),
            attributes: BTreeMap::new(),
            connections_max: 256,
            connections_per_peer_max: 128,
            idle_close_after: Age::seconds(60),
            message_bytes_max: Size::kib(256),
            receive_buffer_bytes: Size::mib(4),
        }
    }
}

/// `[server.receive]`: what holds for all listeners of a collector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReceiveSection {
    /// Messages are made durable together, at most so long after the first came.
    pub(crate) commit_interval: Age,
    /// Messages that are not durable yet; beyond, connections are not read and datagrams dropped.
    pub(crate) memory_bytes_max: Size,
    /// Streams (host and program) known by name; records of further ones name theirs themselves.
    pub(crate) streams_max: u32,
}

impl Default for ReceiveSection {
    fn default() -> Self {
        Self {
            commit_interval: Age::millis(100),
            memory_bytes_max: Size::mib(64),
            streams_max: 10_000,
        }
    }
}

/// `[agent.outbox]`: the queue on the agent's disk for what cannot be read again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OutboxSection {
    /// Bytes on disk; beyond, connections are not read and datagrams dropped.
    pub(crate) bytes_max: Size,
    /// Messages are made durable together, at most so long after the first came.
    pub(crate) commit_interval: Age,
    /// Messages that are not durable yet; beyond, as at `bytes_max`.
    pub(crate) memory_bytes_max: Size,
    /// Streams (host and program) known by name; records of further ones name theirs themselves.
    pub(crate) streams_max: u32,
}

impl Default for OutboxSection {
    fn default() -> Self {
        Self {
            bytes_max: Size::gib(1),
            commit_interval: Age::millis(100),
            memory_bytes_max: Size::mib(64),
            streams_max: 10_000,
        }
    }
}

/// Both kinds of a section's listeners, as the listeners' own options.
#[cfg(any(feature = "agent", feature = "collector"))]
pub(super) fn listeners(syslog: &[ListenerSection], gelf: &[ListenerSection]) -> Vec<Listener> {
    let of = |protocol| move |section: &ListenerSection| section.options(protocol);
    let all = syslog.iter().map(of(Protocol::Syslog));
    all.chain(gelf.iter().map(of(Protocol::Gelf))).collect()
}

#[cfg(any(feature = "agent", feature = "collector"))]
impl ListenerSection {
    fn options(&self, protocol: Protocol) -> Listener {
        let files = (&self.certificate, &self.key, &self.client_ca);
        Listener {
            protocol,
            transport: match self.transport {
                Transport::Udp => receive::Transport::Udp,
                Transport::Tcp => receive::Transport::Tcp,
                Transport::Tls => receive::Transport::Tls,
            },
            listen: self.listen.clone(),
            tls: match files {
                (None, None, None) => None,
                (certificate, key, client_ca) => Some(receive::TlsFiles {
                    certificate: certificate.clone().unwrap_or_default(),
                    key: key.clone().unwrap_or_default(),
                    client_ca: client_ca.clone(),
                }),
            },
            topic: self.topic.clone(),
            attributes: self.attributes.clone(),
            connections_max: self.connections_max as usize,
            connections_per_peer_max: self.connections_per_peer_max as usize,
            idle_close_after: self.idle_close_after.get(),
            message_bytes_max: usize::try_from(self.message_bytes_max.get()).unwrap_or(usize::MAX),
            receive_buffer_bytes: usize::try_from(self.receive_buffer_bytes.get()).unwrap_or(usize::MAX),
        }
    }
}
