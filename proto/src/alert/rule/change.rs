//! `kind = "change"`: a number of a query is not what it was in an earlier window.

use serde::{Deserialize, Serialize};

use super::{Comparison, Fault, Measured, Period};

/// The number of a window is held against that of a window before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// As of a threshold.
    pub query: String,
    /// As of a threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is made of the two numbers.
    #[serde(default)]
    pub measure: ChangeMeasure,
    /// How much earlier the other window is; the window before, unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Period>,
    /// When the condition holds: `> 50` is half as much again in percent.
    pub when: Comparison,
    /// It does not hold unless one of the two numbers is so large: 3 lines are 50 % more than 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<f64>,
}

/// What is made of a number now and a number before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeMeasure {
    /// How much more it is, of what it was: 50 for 3 after 2, -100 for none after some.
    #[default]
    Percent,
    /// Now divided by before.
    Ratio,
    /// Now less before.
    Difference,
}

impl ChangeMeasure {
    /// What it makes of the two; a ratio to nothing is none.
    pub fn of(self, now: f64, before: f64) -> Option<f64> {
        match self {
            Self::Difference => Some(now - before),
            _ if before == 0.0 && now == 0.0 => None,
            _ if before == 0.0 => Some(f64::INFINITY),
            Self::Percent => Some((now - before) / before.abs() * 100.0),
            Self::Ratio => Some(now / before),
        }
    }
}

impl Change {
    pub(super) fn check(&self, step: Period) -> Result<(), Fault> {
        Measured::of("condition.query", &self.query, self.value.as_deref())?;
        if let Some(against) = self.against
            && (against.0 <= 0 || against.0 % step.0 != 0)
        {
            let what = format!("{against} is no multiple of `every` ({step}): take one that is");
            return Err(Fault::new("condition.against", what));
        }
        Ok(())
    }
}
