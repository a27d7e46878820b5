//! The collector's limits, each with its name.

use std::path::PathBuf;
use std::time::Duration;

use timberline_queue::QueueOptions;

use crate::service::ConnectionLimits;
use crate::trust::TrustOptions;

/// What `GET /api/v1/topics/{topic}/{partition}/messages` shows at once.
#[derive(Clone, Copy, Debug)]
pub struct MessageLimits {
    /// Messages of a page at most.
    pub messages_max: usize,
    /// A page ends once so many bytes are shown.
    pub page_bytes_max: usize,
    /// Of a key, a value, a header so many bytes are shown.
    pub shown_bytes_max: usize,
    /// Headers of a message that are shown.
    pub headers_max: usize,
}

impl Default for MessageLimits {
    fn default() -> Self {
        Self {
            messages_max: 200,
            page_bytes_max: 1 << 20,
            shown_bytes_max: 16 << 10,
            headers_max: 64,
        }
    }
}

/// How a collector works. Units are in the names; the binary fills this from its configuration.
#[derive(Clone, Debug)]
pub struct CollectorOptions {
    /// Where the queue lives.
    pub queue_dir: PathBuf,
    /// How machines are known; none are, and the gRPC port speaks plain text, if absent.
    pub trust: Option<TrustOptions>,
    /// What bounds connections to the gRPC port.
    pub grpc: ConnectionLimits,
    /// Says what is wrong with a configuration that is to be pushed.
    pub check_pushed: Option<crate::rollout::CheckConfig>,
    /// The queue's own limits.
    pub queue: QueueOptions,
    /// Batches of one stream of an agent that may be without a verdict. At the limit the
    /// collector reads no further from that stream.
    pub in_flight_max: u32,
    /// Bytes of batches of all streams that may be without a verdict. At the limit the collector reads no
    /// further from any.
    pub in_flight_bytes_max: u64,
    /// What an agent is asked to wait after [`TRY_AGAIN`](timberline_proto::wire::v1::ship_response::Verdict).
    pub retry_after: Duration,
    /// A fetch of a store waits at most so long for new records.
    pub fetch_wait_max: Duration,
    /// A fetch of a store gets about so much at most.
    pub fetch_bytes_max: u64,
    /// A body of `POST /api/v1/ingest`.
    pub ingest_body_bytes_max: usize,
    /// Lines of one record batch made by a receiver.
    pub ingest_batch_records_max: usize,
    /// What browsing shows at once.
    pub messages: MessageLimits,
    /// How often retention is enforced.
    pub retention_interval: Duration,
    /// An agent that has not reported for so long counts as not connected.
    pub agent_timeout: Duration,
    /// An agent that has not reported for so long is forgotten with its files: until then it holds
    /// back what is complete.
    pub agent_forget_after: Duration,
    /// After a loss an agent's health is an error for so long.
    pub loss_error_for: Duration,
    /// Agents remembered at most; the one that has been silent longest is forgotten first.
    pub agents_max: usize,
    /// zstd level of batches made by a receiver.
    pub zstd_level: i32,
    /// The zone of times that name none.
    pub zone: jiff::tz::TimeZone,
    /// This machine's name, for records that name no host.
    pub host: String,
}
