//! Kinds of lines are counted as a loop would, whichever splits hold them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use timberline_proto::api::QueryRequest;

use crate::read::fixture::{Fixture, TOPIC, TestRow, block};
use crate::read::histogram::filter_of;
use crate::read::row::RowView;
use crate::read::test::Tester;
use crate::read::tests::{ask, request, runtime};
use crate::read::time::rfc3339_short;
use crate::split::{pattern_of_template, template_id, template_of_row};

fn any_row() -> impl Strategy<Value = TestRow> {
    let line = prop_oneof![
        (0..50_u32).prop_map(|n| format!("took {n} ms")),
        (0..50_u32).prop_map(|n| format!("error: connection {n} reset by 10.0.0.{n}")),
        (0..5_u32).prop_map(|n| format!("{{\"status\":{n},\"user\":\"bob\"}}")),
        (0..5_u32).prop_map(|n| format!("level=info took={n}")),
        prop::sample::select(vec!["started", "stopped", "", "info: reloaded"]).prop_map(str::to_owned),
    ];
    (0..100_i64, 0..3_u32, 0..3_u8, line).prop_map(|(seconds, partition, host, line)| TestRow {
        time: seconds * 1_000_000_000,
        partition,
        host,
        line: line.into_bytes(),
        attributes: Vec::new(),
    })
}

/// Of each template: pattern, rows, first and last time, and the line of the last.
type Kind = (String, u64, i64, (i64, u32, u64), String);
type Kinds = BTreeMap<u64, Kind>;

fn expected(rows: &[TestRow], query: &str, from: i64, to: i64) -> Kinds {
    let tester = Tester::new(&filter_of(query).unwrap()).unwrap();
    let mut kinds = Kinds::new();
    for partition in 0..3 {
        let of_it: Vec<_> = rows.iter().filter(|row| row.partition == partition).collect();
        for row in block(&of_it, 0).rows() {
            let time = row.time_nanos;
            if time < from || time > to || !tester.matches(&RowView::new(row.clone(), TOPIC)) {
                continue;
            }
            let place = (time, row.partition, row.offset);
            let line = String::from_utf8_lossy(row.line).into_owned();
            let kind = kinds.entry(template_id(&row)).or_insert_with(|| {
                (
                    pattern_of_template(&template_of_row(&row)),
                    0,
                    time,
                    place,
                    line.clone(),
                )
            });
            kind.1 += 1;
            kind.2 = kind.2.min(time);
            if place >= kind.3 {
                kind.3 = place;
                kind.4 = line;
            }
        }
    }
    kinds
}

fn plain(kinds: &Kinds) -> Vec<Value> {
    let total: u64 = kinds.values().map(|kind| kind.1).sum();
    let mut rows: Vec<_> = kinds.iter().collect();
    rows.sort_by_key(|(id, kind)| (std::cmp::Reverse(kind.1), format!("{id:016x}")));
    let row = |(id, (pattern, count, first, last, line)): (&u64, &Kind)| {
        json!([
            format!("{id:016x}"),
            pattern,
            count,
            *count as f64 * 100.0 / total as f64,
            rfc3339_short(*first),
            rfc3339_short(last.0),
            line
        ])
    };
    rows.into_iter().map(row).collect()
}

/// Whole numbers are written without a fraction.
fn same(found: &[Vec<Value>], expected: &[Value], what: &str) {
    let normal = |value: &Value| match value.as_f64() {
        Some(n) => json!((n * 1e6).round()),
        None => value.clone(),
    };
    let found: Vec<Vec<Value>> = found.iter().map(|row| row.iter().map(normal).collect()).collect();
    let expected: Vec<Vec<Value>> = expected
        .iter()
        .map(|row| row.as_array().unwrap().iter().map(normal).collect())
        .collect();
    assert_eq!(found, expected, "{what}");
}

async fn check(fixture: &Fixture, rows: &[TestRow], query: &str) {
    let all = expected(rows, query, i64::MIN, i64::MAX);
    let found = ask(fixture, request(&format!("{query} | patterns merge=off"))).await;
    same(&found.rows, &plain(&all), query);
    let two = ask(fixture, request(&format!("{query} | patterns 2 merge=off"))).await;
    let expected_two: Vec<_> = plain(&all).into_iter().take(2).collect();
    same(&two.rows, &expected_two, query);

    // The same without the short way.
    let slow = ask(
        fixture,
        request(&format!(
            "{query} | extend x = 1 | patterns merge=off | fields - pattern"
        )),
    )
    .await;
    let without = |row: Value| {
        let mut row = row.as_array().unwrap().clone();
        row.remove(1);
        json!(row)
    };
    let expected_slow: Vec<_> = plain(&all).into_iter().map(without).collect();
    same(&slow.rows, &expected_slow, "the long way");

    // Two windows of a minute and less.
    let second = 1_000_000_000;
    let now = expected(rows, query, 50 * second, 99 * second);
    let before = expected(rows, query, 10 * second, 59 * second);
    let compared = QueryRequest {
        from: Some("1970-01-01T00:00:50Z".to_owned()),
        to: Some("1970-01-01T00:01:39.000000001Z".to_owned()),
        ..request(&format!(
            "{query} | patterns merge=off compare=40s | fields template, count, before, change, state, first_seen, last_seen"
        ))
    };
    let found = ask(fixture, compared).await;
    let ids: std::collections::BTreeSet<_> = now.keys().chain(before.keys()).collect();
    let mut rows: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let count = |kinds: &Kinds| kinds.get(id).map_or(0, |kind| kind.1);
            let (count, earlier) = (count(&now), count(&before));
            let state = match (earlier, count) {
                (0, _) => Some("new"),
                (_, 0) => Some("gone"),
                _ => None,
            };
            let both = || [&now, &before].into_iter().filter_map(|kinds| kinds.get(id));
            let first = both().map(|kind| kind.2).min().unwrap();
            let last = both().map(|kind| kind.3.0).max().unwrap();
            (
                std::cmp::Reverse(count),
                json!([
                    format!("{id:016x}"),
                    count,
                    earlier,
                    count as i64 - earlier as i64,
                    state,
                    rfc3339_short(first),
                    rfc3339_short(last)
                ]),
            )
        })
        .collect();
    rows.sort_by_key(|(count, row)| (*count, row[0].as_str().unwrap().to_owned()));
    let expected_rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
    same(&found.rows, &expected_rows, &format!("{query} compared"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn kinds_of_lines_are_those_of_a_loop_live_flushed_in_many_splits_and_merged(
        rows in prop::collection::vec(any_row(), 1..80),
        cut in 0..80_usize,
        query in prop::sample::select(vec!["*", "error", "took", "host:web-1", "status:>2", "/1/", "nothing", "severity:info"]),
    ) {
        runtime().block_on(async {
            let mut fixture = Fixture::new();
            let cut = cut.min(rows.len());
            fixture.append(&rows[..cut]);
            check(&fixture, &rows[..cut], query).await;
            fixture.flush(false);
            fixture.append(&rows[cut..]);
            check(&fixture, &rows, query).await;
            fixture.flush(false);
            check(&fixture, &rows, query).await;
            // Once more, from what was kept; and in one split.
            check(&fixture, &rows, query).await;
            fixture.merge();
            check(&fixture, &rows, query).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_lines_are_counted_without_reading_lines() {
    let rows: Vec<_> = (0..64)
        .map(|n| TestRow::new(n, &format!("took {n} ms {}", "long ".repeat(200))))
        .collect();
    // The line of the last record of each kind is read: 1,000 bytes.
    let mut fixture = Fixture::with(crate::read::ReadOptions {
        scan_bytes_max: 2000,
        ..Default::default()
    });
    fixture.append(&rows);
    fixture.flush(false);
    let answer = ask(&fixture, request("long | patterns")).await;
    assert_eq!(answer.rows[0][2], json!(64));
    let explained = ask(&fixture, request("explain long | patterns")).await;
    assert!(json!(explained.rows).to_string().contains("PatternsExec"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_without_a_range_looks_for_its_ends_and_reads_no_more() {
    let rows: Vec<_> = (0..64_i64)
        .map(|n| TestRow::new(n * 1_000_000_000, &format!("took {n} ms")))
        .collect();
    let mut fixture = Fixture::new();
    fixture.append(&rows);
    fixture.flush(false);
    let answer = ask(&fixture, request("took | timechart span=1m count()")).await;
    assert_eq!(answer.rows.len(), 2);
    // Of 8 pages, the first and the last for the ends, and the one where two bins meet.
    assert!(answer.end.progress.pages_read <= 3, "{:?}", answer.end.progress);
}

/// Names without a digit make templates of their own; with the merge they are one pattern again.
#[tokio::test(flavor = "multi_thread")]
async fn patterns_that_differ_in_names_are_one_with_all_that_is_known_of_them() {
    let names = ["alice", "bob", "carol", "dave"];
    let rows: Vec<_> = (0..40_i64)
        .map(|n| {
            let line = match n % 5 {
                4 => "door closed".to_owned(),
                at => format!("login of user {} from 10.0.0.{n}", names[at as usize]),
            };
            TestRow::new(n * 1_000_000_000, &line)
        })
        .collect();
    let mut fixture = Fixture::new();
    fixture.append(&rows[..20]);
    fixture.flush(false);
    fixture.append(&rows[20..]);
    let answer = ask(
        &fixture,
        request("* | patterns points=4 | fields pattern, count, first_seen, last_seen, example, templates, points"),
    )
    .await;
    assert_eq!(answer.rows.len(), 2, "{:?}", answer.rows);
    let row = &answer.rows[0];
    assert_eq!(row[0], json!("login of user <*> from <*>.<*>.<*>.<*>"));
    assert_eq!(row[1], json!(32));
    assert_eq!(row[2], json!("1970-01-01T00:00:00Z"));
    assert_eq!(row[3], json!("1970-01-01T00:00:38Z"));
    assert_eq!(row[4], json!("login of user dave from 10.0.0.38"));
    let ids: Vec<String> = serde_json::from_value(row[5].clone()).unwrap();
    assert_eq!(ids.len(), 4);
    assert_eq!(row[6], json!([8, 8, 8, 8]));
    // Its lines, by the list of templates.
    let lines = ask(
        &fixture,
        request(&format!("template in ({}) | stats count()", ids.join(", "))),
    )
    .await;
    assert_eq!(lines.rows[0][0], json!(32));
    let others = ask(
        &fixture,
        request(&format!("NOT template in ({}) | stats count()", ids.join(", "))),
    )
    .await;
    assert_eq!(others.rows[0][0], json!(8));
    // The long way gives the same.
    let long = ask(
        &fixture,
        request("* | extend x = 1 | patterns | fields pattern, count, first_seen, last_seen, example, templates"),
    )
    .await;
    assert_eq!(long.rows[0][..6], row[..6]);
    // What varies, the name too.
    let slots = ask(&fixture, request(&format!("* | variables {}", ids.join(", ")))).await;
    let of_slot = |slot: i64| {
        slots
            .rows
            .iter()
            .filter(|row| row[0] == json!(slot))
            .collect::<Vec<_>>()
    };
    assert_eq!(of_slot(1).len(), 4, "{:?}", slots.rows);
    assert_eq!(of_slot(1)[0][1..3], [json!("alice"), json!(8)]);
    assert_eq!(of_slot(2)[0][1..3], [json!("10"), json!(32)]);
    assert_eq!(of_slot(5).len(), 10);
    // The window before had alice alone: the pattern was there, so it is not new.
    let compared = QueryRequest {
        from: Some("1970-01-01T00:00:01Z".to_owned()),
        to: Some("1970-01-01T00:00:02Z".to_owned()),
        ..request("* | patterns compare=1s | fields count, before, state")
    };
    let compared = ask(&fixture, compared).await;
    assert_eq!(compared.rows, [[json!(1), json!(1), Value::Null]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_of_two_patterns_have_no_variables_in_common() {
    let rows = [
        TestRow::new(0, "login of user alice from 1"),
        TestRow::new(1, "door closed"),
    ];
    let fixture = Fixture::new();
    fixture.append(&rows);
    let ids: Vec<String> = ask(&fixture, request("* | patterns merge=off"))
        .await
        .rows
        .iter()
        .map(|row| row[0].as_str().unwrap().to_owned())
        .collect();
    let refused = fixture
        .reader
        .query(request(&format!("* | variables {}", ids.join(", "))))
        .await;
    assert!(refused.unwrap_err().to_string().contains("not one pattern"));
}
