//! The store alone: from batches in the queue to published splits, then all of them merged.
//! `cargo bench -p timberline-store --no-default-features --bench ingest [-- FILE…]`
//!
//! Without files it makes `BENCH_MB` (100) of log. `BENCH_FLUSH_MB`, `BENCH_LIVE_MB`,
//! `BENCH_SLICES` and `BENCH_ENCODE_THREADS` set the store's options of like name; with `BENCH_INTEGRITY=0`
//! nothing is sealed. No agent, no gRPC, no queries: what is measured
//! is fetching, unpacking, reading severities, rows in memory, and encoding.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

#[path = "../../benches/whole_way/corpus/mod.rs"]
#[allow(dead_code, reason = "shared with another benchmark")]
mod corpus;
#[path = "../../benches/whole_way/measure.rs"]
#[allow(dead_code, reason = "shared with another benchmark")]
mod measure;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use timberline_proto::batch::{BatchBuilder, BatchMeta, NewRecord};
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::line::{TimeHints, TimeReader};
use timberline_queue::{Append, Queue, QueueOptions};
use timberline_store::write::LocalSource;
use timberline_store::{Store, StoreOptions};

const BATCH_BYTES: usize = 1 << 20;
const NOW_NANOS: i64 = 1_796_000_000_000_000_000;

fn main() {
    let dir = scratch();
    let corpus = corpus::named_or_made(dir.path(), 100, None, false);
    let megabytes = corpus.bytes as f64 / 1e6;
    let queue = Queue::open(&dir.path().join("queue"), queue_options()).unwrap();
    let batches = fill(&queue, &corpus.files);
    println!("{megabytes:.1} MB, {} lines, {batches} batches", corpus.lines);

    measure::forget_peak();
    let (cpu, begin) = (measure::own_cpu_seconds(), Instant::now());
    let mut options = StoreOptions::new(dir.path().join("store"));
    options.flush_interval = Duration::from_secs(2);
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(megabytes) = number("BENCH_FLUSH_MB") {
        options.flush_bytes_max = megabytes << 20;
    }
    if let Some(megabytes) = number("BENCH_LIVE_MB") {
        options.live_bytes_max = megabytes << 20;
    }
    if let Some(slices) = number("BENCH_SLICES") {
        options.slices_max = slices as usize;
    }
    options.integrity.enabled = number("BENCH_INTEGRITY") != Some(0);
    if let Some(threads) = number("BENCH_ENCODE_THREADS") {
        options.encode_threads = threads as usize;
    }
    let store = Store::open(options, Arc::new(LocalSource::new(queue))).unwrap();
    store.pause_merging(true);
    while store.stats().rows < corpus.lines {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (cpu, seconds) = (measure::own_cpu_seconds() - cpu, begin.elapsed().as_secs_f64());
    report("batches to splits", &store, megabytes, cpu, seconds);

    measure::forget_peak();
    let (cpu, begin) = (measure::own_cpu_seconds(), Instant::now());
    store.merge_all().unwrap();
    let (cpu, seconds) = (measure::own_cpu_seconds() - cpu, begin.elapsed().as_secs_f64());
    report("merge of all", &store, megabytes, cpu, seconds);
}

fn report(what: &str, store: &Store, megabytes: f64, cpu: f64, seconds: f64) {
    let stats = store.stats();
    println!(
        "{what:>18}: {:.1} MB per CPU second ({cpu:.2} CPU s, {seconds:.2} s), {:.0} MB resident at most, {} splits, {:.2} MB",
        megabytes / cpu,
        measure::resident_peak_mb(std::process::id()),
        stats.splits,
        stats.file_bytes as f64 / 1e6
    );
}

/// On the build's disk: a temporary directory may be memory.
fn scratch() -> tempfile::TempDir {
    let parent = std::env::var("BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    tempfile::Builder::new().prefix("bench-").tempdir_in(parent).unwrap()
}

/// Only the store is measured: the queue need not be durable before it, nor forget behind it.
fn queue_options() -> QueueOptions {
    QueueOptions {
        retention_bytes: u64::MAX,
        ..QueueOptions::default()
    }
}

/// Appends all files as an agent would: a batch of each in turn.
fn fill(queue: &Queue, files: &[PathBuf]) -> u64 {
    let mut tails: Vec<Tail> = files.iter().enumerate().map(|(n, file)| Tail::open(n, file)).collect();
    let mut builder = BatchBuilder::new();
    let mut batches = 0;
    while !tails.is_empty() {
        for tail in &mut tails {
            queue.append("logs", tail.next_batch(&mut builder)).unwrap();
            batches += 1;
        }
        tails.retain_mut(|tail| !tail.lines.fill_buf().unwrap().is_empty());
    }
    batches
}

struct Tail {
    lines: BufReader<File>,
    line: Vec<u8>,
    at: u64,
    generation: GenerationId,
    stream: BTreeMap<String, String>,
    time: TimeReader,
}

impl Tail {
    fn open(number: usize, path: &Path) -> Self {
        let service = path.file_stem().unwrap().to_string_lossy().into_owned();
        let stream = [
            ("host.name", "bench-1".to_owned()),
            ("log.file.path", path.display().to_string()),
            ("service.name", service),
        ];
        Self {
            lines: BufReader::new(File::open(path).unwrap()),
            line: Vec::new(),
            at: 0,
            generation: GenerationId([number as u8 + 1; 16]),
            stream: stream.map(|(name, value)| (name.to_owned(), value)).into(),
            time: TimeReader::new(),
        }
    }

    fn next_batch(&mut self, builder: &mut BatchBuilder) -> Append {
        let hints = TimeHints {
            reference_nanos: NOW_NANOS,
            zone: jiff::tz::TimeZone::UTC,
        };
        let start = self.at;
        while builder.line_bytes() < BATCH_BYTES {
            self.line.clear();
            let source_bytes = self.lines.read_until(b'\n', &mut self.line).unwrap();
            if source_bytes == 0 {
                break;
            }
            let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
            let found = self.time.find(line, &hints);
            builder.push(&NewRecord {
                time_nanos: found.map_or(NOW_NANOS, |found| found.nanos),
                time_parsed: found.is_some(),
                line,
                place: Some((self.at, source_bytes as u32)),
                ..NewRecord::default()
            });
            self.at += source_bytes as u64;
        }
        let range = (start, self.at);
        let meta = BatchMeta {
            stream: self.stream.clone(),
            agent: Some(AgentId([1; 16])),
            generation: Some(self.generation),
            range,
            eol_bytes: 1,
            observed_nanos: NOW_NANOS,
            ..BatchMeta::default()
        };
        Append {
            batch: builder.finish(&meta, 3),
            origin: Some((self.generation, range.0, range.1)),
            key: Bytes::copy_from_slice(&self.generation.0),
        }
    }
}
