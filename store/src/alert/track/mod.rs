//! What each kind of rule keeps of lines, and what it finds of a window. One kind a file.
//!
//! A finding follows from the lines that were taken, in whatever order, and from the end of the window
//! whose verdict counts them: [`super::windows`].

mod absence;
mod asked;
mod change;
mod deviation;
mod pattern;
mod sequence;
mod threshold;

use std::fmt;

use timberline_proto::alert::Condition;

use super::ask::Ask;
use super::machine::Outcome;
use super::plan::Plan;
use super::sample::{Group, Sample};

/// What was found of a group in a window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) group: Group,
    pub(crate) outcome: Outcome,
    /// What was measured.
    pub(crate) value: Option<f64>,
    /// What more there is to say: a clause of a sentence.
    pub(crate) note: Option<String>,
    /// Why something is silent.
    pub(crate) cause: Option<&'static str>,
}

impl Finding {
    pub(crate) fn new(group: Group, outcome: Outcome, value: Option<f64>) -> Self {
        Self {
            group,
            outcome,
            value,
            note: None,
            cause: None,
        }
    }
}

/// Which lines a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The window's end.
    pub(crate) end: i64,
    /// Lines that the verdict of the window ending here counts: `end` itself, or `i64::MAX` for all that
    /// came since.
    pub(crate) verdict: i64,
}

/// What a kind of rule keeps.
pub(crate) trait Track: fmt::Debug + Send {
    /// Takes a line.
    fn take(&mut self, sample: &Sample);
    /// What is so of every group that it knows. A group that is not among them holds no line of late.
    ///
    /// # Errors
    /// Why it cannot be said.
    fn look(&mut self, look: Look, ask: &dyn Ask) -> Result<Vec<Finding>, String>;
    /// What is so of one group.
    ///
    /// # Errors
    /// Why it cannot be said.
    fn look_at(&mut self, group: &Group, look: Look, ask: &dyn Ask) -> Result<Option<Finding>, String> {
        let found = self.look(look, ask)?;
        Ok(found.into_iter().find(|finding| finding.group == *group))
    }
    /// Whether a condition that holds of lines holds whatever comes besides: then nothing is waited for.
    fn is_sure(&self) -> bool {
        false
    }
    /// Whether lines that come late can change what was found, without asking the store.
    fn sees_late(&self) -> bool {
        true
    }
    /// What a group that is not among the findings means.
    fn absent(&self) -> Outcome {
        Outcome::NoData
    }
    /// Lines by steps up to a time, for a sparkline.
    fn steps(&self, group: &Group, end: i64) -> Vec<f64>;
    /// How much earlier than a window's start lines matter.
    fn looks_back(&self) -> i64 {
        0
    }
    /// To know what was before the first lines that it is given, which are of `from` on.
    ///
    /// # Errors
    /// Why it cannot be known.
    fn prepare(&mut self, _from: i64, _ask: &dyn Ask) -> Result<(), String> {
        Ok(())
    }
    /// Forgets what no window from then on looks at.
    fn forget(&mut self, before: i64);
    /// Groups that are kept.
    fn groups(&self) -> usize;
    /// Lines whose group was one too many.
    fn left_out(&self) -> u64;
}

/// What is kept for a rule.
pub(crate) fn tracker(plan: &Plan) -> Option<Box<dyn Track>> {
    let tracker: Box<dyn Track> = match &plan.rule.condition {
        Condition::Threshold(_) if plan.rows.is_none() => Box::new(asked::Asked::new(plan)),
        Condition::Change(_) if plan.rows.is_none() => Box::new(asked::Asked::new(plan)),
        Condition::Threshold(_) | Condition::Match(_) => Box::new(threshold::Thresholds::new(plan)),
        Condition::Absence(absence) => Box::new(absence::Absences::new(plan, absence)),
        Condition::Change(change) => Box::new(change::Changes::new(plan, change)),
        Condition::Pattern(pattern) => Box::new(pattern::Patterns::new(plan, pattern)),
        Condition::Deviation(deviation) => Box::new(deviation::Deviations::new(plan, deviation)),
        Condition::Sequence(sequence) => Box::new(sequence::Sequences::new(plan, sequence)),
        Condition::Silence(_) => return None,
    };
    Some(tracker)
}

/// Steps of a sparkline.
pub(crate) const STEPS_SHOWN: i64 = 20;
