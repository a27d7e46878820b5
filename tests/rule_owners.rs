//! An alert rule sees what its owner may see: its lines are masked as the owner's, also when the owner is gone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use serde_json::{Value, json};
use support::accounts::{by_cookie, key, up_with_account, with};
use support::{Program, append, scratch, up_config, wait_for};

const CANARY: &str = "4111Canary7788";

fn rule(name: &str, condition: &Value) -> Value {
    json!({
        "name": name, "window": "2s", "every": "1s", "allowed_lateness": "0s", "verdict_delay_max": "10s",
        "condition": condition
    })
}

fn history(program: &Program, key: &str, rule: &str) -> Vec<Value> {
    let path = format!("/api/v1/alerts/history?rule={rule}&limit=1000");
    let answer = with(program, key, "GET", &path, None);
    assert_eq!(answer.status, 200, "{answer:?}");
    let entries = answer.body["entries"].as_array().unwrap();
    entries.iter().map(|one| one["transition"].clone()).collect()
}

/// The lines that a rule told, as far as one of them has `text`.
fn told(program: &Program, key: &str, rule: &str, text: &str) -> Option<Value> {
    let lines = history(program, key, rule);
    lines.into_iter().find(|one| one["evidence"].to_string().contains(text))
}

#[test]
fn a_rule_finds_and_tells_what_its_owner_sees_and_goes_on_so_when_the_owner_is_shut_out() {
    let dir = scratch();
    let (program, cookie) = up_with_account(dir.path(), "");
    drop(program);
    let log = dir.path().join("shop.log");
    append(&log, "a line of before\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["shop.log"]));
    let role = |name: &str, limits: Value| {
        let mut role = json!({ "permissions": ["logs.search", "alerts.read", "alerts.write", "status.read"] });
        role.as_object_mut()
            .unwrap()
            .extend(limits.as_object().unwrap().clone());
        let made = by_cookie(&program, &cookie, "PUT", &format!("/api/v1/roles/{name}"), Some(&role));
        assert_eq!(made.status, 200, "{made:?}");
        key(&program, &cookie, &json!({ "name": name, "roles": [name] }))
    };
    let (hidden, hidden_id) = role("hidden", json!({ "hidden_fields": ["card"] }));
    let (alike, _) = role("alike", json!({ "hidden_fields": ["card"] }));
    let (other, _) = role("other", json!({ "streams": "service.name:web" }));
    let (all, _) = role("all", json!({}));
    let make = |key: &str, rule: &Value| with(&program, key, "POST", "/api/v1/alerts/rules", Some(rule));
    let made = |key: &str, rule: &Value| {
        let made = make(key, rule);
        assert_eq!(made.status, 201, "{made:?}");
        made.body["id"].as_str().unwrap().to_owned()
    };
    // Nobody makes a rule about what they may not see.
    for condition in [
        json!({ "kind": "silence", "of": "host" }),
        json!({ "kind": "match", "query": "topic:timberline.audit login" }),
    ] {
        let refused = make(&hidden, &rule("beyond", &condition));
        assert_eq!(refused.status, 403, "{condition}: {refused:?}");
    }
    let paid = json!({ "kind": "match", "query": "paid", "by": ["card"] });
    let own = made(&hidden, &rule("own", &paid));
    let looks = made(
        &hidden,
        &rule(
            "looks for it",
            &json!({ "kind": "match", "query": format!("*{}*", &CANARY[2..9]) }),
        ),
    );
    let whole = made(&all, &rule("whole", &paid));

    append(
        &log,
        format!("{{\"card\":\"{CANARY}\",\"msg\":\"paid first by {CANARY}\"}}\n"),
    );
    let masked = wait_for("the owner's rule to tell", || {
        told(&program, &hidden, &own, "paid first")
    });
    let plain = wait_for("the other rule to tell", || told(&program, &all, &whole, "paid first"));
    assert!(!masked.to_string().contains(CANARY), "{masked}");
    assert!(masked.to_string().contains("paid first by ***"), "{masked}");
    assert!(plain.to_string().contains(CANARY), "{plain}");
    assert_eq!(plain["group"]["card"], CANARY, "{plain}");
    assert_eq!(masked["group"]["card"], "", "{masked}");
    assert!(history(&program, &all, &looks).is_empty());
    let request = json!({ "rule": rule("own", &paid), "from": "-10m" });
    let tested = wait_for("the back-test to reach as far", || {
        let tested = with(&program, &hidden, "POST", "/api/v1/alerts/backtest", Some(&request));
        assert_eq!(tested.status, 200, "{tested:?}");
        tested.body.to_string().contains("paid first").then_some(tested.body)
    });
    assert!(!tested.to_string().contains(CANARY), "{tested}");

    // Whoever sees as much is shown it, nobody else who is limited, and none of these the rule of who sees all.
    let names = |key: &str| -> Vec<String> {
        let rules = with(&program, key, "GET", "/api/v1/alerts/rules", None);
        let rules = rules.body["rules"].as_array().unwrap().clone();
        rules
            .iter()
            .map(|rule| rule["rule"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&alike), ["looks for it", "own"]);
    assert_eq!(names(&other), [""; 0]);
    assert_eq!(names(&all).len(), 3);
    let path = format!("/api/v1/alerts/rules/{whole}");
    assert_eq!(with(&program, &hidden, "GET", &path, None).status, 404);
    assert_eq!(with(&program, &hidden, "DELETE", &path, None).status, 404);
    assert!(history(&program, &hidden, &whole).is_empty());
    let states = with(&program, &other, "GET", "/api/v1/alerts/states", None);
    assert_eq!(states.body["total"], 0, "{states:?}");

    // The owner is shut out: the rule is flagged, and goes on with what the owner saw, over a kill -9 too.
    let gone = by_cookie(&program, &cookie, "DELETE", &format!("/api/v1/keys/{hidden_id}"), None);
    assert!(gone.status < 300, "{gone:?}");
    let flagged = |program: &Program| {
        wait_for("the rule to be flagged", || {
            let kept = with(program, &all, "GET", &format!("/api/v1/alerts/rules/{own}"), None);
            assert_eq!(kept.body["owner"], format!("key:{hidden_id}"), "{kept:?}");
            (kept.body["owner_gone"] == true).then_some(())
        });
    };
    flagged(&program);
    append(
        &log,
        format!("{{\"card\":\"{CANARY}\",\"msg\":\"paid second by {CANARY}\"}}\n"),
    );
    wait_for("the rule to go on", || told(&program, &all, &own, "paid second by ***"));
    program.kill();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["shop.log"]));
    flagged(&program);
    append(
        &log,
        format!("{{\"card\":\"{CANARY}\",\"msg\":\"paid third by {CANARY}\"}}\n"),
    );
    wait_for("the rule to go on after a kill", || {
        told(&program, &all, &own, "paid third by ***")
    });
    let said = history(&program, &all, &own);
    assert!(!json!(said).to_string().contains(CANARY), "{said:#?}");
    let entries = json!({ "query": "topic:timberline.alerts event:owner_gone" });
    wait_for("that it went on record", || {
        let found = by_cookie(&program, &cookie, "POST", "/api/v1/query", Some(&entries));
        found.body.to_string().contains("owner_gone").then_some(())
    });

    // Whoever changes the rule owns it.
    let path = format!("/api/v1/alerts/rules/{own}");
    let change = json!({ "version": 1, "rule": rule("own", &paid) });
    let changed = with(&program, &all, "PUT", &path, Some(&change));
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body["owner_gone"], Value::Null, "{changed:?}");
    append(&log, format!("{{\"card\":\"{CANARY}\",\"msg\":\"paid fourth\"}}\n"));
    let told = wait_for("the rule of its new owner", || {
        told(&program, &all, &own, "paid fourth")
    });
    assert_eq!(told["group"]["card"], CANARY, "{told}");
}
