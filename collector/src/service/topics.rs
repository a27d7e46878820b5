//! Which agent began which topics: each costs the queue threads and directories, so that one agent may
//! not begin all there can be.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;
use timberline_proto::id::AgentId;
use timberline_queue::{Queue, is_topic_name};

/// Topics that one agent may begin while the collector runs.
const BEGUN_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Topics {
    begun: Mutex<HashMap<AgentId, HashSet<String>>>,
}

impl Topics {
    /// # Errors
    /// If the topic is new, and the agent has begun too many.
    pub(super) fn check(&self, queue: &Queue, topic: &str, caller: AgentId) -> Result<(), String> {
        // What is no name the queue refuses, and it is not worth keeping.
        if queue.has_topic(topic) || !is_topic_name(topic) {
            return Ok(());
        }
        let mut begun = self.begun.lock();
        let begun = begun.entry(caller).or_default();
        if begun.len() >= BEGUN_MAX && !begun.contains(topic) {
            return Err(format!(
                "agent {caller} has begun {BEGUN_MAX} topics since the collector was started, and may begin no more"
            ));
        }
        begun.insert(topic.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use timberline_queue::QueueOptions;

    use super::*;

    #[test]
    fn one_agent_cannot_begin_topics_without_end_and_keeps_no_other_from_it() {
        let dir = tempfile::tempdir().unwrap();
        let queue = Queue::open(dir.path(), QueueOptions::default()).unwrap();
        let topics = Topics::default();
        let (one, other) = (AgentId([1; 16]), AgentId([2; 16]));
        for n in 0..BEGUN_MAX {
            topics.check(&queue, &format!("t{n}"), one).unwrap();
        }
        topics.check(&queue, "t1", one).unwrap();
        assert!(topics.check(&queue, "more", one).unwrap_err().contains("no more"));
        topics.check(&queue, "more", other).unwrap();
        let third = AgentId([3; 16]);
        for n in 0..=BEGUN_MAX {
            topics.check(&queue, &"/".repeat(n + 1), third).unwrap();
        }
        assert!(!topics.begun.lock().contains_key(&third), "what is no name is not kept");
    }
}
