//! Alert rules: what the evaluation, the notifications, the page and the command line agree on.
//!
//! The evaluation (`store::alert`) writes a [`Transition`] with each verdict, in the transaction
//! that keeps the verdict's state. Notifications are made of transitions, and of nothing else, so
//! that a back-test, which makes transitions of the past, tells exactly who would have heard what.

mod messages;
pub mod notify;
mod rule;
mod transition;

pub use messages::{
    AlertGroup, AlertHistory, AlertStates, AlertsStatus, BacktestAnswer, BacktestRequest, Decommission, Decommissioned,
    HistoryEntry, KeptRule, RuleChange, RuleCheck, RuleCost, RuleVersion, RuleVersions, RulesAnswer,
};
pub use rule::{
    Absence, Cause, Change, ChangeMeasure, Comparison, Condition, Deviation, Direction, Fault, Flapping, Matching,
    Measured, MeasuredRows, NoData, Operator, PATTERN_GROUP, Pattern, PatternChange, Period, Rule, RuleFile, Sequence,
    Silence, SilenceOf, Threshold, WINDOWS_OF_STEPS_MAX,
};
pub use transition::{AlertState, Evidence, EvidenceLine, MissingSource, Severity, Transition, TransitionRule};
