//! Messages of one connection.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use timberline_proto::tls::CollectorUrl;
use timberline_proto::wire::v1::ship_response::Verdict as WireVerdict;
use timberline_proto::wire::v1::{Machine, ReportRequest, ShipRequest, ShipResponse, Work};
use tonic::transport::Channel;

use super::Batch;
use super::window::Verdict;
use crate::config::AgentConfig;
use crate::status::AgentStatus;
use timberline_proto::id::AgentId;

/// The collector's batch limit if it names none.
const TRY_AGAIN_DEFAULT: Duration = Duration::from_millis(500);

/// Files in a report that are left out on purpose, at most.
const LEFT_OUT_MAX: usize = 1000;

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error("cannot connect to {endpoint}: {source}")]
    Connect {
        endpoint: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{}: {}", .0.code(), .0.message())]
    Status(#[from] Box<tonic::Status>),
    #[error("the collector closed the stream")]
    Closed,
    #[error("no verdict for {} s", .0.as_secs())]
    Silent(Duration),
}

impl From<tonic::Status> for SessionError {
    fn from(status: tonic::Status) -> Self {
        Self::Status(Box::new(status))
    }
}

/// Connects anew, which also resolves the name anew. A dead peer is noticed by HTTP/2 pings.
/// Certificates are read anew, too.
pub(super) async fn connect(url: &CollectorUrl, config: &AgentConfig) -> Result<Channel, SessionError> {
    let failed = |error: tonic::transport::Error| {
        let mut source: &dyn std::error::Error = &error;
        while let Some(inner) = source.source() {
            source = inner;
        }
        SessionError::Connect {
            endpoint: url.to_string(),
            source: source.to_string().into(),
        }
    };
    let endpoint = url
        .endpoint()
        .map_err(failed)?
        .connect_timeout(Duration::from_secs(5))
        .tcp_nodelay(true)
        .tcp_keepalive(Some(Duration::from_secs(30)))
        .http2_keep_alive_interval(config.keepalive_interval)
        .keep_alive_timeout(config.keepalive_interval)
        .keep_alive_while_idle(true);
    url.connect(&endpoint, &config.credentials()).await.map_err(failed)
}

pub(super) fn request(agent: AgentId, sequence: u64, batch: &Batch) -> ShipRequest {
    ShipRequest {
        sequence,
        topic: batch.topic.to_string(),
        agent_id: id_bytes(agent.0),
        generation_id: id_bytes(batch.generation.0),
        range_start: batch.start,
        range_end: batch.end,
        record_count: batch.records.max(1),
        record_batch: batch.bytes.clone(),
    }
}

pub(super) fn verdict(response: &ShipResponse) -> Verdict {
    match response.verdict() {
        WireVerdict::Appended | WireVerdict::Duplicate => Verdict::Durable,
        WireVerdict::Refused => Verdict::Refused {
            end: response.generation_end,
        },
        WireVerdict::Rejected => Verdict::Rejected {
            why: response.message.clone(),
        },
        // A verdict of a newer collector that is not known here moves nothing.
        WireVerdict::TryAgain | WireVerdict::Unspecified => match response.retry_after_ms {
            0 => Verdict::TryAgain {
                after: TRY_AGAIN_DEFAULT,
            },
            ms => Verdict::TryAgain {
                after: Duration::from_millis(u64::from(ms)),
            },
        },
    }
}

pub(super) fn report(config: &AgentConfig, status: &AgentStatus, now_nanos: i64) -> ReportRequest {
    let (left_out, files): (Vec<_>, Vec<_>) = status.files.iter().partition(|file| file.left_out);
    ReportRequest {
        agent_id: id_bytes(status.agent.0),
        host: config.host.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        files: files.into_iter().map(Into::into).collect(),
        sent_at_unix_nanos: now_nanos,
        machine: Some(MACHINE.clone()),
        started_at_unix_nanos: status.started_at_nanos,
        work: Some(Work {
            records_read: status.records_read,
            records_acked: status.records_acked,
            batches_pending: status.batches_pending,
            lost_bytes: status.lost_bytes,
            dead_letter_records: status.dead_letter_records,
            open_files: status.open_files,
            registry_error: status.registry_error.clone().unwrap_or_default(),
        }),
        left_out_total: left_out.len() as u64,
        left_out: left_out.into_iter().take(LEFT_OUT_MAX).map(Into::into).collect(),
    }
}

/// What does not change while the agent runs.
static MACHINE: LazyLock<Machine> = LazyLock::new(|| {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    Machine {
        os: std::env::consts::OS.into(),
        arch: std::env::consts::ARCH.into(),
        kernel: kernel.trim().into(),
        cpus: cpus as u32,
    }
});

pub(super) fn id_bytes(id: [u8; 16]) -> Bytes {
    Bytes::copy_from_slice(&id)
}
