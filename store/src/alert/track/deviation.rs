//! A number, and the same at this hour of earlier weeks.
//!
//! What is usual is the median of the weeks; how far they are from it is the median of their distances
//! (the median absolute deviation), times 1.4826, which makes it a standard deviation of numbers that
//! are normally distributed (Rousseeuw and Croux, "Alternatives to the Median Absolute Deviation", 1993).
//! One odd week moves neither much. Counts scatter by about their root even where nothing is odd, so the
//! distance counts as that much at least.

use std::collections::BTreeMap;

use timberline_proto::alert::{Deviation, Direction, MeasuredRows};

use super::{Finding, Look, STEPS_SHOWN, Track};
use crate::alert::ask::{Ask, Baseline};
use crate::alert::buckets::{Buckets, Sums};
use crate::alert::machine::Outcome;
use crate::alert::plan::Plan;
use crate::alert::sample::{Group, Sample};
use crate::alert::sentence::number;
use crate::alert::windows::Grid;

const WEEK: i64 = 7 * 86_400 * 1_000_000_000;
/// Earlier weeks are asked for so much at once.
const PORTION: i64 = 3_600 * 1_000_000_000;
const NORMAL: f64 = 1.4826;
/// With fewer weeks of which something is kept nothing is said.
const WEEKS_MIN: usize = 3;

#[derive(Debug)]
pub(super) struct Deviations {
    grid: Grid,
    rows: MeasuredRows,
    deviation: Deviation,
    grouped: bool,
    baseline: Baseline,
    buckets: Buckets,
    /// Of earlier weeks: by the start of a portion, by group and step.
    past: BTreeMap<i64, BTreeMap<Group, BTreeMap<i64, Sums>>>,
    /// Nothing older is kept.
    oldest: i64,
}

impl Deviations {
    pub(super) fn new(plan: &Plan, deviation: &Deviation) -> Self {
        Self {
            grid: plan.grid,
            rows: plan.measured_rows(),
            deviation: deviation.clone(),
            grouped: !plan.by.is_empty(),
            baseline: Baseline {
                query: deviation.query.clone(),
                field: plan.measured_rows().field,
                by: plan.by.clone(),
                step: plan.grid.step,
            },
            buckets: Buckets::new(plan.grid, plan.groups_max),
            past: BTreeMap::new(),
            oldest: i64::MAX,
        }
    }

    /// Asks for the earlier weeks of a window, what of them is not known.
    fn ask(&mut self, end: i64, ask: &dyn Ask) -> Result<(), String> {
        self.oldest = ask.oldest();
        let portion = PORTION.max(self.grid.step).div_euclid(self.grid.step) * self.grid.step;
        for week in 1..=i64::from(self.deviation.weeks) {
            let (start, end) = (end - self.grid.window - week * WEEK, end - week * WEEK);
            let mut from = start.div_euclid(portion) * portion;
            while from < end {
                if !self.past.contains_key(&from) {
                    let found = ask.baseline(&self.baseline, (from, from + portion))?;
                    let mut by_group: BTreeMap<Group, BTreeMap<i64, Sums>> = BTreeMap::new();
                    for (group, at, sums) in found {
                        by_group.entry(group).or_default().insert(at, sums);
                    }
                    self.past.insert(from, by_group);
                }
                from += portion;
            }
        }
        Ok(())
    }

    /// What a group had in a window of the past; `None` of a time of which not everything is kept.
    fn usual(&self, group: &Group, end: i64) -> Option<f64> {
        let start = end - self.grid.window;
        if start < self.oldest {
            return None;
        }
        let mut all = Sums::default();
        for (_, by_group) in self.past.range(start - PORTION.max(self.grid.step)..end) {
            if let Some(steps) = by_group.get(group) {
                steps.range(start..end).for_each(|(_, sums)| all.join(sums));
            }
        }
        let value = all.value(self.rows.function, self.rows.field.is_some(), self.grid.window);
        Some(value.unwrap_or(0.0))
    }

    fn found(&self, group: &Group, look: Look) -> Finding {
        let window = (look.end - self.grid.window, look.end);
        let sums = self.buckets.sums(group, window, look.verdict);
        let of_field = self.rows.field.is_some();
        let value = sums
            .value(self.rows.function, of_field, self.grid.window)
            .unwrap_or(0.0);
        let weeks = 1..=i64::from(self.deviation.weeks);
        let weeks: Vec<f64> = weeks
            .filter_map(|week| self.usual(group, look.end - week * WEEK))
            .collect();
        if weeks.len() < WEEKS_MIN {
            let mut finding = Finding::new(group.clone(), Outcome::NoData, Some(value));
            finding.note = Some(format!(
                "of the {} weeks before only {} are kept, which is too few to say what is usual",
                self.deviation.weeks,
                weeks.len()
            ));
            return finding;
        }
        let judged = judge(&self.deviation, value, &weeks);
        Finding {
            group: group.clone(),
            outcome: if judged.holds { Outcome::Holds } else { Outcome::Not },
            value: Some(value),
            note: Some(judged.sentence),
            cause: None,
        }
    }
}

struct Judged {
    holds: bool,
    sentence: String,
}

fn judge(deviation: &Deviation, value: f64, weeks: &[f64]) -> Judged {
    let usual = median(weeks.to_vec());
    let distances = weeks.iter().map(|week| (week - usual).abs()).collect();
    let spread = (median(distances) * NORMAL).max(usual.abs().sqrt()).max(1.0);
    let away = (value - usual) / spread;
    let wanted = match deviation.direction {
        Direction::Above => away,
        Direction::Below => -away,
        Direction::Both => away.abs(),
    };
    let is_large = deviation.least.is_none_or(|least| (value - usual).abs() >= least);
    let all: Vec<String> = weeks.iter().map(|week| number(*week)).collect();
    Judged {
        holds: wanted >= deviation.deviations && is_large,
        sentence: format!(
            "{} is usual at this hour (the median of {} weeks: {}), {} is how far weeks differ from it, and this is {:.1} times as far",
            number(usual),
            weeks.len(),
            all.join(", "),
            number(spread),
            away.abs()
        ),
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => 0.0,
        n if n.is_multiple_of(2) => f64::midpoint(numbers[n / 2 - 1], numbers[n / 2]),
        n => numbers[n / 2],
    }
}

impl Track for Deviations {
    fn take(&mut self, sample: &Sample) {
        self.buckets.add(sample);
    }

    fn look(&mut self, look: Look, ask: &dyn Ask) -> Result<Vec<Finding>, String> {
        self.ask(look.end, ask)?;
        if !self.grouped {
            return Ok(vec![self.found(&Group::whole(), look)]);
        }
        let mut groups: std::collections::BTreeSet<Group> = self.buckets.groups().cloned().collect();
        // A group that is usual at this hour and silent now deviates, too.
        for week in 1..=i64::from(self.deviation.weeks) {
            let end = look.end - week * WEEK;
            for (_, by_group) in self.past.range(end - self.grid.window - PORTION..end) {
                groups.extend(by_group.keys().cloned());
            }
        }
        Ok(groups.iter().map(|group| self.found(group, look)).collect())
    }

    fn steps(&self, group: &Group, end: i64) -> Vec<f64> {
        self.buckets.steps(group, end, STEPS_SHOWN)
    }

    fn forget(&mut self, before: i64) {
        self.buckets.forget(before);
        let weeks = i64::from(self.deviation.weeks);
        let needed = |from: i64| {
            (1..=weeks).any(|week| {
                from + 2 * PORTION.max(self.grid.step) + week * WEEK >= before
                    && from + week * WEEK <= before + WEEK / 2
            })
        };
        self.past.retain(|from, _| needed(*from));
    }

    fn groups(&self) -> usize {
        self.buckets.groups().count()
    }

    fn left_out(&self) -> u64 {
        self.buckets.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: f64, weeks: &[f64], direction: Direction) -> bool {
        let deviation = Deviation {
            query: String::new(),
            value: None,
            weeks: 4,
            deviations: 4.0,
            direction,
            least: Some(5.0),
        };
        judge(&deviation, value, weeks).holds
    }

    #[test]
    fn what_is_far_from_other_weeks_deviates_and_one_odd_week_hides_nothing() {
        let weeks = [100.0, 104.0, 96.0, 5000.0];
        assert!(of(900.0, &weeks, Direction::Both));
        assert!(!of(120.0, &weeks, Direction::Both));
        assert!(!of(900.0, &weeks, Direction::Below));
        assert!(of(0.0, &weeks, Direction::Below));
        // Weeks that are all alike still scatter as counts do.
        assert!(!of(103.0, &[100.0; 4], Direction::Both));
        // Too little to matter.
        assert!(!of(4.0, &[0.0; 4], Direction::Both));
        assert_eq!(median(vec![3.0, 1.0, 2.0, 10.0]), 2.5);
    }
}
