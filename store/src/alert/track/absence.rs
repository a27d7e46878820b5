//! Too few lines, of all or of a group that was there before.

use std::collections::{BTreeMap, BTreeSet};

use timberline_proto::alert::Absence;

use super::{Finding, Look, STEPS_SHOWN, Track};
use crate::alert::ask::{Ask, Lasts};
use crate::alert::buckets::Buckets;
use crate::alert::machine::Outcome;
use crate::alert::plan::Plan;
use crate::alert::sample::{Group, Sample};
use crate::alert::sentence::instant;
use crate::alert::windows::Grid;

#[derive(Debug)]
pub(super) struct Absences {
    grid: Grid,
    least: u64,
    remember: i64,
    asked: Lasts,
    grouped: bool,
    groups_max: usize,
    /// The step of the last line of each group, of those that are not kept by step any more.
    older: BTreeMap<Group, i64>,
    buckets: Buckets,
}

impl Absences {
    pub(super) fn new(plan: &Plan, absence: &Absence) -> Self {
        Self {
            grid: plan.grid,
            least: absence.least,
            remember: absence.remember.0,
            asked: Lasts {
                query: absence.query.clone(),
                by: plan.by.clone(),
            },
            grouped: !plan.by.is_empty(),
            groups_max: plan.groups_max,
            older: BTreeMap::new(),
            buckets: Buckets::new(plan.grid, plan.groups_max),
        }
    }

    fn found(&self, group: &Group, look: Look) -> Finding {
        let window = (look.end - self.grid.window, look.end);
        let rows = self.buckets.sums(group, window, look.verdict).rows;
        let outcome = if rows < self.least {
            Outcome::Holds
        } else {
            Outcome::Not
        };
        let mut finding = Finding::new(group.clone(), outcome, Some(rows as f64));
        if let Some(last) = self
            .last(group, look)
            .filter(|last| outcome == Outcome::Holds && *last < look.end)
        {
            finding.note = Some(format!("the last one was about {}", instant(last)));
        }
        finding
    }

    /// The step of the last line of a group that the verdict knows of.
    fn last(&self, group: &Group, look: Look) -> Option<i64> {
        let lately = self.buckets.last(group, i64::MIN, look.verdict);
        lately.max(self.older.get(group).copied())
    }

    fn knows(&self, group: &Group, look: Look) -> bool {
        // As it was when the window's verdict was due, or by a line in the window itself.
        let own = Look {
            verdict: look.end.min(look.verdict),
            ..look
        };
        let window = (look.end - self.grid.window, look.end);
        !self.grouped
            || self
                .last(group, own)
                .is_some_and(|last| look.end - last <= self.remember)
            || self.buckets.sums(group, window, look.verdict).rows > 0
    }

    fn know(&mut self, group: &Group, time: i64) {
        if let Some(last) = self.older.get_mut(group) {
            *last = (*last).max(time);
        } else if self.older.len() < self.groups_max {
            self.older.insert(group.clone(), time);
        }
    }
}

impl Track for Absences {
    fn take(&mut self, sample: &Sample) {
        self.buckets.add(sample);
    }

    fn look(&mut self, look: Look, _: &dyn Ask) -> Result<Vec<Finding>, String> {
        if !self.grouped {
            return Ok(vec![self.found(&Group::whole(), look)]);
        }
        let groups: BTreeSet<&Group> = self.buckets.groups().chain(self.older.keys()).collect();
        let known = groups.into_iter().filter(|group| self.knows(group, look));
        Ok(known.map(|group| self.found(group, look)).collect())
    }

    fn look_at(&mut self, group: &Group, look: Look, _: &dyn Ask) -> Result<Option<Finding>, String> {
        Ok(self.knows(group, look).then(|| self.found(group, look)))
    }

    fn absent(&self) -> Outcome {
        // Forgotten: nobody expects it any more.
        Outcome::Not
    }

    fn prepare(&mut self, from: i64, ask: &dyn Ask) -> Result<(), String> {
        if !self.grouped {
            return Ok(());
        }
        for (group, last) in ask.lasts(&self.asked, (from - self.remember, from))? {
            self.know(&group, self.grid.floor(last));
        }
        Ok(())
    }

    fn steps(&self, group: &Group, end: i64) -> Vec<f64> {
        self.buckets.steps(group, end, STEPS_SHOWN)
    }

    fn forget(&mut self, before: i64) {
        let groups: Vec<Group> = self.buckets.groups().cloned().collect();
        for group in groups {
            if let Some(last) = self.buckets.last_before(&group, before) {
                self.know(&group, last);
            }
        }
        self.buckets.forget(before);
        self.older.retain(|_, last| *last >= before - self.remember);
    }

    fn groups(&self) -> usize {
        self.older.len().max(self.buckets.groups().count())
    }

    fn left_out(&self) -> u64 {
        self.buckets.left_out
    }
}
