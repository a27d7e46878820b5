//! `kind = "pattern"`: a kind of line that is new, or gone.

use serde::{Deserialize, Serialize};

use super::check::search;
use super::{Fault, Period};

/// The name under which a rule's groups have the pattern.
pub const PATTERN_GROUP: &str = "pattern";

/// A kind of line that was not there before, or that was and is not any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// A search without pipes.
    pub query: String,
    /// Which.
    pub change: PatternChange,
    /// How far back it is looked; a day unless said.
    #[serde(default = "day")]
    pub lookback: Period,
    /// New: so many lines of it in the window; vanished: so many in `lookback`. 1 and 100 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u64>,
}

/// What became of a kind of line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatternChange {
    /// There was none before.
    New,
    /// There is none any more.
    Vanished,
}

fn day() -> Period {
    Period::seconds(86_400)
}

impl Pattern {
    /// How many lines it takes.
    pub fn lines_min(&self) -> u64 {
        self.least.unwrap_or(match self.change {
            PatternChange::New => 1,
            PatternChange::Vanished => 100,
        })
    }

    pub(super) fn check(&self, window: Period) -> Result<(), Fault> {
        search("condition.query", &self.query)?;
        if self.lookback <= window {
            let what = format!("{} is not longer than the window ({window})", self.lookback);
            return Err(Fault::new("condition.lookback", what));
        }
        if self.least == Some(0) {
            return Err(Fault::new("condition.least", "a kind of line has 1 line at least"));
        }
        Ok(())
    }
}
