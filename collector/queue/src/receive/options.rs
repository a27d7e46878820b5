//! What can be set, and what can be wrong with it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use timberline_proto::id::AgentId;

/// No longer message is kept in one piece.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// What is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// RFC 5424, RFC 3164 and what devices make of it.
    #[default]
    Syslog,
    /// Graylog's JSON.
    Gelf,
    /// Lines of an input without a socket.
    Lines,
}

impl Protocol {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Gelf => "gelf",
            Self::Lines => "lines",
        }
    }
}

/// How it comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// Connections.
    Tcp,
    /// Connections within TLS.
    Tls,
    /// No socket: whoever has the [`Feed`](super::Feed).
    Feed,
}

impl Transport {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Feed => "feed",
        }
    }
}

/// What a listener of TLS shows and asks for. The files are read again when they have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsFiles {
    /// The certificate and those that it rests on, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// Senders must show a certificate that one of these has signed, PEM.
    pub client_ca: Option<PathBuf>,
}

/// One listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listener {
    /// What is spoken.
    pub protocol: Protocol,
    /// How it comes.
    pub transport: Transport,
    /// `HOST:PORT`.
    pub listen: String,
    /// With TLS.
    pub tls: Option<TlsFiles>,
    /// The topic that its records go to.
    pub topic: String,
    /// Attributes of its streams; they win over those that messages name.
    pub attributes: BTreeMap<String, String>,
    /// Connections served at once; further ones wait until one ends or makes room.
    pub connections_max: usize,
    /// Connections of one peer (an address; of IPv6 a /64); further ones are closed at once, unless one
    /// of it makes room.
    pub connections_per_peer_max: usize,
    /// Where there is no place, a connection makes room on which nothing came for so long.
    pub idle_close_after: Duration,
    /// A longer message is kept in pieces. A datagram is never cut.
    pub message_bytes_max: usize,
    /// Bytes of datagrams that the kernel keeps until they are fetched, as far as it allows.
    pub receive_buffer_bytes: usize,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            protocol: Protocol::Syslog,
            transport: Transport::Udp,
            listen: String::new(),
            tls: None,
            topic: "logs".into(),
            attributes: BTreeMap::new(),
            connections_max: 256,
            connections_per_peer_max: 128,
            idle_close_after: Duration::from_secs(60),
            message_bytes_max: 256 << 10,
            receive_buffer_bytes: 4 << 20,
        }
    }
}

impl Listener {
    /// Checks what types do not.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn check(&self) -> Result<(), String> {
        let address = &self.listen;
        if self.transport == Transport::Feed {
            return Ok(());
        }
        let parts = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        let port = parts.and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() {
            return Err(format!(
                "listen = {address:?} is no address; write HOST:PORT, such as \"0.0.0.0:5514\""
            ));
        }
        if self.connections_max == 0 {
            return Err(format!("of {address}: connections_max must be at least 1"));
        }
        if self.connections_per_peer_max == 0 {
            return Err(format!("of {address}: connections_per_peer_max must be at least 1"));
        }
        if self.message_bytes_max < 1024 || self.message_bytes_max > MESSAGE_BYTES_MAX {
            return Err(format!("of {address}: message_bytes_max must be 1 KiB to 16 MiB"));
        }
        if self.tls.is_some() != (self.transport == Transport::Tls) {
            return Err(format!(
                "of {address}: certificate and key go with transport = \"tls\", and that needs both"
            ));
        }
        Ok(())
    }

    /// `syslog-udp`, and so on; of an input without a socket its own.
    pub fn name(&self) -> String {
        if self.transport == Transport::Feed {
            return self.listen.clone();
        }
        format!("{}-{}", self.protocol.name(), self.transport.name())
    }
}

/// What holds for all listeners of a process.
#[derive(Clone)]
pub struct ReceiveOptions {
    /// The agent to which the records belong: they get a generation and places, so that a collector
    /// recognises what it has taken. None: they are appended as they are.
    pub agent: Option<AgentId>,
    /// Messages are made durable together, at most so long after the first came.
    pub commit_interval: Duration,
    /// Bytes of messages in one batch.
    pub batch_bytes_max: usize,
    /// Records in one batch.
    pub batch_records_max: usize,
    /// Bytes of messages, with what was read of them, that are not durable yet.
    pub memory_bytes_max: usize,
    /// Streams (host and program) known by name; records of further ones go to their listener's own
    /// stream and name theirs themselves.
    pub streams_max: usize,
    /// zstd level of batches.
    pub zstd_level: i32,
    /// Attributes of all streams; a listener's win over them.
    pub attributes: BTreeMap<String, String>,
    /// This machine's name, for messages of it that name no host.
    pub host: String,
    /// The zone of times that name none.
    pub zone: jiff::tz::TimeZone,
    /// Called after each commit.
    pub committed: Arc<dyn Fn() + Send + Sync>,
}

impl Default for ReceiveOptions {
    fn default() -> Self {
        Self {
            agent: None,
            commit_interval: Duration::from_millis(100),
            batch_bytes_max: 1 << 20,
            batch_records_max: 16_384,
            memory_bytes_max: 64 << 20,
            streams_max: 10_000,
            zstd_level: 1,
            attributes: BTreeMap::new(),
            host: "localhost".into(),
            zone: jiff::tz::TimeZone::UTC,
            committed: Arc::new(|| {}),
        }
    }
}

impl std::fmt::Debug for ReceiveOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceiveOptions").finish_non_exhaustive()
    }
}

/// Why a listener does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The address cannot be had.
    #[error("cannot listen for {name} on {address}: {source}")]
    Bind {
        /// The listener.
        name: String,
        /// As it is set.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("TLS of the listener on {address}: {path}: {reason}")]
    Tls {
        /// The listener's address.
        address: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}
