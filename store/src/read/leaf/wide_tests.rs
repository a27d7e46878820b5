//! Streams of very many fields, and fields that change their type.

use serde_json::json;

use crate::read::fixture::{Fixture, TestRow};
use crate::read::tests::{ask, request};

const WIDE_ROWS: i64 = 5000;

/// One stream of 10,000 fields, two a line, and one of a few.
fn wide_and_narrow() -> Fixture {
    let mut rows: Vec<_> = (0..WIDE_ROWS)
        .map(|n| {
            let mut row = TestRow::new(
                n,
                &format!("{{\"n{n}\":{n},\"t{n}\":\"x{n}\",\"status\":{}}}", status(n)),
            );
            row.host = 2;
            row
        })
        .collect();
    rows.extend((0..1000).map(|n| TestRow::new(n, &format!("{{\"user\":\"u{}\",\"ms\":{n}}}", n % 7))));
    let mut fixture = Fixture::new();
    fixture.page_rows_max = 512;
    fixture.append(&rows);
    fixture.flush(false);
    fixture
}

/// A number, a text or neither.
fn status(n: i64) -> &'static str {
    ["200", "\"failed\"", "\"503\"", "true", "null"][n as usize % 5]
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_fields_none_is_lost_and_others_are_read_as_before() {
    let fixture = wide_and_narrow();
    for n in [0, 1, 63, 64, 65, 2500, WIDE_ROWS - 1] {
        for query in [
            format!("n{n}:={n}"),
            format!("t{n}:x{n}"),
            format!("n{n}:*"),
            format!("n{n}:>=0"),
        ] {
            let answer = ask(&fixture, request(&query)).await;
            assert_eq!(answer.records.len(), 1, "{query}");
        }
        let sum = format!("* | stats sum(n{n}) as s, count(t{n}) as c");
        assert_eq!(ask(&fixture, request(&sum)).await.rows, [[json!(n), json!(1)]], "{sum}");
    }
    // Its pages, two of twelve, and no line of the wide stream.
    let answer = ask(&fixture, request("user:u3 | stats count(), max(ms) by user")).await;
    assert_eq!(answer.rows, [[json!("u3"), json!(143), json!(997)]]);
    assert!(answer.end.progress.pages_read <= 3, "{:?}", answer.end.progress);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_changes_its_type_is_searched_as_each() {
    let fixture = wide_and_narrow();
    let fifth = WIDE_ROWS / 5;
    for (query, expected) in [
        ("status:=200", fifth),
        ("status:>=200", 2 * fifth),
        ("status:[500 TO 599]", fifth),
        ("status:failed", fifth),
        ("status:true", fifth),
        // Null is no value.
        ("status:*", 4 * fifth),
        ("NOT status:* t*", fifth),
    ] {
        let answer = ask(&fixture, request(&format!("{query} | stats count()"))).await;
        assert_eq!(answer.rows, [[json!(expected)]], "{query}");
    }
    let answer = ask(
        &fixture,
        request("host:web-2 | stats min(status), max(status), avg(status), dc(status)"),
    )
    .await;
    assert_eq!(answer.rows, [[json!(200), json!(503), json!(351.5), json!(4)]]);
}
