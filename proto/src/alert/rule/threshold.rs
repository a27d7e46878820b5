//! `kind = "threshold"`: a number of a query crosses a limit.

use serde::{Deserialize, Serialize};

use super::{Comparison, Fault, Measured};

/// A number of a query, for each group that `stats … by` names, is held against a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// A search; with pipes that end in `stats`, what they compute, else the number of lines.
    pub query: String,
    /// Which column of `stats` is compared; its only one unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// When the condition holds: `> 100`.
    pub when: Comparison,
}

impl Threshold {
    pub(super) fn check(&self) -> Result<(), Fault> {
        Measured::of("condition.query", &self.query, self.value.as_deref()).map(drop)
    }
}
