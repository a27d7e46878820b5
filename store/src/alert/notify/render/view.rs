//! What templates and receivers of JSON see. The form is described in docs/notifications.md; `version` grows
//! when a field changes its meaning or goes.

use std::collections::BTreeMap;

use serde::Serialize;
use timberline_proto::alert::Severity;
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::clean::{block, cut, one_line};
use super::{links, sparkline};
use crate::alert::notify::message::{Message, MessageKind, ToldIncident};

/// Lines of one incident in a text, and characters of one of them.
const LINES_MAX: usize = 10;
const LINE_CHARS_MAX: usize = 500;

/// A message.
#[allow(missing_docs, reason = "docs/notifications.md says what each is")]
#[derive(Clone, Debug, Serialize)]
pub struct MessageView {
    pub version: u32,
    pub key: String,
    pub kind: &'static str,
    pub status: &'static str,
    pub target: String,
    pub group_key: String,
    pub group: BTreeMap<String, String>,
    pub severity: &'static str,
    pub created: String,
    pub firing: u64,
    pub resolved: u64,
    pub more: u64,
    pub incidents: Vec<IncidentView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldView>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// An incident.
#[allow(missing_docs, reason = "docs/notifications.md says what each is")]
#[derive(Clone, Debug, Serialize)]
pub struct IncidentView {
    pub id: String,
    pub state: &'static str,
    pub rule: String,
    pub rule_id: String,
    pub rule_version: u64,
    pub severity: &'static str,
    pub labels: BTreeMap<String, String>,
    pub group: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub active_since: String,
    pub at: String,
    pub decided_at: String,
    pub resolved_at: String,
    pub resolved_reason: String,
    pub window_from: String,
    pub window_to: String,
    pub value: Option<f64>,
    pub value_text: String,
    pub threshold: String,
    pub reason: String,
    pub query: String,
    pub lines: Vec<LineView>,
    pub lines_total: u64,
    pub pattern: String,
    pub counts: Vec<f64>,
    pub sparkline: String,
    pub missing_sources: Vec<String>,
    pub acknowledged_by: String,
    pub assigned: String,
    pub link: String,
    pub silence_link: String,
}

/// A line of the evidence.
#[allow(missing_docs, reason = "docs/notifications.md says what each is")]
#[derive(Clone, Debug, Serialize)]
pub struct LineView {
    pub id: String,
    pub time: String,
    pub body: String,
    pub fields: Vec<(String, String)>,
}

/// What was held back.
#[allow(missing_docs, reason = "docs/notifications.md says what each is")]
#[derive(Clone, Debug, Serialize)]
pub struct HeldView {
    pub since: String,
    pub messages: u64,
    pub incidents: Vec<HeldLine>,
    pub more: u64,
}

/// An incident of it.
#[allow(missing_docs, reason = "docs/notifications.md says what each is")]
#[derive(Clone, Debug, Serialize)]
pub struct HeldLine {
    pub rule: String,
    pub group: BTreeMap<String, String>,
    pub state: &'static str,
    pub reason: String,
}

impl IncidentView {
    /// Whether it is over.
    pub fn is_resolved(&self) -> bool {
        self.state == "resolved"
    }

    /// What is the matter, in a few lines.
    pub fn headline(&self) -> String {
        let group: Vec<String> = self
            .group
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut lines = vec![
            format!("{} {} {}", self.state.to_uppercase(), self.rule, group.join(" "))
                .trim()
                .to_owned(),
        ];
        lines.push(self.annotations.get("summary").unwrap_or(&self.reason).clone());
        if !self.value_text.is_empty() {
            lines.push(format!("Value {} ({})", self.value_text, self.threshold));
        }
        if !self.sparkline.is_empty() {
            lines.push(self.sparkline.clone());
        }
        if self.is_resolved() {
            lines.push(format!("Resolved {}", self.resolved_at));
        }
        for (name, who) in [
            ("Acknowledged by", &self.acknowledged_by),
            ("Assigned to", &self.assigned),
        ] {
            if !who.is_empty() {
                lines.push(format!("{name} {who}"));
            }
        }
        if !self.missing_sources.is_empty() {
            lines.push(format!("Without data of: {}", self.missing_sources.join(", ")));
        }
        lines.join("\n")
    }

    /// The first lines and their pattern.
    pub fn lines_text(&self) -> String {
        let mut text: Vec<String> = Vec::new();
        for line in self.lines.iter().take(LINES_MAX) {
            text.push(cut(&format!("{} {}", line.time, line.body), LINE_CHARS_MAX));
        }
        let more = self.lines_total.saturating_sub(text.len() as u64);
        if more > 0 && !text.is_empty() {
            text.push(format!("… and {more} more"));
        }
        if !self.pattern.is_empty() {
            text.push(format!("Pattern: {}", cut(&self.pattern, LINE_CHARS_MAX)));
        }
        text.join("\n")
    }

    fn shown(&self) -> Self {
        let map = |map: &BTreeMap<String, String>| map.iter().map(|(k, v)| (one_line(k), one_line(v))).collect();
        Self {
            rule: one_line(&self.rule),
            rule_id: one_line(&self.rule_id),
            labels: map(&self.labels),
            group: map(&self.group),
            // Who wrote a template of several lines wants several; values in it were shown on one.
            annotations: self.annotations.iter().map(|(k, v)| (one_line(k), block(v))).collect(),
            threshold: one_line(&self.threshold),
            reason: one_line(&self.reason),
            resolved_reason: one_line(&self.resolved_reason),
            query: one_line(&self.query),
            lines: self.lines.iter().map(LineView::shown).collect(),
            pattern: one_line(&self.pattern),
            missing_sources: self.missing_sources.iter().map(|source| one_line(source)).collect(),
            acknowledged_by: one_line(&self.acknowledged_by),
            assigned: one_line(&self.assigned),
            ..self.clone()
        }
    }
}

impl LineView {
    fn shown(&self) -> Self {
        Self {
            id: one_line(&self.id),
            time: self.time.clone(),
            body: one_line(&self.body),
            fields: self
                .fields
                .iter()
                .map(|(name, value)| (one_line(name), one_line(value)))
                .collect(),
        }
    }
}

impl MessageView {
    /// As it is; annotations are still templates.
    pub(super) fn exact(message: &Message, public_url: &str) -> Self {
        let incidents: Vec<IncidentView> = message
            .incidents
            .iter()
            .map(|told| incident(told, public_url))
            .collect();
        let worst = message.incidents.iter().map(|told| told.transition.rule.severity).max();
        let trouble = matches!(message.kind, MessageKind::Trouble | MessageKind::Summary);
        let more = (message.firing_total + message.resolved_total).saturating_sub(incidents.len() as u64);
        Self {
            version: 1,
            key: message.key.clone(),
            kind: message.kind.word(),
            status: if message.firing_total > 0 { "firing" } else { "resolved" },
            target: message.target.clone(),
            group_key: message.group_key.clone(),
            group: message.group_labels.clone(),
            severity: worst
                .unwrap_or(if trouble { Severity::Warning } else { Severity::Info })
                .word(),
            created: time(message.created_nanos),
            firing: message.firing_total,
            resolved: message.resolved_total,
            more: if message.held.is_some() { 0 } else { more },
            incidents,
            held: message.held.as_ref().map(|held| HeldView {
                since: time(held.since_nanos),
                messages: held.messages,
                incidents: held
                    .incidents
                    .values()
                    .map(|held| HeldLine {
                        rule: held.name.clone(),
                        group: held.group.clone(),
                        state: held.state.spoken(),
                        reason: held.reason.clone(),
                    })
                    .collect(),
                more: held.incidents_more,
            }),
            note: message.text.clone(),
        }
    }

    /// Safe to show.
    pub(super) fn shown(&self) -> Self {
        let map = |map: &BTreeMap<String, String>| map.iter().map(|(k, v)| (one_line(k), one_line(v))).collect();
        Self {
            group: map(&self.group),
            incidents: self.incidents.iter().map(IncidentView::shown).collect(),
            held: self.held.as_ref().map(|held| HeldView {
                incidents: held
                    .incidents
                    .iter()
                    .map(|line| HeldLine {
                        rule: one_line(&line.rule),
                        group: map(&line.group),
                        state: line.state,
                        reason: one_line(&line.reason),
                    })
                    .collect(),
                ..held.clone()
            }),
            note: block(&self.note),
            ..self.clone()
        }
    }
}

fn incident(told: &ToldIncident, public_url: &str) -> IncidentView {
    let transition = &told.transition;
    let at = |nanos: Option<i64>| nanos.map(time).unwrap_or_default();
    let evidence = &transition.evidence;
    IncidentView {
        id: told.id.clone(),
        state: told.state.spoken(),
        rule: transition.rule.name.clone(),
        rule_id: transition.rule.id.clone(),
        rule_version: transition.rule.version,
        severity: transition.rule.severity.word(),
        labels: transition.labels.clone(),
        group: transition.group.clone(),
        annotations: transition.rule.annotations.clone(),
        active_since: time(transition.active_since_nanos.unwrap_or(transition.at_nanos)),
        at: time(transition.at_nanos),
        decided_at: time(transition.decided_at_nanos),
        resolved_at: at(told.resolved.as_ref().map(|resolved| resolved.at_nanos)),
        resolved_reason: told
            .resolved
            .as_ref()
            .map(|resolved| resolved.reason.clone())
            .unwrap_or_default(),
        window_from: at(transition.window.map(|(from, _)| from)),
        window_to: at(transition.window.map(|(_, to)| to)),
        value: transition.value.filter(|value| value.is_finite()),
        value_text: transition.value.map(number).unwrap_or_default(),
        threshold: transition.threshold.clone().unwrap_or_default(),
        reason: transition.reason.clone(),
        query: transition.query.clone(),
        lines: evidence
            .lines
            .iter()
            .map(|line| LineView {
                id: line.id.clone(),
                time: time(line.timestamp_nanos),
                body: line.body.clone(),
                fields: line.fields.clone(),
            })
            .collect(),
        lines_total: evidence.lines_total,
        pattern: evidence.pattern.clone().unwrap_or_default(),
        counts: evidence.counts.clone(),
        sparkline: sparkline::sparkline(&evidence.counts),
        missing_sources: transition
            .missing_sources
            .iter()
            .map(|source| source.host.clone())
            .collect(),
        acknowledged_by: told.acknowledged_by.clone().unwrap_or_default(),
        assigned: told.assigned.clone().unwrap_or_default(),
        link: links::lines(public_url, transition),
        silence_link: links::silence(public_url, transition),
    }
}

/// RFC 3339 without the zeros at the fraction's end.
pub(super) fn time(nanos: i64) -> String {
    let text = format_rfc3339_nanos(nanos);
    match text.strip_suffix('Z').filter(|text| text.contains('.')) {
        Some(text) => format!("{}Z", text.trim_end_matches('0').trim_end_matches('.')),
        None => text,
    }
}

/// As people write it: no fraction where there is none, four digits of it where there is.
fn number(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
