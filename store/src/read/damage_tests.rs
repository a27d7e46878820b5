//! Every byte of a split turned, every length cut: an answer is whole or says what it lacks, and
//! whatever else is asked of the split gives the right bytes or an error.

use serde_json::Value;
use timberline_proto::api::QueryRequest;
use timberline_proto::id::GenerationId;

use super::fixture::{Fixture, TestRow};
use super::{FileRequest, ReadError};

/// Bytes between two that are turned: all of them would take minutes.
const STEP: usize = 5;

fn sample() -> (Fixture, std::path::PathBuf) {
    let mut fixture = Fixture::new();
    let rows: Vec<TestRow> = (0..40)
        .map(|n| TestRow::new(n, &format!("request {n} from host{} took {} ms", n % 3, n * 7)))
        .collect();
    fixture.append(&rows);
    fixture.flush(false);
    let id = fixture.catalog.snapshot().splits[0].meta.id.clone();
    let path = fixture.dir.path().join(format!("{id}.split"));
    (fixture, path)
}

/// Asks everything that reads splits.
async fn check(fixture: &Fixture, expected: &[String], what: &str) {
    let id = fixture.catalog.snapshot().splits[0].meta.id.clone();
    fixture.catalog.release(&id).unwrap();
    fixture.forget_open_splits();
    for query in ["*", "request", "host1 | stats count() as n by host"] {
        let request = QueryRequest {
            query: query.to_owned(),
            ..QueryRequest::default()
        };
        let answer = fixture.reader.query(request).await.unwrap().collect().await.unwrap();
        let says = answer.completeness.partial.iter().any(|partial| partial.contains(&id));
        if query.contains('|') {
            assert!(
                says || answer.rows == [vec![Value::from("web-1"), Value::from(13)]],
                "{what}: {:?}",
                answer.rows
            );
            continue;
        }
        let found: Vec<String> = answer.records.iter().map(|record| record.body.clone()).collect();
        assert!(says || found == expected, "{what}: {query} found {found:?}");
        assert!(found.iter().all(|line| expected.contains(line)), "{what}: {found:?}");
    }
    fixture.catalog.release(&id).unwrap();
    fixture.forget_open_splits();
    match fixture.reader.context(&"logs-0-20".parse().unwrap(), 2, 2).await {
        Ok(around) => {
            let sound = around.records.iter().all(|record| expected.contains(&record.body));
            assert!(
                sound && (around.records.len() == 5 || !around.partial.is_empty()),
                "{what}: {around:?}"
            );
        }
        Err(ReadError::Incomplete(reason)) => assert!(reason.contains(&id), "{what}: {reason}"),
        Err(error) => panic!("{what}: {error}"),
    }
    let files = fixture.reader.files(FileRequest::default()).await.unwrap();
    assert!(files.files.len() == 1 || !files.partial.is_empty(), "{what}: {files:?}");
    let generation = GenerationId([1; 16]);
    if let Ok(mut bytes) = fixture.reader.file_bytes(generation, 0, Some(20), true).await {
        while let Some(chunk) = bytes.next().await {
            let Ok(chunk) = chunk else { break };
            assert!(b"request 0 from host0".starts_with(&chunk[..]), "{what}: {chunk:?}");
        }
    }
    let checked = fixture.reader.check_split(&id).await.unwrap();
    assert!(
        checked.quarantined.is_some(),
        "{what}: a check of the whole file sees nothing"
    );
}

fn lines() -> Vec<String> {
    let line = |n: i64| format!("request {n} from host{} took {} ms", n % 3, n * 7);
    (0..40).rev().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_a_byte_turned_anywhere_never_gives_a_wrong_answer() {
    let (fixture, path) = sample();
    let sound = std::fs::read(&path).unwrap();
    for at in (0..sound.len()).step_by(STEP) {
        let mut turned = sound.clone();
        turned[at] ^= 1 << (at % 8);
        std::fs::write(&path, &turned).unwrap();
        check(&fixture, &lines(), &format!("byte {at}")).await;
    }
    std::fs::write(&path, &sound).unwrap();
    let id = fixture.catalog.snapshot().splits[0].meta.id.clone();
    assert_eq!(fixture.reader.check_split(&id).await.unwrap().quarantined, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_a_split_cut_to_any_length_never_gives_a_wrong_answer() {
    let (fixture, path) = sample();
    let sound = std::fs::read(&path).unwrap();
    for length in (0..sound.len()).step_by(7 * STEP) {
        std::fs::write(&path, &sound[..length]).unwrap();
        check(&fixture, &lines(), &format!("length {length}")).await;
    }
}

#[test]
fn a_split_is_marked_once_however_many_of_its_pages_cannot_be_read() {
    let mut fixture = Fixture::new();
    fixture.append(&[TestRow::new(1, "a line")]);
    fixture.flush(false);
    let id = fixture.catalog.snapshot().splits[0].meta.id.clone();
    let view = fixture.reader.view();
    let running = super::running::Running::new(std::time::Duration::from_secs(60), Default::default());
    let damaged = crate::split::SplitError::Damaged {
        path: fixture.dir.path().to_owned(),
        what: "page 1".to_owned(),
    };
    view.failed(&id, 1, &damaged, &running);
    let marked = fixture.catalog.snapshot();
    assert!(marked.splits[0].quarantined.is_some());
    view.failed(&id, 1, &damaged, &running);
    // Each transaction makes a snapshot of its own.
    assert!(std::sync::Arc::ptr_eq(&marked, &fixture.catalog.snapshot()));
}
