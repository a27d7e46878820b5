//! What the configuration says of targets, routes and bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use timberline_proto::alert::notify::Matcher;

use super::target::{NetworkRules, TargetOptions};

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct NotifyOptions {
    /// Targets by name.
    pub targets: BTreeMap<String, TargetOptions>,
    /// Of what no route takes, and what routes say nothing else of.
    pub root: RouteTimes,
    /// Targets of incidents that no route takes.
    pub default_targets: Vec<String>,
    /// Routes, tried in order.
    pub routes: Vec<RouteOptions>,
    /// What holds what back.
    pub inhibitions: Vec<InhibitionOptions>,
    /// Told when messages to another target are given up or fail for long.
    pub fallback_target: Option<String>,
    /// The page's address as people reach it, without a slash at the end; links are left out if empty.
    pub public_url: String,
    /// This machine's name, for what a mail server is told.
    pub host: String,
    /// Where targets may be.
    pub network: NetworkRules,
    /// Bounds.
    pub limits: NotifyLimits,
}

/// How incidents are gathered and told again.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteTimes {
    /// Incidents with the same values of these labels are told together.
    pub group_by: Vec<String>,
    /// How long a first message waits for further incidents of its group.
    pub group_wait: Duration,
    /// Between messages of news about one group.
    pub group_interval: Duration,
    /// What still holds and nobody has taken up is told again after so long; never if zero.
    pub repeat_interval: Duration,
    /// Whether it is told that what was told is resolved.
    pub send_resolved: bool,
}

impl Default for RouteTimes {
    fn default() -> Self {
        Self {
            group_by: vec!["alertname".to_owned()],
            group_wait: Duration::from_secs(30),
            group_interval: Duration::from_secs(300),
            repeat_interval: Duration::from_secs(4 * 3600),
            send_resolved: true,
        }
    }
}

/// A route: which incidents go where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteOptions {
    /// All must fit.
    pub matchers: Vec<Matcher>,
    /// To whom; the parent's if empty.
    pub targets: Vec<String>,
    /// Whether the routes behind it are tried, too.
    pub go_on: bool,
    /// The parent's where absent.
    pub group_by: Option<Vec<String>>,
    /// The parent's where absent.
    pub group_wait: Option<Duration>,
    /// The parent's where absent.
    pub group_interval: Option<Duration>,
    /// The parent's where absent.
    pub repeat_interval: Option<Duration>,
    /// The parent's where absent.
    pub send_resolved: Option<bool>,
    /// Who is told when nobody takes it up; the parent's if empty.
    pub escalation: Vec<EscalationOptions>,
    /// Tried first, in order; the first that fits takes the incident.
    pub routes: Vec<RouteOptions>,
}

/// A step of an escalation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EscalationOptions {
    /// So long after an incident was told first.
    pub after: Duration,
    /// These are told, too.
    pub targets: Vec<String>,
}

/// While an incident that fits `source` is firing, those that fit `target` are not told, if they have the
/// same values of `equal`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InhibitionOptions {
    /// What holds back.
    pub source: Vec<Matcher>,
    /// What is held back.
    pub target: Vec<Matcher>,
    /// Labels that must be the same.
    pub equal: Vec<String>,
}

/// Bounds of memory, disk and time.
#[derive(Clone, Debug)]
pub struct NotifyLimits {
    /// Incidents that are active at once; further ones are counted and told as one message.
    pub incidents_max: usize,
    /// Incidents that one message tells in full; the rest are counted.
    pub message_incidents_max: usize,
    /// Messages in the outbox for one target; beyond, news of a group wait and are told together.
    pub outbox_messages_max: usize,
    /// Messages, sent or given up, that are kept as history.
    pub deliveries_max: usize,
    /// Closed incidents that are kept as history.
    pub closed_incidents_max: usize,
    /// Bytes of a receiver's answer that are kept.
    pub answer_bytes_max: usize,
    /// Silences.
    pub silences_max: usize,
    /// Notes of one incident.
    pub notes_max: usize,
    /// Steps of a template.
    pub template_fuel: u64,
    /// Bytes that a template may make.
    pub template_bytes_max: usize,
    /// Messages being sent at once.
    pub sends_max: usize,
    /// A message is given up after so many tries.
    pub attempts_max: u64,
    /// Or when it is so old.
    pub retry_age_max: Duration,
    /// The first wait after a try that failed; doubled with each further one.
    pub backoff_min: Duration,
    /// The longest.
    pub backoff_max: Duration,
    /// The fallback target is told when each try at a target failed for so long.
    pub trouble_after: Duration,
}

impl Default for NotifyLimits {
    fn default() -> Self {
        Self {
            incidents_max: 5_000,
            message_incidents_max: 20,
            outbox_messages_max: 1_000,
            deliveries_max: 20_000,
            closed_incidents_max: 20_000,
            answer_bytes_max: 2_048,
            silences_max: 1_000,
            notes_max: 500,
            template_fuel: 200_000,
            template_bytes_max: 256 << 10,
            sends_max: 8,
            attempts_max: 100,
            retry_age_max: Duration::from_secs(24 * 3600),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
            trouble_after: Duration::from_secs(300),
        }
    }
}
