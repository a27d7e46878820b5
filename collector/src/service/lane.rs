//! One stream's batches on their way into the queue.

use std::sync::Arc;

use bytes::Bytes;
use timberline_proto::batch;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::wire::v1::{ShipRequest, ShipResponse};
use timberline_queue::{Append, Appended};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tonic::Status;

use super::caller;
use super::ingest::Read;
use super::owners::{Claim, NotOwner, Owners};
use super::topics::Topics;
use super::verdict::{rejected, send, try_again, verdict};
use crate::Collector;

/// One stream's batches on their way into the queue.
pub(super) struct Lane {
    /// As whom the agent may speak; none if as anyone.
    pub(super) caller: Option<AgentId>,
    pub(super) owners: Arc<Owners>,
    pub(super) topics: Arc<Topics>,
    pub(super) collector: Collector,
    pub(super) verdicts: mpsc::Sender<Result<ShipResponse, Status>>,
    pub(super) in_flight: Arc<Semaphore>,
    /// Of all streams.
    pub(super) unpacking: Arc<Semaphore>,
}

impl Lane {
    /// Takes batches, one after the other. A stream that waits holds no thread: there are more agents
    /// than threads.
    pub(super) async fn run(self: Arc<Self>, mut received: mpsc::Receiver<Read>) {
        while let Some((request, room)) = received.recv().await {
            let Ok(permit) = Arc::clone(&self.in_flight).acquire_owned().await else {
                return;
            };
            let Ok(unpacking) = Arc::clone(&self.unpacking).acquire_owned().await else {
                return;
            };
            let lane = Arc::clone(&self);
            let goes_on = tokio::task::spawn_blocking(move || lane.take(&request, (permit, room), unpacking));
            if !matches!(goes_on.await, Ok(true)) {
                return;
            }
        }
    }

    /// Gives one batch to the queue, or says why not; whether the stream goes on. Blocks: the batch is
    /// unpacked and walked, and a queue that has much to write makes callers wait.
    fn take(
        &self,
        request: &ShipRequest,
        permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
        unpacking: OwnedSemaphorePermit,
    ) -> bool {
        let sequence = request.sequence;
        if let Some(status) = self.refuse_foreign(request) {
            tracing::warn!(%status, "a batch of another agent was refused");
            // Without room the stream ends without a word, which is as good.
            self.verdicts.try_send(Err(status)).ok();
            return false;
        }
        let checked = self.check(request);
        drop(unpacking);
        match checked {
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
                NotOwner::Unreadable(why) => {
                    tracing::warn!(%generation, why, "whose a generation is cannot be read; nobody's batch of it is taken until it can");
                    NotTaken::Later(format!("whose generation {generation} is cannot be read: {why}"))
                }
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

fn optional_id<'a, T: TryFrom<&'a [u8], Error = timberline_proto::id::IdError>>(
    bytes: &'a [u8],
) -> Result<Option<T>, String> {
    if bytes.is_empty() {
        Ok(None)
    } else {
        T::try_from(bytes).map(Some).map_err(|error| error.to_string())
    }
}
