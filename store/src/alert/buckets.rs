//! Numbers of lines by group, time and when they were read: what windows are summed up from.
//!
//! A bucket is a step of time. Of lines that were read in time for every window that holds them there
//! is one sum a bucket; of others one for each window whose verdict counts them first. So a window is
//! summed up as it was when its verdict was due, however late that is done and whatever came since.

use std::collections::BTreeMap;

use timberline_proto::query::ast::AggregateFunction;

use super::sample::{Group, Sample};
use super::windows::Grid;

/// What was summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sums {
    pub(crate) rows: u64,
    /// Rows with a number, and the sum, the smallest and the largest of these.
    pub(crate) numbers: u64,
    pub(crate) sum: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            rows: 0,
            numbers: 0,
            sum: 0.0,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
        }
    }
}

impl Sums {
    fn add(&mut self, number: Option<f64>) {
        self.rows += 1;
        if let Some(number) = number {
            self.numbers += 1;
            self.sum += number;
            self.least = self.least.min(number);
            self.greatest = self.greatest.max(number);
        }
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.rows += other.rows;
        self.numbers += other.numbers;
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    /// What a function of `stats` makes of it; none of no numbers.
    pub(crate) fn value(&self, function: AggregateFunction, of_field: bool, window: i64) -> Option<f64> {
        match function {
            AggregateFunction::Sum => (self.numbers > 0).then_some(self.sum),
            AggregateFunction::Avg => (self.numbers > 0).then(|| self.sum / self.numbers as f64),
            AggregateFunction::Min => (self.numbers > 0).then_some(self.least),
            AggregateFunction::Max => (self.numbers > 0).then_some(self.greatest),
            AggregateFunction::Rate(unit) => {
                let what = if of_field { self.sum } else { self.rows as f64 };
                Some(what * unit as f64 / window as f64)
            }
            _ if of_field => Some(self.numbers as f64),
            _ => Some(self.rows as f64),
        }
    }
}

/// Sums of the groups of a rule.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    grid: Grid,
    groups_max: usize,
    groups: BTreeMap<Group, BTreeMap<(i64, i64), Sums>>,
    /// Lines whose group was one too many.
    pub(crate) left_out: u64,
}

impl Buckets {
    pub(crate) fn new(grid: Grid, groups_max: usize) -> Self {
        Self {
            grid,
            groups_max,
            groups: BTreeMap::new(),
            left_out: 0,
        }
    }

    /// Adds a line. Whether its group is kept.
    pub(crate) fn add(&mut self, sample: &Sample) -> bool {
        if !self.groups.contains_key(&sample.group) && self.groups.len() >= self.groups_max {
            self.left_out += 1;
            return false;
        }
        let bucket = self.grid.floor(sample.time);
        let from = self.grid.counted_from(sample.observed);
        let from = if from <= self.grid.end_after(sample.time) {
            i64::MIN
        } else {
            from
        };
        let of_group = self.groups.entry(sample.group.clone()).or_default();
        of_group.entry((bucket, from)).or_default().add(sample.number);
        true
    }

    /// The sums of `start..end` of a group, of lines that the verdict of the window ending at `verdict`
    /// counts.
    pub(crate) fn sums(&self, group: &Group, (start, end): (i64, i64), verdict: i64) -> Sums {
        let mut sums = Sums::default();
        if let Some(of_group) = self.groups.get(group) {
            for ((_, from), one) in of_group.range((start, i64::MIN)..(end, i64::MIN)) {
                if *from <= verdict {
                    sums.join(one);
                }
            }
        }
        sums
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.keys()
    }

    pub(crate) fn has(&self, group: &Group) -> bool {
        self.groups.contains_key(group)
    }

    /// The step of the last line of a group, of those from `from` on that the verdict of the window
    /// ending at `verdict` can know of; whatever came since says nothing.
    pub(crate) fn last(&self, group: &Group, from: i64, verdict: i64) -> Option<i64> {
        let of_group = self.groups.get(group)?.range((from, i64::MIN)..);
        let known = of_group.filter(|((bucket, counted), _)| {
            let counted = if *counted == i64::MIN {
                bucket + self.grid.step
            } else {
                *counted
            };
            counted <= verdict
        });
        known.map(|((bucket, _), _)| *bucket).next_back()
    }

    /// Whether a group was there from `from` on when the verdict of a window was due, or is in it as far
    /// as `verdict` counts.
    pub(crate) fn is_known(&self, group: &Group, from: i64, window: (i64, i64), verdict: i64) -> bool {
        self.last(group, from, window.1.min(verdict)).is_some() || self.sums(group, window, verdict).rows > 0
    }

    /// The step of the last line of a group before `time`.
    pub(crate) fn last_before(&self, group: &Group, time: i64) -> Option<i64> {
        let mut of_group = self.groups.get(group)?.range(..(time, i64::MIN));
        of_group.next_back().map(|((bucket, _), _)| *bucket)
    }

    /// Lines by steps up to `end`, for a sparkline.
    pub(crate) fn steps(&self, group: &Group, end: i64, steps: i64) -> Vec<f64> {
        let starts = (0..steps).rev().map(|n| end - (n + 1) * self.grid.step);
        starts
            .map(|start| self.sums(group, (start, start + self.grid.step), i64::MAX).rows as f64)
            .collect()
    }

    /// Forgets what lies before `time`.
    pub(crate) fn forget(&mut self, time: i64) {
        self.groups.retain(|_, buckets| {
            while let Some(first) = buckets.first_entry() {
                if first.key().0 >= time {
                    break;
                }
                first.remove();
            }
            !buckets.is_empty()
        });
    }
}
