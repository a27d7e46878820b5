//! The three roles as processes: what they take in, and what that costs each of them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::corpus::Corpus;
use crate::http::Http;
use crate::measure::{self, Watch};
use crate::report::{Disk, Ingest, Report, Role};
use crate::support::{Program, append, wait_at_most};

const LONG: Duration = Duration::from_secs(7200);
/// Merging is through when the number of splits has not changed for so long.
const SETTLED_AFTER: Duration = Duration::from_secs(30);
/// Lines whose way from write to answer is timed.
const PROBES: usize = 100;
/// The store's thread that merges, as the system cuts its name.
const MERGER: &str = "store-janitor";

/// Rows of an answer.
pub(crate) fn rows(answer: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    answer["end"]["rows"].as_u64().unwrap_or(0)
}

pub(crate) struct Roles {
    dir: PathBuf,
    store_config: String,
    agent: Program,
    collector: Program,
    store: Option<Program>,
    http: Option<Http>,
}

impl Roles {
    pub(crate) fn start(dir: &Path, corpus: &Corpus) -> Self {
        let config = |role: &str, more: &str| {
            let data = dir.join(role);
            let added = std::env::var("BENCH_CONFIG").unwrap_or_default();
            let server = "[server]\nhttp = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\n";
            format!("data = {data:?}\nhost = \"bench-1\"\nzone = \"UTC\"\n{server}{more}\n{added}\n")
        };
        let collector = Program::start(dir, "collector", &config("collector", ""));
        let address = format!("http://{}", collector.announced("agents"));
        let store_config = config(
            "store",
            &format!(
                "[store]\ncollector = {address:?}\nflush_interval = \"5s\"\n{}",
                std::env::var("BENCH_STORE").unwrap_or_default()
            ),
        );
        let store = Program::start(dir, "store", &store_config);
        let mut tail = corpus.files.clone();
        tail.push(dir.join("probe.log"));
        let agent = config("agent", &format!("[agent]\ncollector = {address:?}\ntail = {tail:?}"));
        Self {
            dir: dir.to_owned(),
            store_config,
            agent: Program::start(dir, "agent", &agent),
            collector,
            store: Some(store),
            http: None,
        }
    }

    /// Waits until everything is searchable, then until it is published.
    pub(crate) fn ingest(&mut self, corpus: &Corpus, report: &mut Report) {
        let begin = Instant::now();
        let watch = Watch::start(self.pids().to_vec());
        let mut searchable = None;
        wait_at_most(LONG, "everything to be published", || {
            let (records, rows) = (self.metric("records_total"), self.metric("rows"));
            if records >= corpus.lines {
                searchable.get_or_insert(begin.elapsed().as_secs_f64());
            }
            std::thread::sleep(Duration::from_millis(30));
            (rows >= corpus.lines).then_some(())
        });
        let merging = measure::thread_cpu_seconds(self.store().pid(), MERGER);
        let roles = ["agent", "collector", "store"].iter().zip(self.pids());
        let mut roles: Vec<Role> = roles
            .map(|(name, pid)| Role::new(name, measure::cpu_seconds(pid), measure::resident_peak_mb(pid)))
            .collect();
        roles[2].cpu_seconds -= merging;
        report.ingest(Ingest {
            searchable_seconds: searchable.unwrap_or(0.0),
            published_seconds: begin.elapsed().as_secs_f64(),
            roles,
            resident_peak_mb: watch.peak_mb(),
        });
        report.disk("before merging", &self.disk());
    }

    /// Waits until the store has nothing more to merge.
    pub(crate) fn merge(&mut self, report: &mut Report) {
        let watch = Watch::start(self.pids().to_vec());
        let mut last = (0, Instant::now());
        wait_at_most(LONG, "merging to settle", || {
            let splits = self.metric("splits");
            if splits != last.0 {
                last = (splits, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(200));
            (last.1.elapsed() > SETTLED_AFTER).then_some(())
        });
        let seconds = measure::thread_cpu_seconds(self.store().pid(), MERGER);
        let after: f64 = self.pids().iter().map(|&pid| measure::resident_mb(pid)).sum();
        report.merging(seconds, watch.peak_mb(), after);
        report.disk("after merging", &self.disk());
    }

    fn disk(&self) -> Disk {
        let splits = self.dir.join("store/store/splits");
        let mut disk = Disk {
            splits: self.metric("splits"),
            queue_bytes: measure::directory_bytes(&self.dir.join("collector")),
            ..Disk::default()
        };
        for entry in std::fs::read_dir(splits).unwrap().flatten() {
            let Ok(split) = timberline_store::split::Split::open(&entry.path()) else {
                continue; // merged away since
            };
            disk.split_bytes += split.meta().file_bytes;
            for (part, bytes) in split.bytes_by_part() {
                *disk.parts.entry(part.to_owned()).or_default() += bytes;
            }
        }
        disk
    }

    /// The times from a line's being written to its being found, milliseconds.
    pub(crate) fn visible(&mut self, path: &Path) -> Vec<f64> {
        (0..PROBES)
            .map(|probe| {
                let begin = Instant::now();
                let query = format!("zq{probe}x{}", std::process::id());
                append(path, format!("probe {query}\n"));
                wait_at_most(LONG, &query, || (rows(&self.ask(&query, 10)) == 1).then_some(()));
                begin.elapsed().as_secs_f64() * 1000.0
            })
            .collect()
    }

    /// One answer, as it came; an error ends the benchmark.
    pub(crate) fn ask(&mut self, query: &str, limit: u64) -> Vec<u8> {
        let page = self.store().page().to_owned();
        let http = self.http.get_or_insert_with(|| Http::connect(&page));
        let body = json!({"query": query, "limit": limit}).to_string();
        http.post("/api/v1/query", "application/json", body.as_bytes())
    }

    /// The store starts anew: what it had in memory is gone.
    pub(crate) fn restart_store(&mut self) {
        self.http = None;
        if let Some(store) = self.store.take() {
            store.kill();
        }
        self.store = Some(Program::start(&self.dir, "store", &self.store_config));
    }

    fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.store().get("/metrics");
        let name = format!("timberline_store_{name} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    fn pids(&self) -> [u32; 3] {
        [self.agent.pid(), self.collector.pid(), self.store().pid()]
    }

    fn store(&self) -> &Program {
        self.store.as_ref().expect("it is only gone while it restarts")
    }
}
