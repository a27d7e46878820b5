//! What the program does is stored as records of its own topics: each act once, searched as logs are, and
//! never among them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use serde_json::{Value, json};

use support::{Program, append, scratch, up_config, wait_for};

fn rows(program: &Program, query: &str) -> Vec<Value> {
    let answer = program
        .post("/api/v1/query", &json!({ "query": query, "limit": 1000 }))
        .unwrap();
    answer["records"].as_array().cloned().unwrap_or_default()
}

fn bodies(program: &Program, query: &str) -> Vec<Value> {
    let body = |row: &Value| serde_json::from_str(row["body"].as_str().unwrap()).unwrap();
    rows(program, query).iter().map(body).collect()
}

#[test]
fn acts_verdicts_and_deliveries_are_searched_in_topics_of_their_own_and_are_there_once_after_a_kill() {
    let dir = scratch();
    let log = dir.path().join("shop.log");
    append(&log, "begin\n");
    let config = up_config(dir.path(), &["*.log"]);
    let program = Program::start(dir.path(), "up", &config);
    let rule = json!({
        "name": "Puffins lost", "severity": "critical", "window": "4s", "every": "2s", "allowed_lateness": "1s",
        "condition": { "kind": "threshold", "query": "puffin", "when": "> 2" }
    });
    program.post("/api/v1/alerts/rules", &rule).unwrap();
    append(&log, "puffin one\npuffin two\npuffin three\n");
    let audit = "topic:timberline.audit action:alert_rule.create";
    let firing = "topic:timberline.alerts to:firing rule:\"Puffins lost\"";
    wait_for("the verdict to be found", || (program.count(firing) == 1).then_some(()));
    let made = bodies(&program, audit);
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0]["detail"]["name"], "Puffins lost", "{made:?}");
    assert_eq!(made[0]["outcome"], "ok");
    let told = &bodies(&program, firing)[0];
    assert_eq!(
        (&told["threshold"], &told["level"]),
        (&json!("> 2"), &json!("error")),
        "{told}"
    );
    let record = &rows(&program, firing)[0];
    assert_eq!(record["severity"], "error", "{record}");
    // A search for the same words among the logs finds the logs alone, by whatever way it asks.
    assert_eq!(program.count("puffin"), 3);
    assert_eq!(program.count("Puffins"), 0);
    assert_eq!(program.count("puffins | where severity:error"), 0);
    let sql = json!({ "query": "SELECT count(*) AS n FROM logs WHERE body MATCHES 'alert_rule'" });
    assert_eq!(program.post("/api/v1/query", &sql).unwrap()["rows"][0][0], 0);
    let fields = program.post("/api/v1/fields", &json!({ "query": "" })).unwrap();
    assert!(!fields.to_string().contains("alert_rule.create"), "{fields}");
    // Its permalink is read as any.
    let id = record["id"].as_str().unwrap();
    assert!(id.starts_with("timberline.alerts-0-"), "{id}");
    let (status, body) = program.get(&format!("/api/v1/record/{id}"));
    assert_eq!(status, 200, "{body}");
    // Acts are not taken from anybody else.
    let sent = program.post("/api/v1/ingest?topic=timberline.audit", &json!({ "actor": "me" }));
    assert!(sent.is_err(), "{sent:?}");
    let grouped = json!({ "query": "topic:timberline.audit | stats count() as n by action | sort action" });
    let before = program.post("/api/v1/query", &grouped).unwrap()["rows"].clone();
    let before: Vec<Value> = before.as_array().unwrap().clone();
    program.kill();
    let program = Program::start(dir.path(), "up", &config);
    wait_for("the acts of before", || (program.count(audit) == 1).then_some(()));
    assert_eq!(program.count(firing), 1);
    let after = program.post("/api/v1/query", &grouped).unwrap()["rows"].clone();
    for row in before.iter().filter(|row| row[0] != "split.publish") {
        assert!(after.as_array().unwrap().contains(row), "{row} {after}");
    }
}
