//! Who is to be told what and when. No clock, no disk, no network: time is an argument, and the same
//! transitions give the same messages, so a back-test counts what would have been sent.
//!
//! An **incident** is a group of a rule from its first active verdict (firing, no data, error) until it is
//! resolved. Routes put it into **groups** (a route and the values of `group_by`), and each group is told
//! to each of its targets: `group_wait` after its first incident, then at most each `group_interval`
//! if there is news, and after `repeat_interval` if there is none.
//!
//! # What holds
//! - What fired is told, also if it was resolved before its turn came; unless it was silenced or inhibited.
//! - What a target was told of as firing it is told of as resolved, silenced or not.
//! - An acknowledged incident is neither repeated nor escalated; news of it is told.
//! - Beyond a target's rate nothing is lost: messages to people are told as one summary as soon as there
//!   is room; targets that take each group as a thing of its own get its latest state then.
//! - A late transition ([`Transition::late`]) makes no message.
//!
//! | file | what |
//! |---|---|
//! | `state.rs` | what the planner remembers, and which parts of it changed |
//! | `route.rs` | the tree of routes, compiled |
//! | `apply.rs` | what a transition or an act of people changes |
//! | `mute.rs` | silences and inhibitions |
//! | `flush.rs` | what a group has to tell, and to whom |
//! | `rate.rs` | how many messages a target gets |
//! | `reroute.rs` | what was told under other routes |
//! | `simulate.rs` | messages of the past |

mod apply;
mod flush;
mod mute;
mod rate;
mod reroute;
mod route;
mod simulate;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use timberline_proto::alert::Transition;

use super::message::Message;
use super::options::NotifyOptions;
use super::silence::Silencer;

pub use apply::incident_id;
pub use mute::Muting;
pub use simulate::{replay, simulate};
pub use state::{Acknowledgement, Group, Incident, Member, PlanState, Rate, Told};

use mute::Inhibition;
use rate::RateLimit;
use route::RouteTree;

/// Nanoseconds since the epoch.
pub type Nanos = i64;

/// What does not change while planning: routes, inhibitions, rates.
#[derive(Clone, Debug)]
pub struct Planner {
    tree: RouteTree,
    inhibitions: Vec<Inhibition>,
    rates: BTreeMap<String, RateLimit>,
    incidents_max: usize,
    message_incidents_max: usize,
}

/// What changes beside the transitions.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Silences that are kept.
    pub silences: &'a [Silencer],
    /// Targets that take no more at present: news for them waits.
    pub full: &'a BTreeSet<String>,
}

impl Surroundings<'static> {
    /// No silences, and room everywhere.
    pub fn none() -> Self {
        static NONE: BTreeSet<String> = BTreeSet::new();
        Self {
            silences: &[],
            full: &NONE,
        }
    }
}

impl Planner {
    /// # Errors
    /// A sentence about the route, the matcher or the target that is none.
    pub fn new(options: &NotifyOptions) -> Result<Self, String> {
        let rates = options
            .targets
            .iter()
            .map(|(name, target)| (name.clone(), RateLimit::of(target)));
        Ok(Self {
            tree: RouteTree::new(options)?,
            inhibitions: options
                .inhibitions
                .iter()
                .map(Inhibition::new)
                .collect::<Result<_, _>>()?,
            rates: rates.collect(),
            incidents_max: options.limits.incidents_max,
            message_incidents_max: options.limits.message_incidents_max,
        })
    }

    /// Names the routes: another name, other groups.
    pub fn fingerprint(&self) -> &str {
        &self.tree.fingerprint
    }

    /// After [`PlanState::load`]: what became due meanwhile is due now.
    pub fn resume(&self, state: &mut PlanState) {
        flush::wake_all(self, state);
    }

    /// Takes note of a transition.
    pub fn apply(&self, state: &mut PlanState, transition: &Transition, now: Nanos) {
        apply::transition(self, state, transition, now);
    }

    /// The messages that are due. Call it again when [`next_wake`](Self::next_wake) says so, and after
    /// each change.
    pub fn due(&self, state: &mut PlanState, around: Surroundings<'_>, now: Nanos) -> Vec<Message> {
        let mut messages = Vec::new();
        rate::summaries(self, state, around, now, &mut messages);
        let mut muting = None;
        while let Some(key) = state.due_group(now) {
            let muting = muting.get_or_insert_with(|| Muting::new(self, state, around.silences, now));
            flush::group(self, state, muting, around, &key, now, &mut messages);
        }
        messages
    }

    /// So long after a last transition all news of it is told, if nobody's rate holds it back.
    pub fn news_wait_max(&self) -> Nanos {
        self.tree.news_wait_max()
    }

    /// When [`due`](Self::due) has something to do next, if nothing changes before.
    pub fn next_wake(&self, state: &PlanState) -> Option<Nanos> {
        let summary = rate::next_summary(self, state);
        [state.next_flush(), summary].into_iter().flatten().min()
    }
}
