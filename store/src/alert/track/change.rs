//! A number, and the same of an earlier window.

use timberline_proto::alert::{Change, MeasuredRows};

use super::{Finding, Look, STEPS_SHOWN, Track};
use crate::alert::ask::Ask;
use crate::alert::buckets::Buckets;
use crate::alert::machine::Outcome;
use crate::alert::plan::Plan;
use crate::alert::sample::{Group, Sample};
use crate::alert::sentence::number;
use crate::alert::windows::Grid;

#[derive(Debug)]
pub(super) struct Changes {
    grid: Grid,
    rows: MeasuredRows,
    change: Change,
    against: i64,
    grouped: bool,
    late_window: i64,
    buckets: Buckets,
}

impl Changes {
    pub(super) fn new(plan: &Plan, change: &Change) -> Self {
        Self {
            grid: plan.grid,
            rows: plan.measured_rows(),
            against: change.against.map_or(plan.grid.window, |against| against.0),
            change: change.clone(),
            grouped: !plan.by.is_empty(),
            late_window: plan.late_window,
            buckets: Buckets::new(plan.grid, plan.groups_max),
        }
    }

    fn found(&self, group: &Group, look: Look) -> Finding {
        let value_at = |end: i64| {
            let sums = self.buckets.sums(group, (end - self.grid.window, end), look.verdict);
            sums.value(self.rows.function, self.rows.field.is_some(), self.grid.window)
        };
        compared(
            &self.change,
            group,
            value_at(look.end),
            value_at(look.end - self.against),
        )
    }
}

/// What two numbers say.
pub(super) fn compared(change: &Change, group: &Group, now: Option<f64>, before: Option<f64>) -> Finding {
    let (Some(now), Some(before)) = (now, before) else {
        return Finding::new(group.clone(), Outcome::NoData, None);
    };
    let measured = change.measure.of(now, before);
    let is_large = change
        .least
        .is_none_or(|least| now.abs() >= least || before.abs() >= least);
    let outcome = match measured {
        Some(value) if is_large && change.when.holds(value) => Outcome::Holds,
        _ => Outcome::Not,
    };
    Finding {
        group: group.clone(),
        outcome,
        value: measured.filter(|value| value.is_finite()),
        note: Some(format!("{} now, {} before", number(now), number(before))),
        cause: None,
    }
}

impl Track for Changes {
    fn take(&mut self, sample: &Sample) {
        self.buckets.add(sample);
    }

    fn look(&mut self, look: Look, _: &dyn Ask) -> Result<Vec<Finding>, String> {
        if !self.grouped {
            return Ok(vec![self.found(&Group::whole(), look)]);
        }
        let from = look.end - self.grid.window - self.against - self.late_window;
        let window = (look.end - self.grid.window - self.against, look.end);
        let known = self.buckets.groups();
        let known = known.filter(|group| self.buckets.is_known(group, from, window, look.verdict));
        Ok(known.map(|group| self.found(group, look)).collect())
    }

    fn looks_back(&self) -> i64 {
        self.against
    }

    fn steps(&self, group: &Group, end: i64) -> Vec<f64> {
        self.buckets.steps(group, end, STEPS_SHOWN)
    }

    fn forget(&mut self, before: i64) {
        self.buckets.forget(before - self.against);
    }

    fn groups(&self) -> usize {
        self.buckets.groups().count()
    }

    fn left_out(&self) -> u64 {
        self.buckets.left_out
    }
}
