//! Turns: who waits, and who gives one back.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use timberline_proto::api::{Frame, QueryRequest};

use super::fixture::{Fixture, TestRow};
use super::tests::request;
use super::{Frames, ReadError, ReadOptions};

/// More than waits for a slow listener.
const ROWS: i64 = 20_000;
const DEADLINE: Duration = Duration::from_secs(30);

/// One turn, and a query may take a second.
fn one_turn() -> Fixture {
    let rows: Vec<_> = (0..ROWS)
        .map(|n| TestRow::new(n, &format!("line {n} {}", "x".repeat(100))))
        .collect();
    let mut fixture = Fixture::with(ReadOptions {
        concurrent_max: 1,
        time_limit: Duration::from_secs(1),
        ..ReadOptions::default()
    });
    fixture.page_rows_max = 4096;
    fixture.append(&rows);
    fixture.flush(false);
    fixture
}

/// An answer of which nothing is taken.
async fn stalled(fixture: &Fixture, query: &str) -> Frames {
    let request = QueryRequest {
        limit: Some(ROWS as u64),
        ..request(query)
    };
    fixture.reader.query(request).await.unwrap()
}

/// Asks until there is a turn.
async fn answered(fixture: &Fixture, query: &str) {
    let start = Instant::now();
    loop {
        match fixture.reader.query(request(query)).await {
            Ok(frames) => {
                frames.collect().await.unwrap();
                return;
            }
            Err(ReadError::Limit {
                key: "query.concurrent_max",
                ..
            }) => {}
            Err(other) => panic!("{query}: {other}"),
        }
        assert!(start.elapsed() < DEADLINE, "{query}: no turn came");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s17_a_listener_that_takes_nothing_keeps_no_turn_and_no_view() {
    let fixture = one_turn();
    for query in ["*", "* | fields body", "SELECT body FROM logs"] {
        let mut frames = stalled(&fixture, query).await;
        // Another snapshot follows, so that this one is held by whoever works alone.
        let seen: Weak<_> = Arc::downgrade(&fixture.catalog.snapshot());
        fixture.merge();
        answered(&fixture, "* | stats count()").await;
        let start = Instant::now();
        while seen.upgrade().is_some() {
            assert!(start.elapsed() < DEADLINE, "{query}: its view is held");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // It reads on in the end, and is told.
        let mut last = None;
        while let Some(frame) = frames.next().await {
            last = Some(frame);
        }
        assert!(
            matches!(&last, Some(Frame::Error(error)) if error.code == "timeout"),
            "{query}: {last:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_cancelled_ends_though_its_listener_takes_nothing() {
    let fixture = one_turn();
    let request = QueryRequest {
        limit: Some(ROWS as u64),
        query_id: Some("mine".to_owned()),
        ..request("*")
    };
    let mut frames = fixture.reader.query(request).await.unwrap();
    assert!(fixture.reader.cancel("mine"));
    answered(&fixture, "* | stats count()").await;
    let mut last = None;
    while let Some(frame) = frames.next().await {
        last = Some(frame);
    }
    assert!(
        matches!(&last, Some(Frame::Error(error)) if error.code == "cancelled"),
        "{last:?}"
    );
}
