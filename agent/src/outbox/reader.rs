//! The thread that reads the outbox and hands batches to the shipper; verdicts move its position.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use timberline_proto::id::{AgentId, GenerationId};
use timberline_queue::Queue;
use tokio::sync::mpsc;

use super::Outbox;
use super::report::OutboxState;
use super::topic::{Sink, Topic, Turn};
use crate::config::AgentConfig;
use crate::inbox::{Inbox, News};
use crate::ship::ToShip;

/// Looked at so often even if nobody says anything.
const TURN: Duration = Duration::from_millis(500);
const RETENTION_INTERVAL: Duration = Duration::from_secs(1);

/// Reads the outbox.
pub(crate) struct Reader {
    config: Arc<AgentConfig>,
    agent: AgentId,
    queue: Queue,
    inbox: Arc<Inbox>,
    state: Arc<OutboxState>,
    to_ship: mpsc::Sender<ToShip>,
    topics: BTreeMap<String, Topic>,
    /// The topic whose turn was the last: the one behind it is the next, so that one with much to ship
    /// leaves the others their part.
    last_turn: String,
    /// Counts rewinds of a generation; verdicts of an earlier epoch no longer matter.
    epochs: HashMap<GenerationId, u64>,
    batch_bytes_max: u64,
    next_save: Instant,
    next_retention: Instant,
    drain_until: Option<Instant>,
}

impl Reader {
    pub(crate) fn new(
        outbox: &Outbox,
        config: Arc<AgentConfig>,
        agent: AgentId,
        to_ship: mpsc::Sender<ToShip>,
    ) -> Self {
        let now = Instant::now();
        let mut reader = Self {
            config,
            agent,
            queue: outbox.queue.clone(),
            inbox: outbox.inbox.clone(),
            state: outbox.state.clone(),
            to_ship,
            topics: BTreeMap::new(),
            last_turn: String::new(),
            epochs: HashMap::new(),
            batch_bytes_max: u64::MAX,
            next_save: now,
            next_retention: now,
            drain_until: None,
        };
        reader.find_topics(true);
        reader
    }

    /// Runs until told to stop and drained, or `drain_deadline` is over. What is left stays in the
    /// outbox.
    pub(crate) fn run(mut self) {
        loop {
            let turn = Instant::now() + TURN.min(self.config.checkpoint_interval.max(Duration::from_millis(10)));
            let mail = self.inbox.wait(turn, Instant::now(), self.drain_until.is_some());
            if mail.abandoned {
                return;
            }
            for news in mail.news {
                self.news(&news);
            }
            self.find_topics(false);
            let all_read = self.read();
            let now = Instant::now();
            if mail.shutdown {
                let until = *self.drain_until.get_or_insert(now + self.config.drain_deadline);
                let drained = all_read && self.topics.values().all(|topic| topic.in_flight() == 0);
                if drained || now >= until {
                    self.save();
                    self.retain();
                    return;
                }
            }
            if now >= self.next_save {
                self.save();
            }
            if now >= self.next_retention {
                self.retain();
            }
        }
    }

    /// Topics that have come since the last look.
    fn find_topics(&mut self, are_earlier: bool) {
        for partition in self.queue.partitions() {
            if !self.topics.contains_key(&partition.topic) {
                let topic = Topic::new(&self.queue, &partition, self.agent, are_earlier);
                self.topics.insert(partition.topic, topic);
            }
        }
    }

    /// Hands over what the window has room for, a batch of each topic in turn; true if the outbox was
    /// read to its end.
    fn read(&mut self) -> bool {
        let behind = (Bound::Excluded(self.last_turn.clone()), Bound::Unbounded);
        let mut turns: VecDeque<String> = self.topics.range(behind).map(|(name, _)| name.clone()).collect();
        turns.extend(
            self.topics
                .range(..=self.last_turn.clone())
                .map(|(name, _)| name.clone()),
        );
        let mut all_read = true;
        while let Some(name) = turns.pop_front() {
            if !self.has_room() {
                all_read = false;
                break;
            }
            let Some(topic) = self.topics.get_mut(&name) else {
                continue;
            };
            let sink = Sink {
                to_ship: &self.to_ship,
                epochs: &self.epochs,
                bytes_max: self.batch_bytes_max,
                level: self.config.compression_level,
            };
            match topic.read(&self.queue, &sink) {
                Turn::Shipped => {
                    self.last_turn.clone_from(&name);
                    turns.push_back(name);
                }
                Turn::Waits => all_read = false,
                Turn::AtEnd => {}
            }
        }
        for (name, topic) in &self.topics {
            self.state.set(name, topic.shipped.clone());
        }
        all_read
    }

    /// Whether another batch may be under way: by their number and, but for one, by their bytes.
    fn has_room(&self) -> bool {
        let window = self.config.in_flight_max * 2;
        let bytes_max = self.config.batch_bytes_max.saturating_mul(window as u64);
        let in_flight: usize = self.topics.values().map(|topic| topic.in_flight()).sum();
        let bytes: u64 = self.topics.values().map(|topic| topic.in_flight_bytes()).sum();
        in_flight < window && bytes < bytes_max
    }

    fn news(&mut self, news: &News) {
        match news {
            News::Acked {
                generation,
                epoch,
                start,
                end,
                ..
            } => {
                for topic in self.topics.values_mut() {
                    topic.acked(*generation, *epoch, (*start, *end));
                }
            }
            News::Rewind { generation, epoch, end } => self.rewind(*generation, *epoch, *end),
            News::Limit { batch_bytes_max } => self.batch_bytes_max = *batch_bytes_max,
            News::End { generation, end } => {
                for topic in self.topics.values_mut() {
                    topic.end_known(*generation, *end);
                }
            }
            News::Connected(_) => {}
        }
    }

    /// The collector holds the generation to `end`, and the shipper has dropped all of its batches.
    fn rewind(&mut self, generation: GenerationId, epoch: u64, end: u64) {
        // The shipper takes no more of this epoch, whether anything of it is under way or is yet to be read
        // again.
        let now = self.epochs.entry(generation).or_default();
        *now = (*now).max(epoch + 1);
        let Some(topic) = self.topics.values_mut().find(|topic| topic.has(generation, epoch)) else {
            return;
        };
        let sink = Sink {
            to_ship: &self.to_ship,
            epochs: &self.epochs,
            bytes_max: self.batch_bytes_max,
            level: self.config.compression_level,
        };
        topic.rewind(&self.queue, (generation, epoch), end, &sink);
    }

    /// Makes positions durable.
    fn save(&mut self) {
        self.next_save = Instant::now() + self.config.checkpoint_interval;
        for topic in self.topics.values_mut() {
            topic.save(&self.queue);
        }
    }

    /// Deletes what is shipped.
    fn retain(&mut self) {
        self.next_retention = Instant::now() + RETENTION_INTERVAL;
        if let Err(error) = self.queue.enforce_retention(SystemTime::now()) {
            tracing::warn!(%error, "what is shipped cannot be deleted from the outbox; tried again");
        }
    }
}
