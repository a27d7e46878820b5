//! Silences and maintenance windows, as they are made over the API.

use serde::{Deserialize, Serialize};

use super::Matcher;

/// Matchers of one silence.
pub const SILENCE_MATCHERS_MAX: usize = 20;

/// Whose labels fit all matchers is not told while this holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// All of them must fit; at least one.
    pub matchers: Vec<Matcher>,
    /// From when on, RFC 3339.
    pub starts: String,
    /// Until when, RFC 3339; only what recurs may be without an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// Between both, only at these times: a maintenance window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
    /// Who made it.
    pub by: String,
    /// Why.
    #[serde(default)]
    pub comment: String,
}

/// Times that come again. A window begins on each day that fits, and ends on the next one if `to` is not
/// after `from`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// IANA name of the zone whose days and hours these are, such as `Europe/Berlin`.
    pub zone: String,
    /// When each window begins: `22:00`.
    pub from: String,
    /// When it ends: `02:00`; `24:00` or `00:00` is the day's end.
    pub to: String,
    /// `mon` to `sun`; any if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Weekday>,
    /// Days of the month, 1 to 31; -1 is the last one, -2 the one before. Any if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<i8>,
    /// Months, 1 to 12; any if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<i8>,
}

/// A day of the week.
#[allow(missing_docs, reason = "their names say it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// How a silence is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceState {
    /// It begins later, or its next window does.
    Waiting,
    /// It silences.
    Active,
    /// It is over.
    Over,
}

/// A silence that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSilence {
    /// Its id.
    pub id: String,
    /// From 1; grows by one with each change.
    pub version: u64,
    /// When it was made, RFC 3339.
    pub created: String,
    /// When it was changed last, RFC 3339.
    pub updated: String,
    /// How it is now.
    pub state: SilenceState,
    /// Itself.
    pub silence: Silence,
}

/// A change of a silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceChange {
    /// The version that was changed.
    pub version: u64,
    /// What it is now.
    pub silence: Silence,
}

/// `GET /api/v1/alerts/silences`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilencesAnswer {
    /// The newest first.
    pub silences: Vec<KeptSilence>,
}
