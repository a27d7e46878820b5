//! Up to when the sources are complete in what can be read.
//!
//! What an agent's report says is acked is in the queue; it is in an answer only once the store has
//! taken it. So what the sources say is taken note of, then the queue is asked how far it goes, and
//! only when the store has taken that much does the note count. A store that is behind leaves the
//! last note standing, which is then old and true.

use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_collector::fleet::{Source, now_nanos};

use crate::live::{QueueEnds, QueueTaken};

/// How often it is looked at.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// What counts, and what waits to.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// All of this is in answers.
    pub(super) sources: Arc<[Source]>,
    /// Everything acked before this is in answers, nanoseconds since the epoch; 0: not known.
    pub(super) taken_to_nanos: i64,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    sources: Arc<[Source]>,
    noted_at: Instant,
    noted_at_nanos: i64,
    /// How far the queue went, asked after the note.
    ends: Option<QueueEnds>,
}

impl Settled {
    /// Looks whether what waits counts now, and takes the next note if nothing waits.
    pub(super) fn look(&mut self, sources: impl FnOnce() -> Arc<[Source]>, taken: impl FnOnce() -> Option<QueueTaken>) {
        let waiting = self.waiting.get_or_insert_with(|| {
            let (noted_at, noted_at_nanos) = (Instant::now(), now_nanos());
            Waiting {
                sources: sources(),
                noted_at,
                noted_at_nanos,
                ends: None,
            }
        });
        let is_taken = match taken() {
            None => true,
            Some(taken) => {
                if waiting.ends.is_none() && taken.asked_at >= waiting.noted_at {
                    waiting.ends = Some(taken.ends.clone());
                }
                waiting.ends.as_ref().is_some_and(|ends| taken.has(ends))
            }
        };
        if is_taken && let Some(waiting) = self.waiting.take() {
            self.sources = waiting.sources;
            self.taken_to_nanos = waiting.noted_at_nanos;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn sources(to: i64) -> Arc<[Source]> {
        Arc::from([Source {
            complete_to_nanos: to,
            ..Source::default()
        }])
    }

    fn taken(asked_at: Instant, end: u64, covered: u64) -> Option<QueueTaken> {
        let of = |n| BTreeMap::from([(("logs".to_owned(), 0), n)]);
        Some(QueueTaken {
            asked_at,
            ends: of(end),
            covered: of(covered),
        })
    }

    fn to(settled: &Settled) -> Option<i64> {
        settled.sources.first().map(|source| source.complete_to_nanos)
    }

    #[test]
    fn a_note_counts_only_when_the_store_has_taken_what_the_queue_had_after_it() {
        let mut settled = Settled::default();
        let before = Instant::now();
        // The queue was asked before the note: what it said then may lack what the note speaks of.
        settled.look(|| sources(1), || taken(before, 5, 5));
        assert_eq!(to(&settled), None);
        settled.look(|| sources(2), || taken(Instant::now(), 9, 7));
        assert_eq!(to(&settled), None);
        // More came meanwhile; the note speaks of the first nine only.
        settled.look(|| sources(3), || taken(Instant::now(), 20, 9));
        assert_eq!(to(&settled), Some(1));
        assert!(settled.taken_to_nanos > 0);
        // The next note is the next look's.
        settled.look(|| sources(4), || taken(before, 20, 20));
        settled.look(|| sources(5), || taken(Instant::now(), 20, 20));
        assert_eq!(to(&settled), Some(4));
    }

    #[test]
    fn a_partition_that_was_not_begun_is_not_taken() {
        let mut settled = Settled::default();
        let other = |asked_at| {
            let mut taken = taken(asked_at, 5, 5)?;
            taken.ends.insert(("logs".to_owned(), 1), 3);
            Some(taken)
        };
        settled.look(|| sources(1), || other(Instant::now()));
        settled.look(|| sources(1), || other(Instant::now()));
        assert_eq!(to(&settled), None);
    }

    #[test]
    fn without_a_queue_every_note_counts() {
        let mut settled = Settled::default();
        settled.look(|| sources(1), || None);
        assert_eq!(to(&settled), Some(1));
    }
}
