//! What is read of fields from their columns is what a loop over parsed lines finds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use timberline_proto::batch::AttributeValue;

use crate::read::ReadOptions;
use crate::read::fixture::{Fixture, TOPIC, TestRow, block};
use crate::read::histogram::filter_of;
use crate::read::row::RowView;
use crate::read::test::Tester;
use crate::read::tests::{ask, expected_ids, request, runtime};

/// Values of JSON, as they are written.
fn any_value() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        6 => (0..6_i64).prop_map(|n| n.to_string()),
        2 => prop::sample::select(vec![
            "200", "404", "-1", "1.5", "1e3", "007", "true", "false", "null", "\"200\"", "\"\"", "\"a b\"", "\"x\\u0041\"",
            "\"q\\\"q\"", "\"error 42 at /api/v1\"", "\"NaN\"", "99999999999999999999", "\" 3 \"",
        ])
        .prop_map(str::to_owned),
        1 => (0..1000_u32).prop_map(|n| format!("\"req-{n:04}-z\"")),
    ];
    prop_oneof![
        8 => scalar.clone(),
        1 => prop::collection::vec(scalar.clone(), 0..3).prop_map(|all| format!("[{}]", all.join(","))),
        1 => scalar.prop_map(|one| format!("{{\"id\":{one}}}")),
    ]
}

/// Few shapes of many rows, and many of few.
fn any_line() -> impl Strategy<Value = String> {
    let value = any_value;
    prop_oneof![
        6 => (value(), value(), 0..4_u8).prop_map(|(status, user, level)| {
            let level = ["info", "error", "warn", "loud"][level as usize];
            format!("{{\"level\":\"{level}\",\"status\":{status},\"user\":{user}}}")
        }),
        2 => (value(), value()).prop_map(|(a, b)| format!("{{\"status\":{a},\"host\":\"h1\",\"status\":{b}}}")),
        2 => value().prop_map(|user| format!("app[17]: {{\"user\":{user},\"zone\":\"west\"}}")),
        3 => (0..500_i64, 0..4_u8).prop_map(|(n, level)| {
            let level = ["info", "error", "warn", "loud"][level as usize];
            format!("level={level} status={n} user=\"u {}\" latency=1.{n}", n % 3)
        }),
        1 => value().prop_map(|status| format!("{{\"status\":{status},\"cut")),
        1 => "[a-c]{1,2}".prop_map(|key| format!("{{\"{key}\":1,\"status\":5}}")),
        1 => Just("plain status=5 words 17".to_owned()),
    ]
}

pub(crate) fn any_row() -> impl Strategy<Value = TestRow> {
    let attributes = prop_oneof![
        60 => Just(Vec::new()),
        1 => (0..3_i64).prop_map(|n| vec![("status".to_owned(), AttributeValue::Integer(n))]),
    ];
    (0..100_i64, 0..3_u8, any_line(), attributes).prop_map(|(seconds, host, line, attributes)| TestRow {
        time: seconds * 1_000_000_000,
        partition: 0,
        host,
        line: line.into_bytes(),
        attributes,
    })
}

pub(crate) fn any_query() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "status:200",
        "status:5",
        "status:=5",
        "status:>2",
        "status:<=3",
        "status:[1 TO 4]",
        "status:*",
        "status:\"\"",
        "status:=true",
        "status:/^[0-9]$/",
        "status:req*",
        "user:3",
        "user:a",
        "user:\"a b\"",
        "user:xA",
        "user.id:2",
        "user.id:*",
        "level:error",
        "level:>=warn",
        "severity:loud",
        "level:*",
        "host:h1",
        "host:web-1",
        "latency:>1.2",
        "latency:*",
        "zone:west",
        "nothing:*",
        "error",
        "42",
        "timestamp:>=1970-01-01T00:00:50Z",
        "user:>a",
        "user:=nan",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|any| format!("({})", any.join(" OR "))),
            inner.prop_map(|one| format!("NOT ({one})")),
        ]
    })
}

/// What a loop shows of the rows that match: per row the names' texts, or null.
fn expected(rows: &[TestRow], query: &str, names: &[&str]) -> Vec<Vec<Value>> {
    let tester = Tester::new(&filter_of(query).unwrap()).unwrap();
    let all: Vec<_> = rows.iter().collect();
    let block = block(&all, 0);
    let views = block.rows().map(|row| RowView::new(row, TOPIC));
    let shown = |view: &RowView<'_>, name: &str| view.text(name).map_or(Value::Null, |text| json!(text));
    let rows = views.filter(|view| tester.matches(view));
    rows.map(|view| names.iter().map(|name| shown(&view, name)).collect())
        .collect()
}

fn sorted(mut rows: Vec<Vec<Value>>) -> Vec<String> {
    rows.iter_mut().for_each(|row| {
        for value in row {
            // Answers show texts that read as numbers as numbers where they are keys.
            if !value.is_null() && !value.is_string() {
                *value = json!(value.to_string());
            }
        }
    });
    let mut rows: Vec<String> = rows.iter().map(|row| json!(row).to_string()).collect();
    rows.sort();
    rows
}

async fn check(fixture: &Fixture, rows: &[TestRow], query: &str) {
    let found = ask(fixture, request(query)).await;
    let ids: Vec<_> = found.records.iter().map(|record| record.id.clone()).collect();
    assert_eq!(ids, expected_ids(rows, query), "{query}");

    let names = [
        "status", "user", "user.id", "level", "host", "zone", "latency", "template",
    ];
    let sql_names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let pipe = format!("{query} | fields {}", names.join(", "));
    let shown = ask(fixture, request(&pipe)).await;
    assert_eq!(sorted(shown.rows), sorted(expected(rows, query, &names)), "{pipe}");
    if query == "*" {
        let sql = format!("SELECT {} FROM logs", sql_names.join(", "));
        let shown = ask(fixture, request(&sql)).await;
        assert_eq!(sorted(shown.rows), sorted(expected(rows, query, &names)), "{sql}");
    }

    for keys in [
        vec!["status"],
        vec!["level", "user"],
        vec!["host"],
        vec!["host", "zone"],
    ] {
        let mut counts = BTreeMap::<String, u64>::new();
        for row in expected(rows, query, &keys) {
            *counts.entry(json!(row).to_string()).or_default() += 1;
        }
        let stats = format!("{query} | stats count() as n by {}", keys.join(", "));
        let answer = ask(fixture, request(&stats)).await;
        let found: BTreeMap<String, u64> = answer
            .rows
            .into_iter()
            .map(|mut row| {
                let n = row.pop().and_then(|n| n.as_u64()).unwrap();
                let texts: Vec<Value> = row
                    .into_iter()
                    .map(|value| match value {
                        Value::Null | Value::String(_) => value,
                        other => json!(other.to_string()),
                    })
                    .collect();
                (json!(texts).to_string(), n)
            })
            .collect();
        assert_eq!(found, counts, "{stats}");
    }

    let numbers: Vec<f64> = expected(rows, query, &["status"])
        .iter()
        .filter_map(|row| row[0].as_str().and_then(|text| text.trim().parse().ok()))
        .filter(|n: &f64| n.is_finite())
        .collect();
    let stats = format!("{query} | stats count(status) as n, sum(status if status < 1000) as s");
    let answer = ask(fixture, request(&stats)).await;
    let there = expected(rows, query, &["status"])
        .iter()
        .filter(|row| !row[0].is_null())
        .count();
    assert_eq!(answer.rows[0][0], json!(there), "{stats}");
    if !numbers.is_empty() {
        let sum: f64 = numbers.iter().filter(|n| **n < 1000.0).sum();
        // A sum of nothing is none.
        let found = answer.rows[0][1].as_f64().unwrap_or(0.0);
        assert!((found - sum).abs() < 1e-6, "{stats}: {found}, not {sum}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn fields_read_from_columns_are_those_of_the_lines(
        rows in prop::collection::vec(any_row(), 40..300),
        queries in prop::collection::vec(any_query(), 6..10),
    ) {
        runtime().block_on(async {
            let mut fixture = Fixture::new();
            fixture.page_rows_max = 128;
            fixture.append(&rows);
            fixture.flush(false);
            check(&fixture, &rows, "*").await;
            for query in &queries {
                check(&fixture, &rows, query).await;
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_on_a_field_rebuilds_no_line_of_a_shape() {
    let line = |n: i64| format!("{{\"status\":{},\"msg\":\"{}\"}}", 200 + n % 5, "long ".repeat(200));
    let rows: Vec<_> = (0..100).map(|n| TestRow::new(n, &line(n))).collect();
    // Of each row its status at most: a line has 1,000 bytes.
    let mut fixture = Fixture::with(ReadOptions {
        scan_bytes_max: 1000,
        ..ReadOptions::default()
    });
    fixture.page_rows_max = 128;
    fixture.append(&rows);
    fixture.flush(false);
    for query in [
        "status:203 | stats count()",
        "status:>202 | stats count() as n, max(status) by status",
        "status:=204 | fields status",
    ] {
        let answer = ask(&fixture, request(query)).await;
        assert!(answer.end.progress.rows_matched > 0, "{query}");
    }
}
