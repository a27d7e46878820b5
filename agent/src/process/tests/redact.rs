//! `redact`.

use super::*;

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
    fn fuzz_any_bytes_pass_every_rule_without_a_panic(line in proptest::collection::vec(any::<u8>(), 0..300)) {
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
