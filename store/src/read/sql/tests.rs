use std::fs::{self, File};
use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};
use timberline_proto::api::QueryRequest;

use crate::read::fixture::{Fixture, TestRow};
use crate::read::{FileTables, ReadError, ReadOptions};

/// 20 records on two hosts, half of them in a split; `hosts` is a CSV file, `teams` a Parquet file.
fn sample() -> (tempfile::TempDir, Fixture) {
    let dir = tempfile::tempdir().unwrap();
    let hosts = dir.path().join("hosts.csv");
    fs::write(&hosts, "name,Owner,rack\nweb-0,ann,9\nweb-1,bob,10\nweb-1,late,11\n").unwrap();
    let teams = dir.path().join("teams.parquet");
    let batch = RecordBatch::try_from_iter([
        ("person", Arc::new(StringArray::from(vec!["ann", "bob", "cy"])) as _),
        ("size", Arc::new(Int64Array::from(vec![3, 5, 7])) as _),
    ])
    .unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(File::create(&teams).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let mut fixture = Fixture::with(ReadOptions {
        tables: FileTables::from([
            ("hosts".to_owned(), hosts),
            ("teams".to_owned(), teams),
            ("gone".to_owned(), dir.path().join("gone.csv")),
        ]),
        ..ReadOptions::default()
    });
    let rows: Vec<_> = (0..20_i64)
        .map(|at| {
            let status = if at == 19 {
                "\"n/a\"".to_owned()
            } else {
                (at * 7 % 20).to_string()
            };
            let line = format!("{{\"user\":\"u{}\",\"status\":{status},\"userId\":{at}}}", at % 3);
            let mut row = TestRow::new(at * 1_000_000_000, &line);
            row.host = u8::try_from(at % 2).unwrap();
            row
        })
        .collect();
    fixture.append(&rows[..10]);
    fixture.flush(false);
    fixture.append(&rows[10..]);
    (dir, fixture)
}

async fn ask(fixture: &Fixture, query: &str) -> Result<Vec<Value>, ReadError> {
    let request = QueryRequest {
        query: query.to_owned(),
        ..QueryRequest::default()
    };
    let answer = fixture.reader.query(request).await?.collect().await;
    let answer = answer.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    Ok(answer.rows.into_iter().map(Value::from).collect())
}

async fn table(fixture: &Fixture, query: &str) -> Vec<Value> {
    ask(fixture, query)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// The first column as one list.
async fn column(fixture: &Fixture, query: &str) -> Value {
    table(fixture, query)
        .await
        .into_iter()
        .map(|row| row[0].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_windows_subqueries_and_ctes_work_over_logs() {
    let (_dir, fixture) = sample();
    let rows = table(
        &fixture,
        "SELECT a.user, count(*) AS n FROM logs a JOIN logs b ON a.user = b.user AND a.userId < b.userId \
         GROUP BY a.user ORDER BY a.user",
    )
    .await;
    assert_eq!(rows, [json!(["u0", 21]), json!(["u1", 21]), json!(["u2", 15])]);
    let rows = table(
        &fixture,
        "SELECT user, n FROM (SELECT user, userId, row_number() OVER (PARTITION BY user ORDER BY timestamp DESC) AS n \
         FROM logs) WHERE n <= 1 ORDER BY user",
    )
    .await;
    assert_eq!(rows, [json!(["u0", 1]), json!(["u1", 1]), json!(["u2", 1])]);
    let rows = table(
        &fixture,
        "WITH per AS (SELECT user, count(*) AS n FROM logs GROUP BY user) SELECT user FROM per \
         WHERE n = (SELECT max(n) FROM per) ORDER BY user",
    )
    .await;
    assert_eq!(rows, [json!(["u0"]), json!(["u1"])]);
    let rows = table(
        &fixture,
        "SELECT count(*) FROM logs WHERE user IN (SELECT user FROM logs WHERE userId = 1) \
         AND NOT EXISTS (SELECT 1 FROM teams WHERE person = user)",
    )
    .await;
    assert_eq!(rows, [json!([7])]);
    let rows = table(
        &fixture,
        "SELECT host, userId, lag(userId) OVER (PARTITION BY host ORDER BY userId) AS before FROM logs \
         WHERE userId >= 8 AND userId <= 12 ORDER BY userId",
    )
    .await;
    let expected = [
        (0, 8, None),
        (1, 9, None),
        (0, 10, Some("8")),
        (1, 11, Some("9")),
        (0, 12, Some("10")),
    ];
    let expected = expected.map(|(host, id, before)| json!([format!("web-{host}"), id.to_string(), before]));
    assert_eq!(rows, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn order_by_a_field_is_by_numbers_first_then_texts() {
    let (_dir, fixture) = sample();
    let mut numbers: Vec<i64> = (0..19).map(|at| at * 7 % 20).collect();
    numbers.sort_unstable();
    let mut texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    texts.push("n/a".to_owned());
    for query in [
        "SELECT status FROM logs ORDER BY status",
        "SELECT status AS s FROM logs ORDER BY s ASC NULLS LAST",
        "SELECT DISTINCT status FROM logs ORDER BY 1",
        "SELECT status, count(*) FROM logs GROUP BY status ORDER BY status",
        "WITH x AS (SELECT status AS s FROM logs) SELECT s FROM x ORDER BY s",
    ] {
        assert_eq!(column(&fixture, query).await, json!(texts), "{query}");
    }
    let mut down: Vec<String> = numbers.iter().rev().map(i64::to_string).collect();
    down.push("n/a".to_owned());
    let found = column(&fixture, "SELECT status FROM logs ORDER BY status DESC").await;
    assert_eq!(found, json!(down));
    let found = column(&fixture, "SELECT status FROM logs ORDER BY status DESC LIMIT 2").await;
    assert_eq!(found, json!(down[..2]));
    // What is computed is text, and sorts as text.
    let found = column(
        &fixture,
        "SELECT concat(status, '') FROM logs WHERE status <= 10 ORDER BY 1 LIMIT 3",
    )
    .await;
    assert_eq!(found, json!(["0", "1", "10"]));
    let found = column(
        &fixture,
        "SELECT status FROM (SELECT status, row_number() OVER (ORDER BY status) AS n FROM logs) WHERE n <= 3 ORDER BY n",
    )
    .await;
    assert_eq!(found, json!(texts[..3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogs_own_tables_answer() {
    let (_dir, fixture) = sample();
    let rows = table(&fixture, "SELECT topic, rows, level, quarantined FROM splits").await;
    assert_eq!(rows, [json!(["logs", 10, 0, null])]);
    let rows = table(&fixture, "SELECT host, file, splits FROM streams ORDER BY host").await;
    assert_eq!(
        rows,
        [
            json!(["web-0", "/var/log/app0.log", 1]),
            json!(["web-1", "/var/log/app1.log", 1])
        ]
    );
    let rows = table(
        &fixture,
        "SELECT types, records, distinct_values, min, max, type_counts FROM fields WHERE name = 'status'",
    )
    .await;
    assert_eq!(
        rows,
        [json!(["integer, text", 20, 20, 0, 19, {"integer": 19, "text": 1}])]
    );
    let rows = table(
        &fixture,
        "SELECT actor, action, object, outcome FROM audit WHERE action LIKE 'split.%'",
    )
    .await;
    assert_eq!(rows, [json!(["store", "split.publish", "logs-0", "ok"])]);
    assert_eq!(
        table(&fixture, "SELECT count(*) FROM agents WHERE behind > 0").await,
        [json!([0])]
    );
    let names = column(&fixture, "SHOW TABLES").await;
    assert_eq!(
        names,
        json!([
            "logs", "splits", "streams", "fields", "agents", "audit", "gone", "hosts", "teams"
        ])
    );
    // A join of what is stored with where it is stored.
    let rows = table(
        &fixture,
        "SELECT s.service, count(*) FROM logs l JOIN streams s ON l.host = s.host GROUP BY 1 ORDER BY 1",
    )
    .await;
    assert_eq!(rows, [json!(["cart", 10]), json!(["checkout", 10])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_files_are_tables_and_no_path_is() {
    let (dir, fixture) = sample();
    let rows = table(
        &fixture,
        "SELECT h.owner, t.size, count(*) FROM logs l JOIN hosts h ON l.host = h.name JOIN teams t \
         ON h.owner = t.person GROUP BY 1, 2 ORDER BY 1",
    )
    .await;
    assert_eq!(rows, [json!(["ann", 3, 10]), json!(["bob", 5, 10])]);
    let rows = table(&fixture, "SELECT rack + 1 AS r FROM hosts ORDER BY rack").await;
    assert_eq!(rows, [json!([10]), json!([11]), json!([12])]);
    assert_eq!(table(&fixture, "SELECT size FROM teams LIMIT 1").await, [json!([3])]);
    assert_eq!(table(&fixture, "SELECT count(*) FROM teams").await, [json!([3])]);

    let path = dir.path().join("hosts.csv");
    for query in [
        format!("SELECT * FROM '{}'", path.display()),
        format!("SELECT * FROM \"{}\"", path.display()),
        format!("COPY (SELECT 1) TO '{}'", path.display()),
        format!("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{}'", path.display()),
    ] {
        let asked = ask(&fixture, &query).await;
        assert!(
            asked.is_err() || asked.as_ref().is_ok_and(Vec::is_empty),
            "{query}: {asked:?}"
        );
    }
    let error = ask(&fixture, "SELECT * FROM gone").await.unwrap_err().to_string();
    assert!(error.contains("query.tables") && error.contains("gone.csv"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_a_csv_file_that_are_not_written_as_numbers_are_stay_texts() {
    let (dir, fixture) = sample();
    let text = "name,rack,size,share\nweb-1,007,12,1.50\nweb-2,12,7,2.5\n,,,\n";
    fs::write(dir.path().join("hosts.csv"), text).unwrap();
    let rows = table(&fixture, "SELECT rack, size + 1, share FROM hosts ORDER BY size").await;
    assert_eq!(
        rows,
        [
            json!(["12", 8, "2.5"]),
            json!(["007", 13, "1.50"]),
            json!([null, null, null])
        ]
    );
    let rows = table(
        &fixture,
        "* | extend rack = \"007\" | lookup hosts on rack | stats count() by name",
    )
    .await;
    assert_eq!(rows, [json!(["web-1", 20])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lookup_adds_columns_of_an_allowed_file() {
    let (_dir, fixture) = sample();
    let rows = table(
        &fixture,
        "* | lookup hosts on host = name | stats count() by host, Owner, rack",
    )
    .await;
    assert_eq!(rows, [json!(["web-0", "ann", 9, 10]), json!(["web-1", "bob", 10, 10])]);
    let rows = table(
        &fixture,
        "* | lookup hosts on host = name | lookup teams on Owner = person | head 1 | fields host, size",
    )
    .await;
    assert_eq!(rows, [json!(["web-1", 5])]);
    let rows = table(
        &fixture,
        "* | stats count() as n by user | lookup teams on user = person | fields user, size",
    )
    .await;
    assert_eq!(rows, [json!(["u0", null]), json!(["u1", null]), json!(["u2", null])]);
    let error = |query: &'static str| {
        let fixture = &fixture;
        async move {
            match ask(fixture, query).await {
                Err(ReadError::Query(error)) => (query[error.span.start..error.span.end].to_owned(), error.suggestion),
                other => panic!("{query}: {other:?}"),
            }
        }
    };
    let found = error("* | lookup host on host").await;
    assert_eq!(found, ("host".to_owned(), Some("hosts".to_owned())));
    let found = error("* | lookup hosts on host = nam").await;
    assert_eq!(found, ("nam".to_owned(), Some("name".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_sql_are_pointed_at_and_named() {
    let (_dir, fixture) = sample();
    for (query, at, suggestion) in [
        ("SELECT rowz FROM splits", "rowz", Some("rows")),
        ("SELECT s.rowz FROM splits s", "rowz", Some("rows")),
        (
            "SELECT h.ownr FROM logs l JOIN hosts h ON l.host = h.name",
            "ownr",
            Some("\"Owner\""),
        ),
        ("SELECT flor(1.5) FROM logs", "flor", Some("floor")),
        ("SELECT * FROM split", "split", Some("splits")),
        ("SELECT 1 FROM logs WHERE", "", None),
        ("SELECT * FRM logs", "FRM", Some("FROM")),
        ("SELECT severity, count(*) FROM logs", "severity", None),
    ] {
        let error = match ask(&fixture, query).await {
            Err(ReadError::Query(error)) => error,
            other => panic!("{query}: {other:?}"),
        };
        if !at.is_empty() {
            assert_eq!(&query[error.span.start..error.span.end], at, "{query}: {error}");
        }
        assert_eq!(error.suggestion.as_deref(), suggestion, "{query}: {error}");
        for raw in ["ParserError", "EOF", "Utf8", "Int64"] {
            assert!(!error.message.contains(raw), "{query}: {error}");
        }
    }
    let error = ask(&fixture, "SELECT body FROM logs WHERE regexp_like(body, '(')")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ReadError::BadRequest(message) if message.contains("unclosed group") && !message.contains('\n')),
        "{error:?}"
    );
    for query in ["DROP TABLE logs", "insert into logs values (1)"] {
        let error = ask(&fixture, query).await.unwrap_err().to_string();
        assert!(error.contains("only reads"), "{query}: {error}");
    }
    assert!(ask(&fixture, "drop table").await.is_ok(), "words are a search");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_is_found_in_splits_as_it_is_shown() {
    let rows: Vec<_> = [
        "ERROR plain",
        r#"{"severity":"error","n":1}"#,
        r#"{"level":"err","n":2}"#,
        r#"{"level":"verbose9","n":3}"#,
        "no level here",
    ]
    .iter()
    .enumerate()
    .map(|(at, line)| TestRow::new(at as i64 * 1_000_000_000, line))
    .collect();
    let mut fixture = Fixture::with(ReadOptions::default());
    fixture.append(&rows);
    let questions = [
        ("SELECT count(*) FROM logs WHERE level = 'error'", 3),
        ("SELECT count(*) FROM logs WHERE level IN ('error', 'verbose9')", 4),
        ("SELECT count(*) FROM logs WHERE level = 'verbose9'", 1),
    ];
    for flushed in [false, true] {
        if flushed {
            fixture.flush(false);
        }
        for (query, expected) in questions {
            assert_eq!(
                ask(&fixture, query).await.unwrap(),
                [json!([expected])],
                "{query}, {flushed}"
            );
        }
    }
}
