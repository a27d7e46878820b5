//! `Ingest`: what agents speak.
//!
//! A stream of batches is handled by one thread that checks each batch and hands it to the queue
//! in the order of arrival; verdicts go back as the queue's group commit gives them. The number of
//! batches between the two is bounded by `in_flight_max`: at the bound nothing more is read, and
//! HTTP/2 flow control holds the agent back. So it is where all streams together hold more than
//! `in_flight_bytes_max`; what they unpack at once is bounded by it, too.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::tls::Role;
use timberline_proto::wire::v1::ingest_server::Ingest;
use timberline_proto::wire::v1::{
    GenerationEndsRequest, GenerationEndsResponse, HelloRequest, HelloResponse, ReportRequest, ReportResponse,
    ShipRequest, ShipResponse, generation_ends_response,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::caller;
use super::lane::Lane;
use super::owners::Owners;
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
    /// Batches that are unpacked at once, each to `unpacked_bytes_max` at most: as many as
    /// `in_flight_bytes_max` has room for, at least one.
    unpacking: Arc<Semaphore>,
}

impl IngestService {
    pub(super) fn new(collector: Collector, shutdown: CancellationToken) -> Self {
        let options = collector.options();
        let at_once = options.in_flight_bytes_max / options.queue.unpacked_bytes_max.max(1);
        let at_once = usize::try_from(at_once).map_or(Semaphore::MAX_PERMITS, |at_once| at_once.max(1));
        Self {
            room: Room::new(options.in_flight_bytes_max),
            unpacking: Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS))),
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
            unpacking: self.unpacking.clone(),
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
pub(super) type Read = (ShipRequest, OwnedSemaphorePermit);

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

fn agent_id(bytes: &[u8]) -> Result<AgentId, Status> {
    AgentId::try_from(bytes).map_err(|error| Status::invalid_argument(format!("agent_id: {error}")))
}
