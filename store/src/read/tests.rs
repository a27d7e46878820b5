//! The same questions, asked live, flushed, merged and after a restart: the same answers, equal
//! to those of a plain loop over the rows.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use timberline_proto::api::{Answer, Direction, QueryRequest, Record};
use timberline_proto::batch::AttributeValue;

use super::fixture::{Fixture, TOPIC, TestRow, block, in_every_state, severity_name};
use super::histogram::filter_of;
use super::row::RowView;
use super::test::Tester;
use super::{ReadError, ReadOptions};

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

pub(super) fn request(query: &str) -> QueryRequest {
    QueryRequest {
        query: query.to_owned(),
        ..QueryRequest::default()
    }
}

pub(super) async fn ask(fixture: &Fixture, request: QueryRequest) -> Answer {
    let query = request.query.clone();
    let frames = fixture
        .reader
        .query(request)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    frames
        .collect()
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

fn ids(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| record.id.clone()).collect()
}

/// What a loop over the rows finds: ids in total order, newest first.
pub(super) fn expected_ids(rows: &[TestRow], query: &str) -> Vec<String> {
    let tester = Tester::new(&filter_of(query).unwrap()).unwrap();
    let mut found = Vec::new();
    for partition in 0..3 {
        let of_it: Vec<_> = rows.iter().filter(|row| row.partition == partition).collect();
        for row in block(&of_it, 0).rows() {
            if tester.matches(&RowView::new(row.clone(), TOPIC)) {
                found.push(row.order());
            }
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    found
        .into_iter()
        .map(|(_, partition, offset)| format!("{TOPIC}-{partition}-{offset}"))
        .collect()
}

/// Rows, durations and users of one group.
type Group = (u64, Vec<f64>, std::collections::BTreeSet<String>);

/// `stats count() as n, sum(dur) as s, max(dur) as m, dc(user) as u by severity` by a loop.
fn expected_stats(rows: &[TestRow], query: &str) -> BTreeMap<String, Value> {
    let tester = Tester::new(&filter_of(query).unwrap()).unwrap();
    let mut groups: BTreeMap<Option<&str>, Group> = BTreeMap::new();
    let all: Vec<_> = rows.iter().collect();
    for row in block(&all, 0).rows() {
        let view = RowView::new(row.clone(), TOPIC);
        if tester.matches(&view) {
            let group = groups.entry(severity_name(row.line)).or_default();
            group.0 += 1;
            group.1.extend(
                view.text("dur")
                    .and_then(|text| text.trim().parse().ok())
                    .filter(|n: &f64| n.is_finite()),
            );
            group.2.extend(view.text("user").map(|text| text.into_owned()));
        }
    }
    let row = |(key, (n, durations, users)): (Option<&str>, Group)| {
        let sum = durations.iter().copied().reduce(|a, b| a + b).map(|sum| sum as i64);
        let max = durations.iter().copied().reduce(f64::max).map(|max| max as i64);
        (format!("{key:?}"), json!([key, n, sum, max, users.len()]))
    };
    groups.into_iter().map(row).collect()
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "error",
        "Warn",
        "INFO",
        "timeout",
        "10.251.39.242",
        "blk_-12",
        "user-agent",
        "ÄRGER",
        "/api/v1",
        "connection",
        "reset",
        "a",
        "checkout",
    ]);
    let plain = prop::collection::vec(word, 0..6).prop_map(|words| words.join(" ").into_bytes());
    let user = prop::sample::select(vec!["bob", "Alice", "x y", "a\\nb", "ö\\\"q", "\\u0062ob"]);
    let structured = (
        user,
        0..5_i64,
        prop::sample::select(vec!["error", "warn", "info"]),
        any::<bool>(),
    )
        .prop_map(|(user, dur, level, is_json)| match is_json {
            true => {
                format!("{{\"level\":\"{level}\",\"user\":\"{user}\",\"dur\":{dur},\"http\":{{\"status\":50{dur}}}}}")
            }
            false => format!(
                "level={level} user={} dur={dur} msg=\"connection reset\"",
                user.replace(' ', "_")
            ),
        });
    prop_oneof![
        3 => plain,
        3 => structured.prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

pub(super) fn any_row() -> impl Strategy<Value = TestRow> {
    let attributes = prop_oneof![
        3 => Just(Vec::new()),
        1 => (0..3_i64).prop_map(|n| vec![("shard".to_owned(), AttributeValue::Integer(n))]),
        1 => Just(vec![("zone".to_owned(), AttributeValue::Text("eu west".into()))]),
    ];
    let row = (0..40_i64, 0..3_u32, 0..3_u8, any_line(), attributes, 0..6_u8);
    row.prop_map(|(seconds, partition, host, line, attributes, stamp)| TestRow {
        time: seconds * 1_000_000_000,
        partition,
        host,
        line: stamped(stamp, seconds, &line),
        attributes,
    })
}

/// Often the line says its own time, which a split then stores as a slot of the line's template.
fn stamped(stamp: u8, seconds: i64, line: &[u8]) -> Vec<u8> {
    let time = match stamp {
        1 => format!("1970-01-01T00:00:{seconds:02}Z "),
        2 => format!("Jan  1 00:00:{seconds:02} "),
        3 => format!("[Thu Jan 01 00:00:{seconds:02} 1970] "),
        _ => String::new(),
    };
    [time.as_bytes(), line].concat()
}

pub(super) fn any_query() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "error",
        "warn",
        "timeout",
        "10.251.39.242",
        "blk_-12",
        "user-agent",
        "ärger",
        "/api/v1",
        "\"connection reset\"",
        "conn*",
        "*set",
        "*meou*",
        "blk*12",
        "/conn.*reset/",
        "/(?i)ERROR|warn/",
        "user:bob",
        "user:b",
        "user:*",
        "user:=alice",
        "dur:>2",
        "dur:<=1",
        "dur:[1 TO 3]",
        "http.status:>=502",
        "http.status:=503",
        "host:web-1",
        "host:web-*",
        "host.name:web-2",
        "service:checkout",
        "service.name:=cart",
        "level:error",
        "severity:>=warn",
        "severity:info",
        "shard:=1",
        "shard:>0",
        "zone:west",
        "west",
        "web",
        "body:reset",
        "timestamp:>=1970-01-01T00:00:20Z",
        "partition:1",
        "file:app1",
        "user:/^b/",
        "msg:\"connection reset\"",
        "nothing",
        "jan",
        "1970",
        "01t00",
        "\"Thu Jan 01\"",
        "\"] error\"",
        "*97*",
        "an*",
        "/00:00:1[0-9]/",
        "/^Jan .*error/",
        "00:00:07",
    ]);
    let leaf = leaf.prop_map(str::to_owned);
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|any| format!("({})", any.join(" OR "))),
            inner.prop_map(|one| format!("NOT ({one})")),
        ]
    })
}

async fn check_all(fixture: &Fixture, rows: &[TestRow], query: &str, portion: u64) {
    let expected = expected_ids(rows, query);
    let all = ask(fixture, request(query)).await;
    assert_eq!(ids(&all.records), expected, "{query}");
    check_portions(fixture, query, portion, &expected).await;

    let mut forward = request(query);
    forward.direction = Direction::Forward;
    forward.limit = Some(portion);
    let reversed: Vec<_> = expected.iter().rev().take(portion as usize).cloned().collect();
    assert_eq!(ids(&ask(fixture, forward).await.records), reversed, "{query} forward");

    let stats = format!("{query} | stats count() as n, sum(dur) as s, max(dur) as m, dc(user) as u by severity");
    let answer = ask(fixture, request(&stats)).await;
    let found: BTreeMap<_, _> = answer
        .rows
        .into_iter()
        .map(|row| (format!("{:?}", row[0].as_str()), json!(row)))
        .collect();
    assert_eq!(found, expected_stats(rows, query), "{stats}");

    let head = ask(fixture, request(&format!("{query} | head {portion} | fields id"))).await;
    let found: Vec<_> = head
        .rows
        .iter()
        .map(|row| row[0].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        found,
        expected[..expected.len().min(portion as usize)],
        "{query} | head"
    );

    let chart = ask(fixture, request(&format!("{query} | timechart span=5s count() as n"))).await;
    let total: i64 = chart.rows.iter().map(|row| row[1].as_i64().unwrap()).sum();
    assert_eq!(total as usize, expected.len(), "{query} | timechart");

    let top = ask(fixture, request(&format!("{query} | top 100 host"))).await;
    let total: i64 = top.rows.iter().map(|row| row[1].as_i64().unwrap()).sum();
    assert_eq!(total as usize, expected.len(), "{query} | top");

    let histogram = fixture.reader.histogram(timberline_proto::api::HistogramRequest {
        query: query.to_owned(),
        to: Some("1970-01-01T00:01:00Z".to_owned()),
        ..Default::default()
    });
    assert_eq!(
        histogram.await.unwrap().total as usize,
        expected.len(),
        "{query} histogram"
    );
}

async fn check_portions(fixture: &Fixture, query: &str, portion: u64, expected: &[String]) {
    let mut found = Vec::new();
    let mut next = request(query);
    next.limit = Some(portion);
    loop {
        let answer = ask(fixture, next.clone()).await;
        found.extend(ids(&answer.records));
        let Some(cursor) = answer.end.cursor else { break };
        next.cursor = Some(cursor);
        assert!(found.len() <= expected.len(), "{query} by portions of {portion}");
    }
    assert_eq!(found, expected, "{query} by portions of {portion}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn every_question_has_one_answer_live_flushed_merged_and_restarted(
        rows in prop::collection::vec(any_row(), 0..60),
        queries in prop::collection::vec(any_query(), 1..4),
        cut in 0..60_usize,
        portion in 1..7_u64,
    ) {
        runtime().block_on(in_every_state(&rows, cut, async |fixture| {
            for query in &queries {
                check_all(fixture, &rows, query, portion).await;
            }
        }));
    }
}

pub(super) fn sample() -> Fixture {
    let mut fixture = Fixture::new();
    let line = |at: i64| match at % 4 {
        0 => format!(
            "{{\"level\":\"error\",\"http\":{{\"status\":500}},\"userId\":\"u{}\",\"dur\":{at}}}",
            at % 3
        ),
        1 => format!("level=info status=200 dur={at}"),
        2 => format!("connection reset by peer number{at}"),
        _ => "GET /index.html".to_owned(),
    };
    let rows: Vec<_> = (0..100).map(|at| TestRow::new(at * 1_000_000_000, &line(at))).collect();
    fixture.append(&rows[..60]);
    fixture.flush(false);
    fixture.append(&rows[60..]);
    fixture
}

async fn table(fixture: &Fixture, query: &str) -> Vec<Value> {
    ask(fixture, request(query))
        .await
        .rows
        .into_iter()
        .map(Value::from)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_sees_fields_as_what_they_are_used_as() {
    let fixture = sample();
    let rows = table(&fixture, "SELECT count(*) FROM logs").await;
    assert_eq!(rows, [json!([100])]);
    let rows = table(
        &fixture,
        "SELECT count(*) AS n FROM logs WHERE http.status >= 500 AND dur < 50",
    )
    .await;
    assert_eq!(rows, [json!([13])]);
    let rows = table(
        &fixture,
        "SELECT userId, sum(dur) FROM logs WHERE userId = 'u1' GROUP BY userId",
    )
    .await;
    let sum: i64 = (0..100).filter(|at| at % 4 == 0 && at % 3 == 1).sum();
    assert_eq!(rows, [json!(["u1", sum])]);
    let rows = table(
        &fixture,
        "SELECT host, count(*) FROM logs WHERE body MATCHES 'connection reset' GROUP BY 1",
    )
    .await;
    assert_eq!(rows, [json!(["web-1", 25])]);
    let rows = table(
        &fixture,
        "SELECT count(*) FROM logs WHERE timestamp >= '1970-01-01T00:01:30Z'",
    )
    .await;
    assert_eq!(rows, [json!([10])]);
    let rows = table(&fixture, "SELECT * FROM logs ORDER BY timestamp LIMIT 1").await;
    assert_eq!(rows[0].as_array().unwrap().len(), super::row::FIXED.len());
    assert_eq!(rows[0][0], json!("1970-01-01T00:00:00Z"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_work_on_each_other() {
    let fixture = sample();
    let rows = table(
        &fixture,
        "* | stats count() as n by severity | where n:>30 | sort -n | head 1",
    )
    .await;
    assert_eq!(rows, [json!([null, 50])]);
    let rows = table(
        &fixture,
        "dur:* | stats min(dur), max(dur), avg(dur), median(dur), first(dur), last(dur)",
    )
    .await;
    assert_eq!(rows, [json!([0, 97, 48.5, 48.5, "0", "97"])]);
    let rows = table(&fixture, "* | top 1 severity").await;
    assert_eq!(rows, [json!(["error", 25, 50])]);
    let rows = table(&fixture, "dur:>90 | sort dur | fields dur").await;
    assert_eq!(rows, [json!(["92"]), json!(["93"]), json!(["96"]), json!(["97"])]);
    let rows = table(&fixture, "* | head 4 | where body:reset | fields body").await;
    assert_eq!(rows, [json!(["connection reset by peer number98"])]);
    let rows = table(&fixture, "number2 OR number98 | timechart span=30s count() as n").await;
    assert_eq!(
        rows.iter().map(|row| row[1].clone()).collect::<Vec<_>>(),
        [json!(1), json!(0), json!(0), json!(1)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_what_is_skipped() {
    let fixture = sample();
    let text = json!(ask(&fixture, request("explain number2 | stats count()")).await.rows).to_string();
    assert!(text.contains("CountsExec") && text.contains("splits=1"), "{text}");
    for query in ["explain number2", "EXPLAIN SELECT count(*) FROM logs WHERE dur > 5"] {
        let text = json!(ask(&fixture, request(query)).await.rows).to_string();
        assert!(
            text.contains("LogsScan") && text.contains("pages=8 kept="),
            "{query}: {text}"
        );
    }
    let text = json!(
        ask(&fixture, request("explain analyze number2 | stats count()"))
            .await
            .rows
    )
    .to_string();
    assert!(text.contains("rows_tested="), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_what_each_step_keeps_and_how_long_it_takes() {
    let fixture = sample();
    let plan = async |query: &str| json!(ask(&fixture, request(query)).await.rows).to_string();
    for query in [
        "explain number2 | sort dur",
        "EXPLAIN SELECT body FROM logs WHERE body MATCHES 'number2' ORDER BY dur",
    ] {
        let text = plan(query).await;
        for shown in [
            "splits=1 skipped=0",
            "pages=8 kept=",
            "rows=60 kept_at_most=",
            "bytes=",
            "index=",
        ] {
            assert!(text.contains(shown), "{query}: no {shown} in {text}");
        }
    }
    for query in [
        "explain analyze number2 | sort dur",
        "EXPLAIN ANALYZE SELECT body FROM logs WHERE body MATCHES 'number2' ORDER BY dur",
    ] {
        let text = plan(query).await;
        for counted in [
            "index_time=",
            "test_time=",
            "column_time=",
            "page_bytes=",
            "line_bytes=",
            "output_rows=",
            "elapsed_compute=",
        ] {
            assert!(text.contains(counted), "{query}: no {counted} in {text}");
        }
    }
    for query in [
        "explain analyze number2 | stats count() by host",
        "EXPLAIN ANALYZE SELECT host, count(*) FROM logs WHERE body MATCHES 'number2' GROUP BY host",
        "explain analyze number2 | patterns",
    ] {
        let text = plan(query).await;
        for counted in [
            "splits=1",
            "splits_skipped=",
            "splits_cached=",
            "pages=8",
            "pages_read=",
            "rows_kept=",
        ] {
            assert!(text.contains(counted), "{query}: no {counted} in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_reached_names_its_key() {
    let fixture = Fixture::with(ReadOptions {
        rows_max: 10,
        ..ReadOptions::default()
    });
    let rows: Vec<_> = (0..50).map(|at| TestRow::new(at, "line")).collect();
    fixture.append(&rows);
    let mut too_many = request("line");
    too_many.limit = Some(11);
    let error = fixture.reader.query(too_many).await.unwrap_err();
    assert!(error.to_string().contains("query.rows_max"), "{error}");
    let frames = fixture.reader.query(request("SELECT body FROM logs")).await.unwrap();
    let error = frames.collect().await.unwrap_err();
    assert_eq!(error.code, "limit");
    assert!(error.message.contains("query.rows_max"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_out_of_time_or_cancelled_says_so() {
    let fixture = Fixture::with(ReadOptions {
        time_limit: std::time::Duration::ZERO,
        ..ReadOptions::default()
    });
    fixture.append(&[TestRow::new(1, "line")]);
    let outcome = match fixture.reader.query(request("line")).await {
        Ok(frames) => frames.collect().await.map_err(|error| error.code),
        Err(error) => Err(error.code().to_owned()),
    };
    assert!(matches!(outcome.unwrap_err().as_str(), "timeout" | "limit"));
    assert!(!fixture.reader.cancel("nobody"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_computes_without_end_is_cancelled_by_name_and_by_who_stops_listening() {
    let mut fixture = Fixture::with(ReadOptions {
        // One may run: the next waits until it is gone.
        concurrent_max: 1,
        time_limit: std::time::Duration::from_secs(3600),
        ..ReadOptions::default()
    });
    let rows: Vec<_> = (0..1000).map(|n| TestRow::new(n, &format!("line {n}"))).collect();
    fixture.append(&rows);
    fixture.flush(false);
    // A thousand to the fifth rows.
    let endless = "SELECT count(*) FROM logs a, logs b, logs c, logs d, logs e \
                   WHERE concat(a.body, b.body, c.body, d.body, e.body) = 'x'";
    let asked = |query_id: &str| QueryRequest {
        query_id: Some(query_id.to_owned()),
        ..request(endless)
    };
    let reader = fixture.reader.clone();
    let by_name = tokio::spawn({
        let (reader, asked) = (reader.clone(), asked("by name"));
        async move {
            match reader.query(asked).await {
                Ok(frames) => frames.collect().await.map_err(|error| error.code),
                Err(error) => Err(error.code().to_owned()),
            }
        }
    });
    while !reader.cancel("by name") {
        tokio::task::yield_now().await;
    }
    assert_eq!(by_name.await.unwrap().unwrap_err(), "cancelled");

    let frames = reader.query(asked("left alone")).await.unwrap();
    drop(frames);
    while reader.cancel("left alone") {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask(&fixture, request("* | stats count()")).await.rows, [[json!(1000)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_query_names_its_place() {
    let fixture = sample();
    for query in [
        "error |",
        "x | stats count() as n by host | sort -m",
        "SELECT FROM WHERE",
        "/(/",
        "SELECT nope( FROM logs",
    ] {
        match fixture.reader.query(request(query)).await {
            Err(ReadError::Query(error)) => assert!(error.span.end <= query.len(), "{query}: {error:?}"),
            other => panic!("{query}: {other:?}"),
        }
    }
    for query in ["DROP TABLE logs", "SELECT 1; SELECT 2"] {
        let outcome = fixture.reader.query(request(query)).await;
        // A text that begins as no SQL does is a search.
        assert!(outcome.is_err() || !query.starts_with("SELECT"), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_split_is_named_and_the_rest_answers() {
    let mut fixture = Fixture::new();
    fixture.append(&[TestRow::new(1, "first")]);
    fixture.flush(false);
    for file in std::fs::read_dir(fixture.dir.path()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|e| e == "split") {
            let mut bytes = std::fs::read(&path).unwrap();
            let end = bytes.len();
            bytes[end / 2..].fill(0xa5);
            std::fs::write(&path, bytes).unwrap();
        }
    }
    fixture.append(&[TestRow::new(2, "second")]);
    let fixture = fixture;
    let answer = ask(&fixture, request("*")).await;
    assert_eq!(ids(&answer.records), ["logs-0-1"]);
    assert_eq!(answer.completeness.partial.len(), 1, "{:?}", answer.completeness);
    assert!(fixture.catalog.snapshot().splits[0].quarantined.is_some());
    let again = ask(&fixture, request("*")).await;
    assert_eq!((again.records.len(), again.completeness.partial.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_found_by_its_id_with_its_neighbours() {
    let fixture = sample();
    let record = fixture.reader.record(&"logs-0-58".parse().unwrap()).await.unwrap();
    assert_eq!(record.body, "connection reset by peer number58");
    let around = fixture
        .reader
        .context(&"logs-0-59".parse().unwrap(), 2, 2)
        .await
        .unwrap();
    assert_eq!(
        ids(&around.records),
        ["logs-0-57", "logs-0-58", "logs-0-59", "logs-0-60", "logs-0-61"]
    );
    let missing = fixture.reader.record(&"logs-0-500".parse().unwrap()).await;
    assert!(matches!(missing, Err(ReadError::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_summed_up_over_the_newest_records() {
    let fixture = sample();
    let answer = fixture
        .reader
        .fields(timberline_proto::api::FieldsRequest::default())
        .await
        .unwrap();
    assert!(answer.exact && answer.rows == 100);
    let dur = answer.fields.iter().find(|field| field.name == "dur").unwrap();
    assert_eq!(
        (dur.count, dur.distinct, dur.types.as_slice()),
        (50, 50, &["integer".to_owned()][..])
    );
    let severity = answer.fields.iter().find(|field| field.name == "severity").unwrap();
    assert_eq!(severity.top[0].count, 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn tail_gives_what_matches_as_it_arrives() {
    let fixture = sample();
    let mut tail = fixture.reader.tail("error").await.unwrap();
    fixture.append(&[TestRow::new(5, "an error"), TestRow::new(6, "fine")]);
    let records = tail.next().await.unwrap();
    assert_eq!(
        records.iter().map(|r| r.body.as_str()).collect::<Vec<_>>(),
        ["an error"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_beyond_the_bound_are_refused_until_one_leaves() {
    let fixture = Fixture::with(ReadOptions {
        tails_max: 1,
        ..ReadOptions::default()
    });
    let first = fixture.reader.tail("error").await.unwrap();
    let refused = fixture.reader.tail("error").await.unwrap_err();
    assert!(refused.to_string().contains("query.tails_max"), "{refused}");
    drop(first);
    fixture.reader.tail("error").await.unwrap();
}
