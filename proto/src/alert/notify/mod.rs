//! Notifications of alerts: messages of the HTTP API about targets, silences, incidents and deliveries.

mod delivery;
mod incident;
mod matcher;
mod silence;

pub use delivery::{DeliveriesAnswer, Delivery, DeliveryTry, TargetAnswer, TargetTestAnswer, TargetsAnswer};
pub use incident::{IncidentAction, IncidentAnswer, IncidentNote, IncidentsAnswer};
pub use matcher::{MATCHER_VALUE_BYTES_MAX, MatchOp, Matcher, MatcherError};
pub use silence::{
    Calendar, KeptSilence, SILENCE_MATCHERS_MAX, Silence, SilenceChange, SilenceState, SilencesAnswer, Weekday,
};
