//! Standard input by the real program: to its end, with a collector that is away, killed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use support::{Program, bodies, program, scratch, up_config, wait_for};

/// An agent that reads its standard input and ships to this collector.
fn agent(dir: &Path, collector: &str, more: &str) -> Child {
    let config = dir.join("stdin.toml");
    let text = format!(
        "data = {:?}\nhost = \"pipe-host\"\nzone = \"UTC\"\n[agent]\ncollector = \"http://{collector}\"\n\
         [agent.outbox]\ncommit_interval = \"10ms\"\n{more}",
        dir.join("stdin-data")
    );
    fs::write(&config, text).unwrap();
    Command::new(program())
        .args(["agent", "--stdin", "--config"])
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[track_caller]
fn ends_well(mut agent: Child) {
    drop(agent.stdin.take());
    let status = wait_for("the agent to end", || agent.try_wait().unwrap());
    assert!(status.success(), "{status}");
}

#[test]
fn standard_input_is_shipped_and_the_agent_ends_with_it() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none"]));
    let more = "[agent.stdin]\nservice = \"backup\"\nmultiline = { indent = true }\n";
    let mut child = agent(dir.path(), program.announced("agents"), more);
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(b"2026-11-01T10:00:00Z ERROR first\n  and on\n2026-11-01T10:00:01Z second\nno end")
        .unwrap();
    drop(stdin);
    ends_well(child);
    // What ended well is acked, so it is there at once.
    let found = wait_for("three records", || {
        Some(program.records("*")).filter(|found| found.len() >= 3)
    });
    assert_eq!(
        bodies(&found),
        [
            "2026-11-01T10:00:00Z ERROR first\n  and on",
            "2026-11-01T10:00:01Z second",
            "no end"
        ]
    );
    let first = program.records("first").remove(0);
    assert_eq!(first["timestamp"], "2026-11-01T10:00:00.000000000Z");
    assert_eq!(first["stream"]["service.name"], "backup");
    assert_eq!(first["stream"]["host.name"], "pipe-host");
    assert_eq!(program.stop(), 0);
}

#[test]
fn the_agent_waits_for_a_collector_that_is_away() {
    let dir = scratch();
    let config = up_config(dir.path(), &["none"]);
    let program = Program::start(dir.path(), "up", &config);
    let grpc = program.announced("agents").to_owned();
    assert_eq!(program.stop(), 0);
    let mut child = agent(dir.path(), &grpc, "");
    let lines: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    wait_for("the outbox to be made", || {
        let topic = dir.path().join("stdin-data/agent/outbox/topics/logs/0");
        topic.exists().then_some(())
    });
    assert!(child.try_wait().unwrap().is_none(), "nothing is acked");
    let config = config.replace("grpc = \"127.0.0.1:0\"", &format!("grpc = {grpc:?}"));
    let program = Program::start(dir.path(), "up", &config);
    ends_well(child);
    wait_for("all lines", || (program.count("line") >= 1000).then_some(()));
    assert_eq!(program.count("line"), 1000);
    assert_eq!(program.stop(), 0);
}

#[test]
fn a_killed_agent_ships_each_line_that_was_durable_once() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none"]));
    let mut child = agent(dir.path(), program.announced("agents"), "");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        // Until the pipe breaks.
        for n in 0.. {
            if writeln!(stdin, "line {n}").is_err() {
                return;
            }
        }
    });
    wait_for("some lines", || (program.count("line") > 5000).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    writer.join().unwrap();
    // The next one has nothing to read, and ships what is left.
    ends_well(agent(dir.path(), program.announced("agents"), ""));
    let found = wait_for("what was shipped", || {
        let found: BTreeSet<usize> = program.records("line").iter().map(number).collect();
        (found.len() as u64 == program.count("line")).then_some(found)
    });
    assert!(found.len() > 5000);
    assert_eq!(found.last(), Some(&(found.len() - 1)), "no line within is missing");
    assert_eq!(program.stop(), 0);
}

fn number(record: &Value) -> usize {
    let body = record["body"].as_str().unwrap();
    body.rsplit(' ').next().unwrap().parse().unwrap()
}
