//! A number that only asking the whole query gives: the store is asked at each window's end.

use timberline_proto::alert::Condition;

use super::{Finding, Look, Track, change};
use crate::alert::ask::{Ask, Measure};
use crate::alert::machine::Outcome;
use crate::alert::plan::Plan;
use crate::alert::sample::{Group, Sample};
use crate::alert::windows::Grid;

#[derive(Debug)]
pub(crate) struct Asked {
    grid: Grid,
    condition: Condition,
    measure: Measure,
    groups_max: usize,
    groups: usize,
    left_out: u64,
}

impl Asked {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            grid: plan.grid,
            condition: plan.rule.condition.clone(),
            measure: plan.measure.clone(),
            groups_max: plan.groups_max,
            groups: 0,
            left_out: 0,
        }
    }

    fn values(&mut self, end: i64, look: Look, ask: &dyn Ask) -> Result<Vec<(Group, Option<f64>)>, String> {
        let read_before = match look.verdict {
            i64::MAX => i64::MAX,
            verdict => self.grid.closes_at(verdict),
        };
        let mut values = ask.measure(&self.measure, (end - self.grid.window, end), read_before)?;
        self.left_out += values.len().saturating_sub(self.groups_max) as u64;
        values.truncate(self.groups_max);
        self.groups = values.len();
        Ok(values)
    }
}

impl Track for Asked {
    fn take(&mut self, _: &Sample) {}

    fn look(&mut self, look: Look, ask: &dyn Ask) -> Result<Vec<Finding>, String> {
        let now = self.values(look.end, look, ask)?;
        match self.condition.clone() {
            Condition::Change(wanted) => {
                let against = wanted.against.map_or(self.grid.window, |against| against.0);
                let before = self.values(look.end - against, look, ask)?;
                let before_of = |group: &Group| before.iter().find(|(other, _)| other == group).and_then(|(_, v)| *v);
                let compared = now
                    .iter()
                    .map(|(group, value)| change::compared(&wanted, group, *value, before_of(group)));
                Ok(compared.collect())
            }
            Condition::Threshold(wanted) => {
                let found = now.into_iter().map(|(group, value)| {
                    let outcome = match value {
                        None => Outcome::NoData,
                        Some(value) if wanted.when.holds(value) => Outcome::Holds,
                        Some(_) => Outcome::Not,
                    };
                    Finding::new(group, outcome, value)
                });
                Ok(found.collect())
            }
            _ => Err("this kind of rule is not asked for".to_owned()),
        }
    }

    fn sees_late(&self) -> bool {
        false
    }

    fn steps(&self, _: &Group, _: i64) -> Vec<f64> {
        Vec::new()
    }

    fn forget(&mut self, _: i64) {}

    fn groups(&self) -> usize {
        self.groups
    }

    fn left_out(&self) -> u64 {
        self.left_out
    }
}
