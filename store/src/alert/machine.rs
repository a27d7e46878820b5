//! How a group of a rule goes from state to state: a pure machine, fed with what was found of window
//! after window.
//!
//! An error never ends an alert, and says nothing of a group that fires. After `resolved` a window in
//! which the condition does not hold makes the group inactive without a word.

use serde::{Deserialize, Serialize};
use timberline_proto::alert::{AlertState, Flapping, NoData, Rule};

/// What was found of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The condition holds.
    Holds,
    /// It does not.
    Not,
    /// There is nothing by which to decide.
    NoData,
    /// It could not be looked at.
    Failed,
}

/// What of a rule the machine goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) hold_for: i64,
    pub(crate) keep_firing_for: i64,
    pub(crate) flapping: Option<Flapping>,
    pub(crate) no_data: NoData,
}

impl Timing {
    pub(crate) fn of(rule: &Rule) -> Self {
        Self {
            hold_for: rule.hold_for.0,
            keep_firing_for: rule.keep_firing_for.0,
            flapping: rule.flapping,
            no_data: rule.no_data,
        }
    }
}

/// One group's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) state: AlertState,
    /// The end of the window in which the condition began to hold.
    #[serde(default)]
    pub(crate) since: Option<i64>,
    /// The end of the last window in which it held.
    #[serde(default)]
    held_at: Option<i64>,
    /// The ends of the windows in which it began to fire lately, for flapping.
    #[serde(default)]
    fired_at: Vec<i64>,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            state: AlertState::Inactive,
            since: None,
            held_at: None,
            fired_at: Vec::new(),
        }
    }
}

/// A change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) from: AlertState,
    pub(crate) to: AlertState,
    /// When the condition began to hold, of the incident that begins, goes on or ends.
    pub(crate) since: Option<i64>,
}

impl Machine {
    /// Whether it is as one that nothing is known of.
    pub(crate) fn is_fresh(&self) -> bool {
        self.state == AlertState::Inactive && self.fired_at.is_empty()
    }

    /// What the window that ends at `end` makes of it. Ends only grow.
    pub(crate) fn step(&mut self, timing: &Timing, end: i64, outcome: Outcome) -> Option<Step> {
        let outcome = match (outcome, timing.no_data) {
            (Outcome::NoData, NoData::Keep) => return None,
            (Outcome::NoData, NoData::Inactive) => Outcome::Not,
            (Outcome::NoData, NoData::Firing) => Outcome::Holds,
            (outcome, _) => outcome,
        };
        let from = self.state;
        let since = self.since;
        match outcome {
            Outcome::Holds => self.holds(timing, end),
            Outcome::Not => self.does_not(timing, end),
            Outcome::NoData if self.is_kept(timing, end) => {}
            Outcome::NoData => self.rest(AlertState::NoData),
            Outcome::Failed if from == AlertState::Firing => {}
            Outcome::Failed => self.rest(AlertState::Error),
        }
        let quiet = from == AlertState::Resolved && self.state == AlertState::Inactive;
        (from != self.state && !quiet).then_some(Step {
            from,
            to: self.state,
            since: self.since.or(since),
        })
    }

    fn holds(&mut self, timing: &Timing, end: i64) {
        self.held_at = Some(end);
        if self.state == AlertState::Firing {
            return;
        }
        if self.state != AlertState::Pending {
            self.since = Some(end);
        }
        let since = *self.since.get_or_insert(end);
        if end - since < timing.hold_for {
            self.state = AlertState::Pending;
            return;
        }
        self.state = AlertState::Firing;
        if let Some(flapping) = timing.flapping {
            self.fired_at.push(end);
            let excess = self.fired_at.len().saturating_sub(flapping.times as usize);
            self.fired_at.drain(..excess);
        }
    }

    fn does_not(&mut self, timing: &Timing, end: i64) {
        match self.state {
            AlertState::Firing if self.is_kept(timing, end) => {}
            AlertState::Firing => self.rest(AlertState::Resolved),
            _ => self.rest(AlertState::Inactive),
        }
        if let Some(flapping) = timing.flapping
            && self.state == AlertState::Inactive
        {
            self.fired_at.retain(|at| end - at <= flapping.within.0);
        }
    }

    /// Whether it goes on firing though the condition does not hold.
    fn is_kept(&self, timing: &Timing, end: i64) -> bool {
        let (AlertState::Firing, Some(held)) = (self.state, self.held_at) else {
            return false;
        };
        let quiet_for = end - held;
        let flaps = timing.flapping.is_some_and(|flapping| {
            let lately = self
                .fired_at
                .iter()
                .filter(|at| held - **at <= flapping.within.0)
                .count();
            lately >= flapping.times as usize && quiet_for < flapping.within.0
        });
        quiet_for < timing.keep_firing_for || flaps
    }

    fn rest(&mut self, state: AlertState) {
        self.state = state;
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use timberline_proto::alert::Period;

    use super::*;

    const TIMING: Timing = Timing {
        hold_for: 0,
        keep_firing_for: 0,
        flapping: None,
        no_data: NoData::State,
    };

    /// The states after windows of 10, `+` for one that holds, `-`, `?` without data, `!` failed.
    fn states(timing: Timing, windows: &str) -> String {
        let mut machine = Machine::default();
        let ends = (1..).map(|n| n * 10);
        let state = |(end, window): (i64, char)| {
            machine.step(
                &timing,
                end,
                match window {
                    '+' => Outcome::Holds,
                    '-' => Outcome::Not,
                    '?' => Outcome::NoData,
                    _ => Outcome::Failed,
                },
            );
            match machine.state {
                AlertState::Inactive => 'i',
                AlertState::Pending => 'p',
                AlertState::Firing => 'F',
                AlertState::Resolved => 'r',
                AlertState::NoData => 'n',
                AlertState::Error => 'e',
            }
        };
        ends.zip(windows.chars()).map(state).collect()
    }

    #[test]
    fn it_fires_once_the_condition_held_for_long_enough_and_resolves() {
        assert_eq!(states(TIMING, "-+-+--"), "iFrFri");
        let timing = Timing { hold_for: 20, ..TIMING };
        assert_eq!(states(timing, "++-+++-"), "ppippFr");
    }

    #[test]
    fn it_goes_on_firing_for_as_long_as_it_is_kept() {
        let timing = Timing {
            keep_firing_for: 25,
            ..TIMING
        };
        assert_eq!(states(timing, "+--+---"), "FFFFFFr");
    }

    #[test]
    fn what_comes_and_goes_fires_on_until_it_was_quiet_for_long_enough() {
        let timing = Timing {
            flapping: Some(Flapping {
                times: 3,
                within: Period(100),
            }),
            ..TIMING
        };
        assert_eq!(states(timing, "+-+-+-+---------+-"), "FrFrFFFFFFFFFFFFFr");
        // Quiet for 100 after the last time at 70.
        assert_eq!(states(timing, "+-+-+-+----------"), "FrFrFFFFFFFFFFFFr");
    }

    #[test]
    fn an_error_never_ends_an_alert_and_no_data_means_what_the_rule_says() {
        assert_eq!(states(TIMING, "!+!-!-"), "eFFrei");
        assert_eq!(states(TIMING, "?+?-"), "nFni");
        for (no_data, expected) in [
            (NoData::Inactive, "iFri"),
            (NoData::Firing, "FFFr"),
            (NoData::Keep, "iFFr"),
        ] {
            assert_eq!(states(Timing { no_data, ..TIMING }, "?+?-"), expected, "{no_data:?}");
        }
    }

    proptest! {
        #[test]
        fn states_follow_from_each_other_and_nothing_fires_before_its_time(
            windows in proptest::collection::vec(0..4u8, 0..60),
            hold_for in 0..5i64,
            keep in 0..5i64,
            times in proptest::option::of(2..4u32),
        ) {
            let timing = Timing {
                hold_for: hold_for * 10,
                keep_firing_for: keep * 10,
                flapping: times.map(|times| Flapping { times, within: Period(60) }),
                no_data: NoData::State,
            };
            let mut machine = Machine::default();
            let mut before = AlertState::Inactive;
            let mut held_since = None;
            let mut end = 0;
            for window in windows {
                end += 10;
                let outcome = [Outcome::Holds, Outcome::Not, Outcome::NoData, Outcome::Failed][usize::from(window)];
                if outcome == Outcome::Holds {
                    held_since.get_or_insert(end);
                } else {
                    held_since = None;
                }
                let state = machine.state;
                let step = machine.step(&timing, end, outcome);
                // Written down and read back at any time, it goes on as it would have.
                let kept: Machine = serde_json::from_str(&serde_json::to_string(&machine).unwrap()).unwrap();
                prop_assert_eq!(&kept, &machine);
                let Some(step) = step else { continue };
                prop_assert_eq!(step.from, state);
                prop_assert_eq!(step.to, machine.state);
                prop_assert_ne!(step.from, step.to);
                // Between two steps the only silent change is from resolved to inactive.
                prop_assert!(before == step.from || before == AlertState::Resolved && step.from == AlertState::Inactive);
                if step.to == AlertState::Firing {
                    prop_assert!(outcome == Outcome::Holds && end - held_since.unwrap() >= timing.hold_for);
                }
                if step.to == AlertState::Resolved {
                    prop_assert!(step.from == AlertState::Firing && outcome == Outcome::Not);
                }
                before = step.to;
            }
        }
    }
}
