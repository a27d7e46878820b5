//! A number of lines, or of what stands in them, and a limit.

use timberline_proto::alert::{Comparison, Condition, MeasuredRows, Operator};
use timberline_proto::query::ast::AggregateFunction;

use super::{Finding, Look, STEPS_SHOWN, Track};
use crate::alert::ask::Ask;
use crate::alert::buckets::Buckets;
use crate::alert::machine::Outcome;
use crate::alert::plan::Plan;
use crate::alert::sample::{Group, Sample};
use crate::alert::windows::Grid;

#[derive(Debug)]
pub(super) struct Thresholds {
    grid: Grid,
    rows: MeasuredRows,
    when: Comparison,
    grouped: bool,
    late_window: i64,
    buckets: Buckets,
}

impl Thresholds {
    pub(super) fn new(plan: &Plan) -> Self {
        let when = match &plan.rule.condition {
            Condition::Threshold(threshold) => threshold.when,
            _ => Comparison {
                operator: Operator::AtLeast,
                number: 1.0,
            },
        };
        Self {
            grid: plan.grid,
            rows: plan.measured_rows(),
            when,
            grouped: !plan.by.is_empty(),
            late_window: plan.late_window,
            buckets: Buckets::new(plan.grid, plan.groups_max),
        }
    }

    /// Whether a group was there lately when the window's verdict was due.
    fn knows(&self, group: &Group, look: Look) -> bool {
        let from = look.end - self.grid.window - self.late_window;
        self.buckets
            .is_known(group, from, (look.end - self.grid.window, look.end), look.verdict)
    }

    fn found(&self, group: &Group, look: Look) -> Finding {
        let window = (look.end - self.grid.window, look.end);
        let sums = self.buckets.sums(group, window, look.verdict);
        let value = sums.value(self.rows.function, self.rows.field.is_some(), self.grid.window);
        let outcome = match value {
            None => Outcome::NoData,
            Some(value) if self.when.holds(value) => Outcome::Holds,
            Some(_) => Outcome::Not,
        };
        Finding::new(group.clone(), outcome, value)
    }
}

impl Track for Thresholds {
    fn take(&mut self, sample: &Sample) {
        self.buckets.add(sample);
    }

    fn look(&mut self, look: Look, _: &dyn Ask) -> Result<Vec<Finding>, String> {
        if !self.grouped {
            return Ok(vec![self.found(&Group::whole(), look)]);
        }
        let known = self.buckets.groups().filter(|group| self.knows(group, look));
        Ok(known.map(|group| self.found(group, look)).collect())
    }

    fn look_at(&mut self, group: &Group, look: Look, _: &dyn Ask) -> Result<Option<Finding>, String> {
        let known = !self.grouped || self.knows(group, look);
        Ok(known.then(|| self.found(group, look)))
    }

    fn is_sure(&self) -> bool {
        match self.rows.function {
            AggregateFunction::Count | AggregateFunction::Max => self.when.is_upward(),
            AggregateFunction::Rate(_) => self.rows.field.is_none() && self.when.is_upward(),
            AggregateFunction::Min => self.when.is_downward(),
            _ => false,
        }
    }

    fn steps(&self, group: &Group, end: i64) -> Vec<f64> {
        self.buckets.steps(group, end, STEPS_SHOWN)
    }

    fn forget(&mut self, before: i64) {
        self.buckets.forget(before);
    }

    fn groups(&self) -> usize {
        self.buckets.groups().count()
    }

    fn left_out(&self) -> u64 {
        self.buckets.left_out
    }
}
