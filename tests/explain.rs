//! A search that finds nothing says why: each cause made on purpose, asked of the real program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use support::{Program, append, port, run, scratch, up_config, wait_for};

fn explain(program: &Program, query: &str, from: Option<&str>) -> Value {
    program
        .post("/api/v1/explain", &json!({"query": query, "from": from}))
        .unwrap()
}

fn of_code<'a>(answer: &'a Value, code: &str) -> Option<&'a Value> {
    answer["causes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|cause| cause["code"] == code)
}

/// The cause, once it is there.
#[track_caller]
fn until(program: &Program, query: &str, from: Option<&str>, code: &str) -> Value {
    wait_for(code, || of_code(&explain(program, query, from), code).cloned())
}

/// An instant so many seconds from now.
fn at(seconds: i64) -> String {
    let output = std::process::Command::new("date")
        .args(["-u", "-d", &format!("{seconds} seconds"), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// How many lines the cause's way out leads to.
fn led_to(program: &Program, query: &str, cause: &Value) -> usize {
    let way = &cause["way"];
    let query = way["query"].as_str().unwrap_or(query);
    let asked = json!({"query": query, "from": way["range"]["from"], "to": way["range"]["to"]});
    program.post("/api/v1/query", &asked).unwrap()["records"]
        .as_array()
        .map_or(0, Vec::len)
}

#[test]
fn what_the_question_leaves_out_is_named_and_led_to() {
    let dir = scratch();
    let log = dir.path().join("app.log");
    append(&log, format!("{} curlew one user=ann\n", at(-3 * 86_400)).repeat(3));
    append(&log, format!("{} kestrelbird seen by web-1\n", at(-60)).repeat(2));
    append(&log, format!("{} sandpiper too early\n", at(-5 * 3600)));
    append(&log, format!("{} wagtail too late\n", at(3 * 3600)));
    append(&log, "not a line of this kind\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("the lines", || (program.count("*") == 8).then_some(()));
    let from = Some("-1h");

    let outside = until(&program, "curlew", from, "outside_range");
    assert_eq!(outside["records"], 3, "{outside}");
    assert_eq!(led_to(&program, "curlew", &outside), 3, "{outside}");

    let cut = until(&program, "kestrel", from, "word_cut");
    assert!(cut["message"].as_str().unwrap().contains("kestrelbird"), "{cut}");
    assert_eq!(led_to(&program, "kestrel", &cut), 2, "{cut}");

    let term = until(&program, "kestrelbird host:elsewhere", from, "one_term");
    assert_eq!(
        (&term["records"], led_to(&program, "", &term)),
        (&json!(2), 2),
        "{term}"
    );

    let behind = until(&program, "sandpiper", from, "clock_skew");
    assert!(behind["message"].as_str().unwrap().contains("5 h"), "{behind}");
    assert_eq!(led_to(&program, "sandpiper", &behind), 1, "{behind}");
    let ahead = program.post(
        "/api/v1/explain",
        &json!({"query": "wagtail", "from": "-1h", "to": "now"}),
    );
    let ahead = ahead.unwrap();
    assert_eq!(ahead["causes"][0]["code"], "clock_skew", "{ahead}");
    assert!(
        ahead["causes"][0]["message"].as_str().unwrap().contains("test-host"),
        "{ahead}"
    );

    let field = until(&program, "usr:ann kind", Some("-100h"), "no_such_field");
    assert!(field["message"].as_str().unwrap().contains("usr"), "{field}");

    // The command line says the same beside an answer without rows.
    let output = run(&["query", "kestrel", "--from=-1h", "--server", program.page()]);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let says = String::from_utf8(output.stderr).unwrap();
    assert!(
        says.contains("kestrelbird") && says.contains("try: timberline query '*kestrel*' --from=-1h"),
        "{says}"
    );
    let found = run(&["query", "kestrelbird", "--from=-1h", "--server", program.page()]);
    assert!(found.stderr.is_empty() && !found.stdout.is_empty(), "{found:?}");
}

#[test]
fn what_was_deleted_refused_or_dropped_is_named() {
    let dir = scratch();
    let log = dir.path().join("app.log");
    let config = format!(
        "{}janitor_interval = \"100ms\"\nretention_age = \"3650d\"\n[queue]\nunpacked_bytes_max = \"64KiB\"\n\
         [[agent.rules]]\nname = \"no-debug\"\nwhere = \"level:debug\"\ndrop = true\n",
        up_config(dir.path(), &["*.log"]).replace("flush_interval = \"1s\"", "flush_interval = \"100ms\"")
    );
    append(&log, "2001-01-01T00:00:00Z INFO old\n".repeat(20));
    append(&log, "2026-11-24T14:00:00Z DEBUG dropped\n".repeat(10));
    append(&log, "2026-11-24T14:00:00Z INFO kept\n".repeat(30));
    append(&log, format!("2026-11-24T14:00:00Z INFO {}\n", "large ".repeat(20_000)));
    let program = Program::start(dir.path(), "up", &config);
    wait_for("the lines that are kept", || {
        (program.count("kept") == 30).then_some(())
    });
    let expired = wait_for("retention", || {
        let asked = json!({"query": "old", "from": "2000-12-31T00:00:00Z", "to": "2001-01-02T00:00:00Z"});
        let answer = program.post("/api/v1/explain", &asked).unwrap();
        of_code(&answer, "expired").cloned()
    });
    assert_eq!(expired["records"], 20, "{expired}");
    let refused = until(&program, "large", None, "dead_letters");
    assert!(
        refused["message"].as_str().unwrap().contains("dead-letter"),
        "{refused}"
    );
    assert_eq!(refused["way"]["page"], "ledger", "{refused}");
    wait_for("all that the rule dropped", || {
        let dropped = until(&program, "dropped", None, "dropped_by_rule");
        dropped["message"]
            .as_str()
            .unwrap()
            .contains(" 350 bytes")
            .then_some(())
    });
}

#[test]
fn a_silent_agent_and_a_file_that_cannot_be_read_are_named() {
    let dir = scratch();
    let grpc = format!("127.0.0.1:{}", port());
    let up = up_config(dir.path(), &["none.log"]).replace(
        "grpc = \"127.0.0.1:0\"",
        &format!("grpc = \"{grpc}\"\nagent_timeout = \"2s\""),
    );
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    append(&logs.join("app.log"), "one line\n");
    std::os::unix::fs::symlink("loop.log", logs.join("loop.log")).unwrap();
    let config = format!(
        "data = {:?}\nhost = \"edge-1\"\n[agent]\ncollector = \"http://{grpc}\"\ntail = [\"{}/*\"]\nreport_interval = \"100ms\"\n",
        dir.path().join("agent-data"),
        logs.display()
    );
    let program = Program::start(dir.path(), "up", &up);
    let agent = Program::start(dir.path(), "agent", &config);
    wait_for("the line", || (program.count("line") == 1).then_some(()));
    let unread = until(&program, "heron", None, "file_unread");
    let says = unread["message"].as_str().unwrap();
    assert!(says.contains("loop.log") && says.contains("edge-1"), "{unread}");
    assert!(of_code(&explain(&program, "heron", None), "agent_offline").is_none());
    agent.kill();
    let offline = until(&program, "heron", None, "agent_offline");
    assert!(offline["message"].as_str().unwrap().contains("edge-1"), "{offline}");
    assert_eq!(offline["way"]["page"], "pipeline", "{offline}");
}

#[test]
fn lines_that_wait_in_the_queue_are_counted() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none.log"]));
    let lines = "a line that has to wait for its turn\n".repeat(5_000);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                ureq::post(format!("{}/api/v1/ingest?service=wait", program.page()))
                    .header("content-type", "text/plain")
                    .send(&lines)
                    .unwrap();
            }
        });
        let queued = until(&program, "heron", None, "queued");
        done.store(true, Ordering::Relaxed);
        assert!(queued["records"].as_u64().unwrap() > 0, "{queued}");
        assert_eq!(queued["way"]["label"], "Ask again", "{queued}");
    });
}

#[test]
fn an_empty_store_says_so() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none.log"]));
    let answer = explain(&program, "heron", None);
    assert_eq!(answer["causes"][0]["code"], "nothing_stored", "{answer}");
}
