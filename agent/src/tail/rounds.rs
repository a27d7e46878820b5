//! Whose turn it is to be read, and handing over what was cut.

use std::time::{Duration, Instant};

use timberline_proto::id::GenerationId;
use tokio::sync::mpsc::{self, OwnedPermit};

use super::file::End;
use super::read::Outcome;
use super::{Tailer, now_nanos};
use crate::lines::Flush;
use crate::ship::{Batch, ToShip};

/// Until it is looked again whether the shipper has room.
const NO_ROOM_WAIT: Duration = Duration::from_millis(20);

impl Tailer {
    pub(super) fn queue(&mut self, generation: GenerationId, now: Instant) {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        if !tail.unread() || tail.maybe_copy_since.is_some() {
            return;
        }
        match tail.end {
            End::Known => {
                tail.ready_since.get_or_insert(now);
                if !std::mem::replace(&mut tail.queued, true) {
                    self.ready.push_back(generation);
                }
            }
            End::ToAsk => {
                tail.end = End::Asked;
                let topic = self.reader.topic(&tail.topic);
                self.to_ask.push((topic, generation));
            }
            End::Asked => {}
        }
        self.pulse.next_read = Some(self.pulse.next_read.map_or(now, |at| at.min(now)));
    }

    pub(super) fn send_questions(&mut self) {
        if self.to_ask.is_empty() {
            return;
        }
        match self.to_ship.try_send(ToShip::AskEnds(std::mem::take(&mut self.to_ask))) {
            Ok(()) => {}
            Err(
                mpsc::error::TrySendError::Full(ToShip::AskEnds(ask))
                | mpsc::error::TrySendError::Closed(ToShip::AskEnds(ask)),
            ) => {
                self.to_ask = ask;
            }
            Err(_) => {}
        }
    }

    pub(super) fn window_full(&self) -> bool {
        self.counts.pending >= self.config.in_flight_max * 2 || self.to_ship.capacity() == 0
    }

    /// One batch of every file whose turn it is, while there is room.
    pub(super) fn read_round(&mut self, now: Instant) {
        self.pulse.next_read = None;
        for _ in 0..self.ready.len() {
            if self.window_full() {
                self.pulse.next_read = Some(now);
                return;
            }
            let Some(generation) = self.ready.pop_front() else {
                return;
            };
            if let Some(again) = self.read_turn(generation, now) {
                self.ready.push_back(generation);
                self.pulse.next_read = Some(self.pulse.next_read.map_or(again, |at| at.min(again)));
            }
        }
    }

    /// Reads one file in its turn; gives back when it is to be read again.
    pub(super) fn read_turn(&mut self, generation: GenerationId, now: Instant) -> Option<Instant> {
        let tail = self.tails.get_mut(&generation)?;
        if !tail.unread() || tail.end != End::Known || tail.maybe_copy_since.is_some() {
            (tail.queued, tail.ready_since) = (false, None);
            return None;
        }
        let due = tail.ready_since.map_or(now, |since| since + self.config.batch_age_max);
        let due = if tail.size - tail.cut.offset >= self.reader.bytes_max() || tail.flush != Flush::No {
            now
        } else {
            due
        };
        let due = tail.retry_at.map_or(due, |at| due.max(at));
        if due > now {
            return Some(due);
        }
        // Before it is durable: its topic may go by what is said of its pod.
        if let Some(due) = self.waits_for_pod(generation, now) {
            return Some(due);
        }
        let is_durable = self.tails.get(&generation)?.durable;
        if !is_durable && !self.make_durable(now) {
            return Some(self.pulse.next_save);
        }
        if let Err(error) = self.open(generation) {
            return self.could_not_read(generation, &error, now);
        }
        // What is read cannot be given back, and the outbox sends into the same channel.
        let Ok(room) = self.to_ship.clone().try_reserve_owned() else {
            return Some(now + NO_ROOM_WAIT);
        };
        let tail = self.tails.get_mut(&generation)?;
        self.counts.reads += 1;
        tail.used = self.counts.reads;
        match self.reader.read(tail, now, now_nanos()) {
            Outcome::Batch(batch) => {
                tail.recovered();
                let more = tail.unread();
                (tail.queued, tail.ready_since) = (more, more.then_some(now));
                self.send(batch, room);
                more.then_some(now)
            }
            Outcome::AtEnd => {
                tail.recovered();
                (tail.queued, tail.ready_since) = (false, None);
                if tail.size > tail.cut.offset {
                    self.walk_soon(now);
                }
                None
            }
            Outcome::Replaced => {
                (tail.queued, tail.ready_since) = (false, None);
                self.seems_replaced(generation, now);
                None
            }
            Outcome::Failed(error) => self.could_not_read(generation, &error, now),
        }
    }

    pub(super) fn could_not_read(
        &mut self,
        generation: GenerationId,
        error: &std::io::Error,
        now: Instant,
    ) -> Option<Instant> {
        self.walk_soon(now);
        let tail = self.tails.get_mut(&generation)?;
        self.open.remove(&generation);
        tail.failed(error.to_string(), now);
        tail.retry_at
    }

    pub(super) fn send(&mut self, batch: Box<Batch>, room: OwnedPermit<ToShip>) {
        self.counts.pending += 1;
        self.counts.records_read += u64::from(batch.records);
        drop(room.send(ToShip::Batch(batch)));
    }
}
