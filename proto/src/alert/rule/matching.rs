//! `kind = "match"`: every new line that fits.

use serde::{Deserialize, Serialize};

use super::Fault;
use super::check::{fields, search};

/// Each line that fits is told. The alert ends when none came for a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    /// A search without pipes.
    pub query: String,
    /// One alert for each value of these fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
}

impl Matching {
    pub(super) fn check(&self) -> Result<(), Fault> {
        search("condition.query", &self.query)?;
        fields("condition.by", &self.by)
    }
}
