//! The agents as the API shows them, by the real program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use support::{Program, append, scratch, up_config, wait_for};

fn ask(program: &Program, path: &str) -> Value {
    let (status, body) = program.get(path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn an_agent_is_shown_with_its_machine_its_health_and_how_far_it_is_with_each_file() {
    let dir = scratch();
    let grpc = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let up = up_config(dir.path(), &["none.log"]).replace(
        "grpc = \"127.0.0.1:0\"",
        &format!("grpc = \"{grpc}\"\nagent_timeout = \"2s\""),
    );
    fs::create_dir(dir.path().join("logs")).unwrap();
    let agent = format!(
        "data = {:?}\nhost = \"edge-1\"\n[agent]\ncollector = \"http://{grpc}\"\ntail = [\"{}/logs/*\"]\nreport_interval = \"100ms\"\n\
         ignore_older = \"1d\"\n",
        dir.path().join("agent-data"),
        dir.path().display()
    );
    let log = dir.path().join("logs/app.log");
    append(&log, "one line\n");
    fs::write(dir.path().join("logs/core"), [0x7f, b'E', b'L', b'F', 0, 0, 1, 2]).unwrap();
    let old = fs::File::create(dir.path().join("logs/old.log")).unwrap();
    fs::write(dir.path().join("logs/old.log"), "old\n").unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let collector = Program::start(dir.path(), "up", &up);
    let edge = Program::start(dir.path(), "agent", &agent);
    let shown = |health: &str| {
        wait_for(&format!("the agent to be {health}"), || {
            let answer = ask(&collector, "/api/v1/agents?host=edge-1");
            let agent = answer["agents"].as_array()?.first()?.clone();
            (agent["health"] == health && (health == "silent" || agent["files"] == 1)).then_some(agent)
        })
    };
    let ok = shown("ok");
    assert_eq!(ok["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (ok["machine"]["os"].as_str(), ok["reason"].as_str()),
        (Some(std::env::consts::OS), None)
    );
    assert!(
        ok["machine"]["cpus"].as_u64() > Some(0) && ok["started_at"].is_string(),
        "{ok}"
    );
    let id = ok["agent"].as_str().unwrap().to_owned();

    let one = wait_for("what is left out", || {
        let one = ask(&collector, &format!("/api/v1/agents/{id}"));
        (one["files_left_out"] == 2 && one["lag_bytes"] == 0).then_some(one)
    });
    let file = &one["file_list"][0];
    assert_eq!(
        (file["path"].as_str(), file["end"].as_u64(), file["acked"].as_u64()),
        (log.to_str(), Some(9), Some(9))
    );
    assert_eq!(file["lag_seconds"], 0.0);
    let left_out: Vec<String> = one["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .collect();
    assert!(
        left_out
            .iter()
            .any(|file| file.contains("old.log") && file.contains("ignore_older")),
        "{left_out:?}"
    );

    // A line without its end is not read, and waits for it: bytes behind, but not late.
    append(&log, "half a line");
    wait_for("the bytes behind", || {
        let agent = shown("ok");
        (agent["lag_bytes"] == 11).then_some(())
    });
    append(&log, " and the rest\n");
    wait_for("the rest acked", || {
        let one = ask(&collector, &format!("/api/v1/agents/{id}"));
        (one["file_list"][0]["acked"] == 34).then_some(())
    });
    wait_for("both agents well", || {
        (ask(&collector, "/api/v1/agents?health=ok")["total"] == 2).then_some(())
    });
    let page = ask(&collector, "/api/v1/agents?limit=1");
    let next = ask(
        &collector,
        &format!("/api/v1/agents?limit=1&cursor={}", page["cursor"].as_str().unwrap()),
    );
    assert_eq!(
        (page["agents"][0]["host"].as_str(), next["agents"][0]["host"].as_str()),
        (Some("edge-1"), Some("test-host"))
    );
    assert_eq!(next["cursor"], Value::Null);

    edge.kill();
    let silent = shown("silent");
    assert!(
        silent["reason"].as_str().unwrap().starts_with("no report for"),
        "{silent}"
    );
    let (_, metrics) = collector.get("/metrics");
    assert!(
        metrics.contains("timberline_agents{health=\"silent\"} 1\n"),
        "{metrics}"
    );
    // A collector that was started anew knows it by its lines.
    wait_for("its lines published", || {
        let total = ask(&collector, &format!("/api/v1/ledger?agent={id}"))["total"].clone();
        (total["indexed"] == 34).then_some(())
    });
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
