//! What was written, and what of it came back. Pure: no clock, no network.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

/// Lines that are remembered: what comes twice later is not noticed.
pub(super) const REMEMBERED_MAX: usize = 100_000;
/// Upper bounds of the latencies' histogram, seconds.
const BOUNDS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// What was written, and what of it came back.
#[derive(Debug, Default)]
pub(super) struct Tally {
    wait_nanos: i64,
    sent: u64,
    /// When each line was written, and how often it was found.
    lines: BTreeMap<u64, (i64, u64)>,
    /// Lines that are still out.
    out: BTreeSet<u64>,
    /// Lines that are out for longer than they may.
    missing: BTreeSet<u64>,
    found: u64,
    given_up: u64,
    late: u64,
    doubled: u64,
    questions_failed: u64,
    /// Lines up to each bound, those beyond the last, and the sum of all.
    buckets: [u64; BOUNDS.len() + 1],
    seconds: f64,
    slowest: f64,
}

impl Tally {
    pub(super) fn new(wait: Duration) -> Self {
        Self {
            wait_nanos: i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX),
            ..Self::default()
        }
    }

    /// Lines written; the next one's number.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// A line was written.
    pub(super) fn wrote(&mut self, sequence: u64, at_nanos: i64) {
        self.sent = sequence + 1;
        self.lines.insert(sequence, (at_nanos, 0));
        self.out.insert(sequence);
        while self.lines.len() > REMEMBERED_MAX {
            self.lines.pop_first();
        }
    }

    /// Whether a line is out that may still come.
    pub(super) fn waits(&self) -> bool {
        !self.out.is_empty()
    }

    /// When the first line was written that is out, also of those given up.
    pub(super) fn oldest_out(&self) -> Option<i64> {
        let first = self.out.first().into_iter().chain(self.missing.first()).min()?;
        self.lines.get(first).map(|(at, _)| *at)
    }

    /// When the first line was written that is remembered.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.lines.first_key_value().map(|(_, (at, _))| *at)
    }

    /// How often lines were found, by an answer that came now.
    pub(super) fn found(&mut self, counts: &[(u64, u64)], now_nanos: i64) {
        for &(sequence, n) in counts {
            let Some((at, before)) = self.lines.get_mut(&sequence) else {
                continue;
            };
            if n <= *before {
                continue;
            }
            self.doubled += n - (*before).max(1);
            let is_first = *before == 0;
            *before = n;
            if !is_first {
                continue;
            }
            self.found += 1;
            self.out.remove(&sequence);
            self.late += u64::from(self.missing.remove(&sequence));
            let seconds = (now_nanos.saturating_sub(*at) as f64 / 1e9).max(0.0);
            let bucket = BOUNDS.iter().position(|bound| seconds <= *bound);
            self.buckets[bucket.unwrap_or(BOUNDS.len())] += 1;
            self.seconds += seconds;
            self.slowest = self.slowest.max(seconds);
        }
    }

    /// What was still out when it was asked for, though it had its time, is missing.
    pub(super) fn give_up(&mut self, asked_at_nanos: i64) {
        while let Some(&sequence) = self.out.first() {
            let at = self.lines.get(&sequence).map(|(at, _)| *at);
            if at.is_some_and(|at| asked_at_nanos.saturating_sub(at) < self.wait_nanos) {
                return;
            }
            self.out.remove(&sequence);
            self.missing.insert(sequence);
            self.given_up += 1;
        }
    }

    /// A question was not answered.
    pub(super) fn question_failed(&mut self) {
        self.questions_failed += 1;
    }

    /// What is wrong, if something is.
    pub(super) fn faults(&self) -> Option<String> {
        let mut faults = Vec::new();
        if !self.missing.is_empty() {
            let first = self.missing.first().copied().unwrap_or(0);
            faults.push(format!(
                "{} of {} lines are missing, from number {first} on",
                self.missing.len(),
                self.sent
            ));
        }
        if !self.out.is_empty() {
            faults.push(format!("{} lines could not be looked for", self.out.len()));
        }
        if self.doubled > 0 {
            faults.push(format!("{} times a line came again", self.doubled));
        }
        (!faults.is_empty()).then(|| faults.join("; "))
    }

    /// For people.
    pub(super) fn report(&self, run: &str) -> String {
        let mean = if self.found > 0 {
            self.seconds / self.found as f64
        } else {
            0.0
        };
        format!(
            "run {run}: {} lines written, {} found, {} missing, {} late, {} twice; found after {mean:.2} s, at most {:.2} s",
            self.sent,
            self.found,
            self.missing.len(),
            self.late,
            self.doubled,
            self.slowest
        )
    }

    /// In Prometheus' text format.
    pub(super) fn metrics(&self, run: &str) -> String {
        let mut text = String::new();
        let counters = [
            ("lines_sent_total", "counter", "Lines written.", self.sent),
            ("lines_found_total", "counter", "Lines that a query found.", self.found),
            (
                "missing_total",
                "counter",
                "Lines not found within the wait.",
                self.given_up,
            ),
            ("late_total", "counter", "Of those, lines found later.", self.late),
            ("missing", "gauge", "Lines missing now.", self.missing.len() as u64),
            (
                "duplicates_total",
                "counter",
                "Times that a line was found beyond the first.",
                self.doubled,
            ),
            (
                "queries_failed_total",
                "counter",
                "Questions without an answer.",
                self.questions_failed,
            ),
        ];
        // Writing to a String cannot fail.
        for (name, kind, help, value) in counters {
            let name = format!("timberline_canary_{name}");
            _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
        }
        let name = "timberline_canary_latency_seconds";
        _ = writeln!(
            text,
            "# HELP {name} From writing a line to finding it.\n# TYPE {name} histogram"
        );
        let mut below = 0;
        for (bound, lines) in BOUNDS.iter().zip(&self.buckets) {
            below += lines;
            _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {}", self.found);
        _ = writeln!(text, "{name}_sum {}\n{name}_count {}", self.seconds, self.found);
        _ = writeln!(
            text,
            "# HELP timberline_canary_info The run.\n# TYPE timberline_canary_info gauge\ntimberline_canary_info{{run=\"{run}\"}} 1"
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn tally() -> Tally {
        let mut tally = Tally::new(Duration::from_secs(10));
        (0..4).for_each(|n| tally.wrote(n, n as i64 * SECOND));
        tally
    }

    #[test]
    fn lines_found_once_in_time_are_no_fault() {
        let mut tally = tally();
        tally.found(&[(0, 1), (1, 1), (2, 1)], 4 * SECOND);
        tally.give_up(4 * SECOND);
        assert!(tally.waits());
        tally.found(&[(0, 1), (3, 1), (77, 1)], 5 * SECOND);
        assert_eq!((tally.waits(), tally.faults()), (false, None));
        assert_eq!(
            tally.report("x"),
            "run x: 4 lines written, 4 found, 0 missing, 0 late, 0 twice; found after 2.75 s, at most 4.00 s"
        );
    }

    #[test]
    fn a_line_is_missing_only_if_it_was_asked_for_after_its_time_and_late_if_it_comes() {
        let mut tally = tally();
        tally.found(&[(1, 1), (2, 1), (3, 1)], 4 * SECOND);
        // Nobody answered for long: that says nothing of the line.
        tally.question_failed();
        assert!(tally.waits());
        tally.give_up(9 * SECOND);
        assert!(tally.waits());
        tally.give_up(10 * SECOND);
        assert_eq!(tally.faults().unwrap(), "1 of 4 lines are missing, from number 0 on");
        assert_eq!(tally.oldest_out(), Some(0), "it is looked for still");
        tally.found(&[(0, 1)], 20 * SECOND);
        assert_eq!(tally.faults(), None);
        assert!(tally.metrics("x").contains("timberline_canary_missing_total 1\n"));
        assert!(tally.metrics("x").contains("timberline_canary_late_total 1\n"));
    }

    #[test]
    fn every_time_beyond_the_first_counts_once() {
        let mut tally = tally();
        tally.found(&[(0, 3), (1, 1)], SECOND);
        tally.found(&[(0, 3), (1, 2)], SECOND);
        assert!(tally.metrics("x").contains("timberline_canary_duplicates_total 3\n"));
        assert!(tally.faults().unwrap().contains("3 times a line came again"));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_histogram_adds_up() {
        let mut tally = Tally::new(Duration::from_secs(10));
        for n in 0..REMEMBERED_MAX as u64 + 10 {
            tally.wrote(n, 0);
            tally.found(&[(n, 1)], n as i64 % 7 * SECOND);
        }
        assert_eq!(tally.lines.len(), REMEMBERED_MAX);
        let text = tally.metrics("x");
        assert!(
            text.contains(&format!("_bucket{{le=\"+Inf\"}} {}\n", REMEMBERED_MAX + 10)),
            "{text}"
        );
        assert!(
            text.contains(&format!("_bucket{{le=\"10\"}} {}\n", REMEMBERED_MAX + 10)),
            "{text}"
        );
    }
}
