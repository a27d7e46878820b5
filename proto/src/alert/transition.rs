//! What is decided about one group of one rule.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a group of a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// The condition does not hold.
    Inactive,
    /// It holds, for less time than the rule asks.
    Pending,
    /// It holds, and people are to know.
    Firing,
    /// It held and does no more.
    Resolved,
    /// There is nothing by which to decide.
    NoData,
    /// The rule could not be evaluated.
    Error,
}

impl AlertState {
    /// Its word for people.
    pub fn spoken(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::NoData => "no data",
            Self::Error => "error",
        }
    }
}

/// How much a rule matters. Ordered: the last matters most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To be known.
    Info,
    /// To be looked at.
    #[default]
    Warning,
    /// To be looked at now.
    Critical,
}

impl Severity {
    /// Its word, as in files, answers and the label `severity`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A change of state of one group of one rule, with what led to it.
///
/// Times are nanoseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// Names this verdict: made of the rule's id, the group and the window, so that the same verdict
    /// reached again after a crash has the same key, and whoever gets a message twice can tell.
    pub key: String,
    /// The rule.
    pub rule: TransitionRule,
    /// What the rule groups by, and this group's values. Empty for a rule without groups.
    pub group: BTreeMap<String, String>,
    /// The rule's labels and the group's values; `alertname` and `severity` among them. What
    /// routes, silences and inhibitions match.
    pub labels: BTreeMap<String, String>,
    /// The state before.
    pub from: AlertState,
    /// The state from now on.
    pub to: AlertState,
    /// When the condition began to hold, in the records' time; the same for all transitions of one
    /// incident, which it names together with rule and group.
    pub active_since_nanos: Option<i64>,
    /// To when in the records' time the verdict speaks: the window's end.
    pub at_nanos: i64,
    /// When it was reached, by the clock of the one who decided.
    pub decided_at_nanos: i64,
    /// The window, from (inclusive) and to (exclusive), in the records' time.
    pub window: Option<(i64, i64)>,
    /// What was measured.
    pub value: Option<f64>,
    /// What it was held against, as the rule says it: `> 100`.
    pub threshold: Option<String>,
    /// The verdict as one sentence, for people.
    pub reason: String,
    /// The search whose lines led to the verdict, in the query language, without the window.
    pub query: String,
    /// What people need to see of those lines.
    pub evidence: Evidence,
    /// Sources that had not told of the whole window when the verdict was reached.
    pub missing_sources: Vec<MissingSource>,
    /// What late lines made of a window whose verdict was given: on record, and no message.
    pub late: bool,
}

/// The rule of a [`Transition`], as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransitionRule {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version: 1 when made, one more with each change.
    pub version: u64,
    /// How much it matters.
    pub severity: Severity,
    /// What people wrote for those who get its messages: templates by name, such as `summary` and
    /// `runbook`.
    pub annotations: BTreeMap<String, String>,
    /// Whose rights it runs with.
    pub owner: Option<String>,
}

/// Lines that show why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The first lines, oldest first; at most `alerts.evaluation.evidence_lines_max`.
    pub lines: Vec<EvidenceLine>,
    /// How many lines there were.
    pub lines_total: u64,
    /// The pattern that most of them have, with `<*>` where they vary.
    pub pattern: Option<String>,
    /// Lines (or what was measured) by even steps of the time up to [`Transition::at_nanos`], oldest
    /// first: a sparkline.
    pub counts: Vec<f64>,
}

/// One line of the evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EvidenceLine {
    /// The record's id, topic-partition-offset.
    pub id: String,
    /// Its time.
    pub timestamp_nanos: i64,
    /// Its text, cut at `alerts.evaluation.evidence_line_bytes_max`.
    pub body: String,
    /// Its fields, in their order, cut likewise.
    pub fields: Vec<(String, String)>,
}

/// A source that had not told of the whole window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingSource {
    /// Its host.
    pub host: String,
    /// How far it told.
    pub complete_to_nanos: Option<i64>,
}
