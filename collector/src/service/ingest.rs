//! `Ingest`: what agents speak.
//!
//! A stream of batches is handled by one thread that checks each batch and hands it to the queue
//! in the order of arrival; verdicts go back as the queue's group commit gives them. The number of
//! batches between the two is bounded by `in_flight_max`: at the bound nothing more is read, and
//! HTTP/2 flow control holds the agent back. So it is where all streams together hold more than
//! `in_flight_bytes_max`.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use timberline_proto::batch;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::tls::Role;
use timberline_proto::wire::v1::ingest_server::Ingest;
use timberline_proto::wire::v1::ship_response::Verdict;
use timberline_proto::wire::v1::{
    GenerationEndsRequest, GenerationEndsResponse, HelloRequest, HelloResponse, ReportRequest, ReportResponse,
    ShipRequest, ShipResponse, generation_ends_response,
};
use timberline_queue::{Append, AppendError, Appended};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::caller;
use super::owners::{Claim, NotOwner, Owners};
use super::room::Room;
use super::topics::Topics;
use crate::Collector;

/// Generations asked for in one request at most.
const GENERATIONS_MAX: usize = 100_000;

pub(super) struct IngestService {
    collector: Collector,
    shutdown: CancellationToken,
    owners: Arc<Owners>,
    topics: Arc<Topics>,
    room: Room,
}

impl IngestService {
    pub(super) fn new(collector: Collector, shutdown: CancellationToken) -> Self {
        Self {
            room: Room::new(collector.options().in_flight_bytes_max),
            collector,
            shutdown,
            owners: Arc::default(),
            topics: Arc::default(),
        }
    }

    /// As whom the caller may speak; none if it may speak as anyone.
    fn caller<T>(&self, request: &Request<T>) -> Result<Option<AgentId>, Status> {
        caller::peer(&self.collector, &caller::of(request), Role::Agent)
    }
}

#[tonic::async_trait]
impl Ingest for IngestService {
    type ShipStream = Pin<Box<dyn Stream<Item = Result<ShipResponse, Status>> + Send>>;

    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let caller = self.caller(&request)?;
        let hello = request.into_inner();
        let agent = agent_id(&hello.agent_id)?;
        caller::is(&self.collector, caller, agent)?;
        tracing::info!(%agent, host = hello.host, version = hello.version, "agent connected");
        let options = self.collector.options();
        Ok(Response::new(HelloResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            batch_bytes_max: options.queue.batch_bytes_max,
            in_flight_max: options.in_flight_max,
        }))
    }

    async fn ship(&self, request: Request<Streaming<ShipRequest>>) -> Result<Response<Self::ShipStream>, Status> {
        let caller = self.caller(&request)?;
        let in_flight_max = self.collector.options().in_flight_max.max(1) as usize;
        let (batches, received) = mpsc::channel(in_flight_max);
        // The queue answers each batch once, and no more than `in_flight_max` wait for that, so a
        // verdict always finds room here.
        let (verdicts, answers) = mpsc::channel(2 * in_flight_max);
        let lane = Lane {
            collector: self.collector.clone(),
            verdicts,
            in_flight: Arc::new(Semaphore::new(in_flight_max)),
            caller,
            owners: self.owners.clone(),
            topics: self.topics.clone(),
        };
        tokio::spawn(Arc::new(lane).run(received));
        let room = self.room.clone();
        tokio::spawn(forward(request.into_inner(), room, batches, self.shutdown.clone()));
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn generation_ends(
        &self,
        request: Request<GenerationEndsRequest>,
    ) -> Result<Response<GenerationEndsResponse>, Status> {
        let caller = self.caller(&request)?;
        let asked = request.into_inner();
        if let Some(caller) = caller {
            caller::is(&self.collector, Some(caller), agent_id(&asked.agent_id)?)?;
        }
        if asked.generation_ids.len() > GENERATIONS_MAX {
            return Err(Status::invalid_argument(format!(
                "ask for at most {GENERATIONS_MAX} generations at once"
            )));
        }
        let queue = self.collector.queue();
        let mut ends = Vec::with_capacity(asked.generation_ids.len());
        for bytes in asked.generation_ids {
            let generation =
                GenerationId::try_from(&bytes[..]).map_err(|error| Status::invalid_argument(error.to_string()))?;
            let end = queue.generation_end(&asked.topic, generation);
            ends.push(generation_ends_response::End {
                generation_id: bytes,
                known: end.is_some(),
                end: end.unwrap_or(0),
            });
        }
        Ok(Response::new(GenerationEndsResponse { ends }))
    }

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        let caller = self.caller(&request)?;
        let report = request.into_inner();
        let agent = agent_id(&report.agent_id)?;
        caller::is(&self.collector, caller, agent)?;
        self.collector.fleet().report(agent, report);
        Ok(Response::new(ReportResponse {}))
    }
}

/// A batch that was read, and the room that it takes until the queue has it.
type Read = (ShipRequest, OwnedSemaphorePermit);

/// Bytes that a request holds, whatever they are.
fn size_of(request: &ShipRequest) -> usize {
    request.record_batch.len() + request.topic.len() + request.agent_id.len() + request.generation_id.len()
}

/// Moves requests from the wire to the lane. Ends with the stream, or at shutdown.
async fn forward(
    mut stream: Streaming<ShipRequest>,
    room: Room,
    batches: mpsc::Sender<Read>,
    shutdown: CancellationToken,
) {
    loop {
        let next = async {
            let request = stream.message().await?;
            let Some(request) = request else { return Ok(None) };
            let permit = room.take(size_of(&request)).await;
            Ok::<_, Status>(Some((request, permit)))
        };
        let next = tokio::select! {
            next = next => next,
            () = shutdown.cancelled() => return,
        };
        match next {
            Ok(Some(read)) => {
                if batches.send(read).await.is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(status) => {
                tracing::debug!(%status, "an agent's stream ended");
                return;
            }
        }
    }
}

/// One stream's batches on their way into the queue.
struct Lane {
    /// As whom the agent may speak; none if as anyone.
    caller: Option<AgentId>,
    owners: Arc<Owners>,
    topics: Arc<Topics>,
    collector: Collector,
    verdicts: mpsc::Sender<Result<ShipResponse, Status>>,
    in_flight: Arc<Semaphore>,
}

impl Lane {
    /// Takes batches, one after the other. A stream that waits holds no thread: there are more agents
    /// than threads.
    async fn run(self: Arc<Self>, mut received: mpsc::Receiver<Read>) {
        while let Some((request, room)) = received.recv().await {
            let Ok(permit) = Arc::clone(&self.in_flight).acquire_owned().await else {
                return;
            };
            let lane = Arc::clone(&self);
            let goes_on = tokio::task::spawn_blocking(move || lane.take(&request, (permit, room)));
            if !matches!(goes_on.await, Ok(true)) {
                return;
            }
        }
    }

    /// Gives one batch to the queue, or says why not; whether the stream goes on. Blocks: the batch is
    /// unpacked and walked, and a queue that has much to write makes callers wait.
    fn take(&self, request: &ShipRequest, permits: (OwnedSemaphorePermit, OwnedSemaphorePermit)) -> bool {
        let sequence = request.sequence;
        if let Some(status) = self.refuse_foreign(request) {
            tracing::warn!(%status, "a batch of another agent was refused");
            // Without room the stream ends without a word, which is as good.
            self.verdicts.try_send(Err(status)).ok();
            return false;
        }
        match self.check(request) {
            Ok((append, claim)) => {
                let verdicts = self.verdicts.clone();
                let retry_after_ms = self.retry_after_ms();
                let collector = self.collector.clone();
                let done = move |outcome| {
                    collector.health().note(&outcome);
                    if let (Some(claim), Ok(Appended::At { .. })) = (claim, &outcome) {
                        claim.appended();
                    }
                    send(&verdicts, verdict(sequence, outcome, retry_after_ms));
                    drop(permits);
                };
                self.collector
                    .queue()
                    .append_then(&request.topic, append, Box::new(done));
            }
            Err(NotTaken::Later(message)) => {
                send(&self.verdicts, try_again(sequence, message, self.retry_after_ms()));
            }
            Err(NotTaken::Never(message)) => {
                tracing::warn!(sequence, message, "batch rejected");
                send(&self.verdicts, rejected(sequence, message));
            }
        }
        true
    }

    fn retry_after_ms(&self) -> u32 {
        u32::try_from(self.collector.options().retry_after.as_millis()).unwrap_or(u32::MAX)
    }

    /// Why nothing more is taken from this stream: it speaks in the name of another agent.
    fn refuse_foreign(&self, request: &ShipRequest) -> Option<Status> {
        match AgentId::try_from(&request.agent_id[..]) {
            Ok(named) => caller::is(&self.collector, self.caller, named).err(),
            Err(error) if self.caller.is_some() => {
                Some(Status::permission_denied(format!("a batch without its agent: {error}")))
            }
            Err(_) => None,
        }
    }

    /// Walks the batch once and checks that it is what the message beside it says, and the caller's.
    fn check(&self, request: &ShipRequest) -> Result<(Append, Option<Claim>), NotTaken> {
        let limits = &self.collector.options().queue;
        let bytes = &request.record_batch;
        if bytes.len() as u64 > limits.batch_bytes_max {
            return Err(NotTaken::Never(format!(
                "batch of {} bytes is above batch_bytes_max = {}",
                bytes.len(),
                limits.batch_bytes_max
            )));
        }
        let (header, meta) = batch::verify(bytes, limits.unpacked_bytes_max).map_err(|error| error.to_string())?;
        if header.record_count != request.record_count {
            return Err(NotTaken::Never(format!(
                "batch holds {} records, the message says {}",
                header.record_count, request.record_count
            )));
        }
        let agent = optional_id::<AgentId>(&request.agent_id)?;
        let generation = optional_id::<GenerationId>(&request.generation_id)?;
        if meta.agent != agent || meta.generation != generation {
            return Err("agent or generation of the batch and of the message differ"
                .to_owned()
                .into());
        }
        if generation.is_some() && meta.range != (request.range_start, request.range_end) {
            return Err(NotTaken::Never(format!(
                "batch covers bytes {}..{}, the message says {}..{}",
                meta.range.0, meta.range.1, request.range_start, request.range_end
            )));
        }
        if let Some(caller) = self.caller {
            self.topics.check(self.collector.queue(), &request.topic, caller)?;
        }
        let claim = match (generation, agent) {
            // Whoever is asked for no certificate may still not add to what an enrolled one began.
            (Some(generation), Some(agent)) if self.collector.trust().is_some() => {
                Some(self.claim(&request.topic, generation, agent)?)
            }
            (Some(_), None) if self.collector.trust().is_some() => {
                return Err("a generation without its agent".to_owned().into());
            }
            _ => None,
        };
        let origin = generation.map(|generation| (generation, request.range_start, request.range_end));
        let key = match generation {
            Some(generation) => Bytes::copy_from_slice(&generation.0),
            None => Bytes::copy_from_slice(&batch::stream_id(&meta.stream).to_be_bytes()),
        };
        let append = Append {
            batch: bytes.clone(),
            origin,
            key,
        };
        Ok((append, claim))
    }

    fn claim(&self, topic: &str, generation: GenerationId, caller: AgentId) -> Result<Claim, NotTaken> {
        let (queue, limits) = (self.collector.queue(), &self.collector.options().queue);
        self.owners
            .claim(queue, limits.unpacked_bytes_max, topic, generation, caller)
            .map_err(|not_owner| match not_owner {
                NotOwner::Other(owner) => {
                    NotTaken::Never(format!("generation {generation} is another agent's, {owner}"))
                }
                NotOwner::Wait => NotTaken::Later(format!("another agent's batch of {generation} is on its way")),
            })
    }
}

/// Why a batch does not go to the queue.
enum NotTaken {
    /// For good.
    Never(String),
    /// It may be sent again.
    Later(String),
}

impl From<String> for NotTaken {
    fn from(message: String) -> Self {
        Self::Never(message)
    }
}

fn verdict(sequence: u64, outcome: Result<Appended, AppendError>, retry_after_ms: u32) -> ShipResponse {
    let mut response = ShipResponse {
        sequence,
        ..ShipResponse::default()
    };
    match outcome {
        Ok(Appended::At { partition, base_offset }) => {
            response.set_verdict(Verdict::Appended);
            response.partition = partition;
            response.base_offset = base_offset;
        }
        Ok(Appended::Duplicate { end }) => {
            response.set_verdict(Verdict::Duplicate);
            response.generation_end = end;
        }
        Ok(Appended::Refused { end }) => {
            response.set_verdict(Verdict::Refused);
            response.generation_end = end;
        }
        Err(AppendError::Rejected(message)) => return rejected(sequence, message),
        Err(error @ (AppendError::Full(_) | AppendError::Failed(_))) => {
            return try_again(sequence, error.to_string(), retry_after_ms);
        }
    }
    response
}

fn rejected(sequence: u64, message: String) -> ShipResponse {
    let mut response = ShipResponse {
        sequence,
        message,
        ..ShipResponse::default()
    };
    response.set_verdict(Verdict::Rejected);
    response
}

fn try_again(sequence: u64, message: String, retry_after_ms: u32) -> ShipResponse {
    let mut response = ShipResponse {
        sequence,
        message,
        retry_after_ms,
        ..ShipResponse::default()
    };
    response.set_verdict(Verdict::TryAgain);
    response
}

/// Called from the queue's commit thread, which must not wait for a slow agent. Without room or
/// without a listener the verdict is dropped: the agent sends the batch again and is told that it
/// is a duplicate.
fn send(verdicts: &mpsc::Sender<Result<ShipResponse, Status>>, response: ShipResponse) {
    if let Err(error) = verdicts.try_send(Ok(response)) {
        tracing::debug!(%error, "a verdict found no listener");
    }
}

fn agent_id(bytes: &[u8]) -> Result<AgentId, Status> {
    AgentId::try_from(bytes).map_err(|error| Status::invalid_argument(format!("agent_id: {error}")))
}

fn optional_id<'a, T: TryFrom<&'a [u8], Error = timberline_proto::id::IdError>>(
    bytes: &'a [u8],
) -> Result<Option<T>, String> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        T::try_from(bytes).map(Some).map_err(|error| error.to_string())
    }
}
