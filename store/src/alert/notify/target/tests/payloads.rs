//! What Slack, Teams, PagerDuty and Alertmanager get.

use serde_json::Value;
use timberline_proto::alert::AlertState;

use super::super::{alertmanager, pagerduty, slack, teams};
use super::*;
use crate::alert::notify::message::MessageKind;
use crate::alert::notify::render::tests::{NASTY, message, rendered, told};

/// All texts of a payload that are read as markup.
fn find<'a>(value: &'a Value, test: &dyn Fn(&Value) -> bool, found: &mut Vec<&'a Value>) {
    if test(value) {
        found.push(value);
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| find(item, test, found)),
        Value::Object(items) => items.values().for_each(|item| find(item, test, found)),
        _ => {}
    }
}

#[test]
fn slack_reads_no_line_of_a_log_as_markup() {
    let message = message(NASTY);
    let payload = slack::payload(&message, &rendered(&message));
    let mut markup = Vec::new();
    find(&payload, &|value| value["type"] == "mrkdwn", &mut markup);
    assert!(!markup.is_empty());
    for text in markup {
        let text = text["text"].as_str().unwrap();
        assert!(
            !text.contains("<!channel>") && !text.contains("@here") && text.starts_with("<https://logs.example.org/"),
            "{text}"
        );
    }
    assert!(!payload["text"].as_str().unwrap().contains('<'));
    let mut lines = Vec::new();
    find(&payload, &|value| value["type"] == "rich_text_preformatted", &mut lines);
    assert!(lines[0].to_string().contains("no space left"));
    let blocks = payload["blocks"].as_array().unwrap();
    assert!(blocks.len() <= 50 && blocks[0]["text"]["text"].as_str().unwrap().chars().count() <= 150);
}

#[test]
fn slack_and_teams_get_no_more_than_they_take() {
    let mut message = message(&"long ".repeat(2_000));
    message.incidents = (0..20).map(|_| told(&"long ".repeat(2_000))).collect();
    message.firing_total = 400;
    let rendered = rendered(&message);
    let payload = slack::payload(&message, &rendered);
    assert!(payload["blocks"].as_array().unwrap().len() <= 50);
    let mut texts = Vec::new();
    find(&payload, &|value| value["text"].is_string(), &mut texts);
    assert!(
        texts
            .iter()
            .all(|text| text["text"].as_str().unwrap().chars().count() <= 3_000)
    );
    assert!(payload.to_string().contains("and 390 more"));
    let card = teams::payload(&message, &rendered);
    assert!(card.len() <= 28_000, "{}", card.len());
    assert!(String::from_utf8(card).unwrap().contains("more"));
}

#[test]
fn teams_reads_no_line_of_a_log_as_markdown() {
    let message = message(NASTY);
    let card: Value = serde_json::from_slice(&teams::payload(&message, &rendered(&message))).unwrap();
    let content = &card["attachments"][0]["content"];
    assert_eq!(content["type"], "AdaptiveCard");
    let mut blocks = Vec::new();
    find(content, &|value| value["type"] == "TextBlock", &mut blocks);
    assert!(blocks.is_empty(), "{blocks:?}");
    assert!(
        content["actions"][0]["url"]
            .as_str()
            .unwrap()
            .starts_with("https://logs.example.org/")
    );
}

#[test]
fn pagerduty_triggers_a_group_once_and_resolves_it() {
    let mut message = message("db 1");
    let event = pagerduty::event(&message, &rendered(&message), "routing");
    assert_eq!(
        (&event["event_action"], &event["dedup_key"]),
        (&"trigger".into(), &message.group_key.as_str().into())
    );
    assert_eq!(
        (&event["payload"]["severity"], &event["payload"]["source"]),
        (&"critical".into(), &"db 1".into())
    );
    assert!(
        event["payload"]["custom_details"]["incidents"][0]["lines"]
            .as_str()
            .unwrap()
            .contains("no space left")
    );
    assert!(event["links"][0]["href"].as_str().unwrap().starts_with("https://"));
    (message.firing_total, message.resolved_total, message.kind) = (0, 1, MessageKind::Resolved);
    message.incidents[0].state = AlertState::Resolved;
    let event = pagerduty::event(&message, &rendered(&message), "routing");
    assert_eq!(
        event,
        serde_json::json!({ "routing_key": "routing", "event_action": "resolve", "dedup_key": message.group_key })
    );
}

#[test]
fn alertmanager_gets_each_incident_with_an_end() {
    let mut message = message("db 1");
    message.incidents.push(told("db 2"));
    message.incidents[1].state = AlertState::Resolved;
    message.incidents[1].resolved = Some(Box::new(message.incidents[1].transition.clone()));
    let alerts = alertmanager::alerts(&message, &rendered(&message), 0, Duration::from_secs(3_600));
    assert_eq!(alerts.as_array().unwrap().len(), 2);
    assert_eq!(
        alerts[0]["labels"],
        serde_json::json!({ "alertname": "Disk full", "host": "db 1", "http_status": "500" })
    );
    assert_eq!(
        (&alerts[0]["endsAt"], &alerts[0]["startsAt"]),
        (&"1970-01-01T01:00:00.000000000Z".into(), &"2023-11-14T22:13:20Z".into())
    );
    assert_eq!(alerts[1]["endsAt"], "2023-11-14T22:18:20Z");
    assert_eq!(alerts[0]["annotations"]["summary"], "153 errors on db 1");
}
