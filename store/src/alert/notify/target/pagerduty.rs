//! PagerDuty: Events API v2. A group is one incident there: `dedup_key` is the group's key, so what fires is
//! triggered once, news update it, and it is resolved when nothing of the group fires any more.

use serde_json::{Value, json};

use super::http::{HttpClient, Post};
use super::{Secret, SendError, Target, struck};
use crate::alert::notify::message::Message;
use crate::alert::notify::render::{Rendered, cut};

/// An integration of PagerDuty.
#[derive(Clone, Debug)]
pub struct PagerDutyOptions {
    /// `https://events.pagerduty.com/v2/enqueue`, or that of the European region.
    pub url: String,
    /// The integration's key.
    pub routing_key: Secret,
}

/// Characters that PagerDuty takes as a summary.
const SUMMARY_CHARS_MAX: usize = 1_024;
/// An event has 512 KB at most; people read less.
const DETAILS_INCIDENTS_MAX: usize = 5;
const DETAILS_CHARS_MAX: usize = 8_000;

#[derive(Debug)]
pub(super) struct PagerDuty {
    options: PagerDutyOptions,
    http: HttpClient,
}

impl PagerDuty {
    pub(super) fn new(options: &PagerDutyOptions, http: HttpClient) -> Self {
        Self {
            options: options.clone(),
            http,
        }
    }
}

impl Target for PagerDuty {
    fn send(&self, message: &Message, rendered: &Rendered) -> Result<String, SendError> {
        let body = event(message, rendered, self.options.routing_key.reveal());
        let sent = self.http.post(Post {
            url: &self.options.url,
            headers: vec![("idempotency-key", message.key.clone())],
            body: body.to_string().into_bytes(),
        });
        struck(sent, &[&self.options.routing_key])
    }
}

pub(super) fn event(message: &Message, rendered: &Rendered, routing_key: &str) -> Value {
    let view = &rendered.shown;
    if !message.is_firing() {
        return json!({ "routing_key": routing_key, "event_action": "resolve", "dedup_key": message.group_key });
    }
    let details: Vec<Value> = view
        .incidents
        .iter()
        .take(DETAILS_INCIDENTS_MAX)
        .map(|incident| {
            json!({
                "rule": incident.rule, "state": incident.state, "group": incident.group, "reason": incident.reason,
                "value": incident.value_text, "threshold": incident.threshold, "pattern": incident.pattern,
                "lines": cut(&incident.lines_text(), DETAILS_CHARS_MAX), "lines_total": incident.lines_total
            })
        })
        .collect();
    let links = view.incidents.iter().take(DETAILS_INCIDENTS_MAX).flat_map(|incident| {
        [
            (&incident.link, format!("Lines of {}", incident.rule)),
            (&incident.silence_link, format!("Silence {}", incident.rule)),
        ]
    });
    let links: Vec<Value> = links
        .filter(|(href, _)| !href.is_empty())
        .map(|(href, text)| json!({ "href": href, "text": text }))
        .collect();
    let source = view
        .incidents
        .first()
        .and_then(|incident| incident.labels.get("host"))
        .map_or("timberline", String::as_str);
    json!({
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": message.group_key,
        "client": "Timberline",
        "links": links,
        "payload": {
            "summary": cut(&rendered.subject, SUMMARY_CHARS_MAX),
            "source": source,
            "severity": view.severity,
            "timestamp": view.created,
            "group": view.group.values().cloned().collect::<Vec<_>>().join(" "),
            "class": view.incidents.first().map(|incident| incident.rule.clone()).unwrap_or_default(),
            "custom_details": { "message_key": message.key, "firing": view.firing, "resolved": view.resolved, "incidents": details, "text": cut(&rendered.text, DETAILS_CHARS_MAX) }
        }
    })
}
