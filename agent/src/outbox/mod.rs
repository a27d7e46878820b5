//! What cannot be read again goes through a queue on the agent's own disk before it is shipped.
//!
//! ```text
//! listeners ─► DATA/agent/outbox (a queue, fsync) ─► reader (thread) ─► shipper ══► collector
//!                        ▲                              │
//!                        └──── position, retention ◄────┘ after the ack
//! ```
//! - A record is encoded once, on its way into the outbox: its batch there says already which
//!   generation and bytes it is, and these bytes are shipped. A batch whose ack is lost is sent again
//!   and recognised by the collector.
//! - Each run of the agent begins a generation for each topic. So what is appended after a data
//!   directory was restored or copied is never taken for what another run has sent.
//! - The position of the group [`GROUP`] moves after the ack, in order; what is behind it is deleted,
//!   segment by segment.
//! - At `bytes_max` the outbox takes nothing: connections are not read, datagrams are dropped, counted
//!   and reported.
//!
//! | module | what it does |
//! |---|---|
//! | `config` | what can be set |
//! | `reader` | the thread: reads, ships, moves the position |
//! | `topic` | one topic of it: what is under way, how far it is shipped |
//! | `foreign` | what was left there under another agent's id |
//! | `recut` | batches that a collector takes only in part or only smaller |
//! | `rules` | the agent's rules for what is received |
//! | `report` | what the status says of listeners and outbox |

mod config;
mod foreign;
mod reader;
mod recut;
mod report;
mod rules;
mod topic;

use std::sync::Arc;
use std::time::Duration;

use timberline_proto::id::AgentId;
use timberline_queue::receive::{Bound, ReceiveOptions, Receivers};
use timberline_queue::{Queue, QueueOptions};

pub use config::OutboxConfig;
pub(crate) use reader::Reader;
pub(crate) use report::OutboxState;

use crate::config::AgentConfig;
use crate::error::AgentError;
use crate::inbox::Inbox;
use crate::journald;
use crate::stdin::StdinConfig;
use rules::ReceivedRules;

/// The consumer group that ships.
const GROUP: &str = "ship";
/// Below the agent's data directory.
const DIR: &str = "outbox";
/// A segment is at most this part of the outbox, so that space comes back in small steps …
const SEGMENTS_MIN: u64 = 8;
/// … and takes the longest message that a listener may be set to, as a whole.
const SEGMENT_BYTES_MAX: u64 = 24 << 20;
const SEGMENT_BYTES_MIN: u64 = 4 << 20;

/// An outbox that is open, and listeners whose sockets are bound.
pub(crate) struct Outbox {
    pub(crate) queue: Queue,
    bound: Bound,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) state: Arc<OutboxState>,
}

impl Outbox {
    /// Opens it where listeners are set, or where an earlier run has left something to ship.
    pub(crate) fn open(config: &AgentConfig) -> Result<Option<Self>, AgentError> {
        let dir = config.data_dir.join(DIR);
        let mut listeners = config.listeners.clone();
        listeners.extend(config.stdin.as_ref().map(StdinConfig::listener));
        if listeners.is_empty() && config.journald.is_none() && !dir.exists() {
            return Ok(None);
        }
        let bound = Bound::bind(listeners)?;
        let queue = Queue::open(&dir, queue_options(&config.outbox))?;
        Ok(Some(Self {
            state: Arc::new(OutboxState::new(queue.clone())),
            queue,
            bound,
            inbox: Arc::default(),
        }))
    }

    /// Where its listeners listen: `syslog-udp`, address.
    pub(crate) fn addresses(&self) -> Vec<(String, std::net::SocketAddr)> {
        self.bound.addresses()
    }

    /// Lets the listeners take messages, and makes the reader of the journal. To be called within a
    /// runtime.
    pub(crate) fn start(self, config: &AgentConfig, agent: AgentId) -> Result<Started, AgentError> {
        let inbox = self.inbox;
        let options = ReceiveOptions {
            agent: Some(agent),
            commit_interval: config.outbox.commit_interval,
            batch_bytes_max: config.batch_bytes_max as usize,
            batch_records_max: config.batch_records_max as usize,
            memory_bytes_max: config.outbox.memory_bytes_max as usize,
            streams_max: config.outbox.streams_max,
            zstd_level: config.compression_level,
            attributes: config.attributes.clone(),
            host: config.host.clone(),
            zone: config.time_zone()?,
            committed: Arc::new(move || inbox.hint_all()),
        };
        let journald = config.journald.as_ref().map(|set| {
            let rules = config.rules().map(ReceivedRules::new)?;
            let (queue, options) = (self.queue.clone(), options.clone());
            let reader = journald::Reader::new(set, &config.data_dir, queue, options, Box::new(rules));
            self.state.watch(reader.windows().watch());
            Ok::<_, AgentError>(reader)
        });
        let rules = ReceivedRules::new(config.rules()?);
        let receivers = self.bound.start(self.queue, options, Some(Box::new(rules)))?;
        self.state.watch(receivers.watch());
        Ok(Started {
            receivers,
            journald: journald.transpose()?,
        })
    }
}

/// What fills an outbox.
pub(crate) struct Started {
    pub(crate) receivers: Receivers,
    pub(crate) journald: Option<journald::Reader>,
}

fn queue_options(config: &OutboxConfig) -> QueueOptions {
    let segment_bytes_max = (config.bytes_max / SEGMENTS_MIN).clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
    QueueOptions {
        partitions: 1,
        segment_bytes_max,
        bytes_max: config.bytes_max,
        // What is shipped is deleted at once.
        retention_bytes: 0,
        retention_age: Duration::ZERO,
        // Its bound is hard: slowing down before it would only drop datagrams earlier.
        high_water_percent: 100,
        required_groups: vec![GROUP.to_owned()],
        // What is larger is cut into parts on its way in.
        batch_bytes_max: segment_bytes_max - (1 << 20),
        ..QueueOptions::default()
    }
}
