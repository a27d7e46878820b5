//! What evaluating keeps of a line.

use std::collections::BTreeMap;
use std::sync::Arc;

use timberline_proto::alert::EvidenceLine;

/// The values of what a rule groups by, in its order; empty where a line has no value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Group(pub(crate) Arc<[String]>);

impl Group {
    pub(crate) fn new(values: Vec<String>) -> Self {
        Self(values.into())
    }

    /// The group of a rule without groups.
    pub(crate) fn whole() -> Self {
        Self::default()
    }

    /// With the names of what they are values of.
    pub(crate) fn named(&self, by: &[String]) -> BTreeMap<String, String> {
        by.iter().cloned().zip(self.0.iter().cloned()).collect()
    }

    /// As a key of the catalog.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("texts are JSON")
    }

    pub(crate) fn of_json(json: &str) -> Option<Self> {
        serde_json::from_str::<Vec<String>>(json).ok().map(Self::new)
    }
}

/// A line that fits a rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Its time.
    pub(crate) time: i64,
    /// When it was read.
    pub(crate) observed: i64,
    pub(crate) group: Group,
    /// The number of the field that is computed of, if it has one.
    pub(crate) number: Option<f64>,
    /// Which of the rule's searches it fits.
    pub(crate) search: u8,
    /// For rules that tell every line: the line, unless it was told before.
    pub(crate) line: Option<Arc<EvidenceLine>>,
}
