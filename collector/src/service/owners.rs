//! Whose a generation is: the agent that wrote its last batch. No other agent may add to it.
//!
//! Learned from the queue at the first batch of each generation since the start. Of a generation of
//! which the queue holds nothing any more, the first agent to name it is the owner.

use std::collections::HashMap;

use parking_lot::Mutex;
use timberline_proto::batch;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_queue::Queue;

/// Generations remembered; at the bound all are forgotten and learned anew.
const GENERATIONS_MAX: usize = 200_000;

#[derive(Debug, Default)]
pub(super) struct Owners {
    known: Mutex<HashMap<GenerationId, AgentId>>,
}

impl Owners {
    /// Blocks where the queue has to be asked.
    ///
    /// # Errors
    /// If the generation is another agent's.
    pub(super) fn check(
        &self,
        queue: &Queue,
        unpacked_bytes_max: u64,
        topic: &str,
        generation: GenerationId,
        caller: AgentId,
    ) -> Result<(), String> {
        let known = self.known.lock().get(&generation).copied();
        let owner = match known {
            Some(owner) => owner,
            None => {
                let written = written_by(queue, unpacked_bytes_max, topic, generation);
                self.learn(generation, written.unwrap_or(caller))
            }
        };
        if owner == caller {
            return Ok(());
        }
        Err(format!("generation {generation} is another agent's, {owner}"))
    }

    /// The owner, which is who came first.
    fn learn(&self, generation: GenerationId, owner: AgentId) -> AgentId {
        let mut known = self.known.lock();
        if known.len() >= GENERATIONS_MAX {
            known.clear();
        }
        *known.entry(generation).or_insert(owner)
    }
}

fn written_by(queue: &Queue, unpacked_bytes_max: u64, topic: &str, generation: GenerationId) -> Option<AgentId> {
    let (partition, offset) = queue.generation_last(topic, generation)?;
    let fetched = queue.read(topic, partition, offset, 1).ok()?;
    let (_, meta) = batch::verify(fetched.batches.first()?, unpacked_bytes_max).ok()?;
    meta.agent.filter(|_| meta.generation == Some(generation))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use timberline_proto::batch::{BatchBuilder, BatchMeta, NewRecord};
    use timberline_queue::{Append, QueueOptions};

    use super::*;

    const GENERATION: GenerationId = GenerationId([9; 16]);
    const UNPACKED_BYTES_MAX: u64 = 1 << 20;

    fn append(queue: &Queue, agent: AgentId) {
        let meta = BatchMeta {
            agent: Some(agent),
            generation: Some(GENERATION),
            range: (0, 5),
            eol_bytes: 1,
            ..BatchMeta::default()
        };
        let mut builder = BatchBuilder::new();
        builder.push(&NewRecord {
            line: b"line",
            place: Some((0, 5)),
            time_nanos: 0,
            time_parsed: false,
            observed_nanos: None,
            part: None,
            attributes: &[],
        });
        let batch = Append {
            batch: builder.finish(&meta, 1),
            origin: Some((GENERATION, 0, 5)),
            key: Bytes::from_static(b"k"),
        };
        queue.append("logs", batch).unwrap();
    }

    #[test]
    fn a_generation_stays_the_agents_that_began_it_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (first, other) = (AgentId([1; 16]), AgentId([2; 16]));
        let check = |owners: &Owners, queue: &Queue, caller| {
            owners.check(queue, UNPACKED_BYTES_MAX, "logs", GENERATION, caller)
        };
        let queue = Queue::open(dir.path(), QueueOptions::default()).unwrap();
        let owners = Owners::default();
        check(&owners, &queue, first).unwrap();
        append(&queue, first);
        assert!(check(&owners, &queue, other).unwrap_err().contains(&first.to_string()));
        queue.close().unwrap();
        drop(queue);
        let queue = Queue::open(dir.path(), QueueOptions::default()).unwrap();
        let owners = Owners::default();
        assert!(check(&owners, &queue, other).unwrap_err().contains(&first.to_string()));
        check(&owners, &queue, first).unwrap();
    }
}
