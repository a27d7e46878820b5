use std::collections::BTreeMap;

use proptest::prelude::*;
use timberline_proto::batch::AttributeValue;
use timberline_proto::id::GenerationId;

use super::*;
use crate::process::config::{VrlConfig, VrlError};
use crate::process::event::{EDITED, Event, Origin};

fn program(source: &str) -> Result<Program, String> {
    let config = VrlConfig {
        source: source.to_owned(),
        ..VrlConfig::default()
    };
    Program::new(&config, &jiff::tz::TimeZone::UTC)
}

fn stream() -> BTreeMap<String, String> {
    BTreeMap::from([("host.name".to_owned(), "web-1".to_owned())])
}

fn event<'a>(stream: &'a BTreeMap<String, String>, line: &'a [u8]) -> Event<'a> {
    Event {
        origin: Origin {
            stream,
            generation: GenerationId([7; 16]),
            start: 0,
        },
        line: line.into(),
        time: (5, false),
        attributes: Vec::new(),
    }
}

/// What a program makes of a line: the outcome, the line, and the attributes without `log.edited`.
#[track_caller]
fn made(source: &str, line: &[u8]) -> (Outcome, Vec<u8>, serde_json::Value) {
    let stream = stream();
    let mut event = event(&stream, line);
    let outcome = program(source).unwrap().apply(&mut event);
    assert_eq!(
        event.attributes.iter().any(|(name, _)| name == EDITED),
        *event.line != *line,
        "that the line is another is marked"
    );
    event.take(EDITED);
    let attributes: BTreeMap<String, AttributeValue> = event.attributes.into_iter().collect();
    (
        outcome,
        event.line.into_owned(),
        serde_json::to_value(attributes).unwrap(),
    )
}

#[test]
fn a_program_makes_attributes_of_what_it_finds_in_the_line() {
    let source = r#"
        . |= object!(parse_json!(.body))
        .http.status = to_int!(del(.status))
        .from = %host.name
        .half = 0.5
        .none = null
    "#;
    let line = br#"{"status":"404","user":{"id":7},"tags":["a","b"]}"#;
    let (outcome, body, attributes) = made(source, line);
    assert_eq!((outcome, body.as_slice()), (Outcome::Done, line.as_slice()));
    let expected = serde_json::json!({
        "http.status": 404, "user.id": 7, "tags": ["a", "b"], "from": "web-1", "half": 0.5,
    });
    assert_eq!(attributes, expected);
}

#[test]
fn a_line_that_is_not_utf_8_keeps_its_bytes() {
    let (outcome, body, _) = made(".seen = true", b"\xff\xfe line \0");
    assert_eq!((outcome, body.as_slice()), (Outcome::Done, &b"\xff\xfe line \0"[..]));
}

#[test]
fn a_line_is_what_the_program_left_and_a_deleted_one_is_gone() {
    let (_, body, _) = made(".body = upcase!(.body)", b"some text");
    assert_eq!(body, b"SOME TEXT");
    let (outcome, body, _) = made("del(.body)", b"a secret");
    assert_eq!((outcome, body.as_slice()), (Outcome::Done, &b""[..]));
    let (outcome, body, attributes) = made(". = {}", b"a secret");
    assert_eq!((outcome, body.as_slice()), (Outcome::Done, &b""[..]));
    assert_eq!(attributes, serde_json::json!({}));
}

#[test]
fn abort_drops_the_record() {
    assert_eq!(
        made(r#"if contains!(.body, "debug") { abort }"#, b"debug it").0,
        Outcome::Dropped
    );
    assert_eq!(
        made(r#"if contains!(.body, "debug") { abort }"#, b"an error").0,
        Outcome::Done
    );
}

#[test]
fn a_record_for_which_the_program_fails_is_as_it_was_or_dropped() {
    let source = ".a = 1\n.body = \"x\"\n.b = parse_json!(.later)";
    let (outcome, body, attributes) = made(source, b"no JSON");
    assert_eq!((outcome, body.as_slice()), (Outcome::Failed, &b"no JSON"[..]));
    assert_eq!(attributes, serde_json::json!({}));

    let config = VrlConfig {
        source: source.to_owned(),
        on_error: VrlError::Drop,
        ..VrlConfig::default()
    };
    let stream = stream();
    let mut dropping = Program::new(&config, &jiff::tz::TimeZone::UTC).unwrap();
    assert_eq!(dropping.apply(&mut event(&stream, b"no JSON")), Outcome::Dropped);
}

#[test]
fn a_program_of_too_many_expressions_fails() {
    let config = VrlConfig {
        source: "n = 0\nfor_each(split!(.body, \" \")) -> |_i, _v| { n = n + 1 }\n.n = n".to_owned(),
        expressions_max: 1000,
        ..VrlConfig::default()
    };
    let stream = stream();
    let mut program = Program::new(&config, &jiff::tz::TimeZone::UTC).unwrap();
    assert_eq!(program.apply(&mut event(&stream, b"a b c")), Outcome::Done);
    let long = "a ".repeat(10_000);
    assert_eq!(program.apply(&mut event(&stream, long.as_bytes())), Outcome::Failed);
    assert_eq!(
        program.apply(&mut event(&stream, b"a b c")),
        Outcome::Done,
        "the next begins anew"
    );
}

#[test]
fn a_line_that_grows_beyond_its_bound_fails() {
    let source = "text = string!(.body)\nfor_each(range!(0, 15)) -> |_i, _v| { text = text + text }\n.body = text";
    let (outcome, body, _) = made(source, &[b'x'; 100]);
    assert_eq!((outcome, body.len()), (Outcome::Failed, 100));
}

#[test]
fn a_text_is_multiplied_by_no_number_of_a_line() {
    for refused in [
        ".a = \"xx\" * int!(to_int!(.body))",
        ".a = to_int!(.body) * \"xx\"",
        "n = to_int!(.body)\nif n > 1 { .a = [{ \"b\": (n * 2) }] }",
        "for_each([1]) -> |_i, v| { .a = upcase(string!(\"x\" * v)) }",
        ".a = (\"x\" + \"y\") * 3",
        ".a = !(2 == to_int!(.body) * to_int(.b) ?? \"x\" * 9)",
        "x = {\"k\": \"v\" * 2}.k\n.a = x",
        "abort \"x\" * 1000000",
    ] {
        let why = program(refused).map(drop).unwrap_err();
        assert!(why.contains("times a number"), "{refused}: {why}");
    }
    let source = ".a = (to_int!(.body) + 1) * 2 * 1.5\n.b = length(string!(.body)) * (to_int(.body) ?? 0)";
    let (outcome, _, attributes) = made(source, b"3");
    assert_eq!(
        (outcome, attributes),
        (Outcome::Done, serde_json::json!({"a": 12.0, "b": 3}))
    );
}

#[test]
fn the_time_is_what_the_program_says() {
    let stream = stream();
    let mut event = event(&stream, b"2026-11-30T10:00:00Z hello");
    let source = ".timestamp = parse_timestamp!(slice!(.body, 0, 20), \"%+\")";
    assert_eq!(program(source).unwrap().apply(&mut event), Outcome::Done);
    assert_eq!(event.time, (1_796_032_800_000_000_000, true));
    program("del(.timestamp)").unwrap().apply(&mut event);
    assert_eq!(event.time, (1_796_032_800_000_000_000, true), "a record has a time");
}

#[test]
fn what_asks_the_clock_or_chance_and_what_unpacks_is_refused_by_name() {
    for call in [
        "now()",
        "uuid_v4()",
        "random_int(0, 9)",
        "decode_gzip!(.body)",
        "parse_grok!(.body, \"x\")",
        "log(\"x\")",
        "get_env_var!(\"PATH\")",
        "dns_lookup!(\"localhost\")",
    ] {
        let error = program(&format!(".x = {call}")).unwrap_err();
        assert!(error.contains("undefined function"), "{call}: {error}");
    }
}

#[test]
fn the_stream_can_be_read_and_not_changed() {
    assert!(program("%host.name = \"another\"").is_err());
    assert!(program("del(%host)").is_err());
    assert_eq!(made(".h = %host.name", b"x").2, serde_json::json!({"h": "web-1"}));
}

#[test]
fn a_fault_of_a_program_is_shown_with_its_place() {
    let error = program(".a = 1\n.b = parse_json(.body)").unwrap_err();
    assert!(error.contains("2:") && error.contains("parse_json(.body)"), "{error}");
    assert!(program(" ").unwrap_err().contains("source is empty"));
}

proptest! {
    #[test]
    fn a_program_that_changes_nothing_leaves_the_record(
        line in prop::collection::vec(any::<u8>(), 0..80),
        names in prop::collection::btree_set("[ab.\"]{1,5}|log.edited|body|timestamp|body.x|é", 0..8),
        numbers in prop::collection::vec(any::<i64>(), 8),
    ) {
        let stream = stream();
        let mut before = event(&stream, &line);
        for (name, number) in names.iter().zip(&numbers) {
            let value = match number % 4 {
                0 => AttributeValue::Integer(*number),
                1 => AttributeValue::Number(*number as f64 / 3.0),
                2 => AttributeValue::Text(format!("text {number}")),
                _ => AttributeValue::Json(serde_json::json!([number, null, {"a": "b"}])),
            };
            before.attributes.push((name.clone(), value));
        }
        let mut after = before.clone();
        prop_assert_eq!(program("true").unwrap().apply(&mut after), Outcome::Done);
        prop_assert_eq!(&after.line, &before.line);
        prop_assert_eq!(after.time, before.time);
        let by_name = |event: &Event<'_>| event.attributes.iter().cloned().collect::<BTreeMap<_, _>>();
        prop_assert_eq!(by_name(&after), by_name(&before));
    }
}
