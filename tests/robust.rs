//! Records and queries that other systems choke on: nothing is lost, nothing dies, and the answer
//! or the error comes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use support::{Program, append, scratch, up_config, wait_for};

/// Posts lines as they are; how many were taken.
fn ingest(program: &Program, lines: &[String]) -> u64 {
    let mut response = ureq::post(format!("{}/api/v1/ingest?service=wide", program.page()))
        .header("content-type", "application/x-ndjson")
        .send(lines.join("\n"))
        .unwrap();
    let answer: Value = serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap();
    answer["accepted"].as_u64().unwrap()
}

fn count(program: &Program, query: &str) -> usize {
    program.records(query).len()
}

fn wide() -> Vec<String> {
    let keys: Vec<String> = (0..10_000).map(|n| format!("\"key{n}\":{n}")).collect();
    let deep = format!("{}1{}", "{\"a\":".repeat(1000), "}".repeat(1000));
    vec![
        format!("{{\"marker\":\"widest\",{}}}", keys.join(",")),
        format!("{{\"marker\":\"deepest\",\"nested\":{deep}}}"),
        format!(
            "{{\"marker\":\"arrays\",\"nested\":{}1{}}}",
            "[".repeat(1000),
            "]".repeat(1000)
        ),
        format!(
            "{{\"marker\":\"longkey\",\"{}\":\"value of the long key\"}}",
            "k".repeat(64 << 10)
        ),
        "{\"marker\":\"number\",\"n\":1e999,\"m\":-1e-999,\"k\":123456789012345678901234567890}".to_owned(),
        "{\"marker\":\"twice\",\"same\":1,\"same\":\"two\",\"same\":null}".to_owned(),
        "{\"marker\":\"cut short\",\"a\":{\"b\":".to_owned(),
        "{\"marker\":\"zero\\u0000byte\",\"\":\"empty key\"}".to_owned(),
    ]
}

#[test]
fn s13_documents_wide_deep_and_strange_are_kept_whole_and_found() {
    let dir = scratch();
    let config = up_config(dir.path(), &["none"]);
    let program = Program::start(dir.path(), "up", &config);
    let lines = wide();
    assert_eq!(ingest(&program, &lines), lines.len() as u64);
    let ordinary: Vec<String> = (0..200)
        .map(|n| format!("{{\"marker\":\"ordinary\",\"n\":{n}}}"))
        .collect();
    ingest(&program, &ordinary);
    let check = |program: &Program| {
        wait_for("every record", || {
            (program.count("*") as usize == lines.len() + 200).then_some(())
        });
        let expected: BTreeSet<&str> = lines.iter().map(String::as_str).collect();
        let records = program.records("marker NOT ordinary");
        let found: BTreeSet<&str> = records.iter().map(|record| record["body"].as_str().unwrap()).collect();
        assert!(
            found == expected,
            "{} of {} lines are as they were",
            found.intersection(&expected).count(),
            lines.len()
        );
        for (query, n) in [
            ("marker:widest", 1),
            ("key9999:9999", 1),
            ("key5000:>=5000", 1),
            ("deepest", 1),
            ("\"value of the long key\"", 1),
            ("same:two", 1),
            ("same:1", 1),
            ("123456789012345678901234567890", 1),
            ("1e999", 1),
            ("\"cut short\"", 1),
            ("marker:ordinary", 200),
        ] {
            assert_eq!(count(program, query), n, "{query}");
        }
        let fields = program
            .post("/api/v1/fields", &json!({"query": "marker:ordinary"}))
            .unwrap();
        assert!(
            fields["fields"]
                .as_array()
                .unwrap()
                .iter()
                .any(|field| field["name"] == "n"),
            "{fields}"
        );
        let table = program
            .post(
                "/api/v1/query",
                &json!({"query": "marker:ordinary | stats count() as n, max(n) as top by marker"}),
            )
            .unwrap();
        assert_eq!(table["rows"], json!([["ordinary", 200, 199]]), "{table}");
    };
    check(&program);
    assert_eq!(program.stop(), 0);
    let program = Program::start(dir.path(), "up", &config);
    check(&program);
}

#[test]
fn s18_a_field_that_changes_its_type_is_found_as_both() {
    let dir = scratch();
    let config = up_config(dir.path(), &["none"]);
    let program = Program::start(dir.path(), "up", &config);
    let lines: Vec<String> = (0..60)
        .map(|n| match n % 6 {
            0 => "{\"status\":500}".to_owned(),
            1 => "{\"status\":\"500\"}".to_owned(),
            2 => "{\"status\":\"timeout\"}".to_owned(),
            3 => "{\"status\":true}".to_owned(),
            4 => "{\"status\":{\"code\":500}}".to_owned(),
            _ => "{\"status\":[500,\"timeout\"]}".to_owned(),
        })
        .collect();
    assert_eq!(ingest(&program, &lines), 60);
    let check = |program: &Program| {
        wait_for("every record", || (program.count("*") == 60).then_some(()));
        for (query, n) in [
            ("status:500", 30),
            ("status:>=500", 30),
            ("status:timeout", 20),
            ("status:true", 10),
            ("status.code:500", 10),
            ("status:*", 50),
        ] {
            assert_eq!(count(program, query), n, "{query}");
        }
    };
    check(&program);
    assert_eq!(program.stop(), 0);
    let program = Program::start(dir.path(), "up", &config);
    check(&program);
}

#[test]
fn s14_times_at_the_ends_of_the_calendar_are_kept_and_make_no_day_of_their_own() {
    let dir = scratch();
    let years = ["0001", "9999", "1600", "2300", "1969", "2200"];
    let years: Vec<String> = (1..60)
        .map(|n| format!("{}-06-01T00:00:00Z strange year {n}\n", years[n % 6]))
        .collect();
    append(&dir.path().join("app.log"), years.concat());
    append(
        &dir.path().join("app.log"),
        "no time at all\n2026-11-01T00:00:00Z an ordinary line\n",
    );
    let config = up_config(dir.path(), &["*.log"]);
    let program = Program::start(dir.path(), "up", &config);
    let check = |program: &Program| {
        wait_for("every line", || (program.count("*") == 61).then_some(()));
        assert_eq!(count(program, "strange year"), 59);
        assert_eq!(count(program, "ordinary"), 1);
        let status: Value = serde_json::from_str(&program.get("/api/v1/status").1).unwrap();
        assert!(status["splits"].as_u64().unwrap() <= 8, "{status}");
        let histogram = program.post("/api/v1/histogram", &json!({"query": "*"})).unwrap();
        assert_eq!(histogram["total"], 61, "{histogram}");
        assert!(histogram["bins"].as_array().unwrap().len() < 1000);
    };
    check(&program);
    assert_eq!(program.stop(), 0);
    check(&Program::start(dir.path(), "up", &config));
}

#[test]
fn s16_a_record_keeps_its_own_time_and_the_time_it_was_read() {
    let dir = scratch();
    append(
        &dir.path().join("app.log"),
        "2031-01-01T00:00:00Z from a clock that is ahead\n",
    );
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    let record = wait_for("the line", || program.records("ahead").pop());
    assert_eq!(record["timestamp"], "2031-01-01T00:00:00.000000000Z");
    assert!(record["observed"].as_str().unwrap() < "2031", "{record}");
}

#[test]
fn s10_s11_s12_queries_of_death_are_answered_or_refused_and_the_next_one_is_served() {
    let dir = scratch();
    append(
        &dir.path().join("app.log"),
        format!("{}b\nplain line\n", "a".repeat(5000)),
    );
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("both lines", || (program.count("*") == 2).then_some(()));
    let refused = [
        "(".repeat(100_000),
        format!("{}x", "NOT ".repeat(100_000)),
        "/(a{1000}){1000}/".to_owned(),
        "/(/".to_owned(),
        "/unterminated".to_owned() + "(",
        format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        "x".repeat(10 << 20),
    ];
    for query in &refused {
        let short: String = query.chars().take(40).collect();
        let outcome = program.post("/api/v1/query", &json!({"query": query}));
        let error = outcome.map(|answer| answer["end"].clone());
        assert!(
            error.is_err() || query.starts_with("/unterminated"),
            "{short}: {error:?}"
        );
    }
    let error = program
        .post("/api/v1/query", &json!({"query": "*", "limit": 1_u64 << 31}))
        .unwrap_err();
    assert!(error.contains("query.rows_max"), "{error}");
    for (query, n) in [
        ("body:/(a+)+$/", 0),
        ("body:/(a|aa)+c/", 0),
        ("body:*a*", 2),
        ("*lai*", 1),
        ("body:/(a+)+b/", 1),
    ] {
        assert_eq!(count(&program, query), n, "{query}");
    }
    assert_eq!(program.get("/livez").0, 200);
    assert_eq!(program.count("plain"), 1);
}
