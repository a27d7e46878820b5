use std::collections::BTreeMap;

use proptest::prelude::*;
use timberline_proto::batch::AttributeValue;
use timberline_proto::id::GenerationId;

use super::rules::Note;
use super::*;

/// A rule as it is written in TOML; JSON has the same form.
fn rules(json: serde_json::Value) -> Result<Rules, String> {
    let mut configs: Vec<RuleConfig> = serde_json::from_value(json).map_err(|error| error.to_string())?;
    for (at, config) in configs
        .iter_mut()
        .enumerate()
        .filter(|(_, config)| config.name.is_empty())
    {
        config.name = format!("r{at}");
    }
    Rules::new(&configs, &jiff::tz::TimeZone::UTC)
}

/// What became of a line.
#[derive(Debug)]
struct Made {
    /// `None` if it was dropped.
    line: Option<String>,
    attributes: BTreeMap<String, AttributeValue>,
    time: (i64, bool),
    notes: Vec<Note>,
}

fn stream() -> BTreeMap<String, String> {
    [
        ("host.name", "web-1"),
        ("service.name", "checkout"),
        ("log.file.path", "/var/log/shop/checkout.log"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn take(rules: &mut Rules, line: &[u8], start: u64) -> Made {
    let stream = stream();
    let selection = rules.select(&stream).unwrap_or_default();
    let mut event = Event {
        origin: Origin {
            stream: &stream,
            generation: GenerationId([7; 16]),
            start,
        },
        line: line.into(),
        time: (5, false),
        attributes: Vec::new(),
    };
    let mut notes = Vec::new();
    let verdict = rules.apply(&selection, &mut event, &mut |note| notes.push(note));
    Made {
        line: (verdict == Verdict::Keep).then(|| String::from_utf8_lossy(&event.line).into_owned()),
        attributes: event.attributes.into_iter().collect(),
        time: event.time,
        notes,
    }
}

#[track_caller]
fn made(json: serde_json::Value, line: &str) -> Made {
    take(&mut rules(json).unwrap(), line.as_bytes(), 0)
}

/// Checks a line and the attributes that a rule gives it, `log.edited` left out.
#[allow(clippy::needless_pass_by_value, reason = "callers write the JSON in place")]
#[track_caller]
fn check(json: serde_json::Value, line: &str, expected: &str, attributes: serde_json::Value) {
    let mut made = made(json, line);
    made.attributes.remove("log.edited");
    assert_eq!(made.line.as_deref(), Some(expected));
    assert_eq!(serde_json::to_value(&made.attributes).unwrap(), attributes, "{line}");
}

macro_rules! json {
    ($($json:tt)+) => { serde_json::json!($($json)+) };
}

mod parse;
mod redact;

#[test]
fn fields_are_added_removed_and_renamed_in_the_line_and_beside_it() {
    let rule = json!([{"add": {"env": "prod", "n": 5, "x": 1.5, "y": true}}]);
    check(rule, "l", "l", json!({"env": "prod", "n": 5, "x": 1.5, "y": true}));
    let line = r#"{"a":1,"password":"x","u":{"mail":"m","id":2}}"#;
    let rule = json!([{"remove": ["password", "u.mail"]}]);
    check(rule, line, r#"{"a":1,"u":{"id":2}}"#, json!({}));
    let rule = json!([{"rename": {"a": "count", "u.id": "u.number", "u.mail": "mail"}}]);
    check(
        rule,
        line,
        r#"{"count":1,"password":"x","u":{"number":2}}"#,
        json!({"mail": "m"}),
    );
    let rule = json!([{"rename": {"a": "b"}, "remove": ["c"]}]);
    check(rule, "a=1 c=2 d=3", "b=1 d=3", json!({}));
    let made = made(json!([{"remove": ["a"]}]), r#"{"a":1}"#);
    assert_eq!(made.attributes["log.edited"], AttributeValue::Bool(true));
}

#[test]
fn drop_takes_what_a_search_takes() {
    let dropped = |filter: &str, line: &str| made(json!([{"where": filter, "drop": true}]), line).line.is_none();
    assert!(dropped("level:debug", "2026-11-24 14:00:00 DEBUG x"));
    assert!(!dropped("level:debug", "2026-11-24 14:00:00 INFO x"));
    assert!(dropped(
        "status:>=500 AND path:/api/*",
        r#"{"status":503,"path":"/api/x"}"#
    ));
    assert!(!dropped("status:>=500", r#"{"status":499}"#));
    assert!(dropped("service:checkout /hea.th/", "GET /health"));
    assert!(!dropped("host:db-*", "x"));
    let made = made(
        json!([{"parse": {"format": "grok", "pattern": "took %{INT:ms:int}"}}, {"name": "slow", "where": "ms:<10", "drop": true}]),
        "took 5",
    );
    assert!(made.line.is_none());
    assert_eq!(made.notes.last().unwrap().rule, "slow");
}

#[test]
fn rules_are_about_hosts_services_and_files() {
    for (key, glob, is_its) in [
        ("host", "web-*", true),
        ("host", "db-*", false),
        ("service", "check*", true),
        ("file", "/var/log/*/*.log", true),
        ("file", "/var/log/*.log", false),
    ] {
        let rules = rules(json!([{key: [glob], "drop": true}])).unwrap();
        assert_eq!(rules.select(&stream()).is_some(), is_its, "{key} {glob}");
    }
}

#[test]
fn a_preview_reads_a_file_as_its_input_says() {
    use crate::{AgentConfig, FileInput, MultilineConfig};
    let config = AgentConfig {
        files: vec![FileInput {
            tail: vec!["/srv/*.log".into()],
            encoding: "utf-16le".into(),
            multiline: Some(MultilineConfig {
                indent: true,
                ..MultilineConfig::default()
            }),
            ..FileInput::default()
        }],
        rules: serde_json::from_value(serde_json::json!([{ "name": "b", "where": "within", "drop": true }])).unwrap(),
        ..AgentConfig::default()
    };
    let see = |path: &str, text: &[u8]| {
        let (mut seen, mut left) = (Vec::new(), text);
        preview(&config, std::path::Path::new(path), &mut left, &mut |line| {
            seen.push((line.line, line.source_bytes, line.dropped_by));
            Ok(())
        })
        .unwrap();
        seen
    };
    let text = "one\ntwo\n  within\nthree";
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let dropped = Some("b".to_owned());
    assert_eq!(
        see("/srv/a.log", &wide),
        [
            ("one".to_owned(), 8, None),
            ("two\n  within".to_owned(), 26, dropped.clone()),
            ("three".to_owned(), 10, None),
        ]
    );
    let plain: Vec<_> = see("/other.log", text.as_bytes());
    assert_eq!(plain[2], ("  within".to_owned(), 9, dropped));
    assert_eq!(plain.len(), 4);
}

#[test]
fn sample_keeps_its_part_and_always_the_same_records() {
    let kept = || {
        let mut rules = rules(json!([{"sample": {"keep": 0.25}}])).unwrap();
        (0..4000u64)
            .filter(|n| take(&mut rules, b"x", n * 17).line.is_some())
            .collect::<Vec<_>>()
    };
    let first = kept();
    assert!((850..1150).contains(&first.len()), "{}", first.len());
    assert_eq!(first, kept());
    for (keep, expected) in [(0.0, 0), (1.0, 100)] {
        let mut rules = rules(json!([{"sample": {"keep": keep}}])).unwrap();
        assert_eq!(
            (0..100).filter(|n| take(&mut rules, b"x", *n).line.is_some()).count(),
            expected
        );
    }
}

#[test]
fn sample_by_a_field_keeps_or_drops_its_records_together() {
    let mut rules = rules(json!([{"sample": {"keep": 0.5, "by": "trace"}}])).unwrap();
    let mut kept_traces = 0;
    for trace in 0..100 {
        let kept: Vec<bool> = (0..5)
            .map(|n| {
                take(&mut rules, format!("trace={trace} n={n}").as_bytes(), n)
                    .line
                    .is_some()
            })
            .collect();
        assert!(kept.iter().all(|one| *one == kept[0]));
        kept_traces += usize::from(kept[0]);
    }
    assert!((30..70).contains(&kept_traces));
}

#[test]
fn rate_limit_counts_by_the_records_own_times_and_by_a_field() {
    let limited = |rule: serde_json::Value, lines: &[(&str, u64)]| {
        let mut rules = rules(json!([{"time": {"from": "t", "format": "unix"}}, {"rate_limit": rule}])).unwrap();
        lines
            .iter()
            .map(|(user, t)| {
                take(&mut rules, format!("t={t} user={user}").as_bytes(), 0)
                    .line
                    .is_some()
            })
            .collect::<Vec<_>>()
    };
    let lines = [("a", 10), ("b", 10), ("a", 10), ("a", 11), ("b", 11), ("b", 11)];
    let rule = json!({"records": 2, "per": "1s"});
    assert_eq!(limited(rule, &lines), [true, true, false, true, true, false]);
    let rule = json!({"records": 1, "per": "1s", "by": "user"});
    assert_eq!(limited(rule, &lines), [true, true, false, true, true, false]);
    let rule = json!({"records": 1, "per": "1h", "by": "user", "keys_max": 1});
    assert_eq!(limited(rule, &lines), [true, true, false, false, false, false]);
}

#[test]
fn route_sends_whole_files_and_takes_no_filter() {
    let routed = rules(json!([
        {"service": ["check*"], "route": {"topic": "shop"}},
        {"file": ["/var/log/nginx/*"], "route": {"topic": "web"}},
    ]))
    .unwrap();
    assert_eq!(routed.topic(&stream()), Some("shop"));
    assert_eq!(routed.topic(&BTreeMap::new()), None);
    let error = rules(json!([{"where": "level:error", "route": {"topic": "errors"}}])).unwrap_err();
    assert!(error.contains("whole files"), "{error}");
}

#[test]
fn what_is_wrong_with_a_rule_is_said() {
    for (rule, says) in [
        (json!({"name": "a"}), "does nothing"),
        (json!({"drop": true}), "drops every record"),
        (json!({"where": "a |", "drop": true}), "where"),
        (json!({"where": "x | head 1", "drop": true}), "without pipes"),
        (json!({"where": "timestamp:>now-1h", "drop": true}), "relative to now"),
        (json!({"where": "/(/", "drop": true}), "where"),
        (json!({"file": ["["], "drop": true}), "file"),
        (json!({"sample": {"keep": 2.0}}), "keep"),
        (
            json!({"sample": {"keep": 0.5}, "drop": true, "where": "x"}),
            "more than one thing",
        ),
        (
            json!({"parse": {"format": "grok", "pattern": "%{NUMBR:x}"}}),
            "did you mean `NUMBER`",
        ),
        (json!({"parse": {"format": "json", "pattern": "x"}}), "pattern"),
        (json!({"parse": {"format": "csv"}}), "columns"),
        (json!({"parse": {"fromat": "csv"}}), "fromat"),
        (json!({"time": {"from": "t", "format": "%Y-%!"}}), "format"),
        (json!({"time": {"from": "t", "zone": "Mars"}}), "zone"),
        (json!({"redact": {"detect": ["crad"]}}), "did you mean `card`"),
        (json!({"redact": {}}), "name what is to be found"),
        (json!({"redact": {"detect": ["card"], "action": "hash"}}), "key"),
        (
            json!({"redact": {"detect": ["card"], "action": "hash", "key": "short"}}),
            "16 bytes",
        ),
        (json!({"redact": {"patterns": {"x": "("}}}), "patterns.x"),
        (json!({"rate_limit": {"records": 1, "per": "soon"}}), "soon"),
        (json!({"route": {"topic": "../x"}}), "topic"),
    ] {
        let error = rules(json!([rule])).unwrap_err();
        assert!(error.contains(says), "{rule}: {error}");
    }
    let twice = json!([{"name": "a", "where": "x", "drop": true}, {"name": "a", "where": "y", "drop": true}]);
    assert!(rules(twice).unwrap_err().contains("another one"));
}
