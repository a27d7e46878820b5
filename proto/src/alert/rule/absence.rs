//! `kind = "absence"`: too few lines.

use serde::{Deserialize, Serialize};

use super::check::{fields, search};
use super::{Fault, Period};

/// A window holds no line that fits, or fewer than `least`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// A search without pipes.
    pub query: String,
    /// One alert for each value of these fields that was seen within `remember`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// A window with so many lines is no absence; 1 unless said.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub least: u64,
    /// A group of which nothing came for so long is forgotten, and no absence any more; a day unless said.
    #[serde(default = "day", skip_serializing_if = "is_day")]
    pub remember: Period,
}

fn one() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_one(least: &u64) -> bool {
    *least == 1
}

fn day() -> Period {
    Period::seconds(86_400)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_day(period: &Period) -> bool {
    *period == day()
}

impl Absence {
    pub(super) fn check(&self, window: Period) -> Result<(), Fault> {
        search("condition.query", &self.query)?;
        fields("condition.by", &self.by)?;
        if self.least == 0 {
            return Err(Fault::new(
                "condition.least",
                "no window has fewer than 0 lines: 1 at least",
            ));
        }
        if !self.by.is_empty() && self.remember < window {
            let what = format!("a group would be forgotten within the window: {window} at least");
            return Err(Fault::new("condition.remember", what));
        }
        Ok(())
    }
}
