//! A topic of the outbox: what is read of it, what is under way, and how far it is shipped.

mod rewind;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use timberline_proto::batch::LogBatch;
use timberline_proto::crash::{Point, reached};
use timberline_proto::id::{AgentId, GenerationId, IncarnationId};
use timberline_queue::{PartitionInfo, Queue, QueueError};
use tokio::sync::mpsc;

use super::GROUP;
use super::foreign::Foreign;
use super::recut::{Part, recut};
use super::report::Shipped;
use crate::ship::{Batch, ToShip, UNPACKED_BYTES_MAX};
use crate::tail::now_nanos;

/// The outbox has one partition a topic: a generation lies in order.
const PARTITION: u32 = 0;
/// Taken from the outbox at once.
const READ_BYTES: u64 = 4 << 20;

/// A topic of the outbox.
pub(super) struct Topic {
    name: Arc<str>,
    incarnation: IncarnationId,
    /// The next batch is read from there.
    next: u64,
    /// Where the position is on disk.
    saved: u64,
    /// Read, from `next` on, and not yet handed over.
    fetched: VecDeque<Bytes>,
    /// Where reading goes on behind these.
    fetch_at: u64,
    /// Batches, or parts of one, for which the shipper had no room; they come before what is fetched.
    waiting: VecDeque<Waiting>,
    /// Sent and not acked, in order.
    cuts: VecDeque<Cut>,
    agent: AgentId,
    foreign: Foreign,
    /// The collector holds this generation to there: what is below is not sent again.
    held: Option<(GenerationId, u64)>,
    /// For these, which the collector held to there, the outbox was read again from its start.
    went_back: HashMap<GenerationId, u64>,
    pub(super) shipped: Shipped,
}

/// What became of a topic's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// A batch was handed over.
    Shipped,
    /// All of it is read.
    AtEnd,
    /// The shipper has no room, or the collector was asked something.
    Waits,
}

/// A batch, or a part of one, on its way to the shipper.
struct Waiting {
    generation: GenerationId,
    part: Part,
    /// Where its batch begins in the outbox, and where the next one does.
    offsets: (u64, u64),
}

/// A batch, or a part of one, that was handed to the shipper.
struct Cut {
    generation: GenerationId,
    epoch: u64,
    start: u64,
    end: u64,
    /// Where its batch begins in the outbox, and where the next one does.
    offset: u64,
    next: u64,
    bytes: u64,
    acked: bool,
}

/// What handing a batch over takes.
pub(super) struct Sink<'a> {
    pub(super) to_ship: &'a mpsc::Sender<ToShip>,
    pub(super) epochs: &'a HashMap<GenerationId, u64>,
    pub(super) bytes_max: u64,
    pub(super) level: i32,
}

impl Topic {
    /// Where the group stands, and nothing under way. What is there of an earlier run is told as such.
    pub(super) fn new(queue: &Queue, partition: &PartitionInfo, agent: AgentId, is_earlier: bool) -> Self {
        let held = queue.position(GROUP, &partition.topic, PARTITION);
        let position = held.unwrap_or(0).max(partition.start_offset);
        Self {
            name: Arc::from(partition.topic.as_str()),
            incarnation: partition.incarnation,
            next: position,
            saved: position,
            fetched: VecDeque::new(),
            waiting: VecDeque::new(),
            fetch_at: position,
            cuts: VecDeque::new(),
            agent,
            foreign: Foreign::new(agent),
            held: None,
            went_back: HashMap::new(),
            shipped: Shipped {
                begun: if is_earlier {
                    (position, partition.end_offset)
                } else {
                    (0, 0)
                },
                begun_bytes: partition.bytes,
                position,
                ..Shipped::default()
            },
        }
    }

    /// Batches without a verdict.
    pub(super) fn in_flight(&self) -> usize {
        self.cuts.len()
    }

    /// Bytes of batches without a verdict.
    pub(super) fn in_flight_bytes(&self) -> u64 {
        let waiting = self.waiting.iter().map(|waiting| waiting.part.bytes.len() as u64);
        self.cuts.iter().map(|cut| cut.bytes).chain(waiting).sum()
    }

    /// Hands one batch over.
    pub(super) fn read(&mut self, queue: &Queue, sink: &Sink<'_>) -> Turn {
        let before = self.cuts.len();
        loop {
            if !self.hand_over(sink) {
                return Turn::Waits;
            }
            if self.cuts.len() > before {
                return Turn::Shipped;
            }
            if self.fetched.is_empty() && self.fetch(queue) {
                return Turn::AtEnd;
            }
            if let Some(bytes) = self.fetched.pop_front()
                && !self.ship(&bytes, sink)
            {
                self.fetched.push_front(bytes);
                return Turn::Waits;
            }
        }
    }

    /// The collector holds a generation, for which it was asked, to `end`.
    pub(super) fn end_known(&mut self, generation: GenerationId, end: Option<u64>) {
        self.foreign.end_known(generation, end);
    }

    /// Makes the position durable.
    pub(super) fn save(&mut self, queue: &Queue) {
        let position = self.shipped.position;
        if position == self.saved {
            return;
        }
        match queue.commit(GROUP, &self.name, PARTITION, self.incarnation, position) {
            Ok(()) => {
                reached(Point::OutboxSaved);
                self.saved = position;
            }
            Err(error) => {
                tracing::warn!(topic = &*self.name, %error, "the outbox's position cannot be saved; tried again");
                self.shipped.error = Some(error.to_string());
            }
        }
    }

    /// Whether a batch of this generation is under way.
    pub(super) fn has(&self, generation: GenerationId, epoch: u64) -> bool {
        let is_its = |cut: &Cut| (cut.generation, cut.epoch, cut.acked) == (generation, epoch, false);
        self.cuts.iter().any(is_its)
    }

    /// Reads on; true if nothing more is there.
    fn fetch(&mut self, queue: &Queue) -> bool {
        let seen_at = now_nanos();
        match queue.read(&self.name, PARTITION, self.fetch_at, READ_BYTES) {
            Ok(fetched) => {
                self.shipped.error = None;
                self.fetch_at = fetched.next_offset;
                if fetched.batches.is_empty() {
                    // Damaged batches are passed over; nothing else stands before the end.
                    self.pass_over(fetched.next_offset);
                    self.shipped.read_to_end_at_nanos = seen_at;
                    return true;
                }
                self.fetched.extend(fetched.batches);
                false
            }
            Err(QueueError::OutOfRange { start, end, .. }) => {
                let to = start.max(self.fetch_at.min(end));
                tracing::error!(
                    topic = &*self.name,
                    from = self.fetch_at,
                    to,
                    "the outbox does not hold what comes next; it goes on behind it"
                );
                self.fetch_at = to;
                self.next = to;
                self.advance();
                true
            }
            Err(error) => {
                self.shipped.error = Some(error.to_string());
                true
            }
        }
    }

    /// Makes what is shipped of a batch; false if the collector was asked something before.
    fn ship(&mut self, bytes: &Bytes, sink: &Sink<'_>) -> bool {
        let mut batch = match LogBatch::parse(bytes, UNPACKED_BYTES_MAX) {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(topic = &*self.name, offset = self.next, %error, "a batch of the outbox cannot be read; it is passed over");
                self.pass_over(self.next + 1);
                return true;
            }
        };
        let offset = batch.header.base_offset.max(0) as u64;
        let next = offset + u64::from(batch.header.record_count);
        let Some(generation) = batch.meta.generation else {
            self.pass_over(next);
            return true;
        };
        let range = batch.meta.range;
        let is_foreign = self.foreign.is_foreign(&batch.meta);
        let (generation, held) = match is_foreign {
            false => (generation, 0),
            true => match self.foreign.own(&self.name, generation, &batch.meta, sink.to_ship) {
                Some(own) => (own.generation, own.from),
                None => return false,
            },
        };
        if is_foreign {
            batch.meta.file = Some(
                serde_json::json!({"outbox": &*self.name, "agent": batch.meta.agent.unwrap_or_default().to_string()}),
            );
            (batch.meta.agent, batch.meta.generation) = (Some(self.agent), Some(generation));
        }
        let held_now = self.held.filter(|held| held.0 == generation).map_or(0, |held| held.1);
        let from = held.max(held_now);
        if from >= range.1 && from > 0 {
            self.pass_over(next);
            return true;
        }
        let parts = if is_foreign || from > range.0 || bytes.len() as u64 > sink.bytes_max {
            recut(&batch, from.max(range.0), sink.bytes_max, sink.level)
        } else {
            let records = if batch.marker.is_some() {
                0
            } else {
                batch.header.record_count
            };
            vec![Part {
                meta: batch.meta.clone(),
                records,
                bytes: bytes.clone(),
            }]
        };
        let waiting = parts.into_iter().map(|part| Waiting {
            generation,
            part,
            offsets: (offset, next),
        });
        self.waiting.extend(waiting);
        self.shipped.generation = Some(generation);
        self.shipped.read = range.1;
        true
    }

    /// Hands over what waits; false if the shipper has no room for all of it.
    fn hand_over(&mut self, sink: &Sink<'_>) -> bool {
        while let Some(waiting) = self.waiting.pop_front() {
            let Ok(room) = sink.to_ship.try_reserve() else {
                self.waiting.push_front(waiting);
                return false;
            };
            let next = waiting.offsets.1;
            room.send(ToShip::Batch(Box::new(self.cut(waiting, sink))));
            if self.waiting.is_empty() {
                self.next = next;
            }
        }
        true
    }

    fn cut(&mut self, waiting: Waiting, sink: &Sink<'_>) -> Batch {
        let Waiting {
            generation,
            part,
            offsets,
        } = waiting;
        let epoch = sink.epochs.get(&generation).copied().unwrap_or(0);
        let (start, end) = part.meta.range;
        self.cuts.push_back(Cut {
            generation,
            epoch,
            start,
            end,
            offset: offsets.0,
            next: offsets.1,
            bytes: part.bytes.len() as u64,
            acked: false,
        });
        Batch {
            generation,
            topic: self.name.clone(),
            epoch,
            start,
            end,
            records: part.records,
            // Its records stand in the outbox, where they can be read on from any of them.
            bound: Vec::new(),
            bytes: part.bytes,
            meta: part.meta,
        }
    }

    pub(super) fn acked(&mut self, generation: GenerationId, epoch: u64, range: (u64, u64)) {
        let is_it = |cut: &&mut Cut| {
            (cut.generation, cut.epoch, (cut.start, cut.end)) == (generation, epoch, range) && !cut.acked
        };
        if let Some(cut) = self.cuts.iter_mut().find(is_it) {
            reached(Point::OutboxAcked);
            cut.acked = true;
            self.advance();
        }
    }

    /// Moves the position over everything acked up to the first that is not.
    fn advance(&mut self) {
        while let Some(cut) = self.cuts.front().filter(|cut| cut.acked) {
            if Some(cut.generation) == self.shipped.generation {
                self.shipped.acked = self.shipped.acked.max(cut.end);
            }
            // A batch in parts is acked with its last one.
            let next = cut.next;
            self.cuts.pop_front();
            let waits = self.waiting.front().is_some_and(|waiting| waiting.offsets.1 == next);
            if !waits && self.cuts.front().is_none_or(|cut| cut.next != next) {
                self.shipped.position = self.shipped.position.max(next);
            }
        }
        if self.cuts.is_empty() {
            self.shipped.position = self.shipped.position.max(self.next);
        }
    }

    /// Nothing is to be shipped before `next`.
    fn pass_over(&mut self, next: u64) {
        self.next = self.next.max(next);
        self.advance();
    }
}
