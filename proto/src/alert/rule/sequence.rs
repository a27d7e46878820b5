//! `kind = "sequence"`: one line, and then not another.

use serde::{Deserialize, Serialize};

use super::check::{fields, search};
use super::{Fault, Period};

/// A line that fits `first`, and none that fits `then` within a time after it, for each value of `by`.
///
/// The alert ends when one that fits `then` comes after all, or a window after the time was over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// A search without pipes.
    pub first: String,
    /// A search without pipes.
    pub then: String,
    /// How long it may take.
    pub within: Period,
    /// The fields by which the two belong together, such as `order_id`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
}

impl Sequence {
    pub(super) fn check(&self) -> Result<(), Fault> {
        search("condition.first", &self.first)?;
        search("condition.then", &self.then)?;
        fields("condition.by", &self.by)?;
        match self.within.0 > 0 {
            true => Ok(()),
            false => Err(Fault::new("condition.within", "a time above 0, such as \"5m\"")),
        }
    }
}
