//! A rule as it is written: in TOML under version control, and as JSON in the API.
//!
//! ```toml
//! [[rule]]
//! name = "Checkout fails"
//! severity = "critical"
//! window = "5m"
//! every = "1m"
//! for = "2m"
//!
//! [rule.condition]
//! kind = "threshold"
//! query = "service:checkout error | stats count() as n by host"
//! when = "> 100"
//! ```
//!
//! Windows end at multiples of `every` since the epoch, in the records' own time: with `every` equal
//! to `window` they tumble, with less they slide.
//!
//! | module | what stands there |
//! |---|---|
//! | [`threshold`], [`matching`], [`absence`], [`change`], [`silence`], [`pattern`], [`deviation`], [`sequence`] | one kind of condition each |
//! | [`measured`] | what a query measures |
//! | [`comparison`], [`period`] | `> 100`, `5m` |
//! | [`check`] | what a rule must be |

mod absence;
mod change;
mod check;
mod comparison;
mod deviation;
mod matching;
mod measured;
mod pattern;
mod period;
mod sequence;
mod silence;
mod threshold;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Severity;

pub use absence::Absence;
pub use change::{Change, ChangeMeasure};
pub use check::{Fault, WINDOWS_OF_STEPS_MAX};
pub use comparison::{Comparison, Operator};
pub use deviation::{Deviation, Direction};
pub use matching::Matching;
pub use measured::{Measured, MeasuredRows};
pub use pattern::{PATTERN_GROUP, Pattern, PatternChange};
pub use period::Period;
pub use sequence::Sequence;
pub use silence::{Cause, Silence, SilenceOf};
pub use threshold::Threshold;

/// A file of rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    /// The rules.
    #[serde(default)]
    pub rule: Vec<Rule>,
}

/// When people are to be told of something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What people call it; no two rules share one.
    pub name: String,
    /// Whether it is evaluated.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub enabled: bool,
    /// How much it matters.
    #[serde(default)]
    pub severity: Severity,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// How much of the records' time one verdict looks at.
    #[serde(default = "five_minutes")]
    pub window: Period,
    /// How far apart windows end; a minute, or the window if that is shorter, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Period>,
    /// The condition must hold for so long before people are told.
    #[serde(default, rename = "for", skip_serializing_if = "Period::is_zero")]
    pub hold_for: Period,
    /// It goes on firing for so long after the condition held last.
    #[serde(default, skip_serializing_if = "Period::is_zero")]
    pub keep_firing_for: Period,
    /// A record that was read so long after its window's end still counts in the window's verdict.
    #[serde(default = "ten_seconds")]
    pub allowed_lateness: Period,
    /// A verdict waits for sources that lag no longer than this.
    #[serde(default = "two_minutes")]
    pub verdict_delay_max: Period,
    /// An alert that comes and goes is kept firing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping: Option<Flapping>,
    /// What it means that there is nothing to measure.
    #[serde(default)]
    pub no_data: NoData,
    /// What routes, silences and inhibitions match.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What people write for those who get its messages: templates by name, such as `summary`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What must be the case.
    pub condition: Condition,
}

/// What must be the case for a rule to fire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Condition {
    /// A number of a query crosses a limit.
    Threshold(Threshold),
    /// Every new line that fits.
    Match(Matching),
    /// Too few lines.
    Absence(Absence),
    /// A number of a query is not what it was in an earlier window.
    Change(Change),
    /// A host, an agent or a file says nothing any more.
    Silence(Silence),
    /// A kind of line that is new, or gone.
    Pattern(Pattern),
    /// A number of a query is not what it is at this hour in other weeks.
    Deviation(Deviation),
    /// One line, and then not another.
    Sequence(Sequence),
}

impl Condition {
    /// Its word in files and answers.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Threshold(_) => "threshold",
            Self::Match(_) => "match",
            Self::Absence(_) => "absence",
            Self::Change(_) => "change",
            Self::Silence(_) => "silence",
            Self::Pattern(_) => "pattern",
            Self::Deviation(_) => "deviation",
            Self::Sequence(_) => "sequence",
        }
    }
}

/// What it means that a window holds nothing to measure: no average of no numbers, no group any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// The state is `no_data`.
    #[default]
    State,
    /// The condition does not hold.
    Inactive,
    /// It holds.
    Firing,
    /// The state stays what it was.
    Keep,
}

/// An alert that begins to fire so often within a time goes on firing until it has been quiet for that
/// time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flapping {
    /// So many times.
    pub times: u32,
    /// Within this time.
    pub within: Period,
}

impl Rule {
    /// How far apart its windows end.
    pub fn step(&self) -> Period {
        const MINUTE: Period = Period::seconds(60);
        self.every
            .unwrap_or(if self.window < MINUTE { self.window } else { MINUTE })
    }
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_yes(yes: &bool) -> bool {
    *yes
}

fn five_minutes() -> Period {
    Period::seconds(300)
}

fn ten_seconds() -> Period {
    Period::seconds(10)
}

fn two_minutes() -> Period {
    Period::seconds(120)
}

#[cfg(test)]
mod tests;
