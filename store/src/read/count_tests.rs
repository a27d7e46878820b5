//! Counts are those of a loop over the rows, however they come about; and what a query may cost.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use timberline_proto::api::Answer;

use super::fixture::{Fixture, TOPIC, TestRow, block, in_every_state};
use super::histogram::filter_of;
use super::row::RowView;
use super::test::Tester;
use super::tests::{any_query, any_row, ask, expected_ids, request, runtime, sample};
use super::{ReadError, ReadOptions};

/// What rows are counted by: a pipe's keys, SQL's, and the value of a row's.
type CountedBy = (&'static str, &'static str, fn(&RowView<'_>) -> Vec<Value>);

const COUNTED_BY: [CountedBy; 8] = [
    ("host", "host", |row| vec![shown(row, "host")]),
    ("level, service", "level, service", |row| {
        vec![shown(row, "level"), shown(row, "service")]
    }),
    ("severity, topic", "severity, topic", |row| {
        vec![shown(row, "severity"), shown(row, "topic")]
    }),
    (
        "service.name, bin(timestamp, 7s)",
        "\"service.name\", date_bin(INTERVAL '7' SECOND, timestamp)",
        |row| vec![shown(row, "service.name"), bin(row, 7)],
    ),
    (
        "bin(timestamp, 10s), severity",
        "date_bin(INTERVAL '10' SECOND, timestamp), severity",
        |row| vec![bin(row, 10), shown(row, "severity")],
    ),
    ("log.file.path", "\"log.file.path\"", |row| {
        vec![shown(row, "log.file.path")]
    }),
    // No stream has these: rows do.
    ("zone", "zone", |row| vec![shown(row, "zone")]),
    ("user, host", "user, host", |row| {
        vec![shown(row, "user"), shown(row, "host")]
    }),
];

fn shown(row: &RowView<'_>, name: &str) -> Value {
    row.text(name).map_or(Value::Null, |text| json!(text))
}

fn bin(row: &RowView<'_>, seconds: i64) -> Value {
    let width = seconds * 1_000_000_000;
    json!(super::time::rfc3339_short(super::time::bin_start(
        row.row.time_nanos,
        width
    )))
}

/// Groups with their rows, by a loop.
fn expected_counts(rows: &[TestRow], query: &str, of: fn(&RowView<'_>) -> Vec<Value>) -> BTreeMap<String, u64> {
    let tester = Tester::new(&filter_of(query).unwrap()).unwrap();
    let mut groups = BTreeMap::new();
    for partition in 0..3 {
        let of_it: Vec<_> = rows.iter().filter(|row| row.partition == partition).collect();
        for row in block(&of_it, 0).rows() {
            let view = RowView::new(row.clone(), TOPIC);
            if tester.matches(&view) {
                *groups.entry(json!(of(&view)).to_string()).or_default() += 1;
            }
        }
    }
    groups
}

/// An answer's groups: all columns but the last, with the last.
fn counts(answer: Answer) -> BTreeMap<String, u64> {
    let group = |mut row: Vec<Value>| {
        let rows = row.pop().and_then(|rows| rows.as_u64()).unwrap();
        (json!(row).to_string(), rows)
    };
    answer.rows.into_iter().map(group).collect()
}

async fn check_counts(fixture: &Fixture, rows: &[TestRow], query: &str) {
    for (keys, sql_keys, of) in COUNTED_BY {
        let expected = expected_counts(rows, query, of);
        let stats = format!("{query} | stats count() by {keys}");
        assert_eq!(counts(ask(fixture, request(&stats)).await), expected, "{stats}");
        // The same of a part of the time.
        let mut part = request(&stats);
        part.from = Some("1970-01-01T00:00:08.5Z".to_owned());
        part.to = Some("1970-01-01T00:00:31Z".to_owned());
        let within: Vec<_> = rows.to_vec();
        let ranged = format!("({query}) timestamp:>=1970-01-01T00:00:08.5Z timestamp:<1970-01-01T00:00:31Z");
        let ranged = if query.is_empty() {
            ranged[2..].to_owned()
        } else {
            ranged
        };
        assert_eq!(
            counts(ask(fixture, part).await),
            expected_counts(&within, &ranged, of),
            "{stats} of a part"
        );
        let sql_keys = sql_keys.replace("user", "\"user\"");
        let sql = format!(
            "SELECT {sql_keys}, count(*) FROM logs WHERE body MATCHES 'connection OR info -reset' GROUP BY {}",
            by(keys)
        );
        let expected = expected_counts(rows, "body:connection OR (body:info -body:reset)", of);
        assert_eq!(counts(ask(fixture, request(&sql)).await), expected, "{sql}");
    }
    let all = expected_ids(rows, query).len();
    let count = ask(fixture, request(&format!("{query} | stats count()"))).await;
    assert_eq!(count.rows, [[json!(all)]], "{query} | stats count()");
}

/// `1, 2, …` for so many keys.
fn by(keys: &str) -> String {
    let keys = keys.replace(", 7s", "").replace(", 10s", "").split(',').count();
    (1..=keys).map(|n| n.to_string()).collect::<Vec<_>>().join(", ")
}

/// The first and the last time, with the count and alone.
async fn check_ends(fixture: &Fixture, rows: &[TestRow], query: &str) {
    let tester = Tester::new(&filter_of(query).unwrap()).unwrap();
    let block = block(&rows.iter().collect::<Vec<_>>(), 0);
    let views = block.rows().map(|row| RowView::new(row, TOPIC));
    let times: Vec<_> = views
        .filter(|view| tester.matches(view))
        .map(|view| view.row.time_nanos)
        .collect();
    let shown = |time: Option<&i64>| json!(time.map(|time| super::time::rfc3339_short(*time)));
    let (first, last) = (shown(times.iter().min()), shown(times.iter().max()));
    let ends = format!("{query} | stats min(timestamp), max(timestamp)");
    let answer = ask(fixture, request(&ends)).await;
    assert_eq!(answer.rows, [[first.clone(), last.clone()]], "{ends}");
    let all = format!("{query} | stats max(timestamp), count(), min(timestamp)");
    let answer = ask(fixture, request(&all)).await;
    assert_eq!(answer.rows, [[last, json!(times.len()), first]], "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_of_a_bin_is_made_of_it_whether_or_not_rows_are_read() {
    let mut fixture = Fixture::new();
    let hours = |n: i64| TestRow::new(1_719_000_000_000_000_000 + n * 3_600_000_000_000, "one");
    fixture.append(&(0..60).map(hours).collect::<Vec<_>>());
    fixture.flush(false);
    for of_bin in [
        "date_bin(INTERVAL '1 hour', timestamp)",
        "date_bin(INTERVAL '1 hour', timestamp)::date",
        "date_bin(INTERVAL '1 hour', timestamp)::varchar",
        "date_bin(INTERVAL '1 hour', timestamp) AT TIME ZONE 'Europe/Berlin'",
        "date_trunc('day', date_bin(INTERVAL '1 hour', timestamp))",
    ] {
        let sql = |more: &str| format!("SELECT {of_bin} AS bin, count(*) AS n{more} FROM logs GROUP BY 1 ORDER BY 1");
        let counted = ask(&fixture, request(&sql(""))).await.rows;
        // With it, rows are read.
        let read = ask(&fixture, request(&sql(", avg(length(body))"))).await.rows;
        let read: Vec<Vec<Value>> = read.into_iter().map(|row| row[..2].to_vec()).collect();
        assert_eq!(counted, read, "{of_bin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_and_the_last_time_are_found_by_an_early_stop() {
    let fixture = sample();
    for query in [
        "explain error | stats min(timestamp), count()",
        "EXPLAIN SELECT max(timestamp) FROM logs",
    ] {
        let plan = json!(ask(&fixture, request(query)).await.rows).to_string();
        assert!(plan.contains("CountsExec"), "{plan}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn every_count_is_that_of_a_loop_live_flushed_merged_and_restarted(
        rows in prop::collection::vec(any_row(), 0..60),
        queries in prop::collection::vec(any_query(), 1..3),
        cut in 0..60_usize,
    ) {
        runtime().block_on(in_every_state(&rows, cut, async |fixture| {
            for query in queries.iter().map(String::as_str).chain(["*"]) {
                check_counts(fixture, &rows, query).await;
                check_ends(fixture, &rows, query).await;
            }
        }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_filter_of_thousands_of_tests_is_refused_by_name() {
    let fixture = sample();
    let words = |count: usize| (0..count).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" OR ");
    ask(&fixture, request(&words(1000))).await;
    for query in [
        words(3000),
        format!("* | where {}", words(3000)),
        format!("{} | stats count() by host", words(3000)),
    ] {
        match fixture.reader.query(request(&query)).await {
            Err(ReadError::Limit { key, .. }) => assert_eq!(key, "query.filter_tests_max"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_the_regexes_of_a_filter_share_their_memory() {
    let fixture = sample();
    let large = |count: usize| {
        let one = |n: usize| format!("/x{n}[a-z]{{4000}}y/");
        (0..count).map(one).collect::<Vec<_>>().join(" OR ")
    };
    ask(&fixture, request(&large(1))).await;
    let error = fixture.reader.query(request(&large(200))).await.unwrap_err();
    assert!(error.to_string().contains("all regexes of a filter share"), "{error}");
    let small: Vec<_> = (0..500).map(|n| format!("/x{n}[0-9]+y/")).collect();
    ask(&fixture, request(&small.join(" OR "))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_of_a_split_goes_with_it() {
    let fixture = sample();
    ask(&fixture, request("error | stats count() by host")).await;
    let before = fixture.reader.cache_stats();
    assert!(before.bytes > 0);
    ask(&fixture, request("error | stats count() by host")).await;
    assert!(fixture.reader.cache_stats().hits > before.hits);
    let split = fixture.catalog.snapshot().splits[0].meta.id.clone();
    fixture.catalog.replace(TOPIC, &[split], &[]).unwrap();
    ask(&fixture, request("*")).await;
    assert_eq!(fixture.reader.cache_stats().bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_looks_at_too_much_is_ended_and_names_the_key() {
    let rows: Vec<_> = (0..100)
        .map(|at| TestRow::new(at, &format!("line {at} of many")))
        .collect();
    type Set = fn(&mut ReadOptions);
    let limits: [(&str, Set); 2] = [
        ("query.scan_rows_max", |options| options.scan_rows_max = 20),
        ("query.scan_bytes_max", |options| options.scan_bytes_max = 100),
    ];
    for (key, set) in limits {
        let mut options = ReadOptions::default();
        set(&mut options);
        let mut fixture = Fixture::with(options);
        fixture.append(&rows);
        fixture.flush(false);
        for query in [
            "/e [0-9]+ o/",
            "/e [0-9]+ o/ | stats count()",
            "/e [0-9]+ o/ | stats max(dur)",
            "SELECT max(body) FROM logs",
        ] {
            let outcome = match fixture.reader.query(request(query)).await {
                Ok(frames) => frames.collect().await.map_err(|error| error.message),
                Err(error) => Err(error.to_string()),
            };
            let message = outcome.expect_err(query);
            assert!(message.contains(key), "{query}: {message}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_of_more_groups_than_memory_holds_is_ended_and_names_the_key() {
    let rows: Vec<_> = (0..100).map(|at| TestRow::new(at * 1_000_000_000, "a line")).collect();
    let mut fixture = Fixture::with(ReadOptions {
        memory_bytes_max: 8 << 10,
        ..ReadOptions::default()
    });
    fixture.append(&rows);
    fixture.flush(false);
    let query = "* | stats count() by bin(timestamp, 1s)";
    let outcome = match fixture.reader.query(request(query)).await {
        Ok(frames) => frames.collect().await.map_err(|error| error.message),
        Err(error) => Err(error.to_string()),
    };
    let message = outcome.expect_err(query);
    assert!(
        message.contains("query.memory_bytes_max") && message.contains("64 groups"),
        "{message}"
    );
}
