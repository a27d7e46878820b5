//! `[alerts]`: who is told, and within which bounds; `[alerts.evaluation]`: what evaluating rules may cost.

mod evaluation;
mod routes;
mod secret;
mod targets;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Age, Size};
pub(crate) use evaluation::EvaluationSection;
pub(crate) use routes::{InhibitionSection, RouteSection};
pub(crate) use targets::TargetSection;

/// Alerting.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlertsSection {
    /// Targets of incidents that no route takes; nobody if empty.
    pub(crate) default_targets: Vec<String>,
    /// Told when messages to another target fail for `trouble_after`, or are given up; nobody if empty.
    pub(crate) fallback_target: String,
    /// Incidents with the same values of these labels are told together; `["..."]`: each by itself.
    pub(crate) group_by: Vec<String>,
    /// How long a group's first message waits for further incidents.
    pub(crate) group_wait: Age,
    /// Between messages of news about one group.
    pub(crate) group_interval: Age,
    /// What still holds and nobody has taken up is told again after so long; never if `"0s"`.
    pub(crate) repeat_interval: Age,
    /// Whether it is told that what was told is resolved.
    pub(crate) send_resolved: bool,
    /// Whether targets may be on this machine and in private networks.
    pub(crate) allow_private: bool,
    /// Networks in which targets may be whatever they are, such as `10.1.0.0/16`.
    pub(crate) networks_allowed: Vec<String>,
    /// Incidents that are open at once; the fallback target is told of further ones by number.
    pub(crate) incidents_max: u32,
    /// Incidents that one message tells in full; the rest are counted.
    pub(crate) message_incidents_max: u32,
    /// Messages in the outbox for one target; beyond, what is to be told of a group waits and is told at once.
    pub(crate) outbox_messages_max: u32,
    /// Messages, sent or given up, that are kept as history.
    pub(crate) deliveries_max: u32,
    /// Resolved incidents that are kept as history.
    pub(crate) closed_incidents_max: u32,
    /// Bytes of a receiver's answer that are read and kept.
    pub(crate) answer_bytes_max: Size,
    /// Silences and maintenance windows.
    pub(crate) silences_max: u32,
    /// Notes that are kept of one incident.
    pub(crate) notes_max: u32,
    /// Steps of a template; one that needs more gives way to the built-in one.
    pub(crate) template_fuel: u64,
    /// Bytes that a template may make.
    pub(crate) template_bytes_max: Size,
    /// Targets that are sent to at once.
    pub(crate) sends_max: u32,
    /// A message is given up after so many tries.
    pub(crate) attempts_max: u32,
    /// Or when it is so old.
    pub(crate) retry_age_max: Age,
    /// The wait after a first try that failed; doubled with each further one.
    pub(crate) backoff_min: Age,
    /// The longest such wait.
    pub(crate) backoff_max: Age,
    /// The fallback target is told when each try at a target failed for so long.
    pub(crate) trouble_after: Age,
    /// What evaluating rules may cost.
    pub(crate) evaluation: EvaluationSection,
    /// What holds what back.
    pub(crate) inhibitions: Vec<InhibitionSection>,
    /// Which incidents go where, tried in order.
    pub(crate) routes: Vec<RouteSection>,
    /// Who can be told, by name.
    pub(crate) targets: BTreeMap<String, TargetSection>,
}

impl Default for AlertsSection {
    fn default() -> Self {
        Self {
            default_targets: Vec::new(),
            fallback_target: String::new(),
            group_by: vec!["alertname".to_owned()],
            group_wait: Age::seconds(30),
            group_interval: Age::seconds(300),
            repeat_interval: Age::seconds(4 * 3600),
            send_resolved: true,
            allow_private: false,
            networks_allowed: Vec::new(),
            incidents_max: 5_000,
            message_incidents_max: 20,
            outbox_messages_max: 1_000,
            deliveries_max: 20_000,
            closed_incidents_max: 20_000,
            answer_bytes_max: Size::kib(2),
            silences_max: 1_000,
            notes_max: 500,
            template_fuel: 200_000,
            template_bytes_max: Size::kib(256),
            sends_max: 8,
            attempts_max: 100,
            retry_age_max: Age::days(1),
            backoff_min: Age::seconds(1),
            backoff_max: Age::seconds(300),
            trouble_after: Age::seconds(300),
            evaluation: EvaluationSection::default(),
            inhibitions: Vec::new(),
            routes: Vec::new(),
            targets: BTreeMap::new(),
        }
    }
}

#[cfg(feature = "store")]
impl super::Config {
    /// Who is told, and within which bounds.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub(crate) fn notify_options(&self) -> Result<timberline_store::alert::notify::NotifyOptions, String> {
        use timberline_store::alert::notify::options::{NotifyLimits, NotifyOptions, RouteTimes};
        use timberline_store::alert::notify::target::{Network, NetworkRules};
        let alerts = &self.alerts;
        let networks: Result<Vec<Network>, String> = alerts.networks_allowed.iter().map(|text| text.parse()).collect();
        let bytes = |size: Size| usize::try_from(size.get()).unwrap_or(usize::MAX);
        let public_url = self.server.public_url.trim_end_matches('/');
        let is_address = public_url.starts_with("https://") || public_url.starts_with("http://");
        if !public_url.is_empty() && !is_address {
            return Err(format!(
                "server.public_url = {public_url:?} is no address; write it as \"https://logs.example.org\""
            ));
        }
        Ok(NotifyOptions {
            targets: targets::all(&alerts.targets)?,
            root: RouteTimes {
                group_by: alerts.group_by.clone(),
                group_wait: alerts.group_wait.get(),
                group_interval: alerts.group_interval.get(),
                repeat_interval: alerts.repeat_interval.get(),
                send_resolved: alerts.send_resolved,
            },
            default_targets: alerts.default_targets.clone(),
            routes: alerts
                .routes
                .iter()
                .map(RouteSection::options)
                .collect::<Result<_, _>>()?,
            inhibitions: alerts
                .inhibitions
                .iter()
                .map(InhibitionSection::options)
                .collect::<Result<_, _>>()?,
            fallback_target: (!alerts.fallback_target.is_empty()).then(|| alerts.fallback_target.clone()),
            public_url: public_url.to_owned(),
            host: self.host_name(),
            network: NetworkRules {
                allow_private: alerts.allow_private,
                networks_allowed: networks.map_err(|error| format!("alerts.networks_allowed: {error}"))?,
            },
            limits: NotifyLimits {
                incidents_max: alerts.incidents_max as usize,
                message_incidents_max: alerts.message_incidents_max.max(1) as usize,
                outbox_messages_max: alerts.outbox_messages_max.max(1) as usize,
                deliveries_max: alerts.deliveries_max as usize,
                closed_incidents_max: alerts.closed_incidents_max as usize,
                answer_bytes_max: bytes(alerts.answer_bytes_max),
                silences_max: alerts.silences_max as usize,
                notes_max: alerts.notes_max as usize,
                template_fuel: alerts.template_fuel,
                template_bytes_max: bytes(alerts.template_bytes_max),
                sends_max: alerts.sends_max as usize,
                attempts_max: u64::from(alerts.attempts_max),
                retry_age_max: alerts.retry_age_max.get(),
                backoff_min: alerts.backoff_min.get(),
                backoff_max: alerts.backoff_max.get(),
                trouble_after: alerts.trouble_after.get(),
            },
        })
    }
}
