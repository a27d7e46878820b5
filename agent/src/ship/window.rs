//! The batches without a verdict, and which of them may be sent now. Pure: no clock, no network.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use timberline_proto::id::GenerationId;

use super::Batch;
use super::refused::{Settled, Why};

/// Wait before a refused batch is sent again behind the one that it waits for.
const RESEND_PAUSE: Duration = Duration::from_millis(20);
/// Wait before what could not be kept as a dead letter, or even its marker, is sent again.
const REJECTED_PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Window {
    held: VecDeque<Held>,
    lanes: HashMap<GenerationId, Lane>,
    in_flight_max: usize,
    sequence: u64,
    /// Batches so far: the next one's [`Held::id`].
    pushed: u64,
}

#[derive(Debug)]
struct Held {
    /// Its name here, also after a reconnection.
    id: u64,
    batch: Box<Batch>,
    /// Its sequence on the present stream, if it is under way.
    sent: Option<u64>,
    not_before: Option<Instant>,
    /// Not sent as it is: it waits for [`Window::settle`].
    refused: Option<Why>,
    /// The batch of which it is a part, and which is acked with its last part.
    whole: Option<(u64, u64)>,
    /// Of parts before it, which are acked.
    acked: Counts,
    /// Records in the dead letter that this marker stands for.
    dead_letter: Option<u64>,
}

/// What of a batch is acked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) records: u64,
    /// Of which the collector refused these, which are kept as dead letters.
    pub(super) dead_letter: u64,
}

/// A generation on this connection.
#[derive(Debug, Default)]
struct Lane {
    /// The collector has acked a batch of it on this connection, so a gap would be refused.
    confirmed: bool,
    /// Batches of an earlier epoch were cut before a rewind.
    epoch_min: u64,
}

/// A verdict, as far as the window is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Durable,
    Refused { end: u64 },
    TryAgain { after: Duration },
    Rejected { why: String },
}

/// What follows beyond the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    Acked {
        generation: GenerationId,
        epoch: u64,
        start: u64,
        end: u64,
        counts: Counts,
    },
    Rewind {
        generation: GenerationId,
        epoch: u64,
        end: u64,
    },
}

impl Held {
    /// Whether it is a part of this batch.
    fn is_of(&self, generation: GenerationId, whole: Option<(u64, u64)>) -> bool {
        self.batch.generation == generation && self.whole == whole
    }
}

impl Window {
    pub(super) fn new(in_flight_max: usize) -> Self {
        Self {
            held: VecDeque::new(),
            lanes: HashMap::new(),
            in_flight_max,
            sequence: 0,
            pushed: 0,
        }
    }

    /// A new connection: everything is to be sent again, generations one batch at first.
    pub(super) fn reconnected(&mut self, in_flight_max: usize) {
        self.in_flight_max = in_flight_max;
        self.sequence = 0;
        self.held.iter_mut().for_each(|held| held.sent = None);
        let held: HashSet<GenerationId> = self.held.iter().map(|held| held.batch.generation).collect();
        // Batches cut before a rewind may still be on their way here.
        self.lanes
            .retain(|generation, lane| lane.epoch_min > 0 || held.contains(generation));
        self.lanes.values_mut().for_each(|lane| lane.confirmed = false);
    }

    /// Takes a batch, unless it was cut before a rewind.
    pub(super) fn push(&mut self, batch: Box<Batch>) {
        let lane = self.lanes.entry(batch.generation).or_default();
        if batch.epoch >= lane.epoch_min {
            let held = self.hold(batch);
            self.held.push_back(held);
        }
    }

    fn hold(&mut self, batch: Box<Batch>) -> Held {
        self.pushed += 1;
        Held {
            id: self.pushed,
            batch,
            sent: None,
            not_before: None,
            refused: None,
            whole: None,
            acked: Counts::default(),
            dead_letter: None,
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.held.iter().filter(|held| held.sent.is_some()).count()
    }

    /// The next batch that may be sent, with its sequence.
    pub(super) fn next(&mut self, now: Instant) -> Option<(u64, &Batch)> {
        if self.in_flight() >= self.in_flight_max {
            return None;
        }
        let mut blocked: HashSet<GenerationId> = HashSet::new();
        let lanes = &self.lanes;
        let at = self.held.iter().position(|held| {
            let generation = held.batch.generation;
            let confirmed = lanes.get(&generation).is_some_and(|lane| lane.confirmed);
            let waits = held.refused.is_some() || held.not_before.is_some_and(|at| at > now);
            let free = held.sent.is_none() && !waits && !blocked.contains(&generation);
            if held.sent.is_none() || !confirmed {
                blocked.insert(generation);
            }
            free
        })?;
        self.sequence += 1;
        let held = &mut self.held[at];
        held.sent = Some(self.sequence);
        held.not_before = None;
        Some((self.sequence, &held.batch))
    }

    /// When a batch that waits may be sent.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.held
            .iter()
            .filter(|held| held.sent.is_none() && held.refused.is_none())
            .filter_map(|held| held.not_before)
            .min()
    }

    pub(super) fn verdict(&mut self, sequence: u64, verdict: Verdict, now: Instant) -> Effect {
        let Some(at) = self.at(sequence) else {
            return Effect::None;
        };
        let Batch {
            generation,
            epoch,
            start,
            ..
        } = *self.held[at].batch;
        match verdict {
            Verdict::Durable => self.acked(at),
            Verdict::TryAgain { after } => self.later(at, now + after),
            Verdict::Refused { end: queue_end } => {
                let first = !self
                    .held
                    .iter()
                    .take(at)
                    .any(|held| held.batch.generation == generation);
                if !first {
                    // The one before it has failed and is sent again; this one follows it.
                    return self.later(at, now + RESEND_PAUSE);
                }
                if queue_end == start {
                    return self.later(at, now + RESEND_PAUSE * 10);
                }
                self.drop_generation(generation, epoch);
                Effect::Rewind {
                    generation,
                    epoch,
                    end: queue_end,
                }
            }
            // Not even a marker is taken: something greater is wrong, and waiting loses nothing.
            Verdict::Rejected { .. } if self.held[at].dead_letter.is_some() => self.later(at, now + REJECTED_PAUSE),
            Verdict::Rejected { why } => {
                self.held[at].refused = Some(Why::Rejected(why));
                self.later(at, now)
            }
        }
    }

    /// Takes out what is durable. A part of a batch leaves its counts to another one, and the batch is
    /// acked with the last of them.
    fn acked(&mut self, at: usize) -> Effect {
        let Some(held) = self.held.remove(at) else {
            return Effect::None;
        };
        let Batch {
            generation,
            epoch,
            start,
            end,
            records,
            ..
        } = *held.batch;
        self.lane(generation).confirmed = true;
        let counts = Counts {
            records: held.acked.records + u64::from(records),
            dead_letter: held.acked.dead_letter + held.dead_letter.unwrap_or(0),
        };
        let is_part = |other: &&mut Held| held.whole.is_some() && other.is_of(generation, held.whole);
        if let Some(other) = self.held.iter_mut().find(is_part) {
            other.acked.records += counts.records;
            other.acked.dead_letter += counts.dead_letter;
            return Effect::None;
        }
        let (start, end) = held.whole.unwrap_or((start, end));
        Effect::Acked {
            generation,
            epoch,
            start,
            end,
            counts,
        }
    }

    /// The first batch that is not taken as it is, and why.
    pub(super) fn refused(&self) -> Option<(u64, &Batch, &Why)> {
        self.held
            .iter()
            .find_map(|held| Some((held.id, &*held.batch, held.refused.as_ref()?)))
    }

    /// What became of a batch that was not taken as it was.
    pub(super) fn settle(&mut self, id: u64, settled: Settled, now: Instant) -> Effect {
        let Some(at) = self.held.iter().position(|held| held.id == id) else {
            return Effect::None; // rewound meanwhile
        };
        let held = &mut self.held[at];
        held.refused = None;
        match settled {
            Settled::Divided(parts) => {
                let [first, second] = *parts;
                let whole = held.whole.or(Some((held.batch.start, held.batch.end)));
                (*held.batch, held.whole) = (first, whole);
                let mut second = self.hold(Box::new(second));
                second.whole = whole;
                self.held.insert(at + 1, second);
                Effect::None
            }
            Settled::Kept(marker) => {
                held.dead_letter = Some(u64::from(held.batch.records));
                held.batch = marker;
                Effect::None
            }
            Settled::NotKept => self.later(at, now + REJECTED_PAUSE),
            Settled::ToCutAnew => {
                let generation = held.batch.generation;
                self.cut_anew(generation)
            }
        }
    }

    /// Whether it stands for a batch that was refused for good.
    pub(super) fn is_marker(&self, sequence: u64) -> bool {
        self.at(sequence).is_some_and(|at| self.held[at].dead_letter.is_some())
    }

    /// Batches above `bytes_max` are not sent as they are.
    pub(super) fn refuse_larger(&mut self, bytes_max: u64) {
        let too_large = |held: &&mut Held| held.sent.is_none() && held.batch.bytes.len() as u64 > bytes_max;
        for held in self.held.iter_mut().filter(too_large) {
            held.refused.get_or_insert(Why::TooLarge);
        }
    }

    /// Everything of a generation that is held here is to be cut anew.
    fn cut_anew(&mut self, generation: GenerationId) -> Effect {
        let Some(first) = self.held.iter().find(|held| held.batch.generation == generation) else {
            return Effect::None;
        };
        let (epoch, end) = (first.batch.epoch, first.batch.start);
        self.drop_generation(generation, epoch);
        Effect::Rewind { generation, epoch, end }
    }

    fn at(&self, sequence: u64) -> Option<usize> {
        self.held.iter().position(|held| held.sent == Some(sequence))
    }

    fn lane(&mut self, generation: GenerationId) -> &mut Lane {
        self.lanes.entry(generation).or_default()
    }

    /// Sends a batch again later; until it is taken, its generation goes one by one.
    fn later(&mut self, at: usize, when: Instant) -> Effect {
        let generation = self.held[at].batch.generation;
        self.held[at].sent = None;
        self.held[at].not_before = Some(when);
        self.lane(generation).confirmed = false;
        Effect::None
    }

    fn drop_generation(&mut self, generation: GenerationId, epoch: u64) {
        self.held.retain(|held| held.batch.generation != generation);
        *self.lane(generation) = Lane {
            confirmed: false,
            epoch_min: epoch + 1,
        };
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests;
