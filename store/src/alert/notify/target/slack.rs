//! Slack, and what speaks as it does (Mattermost, Rocket.Chat), by an incoming webhook.
//!
//! Log text stands in preformatted elements of rich text, which Slack shows as it is; what stands in
//! mrkdwn is escaped, so that no line mentions a channel or makes a link. Slack has no key for repeats;
//! ours stands in the block's id.

use serde_json::{Value, json};

use super::http::{HttpClient, Post};
use super::{Secret, SendError, Target, struck};
use crate::alert::notify::message::Message;
use crate::alert::notify::render::{IncidentView, Rendered, cut};

/// An incoming webhook of Slack.
#[derive(Clone, Debug, Default)]
pub struct SlackOptions {
    /// Its address, which is a secret.
    pub url: Secret,
}

/// Slack takes 50 blocks of 3,000 characters; a message that people read has fewer.
const INCIDENTS_MAX: usize = 10;
const TEXT_CHARS_MAX: usize = 2_500;
const LINES_CHARS_MAX: usize = 2_500;
/// A longer link would make Slack refuse the whole message.
const LINK_BYTES_MAX: usize = 1_400;

#[derive(Debug)]
pub(super) struct Slack {
    options: SlackOptions,
    http: HttpClient,
}

impl Slack {
    pub(super) fn new(options: &SlackOptions, http: HttpClient) -> Self {
        Self {
            options: options.clone(),
            http,
        }
    }
}

impl Target for Slack {
    fn send(&self, message: &Message, rendered: &Rendered) -> Result<String, SendError> {
        let sent = self.http.post(Post {
            url: self.options.url.reveal(),
            headers: vec![("idempotency-key", message.key.clone())],
            body: payload(message, rendered).to_string().into_bytes(),
        });
        struck(sent, &[&self.options.url])
    }
}

pub(super) fn payload(message: &Message, rendered: &Rendered) -> Value {
    let view = &rendered.shown;
    let mut blocks = vec![json!({
        "type": "header",
        "block_id": format!("timberline-{}", message.key),
        "text": { "type": "plain_text", "text": cut(&rendered.subject, 150), "emoji": false }
    })];
    if view.incidents.is_empty() || rendered.has_own_text {
        blocks.push(section(&rendered.text));
    } else {
        for incident in view.incidents.iter().take(INCIDENTS_MAX) {
            blocks.extend(incident_blocks(incident));
        }
        let more = (view.firing + view.resolved).saturating_sub(view.incidents.len().min(INCIDENTS_MAX) as u64);
        if more > 0 {
            blocks.push(section(&format!("and {more} more")));
        }
    }
    json!({ "text": escape(&rendered.subject), "blocks": blocks })
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "plain_text", "text": cut(text, TEXT_CHARS_MAX), "emoji": false } })
}

fn incident_blocks(incident: &IncidentView) -> Vec<Value> {
    let mut blocks = vec![section(&incident.headline())];
    let lines = incident.lines_text();
    if !lines.is_empty() {
        blocks.push(json!({ "type": "rich_text", "elements": [{
            "type": "rich_text_preformatted",
            "elements": [{ "type": "text", "text": cut(&lines, LINES_CHARS_MAX) }]
        }] }));
    }
    let links: Vec<String> = [
        ("Show these lines", &incident.link),
        ("Silence", &incident.silence_link),
    ]
    .into_iter()
    .filter(|(_, link)| (1..=LINK_BYTES_MAX).contains(&link.len()))
    .map(|(name, link)| format!("<{}|{name}>", escape(link)))
    .collect();
    if !links.is_empty() {
        let text = links.join("  ·  ");
        blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": text }] }));
    }
    blocks
}

/// The three characters that mean something in mrkdwn.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('|', "%7C")
}
