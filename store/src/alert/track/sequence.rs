//! A line, and then not another within a time.

use std::collections::BTreeMap;

use timberline_proto::alert::Sequence;

use super::{Finding, Look, STEPS_SHOWN, Track};
use crate::alert::ask::Ask;
use crate::alert::machine::Outcome;
use crate::alert::plan::Plan;
use crate::alert::sample::{Group, Sample};
use crate::alert::sentence::instant;
use crate::alert::windows::Grid;

/// Lines of one key: time, and the end of the first window whose verdict counts it.
type Times = Vec<(i64, i64)>;

#[derive(Debug)]
pub(super) struct Sequences {
    grid: Grid,
    within: i64,
    keys_max: usize,
    lines_max: usize,
    keys: BTreeMap<Group, [Times; 2]>,
    left_out: u64,
}

impl Sequences {
    pub(super) fn new(plan: &Plan, sequence: &Sequence) -> Self {
        Self {
            grid: plan.grid,
            within: sequence.within.0,
            keys_max: plan.keys_max,
            lines_max: plan.keys_max,
            keys: BTreeMap::new(),
            left_out: 0,
        }
    }

    /// The first of the lines that were not followed in time, and are not followed now or came due in
    /// this step.
    fn found(&self, group: &Group, look: Look) -> Option<Finding> {
        let [firsts, thens] = self.keys.get(group)?;
        let counts = |from: i64| from <= look.verdict;
        let is_open = |time: i64| {
            let due = time + self.within;
            if due > look.end || due <= look.end - self.grid.window {
                return false;
            }
            let mut followed = false;
            for (then, from) in thens {
                if counts(*from) && *then >= time && *then < look.end {
                    if *then <= due {
                        return false;
                    }
                    followed = true;
                }
            }
            // One that came too late ends it, but not before it was told.
            !followed || due > look.end - self.grid.step
        };
        let open = firsts.iter().filter(|(time, from)| counts(*from) && is_open(*time));
        let times: Vec<i64> = open.map(|(time, _)| *time).collect();
        let first = times.iter().min()?;
        let mut finding = Finding::new(group.clone(), Outcome::Holds, Some(times.len() as f64));
        finding.note = Some(format!("the first was at {}", instant(*first)));
        Some(finding)
    }
}

impl Track for Sequences {
    fn take(&mut self, sample: &Sample) {
        if !self.keys.contains_key(&sample.group) && self.keys.len() >= self.keys_max {
            self.left_out += 1;
            return;
        }
        let times = &mut self.keys.entry(sample.group.clone()).or_default()[usize::from(sample.search.min(1))];
        if times.len() >= self.lines_max {
            self.left_out += 1;
            return;
        }
        times.push((sample.time, self.grid.counted_from(sample.observed)));
    }

    fn look(&mut self, look: Look, _: &dyn Ask) -> Result<Vec<Finding>, String> {
        Ok(self.keys.keys().filter_map(|group| self.found(group, look)).collect())
    }

    fn look_at(&mut self, group: &Group, look: Look, _: &dyn Ask) -> Result<Option<Finding>, String> {
        Ok(self.found(group, look))
    }

    fn absent(&self) -> Outcome {
        Outcome::Not
    }

    fn looks_back(&self) -> i64 {
        self.within
    }

    fn steps(&self, group: &Group, end: i64) -> Vec<f64> {
        let mut steps = vec![0.0; STEPS_SHOWN as usize];
        if let Some([firsts, _]) = self.keys.get(group) {
            for (time, _) in firsts {
                let ago = (end - 1 - time).div_euclid(self.grid.step);
                if (0..STEPS_SHOWN).contains(&ago) {
                    steps[(STEPS_SHOWN - 1 - ago) as usize] += 1.0;
                }
            }
        }
        steps
    }

    fn forget(&mut self, before: i64) {
        let before = before - self.within;
        self.keys.retain(|_, both| {
            both.iter_mut()
                .for_each(|times| times.retain(|(time, _)| *time >= before));
            both.iter().any(|times| !times.is_empty())
        });
    }

    fn groups(&self) -> usize {
        self.keys.len()
    }

    fn left_out(&self) -> u64 {
        self.left_out
    }
}
