//! Queries that need more memory than there is: they spill, or end with an error that names the key.

use std::path::Path;

use serde_json::{Value, json};
use timberline_proto::api::Frame;

use super::fixture::{Fixture, TestRow};
use super::tests::request;
use super::{ReadError, ReadOptions};

const ROWS: i64 = 20_000;

fn many(memory_bytes_max: usize, spill_bytes_max: u64, spill_dir: &Path) -> Fixture {
    // Scattered, so that a sort has work.
    let line = |n: i64| format!("{{\"n\":{},\"pad\":\"{}\"}}", (n * 7919) % ROWS, "x".repeat(200));
    let rows: Vec<_> = (0..ROWS).map(|n| TestRow::new(n, &line(n))).collect();
    let mut fixture = Fixture::with(ReadOptions {
        memory_bytes_max,
        spill_bytes_max,
        spill_dir: Some(spill_dir.to_owned()),
        threads: 2,
        ..ReadOptions::default()
    });
    fixture.page_rows_max = 4096;
    fixture.append(&rows);
    fixture.flush(false);
    fixture
}

async fn outcome(fixture: &Fixture, query: &str) -> Result<Vec<Vec<Value>>, String> {
    match fixture.reader.query(request(query)).await {
        Ok(mut frames) => {
            // Not collected: that has its own share of the memory.
            let mut all = Vec::new();
            while let Some(frame) = frames.next().await {
                match frame {
                    Frame::Rows { mut rows } => all.append(&mut rows),
                    Frame::Error(error) => return Err(error.message),
                    _ => {}
                }
            }
            Ok(all)
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Files below the directory.
fn files(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_a_sort_and_a_group_by_beyond_memory_spill_and_are_right() {
    let spill = tempfile::tempdir().unwrap();
    // The lines alone are 4 MB.
    let fixture = many(3 << 20, 1 << 30, spill.path());
    let sorted = "SELECT n, body FROM logs ORDER BY n";
    let rows = outcome(&fixture, sorted).await.unwrap();
    let numbers: Vec<i64> = rows
        .iter()
        .map(|row| {
            row[0]
                .as_str()
                .map_or_else(|| row[0].as_i64().unwrap(), |text| text.parse().unwrap())
        })
        .collect();
    assert_eq!(numbers, (0..ROWS).collect::<Vec<_>>());

    let grouped = "SELECT body, count(*) AS c, max(n) FROM logs GROUP BY body";
    let rows = outcome(&fixture, grouped).await.unwrap();
    assert_eq!(rows.len(), ROWS as usize);
    assert!(rows.iter().all(|row| row[1] == json!(1)));
    assert_eq!(files(spill.path()), 0, "what was spilled goes with its query");
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_a_join_beyond_memory_sorts_both_sides_and_spills() {
    let spill = tempfile::tempdir().unwrap();
    let fixture = many(6 << 20, 1 << 30, spill.path());
    let join = "SELECT count(*), min(a.n), max(b.n) FROM logs a JOIN logs b ON a.id = b.id AND a.body = b.body";
    let rows = outcome(&fixture, join).await.unwrap();
    assert_eq!(rows[0][0], json!(ROWS));
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_a_query_beyond_memory_and_disk_is_refused_by_name_and_the_next_one_answers() {
    let spill = tempfile::tempdir().unwrap();
    let fixture = many(3 << 20, 256 << 10, spill.path());
    let message = outcome(&fixture, "SELECT n, body FROM logs ORDER BY n")
        .await
        .unwrap_err();
    assert!(message.contains("query.spill_bytes_max"), "{message}");
    // This one cannot spill.
    let message = outcome(
        &fixture,
        "SELECT length(array_to_string(array_agg(body), '')) FROM logs",
    )
    .await
    .unwrap_err();
    assert!(message.contains("query.memory_bytes_max"), "{message}");
    let rows = outcome(&fixture, "* | stats count()").await.unwrap();
    assert_eq!(rows, [[json!(ROWS)]]);
    assert_eq!(files(spill.path()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_queries_at_once_share_one_memory() {
    let spill = tempfile::tempdir().unwrap();
    let fixture = many(4 << 20, 1 << 30, spill.path());
    let sorted = "SELECT n, body FROM logs ORDER BY n";
    let all = futures::future::join_all((0..4).map(|_| outcome(&fixture, sorted))).await;
    for one in all {
        match one {
            Ok(rows) => assert_eq!(rows.len(), ROWS as usize),
            Err(message) => assert!(message.contains("query.memory_bytes_max"), "{message}"),
        }
    }
    assert_eq!(outcome(&fixture, sorted).await.unwrap().len(), ROWS as usize);
    assert_eq!(fixture.reader.runtime().memory_pool.reserved(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_on_time_rows_and_bytes_say_which_and_how_to_raise_them() {
    let spill = tempfile::tempdir().unwrap();
    type Set = fn(&mut ReadOptions);
    let limits: [(&str, Set); 4] = [
        ("query.time_limit", |options| {
            options.time_limit = std::time::Duration::ZERO
        }),
        ("query.rows_max", |options| options.rows_max = 10),
        ("query.scan_rows_max", |options| options.scan_rows_max = 10),
        ("query.scan_bytes_max", |options| options.scan_bytes_max = 10),
    ];
    for (key, set) in limits {
        let mut options = ReadOptions {
            spill_dir: Some(spill.path().to_owned()),
            ..ReadOptions::default()
        };
        set(&mut options);
        let mut fixture = Fixture::with(options);
        let rows: Vec<_> = (0..100).map(|n| TestRow::new(n, &format!("a line {n}"))).collect();
        fixture.append(&rows);
        fixture.flush(false);
        for query in ["/e [0-9]+/ | sort body", "SELECT body FROM logs ORDER BY body"] {
            let message = outcome(&fixture, query).await.expect_err(query);
            assert!(message.contains(key) && message.contains("raise"), "{query}: {message}");
        }
    }
}

#[test]
fn what_a_killed_process_spilled_goes_at_the_start_and_nothing_else() {
    let spill = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(spill.path().join("datafusion-abc")).unwrap();
    std::fs::write(spill.path().join("datafusion-abc/part"), b"left").unwrap();
    std::fs::write(spill.path().join("mine"), b"kept").unwrap();
    let fixture = Fixture::with(ReadOptions {
        spill_dir: Some(spill.path().to_owned()),
        ..ReadOptions::default()
    });
    assert!(fixture.reader.options().spill_dir.is_some());
    assert!(!spill.path().join("datafusion-abc").exists());
    assert!(spill.path().join("mine").exists());
}

#[test]
fn a_spill_directory_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let options = ReadOptions {
        spill_dir: Some(file.path().join("below")),
        ..ReadOptions::default()
    };
    match super::engine::runtime(&options) {
        Err(ReadError::Internal(message)) => assert!(message.contains("below"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s09_what_pipes_and_whole_answers_collect_is_of_the_memory_of_all_queries() {
    let spill = tempfile::tempdir().unwrap();
    let fixture = many(3 << 20, 1 << 30, spill.path());
    for query in [
        "* | head 20000 | stats count() by host",
        "* | tail 20000 | stats count() by host",
    ] {
        let message = outcome(&fixture, query).await.expect_err(query);
        assert!(message.contains("query.memory_bytes_max"), "{query}: {message}");
        assert_eq!(fixture.reader.runtime().memory_pool.reserved(), 0, "{query}");
    }
    // An answer goes out as it comes, but not as one.
    let all = "* | fields body";
    assert_eq!(outcome(&fixture, all).await.unwrap().len(), ROWS as usize);
    let whole = fixture.reader.query(request(all)).await.unwrap().collect().await;
    let message = whole.unwrap_err().message;
    assert!(message.contains("query.memory_bytes_max"), "{message}");
    let few = outcome(&fixture, "* | head 2000 | stats count() by host")
        .await
        .unwrap();
    assert_eq!(few, [[json!("web-1"), json!(2000)]]);
    assert_eq!(fixture.reader.runtime().memory_pool.reserved(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timechart_stops_at_its_rows_before_it_holds_them() {
    let spill = tempfile::tempdir().unwrap();
    let mut fixture = Fixture::with(ReadOptions {
        rows_max: 100,
        spill_dir: Some(spill.path().to_owned()),
        ..ReadOptions::default()
    });
    let rows: Vec<_> = (0..1000).map(|n| TestRow::new(n, &format!("a line {n}"))).collect();
    fixture.append(&rows);
    fixture.flush(false);
    let message = outcome(&fixture, "* | timechart span=1h count() by id")
        .await
        .unwrap_err();
    assert!(
        message.contains("query.rows_max") && message.contains("a pipe makes"),
        "{message}"
    );
}
