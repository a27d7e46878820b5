//! `Queue`: what stores speak.

use std::collections::BTreeSet;
use std::time::Duration;

use timberline_proto::id::IncarnationId;
use timberline_proto::tls::Role;
use timberline_proto::wire::v1::queue_server::Queue as QueueRpc;
use timberline_proto::wire::v1::{
    AgentsRequest, AgentsResponse, CommitRequest, CommitResponse, EraseRequest, EraseResponse, FetchRequest,
    FetchResponse, PartitionInfo, PartitionsRequest, PartitionsResponse, agents_response,
};
use timberline_queue::{EraseError, PartitionInfo as HeldPartition, QueueError};
use tonic::{Request, Response, Status};

use super::caller;
use crate::Collector;

/// Records that one call erases at most; stores ask in pieces.
const ERASED_AT_ONCE_MAX: u64 = 1_000_000;

pub(super) struct QueueService {
    collector: Collector,
}

impl QueueService {
    pub(super) fn new(collector: Collector) -> Self {
        Self { collector }
    }

    /// Whoever reads the queue reads every line: that is for stores.
    fn check<T>(&self, request: &Request<T>) -> Result<(), Status> {
        caller::peer(&self.collector, &caller::of(request), Role::Store).map(|_| ())
    }

    fn partition(&self, topic: &str, partition: u32) -> Result<HeldPartition, Status> {
        self.collector
            .queue()
            .partitions()
            .into_iter()
            .find(|held| held.topic == topic && held.partition == partition)
            .ok_or_else(|| Status::not_found(format!("no partition {topic}-{partition}")))
    }
}

/// What is to be erased, no more at once than is said to be bounded.
fn offsets(asked: &EraseRequest) -> Result<BTreeSet<u64>, Status> {
    let too_many = || Status::invalid_argument(format!("more than {ERASED_AT_ONCE_MAX} records at once"));
    if asked.first_offsets.len() != asked.counts.len() {
        return Err(Status::invalid_argument("each range has a first offset and a count"));
    }
    let mut gone = BTreeSet::new();
    for (&first, &count) in asked.first_offsets.iter().zip(&asked.counts) {
        if (gone.len() as u64).saturating_add(count) > ERASED_AT_ONCE_MAX {
            return Err(too_many());
        }
        gone.extend(first..first.saturating_add(count));
    }
    Ok(gone)
}

#[tonic::async_trait]
impl QueueRpc for QueueService {
    async fn partitions(&self, request: Request<PartitionsRequest>) -> Result<Response<PartitionsResponse>, Status> {
        self.check(&request)?;
        let partitions = self.collector.queue().partitions().into_iter().map(message).collect();
        Ok(Response::new(PartitionsResponse { partitions }))
    }

    async fn fetch(&self, request: Request<FetchRequest>) -> Result<Response<FetchResponse>, Status> {
        self.check(&request)?;
        let asked = request.into_inner();
        let held = self.partition(&asked.topic, asked.partition)?;
        if !asked.incarnation_id.is_empty() && asked.incarnation_id[..] != held.incarnation.0[..] {
            return Err(status(&QueueError::OtherIncarnation {
                expected: IncarnationId::try_from(&asked.incarnation_id[..])
                    .map_err(|error| Status::invalid_argument(error.to_string()))?,
                found: held.incarnation,
            }));
        }
        let options = self.collector.options();
        let wait = Duration::from_millis(u64::from(asked.wait_ms)).min(options.fetch_wait_max);
        let bytes_max = asked.bytes_max.clamp(1, options.fetch_bytes_max);
        let queue = self.collector.queue().clone();
        let (topic, partition, offset) = (asked.topic, asked.partition, asked.offset);
        queue.note_read(&asked.group, &topic, partition, offset);
        let fetched = tokio::task::spawn_blocking(move || {
            if !wait.is_zero() {
                queue.wait(&topic, partition, offset, wait);
            }
            queue.read(&topic, partition, offset, bytes_max)
        })
        .await
        .map_err(|error| Status::internal(error.to_string()))?
        .map_err(|error| status(&error))?;
        Ok(Response::new(FetchResponse {
            partition: Some(message(HeldPartition {
                end_offset: fetched.end_offset,
                ..held
            })),
            record_batches: fetched.batches,
            next_offset: fetched.next_offset,
        }))
    }

    async fn commit(&self, request: Request<CommitRequest>) -> Result<Response<CommitResponse>, Status> {
        self.check(&request)?;
        let asked = request.into_inner();
        let incarnation = IncarnationId::try_from(&asked.incarnation_id[..])
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let queue = self.collector.queue().clone();
        tokio::task::spawn_blocking(move || {
            queue.commit(&asked.group, &asked.topic, asked.partition, incarnation, asked.offset)
        })
        .await
        .map_err(|error| Status::internal(error.to_string()))?
        .map_err(|error| status(&error))?;
        Ok(Response::new(CommitResponse {}))
    }

    async fn erase(&self, request: Request<EraseRequest>) -> Result<Response<EraseResponse>, Status> {
        self.check(&request)?;
        let asked = request.into_inner();
        let incarnation = IncarnationId::try_from(&asked.incarnation_id[..])
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let gone = offsets(&asked)?;
        let queue = self.collector.queue().clone();
        let erased =
            tokio::task::spawn_blocking(move || queue.erase(&asked.topic, asked.partition, incarnation, &gone))
                .await
                .map_err(|error| Status::internal(error.to_string()))?
                .map_err(|error| match error {
                    EraseError::Queue(error) => status(&error),
                    later => Status::unavailable(later.to_string()),
                })?;
        Ok(Response::new(EraseResponse {
            records: erased.records,
            already: erased.already,
            missing: erased.missing,
            segments: erased.segments,
        }))
    }

    async fn agents(&self, request: Request<AgentsRequest>) -> Result<Response<AgentsResponse>, Status> {
        self.check(&request)?;
        let fleet = self.collector.fleet();
        let agents = fleet
            .agents()
            .into_iter()
            .map(|(_, agent)| agents_response::Agent {
                connected: fleet.is_connected(&agent),
                received_at_unix_nanos: agent.received_at_nanos,
                report: Some(agent.report),
            })
            .collect();
        let revoked = fleet.revoked();
        Ok(Response::new(AgentsResponse {
            agents,
            revoked_agent_ids: revoked.iter().map(|id| id.0.to_vec().into()).collect(),
        }))
    }
}

fn message(held: HeldPartition) -> PartitionInfo {
    PartitionInfo {
        topic: held.topic,
        partition: held.partition,
        incarnation_id: bytes::Bytes::copy_from_slice(&held.incarnation.0),
        start_offset: held.start_offset,
        end_offset: held.end_offset,
    }
}

/// `OUT_OF_RANGE` and `FAILED_PRECONDITION` tell a store to look at the partition anew.
fn status(error: &QueueError) -> Status {
    let message = error.to_string();
    match error {
        QueueError::NoPartition { .. } => Status::not_found(message),
        QueueError::OutOfRange { .. } => Status::out_of_range(message),
        QueueError::OtherIncarnation { .. } => Status::failed_precondition(message),
        QueueError::Locked { .. } | QueueError::NewerFormat { .. } | QueueError::Io { .. } => {
            Status::unavailable(message)
        }
    }
}
