//! Each cause that rows alone can have; those of the way to the store are tested by the real program.

use timberline_proto::api::{CauseCode, ExplainAnswer, ExplainRequest, QueryRequest};

use crate::read::fixture::{Fixture, TestRow};
use crate::read::tests::ask;
use crate::read::time::now_nanos;

const SECOND: i64 = 1_000_000_000;

fn fixture() -> Fixture {
    let rows: Vec<_> = (0..100_i64)
        .map(|n| {
            TestRow::new(
                n * SECOND,
                &format!("level=info msg=\"connection reset by peer\" part=foobar-{n} user=ann"),
            )
        })
        .collect();
    let mut fixture = Fixture::new();
    fixture.append(&rows[..50]);
    fixture.flush(false);
    fixture.append(&rows[50..]);
    fixture
}

async fn explained(fixture: &Fixture, query: &str, from: Option<&str>, to: Option<&str>) -> ExplainAnswer {
    let request = ExplainRequest {
        query: query.to_owned(),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
    };
    fixture.reader.explain(request).await.unwrap()
}

/// The first cause, and that the question it leads to finds so many records.
async fn first(fixture: &Fixture, query: &str, code: CauseCode, finds: usize) -> String {
    let answer = explained(fixture, query, None, None).await;
    let cause = answer.causes.first().unwrap_or_else(|| panic!("{query} has no cause"));
    assert_eq!(cause.code, code, "{query}: {:?}", answer.causes);
    assert!(answer.complete);
    let way = cause.way.clone().unwrap();
    let asked = QueryRequest {
        query: way.query.unwrap(),
        ..QueryRequest::default()
    };
    let found = ask(fixture, asked.clone()).await.records.len();
    assert_eq!(found, finds, "{}", asked.query);
    cause.message.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_within_longer_ones_is_offered_as_a_fragment() {
    let message = first(&fixture(), "foo reset", CauseCode::WordCut, 100).await;
    assert!(message.contains("100 lines") && message.contains("foobar"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_behind_the_colours_of_a_terminal_is_offered_and_named_so() {
    let mut fixture = Fixture::new();
    let rows: Vec<_> = (0..3_i64)
        .map(|n| TestRow::new(n * SECOND, "\u{1b}[1;31mERROR\u{1b}[0m no lamp left"))
        .collect();
    fixture.append(&rows);
    fixture.flush(false);
    let message = first(&fixture, "error lamp", CauseCode::WordCut, 3).await;
    assert!(
        message.contains("behind colours of a terminal") && message.contains("31mERROR"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_phrase_that_stand_apart_are_offered_so() {
    first(&fixture(), "\"peer connection\"", CauseCode::PhraseApart, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_not_there_is_named_with_the_nearest() {
    let message = first(&fixture(), "usr:ann reset", CauseCode::NoSuchField, 100).await;
    assert!(message.contains("`user`"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_condition_that_leaves_everything_out_is_named() {
    let fixture = fixture();
    let message = first(&fixture, "reset user:bob", CauseCode::OneTerm, 100).await;
    assert!(
        message.contains("user:bob") && message.contains("100 lines"),
        "{message}"
    );
    first(&fixture, "reset -user:ann | where msg:*", CauseCode::OneTerm, 100).await;
    // Two that match nothing, each by itself.
    let message = first(&fixture, "reset heron plover", CauseCode::OneTerm, 100).await;
    assert!(message.contains("`heron` and `plover`"), "{message}");
    first(&fixture, "heron plover", CauseCode::OneTerm, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_before_and_after_the_range_are_counted_and_led_to() {
    let fixture = fixture();
    let answer = explained(
        &fixture,
        "reset",
        Some("1970-01-01T00:10:00Z"),
        Some("1970-01-01T00:20:00Z"),
    )
    .await;
    let cause = &answer.causes[0];
    assert_eq!((cause.code, cause.records), (CauseCode::OutsideRange, Some(100)));
    let range = cause.way.clone().unwrap().range.unwrap();
    let asked = QueryRequest {
        query: "reset".to_owned(),
        from: range.from,
        to: range.to,
        ..QueryRequest::default()
    };
    assert_eq!(ask(&fixture, asked).await.records.len(), 100);
    let between = explained(
        &fixture,
        "foobar 7",
        Some("1970-01-01T00:00:08Z"),
        Some("1970-01-01T00:00:09Z"),
    )
    .await;
    assert!(between.causes[0].message.contains("before"), "{between:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_are_yet_to_come_are_a_clock_that_is_off() {
    let fixture = fixture();
    let ahead = now_nanos() + 3 * 3600 * SECOND;
    fixture.append(&[TestRow::new(ahead, "plover from tomorrow")]);
    let answer = explained(&fixture, "plover", Some("now-1h"), Some("now")).await;
    assert_eq!(answer.causes[0].code, CauseCode::ClockSkew, "{answer:?}");
    assert!(answer.causes[0].message.contains("web-1"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_the_queue_and_what_is_damaged_or_deleted_is_said() {
    let fixture = fixture();
    let has = |answer: &ExplainAnswer, code| answer.causes.iter().any(|cause| cause.code == code);
    let answer = explained(&fixture, "heron", None, None).await;
    // The fixture says that seven wait.
    assert!(has(&answer, CauseCode::Queued) && !has(&answer, CauseCode::Damaged) && !has(&answer, CauseCode::Expired));
    let split = fixture.catalog.snapshot().splits[0].meta.id.clone();
    fixture.catalog.quarantine(&split, "a test says so").unwrap();
    let answer = explained(&fixture, "heron", None, None).await;
    assert!(has(&answer, CauseCode::Damaged));
    fixture.catalog.delete(&[split], "older than 30 days", 0).unwrap();
    let answer = explained(&fixture, "heron", None, None).await;
    let expired = answer
        .causes
        .iter()
        .find(|cause| cause.code == CauseCode::Expired)
        .unwrap();
    assert_eq!(expired.records, Some(50));
    assert!(expired.message.contains("older than 30 days"));
    let elsewhere = explained(&fixture, "heron", Some("1970-01-01T00:01:00Z"), None).await;
    assert!(!has(&elsewhere, CauseCode::Expired));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_store_says_so_first_and_sql_is_refused() {
    let fixture = Fixture::new();
    let answer = explained(&fixture, "heron", None, None).await;
    assert_eq!(answer.causes[0].code, CauseCode::NothingStored);
    let request = ExplainRequest {
        query: "SELECT 1".to_owned(),
        ..ExplainRequest::default()
    };
    assert!(fixture.reader.explain(request).await.is_err());
}
