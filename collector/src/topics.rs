//! How fast each partition grows: looked at every so often, remembered for some minutes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use timberline_queue::Queue;

/// Between two looks.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Looks that are remembered: five minutes.
const LOOKS_MAX: usize = 61;
/// Looks that a rate is of: half a minute.
const RATE_LOOKS: usize = 7;

/// What was seen of all partitions.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    seen: Mutex<HashMap<(String, u32), Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    looks: VecDeque<Look>,
    /// Bytes by segment at the last look: what is deleted is not taken for what came.
    segments: BTreeMap<u64, u64>,
    /// Bytes that came since the first look.
    bytes_came: u64,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    end_offset: u64,
    bytes_came: u64,
}

/// How fast one partition grows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rate {
    pub(crate) records_per_second: f64,
    pub(crate) bytes_per_second: f64,
    /// Records a second between two looks, oldest first.
    pub(crate) course: Vec<f64>,
}

impl Growth {
    /// Looks at all partitions.
    pub(crate) fn look(&self, queue: &Queue, now: Instant) {
        let mut seen = self.seen.lock();
        let partitions = queue.partitions();
        seen.retain(|(topic, partition), _| {
            partitions
                .iter()
                .any(|held| held.topic == *topic && held.partition == *partition)
        });
        for held in partitions {
            let segments: BTreeMap<u64, u64> = queue
                .segments(&held.topic, held.partition)
                .into_iter()
                .map(|segment| (segment.base_offset, segment.bytes))
                .collect();
            let entry = seen.entry((held.topic, held.partition)).or_default();
            entry.take(now, held.end_offset, segments);
        }
    }

    /// How fast one partition grows; nothing is known before the second look.
    pub(crate) fn rate(&self, topic: &str, partition: u32) -> Rate {
        let seen = self.seen.lock();
        seen.get(&(topic.to_owned(), partition))
            .map_or_else(Rate::default, Seen::rate)
    }
}

impl Seen {
    fn take(&mut self, at: Instant, end_offset: u64, segments: BTreeMap<u64, u64>) {
        if !self.looks.is_empty() {
            let grown =
                |(base, bytes): (&u64, &u64)| bytes.saturating_sub(self.segments.get(base).copied().unwrap_or(0));
            self.bytes_came += segments.iter().map(grown).sum::<u64>();
        }
        self.segments = segments;
        if self.looks.len() == LOOKS_MAX {
            self.looks.pop_front();
        }
        self.looks.push_back(Look {
            at,
            end_offset,
            bytes_came: self.bytes_came,
        });
    }

    fn rate(&self) -> Rate {
        let per_second = |from: &Look, to: &Look, of: fn(&Look) -> u64| {
            let seconds = to.at.duration_since(from.at).as_secs_f64();
            let came = of(to).saturating_sub(of(from)) as f64;
            if seconds > 0.0 { came / seconds } else { 0.0 }
        };
        let looks: Vec<&Look> = self.looks.iter().collect();
        let Some(last) = looks.last() else {
            return Rate::default();
        };
        let first = looks[looks.len().saturating_sub(RATE_LOOKS)];
        Rate {
            records_per_second: per_second(first, last, |look| look.end_offset),
            bytes_per_second: per_second(first, last, |look| look.bytes_came),
            course: looks
                .windows(2)
                .map(|pair| per_second(pair[0], pair[1], |look| look.end_offset))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deleted_is_not_taken_for_what_came() {
        let begin = Instant::now();
        let mut seen = Seen::default();
        let at = |second: u64| begin + Duration::from_secs(second);
        seen.take(at(0), 100, [(0, 5_000)].into());
        assert_eq!(seen.rate(), Rate::default());
        seen.take(at(5), 150, [(0, 6_000), (140, 500)].into());
        // The first segment went meanwhile.
        seen.take(at(10), 160, [(140, 1_500)].into());
        let rate = seen.rate();
        assert_eq!((rate.records_per_second, rate.bytes_per_second), (6.0, 250.0));
        assert_eq!(rate.course, [10.0, 2.0]);
    }

    #[test]
    fn old_looks_are_forgotten_and_a_rate_is_of_the_last_half_minute() {
        let begin = Instant::now();
        let mut seen = Seen::default();
        for n in 0..200 {
            let end_offset = if n < 190 { 0 } else { (n - 190) * 50 };
            seen.take(begin + LOOK_INTERVAL * n as u32, end_offset, BTreeMap::new());
        }
        assert_eq!(seen.looks.len(), LOOKS_MAX);
        assert_eq!(seen.rate().records_per_second, 10.0);
    }
}
