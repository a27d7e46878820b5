//! What was left in the outbox under another agent's id: the agent's own id is gone (its file and its
//! registry were lost), or the directory was brought here from elsewhere.
//!
//! A collector takes a generation from the agent that began it, and from no other. So what it does not
//! hold of such a generation is shipped as another generation of this agent, whose name follows from
//! both and whose places are the same: it is the same one at each try, and each record arrives once. To
//! where the collector holds the old one is asked first.

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use timberline_proto::batch::BatchMeta;
use timberline_proto::id::{AgentId, GenerationId};
use tokio::sync::mpsc;

use crate::ship::ToShip;

/// Generations of other ids that are remembered; at the bound they are asked for anew.
const KNOWN_MAX: usize = 10_000;

pub(super) struct Foreign {
    agent: AgentId,
    /// To where the collector holds each; none while it has not said.
    known: HashMap<GenerationId, Option<u64>>,
    said: bool,
}

/// As what a batch is shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) generation: GenerationId,
    /// What is below arrived under the other id.
    pub(super) from: u64,
}

impl Foreign {
    pub(super) fn new(agent: AgentId) -> Self {
        Self {
            agent,
            known: HashMap::new(),
            said: false,
        }
    }

    /// Whether a batch was made under another id.
    pub(super) fn is_foreign(&self, meta: &BatchMeta) -> bool {
        meta.agent.is_some_and(|agent| agent != self.agent)
    }

    /// As what a foreign batch of this generation is shipped; none until the collector has said to
    /// where it holds it.
    pub(super) fn own(
        &mut self,
        topic: &Arc<str>,
        generation: GenerationId,
        meta: &BatchMeta,
        to_ship: &mpsc::Sender<ToShip>,
    ) -> Option<Own> {
        if !self.said {
            self.said = true;
            let other = meta.agent.unwrap_or_default();
            tracing::warn!(topic = &**topic, %other, agent = %self.agent, "the outbox holds records that were taken in under another agent's id; those that the collector does not have are shipped as this agent's");
        }
        match self.known.get(&generation) {
            Some(end) => end.map(|from| Own {
                generation: derived(generation, self.agent),
                from,
            }),
            None => {
                if self.known.len() >= KNOWN_MAX {
                    self.known.clear();
                }
                let asked = to_ship.try_send(ToShip::AskEnds(vec![(topic.clone(), generation)]));
                // Where there is no room it is asked at the next turn.
                if asked.is_ok() {
                    self.known.insert(generation, None);
                }
                None
            }
        }
    }

    /// The collector's answer.
    pub(super) fn end_known(&mut self, generation: GenerationId, end: Option<u64>) {
        if let Some(known) = self.known.get_mut(&generation) {
            *known = Some(end.unwrap_or(0));
        }
    }
}

/// The generation of `agent` that goes on where another agent's ends.
fn derived(generation: GenerationId, agent: AgentId) -> GenerationId {
    let sum = Sha256::new()
        .chain_update(b"timberline outbox 1")
        .chain_update(generation.0)
        .chain_update(agent.0)
        .finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&sum[..16]);
    GenerationId(id)
}
