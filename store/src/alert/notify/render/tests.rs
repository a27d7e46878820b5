use std::collections::BTreeMap;

use proptest::prelude::*;
use timberline_proto::alert::{
    AlertState, Evidence, EvidenceLine, MissingSource, Severity, Transition, TransitionRule,
};

use super::*;
use crate::alert::notify::message::{HeldIncident, HeldSummary, Message, MessageKind, ToldIncident};
use crate::alert::notify::options::NotifyLimits;

/// What must arrive harmlessly wherever a log can put it.
pub(crate) const NASTY: &str = "{{7*7}} {% for x in range(9) %}${jndi:ldap://x} %s%n\r\nBcc: all@example.org\r\n\r\n\
    <script>alert(1)</script>\u{202e}gnp.exe\u{0}\u{1b}[31m<!channel> `@here` [x](javascript:1)";

pub(crate) fn told(text: &str) -> ToldIncident {
    let group = BTreeMap::from([("host".to_owned(), text.to_owned())]);
    let mut labels = group.clone();
    labels.insert("alertname".to_owned(), "Disk full".to_owned());
    labels.insert("http.status".to_owned(), "500".to_owned());
    ToldIncident {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        state: AlertState::Firing,
        transition: Transition {
            key: "k".to_owned(),
            rule: TransitionRule {
                id: "disk".to_owned(),
                name: "Disk full".to_owned(),
                version: 3,
                severity: Severity::Critical,
                annotations: BTreeMap::from([(
                    "summary".to_owned(),
                    "{{ value_text }} errors on {{ labels.host }}".to_owned(),
                )]),
                owner: None,
            },
            group,
            labels,
            from: AlertState::Pending,
            to: AlertState::Firing,
            active_since_nanos: Some(1_700_000_000_000_000_000),
            at_nanos: 1_700_000_300_000_000_000,
            decided_at_nanos: 1_700_000_301_000_000_000,
            window: Some((1_700_000_000_000_000_000, 1_700_000_300_000_000_000)),
            value: Some(153.0),
            threshold: Some("> 100".to_owned()),
            reason: format!("153 errors on {text}"),
            query: "level=error host=\"db 1\"".to_owned(),
            evidence: Evidence {
                lines: vec![EvidenceLine {
                    id: "logs-0-7".to_owned(),
                    timestamp_nanos: 1_700_000_001_000_000_000,
                    body: format!("no space left: {text}"),
                    fields: vec![("path".to_owned(), text.to_owned())],
                }],
                lines_total: 153,
                pattern: Some("no space left on <*>".to_owned()),
                counts: vec![0.0, 1.0, 4.0, 8.0],
            },
            missing_sources: vec![MissingSource {
                host: text.to_owned(),
                complete_to_nanos: None,
            }],
            late: false,
        },
        resolved: None,
        acknowledged_by: None,
        assigned: Some(text.to_owned()),
    }
}

pub(crate) fn message(text: &str) -> Message {
    Message {
        key: "a".repeat(32),
        kind: MessageKind::Firing,
        target: "ops".to_owned(),
        group_key: "b".repeat(32),
        group_labels: BTreeMap::from([("alertname".to_owned(), "Disk full".to_owned())]),
        created_nanos: 1_700_000_302_000_000_000,
        incidents: vec![told(text)],
        firing_total: 1,
        resolved_total: 0,
        held: None,
        text: String::new(),
    }
}

pub(crate) fn rendered(message: &Message) -> Rendered {
    renderer().render(message, &Templates::default())
}

fn renderer() -> Renderer {
    Renderer::new("https://logs.example.org/", &NotifyLimits::default())
}

#[test]
fn a_message_carries_value_lines_pattern_sparkline_and_links() {
    let rendered = rendered(&message("db 1"));
    assert_eq!(rendered.subject, "[FIRING] Disk full (host=db 1): 153 (> 100)");
    for part in [
        "153 errors on db 1",
        "Value:      153 (alert if > 100)",
        "Before:     ▁▂▅█",
        "Pattern:    no space left on <*>",
        "Lines (1 of 153):",
        "2023-11-14T22:13:21Z no space left: db 1",
        "path=db 1",
        "Without data of: db 1",
        "https://logs.example.org/?q=level%3Derror%20host%3D%22db%201%22&from=2023-11-14T22%3A13%3A20Z&to=2023-11-14T22%3A18%3A20Z",
        "https://logs.example.org/?view=alerts&part=silences&matchers=alertname%3D%22Disk%20full%22%2Chost%3D%22db%201%22",
    ] {
        assert!(rendered.text.contains(part), "{part}:\n{}", rendered.text);
    }
    assert!(
        rendered.html.contains("no space left on &lt;*&gt;") && rendered.html.contains("<a href=\"https:"),
        "{}",
        rendered.html
    );
    let json: serde_json::Value = serde_json::from_str(&rendered.json()).unwrap();
    assert_eq!(json["version"], 1);
    assert_eq!(json["incidents"][0]["value"], 153.0);
    assert_eq!(json["incidents"][0]["annotations"]["summary"], "153 errors on db 1");
    assert_eq!(json["title"], rendered.subject);
}

#[test]
fn x13_what_a_log_says_is_shown_and_never_done() {
    let rendered = rendered(&message(NASTY));
    assert!(rendered.subject.contains("{{7*7}}") && rendered.text.contains("${jndi:ldap://x} %s%n"));
    assert!(
        !rendered.subject.contains(['\r', '\n', '\u{202e}', '\u{0}', '\u{1b}']),
        "{:?}",
        rendered.subject
    );
    assert!(
        !rendered.text.contains(['\r', '\u{202e}', '\u{0}', '\u{1b}']),
        "{:?}",
        rendered.text
    );
    assert!(
        !rendered.text.lines().any(|line| line.starts_with("Bcc")),
        "{}",
        rendered.text
    );
    assert!(rendered.text.contains("[U+202E]") && rendered.text.contains("␍␊Bcc"));
    assert!(
        !rendered.html.contains("<script") && rendered.html.contains("&lt;script&gt;"),
        "{}",
        rendered.html
    );
    assert!(!rendered.html.contains('\u{202e}'));
    // Programs get it as it was.
    let json: serde_json::Value = serde_json::from_str(&rendered.json()).unwrap();
    assert_eq!(json["incidents"][0]["lines"][0]["fields"][0][1], NASTY);
}

#[test]
fn annotations_see_values_and_are_not_read_again() {
    let mut message = message("{{ 7 * 7 }}");
    let annotations = &mut message.incidents[0].transition.rule.annotations;
    annotations.insert(
        "runbook".to_owned(),
        "https://wiki/{{ labels.host }}/{{ labels['http.status'] }}".to_owned(),
    );
    annotations.insert("broken".to_owned(), "{{ nothing".to_owned());
    annotations.insert(
        "endless".to_owned(),
        "{% for a in range(90000) %}{% for b in range(90000) %}x{% endfor %}{% endfor %}".to_owned(),
    );
    annotations.insert(
        "file".to_owned(),
        "{% include '/etc/passwd' %}{{ nothing.at.all }}".to_owned(),
    );
    let shown = rendered(&message).shown;
    let annotations = &shown.incidents[0].annotations;
    assert_eq!(annotations["runbook"], "https://wiki/{{ 7 * 7 }}/500");
    for name in ["broken", "endless", "file"] {
        assert!(
            annotations[name].contains('(') && annotations[name].len() < 400,
            "{}",
            annotations[name]
        );
    }
}

#[test]
fn a_template_that_fails_gives_way_and_the_message_says_so() {
    let templates = |text: &str| Templates {
        text: Some(text.to_owned()),
        ..Templates::default()
    };
    let good = renderer().render(&message("db"), &templates("{{ incidents[0].rule }} {{ status }}"));
    assert_eq!((good.text.as_str(), good.has_own_text), ("Disk full firing\n", true));
    for text in [
        "{% for a in range(90000) %}{% for b in range(90000) %}x{% endfor %}{% endfor %}",
        "{{ 'x' * 1000000 }}",
        "{{ 1 // 0 }}",
    ] {
        let bad = renderer().render(&message("db"), &templates(text));
        assert!(
            bad.text.contains("no space left: db") && bad.text.contains("The template text failed"),
            "{text}: {}",
            bad.text
        );
    }
    assert!(
        renderer()
            .check(&templates("{{ nothing"))
            .unwrap_err()
            .starts_with("text:")
    );
    assert!(renderer().check(&templates("{{ fine }}")).is_ok());
    let safe = Templates {
        html: Some("{{ incidents[0].lines[0].body|safe }}".to_owned()),
        ..Templates::default()
    };
    assert!(!renderer().render(&message("<b>"), &safe).html.contains("<b>"));
}

#[test]
fn every_kind_of_message_has_words() {
    let mut summary = message("db");
    summary.kind = MessageKind::Summary;
    summary.incidents.clear();
    summary.held = Some(HeldSummary {
        since_nanos: 0,
        messages: 7,
        incidents: BTreeMap::from([(
            "1".to_owned(),
            HeldIncident {
                name: "Disk full".to_owned(),
                group: BTreeMap::from([("host".to_owned(), "a\nb".to_owned())]),
                state: AlertState::Resolved,
                reason: "it is over".to_owned(),
            },
        )]),
        incidents_more: 3,
    });
    let shown = rendered(&summary);
    assert_eq!(
        shown.subject,
        "[SUMMARY] 7 messages were held back: 1 firing, 0 resolved"
    );
    assert!(
        shown
            .text
            .contains("RESOLVED Disk full host=a␊b: it is over\nand 3 more"),
        "{}",
        shown.text
    );
    let mut trouble = message("db");
    trouble.kind = MessageKind::Trouble;
    trouble.incidents.clear();
    trouble.text = "Target mail does not take messages: no\nroute".to_owned();
    assert_eq!(
        rendered(&trouble).subject,
        "[TROUBLE] Target mail does not take messages: no␊route"
    );
    let mut many = message("db");
    many.firing_total = 30;
    many.kind = MessageKind::Escalation;
    let shown = rendered(&many);
    assert!(
        shown.subject.starts_with("[ESCALATED FIRING:30] Disk full") && shown.text.contains("and 29 more"),
        "{}",
        shown.text
    );
    let mut over = message("db");
    (over.firing_total, over.resolved_total, over.kind) = (0, 1, MessageKind::Resolved);
    over.incidents[0].state = AlertState::Resolved;
    let mut end = over.incidents[0].transition.clone();
    end.reason = "3 errors".to_owned();
    over.incidents[0].resolved = Some(Box::new(end));
    let shown = rendered(&over);
    assert!(
        shown.subject.starts_with("[RESOLVED]") && shown.text.contains("3 errors"),
        "{}",
        shown.text
    );
    let without = Renderer::new("", &NotifyLimits::default()).render(&message("db"), &Templates::default());
    assert!(
        !without.text.contains("http") && !without.html.contains("<a "),
        "{}",
        without.text
    );
}

#[test]
fn sparklines_show_the_least_and_the_most() {
    use super::sparkline::sparkline;
    assert_eq!(sparkline(&[]), "");
    assert_eq!(sparkline(&[0.0, 0.0]), "▁▁");
    assert_eq!(sparkline(&[-1.0, 0.0, 1.0]), "▁▅█");
    assert_eq!(sparkline(&[1.0, f64::NAN, f64::INFINITY, 0.5]), "█  ▅");
    assert!(sparkline(&vec![1.0; 1_000]).chars().count() <= 60);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_text_of_a_log_breaks_a_line_a_header_or_markup(text in "\\PC{1,20}|[\\x00-\\x20<>&\"'{}%#\u{202a}-\u{202e}\u{2066}]{1,20}") {
        let rendered = rendered(&message(&text));
        prop_assert!(!rendered.subject.contains(|c: char| c.is_control()));
        prop_assert!(rendered.text.chars().all(|c| c == '\n' || !c.is_control()));
        let turns = |c: char| ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{2066}';
        prop_assert!(!rendered.text.contains(turns));
        let plain = super::tests::rendered(&message("x"));
        prop_assert_eq!(rendered.html.matches('<').count(), plain.html.matches('<').count());
        prop_assert_eq!(rendered.text.lines().count(), plain.text.lines().count());
    }
}
