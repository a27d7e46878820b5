//! One rule at work, and what is kept of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::alert::feed::Feed;
use crate::alert::machine::Machine;
use crate::alert::owner::Sees;
use crate::alert::run::Run;
use crate::alert::sample::Group;
use crate::alert::scope::Scope;
use crate::catalog::RuleProgress;
use crate::read::Reader;

/// One rule at work.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) run: Run,
    /// What it sees, and who reads for it.
    pub(super) sees: Sees,
    pub(super) reader: Reader,
    pub(super) scope: Scope,
    /// When it began to be evaluated.
    pub(super) began: i64,
    /// The share of one core that it takes.
    pub(super) cost: f64,
    /// Of it, for testing and taking lines as they come.
    pub(super) lines_cost: f64,
    pub(super) spent: Duration,
    pub(super) kept_next: i64,
    /// Whether it is on record that its verdicts are late.
    pub(super) late_told: bool,
    /// Set where lines are not tested as they come, because that is too expensive: the rule reads them from
    /// the store when it is decided, and has read so far.
    pub(super) behind: Option<Behind>,
}

/// How far a rule has read that is given its lines when it is decided.
#[derive(Debug)]
pub(super) struct Behind {
    pub(super) read_to: Feed,
    pub(super) read_at: Option<Instant>,
}

impl Work {
    pub(super) fn new(run: Run, began: i64, sees: Sees, reader: Reader) -> Self {
        Self {
            scope: Scope::of(&run.plan),
            run,
            sees,
            reader,
            began,
            cost: 0.0,
            lines_cost: 0.0,
            spent: Duration::ZERO,
            kept_next: i64::MIN,
            late_told: false,
            behind: None,
        }
    }

    /// To keep.
    pub(super) fn progress(&self) -> RuleProgress {
        let groups = self.run.machines.iter().map(|(group, machine)| {
            let state = serde_json::to_string(machine).expect("numbers and words are JSON");
            (group.to_json(), state)
        });
        RuleProgress {
            rule: self.run.plan.id.clone(),
            next_nanos: self.run.next,
            began_nanos: self.began,
            groups: Some(groups.collect()),
        }
    }
}

/// The states that were kept.
pub(super) fn machines_of(progress: &RuleProgress) -> BTreeMap<Group, Machine> {
    let groups = progress.groups.iter().flatten();
    let read = groups
        .filter_map(|(group, state)| Some((Group::of_json(group)?, serde_json::from_str::<Machine>(state).ok()?)));
    read.collect()
}
