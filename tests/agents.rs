//! The agents as the API shows them, by the real program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use support::{Program, append, port, scratch, up_config, wait_for};

fn ask(program: &Program, path: &str) -> Value {
    let (status, body) = program.get(path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// A collector with a page, and an agent of its own that follows `logs/app.log`.
struct Edge {
    dir: tempfile::TempDir,
    up: String,
    log: PathBuf,
    collector: Program,
    agent: Option<Program>,
}

impl Edge {
    fn start() -> Self {
        let dir = scratch();
        let grpc = format!("127.0.0.1:{}", port());
        let up = up_config(dir.path(), &["none.log"]).replace(
            "grpc = \"127.0.0.1:0\"",
            &format!("grpc = \"{grpc}\"\nagent_timeout = \"2s\""),
        );
        let logs = dir.path().join("logs");
        fs::create_dir(&logs).unwrap();
        let config = format!(
            "data = {:?}\nhost = \"edge-1\"\n[agent]\ncollector = \"http://{grpc}\"\ntail = [\"{}/*\"]\nreport_interval = \"100ms\"\n\
             ignore_older = \"1d\"\n",
            dir.path().join("agent-data"),
            logs.display()
        );
        let log = logs.join("app.log");
        append(&log, "one line\n");
        let collector = Program::start(dir.path(), "up", &up);
        let agent = Some(Program::start(dir.path(), "agent", &config));
        Self {
            dir,
            up,
            log,
            collector,
            agent,
        }
    }

    /// The agent in the list, once it is so well and its file is known.
    fn shown(&self, health: &str) -> Value {
        wait_for(&format!("the agent to be {health}"), || {
            let answer = ask(&self.collector, "/api/v1/agents?host=edge-1");
            let agent = answer["agents"].as_array()?.first()?.clone();
            (agent["health"] == health && (health == "silent" || agent["files"] == 1)).then_some(agent)
        })
    }

    fn id(&self) -> String {
        self.shown("ok")["agent"].as_str().unwrap().to_owned()
    }

    /// The agent by itself, once `condition` holds.
    fn one(&self, id: &str, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
        wait_for(what, || {
            let one = ask(&self.collector, &format!("/api/v1/agents/{id}"));
            condition(&one).then_some(one)
        })
    }
}

#[test]
fn an_agent_is_shown_with_its_machine_and_the_files_that_it_follows_and_leaves_out() {
    let edge = Edge::start();
    let logs = edge.dir.path().join("logs");
    fs::write(logs.join("core"), [0x7f, b'E', b'L', b'F', 0, 0, 1, 2]).unwrap();
    let old = fs::File::create(edge.dir.path().join("old.log")).unwrap();
    fs::write(edge.dir.path().join("old.log"), "old\n").unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    fs::rename(edge.dir.path().join("old.log"), logs.join("old.log")).unwrap();
    let ok = edge.shown("ok");
    assert_eq!(ok["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (ok["machine"]["os"].as_str(), ok["reason"].as_str()),
        (Some(std::env::consts::OS), None)
    );
    assert!(
        ok["machine"]["cpus"].as_u64() > Some(0) && ok["started_at"].is_string(),
        "{ok}"
    );
    let one = edge.one(&edge.id(), "what is left out", |one| {
        one["files_left_out"] == 2 && one["lag_bytes"] == 0
    });
    let file = &one["file_list"][0];
    assert_eq!(
        (file["path"].as_str(), file["end"].as_u64(), file["acked"].as_u64()),
        (edge.log.to_str(), Some(9), Some(9))
    );
    assert_eq!(file["lag_seconds"], 0.0);
    let left_out = one["left_out"].as_array().unwrap().iter();
    let left_out: Vec<String> = left_out.map(Value::to_string).collect();
    assert!(
        left_out
            .iter()
            .any(|file| file.contains("old.log") && file.contains("ignore_older")),
        "{left_out:?}"
    );
}

#[test]
fn bytes_behind_are_told_from_late_ones_and_pages_give_each_agent_once() {
    let edge = Edge::start();
    let id = edge.id();
    // A line without its end is not read, and waits for it: bytes behind, but not late.
    append(&edge.log, "half a line");
    wait_for("the bytes behind", || {
        (edge.shown("ok")["lag_bytes"] == 11).then_some(())
    });
    append(&edge.log, " and the rest\n");
    edge.one(&id, "the rest acked", |one| one["file_list"][0]["acked"] == 34);
    wait_for("both agents well", || {
        (ask(&edge.collector, "/api/v1/agents?health=ok")["total"] == 2).then_some(())
    });
    let page = ask(&edge.collector, "/api/v1/agents?limit=1");
    let cursor = page["cursor"].as_str().unwrap();
    let next = ask(&edge.collector, &format!("/api/v1/agents?limit=1&cursor={cursor}"));
    assert_eq!(
        (page["agents"][0]["host"].as_str(), next["agents"][0]["host"].as_str()),
        (Some("edge-1"), Some("test-host"))
    );
    assert_eq!(next["cursor"], Value::Null);
}

#[test]
fn an_agent_that_is_gone_is_silent_and_known_by_its_lines_after_a_restart() {
    let mut edge = Edge::start();
    let id = edge.id();
    wait_for("its lines published", || {
        let total = ask(&edge.collector, &format!("/api/v1/ledger?agent={id}"))["total"].clone();
        (total["indexed"] == 9).then_some(())
    });
    edge.agent.take().unwrap().kill();
    let silent = edge.shown("silent");
    let reason = silent["reason"].as_str().unwrap();
    assert!(reason.starts_with("no report for"), "{silent}");
    let Edge { collector, up, dir, .. } = edge;
    let (_, metrics) = collector.get("/metrics");
    assert!(
        metrics.contains("timberline_agents{health=\"silent\"} 1\n"),
        "{metrics}"
    );
    // A collector that was started anew knows it by its lines.
    collector.kill();
    let collector = Program::start(dir.path(), "up", &up);
    let one = ask(&collector, &format!("/api/v1/agents/{id}"));
    assert_eq!(
        (one["health"].as_str(), one["host"].as_str()),
        (Some("silent"), Some("edge-1")),
        "{one}"
    );
    assert_eq!(collector.get("/api/v1/agents/00").0, 404);
    assert_eq!(collector.stop(), 0);
}
