//! `kind = "deviation"`: a number of a query is not what it is at this hour in other weeks.

use serde::{Deserialize, Serialize};

use super::{Fault, Measured, Period};

/// Weeks that are looked back at most.
const WEEKS_MAX: u32 = 52;
/// Fewer say nothing of what is usual.
const WEEKS_MIN: u32 = 3;

/// The number of a window is far from the median of the same window in earlier weeks, in units of how
/// far those are from it themselves (the median absolute deviation).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// As of a threshold; its rows are counted or summed (`count`, `sum`, `rate`).
    pub query: String,
    /// As of a threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// How many earlier weeks; 4 unless said.
    #[serde(default = "four")]
    pub weeks: u32,
    /// So many deviations away; 4 unless said.
    #[serde(default = "four_deviations")]
    pub deviations: f64,
    /// In which direction; both unless said.
    #[serde(default)]
    pub direction: Direction,
    /// And so far from the median at least: of 1 line, 3 are no event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<f64>,
}

/// A direction away from what is usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More.
    Above,
    /// Less.
    Below,
    /// Either.
    #[default]
    Both,
}

fn four() -> u32 {
    4
}

fn four_deviations() -> f64 {
    4.0
}

impl Deviation {
    pub(super) fn check(&self, window: Period) -> Result<(), Fault> {
        let measured = Measured::of("condition.query", &self.query, self.value.as_deref())?;
        if !measured.rows.as_ref().is_some_and(|rows| rows.is_sum()) {
            let what = "only numbers that add up are held against other weeks: a search, or one that ends in \
                        `| stats` with count(), sum() or rate(), and no other pipe but `where`";
            return Err(Fault::new("condition.query", what));
        }
        if !(WEEKS_MIN..=WEEKS_MAX).contains(&self.weeks) {
            let what = format!("{} is not from {WEEKS_MIN} to {WEEKS_MAX}", self.weeks);
            return Err(Fault::new("condition.weeks", what));
        }
        if !(self.deviations.is_finite() && self.deviations > 0.0) {
            return Err(Fault::new("condition.deviations", "a number above 0, such as 4"));
        }
        if window.0 > Period::seconds(7 * 86_400).0 / 2 {
            return Err(Fault::new("window", "half a week at most, for weeks are compared"));
        }
        Ok(())
    }
}
