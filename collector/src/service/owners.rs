//! Whose a generation is: the agent that wrote its last batch. No other agent may add to it, in its topic
//! or in any other.
//!
//! What the queue holds decides; what is remembered here only spares asking it, and is learned once a
//! batch is appended. While an agent's first batch is on its way, others have to wait. Of a generation of
//! which the queue holds nothing any more, the first agent to name it is the owner.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use parking_lot::Mutex;
use timberline_proto::batch;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_queue::{Queue, QueueError};

/// Generations remembered; at the bound all are forgotten and learned anew.
const GENERATIONS_MAX: usize = 200_000;

/// A generation's life in a topic.
type Key = (Arc<str>, GenerationId);

#[derive(Debug, Default)]
pub(super) struct Owners {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<Key, AgentId>,
    /// Whose first batches are on their way, and how many of them.
    claimed: HashMap<GenerationId, (AgentId, usize)>,
}

/// Why a batch is not appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotOwner {
    /// The generation is this agent's.
    Other(AgentId),
    /// Another agent's first batch of it is on its way.
    Wait,
    /// Whose it is cannot be read now: it is nobody else's before that is known.
    Unreadable(String),
}

/// An agent's right to append a batch of a generation.
#[derive(Debug)]
pub(super) struct Claim {
    owners: Arc<Owners>,
    key: Key,
    caller: AgentId,
    /// Whether it keeps others waiting.
    is_first: bool,
}

impl Owners {
    /// Whether `caller` may add to the generation. Blocks where the queue has to be asked.
    ///
    /// # Errors
    /// [`NotOwner`]
    pub(super) fn claim(
        self: &Arc<Self>,
        queue: &Queue,
        unpacked_bytes_max: u64,
        topic: &str,
        generation: GenerationId,
        caller: AgentId,
    ) -> Result<Claim, NotOwner> {
        let key: Key = (topic.into(), generation);
        let known = self.state.lock().known.get(&key).copied();
        let mut claim = Claim {
            owners: self.clone(),
            key,
            caller,
            is_first: false,
        };
        if known == Some(caller) {
            return Ok(claim);
        }
        // Claimed before the queue is asked: of two that ask at once, one waits.
        self.begin(generation, caller)?;
        claim.is_first = true;
        let owner = match known {
            Some(owner) => Some(owner),
            None => owner_in(queue, unpacked_bytes_max, topic, generation)?,
        };
        match owner {
            Some(owner) if owner != caller => return Err(NotOwner::Other(owner)),
            Some(_) => claim.learn(),
            None => {}
        }
        Ok(claim)
    }

    fn begin(&self, generation: GenerationId, caller: AgentId) -> Result<(), NotOwner> {
        match self.state.lock().claimed.entry(generation) {
            Entry::Occupied(claimed) if claimed.get().0 != caller => Err(NotOwner::Wait),
            claimed => {
                claimed.and_modify(|(_, count)| *count += 1).or_insert((caller, 1));
                Ok(())
            }
        }
    }
}

impl Claim {
    /// The batch is in the queue.
    pub(super) fn appended(self) {
        self.learn();
    }

    fn learn(&self) {
        let mut state = self.owners.state.lock();
        if state.known.len() >= GENERATIONS_MAX {
            state.known.clear();
        }
        state.known.insert(self.key.clone(), self.caller);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_first {
            return;
        }
        let mut state = self.owners.state.lock();
        if let Entry::Occupied(mut claimed) = state.claimed.entry(self.key.1) {
            claimed.get_mut().1 -= 1;
            if claimed.get().1 == 0 {
                claimed.remove();
            }
        }
    }
}

/// The agent of a generation: in this topic, else in any.
fn owner_in(
    queue: &Queue,
    unpacked_bytes_max: u64,
    topic: &str,
    generation: GenerationId,
) -> Result<Option<AgentId>, NotOwner> {
    let others = queue.topics();
    for topic in [topic].into_iter().chain(others.iter().map(|other| &**other)) {
        if let Some(owner) = written_by(queue, unpacked_bytes_max, topic, generation)? {
            return Ok(Some(owner));
        }
    }
    Ok(None)
}

/// Who wrote the generation's last batch in this topic; none if the queue holds nothing of it any more.
///
/// # Errors
/// [`NotOwner::Unreadable`] if a batch is there and cannot be read.
fn written_by(
    queue: &Queue,
    unpacked_bytes_max: u64,
    topic: &str,
    generation: GenerationId,
) -> Result<Option<AgentId>, NotOwner> {
    let Some((partition, offset)) = queue.generation_last(topic, generation) else {
        return Ok(None);
    };
    let unreadable = |error: &dyn std::fmt::Display| {
        NotOwner::Unreadable(format!("offset {offset} of partition {partition} of {topic}: {error}"))
    };
    let fetched = match queue.read(topic, partition, offset, 1) {
        Ok(fetched) => fetched,
        Err(QueueError::OutOfRange { .. }) => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    let first = fetched
        .batches
        .first()
        .ok_or_else(|| unreadable(&"the batch is damaged"))?;
    let (_, meta) = batch::verify(first, unpacked_bytes_max).map_err(|error| unreadable(&error))?;
    if meta.generation != Some(generation) {
        return Err(unreadable(&"the batch is damaged, and another one follows"));
    }
    Ok(meta.agent)
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

    const FIRST: AgentId = AgentId([1; 16]);
    const OTHER: AgentId = AgentId([2; 16]);

    fn claim(owners: &Arc<Owners>, queue: &Queue, topic: &str, caller: AgentId) -> Result<Claim, NotOwner> {
        owners.claim(queue, UNPACKED_BYTES_MAX, topic, GENERATION, caller)
    }

    #[test]
    fn a_generation_stays_the_agents_that_began_it_also_after_a_restart_and_under_any_topic() {
        let dir = tempfile::tempdir().unwrap();
        let queue = Queue::open(dir.path(), QueueOptions::default()).unwrap();
        let owners = Arc::new(Owners::default());
        let first = claim(&owners, &queue, "logs", FIRST).unwrap();
        append(&queue, FIRST);
        first.appended();
        assert_eq!(
            claim(&owners, &queue, "logs", OTHER).unwrap_err(),
            NotOwner::Other(FIRST)
        );
        queue.close().unwrap();
        drop(queue);
        let queue = Queue::open(dir.path(), QueueOptions::default()).unwrap();
        let owners = Arc::new(Owners::default());
        for topic in ["logs", "elsewhere"] {
            assert_eq!(
                claim(&owners, &queue, topic, OTHER).unwrap_err(),
                NotOwner::Other(FIRST),
                "{topic}"
            );
        }
        claim(&owners, &queue, "logs", FIRST).unwrap().appended();
        assert!(owners.state.lock().claimed.is_empty());
    }

    #[test]
    fn where_it_cannot_be_read_whose_a_generation_is_nobody_is_taken_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let options = QueueOptions {
            partitions: 1,
            ..QueueOptions::default()
        };
        let queue = Queue::open(dir.path(), options).unwrap();
        append(&queue, FIRST);
        let segment = find_log(dir.path()).unwrap();
        let sound = std::fs::read(&segment).unwrap();
        let mut damaged = sound.clone();
        let last = damaged.len() - 3;
        damaged[last] ^= 1;
        std::fs::write(&segment, &damaged).unwrap();
        let owners = Arc::new(Owners::default());
        for caller in [FIRST, OTHER] {
            let refused = claim(&owners, &queue, "logs", caller).unwrap_err();
            assert!(matches!(refused, NotOwner::Unreadable(_)), "{refused:?}");
        }
        std::fs::write(&segment, &sound).unwrap();
        claim(&owners, &queue, "logs", FIRST).unwrap().appended();
        assert_eq!(
            claim(&owners, &queue, "logs", OTHER).unwrap_err(),
            NotOwner::Other(FIRST)
        );
    }

    fn find_log(dir: &std::path::Path) -> Option<std::path::PathBuf> {
        std::fs::read_dir(dir).unwrap().find_map(|entry| {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => find_log(&path),
                false => (path.extension()? == "log").then_some(path),
            }
        })
    }

    #[test]
    fn what_was_not_appended_makes_nobody_the_owner_and_keeps_others_waiting_only_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let queue = Queue::open(dir.path(), QueueOptions::default()).unwrap();
        let owners = Arc::new(Owners::default());
        let refused = claim(&owners, &queue, "logs", OTHER).unwrap();
        let again = claim(&owners, &queue, "logs", OTHER).unwrap();
        assert_eq!(claim(&owners, &queue, "logs", FIRST).unwrap_err(), NotOwner::Wait);
        drop((refused, again));
        claim(&owners, &queue, "logs", FIRST).unwrap().appended();
        // Known under the topic where it was appended, and no other.
        assert_eq!(
            claim(&owners, &queue, "logs", OTHER).unwrap_err(),
            NotOwner::Other(FIRST)
        );
        claim(&owners, &queue, "elsewhere", OTHER).unwrap();
    }
}
