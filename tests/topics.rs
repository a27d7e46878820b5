//! What the queue holds, as the HTTP API says it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use serde_json::{Value, json};
use support::{Program, append, port, scratch, up_config, wait_for};

fn json_of(program: &Program, path: &str) -> Value {
    let (status, text) = program.get(path);
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

fn messages(program: &Program, query: &str) -> Value {
    json_of(program, &format!("/api/v1/topics/logs/0/messages?{query}"))
}

fn values(answer: &Value) -> Vec<String> {
    let messages = answer["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["value"]["text"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn topics_say_what_the_queue_holds_and_messages_are_browsed_by_offset_and_by_time() {
    let dir = scratch();
    let lines: String = (0..30)
        .map(|n| format!("2026-11-20T10:{n:02}:00Z line {n}\n"))
        .collect();
    append(&dir.path().join("app.log"), &lines);
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("the lines", || (program.count("line") == 30).then_some(()));
    append(&dir.path().join("app.log"), b"bin \xff\xfe ary\n");
    wait_for("the other line", || (program.count("bin") == 1).then_some(()));

    // The store has published, and said so, after its next flush.
    let topics = wait_for("the store to have taken all", || {
        let topics = json_of(&program, "/api/v1/topics");
        (topics["topics"][0]["partitions"][0]["groups"][0]["position"] == 31).then_some(topics)
    });
    assert_eq!(topics["topics"][0]["name"], "logs");
    let partition = &topics["topics"][0]["partitions"][0];
    assert_eq!(
        (
            &partition["start_offset"],
            &partition["end_offset"],
            &partition["segments"]
        ),
        (&json!(0), &json!(31), &json!(1))
    );
    assert_eq!(
        partition["groups"],
        json!([{ "group": "store", "position": 31, "read": 31, "lag": 0, "untaken": 0, "required": true }])
    );
    assert!(partition["bytes"].as_u64() > Some(192), "{partition}");
    assert_eq!(partition["newest_segments"][0]["active"], true);
    assert_eq!(topics["queue"]["required_groups"], json!(["store"]));
    assert!(topics["queue"]["disk_free_bytes"].is_u64(), "{topics}");

    let first = messages(&program, "from=0&limit=2");
    assert_eq!(
        values(&first),
        ["2026-11-20T10:00:00Z line 0", "2026-11-20T10:01:00Z line 1"]
    );
    assert_eq!((&first["next"], &first["end_offset"]), (&json!(2), &json!(31)));
    assert_eq!(first["messages"][0]["timestamp"], "2026-11-20T10:00:00.000000000Z");
    let names: Vec<_> = first["messages"][0]["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|header| header["name"].clone())
        .collect();
    assert!(names.contains(&json!("tb.stream")), "{names:?}");
    assert!(first["messages"][0]["key"]["hex"].is_string() || first["messages"][0]["key"]["text"].is_string());
    // Page after page gives all of them once.
    let mut all = Vec::new();
    let mut from = 0;
    while from < 31 {
        let page = messages(&program, &format!("from={from}&limit=7"));
        all.extend(values(&page));
        from = page["next"].as_u64().unwrap();
    }
    assert_eq!(all.len(), 31);
    assert_eq!(all[29], "2026-11-20T10:29:00Z line 29");
    // Bytes that are no text are shown as digits.
    let binary = messages(&program, "from=30");
    assert_eq!(binary["messages"][0]["value"]["hex"], "62696e20fffe20617279");
    // Beyond the end there is nothing, and before the beginning is the beginning.
    assert_eq!(messages(&program, "from=99999")["messages"], json!([]));
    assert_eq!(messages(&program, "limit=1")["from"], 0);
    let at = messages(&program, "at=2026-11-20T09:00:00Z&limit=1");
    assert_eq!(values(&at), ["2026-11-20T10:00:00Z line 0"]);

    for (path, status) in [
        ("/api/v1/topics/nothing/0/messages", 404),
        ("/api/v1/topics/logs/99/messages", 404),
        ("/api/v1/topics/logs/0/messages?at=whenever", 400),
        ("/api/v1/topics/logs/0/messages?from=-1", 400),
    ] {
        assert_eq!(program.get(path).0, status, "{path}");
    }
}

#[test]
fn a_collector_by_itself_shows_its_messages_to_its_own_machine_only() {
    let dir = scratch();
    let http = port();
    let config = format!(
        "data = {:?}\n[server]\nhttp = \"127.0.0.1:{http}\"\ngrpc = \"127.0.0.1:0\"\n",
        dir.path().join("data")
    );
    let _collector = Program::start(dir.path(), "collector", &config);
    let address = |path: &str| format!("http://127.0.0.1:{http}{path}");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let sent = agent
        .post(address("/api/v1/ingest"))
        .header("content-type", "text/plain")
        .send("one\n")
        .unwrap();
    assert_eq!(sent.status(), 200);
    let path = "/api/v1/topics/logs/0/messages";
    let own = agent.get(address(path)).call().unwrap();
    assert_eq!(own.status(), 200);
    // A proxy on this machine passes on what others ask: without an account they are not known.
    for path in [path, "/api/v1/topics"] {
        let passed_on = agent
            .get(address(path))
            .header("x-forwarded-for", "10.0.0.9")
            .call()
            .unwrap();
        assert_eq!(passed_on.status(), 401, "{path}");
    }
    let foreign = agent
        .get(address("/api/v1/topics"))
        .header("host", "evil.example")
        .call()
        .unwrap();
    assert_eq!(foreign.status(), 403);
}

#[test]
fn what_the_store_has_read_is_not_behind_though_it_is_kept_until_it_is_published() {
    let dir = scratch();
    append(&dir.path().join("app.log"), "one\ntwo\nthree\nfour\nfive\nsix\nseven\n");
    let config = up_config(dir.path(), &["*.log"]).replace("flush_interval = \"1s\"", "flush_interval = \"1h\"");
    let program = Program::start(dir.path(), "up", &config);
    wait_for("the lines", || (program.count("*") == 7).then_some(()));
    let group = wait_for("the store to ask for more", || {
        let topics = json_of(&program, "/api/v1/topics");
        let group = topics["topics"][0]["partitions"][0]["groups"][0].clone();
        (group["read"] == 7).then_some(group)
    });
    assert_eq!((&group["lag"], &group["untaken"]), (&json!(0), &json!(7)), "{group}");
    assert!(group["position"].as_u64().unwrap_or(0) == 0, "{group}");
}
