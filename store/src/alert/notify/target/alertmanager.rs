//! Prometheus' Alertmanager: API v2, `POST /api/v2/alerts`. Each incident is an alert there, recognised by its
//! labels; Alertmanager groups, routes and silences them itself.
//!
//! An alert that Alertmanager hears nothing of ends by itself, so each carries an end, `ends_after` from now;
//! the route's `repeat_interval` must be shorter.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::http::{HttpClient, Post};
use super::{Secret, SendError, Target, struck};
use crate::alert::notify::message::{Message, MessageKind};
use crate::alert::notify::render::{IncidentView, Rendered, cut};

/// An Alertmanager.
#[derive(Clone, Debug)]
pub struct AlertmanagerOptions {
    /// Its address, without `/api/v2/alerts`.
    pub url: String,
    /// Sent as `authorization: Bearer …`; none if empty.
    pub bearer_token: Secret,
    /// A PEM file of authorities that are trusted in place of the public ones.
    pub ca: Option<PathBuf>,
    /// What is not told again ends there after so long.
    pub ends_after: Duration,
}

const ANNOTATION_CHARS_MAX: usize = 4_000;
/// What a test makes there ends by itself.
const TEST_ENDS_NANOS: i64 = 300_000_000_000;

#[derive(Debug)]
pub(super) struct Alertmanager {
    options: AlertmanagerOptions,
    http: HttpClient,
}

impl Alertmanager {
    pub(super) fn new(options: &AlertmanagerOptions, http: HttpClient) -> Self {
        Self {
            options: options.clone(),
            http,
        }
    }
}

impl Target for Alertmanager {
    fn send(&self, message: &Message, rendered: &Rendered) -> Result<String, SendError> {
        let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        let alerts = alerts(message, rendered, now, self.options.ends_after);
        let mut headers = vec![("idempotency-key", message.key.clone())];
        if !self.options.bearer_token.reveal().is_empty() {
            headers.push((
                "authorization",
                format!("Bearer {}", self.options.bearer_token.reveal()),
            ));
        }
        let sent = self.http.post(Post {
            url: &format!("{}/api/v2/alerts", self.options.url.trim_end_matches('/')),
            headers,
            body: alerts.to_string().into_bytes(),
        });
        struck(sent, &[&self.options.bearer_token])
    }
}

pub(super) fn alerts(message: &Message, rendered: &Rendered, now: i64, ends_after: Duration) -> Value {
    let ends = now.saturating_add(i64::try_from(ends_after.as_nanos()).unwrap_or(i64::MAX));
    let incidents = &rendered.shown.incidents;
    if incidents.is_empty() {
        // A test, or trouble: one alert by its kind, which ends at once if it is over.
        let over = message.kind == MessageKind::Trouble && message.firing_total == 0;
        return json!([{
            "labels": { "alertname": format!("Timberline {}", message.kind.word()), "severity": rendered.shown.severity, "group": message.group_key },
            "annotations": { "summary": cut(&rendered.subject, ANNOTATION_CHARS_MAX), "description": cut(&rendered.text, ANNOTATION_CHARS_MAX) },
            "startsAt": format_rfc3339_nanos(message.created_nanos),
            "endsAt": format_rfc3339_nanos(match message.kind {
                MessageKind::Test => now.saturating_add(TEST_ENDS_NANOS),
                _ if over => now,
                _ => ends,
            }),
        }]);
    }
    incidents.iter().map(|incident| alert(incident, ends)).collect()
}

fn alert(incident: &IncidentView, ends: i64) -> Value {
    let labels: BTreeMap<String, &String> = incident
        .labels
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (label_name(name), value))
        .collect();
    let mut annotations = incident.annotations.clone();
    annotations
        .entry("summary".to_owned())
        .or_insert_with(|| incident.reason.clone());
    let known = [
        ("description", incident.headline()),
        ("lines", incident.lines_text()),
        ("incident", incident.id.clone()),
        ("silence", incident.silence_link.clone()),
    ];
    for (name, text) in known {
        if !text.is_empty() {
            annotations.entry(name.to_owned()).or_insert(text);
        }
    }
    for text in annotations.values_mut() {
        *text = cut(text, ANNOTATION_CHARS_MAX);
    }
    let ends = if incident.is_resolved() {
        incident.resolved_at.clone()
    } else {
        format_rfc3339_nanos(ends)
    };
    json!({
        "labels": labels,
        "annotations": annotations,
        "startsAt": incident.active_since,
        "endsAt": ends,
        "generatorURL": incident.link
    })
}

/// What older Alertmanagers take as a name: `[a-zA-Z_][a-zA-Z0-9_]*`.
fn label_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let text: String = name.chars().map(plain).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{text}")
    } else {
        text
    }
}
