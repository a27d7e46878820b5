//! Statements that would take all memory there is, or all time.

use std::time::Duration;

use serde_json::{Value, json};
use timberline_proto::api::QueryRequest;

use super::fixture::{Fixture, TestRow};
use super::tests::{ask, request};
use super::{ReadError, ReadOptions};

const ROWS: i64 = 2000;

fn some() -> Fixture {
    let rows: Vec<_> = (0..ROWS)
        .map(|n| TestRow::new(n, &format!("line {n} {}", "abc ".repeat(25))))
        .collect();
    let mut fixture = Fixture::with(ReadOptions {
        memory_bytes_max: 32 << 20,
        ..ReadOptions::default()
    });
    fixture.page_rows_max = 4096;
    fixture.append(&rows);
    fixture.flush(false);
    fixture
}

async fn error(fixture: &Fixture, query: &str) -> String {
    match fixture.reader.query(request(query)).await {
        Err(error) => error.to_string(),
        Ok(frames) => match frames.collect().await {
            Err(error) => error.message,
            Ok(answer) => panic!("{query}: {} rows", answer.rows.len()),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_functions_that_are_as_long_as_a_number_says_are_not_there() {
    let fixture = some();
    for call in [
        "range(0, 100)",
        "generate_series(0, 100)",
        "array_repeat(1, 100)",
        "list_repeat(1, 100)",
        "array_resize([1], 100)",
        "list_resize([1], 100)",
        "repeat('a', 100)",
    ] {
        let message = error(&fixture, &format!("SELECT {call}")).await;
        assert!(message.contains("no function"), "{call}: {message}");
    }
}

/// `body` made longer by `step` again and again, `x` being what it was before.
fn nested(step: &str, levels: usize) -> String {
    let mut from = "(SELECT body AS x FROM logs)".to_owned();
    for level in 0..levels {
        from = format!("(SELECT {step} AS x FROM {from} t{level})");
    }
    from
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_what_functions_make_is_bounded_by_the_memory_of_queries() {
    let fixture = some();
    let long = "y".repeat(2000);
    let steps = [
        ("concat(x, x)", 7),
        ("x || x", 7),
        ("concat_ws(x, x, x)", 5),
        ("encode(CAST(x AS bytea), 'hex')", 7),
        ("replace(x, 'a', 'aaaa')", 5),
        ("regexp_replace(x, 'a', 'aaaa', 'g')", 5),
    ];
    for (step, levels) in steps {
        let message = error(
            &fixture,
            &format!("SELECT max(length(x)) FROM {}", nested(step, levels)),
        )
        .await;
        assert!(message.contains("query.memory_bytes_max"), "{step}: {message}");
        assert!(message.contains("at once"), "{step}: {message}");
    }
    let at_once = [
        format!("SELECT max(length(replace(body, 'a', '{long}'))) FROM logs"),
        format!("SELECT max(length(array_to_string(string_to_array(body, ' '), '{long}'))) FROM logs"),
        format!("SELECT max(length(concat({}))) FROM logs", vec!["body"; 300].join(", ")),
        format!(
            "SELECT max(cardinality(make_array({}))) FROM logs",
            vec!["body"; 300].join(", ")
        ),
    ];
    for query in at_once {
        let message = error(&fixture, &query).await;
        let shown = &query[..60];
        assert!(message.contains("query.memory_bytes_max"), "{shown}: {message}");
        assert!(message.contains("at once"), "{shown}: {message}");
    }
    let answer = ask(&fixture, request("* | stats count()")).await;
    assert_eq!(answer.rows, [[json!(ROWS)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_with_a_bound_give_what_they_did_and_columns_keep_their_names() {
    let fixture = some();
    let cases: [(&str, &str, Value); 9] = [
        ("concat('a', NULL, 'b')", "v", json!("ab")),
        ("'a' || 'b' || 1", "v", json!("ab1")),
        ("'a' || NULL", "v", Value::Null),
        ("concat_ws('-', 'a', NULL, 'b')", "v", json!("a-b")),
        ("replace('abc', 'b', 'xyz')", "v", json!("axyzc")),
        ("regexp_replace('abc', '[bc]', 'x', 'g')", "v", json!("axx")),
        ("array_to_string(make_array(1, 2, 3), ', ')", "v", json!("1, 2, 3")),
        ("cardinality(array_append([1, 2], 3))", "v", json!(3)),
        ("max(body || 'é') = max(concat(body, 'é'))", "v", json!(true)),
    ];
    for (call, name, expected) in cases {
        let from = if call.contains("body") { " FROM logs" } else { "" };
        let answer = ask(&fixture, request(&format!("SELECT {call} AS {name}{from}"))).await;
        assert_eq!(answer.rows, [[expected]], "{call}");
        assert_eq!(answer.columns[0].name, name);
    }
    // All rows could be beyond what is made at once, and are not: fewer are made at a time.
    let wide = format!(
        "SELECT max(length(replace(body, 'line', '{}'))) FROM logs",
        "x".repeat(56)
    );
    assert_eq!(ask(&fixture, request(&wide)).await.rows, [[json!(162)]]);
    let named = ask(&fixture, request("SELECT 'a' || 'b', concat('a', 'b')")).await;
    let names: Vec<&str> = named.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["'a' || 'b'", "concat('a', 'b')"]);
    let grouped = "SELECT body || '!' AS b, count(*) FROM logs WHERE body || '!' LIKE 'line 7 %' GROUP BY body || '!' \
                   ORDER BY b";
    assert_eq!(ask(&fixture, request(grouped)).await.rows.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_statement_that_writes_is_not_parsed_beyond_the_bounds_nor_before_its_turn() {
    let fixture = Fixture::with(ReadOptions {
        concurrent_max: 1,
        time_limit: std::time::Duration::from_millis(200),
        ..ReadOptions::default()
    });
    let chain = |operators: usize| format!("DELETE FROM t WHERE 1{}", "|1".repeat(operators));
    for (text, said) in [(chain(500_000), "bytes; at most"), (chain(5000), "")] {
        match fixture.reader.query(request(&text)).await {
            Err(ReadError::Query(error)) => {
                assert!(error.message.contains(said), "{}", error.message);
                assert!(!error.message.contains("only reads"), "{}", error.message);
            }
            other => panic!("{other:?}"),
        }
    }
    let turn = fixture.reader.begin(None).await.unwrap();
    let refused = fixture.reader.query(request("DROP TABLE logs")).await;
    assert!(matches!(refused, Err(ReadError::Limit { .. })), "{refused:?}");
    drop(turn);
    let refused = fixture.reader.query(request("DROP TABLE logs")).await;
    assert!(matches!(refused, Err(ReadError::Query(_))), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s10_a_join_that_finds_nothing_for_hours_is_ended_and_gives_its_turn_back() {
    let mut fixture = Fixture::with(ReadOptions {
        // One may run: the next waits until it is gone.
        concurrent_max: 1,
        time_limit: Duration::from_secs(3600),
        ..ReadOptions::default()
    });
    let rows: Vec<_> = (0..10_000)
        .map(|n| TestRow::new(n, &format!("line {n} {}", "abc ".repeat(25))))
        .collect();
    fixture.append(&rows);
    fixture.flush(false);
    let reader = fixture.reader.clone();
    for (name, endless) in [
        (
            "nested",
            "SELECT count(*) FROM logs a, logs b WHERE levenshtein(a.body, b.body) > 200",
        ),
        (
            "crossed",
            "SELECT count(DISTINCT a.body) FROM logs a CROSS JOIN logs b CROSS JOIN logs c",
        ),
        (
            "hashed",
            "SELECT count(*) FROM logs a JOIN logs b ON a.host = b.host AND levenshtein(a.body, b.body) > 200",
        ),
    ] {
        let asked = QueryRequest {
            query_id: Some(name.to_owned()),
            ..request(endless)
        };
        let asking = tokio::spawn({
            let reader = reader.clone();
            async move {
                match reader.query(asked).await {
                    Ok(frames) => frames.collect().await.map_err(|error| error.code),
                    Err(error) => Err(error.code().to_owned()),
                }
            }
        });
        while reader.inner.registry.rows_scanned(name) <= 10_000 {
            tokio::task::yield_now().await;
        }
        // One side is read, and the other begun: from now on it is at work on pairs of rows. Whatever this takes, the rest holds.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(reader.cancel(name), "{name}");
        assert_eq!(asking.await.unwrap().unwrap_err(), "cancelled", "{name}");
        let next = ask(&fixture, request("* | stats count()"));
        let next = tokio::time::timeout(Duration::from_secs(30), next).await;
        assert_eq!(next.expect(name).rows, [[json!(10_000)]], "{name}");
    }
}
