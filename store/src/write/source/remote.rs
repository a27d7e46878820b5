//! The queue of a collector elsewhere, over gRPC.
//!
//! The connection is made at the first call and again after it broke; who calls pauses between
//! attempts. A deadline over each call keeps a silent peer from holding a thread for ever.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use timberline_proto::id::IncarnationId;
use timberline_proto::tls::{CollectorUrl, Credentials};
use timberline_proto::wire::v1::queue_client::QueueClient;
use timberline_proto::wire::v1::{
    self, AgentsRequest, AgentsResponse, CommitRequest, EraseRequest, FetchRequest, PartitionsRequest,
};
use timberline_queue::{Erased, PartitionInfo};
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::{Batches, FetchFrom, GROUP, Source, SourceError, check, find};

/// Beyond the time that a fetch may wait on purpose.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A collector that answers no ping within this time, and as long again, is given up.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// A fetch gives at least one batch, however large the operator lets batches be.
const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// Records that are erased with one call; a collector takes no more than a million.
const ERASED_AT_ONCE: usize = 100_000;
/// Segments are written anew meanwhile.
const ERASE_TIMEOUT: Duration = Duration::from_secs(600);

/// Reads a collector's queue over its gRPC port.
#[derive(Clone, Debug)]
pub struct RemoteSource {
    address: String,
    client: QueueClient<Channel>,
    runtime: tokio::runtime::Handle,
}

impl RemoteSource {
    /// Over `address` (`http://host:4317`, or `https://` with `credentials`); connects with the first call, and again whenever the
    /// connection was lost. `runtime` drives the connection.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`] if the address is none.
    pub fn new(address: &str, credentials: &Credentials, runtime: tokio::runtime::Handle) -> Result<Self, SourceError> {
        let url = address.parse::<CollectorUrl>().map_err(SourceError::Unavailable)?;
        let endpoint = url
            .endpoint()
            .map_err(|error| SourceError::Unavailable(format!("{address} is no address of a collector: {error}")))?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true)
            .tcp_nodelay(true);
        let channel = {
            let _inside = runtime.enter();
            url.connect_lazy(&endpoint, credentials)
        };
        Ok(Self {
            address: address.to_owned(),
            client: QueueClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX),
            runtime,
        })
    }

    /// Every agent's last report to the collector.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`]
    pub async fn agents(&self) -> Result<AgentsResponse, SourceError> {
        let mut client = self.client.clone();
        let answer = tokio::time::timeout(CALL_TIMEOUT, client.agents(AgentsRequest {})).await;
        answer
            .unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")))
            .map(tonic::Response::into_inner)
            .map_err(|status| self.unavailable(&status))
    }

    fn call<T>(
        &self,
        timeout: Duration,
        call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, Status> {
        self.runtime.block_on(async {
            match tokio::time::timeout(timeout, call).await {
                Ok(answer) => answer.map(tonic::Response::into_inner),
                Err(_) => Err(Status::deadline_exceeded("no answer in time")),
            }
        })
    }

    fn unavailable(&self, status: &Status) -> SourceError {
        SourceError::Unavailable(format!("{}: {}: {}", self.address, status.code(), status.message()))
    }

    /// What a refusal means is seen from the partition as it is now, not from the code alone.
    fn explain(&self, from: &FetchFrom<'_>, status: &Status) -> SourceError {
        let about_the_partition = matches!(
            status.code(),
            Code::OutOfRange | Code::FailedPrecondition | Code::NotFound | Code::Aborted | Code::InvalidArgument
        );
        if !about_the_partition {
            return self.unavailable(status);
        }
        match find(self, from.topic, from.partition).and_then(|found| check(from, found)) {
            Ok(_) => self.unavailable(status),
            Err(error) => error,
        }
    }
}

impl Source for RemoteSource {
    fn partitions(&self) -> Result<Vec<PartitionInfo>, SourceError> {
        let mut client = self.client.clone();
        let answer = self
            .call(CALL_TIMEOUT, client.partitions(PartitionsRequest {}))
            .map_err(|status| self.unavailable(&status))?;
        answer.partitions.iter().map(partition_info).collect()
    }

    fn fetch(&self, from: &FetchFrom<'_>) -> Result<Batches, SourceError> {
        let mut client = self.client.clone();
        let request = FetchRequest {
            topic: from.topic.to_owned(),
            partition: from.partition,
            incarnation_id: from.incarnation.0.to_vec().into(),
            offset: from.offset,
            bytes_max: from.bytes_max,
            wait_ms: u32::try_from(from.wait.as_millis()).unwrap_or(u32::MAX),
            group: GROUP.to_owned(),
        };
        let answer = self
            .call(from.wait + CALL_TIMEOUT, client.fetch(request))
            .map_err(|status| self.explain(from, &status))?;
        let Some(partition) = &answer.partition else {
            return Err(SourceError::Unavailable(format!(
                "{}: an answer without its partition",
                self.address
            )));
        };
        let found = partition_info(partition)?;
        let end_offset = found.end_offset.max(answer.next_offset);
        if found.incarnation != from.incarnation || answer.next_offset < from.offset {
            check(from, found)?;
        }
        Ok(Batches {
            batches: answer.record_batches,
            next_offset: answer.next_offset.max(from.offset),
            end_offset,
        })
    }

    fn commit(&self, topic: &str, partition: u32, incarnation: IncarnationId, offset: u64) -> Result<(), SourceError> {
        let mut client = self.client.clone();
        let request = CommitRequest {
            group: GROUP.to_owned(),
            topic: topic.to_owned(),
            partition,
            incarnation_id: incarnation.0.to_vec().into(),
            offset,
        };
        match self.call(CALL_TIMEOUT, client.commit(request)) {
            Ok(_) => Ok(()),
            Err(status) => Err(self.unavailable(&status)),
        }
    }

    fn erase(
        &self,
        topic: &str,
        partition: u32,
        incarnation: IncarnationId,
        gone: &BTreeSet<u64>,
    ) -> Result<Erased, SourceError> {
        let mut all = Erased::default();
        let offsets: Vec<u64> = gone.iter().copied().collect();
        for piece in offsets.chunks(ERASED_AT_ONCE) {
            let (mut first_offsets, mut counts) = (Vec::new(), Vec::new());
            for run in piece.chunk_by(|one, next| one + 1 == *next) {
                first_offsets.push(run[0]);
                counts.push(run.len() as u64);
            }
            let request = EraseRequest {
                topic: topic.to_owned(),
                partition,
                incarnation_id: incarnation.0.to_vec().into(),
                first_offsets,
                counts,
            };
            let mut client = self.client.clone();
            let answer = match self.call(ERASE_TIMEOUT, client.erase(request)) {
                Ok(answer) => answer,
                Err(status) => {
                    // Whether the partition is another one is seen from the partition.
                    let found = find(self, topic, partition)?;
                    return Err(match found.incarnation == incarnation {
                        true => self.unavailable(&status),
                        false => SourceError::OtherIncarnation { partition: found },
                    });
                }
            };
            all.records += answer.records;
            all.already += answer.already;
            all.missing += answer.missing;
            all.segments += answer.segments;
        }
        Ok(all)
    }
}

fn partition_info(info: &v1::PartitionInfo) -> Result<PartitionInfo, SourceError> {
    let incarnation = IncarnationId::try_from(info.incarnation_id.as_ref()).map_err(|error| {
        SourceError::Unavailable(format!("incarnation of {}-{}: {error}", info.topic, info.partition))
    })?;
    Ok(PartitionInfo {
        topic: info.topic.clone(),
        partition: info.partition,
        incarnation,
        start_offset: info.start_offset,
        end_offset: info.end_offset,
        bytes: 0,
        damaged_batches: 0,
        failed: None,
    })
}
