//! Incidents: what people take up, assign and talk about. One is a group of a rule from when its condition
//! began to hold until it is resolved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::alert::AlertState;

/// An incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentAnswer {
    /// Its id; follows from rule, group and the time since when it is active.
    pub id: String,
    /// The rule's id.
    pub rule: String,
    /// The rule's name.
    pub name: String,
    /// Values of what the rule groups by.
    pub group: BTreeMap<String, String>,
    /// What routes and silences look at.
    pub labels: BTreeMap<String, String>,
    /// How it is.
    pub state: AlertState,
    /// The last verdict as a sentence.
    pub reason: String,
    /// When its condition began to hold, RFC 3339, in the records' time.
    pub active_since: Option<String>,
    /// When it was taken note of, RFC 3339.
    pub opened: String,
    /// When it was resolved, RFC 3339.
    pub closed: Option<String>,
    /// Who has taken it up.
    pub acknowledged_by: Option<String>,
    /// And when, RFC 3339.
    pub acknowledged: Option<String>,
    /// Who is to look at it.
    pub assigned: Option<String>,
    /// Ids of the silences that hold its messages back now.
    pub silenced_by: Vec<String>,
    /// Whether another incident holds its messages back now.
    pub inhibited: bool,
    /// Targets that were told of it.
    pub told: Vec<String>,
    /// What people did and said, oldest first; only of a single incident.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<IncidentNote>,
}

/// What somebody did or said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentNote {
    /// When, RFC 3339.
    pub at: String,
    /// Who.
    pub by: String,
    /// `acknowledge`, `release`, `assign` or `comment`.
    pub action: String,
    /// To whom it was assigned, or what was said.
    pub text: String,
}

/// `GET /api/v1/alerts/incidents`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IncidentsAnswer {
    /// The newest first.
    pub incidents: Vec<IncidentAnswer>,
}

/// What somebody does with an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum IncidentAction {
    /// Takes it up: no repeats and no escalation from now on.
    Acknowledge {
        /// Who.
        by: String,
        /// What else is to be said.
        #[serde(default)]
        comment: String,
    },
    /// Gives it back.
    Release {
        /// Who.
        by: String,
        /// What else is to be said.
        #[serde(default)]
        comment: String,
    },
    /// Says who is to look at it; nobody if `to` is empty.
    Assign {
        /// Who says so.
        by: String,
        /// To whom.
        to: String,
    },
    /// Says something.
    Comment {
        /// Who.
        by: String,
        /// What.
        text: String,
    },
}
