//! The batches without a verdict, and which of them may be sent now. Pure: no clock, no network.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use timberline_proto::id::GenerationId;

use super::Batch;

/// Wait before a refused batch is sent again behind the one that it waits for.
const RESEND_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Window {
    held: VecDeque<Held>,
    lanes: HashMap<GenerationId, Lane>,
    in_flight_max: usize,
    sequence: u64,
}

#[derive(Debug)]
struct Held {
    batch: Box<Batch>,
    /// Its sequence on the present stream, if it is under way.
    sent: Option<u64>,
    not_before: Option<Instant>,
    /// Records in the dead letter that this marker stands for.
    dead_letter: Option<u64>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Durable,
    Refused { end: u64 },
    TryAgain { after: Duration },
    Rejected,
}

/// What follows from a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing beyond the window.
    None,
    Acked {
        generation: GenerationId,
        epoch: u64,
        start: u64,
        end: u64,
        records: u64,
        dead_letter: u64,
    },
    Rewind {
        generation: GenerationId,
        epoch: u64,
        end: u64,
    },
    /// One of these records is refused for good: they are to be cut anew in smaller batches, so that the
    /// others get through.
    Divide {
        generation: GenerationId,
        epoch: u64,
        start: u64,
        end: u64,
        records: u32,
    },
    /// The batch of this sequence is to go to the dead letter, then [`Window::replace`].
    DeadLetter,
}

impl Window {
    pub(super) fn new(in_flight_max: usize) -> Self {
        Self {
            held: VecDeque::new(),
            lanes: HashMap::new(),
            in_flight_max,
            sequence: 0,
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
            self.held.push_back(Held {
                batch,
                sent: None,
                not_before: None,
                dead_letter: None,
            });
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
            let free =
                held.sent.is_none() && held.not_before.is_none_or(|at| at <= now) && !blocked.contains(&generation);
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
            .filter(|held| held.sent.is_none())
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
            end,
            records,
            ..
        } = *self.held[at].batch;
        match verdict {
            Verdict::Durable => {
                self.lane(generation).confirmed = true;
                let dead_letter = self.held[at].dead_letter.unwrap_or(0);
                self.held.remove(at);
                Effect::Acked {
                    generation,
                    epoch,
                    start,
                    end,
                    records: u64::from(records),
                    dead_letter,
                }
            }
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
            Verdict::Rejected if self.held[at].dead_letter.is_some() => self.later(at, now + Duration::from_secs(30)),
            Verdict::Rejected if self.held[at].batch.divisible && records > 1 => {
                if self
                    .held
                    .iter()
                    .take(at)
                    .any(|held| held.batch.generation == generation)
                {
                    // What is before it may be sent again, and then so is this.
                    return self.later(at, now + RESEND_PAUSE);
                }
                self.drop_generation(generation, epoch);
                Effect::Divide {
                    generation,
                    epoch,
                    start,
                    end,
                    records,
                }
            }
            Verdict::Rejected => Effect::DeadLetter,
        }
    }

    pub(super) fn batch(&self, sequence: u64) -> Option<&Batch> {
        self.at(sequence).map(|at| &*self.held[at].batch)
    }

    /// Whether it stands for a batch that was refused for good.
    pub(super) fn is_marker(&self, sequence: u64) -> bool {
        self.at(sequence).is_some_and(|at| self.held[at].dead_letter.is_some())
    }

    /// A batch's place is taken by the marker that stands for it.
    pub(super) fn replace(&mut self, sequence: u64, marker: Batch) {
        if let Some(at) = self.at(sequence) {
            let held = &mut self.held[at];
            held.dead_letter = Some(u64::from(held.batch.records));
            (held.batch, held.sent) = (Box::new(marker), None);
        }
    }

    /// The first batch above `bytes_max` is to be cut anew, smaller.
    pub(super) fn refuse_larger(&mut self, bytes_max: u64) -> Option<Effect> {
        let large = self
            .held
            .iter()
            .find(|held| held.sent.is_none() && held.batch.bytes.len() as u64 > bytes_max)?;
        let generation = large.batch.generation;
        let first = self.held.iter().find(|held| held.batch.generation == generation)?;
        let (epoch, end) = (first.batch.epoch, first.batch.start);
        self.drop_generation(generation, epoch);
        Some(Effect::Rewind { generation, epoch, end })
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
mod tests {
    use super::*;

    fn batch(generation: u8, start: u64, end: u64) -> Box<Batch> {
        Box::new(Batch {
            generation: GenerationId([generation; 16]),
            topic: "logs".into(),
            epoch: 0,
            start,
            end,
            records: 1,
            divisible: false,
            bytes: bytes::Bytes::from_static(b"b"),
            meta: Default::default(),
        })
    }

    fn window(batches: &[(u8, u64, u64)]) -> Window {
        let mut window = Window::new(8);
        batches
            .iter()
            .for_each(|(generation, start, end)| window.push(batch(*generation, *start, *end)));
        window
    }

    fn sent(window: &mut Window, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| window.next(now).map(|(_, batch)| batch.start)).collect()
    }

    #[test]
    fn a_generation_goes_one_by_one_until_its_first_ack() {
        let now = Instant::now();
        let mut window = window(&[(1, 0, 10), (1, 10, 20), (2, 5, 6), (1, 20, 30)]);
        assert_eq!(sent(&mut window, now), [0, 5]);
        window.verdict(1, Verdict::Durable, now);
        assert_eq!(sent(&mut window, now), [10, 20]);
        window.reconnected(8);
        assert_eq!(sent(&mut window, now), [10, 5]);
    }

    #[test]
    fn a_batch_to_try_again_keeps_its_place_before_later_ones() {
        let now = Instant::now();
        let mut window = window(&[(1, 0, 10)]);
        sent(&mut window, now);
        window.verdict(1, Verdict::Durable, now);
        window.push(batch(1, 10, 20));
        window.push(batch(1, 20, 30));
        assert_eq!(sent(&mut window, now), [10, 20]);
        let after = Duration::from_secs(1);
        assert_eq!(window.verdict(2, Verdict::TryAgain { after }, now), Effect::None);
        assert_eq!(window.verdict(3, Verdict::Refused { end: 10 }, now), Effect::None);
        assert_eq!(sent(&mut window, now), [] as [u64; 0]);
        assert_eq!(sent(&mut window, now + after), [10]);
        window.verdict(4, Verdict::Durable, now);
        assert_eq!(sent(&mut window, now + after), [20]);
    }

    #[test]
    fn a_batch_cut_before_a_rewind_is_not_taken_after_a_reconnection_either() {
        let now = Instant::now();
        let mut window = window(&[(1, 10, 20)]);
        sent(&mut window, now);
        window.verdict(1, Verdict::Refused { end: 4 }, now);
        window.reconnected(8);
        window.push(batch(1, 20, 30));
        assert_eq!(window.len(), 0);
    }

    #[test]
    fn a_refusal_drops_the_generation_and_rewinds_once() {
        let now = Instant::now();
        let mut window = window(&[(1, 0, 10), (2, 0, 10)]);
        sent(&mut window, now);
        window.verdict(1, Verdict::Durable, now);
        window.push(batch(1, 10, 20));
        window.push(batch(1, 20, 30));
        sent(&mut window, now);
        let generation = GenerationId([1; 16]);
        assert_eq!(
            window.verdict(3, Verdict::Refused { end: 4 }, now),
            Effect::Rewind {
                generation,
                epoch: 0,
                end: 4
            }
        );
        assert_eq!(window.verdict(4, Verdict::Refused { end: 4 }, now), Effect::None);
        assert_eq!(window.len(), 1);
        window.push(batch(1, 30, 40));
        assert_eq!(window.len(), 1, "cut before the rewind");
    }
}
