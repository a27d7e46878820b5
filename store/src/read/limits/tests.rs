use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use timberline_proto::api::{Answer, FieldsRequest, HistogramRequest, QueryRequest};
use timberline_proto::batch::AttributeValue;
use timberline_proto::line::Severity;
use timberline_proto::query::ast::Filter;
use timberline_proto::token::tokens;

use super::hidden::Hidden;
use super::mask::Masked;
use super::{For, Limits};
use crate::read::fixture::{Fixture, TestRow, block, in_every_state};
use crate::read::histogram::filter_of;
use crate::read::row::RowView;
use crate::read::test::Tester;
use crate::read::{ReadError, Reader};
use crate::rows::{Row, RowBlock, Stream};

fn hiding(names: &[&str]) -> For {
    For {
        hidden_fields: names.iter().map(|name| (*name).to_owned()).collect(),
        audit: true,
        alerts: true,
        ..For::default()
    }
}

fn only(streams: &str) -> For {
    For {
        streams: Some(streams.to_owned()),
        ..hiding(&[])
    }
}

/// A line as it is seen without some fields.
fn seen(
    names: &[&str],
    line: &[u8],
    attributes: &[(String, AttributeValue)],
) -> (String, Vec<(String, AttributeValue)>) {
    let stream = Arc::new(Stream::new(BTreeMap::from([(
        "host.name".to_owned(),
        "web-1".to_owned(),
    )])));
    let row = Row {
        time_nanos: 0,
        time_parsed: false,
        observed_nanos: 0,
        partition: 0,
        offset: 0,
        severity: Severity::default(),
        template: 0,
        stream: &stream,
        line,
        place: None,
        part: None,
        attributes,
    };
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let masked = Masked::of(
        &row,
        Hidden::new(&names).unwrap().as_ref(),
        &mut std::collections::HashMap::new(),
    );
    let row = masked.row(&row);
    (String::from_utf8_lossy(row.line).into_owned(), row.attributes.to_vec())
}

#[track_caller]
fn check(names: &[&str], line: &str, expected: &str) {
    assert_eq!(seen(names, line.as_bytes(), &[]).0, expected, "{names:?} of {line}");
}

#[test]
fn a_hidden_field_is_not_in_its_line_and_its_value_nowhere_else_in_it() {
    check(&["card"], r#"{"card":"4111-2","msg":"paid"}"#, r#"{"msg":"paid"}"#);
    check(
        &["card"],
        r#"{"msg":"card 4111-2 declined","card":"4111-2"}"#,
        r#"{"msg":"card *** declined"}"#,
    );
    check(&["card"], "card=41112 msg=paid id=x41112y", "msg=paid id=***");
    check(&["user"], r#"{"user":{"mail":"a@b.org","id":77},"n":1}"#, r#"{"n":1}"#);
    check(
        &["user.mail"],
        r#"{"user":{"mail":"a@b.org","id":77}}"#,
        r#"{"user":{"id":77}}"#,
    );
    check(
        &["card"],
        r#"{"other":{"card":"4111"},"n":1}"#,
        r#"{"other":{"card":"4111"},"n":1}"#,
    );
    check(
        &["card"],
        r#"app: {"card":"ABCD","msg":"abcd"}"#,
        r#"app: {"msg":"***"}"#,
    );
    check(&["host"], "web-1 sshd: accepted on WEB-1", "*** sshd: accepted on ***");
    check(&["host.name"], "from web-10", "from ***");
}

#[test]
fn what_is_left_of_json_is_json_even_where_a_number_is_masked() {
    check(&["n"], r#"{"n":41112,"m":41112,"t":"x"}"#, r#"{"m":"***","t":"x"}"#);
    check(&["n"], r#"{"n":"Anna","t":"a\nANNA b"}"#, r#"{"t":"a*** b"}"#);
    check(&["n"], r#"{"n":"a\"bcd","t":"x a\"bcd y"}"#, r#"{"t":"x *** y"}"#);
}

#[test]
fn a_short_value_is_masked_as_a_word_alone_and_what_is_true_of_nothing_not_at_all() {
    check(&["n"], "n=7 m=17 k=7", "m=17 k=***");
    check(&["on"], r#"{"on":true,"off":true}"#, r#"{"off":true}"#);
}

#[test]
fn free_text_and_json_that_is_cut_off_say_nothing_behind_a_hidden_name() {
    check(
        &["card"],
        "payment Card: 4111-2222, thanks",
        "payment Card: ***, thanks",
    );
    check(
        &["user.mail"],
        "mail = \"a b@c.org\" sent to a b@c.org",
        "mail = *** sent to ***",
    );
    check(&["card"], r#"{"msg":"x","card":"4111"#, r#"{"msg":"x","card":***"#);
    check(
        &["card"],
        r#"{"msg":"x","card":{"n":"4111","#,
        r#"{"msg":"x","card":***"#,
    );
    check(
        &["card"],
        r#"said "{\"card\":\"4111 2\",\"n\":1}""#,
        r#"said "{\"card\":***,\"n\":1}""#,
    );
    check(&["card"], "discard: 4111", "discard: 4111");
}

#[test]
fn a_line_with_more_hidden_members_than_are_taken_out_is_not_shown() {
    let members: Vec<String> = (0..100).map(|n| format!("\"card\":\"v{n}\"")).collect();
    check(&["card"], &format!("{{{}}}", members.join(",")), "***");
}

#[test]
fn hidden_attributes_are_not_there_and_their_values_in_no_other() {
    let attributes = vec![
        ("card".to_owned(), AttributeValue::Text("4111-2".to_owned())),
        ("text".to_owned(), AttributeValue::Text("of 4111-2".to_owned())),
        ("n".to_owned(), AttributeValue::Integer(5)),
        (
            "http".to_owned(),
            AttributeValue::Json(json!({"user": {"mail": "a@b.org"}, "url": "/u/a@b.org", "cards": ["4111-2", "x"]})),
        ),
    ];
    let (line, left) = seen(&["card", "http.user.mail"], b"a@b.org paid by 4111-2", &attributes);
    assert_eq!(line, "*** paid by ***");
    assert_eq!(
        left,
        [
            ("text".to_owned(), AttributeValue::Text("of ***".to_owned())),
            ("n".to_owned(), AttributeValue::Integer(5)),
            (
                "http".to_owned(),
                AttributeValue::Json(json!({"user": {}, "url": "/u/***", "cards": ["***", "x"]})),
            ),
        ]
    );
}

const CANARY: &str = "Xk7Qcanary";

/// Lines in which a hidden field has the canary as its value, or none.
fn lines() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just(CANARY.to_owned()),
        Just(CANARY.to_lowercase()),
        "[a-z]{1,5}",
        "[0-9]{1,4}"
    ];
    let text = prop::collection::vec(word, 0..4).prop_map(|words| words.join(" "));
    let others = prop::collection::btree_map("[a-d]", text.clone(), 0..4);
    (others, 0..6, text).prop_map(|(others, kind, text)| {
        let secret = CANARY;
        match kind {
            0 | 1 => {
                let mut all: serde_json::Map<String, serde_json::Value> =
                    others.into_iter().map(|(name, text)| (name, text.into())).collect();
                let value = if kind == 0 {
                    json!(secret)
                } else {
                    json!({"deep": [secret, text]})
                };
                all.insert("secret".to_owned(), value);
                serde_json::Value::from(all).to_string()
            }
            2 => {
                let all = others.into_iter().map(|(name, text)| format!("{name}=\"{text}\""));
                let mut all: Vec<String> = all.collect();
                all.push(format!("secret={secret}"));
                all.push("z=1".to_owned());
                all.join(" ")
            }
            3 => format!("{text} secret: {secret} {text}"),
            4 => format!("{{\"a\":\"x\",\"secret\":\"{secret} {text}"),
            _ => text.replace(CANARY, "none").replace(&CANARY.to_lowercase(), "none"),
        }
    })
}

proptest! {
    #[test]
    fn no_line_that_says_the_secret_shows_it_and_none_gains_a_word(line in lines()) {
        let (shown, _) = seen(&["secret"], line.as_bytes(), &[]);
        prop_assert!(!shown.to_lowercase().contains(&CANARY.to_lowercase()), "{line} shows {shown}");
        let words = |text: &str| -> BTreeSet<String> {
            tokens(text.as_bytes()).map(|token| text[token.start..token.end].to_lowercase()).collect()
        };
        prop_assert!(words(&shown).is_subset(&words(&line)), "{line} shows {shown}");
        if serde_json::from_str::<serde_json::Value>(&line).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok(), "{shown}");
        }
    }

    #[test]
    fn fuzz_any_bytes_are_masked_without_a_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        seen(&["a", "b.c", "host"], &line, &[]);
    }

    #[test]
    fn fuzz_any_text_is_masked_without_a_panic(line in "[\\\\\"{}:=, a-c0-2é\\n]{0,60}", value in "[\\\\\"a-cé ]{1,8}") {
        seen(&["a", "b.c"], line.as_bytes(), &[("a".to_owned(), AttributeValue::Text(value))]);
    }
}

fn request(query: &str) -> QueryRequest {
    QueryRequest {
        query: query.to_owned(),
        ..QueryRequest::default()
    }
}

async fn answer(reader: &Reader, query: &str) -> Result<Answer, ReadError> {
    let frames = reader.query(request(query)).await?;
    Ok(frames
        .collect()
        .await
        .unwrap_or_else(|error| panic!("{query}: {error:?}")))
}

/// What a plain look at each row finds, as ids.
fn naively(rows: &[TestRow], of: &For, query: &str) -> Vec<String> {
    let limits = Limits::new(of).unwrap();
    let tester = Tester::new(&filter_of(query).unwrap()).unwrap();
    let mut offsets = BTreeMap::<u32, u64>::new();
    let mut found = Vec::new();
    for row in rows {
        let offset = offsets.entry(row.partition).or_default();
        let whole: RowBlock = block(&[row], *offset);
        *offset += 1;
        if let Some(seen) = limits.row(&whole.row(0), "logs") {
            let view = RowView::new(seen.row(&whole.row(0)), "logs");
            if tester.matches(&view) {
                found.push(view.id().to_string());
            }
        }
    }
    found.sort();
    found
}

fn rows() -> Vec<TestRow> {
    let lines = [
        r#"{"level":"info","card":"4111-2222","msg":"paid by card 4111-2222","status":200}"#,
        r#"{"level":"error","card":"5500-1","msg":"declined 5500-1","status":402}"#,
        r#"{"level":"info","msg":"no card","status":200}"#,
        "card=4111-2222 msg=refund status=200",
        "WARN card: 5500-1 was refused",
        "plain words of nobody",
        "INFO took 4111 ms",
        "user anna of web-2 logged in",
    ];
    let mut rows: Vec<TestRow> = Vec::new();
    for (at, line) in lines.iter().cycle().take(40).enumerate() {
        let mut row = TestRow::new(1_700_000_000_000_000_000 + at as i64 * 1_000_000_000, line);
        row.host = (at % 3) as u8;
        row.partition = (at % 2) as u32;
        if at % 5 == 0 {
            row.attributes = vec![("user".to_owned(), AttributeValue::Text("anna".to_owned()))];
        }
        rows.push(row);
    }
    rows
}

const QUERIES: [&str; 22] = [
    "",
    "4111",
    "NOT 4111",
    "paid",
    "\"card ***\"",
    "card:*",
    "NOT card:*",
    "card:4111-2222",
    "msg:\"paid by card ***\"",
    "msg:=\"declined ***\"",
    "status:>=400",
    "level:error OR refused",
    "5500*",
    "*22",
    "/4111.*2222/",
    "NOT /55/",
    "anna",
    "user:anna",
    "NOT anna",
    "host:web-2",
    "service:checkout -declined",
    "web AND logged",
];

/// Searches, counts, patterns, fields and histograms of whoever is limited say what a look at each masked row
/// says, wherever the rows are.
#[tokio::test]
async fn every_way_to_ask_says_what_a_look_at_each_masked_row_says() {
    let rows = rows();
    let limits = [
        hiding(&["card"]),
        hiding(&["card", "user", "host"]),
        only("service:checkout"),
        For {
            streams: Some("host:web-2 OR card:5500-1".to_owned()),
            ..hiding(&["card"])
        },
    ];
    in_every_state(&rows, 17, async |fixture: &Fixture| {
        for of in &limits {
            let reader = fixture.reader.limited(of).unwrap();
            for query in QUERIES {
                let expected = naively(&rows, of, query);
                let said = format!("{query:?} for {of:?}");
                let mut found: Vec<String> = answer(&reader, query)
                    .await
                    .unwrap()
                    .records
                    .into_iter()
                    .map(|record| record.id)
                    .collect();
                found.sort();
                assert_eq!(found, expected, "{said}");
                let counted = answer(&reader, &format!("{query} | stats count()")).await.unwrap();
                assert_eq!(counted.rows[0][0], json!(expected.len()), "{said}");
                let kinds = answer(&reader, &format!("{query} | patterns")).await.unwrap();
                let at = kinds.columns.iter().position(|column| column.name == "count").unwrap();
                let of_kinds: u64 = kinds.rows.iter().map(|row| row[at].as_u64().unwrap()).sum();
                assert_eq!(of_kinds as usize, expected.len(), "patterns of {said}");
                let histogram = HistogramRequest {
                    query: query.to_owned(),
                    ..HistogramRequest::default()
                };
                assert_eq!(
                    reader.histogram(histogram).await.unwrap().total as usize,
                    expected.len(),
                    "{said}"
                );
                let fields = FieldsRequest {
                    query: query.to_owned(),
                    ..FieldsRequest::default()
                };
                let fields = reader.fields(fields).await.unwrap();
                assert_eq!(fields.rows as usize, expected.len(), "fields of {said}");
                let first = answer(&reader, &format!("{query} | head 3")).await.unwrap();
                assert_eq!(first.rows.len(), expected.len().min(3), "{said}");
                let grouped = answer(&reader, &format!("{query} | stats count() by status, msg"))
                    .await
                    .unwrap();
                let at = grouped.columns.len() - 1;
                let sum: u64 = grouped.rows.iter().map(|row| row[at].as_u64().unwrap()).sum();
                assert_eq!(sum as usize, expected.len(), "groups of {said}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn tables_of_everything_and_topics_of_our_own_are_refused_to_whom_they_are_not_for() {
    let fixture = Fixture::new();
    let refused = async |of: &For, query: &str| {
        let reader = fixture.reader.limited(of).unwrap();
        let outcome = answer(&reader, query).await;
        assert!(
            matches!(outcome, Err(ReadError::Forbidden(_))),
            "{query} for {of:?}: {outcome:?}"
        );
    };
    for of in [hiding(&["card"]), only("service:checkout")] {
        for table in ["splits", "streams", "agents"] {
            refused(&of, &format!("SELECT * FROM {table}")).await;
        }
    }
    refused(&hiding(&["card"]), "SELECT * FROM audit").await;
    refused(&hiding(&["card"]), "topic:timberline.audit").await;
    let nobody = For {
        audit: false,
        alerts: false,
        ..hiding(&[])
    };
    refused(&nobody, "SELECT * FROM audit").await;
    for topic in ["audit", "alerts", "deliveries"] {
        refused(&nobody, &format!("topic:timberline.{topic}")).await;
        refused(&nobody, &format!("topic:timberline.{topic} | stats count()")).await;
    }
    let reader = fixture.reader.limited(&nobody).unwrap();
    assert!(reader.tail("topic:timberline.audit").await.is_err());
    let unlimited = hiding(&[]);
    let reader = fixture.reader.limited(&unlimited).unwrap();
    assert!(reader.limits.is_none());
    assert!(answer(&reader, "SELECT * FROM audit").await.is_ok());
    assert_eq!(reader.limits.narrowed(Filter::All), Filter::All);
}
