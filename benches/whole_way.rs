//! From files to answers, by the real program: `cargo bench --bench whole_way [-- FILE…]`.
//!
//! Without files it makes 100 MB of log of its own (`BENCH_MB` for another size). It prints the
//! rate of ingestion per CPU second, bytes on disk, resident memory, the time from a line's being
//! written to its being found, and the time of three queries. Machines differ and are shared:
//! compare ratios of one run, not figures of two.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Program, append, up_config, wait_at_most};

const LONG: Duration = Duration::from_secs(1800);
const PROBES: usize = 200;
const REPEATS: usize = 11;

fn main() {
    // `cargo bench` passes its own flags.
    let files: Vec<PathBuf> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .map(PathBuf::from)
        .collect();
    let dir = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let (bytes, lines) = if files.is_empty() {
        generate(&logs)
    } else {
        copy(&files, &logs)
    };
    let megabytes = bytes as f64 / 1e6;
    println!("{megabytes:.1} MB in {lines} lines");

    let begin = Instant::now();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["logs/*.log"]));
    wait_at_most(LONG, "every line to be searchable", || {
        (program.count("*") >= lines).then_some(())
    });
    let searchable = begin.elapsed().as_secs_f64();
    wait_at_most(LONG, "the store to take everything", || {
        (status(&program)["records"].as_u64() >= Some(lines)).then_some(())
    });
    let stored = cpu_seconds(program.pid());
    println!(
        "ingest: {:.1} MB per CPU second ({stored:.1} CPU s, agent, queue and store together), all searchable after {searchable:.1} s",
        megabytes / stored
    );
    let resident = resident_mb(program.pid());
    settle(&program);
    println!("merging: {:.1} CPU s more", cpu_seconds(program.pid()) - stored);
    let now = status(&program);
    let disk = now["disk_bytes"].as_u64().unwrap();
    println!(
        "disk: {:.1} MB of splits in {} files, {:.2} % of raw; everything below the data directory {:.1} MB",
        disk as f64 / 1e6,
        now["splits"],
        100.0 * disk as f64 / bytes as f64,
        directory_bytes(Path::new(program.announced("data"))) as f64 / 1e6
    );
    println!(
        "memory: {resident:.0} MB resident after ingestion, {:.0} MB after merging",
        resident_mb(program.pid())
    );

    for (what, query) in [
        (
            "a needle that is there",
            std::env::var("BENCH_NEEDLE").unwrap_or_else(|_| "needle4711".into()),
        ),
        ("a needle that is not", "nowheretobefound12345".into()),
        (
            "count of a frequent word",
            format!(
                "{} | stats count() as n",
                std::env::var("BENCH_WORD").unwrap_or_else(|_| "user".into())
            ),
        ),
        (
            "histogram by hour and level",
            "* | stats count() by bin(timestamp, 1h), level".into(),
        ),
    ] {
        time_query(&program, what, &query);
    }
    visible(&program, &logs.join("probe.log"));
}

/// Median of some runs, and what was found.
fn time_query(program: &Program, what: &str, query: &str) {
    let mut times = Vec::new();
    let mut rows = 0;
    for _ in 0..REPEATS {
        let begin = Instant::now();
        let answer = program
            .post("/api/v1/query", &json!({"query": query, "limit": 1000}))
            .unwrap();
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
        rows = answer["end"]["rows"].as_u64().unwrap_or(0);
    }
    let first = times[0];
    times.sort_by(f64::total_cmp);
    println!(
        "query: {what}: first {first:.1} ms, median {:.1} ms, {rows} rows ({query})",
        times[REPEATS / 2]
    );
}

/// Appends a line, asks for it until it is found; the times from write to answer.
fn visible(program: &Program, path: &Path) {
    let mut times: Vec<f64> = (0..PROBES)
        .map(|probe| {
            let begin = Instant::now();
            append(path, format!("probe zq{probe}x{}\n", std::process::id()));
            let query = format!("zq{probe}x{}", std::process::id());
            wait_at_most(LONG, &query, || (!program.records(&query).is_empty()).then_some(()));
            begin.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "from write to answer: p50 {:.0} ms, p99 {:.0} ms, asked every 20 ms, {PROBES} lines",
        times[PROBES / 2],
        times[PROBES * 99 / 100]
    );
}

/// Waits until the number of splits has not changed for a while.
fn settle(program: &Program) {
    let mut last = (0, Instant::now());
    wait_at_most(LONG, "merging to settle", || {
        let splits = status(program)["splits"].as_u64().unwrap();
        if splits != last.0 {
            last = (splits, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(200));
        (last.1.elapsed() > Duration::from_secs(15)).then_some(())
    });
}

fn status(program: &Program) -> serde_json::Value {
    serde_json::from_str(&program.get("/api/v1/status").1).unwrap()
}

fn cpu_seconds(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn resident_mb(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1000.0
}

fn directory_bytes(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => directory_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

fn copy(files: &[PathBuf], logs: &Path) -> (u64, u64) {
    let mut totals = (0, 0);
    for file in files {
        let content = fs::read(file).unwrap();
        totals.0 += content.len() as u64;
        totals.1 += content.iter().filter(|&&byte| byte == b'\n').count() as u64;
        fs::write(logs.join(file.file_name().unwrap()).with_extension("log"), content).unwrap();
    }
    totals
}

/// Lines of four services with the usual mixture of fixed words and changing values.
fn generate(logs: &Path) -> (u64, u64) {
    let target: u64 = std::env::var("BENCH_MB").map_or(100, |text| text.parse().unwrap()) * 1_000_000;
    let mut state = 7_u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut totals = (0, 0);
    for service in ["web", "auth", "shop", "db"] {
        let path = logs.join(format!("{service}.log"));
        let mut out = BufWriter::new(fs::File::create(&path).unwrap());
        let mut written = 0;
        let mut at_ms = 0;
        while written < target / 4 {
            at_ms += random() % 40;
            let clock = format!(
                "2026-11-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                1 + at_ms / 86_400_000,
                at_ms / 3_600_000 % 24,
                at_ms / 60_000 % 60,
                at_ms / 1000 % 60,
                at_ms % 1000
            );
            let level = ["INFO", "INFO", "INFO", "INFO", "DEBUG", "DEBUG", "WARN", "ERROR"][random() as usize % 8];
            let (a, b, c) = (random(), random() % 5000, random() % 256);
            let needle = if totals.1 == 77_777 { " needle4711" } else { "" };
            let line = match (service, random() % 3) {
                ("web", _) => format!(
                    "10.{c}.{}.{} - - [{clock}] \"GET /api/v1/items/{b} HTTP/1.1\" {} {}{needle}\n",
                    a % 256,
                    b % 256,
                    [200, 200, 200, 304, 404, 500][a as usize % 6],
                    a % 90_000
                ),
                ("auth", 0) => format!(
                    "{clock} {level} sshd[{b}]: Failed password for user u{b} from 10.{c}.1.9 port {}{needle}\n",
                    a % 65_536
                ),
                ("auth", _) => format!("{clock} {level} session opened for user u{b} by (uid={c}){needle}\n"),
                ("shop", _) => format!(
                    "{{\"ts\":\"{clock}\",\"level\":\"{level}\",\"msg\":\"order placed\",\"user\":\"u{b}\",\"amount\":{}.{c:02},\"order\":\"{a:012x}\"}}{needle}\n",
                    b % 900
                ),
                (_, 0) => format!(
                    "{clock} {level} checkpoint complete: wrote {b} buffers ({c}%); sync={}.{c} s{needle}\n",
                    a % 9
                ),
                _ => format!(
                    "{clock} {level} duration: {}.{c} ms statement: SELECT * FROM items WHERE id = {a}{needle}\n",
                    b
                ),
            };
            out.write_all(line.as_bytes()).unwrap();
            written += line.len() as u64;
            totals.1 += 1;
        }
        totals.0 += written;
    }
    totals
}
