//! Logs that the program makes itself: `timberline loadgen` and `timberline canary`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use support::{Program, append, run, scratch, up_config, wait_for};

/// Every file of a directory with its bytes, by name.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn loadgen_makes_the_same_files_of_the_same_seed_and_rotates_them() {
    let dir = scratch();
    let make = |name: &str, seed: &str| {
        let to = dir.path().join(name);
        let output = run(&[
            "loadgen",
            "--dir",
            to.to_str().unwrap(),
            "--seed",
            seed,
            "--bytes",
            "300KB",
            "--shape",
            "java,json",
            "--files",
            "3",
            "--start",
            "2026-11-01T00:00:00Z",
            "--rotate",
            "rename",
            "--rotate-bytes",
            "30KB",
            "--rotate-keep",
            "2",
        ]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        files(&to)
    };
    let made = make("a", "7");
    assert_eq!(made, make("b", "7"));
    assert_ne!(made, make("c", "8"));
    let names: Vec<_> = made.iter().map(|(path, _)| path.to_str().unwrap()).collect();
    let expected: Vec<String> = ["java-1", "java-2", "json-1"]
        .iter()
        .flat_map(|name| ["", ".1", ".2"].map(|end| format!("{name}.log{end}")))
        .collect();
    assert_eq!(names, expected);
    for (path, bytes) in &made {
        assert!(
            bytes.len() < 40_000 && bytes.last() == Some(&b'\n'),
            "{}",
            path.display()
        );
    }
    let json = String::from_utf8(made[8].1.clone()).unwrap();
    assert!(
        json.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{json}"
    );
    for wrong in [&["--rate", "fast"][..], &["--start", "yesterday"], &[]] {
        let to = dir.path().join("x");
        let target = if wrong.is_empty() {
            vec![]
        } else {
            vec!["--dir", to.to_str().unwrap()]
        };
        let output = run(&[&["loadgen"], &target[..], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn what_loadgen_writes_rotates_and_sends_is_found_and_the_ledger_balances() {
    let dir = scratch();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["logs/*"]));
    for (how, lines, bytes) in [("rename", "3000", "40KB"), ("copy-truncate", "1500", "60KB")] {
        let output = run(&[
            "loadgen",
            "--dir",
            logs.to_str().unwrap(),
            "--lines",
            lines,
            "--rate",
            "1000",
            "--shape",
            "json,logfmt,nginx,syslog,sql,text",
            "--rotate",
            how,
            "--rotate-bytes",
            bytes,
            "--rotate-keep",
            "50",
        ]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    wait_for("every line", || (program.count("*") == 4500).then_some(()));
    for (flag, url) in [
        ("--http", program.page().to_owned()),
        ("--grpc", format!("http://{}", program.announced("agents"))),
    ] {
        let output = run(&["loadgen", flag, &url, "--lines", "500", "--shape", "logfmt,syslog"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    wait_for("what was sent", || {
        (program.count("host.name:loadgen-1") == 500).then_some(())
    });
    assert_eq!(program.count("*"), 5500);
    let bytes: u64 = files(&logs).iter().map(|(_, bytes)| bytes.len() as u64).sum();
    // What an agent last said may be older than its last lines.
    let ledger = wait_for("all published", || {
        let ledger: Value = serde_json::from_str(&program.get("/api/v1/ledger?limit=1000").1).unwrap();
        let total = &ledger["total"];
        let is_settled = total["in_queue"] == 0 && total["acked"] == total["read"];
        (is_settled && total["indexed"] == bytes).then_some(ledger)
    });
    let total = &ledger["total"];
    assert_eq!(
        [
            &total["indexed"],
            &total["lost"],
            &total["doubled"],
            &total["unexplained"]
        ]
        .map(|n| n.as_i64().unwrap()),
        [bytes as i64, 0, 0, 0]
    );
    assert_eq!(program.stop(), 0);
}

fn start_canary(dir: &std::path::Path) -> Program {
    Program::start(dir, "up", &up_config(dir, &["canary.log"]))
}

#[test]
fn the_canary_finds_its_lines() {
    let dir = scratch();
    let log = dir.path().join("canary.log");
    let program = start_canary(dir.path());
    let (server, file) = (program.page(), log.to_str().unwrap());
    for target in [&["--file", file][..], &[]] {
        let output = run(&[&["canary", "--once", "--wait", "30s", "--server", server], target].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{text} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        for line in [
            "lines_sent_total 10",
            "lines_found_total 10",
            "missing_total 0",
            "duplicates_total 0",
            "latency_seconds_count 10",
        ] {
            assert!(text.contains(&format!("timberline_canary_{line}\n")), "{line}: {text}");
        }
    }
    assert_eq!(program.stop(), 0);
}

#[test]
fn the_canary_says_when_its_lines_are_missing() {
    let dir = scratch();
    let program = start_canary(dir.path());
    // Nobody follows this file.
    let nowhere = dir.path().join("nowhere.txt");
    let once = ["canary", "--once", "--wait", "1s", "--server", program.page(), "--file"];
    let output = run(&[&once[..], &[nowhere.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("10 of 10 lines are missing"), "{said}");
    assert_eq!(program.stop(), 0);
}

#[test]
fn the_canary_says_when_a_line_came_twice() {
    let dir = scratch();
    let log = dir.path().join("canary.log");
    let program = start_canary(dir.path());
    let mut canary = Command::new(support::program())
        .args([
            "canary",
            "--for",
            "3s",
            "--interval",
            "100ms",
            "--metrics",
            "127.0.0.1:0",
        ])
        .args(["--server", program.page(), "--file", log.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(canary.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    let line = wait_for("a line of this run", || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let line = text.split_inclusive('\n').next()?;
        (line.ends_with('\n') && line.contains("canary_seq")).then(|| line.to_owned())
    });
    append(&log, line);
    let address = first
        .trim()
        .trim_start_matches("metrics http://")
        .trim_end_matches("/metrics");
    wait_for("the duplicate in the metrics", || {
        let mut stream = TcpStream::connect(address).ok()?;
        write!(stream, "GET /metrics HTTP/1.0\r\nhost: x\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        assert!(text.contains("timberline_canary_lines_sent_total"), "{text}");
        text.contains("timberline_canary_duplicates_total 1\n").then_some(())
    });
    let mut report = String::new();
    out.read_to_string(&mut report).unwrap();
    assert_eq!(canary.wait().unwrap().code(), Some(5), "{report}");
    assert!(report.contains("0 missing, 0 late, 1 twice"), "{report}");
    assert_eq!(program.stop(), 0);
}
