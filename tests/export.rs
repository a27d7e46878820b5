//! Whole results as files, by the real program: what was written comes out, in every format, in
//! bounded memory; and half a file is never taken for a whole one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use support::{Program, append, run, scratch, up_config, wait_at_most, wait_for};

const LINES: u64 = 300_000;

/// 360 bytes of line `n`, with what CSV and JSON have to escape.
fn line(n: u64) -> String {
    let time = format!(
        "2026-11-24T{:02}:{:02}:{:02}.{:03}Z",
        n / 36_000 % 24,
        n / 600 % 60,
        n / 10 % 60,
        n % 10 * 100
    );
    format!("{time} curlew {n:06} said \"so, {n}\" =1+1 {}", "padding ".repeat(38))
}

fn written() -> impl Iterator<Item = String> {
    (0..LINES).map(line)
}

/// Physical memory of a process, bytes.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    kib.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Exports by the command line; how much the program grew meanwhile at most.
fn export(program: &Program, query: &str, format: &str, to: &Path) -> u64 {
    let (before, most, done) = (resident(program.pid()), AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(resident(program.pid()), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let to = to.to_str().unwrap();
        let output = run(&[
            "query",
            query,
            "-o",
            format,
            "--limit",
            "all",
            "--out",
            to,
            "--server",
            program.page(),
        ]);
        done.store(true, Ordering::Relaxed);
        assert!(output.status.success(), "{output:?}");
    });
    most.load(Ordering::Relaxed).saturating_sub(before)
}

#[test]
fn three_hundred_thousand_lines_come_out_as_they_went_in_in_bounded_memory() {
    const GROWTH_MAX: u64 = 64 << 20;
    let dir = scratch();
    let parquet = dir.path().join("out.parquet");
    let config = format!(
        "{}[query.tables]\nexported = {parquet:?}\n",
        up_config(dir.path(), &["*.log"])
    );
    let all: String = written().map(|line| line + "\n").collect();
    append(&dir.path().join("app.log"), &all);
    let program = Program::start(dir.path(), "up", &config);
    wait_at_most(Duration::from_secs(300), "the lines", || {
        (program.count("curlew") == LINES).then_some(())
    });

    let file = |name: &str| dir.path().join(name);
    let mut grown = Vec::new();
    grown.push(("raw", export(&program, "curlew", "raw", &file("out.raw"))));
    let raw = fs::read_to_string(file("out.raw")).unwrap();
    // The command line prints the newest first, as ever.
    assert!(
        raw.lines().eq(written().collect::<Vec<_>>().iter().rev()),
        "raw text differs"
    );

    grown.push(("ndjson", export(&program, "curlew", "ndjson", &file("out.ndjson"))));
    let ndjson = fs::read_to_string(file("out.ndjson")).unwrap();
    let body = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["body"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(
        ndjson
            .lines()
            .map(body)
            .eq(written().collect::<Vec<_>>().into_iter().rev()),
        "NDJSON differs"
    );

    grown.push(("csv", export(&program, "curlew", "csv", &file("out.csv"))));
    let csv = fs::read_to_string(file("out.csv")).unwrap();
    let quoted = |line: &String| format!(",\"{}\",", line.replace('"', "\"\""));
    let rows: Vec<&str> = csv.split_terminator("\r\n").collect();
    assert_eq!(rows.len() as u64, LINES + 1);
    let expected: Vec<String> = written().collect();
    assert!(
        rows[1..]
            .iter()
            .zip(expected.iter().rev())
            .all(|(row, line)| row.contains(&quoted(line))),
        "CSV differs"
    );

    grown.push(("parquet", export(&program, "curlew", "parquet", &parquet)));
    let one = |sql: &str| program.post("/api/v1/query", &json!({"query": sql})).unwrap()["rows"][0].take();
    let both = "SELECT count(*), count(DISTINCT body), min(timestamp), max(timestamp), sum(length(body)) FROM";
    assert_eq!(one(&format!("{both} exported")), one(&format!("{both} logs")));
    assert_eq!(one("SELECT count(*) FROM exported WHERE body_base64 IS NULL")[0], LINES);
    assert!(
        all.len() as u64 > GROWTH_MAX,
        "the result is larger than what may be held"
    );
    assert!(grown.iter().all(|(_, bytes)| *bytes < GROWTH_MAX), "{grown:?}");

    // A table, by the page's own way.
    let (status, text) = program.get("/api/v1/export?query=curlew+%7C+stats+count%28%29+as+n&format=csv");
    assert_eq!((status, text.as_str()), (200, "n\r\n300000\r\n"));
    let recorded = one("SELECT count(*) FROM audit WHERE action = 'export.end' AND outcome = 'ok'");
    assert_eq!(recorded[0], 5);
}

fn many(dir: &Path) -> Program {
    append(
        &dir.join("app.log"),
        (0..60_000).map(|n| line(n) + "\n").collect::<String>(),
    );
    let program = Program::start(dir, "up", &up_config(dir, &["*.log"]));
    wait_for("the lines", || (program.count("curlew") == 60_000).then_some(()));
    program
}

/// A body of which the first bytes are read, and no more.
fn begun(program: &Program, id: &str) -> impl Read + use<> {
    let address = format!("{}/api/v1/export?query=curlew&format=raw&id={id}", program.page());
    let mut body = ureq::get(address).call().unwrap().into_body().into_reader();
    body.read_exact(&mut [0; 1000]).unwrap();
    body
}

fn state(program: &Program, id: &str) -> Value {
    serde_json::from_str(&program.get(&format!("/api/v1/export/{id}")).1).unwrap()
}

#[test]
fn an_export_that_is_cancelled_or_left_alone_ends_and_says_so() {
    let dir = scratch();
    let program = many(dir.path());
    let mut body = begun(&program, "one");
    assert_eq!(state(&program, "one")["state"], "running");
    ureq::delete(format!("{}/api/v1/query/one", program.page()))
        .call()
        .unwrap();
    let broken = std::io::copy(&mut body, &mut std::io::sink());
    assert!(broken.is_err(), "a file that is not whole looks whole");
    assert_eq!(state(&program, "one")["state"], "cancelled");
    let left = begun(&program, "two");
    drop(left);
    let ended = wait_for("the other to end", || {
        let state = state(&program, "two");
        (state["state"] != "running").then_some(state)
    });
    assert_eq!(ended["state"], "cancelled", "{ended}");
    assert!(ended["rows"].as_u64().unwrap() < 60_000, "{ended}");
    let outcomes = json!({"query": "SELECT object, outcome FROM audit WHERE action = 'export.end' ORDER BY object"});
    let outcomes = program.post("/api/v1/query", &outcomes).unwrap();
    assert_eq!(outcomes["rows"], json!([["one", "cancelled"], ["two", "cancelled"]]));
}

#[test]
fn a_program_that_dies_amid_an_export_leaves_no_file_that_looks_whole() {
    let dir = scratch();
    let program = many(dir.path());
    let mut body = begun(&program, "one");
    program.kill();
    assert!(
        std::io::copy(&mut body, &mut std::io::sink()).is_err(),
        "a file that is not whole looks whole"
    );
}

#[test]
fn what_is_wrong_with_an_export_is_said_at_once() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none.log"]));
    for (wrong, what) in [
        ("query=a+%7C+stat+count%28%29&format=csv", "stats"),
        ("query=a&format=xls", "csv, ndjson, parquet, raw"),
        ("query=a&format=csv&partial=maybe", "neither error nor skip"),
        ("query=a", "format"),
    ] {
        let (status, text) = program.get(&format!("/api/v1/export?{wrong}"));
        assert!(status == 400 && text.contains(what), "{wrong}: {status} {text}");
    }
    let file = dir.path().join("none.csv");
    let to = file.to_str().unwrap();
    let output = run(&[
        "query",
        "a | stat count()",
        "-o",
        "csv",
        "--limit",
        "all",
        "--out",
        to,
        "--server",
        program.page(),
    ]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!file.exists());
    let table = run(&["query", "a", "--limit", "all", "--server", program.page()]);
    assert_eq!(table.status.code(), Some(2), "{table:?}");
}
