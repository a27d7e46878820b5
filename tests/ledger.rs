//! What became of every byte, by the real program: whatever happens to files, queue and processes,
//! what was acked is indexed, removed or named as a gap, and nothing is left over.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use support::{DEADLINE, Program, append, port, run, scratch, up_config, wait_at_most, wait_for};

fn ask(program: &Program, path: &str) -> Value {
    let (status, body) = program.get(path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// The sources found under this path.
fn sources(program: &Program, path: &Path) -> Vec<Value> {
    let answer = ask(program, &format!("/api/v1/ledger?source={}", path.display()));
    answer["sources"].as_array().unwrap().clone()
}

fn bytes(source: &Value, what: &str) -> u64 {
    source[what].as_u64().unwrap_or_else(|| panic!("no {what} in {source}"))
}

/// Waits until the one source of this path is published so far, and looks whether all is accounted for.
#[track_caller]
fn settled(program: &Program, path: &Path, acked: u64) -> Value {
    let source = wait_for(&format!("{acked} bytes of {} published", path.display()), || {
        let found = sources(program, path);
        let is_it = |source: &&Value| bytes(source, "acked") == acked && bytes(source, "in_queue") == 0;
        found.iter().find(is_it).cloned()
    });
    check(program, &source);
    source
}

/// Every byte is somewhere, and the index holds what the ledger says it does.
#[track_caller]
fn check(program: &Program, source: &Value) {
    let n = |what: &str| bytes(source, what) as i64;
    assert_eq!(source["unexplained"], 0, "{source}");
    assert_eq!(
        n("acked") - n("in_queue"),
        n("indexed") - n("doubled") + n("empty") + n("policy") + n("lost"),
        "{source}"
    );
    assert_eq!(n("indexed"), n("held") + n("damaged") + n("removed"), "{source}");
    let generation = source["generation"].as_str().unwrap();
    let files = ask(program, &format!("/api/v1/files?generation={generation}"));
    let indexed = files["files"][0]["bytes"].as_u64().unwrap_or(0);
    assert_eq!(
        indexed,
        bytes(source, "held"),
        "the index holds other bytes: {files} {source}"
    );
}

#[track_caller]
fn check_all(program: &Program) -> Value {
    let answer = ask(program, "/api/v1/ledger");
    assert_eq!(answer["total"]["unexplained"], 0, "{answer}");
    assert_eq!(answer["total"]["doubled"], 0, "{answer}");
    assert_eq!(answer["total"]["damaged"], 0, "{answer}");
    assert_eq!(answer["cursor"], Value::Null);
    for source in answer["sources"].as_array().unwrap() {
        check(program, source);
    }
    answer["total"].clone()
}

/// The gaps of a source: reason, first byte, one past the last.
fn gaps(source: &Value) -> Vec<(String, u64, u64)> {
    let gaps = source["gaps"].as_array().unwrap().iter();
    gaps.map(|gap| {
        assert!(gap["at"].as_str().unwrap().starts_with("20"), "{gap}");
        let range = (bytes(gap, "from"), bytes(gap, "to"));
        assert_eq!(range.1 - range.0, bytes(gap, "bytes"));
        (gap["reason"].as_str().unwrap().to_owned(), range.0, range.1)
    })
    .collect()
}

fn lines(n: usize) -> String {
    (0..n)
        .map(|n| format!("2026-11-24T14:00:00Z INFO line {n} of the file\n"))
        .collect()
}

/// Waits until the agent has seen the file's last bytes, which are no whole line.
fn until_seen(program: &Program, size: usize) {
    wait_for("the agent to see the unread bytes", || {
        let answer = ask(program, "/api/v1/sources");
        let source = answer["sources"].as_array()?.first()?;
        (source["bytes"].as_u64()? == size as u64).then_some(())
    });
}

/// Waits until an agent's health is `error`; gives its reason and its id.
fn until_failing(program: &Program) -> String {
    wait_for("the agent's health", || {
        let agents = ask(program, "/api/v1/agents?health=error");
        let agent = agents["agents"].as_array()?.first()?;
        Some(format!("{} {}", agent["agent"].as_str()?, agent["reason"].as_str()?))
    })
}

/// A program with its configuration, whose one file, `app.log`, has fifty lines: they are published.
/// Their bytes come last.
fn fifty_lines(dir: &Path) -> (String, PathBuf, Program, u64) {
    let log = dir.join("app.log");
    let config = up_config(dir, &["app.log"]);
    append(&log, lines(50));
    let program = Program::start(dir, "up", &config);
    let published = lines(50).len() as u64;
    settled(&program, &log, published);
    (config, log, program, published)
}

const UNREAD: &str = "held without its end";

#[test]
fn bytes_truncated_while_unread_are_a_gap_with_its_range_and_stay_one_over_kill_9() {
    let dir = scratch();
    let (config, log, program, read) = fifty_lines(dir.path());
    append(&log, UNREAD);
    until_seen(&program, UNREAD.len());
    fs::write(&log, lines(3)).unwrap();
    let end = read + UNREAD.len() as u64;
    let truncated = settled(&program, &log, end);
    let expected = vec![("truncated_unread".to_owned(), read, end)];
    assert_eq!(gaps(&truncated), expected);
    assert_eq!(bytes(&truncated, "lost"), UNREAD.len() as u64);
    settled(&program, &log, lines(3).len() as u64);
    let reason = until_failing(&program);
    assert!(reason.contains("20 bytes were gone"), "{reason}");

    program.kill();
    let program = Program::start(dir.path(), "up", &config);
    wait_for("the agent again", || (program.count("*") == 53).then_some(()));
    assert_eq!(gaps(&settled(&program, &log, end)), expected);
    let total = check_all(&program);
    assert_eq!((total["lost"].as_u64(), total["sources"].as_u64()), (Some(20), Some(2)));

    let output = run(&["ledger", "--server", program.page()]);
    assert_eq!(output.status.code(), Some(5));
    let (text, said) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(said.contains("20 bytes are lost"), "{said}");
    assert!(
        text.contains(&format!("bytes {read}..{end}")) && text.contains("to do: rotate by rename"),
        "{text}"
    );
    let output = run(&["ledger", "--json", "--only-loss", "--server", program.page()]);
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (
            lines.len(),
            lines[0]["lost"].as_u64(),
            lines[1]["total"]["lost"].as_u64()
        ),
        (2, Some(20), Some(20))
    );
    let (_, metrics) = program.get("/metrics");
    assert!(
        metrics.contains("timberline_ledger_gap_bytes_total{reason=\"truncated_unread\"} 20\n"),
        "{metrics}"
    );
    assert!(metrics.contains("timberline_ledger_unexplained_bytes 0\n"), "{metrics}");
    assert_eq!(program.stop(), 0);
}

#[test]
fn bytes_of_a_file_deleted_while_the_agent_was_stopped_are_a_gap() {
    let dir = scratch();
    let (config, log, program, read) = fifty_lines(dir.path());
    append(&log, UNREAD);
    until_seen(&program, UNREAD.len());
    assert_eq!(program.stop(), 0);
    fs::remove_file(&log).unwrap();
    // Killed before and while it is told: it is told all the same, and once.
    for wait_ms in [300, 1200] {
        let program = Program::start(dir.path(), "up", &config);
        std::thread::sleep(Duration::from_millis(wait_ms)); // the kill's moment is meant to be arbitrary
        program.kill();
    }
    let program = Program::start(dir.path(), "up", &config);
    let end = read + UNREAD.len() as u64;
    let deleted = settled(&program, &log, end);
    assert_eq!(gaps(&deleted), [("deleted_unread".to_owned(), read, end)]);
    wait_for("the file let go", || {
        (sources(&program, &log)[0]["followed"] == false).then_some(())
    });
    assert_eq!(check_all(&program)["sources"], 1);
    assert_eq!(program.stop(), 0);
}

#[test]
fn a_file_deleted_while_the_collector_is_down_is_told_from_what_was_read_of_it() {
    let dir = scratch();
    let grpc = format!("127.0.0.1:{}", port());
    let log = dir.path().join("app.log");
    let up = up_config(dir.path(), &["none.log"]).replace("grpc = \"127.0.0.1:0\"", &format!("grpc = {grpc:?}"));
    let agent = format!(
        "data = {:?}\nhost = \"edge\"\nzone = \"UTC\"\n[agent]\ncollector = \"http://{grpc}\"\ntail = [{:?}]\nrotate_wait = \"300ms\"\n\
         deleted_bytes_held_max = \"1KiB\"\nin_flight_max = 1\nbatch_bytes_max = \"4KiB\"\nbackoff_max = \"200ms\"\n",
        dir.path().join("agent-data"),
        log.display().to_string()
    );
    let collector = Program::start(dir.path(), "up", &up);
    append(&log, lines(100));
    let edge = Program::start(dir.path(), "agent", &agent);
    settled(&collector, &log, lines(100).len() as u64);
    collector.kill();
    append(&log, lines(3000));
    let size = fs::metadata(&log).unwrap().len();
    wait_for("the agent to see them", || {
        std::thread::sleep(Duration::from_millis(200));
        edge.log().contains("no connection to the collector").then_some(())
    });
    std::thread::sleep(Duration::from_secs(1)); // a walk sees the size; nothing says so while no collector is there
    fs::remove_file(&log).unwrap();
    wait_for("the loss to be noticed", || {
        edge.log().contains("over_limit").then_some(())
    });
    std::thread::sleep(Duration::from_secs(1)); // the registry follows
    edge.kill();
    let edge = Program::start(dir.path(), "agent", &agent);
    let collector = Program::start(dir.path(), "up", &up);
    let source = settled(&collector, &log, size);
    let gaps = gaps(&source);
    let [(reason, from, to)] = &gaps[..] else {
        panic!("{source}")
    };
    assert_eq!((reason.as_str(), *to), ("over_limit", size), "{source}");
    assert_eq!(
        collector.count("*") as usize,
        (lines(100) + &lines(3000))[..*from as usize].lines().count()
    );
    let reason = until_failing(&collector);
    let id = reason.split(' ').next().unwrap().to_owned();
    check_all(&collector);
    // The agent is gone for good: the ledger knows it all the same.
    edge.kill();
    let answer = ask(&collector, &format!("/api/v1/ledger?agent={id}"));
    assert_eq!(answer["sources"].as_array().unwrap().len(), 1);
    assert_eq!(answer["total"]["lost"], size - from);
    assert_eq!(collector.stop(), 0);
}

#[test]
fn rules_holes_dead_letters_and_retention_are_told_apart_while_everything_is_killed() {
    let dir = scratch();
    let log = dir.path().join("app.log");
    let config = format!(
        "{}janitor_interval = \"100ms\"\nretention_age = \"3650d\"\n[queue]\nunpacked_bytes_max = \"64KiB\"\n\
         [[agent.rules]]\nname = \"no-debug\"\nwhere = \"level:debug\"\ndrop = true\n",
        up_config(dir.path(), &["*.log"]).replace("flush_interval = \"1s\"", "flush_interval = \"100ms\"")
    );
    let (old, kept) = ("2001-01-01T00:00:00Z INFO old\n", "2026-11-24T14:00:00Z INFO kept\n");
    let dropped = "2026-11-24T14:00:00Z DEBUG dropped\n";
    let hole = [0u8; 4096];
    // Alone more than a batch may hold, among many that are not.
    let refused = format!("2026-11-24T14:00:00Z INFO {}\n", "large ".repeat(20_000));
    let much = "2026-11-24T14:00:00Z INFO much\n".repeat(4000);
    let mut size = 0;
    let mut write = |bytes: &[u8]| {
        append(&log, bytes);
        size += bytes.len() as u64;
        size
    };
    let mut program = Program::start(dir.path(), "up", &config);
    for round in 0..6 {
        write(old.repeat(20).as_bytes());
        write(dropped.repeat(10).as_bytes());
        write(kept.repeat(30).as_bytes());
        if round == 3 {
            let acked = |program: &Program, size: u64| {
                wait_for("everything acked", || {
                    let source = sources(program, &log).into_iter().next()?;
                    (bytes(&source, "acked") == size).then_some(())
                });
            };
            acked(&program, write(b""));
            write(&hole);
            acked(&program, write(kept.as_bytes()));
            acked(
                &program,
                write([&much, &refused, &much].map(String::as_str).concat().as_bytes()),
            );
        }
        std::thread::sleep(Duration::from_millis(round * 130)); // the kill's moment is meant to be arbitrary
        program.kill();
        program = Program::start(dir.path(), "up", &config);
    }
    let source = wait_at_most(DEADLINE * 2, "everything read, and the old lines removed", || {
        let source = sources(&program, &log).into_iter().next()?;
        let is_done = bytes(&source, "acked") == size
            && bytes(&source, "in_queue") == 0
            && bytes(&source, "removed") == (old.len() * 120) as u64;
        is_done.then_some(source)
    });
    check(&program, &source);
    assert_eq!(bytes(&source, "policy"), (dropped.len() * 60) as u64, "{source}");
    assert_eq!(bytes(&source, "empty"), hole.len() as u64, "{source}");
    let lost = bytes(&source, "lost");
    assert_eq!(lost, refused.len() as u64, "of many lines one is refused: {source}");
    let first = &source["gaps"][0];
    assert_eq!(
        (first["reason"].as_str(), first["class"].as_str()),
        (Some("rejected"), Some("loss")),
        "{source}"
    );
    let dead_letters = fs::read_dir(dir.path().join("data/agent/dead-letter")).unwrap();
    let kept_aside: u64 = dead_letters
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let note: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            note["range"][1].as_u64().unwrap() - note["range"][0].as_u64().unwrap()
        })
        .sum();
    assert_eq!(kept_aside, lost, "what the ledger calls refused lies under dead-letter");
    assert_eq!(program.count("much"), 8000);
    assert_eq!(
        bytes(&source, "held"),
        (kept.len() * 181 + much.len() * 2) as u64,
        "{source}"
    );
    check_all(&program);
    assert_eq!(program.stop(), 0);
}

#[test]
fn what_a_queue_lost_after_its_ack_is_named_as_soon_as_the_file_goes_on() {
    let dir = scratch();
    let (config, log, program, published) = fifty_lines(dir.path());
    assert_eq!(program.stop(), 0);
    let slow = config.replace("flush_interval = \"1s\"", "flush_interval = \"1h\"");
    append(&log, lines(7));
    let program = Program::start(dir.path(), "up", &slow);
    wait_for("acked, not published", || {
        let source = sources(&program, &log).into_iter().next()?;
        (bytes(&source, "in_queue") == lines(7).len() as u64).then_some(())
    });
    std::thread::sleep(Duration::from_secs(1)); // the checkpoint follows the ack
    program.kill();
    fs::remove_dir_all(dir.path().join("data/queue")).unwrap();
    append(&log, lines(2));
    let program = Program::start(dir.path(), "up", &config);
    let lost = (published, published + lines(7).len() as u64);
    let source = settled(&program, &log, lost.1 + lines(2).len() as u64);
    assert_eq!(gaps(&source), [("queue_lost".to_owned(), lost.0, lost.1)]);
    check_all(&program);
    assert_eq!(program.stop(), 0);
}

#[test]
fn a_ledger_without_a_loss_ends_with_code_0_and_pages_give_each_source_once() {
    let dir = scratch();
    for n in 0..7 {
        append(&dir.path().join(format!("{n}.log")), lines(n + 1));
    }
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    let mut found = Vec::new();
    let written: usize = (0..7).map(|n| lines(n + 1).len()).sum();
    wait_for("all published", || {
        let total = ask(&program, "/api/v1/ledger")["total"].clone();
        (total["sources"] == 7 && total["in_queue"] == 0 && total["indexed"] == written as u64).then_some(())
    });
    let mut cursor = String::new();
    loop {
        let page = ask(&program, &format!("/api/v1/ledger?limit=3&cursor={cursor}"));
        found.extend(
            page["sources"]
                .as_array()
                .unwrap()
                .iter()
                .map(|source| source["path"].clone()),
        );
        match page["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<Value> = (0..7).map(|n| json!(dir.path().join(format!("{n}.log")))).collect();
    assert_eq!(found, expected);
    let output = run(&["ledger", "--source", "*/3.log", "--server", program.page()]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8(output.stdout).unwrap().contains("bytes of 1 sources"));
    for wrong in ["from=x", "agent=1", "only=some", "cursor=zz"] {
        assert_eq!(program.get(&format!("/api/v1/ledger?{wrong}")).0, 400, "{wrong}");
    }
    check_all(&program);
    assert_eq!(program.stop(), 0);
}
