//! The messages of `/api/v1/alerts`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AlertState, MissingSource, Rule, Severity, Transition};

/// The answer of `GET /api/v1/alerts/rules`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RulesAnswer {
    /// By name.
    pub rules: Vec<KeptRule>,
}

/// A rule that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRule {
    /// Its id.
    pub id: String,
    /// From 1; grows by one with each change.
    pub version: u64,
    /// When it was made (RFC 3339).
    pub created: String,
    /// When it was changed last (RFC 3339).
    pub updated: String,
    /// Who changed it last: it sees what that one may see. None of rules of before there were owners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The owner was shut out, or is no more: the rule goes on with what that one could see last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owner_gone: bool,
    /// What it says.
    pub rule: Rule,
}

/// The body of `PUT /api/v1/alerts/rules/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleChange {
    /// The version that was changed.
    pub version: u64,
    /// What it is to say.
    pub rule: Rule,
}

/// The answer of `GET /api/v1/alerts/rules/{id}/versions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleVersions {
    /// The latest first; at most `alerts.evaluation.rule_versions_max`.
    pub versions: Vec<RuleVersion>,
}

/// One version of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleVersion {
    /// Its number.
    pub version: u64,
    /// Since when (RFC 3339).
    pub at: String,
    /// From where it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What it said.
    pub rule: Rule,
}

/// The answer of `POST /api/v1/alerts/check`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCheck {
    /// How far apart its windows end, in words: `every 1m over 5m`.
    pub windows: String,
    /// Whether it is kept up as lines come; else its query is asked at each window's end, which costs more.
    pub kept_up: bool,
}

/// A group of a rule that is not inactive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertGroup {
    /// The rule's id.
    pub rule: String,
    /// Its name.
    pub name: String,
    /// Its severity.
    pub severity: Severity,
    /// The group.
    pub group: BTreeMap<String, String>,
    /// How it is.
    pub state: AlertState,
    /// The last change of it; absent where the record of it has gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Transition>,
}

/// The answer of `GET /api/v1/alerts/states`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertStates {
    /// Those that matter most first.
    pub groups: Vec<AlertGroup>,
    /// How many there are.
    pub total: u64,
    /// How many of each state.
    pub counts: BTreeMap<AlertState, u64>,
}

/// The answer of `GET /api/v1/alerts/history`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertHistory {
    /// The latest first.
    pub entries: Vec<HistoryEntry>,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A change of state on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Grows with each entry, without end.
    pub sequence: u64,
    /// What changed.
    pub transition: Transition,
}

/// The answer of `GET /api/v1/alerts/status`: whether the alerting itself keeps up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertsStatus {
    /// When rules were evaluated last (RFC 3339); absent: not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluated_at: Option<String>,
    /// What the sources have delivered up to (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_to: Option<String>,
    /// The sources that hold it back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingSource>,
    /// The share of one core that evaluating takes, lately.
    pub cost: f64,
    /// How often lines had to be read again from the store, because they were published before they were
    /// looked at; since the start.
    pub read_again: u64,
    /// The rules, the most expensive first.
    pub rules: Vec<RuleCost>,
}

/// How late and how expensive a rule is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleCost {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Up to when its windows are decided (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_to: Option<String>,
    /// By how many seconds its last window was decided later than its end, lateness allowed included.
    pub late_seconds: f64,
    /// The share of one core that it takes, lately.
    pub cost: f64,
    /// Its groups.
    pub groups: u64,
    /// Lines whose group was left out because there are `alerts.evaluation.groups_max`, since the start.
    pub left_out: u64,
    /// It is decided only at every so many windows, because it costs more than `alerts.evaluation.rule_cost_max`; 1:
    /// at each.
    pub slowed: u32,
    /// Testing each line as it comes was too expensive: it reads its lines from the store when it is decided.
    #[serde(default)]
    pub deferred: bool,
    /// Its owner was shut out, or is no more: it goes on with what that one could see last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub owner_gone: bool,
    /// Why it cannot be evaluated, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The body of `POST /api/v1/alerts/backtest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BacktestRequest {
    /// The rule; it need not be kept.
    pub rule: Rule,
    /// From then on: RFC 3339, or `-1d`.
    pub from: String,
    /// Up to then; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What a rule would have said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BacktestAnswer {
    /// Its changes of state, in the order of their windows.
    pub transitions: Vec<Transition>,
    /// How many there are of each state; those of late lines aside.
    pub counts: BTreeMap<AlertState, u64>,
    /// Lines that were looked at.
    pub lines: u64,
    /// Windows that were decided.
    pub windows: u64,
    /// Messages that people would have had, by whom; absent where nobody is to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<BTreeMap<String, u64>>,
    /// What to know of the answer: one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The body of `POST /api/v1/alerts/decommissioned`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decommission {
    /// The host.
    pub host: String,
    /// Whether it is gone for good; `false` takes that back.
    pub decommissioned: bool,
}

/// The answer of `GET /api/v1/alerts/decommissioned`: hosts for which nothing waits any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decommissioned {
    /// By name.
    pub hosts: Vec<String>,
}
