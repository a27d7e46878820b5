//! Kinds of lines that are new, or gone. A kind is a template: a line with its variable words taken out.

use std::collections::BTreeMap;

use timberline_proto::alert::{Pattern, PatternChange};

use super::{Finding, Look, STEPS_SHOWN, Track};
use crate::alert::ask::Ask;
use crate::alert::buckets::Buckets;
use crate::alert::machine::Outcome;
use crate::alert::plan::Plan;
use crate::alert::sample::{Group, Sample};
use crate::alert::sentence::instant;
use crate::alert::windows::Grid;

/// A kind of line, before the lines that are kept one by one.
#[derive(Clone, Copy, Debug, Default)]
struct Past {
    /// When the last of it was.
    last: i64,
    lines: u64,
}

#[derive(Debug)]
pub(super) struct Patterns {
    grid: Grid,
    query: String,
    change: PatternChange,
    least: u64,
    lookback: i64,
    patterns_max: usize,
    /// Those of before, by their text.
    past: BTreeMap<Group, Past>,
    /// Those of lately.
    buckets: Buckets,
    left_out: u64,
}

impl Patterns {
    pub(super) fn new(plan: &Plan, pattern: &Pattern) -> Self {
        Self {
            grid: plan.grid,
            query: pattern.query.clone(),
            change: pattern.change,
            least: pattern.lines_min(),
            lookback: pattern.lookback.0,
            patterns_max: plan.patterns_max,
            past: BTreeMap::new(),
            buckets: Buckets::new(plan.grid, plan.patterns_max),
            left_out: 0,
        }
    }

    /// Lines of it from `from` up to `to`, as far as that is known.
    fn lines(&self, group: &Group, (from, to): (i64, i64), look: Look) -> u64 {
        let past = self.past.get(group).filter(|past| past.last >= from && past.last < to);
        past.map_or(0, |past| past.lines) + self.buckets.sums(group, (from, to), look.verdict).rows
    }

    fn found(&self, group: &Group, look: Look) -> Option<Finding> {
        let start = look.end - self.grid.window;
        let now = self.lines(group, (start, look.end), look);
        let before = self.lines(group, (start - self.lookback, start), look);
        let holds = match self.change {
            PatternChange::New => now >= self.least && before == 0,
            PatternChange::Vanished => now == 0 && before >= self.least,
        };
        if !holds {
            // Most kinds are neither; those that are not named do not hold.
            return None;
        }
        let mut finding = Finding::new(group.clone(), Outcome::Holds, Some(now as f64));
        finding.note = match self.change {
            PatternChange::New => Some(format!(
                "none was there in the {} before",
                timberline_proto::alert::Period(self.lookback)
            )),
            PatternChange::Vanished => {
                let last = self.past.get(group).map(|past| past.last);
                let told = last.map(|last| format!(", the last at {}", instant(last)));
                Some(format!("{before} were there before{}", told.unwrap_or_default()))
            }
        };
        Some(finding)
    }
}

impl Track for Patterns {
    fn take(&mut self, sample: &Sample) {
        self.buckets.add(sample);
    }

    fn look(&mut self, look: Look, _: &dyn Ask) -> Result<Vec<Finding>, String> {
        let mut found: Vec<Finding> = self
            .buckets
            .groups()
            .filter_map(|group| self.found(group, look))
            .collect();
        if self.change == PatternChange::Vanished {
            let gone = self.past.keys().filter(|group| !self.buckets.has(group));
            found.extend(gone.filter_map(|group| self.found(group, look)));
        }
        Ok(found)
    }

    fn look_at(&mut self, group: &Group, look: Look, _: &dyn Ask) -> Result<Option<Finding>, String> {
        Ok(self.found(group, look))
    }

    fn is_sure(&self) -> bool {
        // A line of before that comes late would tell; of what was read by now none was there.
        false
    }

    fn absent(&self) -> Outcome {
        Outcome::Not
    }

    fn prepare(&mut self, from: i64, ask: &dyn Ask) -> Result<(), String> {
        let start = from - self.lookback - self.grid.window;
        for found in ask.patterns(&self.query, (start, from), self.patterns_max)? {
            if self.past.len() >= self.patterns_max && !self.past.contains_key(&found.pattern) {
                self.left_out += found.lines;
                continue;
            }
            let past = self.past.entry(found.pattern).or_default();
            past.lines += found.lines;
            past.last = past.last.max(found.last);
        }
        Ok(())
    }

    fn steps(&self, group: &Group, end: i64) -> Vec<f64> {
        self.buckets.steps(group, end, STEPS_SHOWN)
    }

    fn forget(&mut self, before: i64) {
        // What is forgotten line by line is remembered as a sum.
        let cut = self.grid.floor(before);
        let gone: Vec<_> = self.buckets.groups().cloned().collect();
        for group in gone {
            let sums = self.buckets.sums(&group, (i64::MIN, cut), i64::MAX);
            if sums.rows > 0 {
                let past = self.past.entry(group).or_default();
                past.lines += sums.rows;
                past.last = past.last.max(cut - 1);
            }
        }
        self.buckets.forget(cut);
        self.past.retain(|_, past| past.last >= before - self.lookback);
    }

    fn groups(&self) -> usize {
        self.past.len().max(self.buckets.groups().count())
    }

    fn left_out(&self) -> u64 {
        self.left_out + self.buckets.left_out
    }
}
