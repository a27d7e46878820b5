//! Microsoft Teams: an Adaptive Card to the address of a workflow ("when a webhook request is received").
//!
//! Log text stands in text runs, which Teams shows as they are; text blocks would read it as Markdown.

use serde_json::{Value, json};

use super::http::{HttpClient, Post};
use super::{Secret, SendError, Target, struck};
use crate::alert::notify::message::Message;
use crate::alert::notify::render::{IncidentView, Rendered, cut};

/// A workflow's webhook of Teams.
#[derive(Clone, Debug, Default)]
pub struct TeamsOptions {
    /// Its address, which is a secret.
    pub url: Secret,
}

/// A message of Teams has 28 KB at most.
const CARD_BYTES_MAX: usize = 24_000;
const INCIDENTS_MAX: usize = 5;

#[derive(Debug)]
pub(super) struct Teams {
    options: TeamsOptions,
    http: HttpClient,
}

impl Teams {
    pub(super) fn new(options: &TeamsOptions, http: HttpClient) -> Self {
        Self {
            options: options.clone(),
            http,
        }
    }
}

impl Target for Teams {
    fn send(&self, message: &Message, rendered: &Rendered) -> Result<String, SendError> {
        let sent = self.http.post(Post {
            url: self.options.url.reveal(),
            headers: vec![("idempotency-key", message.key.clone())],
            body: payload(message, rendered),
        });
        struck(sent, &[&self.options.url])
    }
}

/// As much as fits: fewer incidents, shorter lines.
pub(super) fn payload(message: &Message, rendered: &Rendered) -> Vec<u8> {
    for (incidents, chars) in [(INCIDENTS_MAX, 2_000), (3, 1_000), (1, 500), (0, 0)] {
        let bytes = card(message, rendered, incidents, chars).to_string().into_bytes();
        if bytes.len() <= CARD_BYTES_MAX {
            return bytes;
        }
    }
    card(message, rendered, 0, 0).to_string().into_bytes()
}

fn card(message: &Message, rendered: &Rendered, incidents: usize, chars: usize) -> Value {
    let view = &rendered.shown;
    let colour = if message.is_firing() { "attention" } else { "good" };
    let mut body = vec![rich(&[run(
        &cut(&rendered.subject, 300),
        json!({ "weight": "bolder", "size": "medium", "color": colour }),
    )])];
    if view.incidents.is_empty() || rendered.has_own_text {
        body.push(rich(&[run(&cut(&rendered.text, chars.max(1_000)), json!({}))]));
    } else {
        for incident in view.incidents.iter().take(incidents) {
            body.extend(incident_body(incident, chars));
        }
        let more = (view.firing + view.resolved).saturating_sub(view.incidents.len().min(incidents) as u64);
        if more > 0 {
            body.push(rich(&[run(&format!("and {more} more"), json!({}))]));
        }
    }
    let links = view.incidents.first().map(|incident| {
        [
            ("Show these lines", &incident.link),
            ("Silence", &incident.silence_link),
        ]
    });
    let actions: Vec<Value> = links
        .into_iter()
        .flatten()
        .filter(|(_, link)| !link.is_empty())
        .map(|(title, url)| json!({ "type": "Action.OpenUrl", "title": title, "url": url }))
        .collect();
    json!({ "type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": null,
        "content": {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "id": message.key,
            "msteams": { "width": "Full" },
            "body": body,
            "actions": actions
        }
    }] })
}

fn incident_body(incident: &IncidentView, chars: usize) -> Vec<Value> {
    let mut body = vec![rich(&[run(&cut(&incident.headline(), chars), json!({}))])];
    let lines = incident.lines_text();
    if !lines.is_empty() {
        body.push(rich(&[run(
            &cut(&lines, chars),
            json!({ "fontType": "monospace", "size": "small" }),
        )]));
    }
    body
}

fn rich(runs: &[Value]) -> Value {
    json!({ "type": "RichTextBlock", "inlines": runs })
}

fn run(text: &str, mut style: Value) -> Value {
    style["type"] = json!("TextRun");
    style["text"] = json!(text);
    style
}
