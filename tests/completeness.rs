//! Every answer says up to when it is complete, for which sources, and what is still on its way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::path::Path;

use serde_json::{Value, json};

use support::{Program, append, scratch, up_config, wait_for};

fn completeness(program: &Program) -> Value {
    program
        .post("/api/v1/query", &json!({"query": "*", "limit": 1}))
        .unwrap()["completeness"]
        .take()
}

#[test]
fn an_answer_is_complete_to_a_time_that_moves_on_without_news() {
    let dir = scratch();
    append(&dir.path().join("a.log"), "one\n");
    append(&dir.path().join("b.log"), "two\n");
    append(&dir.path().join("packed.log"), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    let first = wait_for("both sources to be complete", || {
        let found = completeness(&program);
        (found["sources"] == 2 && found["sources_current"] == 2).then_some(found)
    });
    assert_eq!(first["lag_bytes"], 0, "{first}");
    assert!(
        first["summary"].as_str().unwrap().ends_with("for all 2 sources"),
        "{first}"
    );
    wait_for("the time to move on", || {
        let now = completeness(&program);
        let later = |key: &str| now[key].as_str() > first[key].as_str();
        (later("complete_to") && later("taken_to")).then_some(())
    });
    let all: Value = serde_json::from_str(&program.get("/api/v1/sources").1).unwrap();
    assert_eq!(all["total"], 2, "{all}");
    assert!(all["sources"][0]["read_to_end_at"].is_string(), "{all}");
}

/// What is written to before the time that an answer claims is in that answer.
#[test]
fn what_was_written_before_the_time_of_an_answer_is_in_it() {
    let dir = scratch();
    let file = dir.path().join("a.log");
    append(&file, "line 0\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("the first line", || (program.count("line") == 1).then_some(()));
    for n in 1..20u64 {
        append(&file, format!("line {n}\n"));
        let written = now();
        wait_for("an answer complete beyond the line", || {
            let answer = program
                .post("/api/v1/query", &json!({"query": "line | stats count() as n"}))
                .unwrap();
            let complete_to = answer["completeness"]["complete_to"].as_str()?;
            if complete_to <= written.as_str() {
                return None;
            }
            assert_eq!(answer["rows"][0][0], n + 1, "{answer} after {written}");
            Some(())
        });
    }
}

fn now() -> String {
    let output = std::process::Command::new("date")
        .args(["-u", "+%Y-%m-%dT%H:%M:%S.%NZ"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn role(dir: &Path, more: &str) -> String {
    format!(
        "data = {:?}\nhost = \"test-host\"\nzone = \"UTC\"\n{more}",
        dir.join("data")
    )
}

#[test]
fn a_dead_agent_and_a_dead_collector_hold_back_what_is_claimed() {
    let dir = scratch();
    let (servers, agents) = (dir.path().join("server"), dir.path().join("agent"));
    std::fs::create_dir_all(&servers).unwrap();
    std::fs::create_dir_all(&agents).unwrap();
    append(&agents.join("a.log"), "one\n");
    let collector = Program::start(
        &servers,
        "collector",
        &role(
            &servers,
            "[server]\nhttp = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\nagent_timeout = \"2s\"\n",
        ),
    );
    let endpoint = format!("http://{}", collector.announced("agents"));
    let agent = Program::start(
        &agents,
        "agent",
        &role(
            &agents,
            &format!(
                "[agent]\ncollector = {endpoint:?}\ntail = [{:?}]\n",
                agents.join("*.log")
            ),
        ),
    );
    let stores = dir.path().join("store");
    std::fs::create_dir_all(&stores).unwrap();
    let store = Program::start(
        &stores,
        "store",
        &role(
            &stores,
            &format!(
                "[server]\nhttp = \"127.0.0.1:0\"\nagent_timeout = \"2s\"\nlag_tolerance = \"5s\"\n[store]\ncollector = {endpoint:?}\n"
            ),
        ),
    );
    wait_for("the source to be complete", || {
        (completeness(&store)["sources_current"] == 1).then_some(())
    });
    agent.kill();
    let silent = wait_for("its silence to be said", || {
        let found = completeness(&store);
        (found["agents_silent"] == 1).then_some(found)
    });
    assert_eq!(
        (&silent["sources"], &silent["sources_current"]),
        (&json!(1), &json!(0)),
        "{silent}"
    );
    assert_eq!(silent["behind"][0]["connected"], false, "{silent}");
    assert_eq!(
        completeness(&store)["complete_to"],
        silent["complete_to"],
        "the dead see nothing new"
    );
    collector.kill();
    let taken = wait_for("the store to notice", || {
        let (before, after) = (completeness(&store), completeness(&store));
        std::thread::sleep(std::time::Duration::from_secs(1)); // a store that could ask would have moved on
        (before["taken_to"] == completeness(&store)["taken_to"]).then_some(after)
    });
    assert!(taken["taken_to"].is_string());
}
