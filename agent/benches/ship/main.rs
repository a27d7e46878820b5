//! The agent alone: files to acks of a collector that takes everything and keeps nothing.
//! `cargo bench -p timberline-agent --bench ship [-- FILE…]`
//!
//! The collector is a process of its own, so what is printed is the agent's: megabytes of log a CPU
//! second, and memory. Without files it makes `BENCH_MB` (200) of log. With `BENCH_TLS=1` it ships by
//! mutual TLS. With `BENCH_FILES=10,10000`
//! it follows so many small files instead, of which 3 in 100 are written to: what that costs, and
//! what it costs when nothing is written.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

mod collector;
#[path = "../../../benches/whole_way/corpus/mod.rs"]
#[allow(dead_code, reason = "shared with another benchmark")]
mod corpus;
mod many;
#[path = "../../../benches/whole_way/measure.rs"]
#[allow(dead_code, reason = "shared with another benchmark")]
mod measure;
mod tls;

use std::path::Path;
use std::time::{Duration, Instant};

use timberline_agent::AgentConfig;
use tokio_util::sync::CancellationToken;

use self::collector::Collector;

fn main() {
    if collector::is_wanted() {
        return collector::serve();
    }
    let parent = std::env::var("BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(parent).unwrap();
    if many::is_wanted() {
        return many::run(dir.path());
    }
    let Ok(counts) = std::env::var("BENCH_FILES") else {
        return throughput(dir.path());
    };
    for count in counts.split(',') {
        many::run_apart(dir.path(), count.trim().parse().expect("BENCH_FILES are numbers"));
    }
}

fn throughput(dir: &Path) {
    let corpus = corpus::named_or_made(dir, 200, None, false);
    let by_tls = std::env::var_os("BENCH_TLS").is_some();
    if by_tls {
        tls::make(dir, &dir.join("agent"));
    }
    let collector = Collector::start(by_tls.then_some(dir));
    let tail = corpus.files.iter().map(|file| file.display().to_string()).collect();
    measure::forget_peak();
    let (cpu, begin) = (measure::own_cpu_seconds(), Instant::now());
    let agent = Agent::start(config(dir, &collector, tail));
    collector.wait_for(corpus.bytes);
    let (cpu, seconds) = (measure::own_cpu_seconds() - cpu, begin.elapsed().as_secs_f64());
    let megabytes = corpus.bytes as f64 / 1e6;
    let taken = collector.taken();
    println!(
        "{megabytes:.1} MB{}: {:.1} MB per CPU second, {:.1} MB/s, {:.2} % of raw sent in {} batches, {:.0} MB resident at most",
        if by_tls { " by mutual TLS" } else { "" },
        megabytes / cpu,
        megabytes / seconds,
        100.0 * taken.sent as f64 / corpus.bytes as f64,
        taken.batches,
        measure::resident_peak_mb(std::process::id())
    );
    agent.stop();
}

/// What an agent has by itself, but for where it reads and ships.
fn config(dir: &Path, collector: &Collector, tail: Vec<String>) -> AgentConfig {
    AgentConfig {
        data_dir: dir.join("agent"),
        endpoint: collector.endpoint(),
        tail,
        exclude: Vec::new(),
        zone: "UTC".into(),
        ..AgentConfig::default()
    }
}

/// An agent within this process.
struct Agent {
    runtime: tokio::runtime::Runtime,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), timberline_agent::AgentError>>,
}

impl Agent {
    fn start(config: AgentConfig) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let stop = CancellationToken::new();
        let task = runtime.spawn(timberline_agent::run(config, stop.clone()));
        Self { runtime, stop, task }
    }

    fn stop(self) {
        self.stop.cancel();
        self.runtime.block_on(self.task).unwrap().unwrap();
    }
}

/// Waits for a condition.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::sleep(Duration::from_millis(5));
    }
}
