//! How often is walked. A walk looks at every file, so where notifications tell of everything it is made
//! rarely: only in case one was lost.

use std::time::{Duration, Instant};

use super::Tailer;
use super::file::{Standing, Tail};
use crate::scan::{OWN_LOG, Scan};

/// A walk rests for so many times as long as it took …
const REST: u32 = 4;
/// … and where everything is told, for so many times, …
const RARE_REST: u32 = 400;
/// … though no longer than this, if `scan_interval` is not longer.
const RARE_MAX: Duration = Duration::from_secs(20);

/// The time between two walks.
fn pause(took: Duration, scan_interval: Duration, is_all_told: bool) -> Duration {
    let usual = scan_interval.max(took * REST);
    match is_all_told {
        true => (took * RARE_REST).min(RARE_MAX).max(usual),
        false => usual,
    }
}

impl Tailer {
    /// Says when the next walk is due after one that began at `now`.
    pub(super) fn pace(&mut self, now: Instant) {
        self.pulse.walk_took = now.elapsed();
        let is_rare = self.pulse.is_told && self.is_at_rest(now);
        self.pulse.next_scan = now + pause(self.pulse.walk_took, self.config.scan_interval, is_rare);
    }

    /// Something is to be looked after that no notification tells of: the next walk comes as usual.
    pub(super) fn walk_soon(&mut self, now: Instant) {
        let usual = now + pause(self.pulse.walk_took, self.config.scan_interval, false);
        self.pulse.next_scan = self.pulse.next_scan.min(usual);
    }

    /// Whether notifications tell of every change in what a walk found.
    pub(super) fn note_told(&mut self, scan: &Scan) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        if watch.follow(&scan.directories) {
            // What was made there before it was watched.
            self.inbox.hint_all();
        }
        let is_known = |(_, why): &(_, String)| why == OWN_LOG;
        self.pulse.is_told =
            !scan.is_untold && scan.problems.iter().all(is_known) && watch.tells_all(&scan.directories);
    }

    /// Whether nothing waits for time to pass.
    fn is_at_rest(&self, now: Instant) -> bool {
        let is_known = |trouble: &super::Trouble| trouble.why == OWN_LOG || trouble.lost_bytes > 0;
        self.packed_wait.values().all(|wait| wait.owner.is_some())
            && self.troubles.values().all(is_known)
            && self.tails.values().all(|tail| self.rests(tail, now))
    }

    fn rests(&self, tail: &Tail, now: Instant) -> bool {
        // A last line without its end, or one of several lines, is taken after a while.
        let waits_max = (self.config.rotate_wait)
            .max(self.config.partial_line_timeout)
            .max(tail.input.timeout);
        let has_waited = now >= tail.grew_at + waits_max + self.config.scan_interval;
        tail.standing == Standing::Named
            // By another name it may be written in a directory that is not looked into.
            && tail.links == 1
            && tail.maybe_copy_since.is_none()
            && tail.retry_at.is_none()
            && (tail.packed.is_none() || tail.file.is_none())
            && (tail.size == tail.cut.offset || has_waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_are_rare_only_where_they_cost_and_everything_is_told() {
        let ms = Duration::from_millis;
        for (took, interval, told, expected) in [
            (1, 250, false, 250),
            (1, 250, true, 400),
            (50, 250, false, 250),
            (100, 250, false, 400),
            (20, 250, true, 8_000),
            (100, 250, true, 20_000),
            (100, 60_000, true, 60_000),
            (5_000, 250, true, 20_000),
        ] {
            assert_eq!(
                pause(ms(took), ms(interval), told),
                ms(expected),
                "{took} {interval} {told}"
            );
        }
    }
}
