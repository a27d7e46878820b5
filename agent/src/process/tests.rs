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

#[test]
fn parse_regex_and_grok_give_attributes_of_their_types() {
    let line = "took 5 ms for bob";
    let rule = json!([{"parse": {"format": "regex", "pattern": "took (?<ms>\\d+) ms for (?<user>\\w+)"}}]);
    check(rule, line, line, json!({"ms": "5", "user": "bob"}));
    let rule = json!([{"parse": {"format": "grok", "pattern": "took %{INT:ms:int} ms for %{WORD:user}"}}]);
    check(rule, line, line, json!({"ms": 5, "user": "bob"}));
}

#[test]
fn parse_json_and_logfmt_read_what_stands_behind_text_or_in_a_field() {
    let line = r#"got {"a":1,"b":{"c":"x"}} from peer"#;
    check(
        json!([{"parse": {"format": "json"}}]),
        line,
        line,
        json!({"a": 1, "b.c": "x"}),
    );
    let line = "worker: took=1.5 user=bob and slept";
    check(
        json!([{"parse": {"format": "logfmt"}}]),
        line,
        line,
        json!({"took": 1.5, "user": "bob"}),
    );
    let line = r#"{"message":"a=1 b=two"}"#;
    let rule = json!([{"parse": {"format": "logfmt", "from": "message", "into": "m"}}]);
    check(rule, line, line, json!({"m.a": 1, "m.b": "two"}));
    let line = r#"{"a":1}"#;
    check(json!([{"parse": {"format": "json"}}]), line, line, json!({}));
}

#[test]
fn parse_csv_takes_quotes_and_any_delimiter() {
    let rule = json!([{"parse": {"format": "csv", "columns": ["a", "", "c"]}}]);
    check(
        rule.clone(),
        r#"1,x,"y "" z""#,
        r#"1,x,"y "" z""#,
        json!({"a": "1", "c": "y \" z"}),
    );
    check(rule.clone(), "1", "1", json!({"a": "1"}));
    check(rule, "1,2,3,4,5", "1,2,3,4,5", json!({"a": "1", "c": "3"}));
    let rule = json!([{"parse": {"format": "csv", "columns": ["a", "b"], "delimiter": "\t"}}]);
    check(rule, "1\t2", "1\t2", json!({"a": "1", "b": "2"}));
}

#[test]
fn parse_access_reads_common_and_combined_lines_of_nginx_and_apache() {
    let rule = || json!([{"parse": {"format": "access"}}]);
    let line = r#"1.2.3.4 - bob [24/Nov/2026:14:00:00 +0100] "GET /a?b HTTP/1.1" 200 12 "-" "curl/8 \"x\"""#;
    check(
        rule(),
        line,
        line,
        json!({
            "client": "1.2.3.4", "user": "bob", "time": "24/Nov/2026:14:00:00 +0100", "method": "GET",
            "path": "/a?b", "http_version": "1.1", "status": 200, "bytes": 12, "user_agent": "curl/8 \\\"x\\\""
        }),
    );
    let line = r#"::1 - - [24/Nov/2026:14:00:00 +0100] "-" 408 -"#;
    check(
        rule(),
        line,
        line,
        json!({
            "client": "::1", "time": "24/Nov/2026:14:00:00 +0100", "request": "-", "status": 408
        }),
    );
}

#[test]
fn parse_error_logs_of_nginx_and_apache() {
    let line = r#"2026/11/24 14:00:00 [error] 42#7: *3 open() "/x" failed (2: No such file), client: 1.2.3.4, server: a.b, request: "GET /x HTTP/1.1", host: "a.b""#;
    check(
        json!([{"parse": {"format": "nginx_error"}}]),
        line,
        line,
        json!({
            "time": "2026/11/24 14:00:00", "level": "error", "pid": 42, "tid": 7, "connection": 3,
            "message": "open() \"/x\" failed (2: No such file)", "client": "1.2.3.4", "server": "a.b",
            "request": "GET /x HTTP/1.1", "host_header": "a.b"
        }),
    );
    let rule = || json!([{"parse": {"format": "apache_error"}}]);
    let line =
        "[Tue Nov 24 14:00:00.123456 2026] [core:error] [pid 42:tid 7] [client 1.2.3.4:5] AH00037: Symbolic link";
    check(
        rule(),
        line,
        line,
        json!({
            "time": "Tue Nov 24 14:00:00.123456 2026", "module": "core", "level": "error", "pid": 42, "tid": 7,
            "client": "1.2.3.4:5", "code": "AH00037", "message": "Symbolic link"
        }),
    );
    let line = "[Tue Nov 24 14:00:00 2026] [error] [client 1.2.3.4] File does not exist";
    check(
        rule(),
        line,
        line,
        json!({
            "time": "Tue Nov 24 14:00:00 2026", "level": "error", "client": "1.2.3.4", "message": "File does not exist"
        }),
    );
}

#[test]
fn what_cannot_be_parsed_is_kept_and_marked() {
    let rule = json!([{"name": "web", "parse": {"format": "access"}}]);
    check(
        rule,
        "something else",
        "something else",
        json!({"log.parse_error": "web"}),
    );
}

#[test]
fn time_takes_formats_zones_and_epochs() {
    let time = |format: &str, zone: &str, text: &str| {
        let line = json!({"t": text}).to_string();
        let made = made(json!([{"time": {"from": "t", "format": format, "zone": zone}}]), &line);
        made.time.1.then_some(made.time.0 / 1_000_000)
    };
    assert_eq!(
        time("%d.%m.%Y %H:%M:%S", "Europe/Berlin", "24.11.2026 14:00:00"),
        Some(1_795_525_200_000)
    );
    assert_eq!(
        time("%d.%m.%Y %H:%M:%S %z", "Europe/Berlin", "24.11.2026 14:00:00 +0000"),
        Some(1_795_528_800_000)
    );
    assert_eq!(time("%Y%m%d", "", "20261124"), Some(1_795_478_400_000));
    assert_eq!(time("unix", "", "1795525200.25"), Some(1_795_525_200_250));
    assert_eq!(time("unix_ms", "", "1795525200250"), Some(1_795_525_200_250));
    assert_eq!(time("auto", "", "2026-11-24T13:00:00Z"), Some(1_795_525_200_000));
    assert_eq!(time("unix", "", "soon"), None);
    let made = made(json!([{"name": "t", "time": {"from": "nothing"}}]), "x");
    assert_eq!(made.time, (5, false));
    assert_eq!(made.attributes["log.parse_error"], AttributeValue::Text("t".into()));
}

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

#[test]
fn a_secret_is_never_printed() {
    let config: RedactConfig = serde_json::from_value(json!({"key": "very secret indeed"})).unwrap();
    assert!(!format!("{config:?}{}", serde_json::to_string(&config).unwrap()).contains("very"));
}

/// One value for each detector, and the text around it. Built from pieces, so that no value stands here
/// as it would be found.
fn samples() -> Vec<(&'static str, String)> {
    let b64 = "QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    vec![
        ("card", "4111111111111111".into()),
        ("card", "4111 1111 1111 1111".into()),
        ("card", "3782-822463-10005".into()),
        ("card", "5555555555554444".into()),
        ("card", "6011000990139424".into()),
        ("card", "30569309025904".into()),
        ("iban", "DE89370400440532013000".into()),
        ("iban", "GB29 NWBK 6016 1331 9268 19".into()),
        ("us_ssn", "123-45-6789".into()),
        ("br_cpf", "529.982.247-25".into()),
        ("es_dni", "12345678Z".into()),
        ("es_dni", "X1234567L".into()),
        ("fr_nir", "2 55 08 14 168 025 38".into()),
        ("it_cf", "RSSMRA85T10A562S".into()),
        ("pl_pesel", "44051401359".into()),
        ("email", "jane.doe+x@mail.example.co".into()),
        ("ipv4", "192.168.17.254".into()),
        ("ipv6", "2001:db8::8a2e:370:7334".into()),
        ("ipv6", "::1".into()),
        ("ipv6", "fe80:0:0:0:1:2:3:4".into()),
        (
            "aws_access_key",
            format!("AKIA{}", "IOSFODNN7EXAMPLE".replace('8', "2")),
        ),
        (
            "aws_secret_key",
            format!("wJalrXUtnFEMI/K7MDENG/bPxRfiCY{}", "EXAMPLEKEY"),
        ),
        ("github_token", format!("ghp_{}", "a1B2".repeat(9))),
        ("gitlab_token", format!("glpat-{}", "a1B2".repeat(5))),
        ("slack_token", format!("xoxb-{}", "12345-abcde".repeat(2))),
        ("stripe_key", format!("sk_live_{}", "a1B2".repeat(6))),
        ("google_api_key", format!("AIza{}", "a1B2c".repeat(7))),
        (
            "jwt",
            format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{}", "a1B2".repeat(8)),
        ),
        ("bearer", format!("abc.{}", "d".repeat(20))),
        ("basic_auth", b64.into()),
        ("url_password", "hunter2!".into()),
        ("password", "hunter2!".into()),
        (
            "private_key",
            format!(
                "-----BEGIN RSA PRIVATE {0}-----\\nMIIE\\n-----END RSA PRIVATE {0}-----",
                "KEY"
            ),
        ),
    ]
}

/// A value where it is found.
fn around(name: &str, value: &str) -> String {
    match name {
        "aws_secret_key" => format!("aws_secret_access_key = {value}"),
        "bearer" => format!("Authorization: Bearer {value}"),
        "basic_auth" => format!("Authorization: Basic {value}"),
        "url_password" => format!("postgres://bob:{value}@db/x"),
        "password" => format!("password={value}"),
        _ => value.to_owned(),
    }
}

#[test]
fn every_detector_finds_what_it_is_for_alone_and_in_json() {
    for (name, value) in samples() {
        let text = around(name, &value);
        for line in [format!("a {text} b"), format!(r#"{{"x":"{text}"}}"#), text.clone()] {
            let made = made(json!([{"redact": {"detect": [name]}}]), &line);
            let expected = line.replace(&value, &format!("[{name}]"));
            assert_eq!(made.line.as_deref(), Some(expected.as_str()), "{name}");
            assert_eq!(made.notes[0].redacted, BTreeMap::from([(name.to_owned(), 1)]));
        }
    }
}

#[test]
fn detectors_leave_what_only_looks_alike() {
    for (name, text) in [
        ("card", "4111111111111112"),
        ("card", "x4111111111111111"),
        ("card", "1700000000000000000"),
        ("card", "0000000000000000"),
        ("card", "2026-11-24 14:00:00 12345678"),
        ("iban", "DE89370400440532013001"),
        ("us_ssn", "000-45-6789"),
        ("us_ssn", "555-123-45-6789-1"),
        ("br_cpf", "529.982.247-26"),
        ("es_dni", "12345678A"),
        ("pl_pesel", "44051401358"),
        ("email", "a@b"),
        ("email", "user@"),
        ("ipv4", "1.2.3"),
        ("ipv4", "1.2.3.256"),
        ("ipv4", "1.2.3.4.5"),
        ("ipv4", "v1.2.3.4"),
        ("ipv6", "14:00:00"),
        ("ipv6", "std::vector"),
        ("ipv6", "Bad::Face"),
        ("jwt", "eyJhbGciOiJIUzI1NiJ9"),
        ("password", "password reset"),
        ("bearer", "bearer of news"),
    ] {
        let made = made(json!([{"redact": {"detect": [name]}}]), text);
        assert_eq!(made.line.as_deref(), Some(text), "{name}");
    }
}

#[test]
fn a_card_is_found_beside_other_numbers() {
    let made = made(
        json!([{"redact": {"detect": ["card"]}}]),
        "at 1700000000 4111 1111 1111 1111 2026 x",
    );
    assert_eq!(made.line.as_deref(), Some("at 1700000000 [card] 2026 x"));
}

#[test]
fn redacted_json_is_still_json() {
    let made = made(
        json!([{"redact": {"detect": ["card"], "with": "\"hidden\""}}]),
        r#"{"card":4111111111111111,"b":"4111111111111111"}"#,
    );
    let line: serde_json::Value = serde_json::from_str(&made.line.unwrap()).unwrap();
    assert_eq!(line, json!({"card": "\"hidden\"", "b": "\"hidden\""}));
}

#[test]
fn redact_masks_keeps_the_last_hashes_removes_and_drops() {
    let redact = |more: serde_json::Value| {
        let mut rule = json!({"detect": ["card", "email"]});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        made(json!([{"redact": rule}]), "x 4111 1111 1111 1111 y").line
    };
    assert_eq!(redact(json!({"with": "#"})).unwrap(), "x # y");
    assert_eq!(redact(json!({"keep_last": 4})).unwrap(), "x ***************1111 y");
    assert_eq!(redact(json!({"action": "remove"})).unwrap(), "x  y");
    assert_eq!(redact(json!({"action": "drop"})), None);
    let key = "0123456789abcdef0123456789abcdef";
    let hashed = redact(json!({"action": "hash", "key": key})).unwrap();
    assert!(
        hashed.starts_with("x [card:") && hashed.ends_with("] y") && hashed.len() == 43,
        "{hashed}"
    );
    let plain = made(
        json!([{"redact": {"detect": ["card"], "action": "hash", "key": key}}]),
        "x 4111111111111111 y",
    );
    assert_eq!(plain.line.unwrap(), hashed, "the same value has the same hash");
    let other = made(
        json!([{"redact": {"detect": ["card"], "action": "hash", "key": "another key, as long"}}]),
        "x 4111111111111111 y",
    );
    assert_ne!(other.line.unwrap(), hashed);
}

#[test]
fn redact_takes_own_patterns_and_whole_fields() {
    let rule = json!([{"redact": {"patterns": {"order": "order (O-\\d+)"}}}]);
    check(rule, "order O-17 done", "order [order] done", json!({}));
    let rule = || json!([{"redact": {"fields": ["user.name", "pin"]}}]);
    check(
        rule(),
        r#"{"user":{"name":"Jane","id":1},"pin":1234}"#,
        r#"{"user":{"name":"[user.name]","id":1},"pin":"[pin]"}"#,
        json!({}),
    );
    check(rule(), "pin=1234 a=b", "pin=[pin] a=b", json!({}));
    let rule = json!([{"redact": {"fields": ["a"], "detect": ["email"]}}]);
    check(
        rule,
        r#"{"a":"to x@y.example","b":"x@y.example"}"#,
        r#"{"a":"to [email]","b":"x@y.example"}"#,
        json!({}),
    );
}

#[test]
fn attributes_are_redacted_too() {
    let rule = json!([
        {"parse": {"format": "regex", "pattern": "card (?<n>\\d+)"}},
        {"redact": {"detect": ["card"]}},
    ]);
    check(rule, "card 4111111111111111", "card [card]", json!({"n": "[card]"}));
}

fn everything(action: &str) -> serde_json::Value {
    let key = if action == "hash" { "0123456789abcdef" } else { "" };
    json!([{"redact": {"detect": ["all"], "action": action, "key": key}}])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn redaction_leaves_nothing_that_a_detector_finds(
        pieces in proptest::collection::vec((0usize..33, "[ ,;=\"'{}a-z0-9@.:/-]{0,6}"), 0..6),
        action in prop_oneof![Just("mask"), Just("hash"), Just("remove")],
    ) {
        let samples = samples();
        let line: String = pieces
            .iter()
            .map(|(at, between)| {
                let (name, value) = &samples[at % samples.len()];
                format!("{}{between}", around(name, value))
            })
            .collect();
        let once = made(everything(action), &line).line.unwrap();
        let again = made(everything("mask"), &once);
        prop_assert!(again.notes.is_empty(), "{:?} of {} in {}", again.notes, once, line);
    }

    #[test]
    fn any_bytes_pass_every_rule_without_a_panic(line in proptest::collection::vec(any::<u8>(), 0..300)) {
        let key = "0123456789abcdef";
        let mut rules = rules(json!([
            {"parse": {"format": "json"}}, {"parse": {"format": "logfmt"}},
            {"parse": {"format": "csv", "columns": ["a", "b"]}}, {"parse": {"format": "access"}},
            {"parse": {"format": "nginx_error"}}, {"parse": {"format": "apache_error"}},
            {"parse": {"format": "grok", "pattern": "%{DATA:d} %{GREEDYDATA:g}"}},
            {"time": {"from": "a"}}, {"time": {"from": "d", "format": "%Y %b %d %H"}},
            {"rename": {"a": "b", "b.c": "d"}, "remove": ["x", "g"], "add": {"y": 1}},
            {"where": "a:>1 OR /x.y/", "drop": true}, {"sample": {"keep": 0.9, "by": "d"}},
            {"rate_limit": {"records": 5, "by": "d"}},
            {"redact": {"detect": ["all"], "action": "hash", "key": key}}, {"redact": {"fields": ["a", "d"]}},
            {"redact": {"detect": ["all"], "keep_last": 4}},
        ])).unwrap();
        take(&mut rules, &line, 0);
    }

    #[test]
    fn a_line_that_no_rule_changes_is_kept_byte_for_byte(line in "[ -~]{0,80}") {
        let made = made(json!([{"redact": {"detect": ["private_key"]}}, {"remove": ["zz"]}, {"where": "/^$a/", "drop": true}]), &line);
        prop_assert_eq!(made.line.unwrap(), line);
        prop_assert!(made.attributes.is_empty());
    }
}
