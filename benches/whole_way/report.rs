//! What was measured, as tables and as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::corpus::Corpus;
use crate::queries::Question;
use crate::timing::Times;

pub(crate) struct Report {
    bytes: f64,
    json: Map<String, Value>,
}

/// What one process cost.
pub(crate) struct Role {
    name: String,
    pub(crate) cpu_seconds: f64,
    resident_peak_mb: f64,
}

impl Role {
    pub(crate) fn new(name: &str, cpu_seconds: f64, resident_peak_mb: f64) -> Self {
        Self {
            name: name.to_owned(),
            cpu_seconds,
            resident_peak_mb,
        }
    }
}

/// From files to splits.
pub(crate) struct Ingest {
    pub(crate) searchable_seconds: f64,
    pub(crate) published_seconds: f64,
    pub(crate) roles: Vec<Role>,
    /// Of all together.
    pub(crate) resident_peak_mb: f64,
}

/// What lies on disk.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) splits: u64,
    pub(crate) split_bytes: u64,
    pub(crate) queue_bytes: u64,
    pub(crate) parts: BTreeMap<String, u64>,
}

impl Report {
    pub(crate) fn new(corpus: &Corpus) -> Self {
        let bytes = corpus.bytes as f64;
        println!(
            "{:.1} MB in {} lines of {} files",
            bytes / 1e6,
            corpus.lines,
            corpus.files.len()
        );
        let mut json = Map::new();
        json.insert("raw_bytes".into(), corpus.bytes.into());
        json.insert("lines".into(), corpus.lines.into());
        Self { bytes, json }
    }

    pub(crate) fn ingest(&mut self, ingest: Ingest) {
        let megabytes = self.bytes / 1e6;
        println!("\n| role | CPU s | MB per CPU s | peak resident MB |\n|---|---|---|---|");
        let mut roles = ingest.roles;
        let sum = roles.iter().map(|role| role.cpu_seconds).sum();
        roles.push(Role::new("all", sum, ingest.resident_peak_mb));
        for role in &roles {
            let Role {
                name,
                cpu_seconds,
                resident_peak_mb,
            } = role;
            let rate = megabytes / cpu_seconds;
            println!("| {name} | {cpu_seconds:.2} | {rate:.1} | {resident_peak_mb:.0} |");
            let entry =
                json!({"cpu_seconds": cpu_seconds, "mb_per_cpu_second": rate, "resident_peak_mb": resident_peak_mb});
            self.json.insert(name.clone(), entry);
        }
        println!(
            "\nall searchable after {:.1} s, published after {:.1} s",
            ingest.searchable_seconds, ingest.published_seconds
        );
        self.json
            .insert("searchable_seconds".into(), ingest.searchable_seconds.into());
        self.json
            .insert("published_seconds".into(), ingest.published_seconds.into());
    }

    pub(crate) fn merging(&mut self, cpu_seconds: f64, resident_peak_mb: f64, resident_mb: f64) {
        println!(
            "merging: {cpu_seconds:.1} CPU s; resident, all roles: {resident_peak_mb:.0} MB at most, {resident_mb:.0} MB after"
        );
        let entry =
            json!({"cpu_seconds": cpu_seconds, "resident_peak_mb": resident_peak_mb, "resident_after_mb": resident_mb});
        self.json.insert("merging".into(), entry);
    }

    pub(crate) fn disk(&mut self, when: &str, disk: &Disk) {
        let percent = |bytes: u64| 100.0 * bytes as f64 / self.bytes;
        println!("\n| on disk {when} | MB | % of raw |\n|---|---|---|");
        let splits = format!("{} splits", disk.splits);
        let rows = [(splits.as_str(), disk.split_bytes)]
            .into_iter()
            .chain(disk.parts.iter().map(|(part, &bytes)| (part.as_str(), bytes)))
            .chain([("queue beside", disk.queue_bytes)]);
        for (name, bytes) in rows {
            println!("| {name} | {:.2} | {:.2} |", bytes as f64 / 1e6, percent(bytes));
        }
        println!();
        let entry = json!({"splits": disk.splits, "split_bytes": disk.split_bytes, "parts": disk.parts, "queue_bytes": disk.queue_bytes});
        self.json.insert(format!("disk {when}"), entry);
    }

    pub(crate) fn visible(&mut self, times: &[f64]) {
        let mut times = times.to_vec();
        times.sort_by(f64::total_cmp);
        let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        println!(
            "from write to answer: median {median:.0} ms, p99 {p99:.0} ms, {} lines",
            times.len()
        );
        self.json
            .insert("visible".into(), json!({"median_ms": median, "p99_ms": p99}));
    }

    pub(crate) fn queries(&mut self, questions: &[Question], cold: &[f64], first: &[f64], again: &[Times]) {
        println!("\n| query | rows | cold ms | first ms | again ms | p99 ms | runs |\n|---|---|---|---|---|---|---|");
        let mut all = Map::new();
        for (((question, cold), first), again) in questions.iter().zip(cold).zip(first).zip(again) {
            let Times {
                median_ms,
                p99_ms,
                runs,
                rows,
            } = again;
            println!(
                "| {} | {rows} | {cold:.1} | {first:.1} | {median_ms:.2} | {p99_ms:.2} | {runs} |",
                question.name
            );
            let entry = json!({"query": question.query, "rows": rows, "cold_ms": cold, "first_ms": first, "median_ms": median_ms, "p99_ms": p99_ms, "runs": runs});
            all.insert(question.name.to_owned(), entry);
        }
        self.json.insert("queries".into(), all.into());
    }

    /// Another store's, under its name.
    pub(crate) fn other(&mut self, name: &str, value: Value) {
        self.json.insert(name.to_owned(), value);
    }

    /// Writes the JSON where `BENCH_JSON` says.
    pub(crate) fn end(self) {
        if let Ok(path) = std::env::var("BENCH_JSON") {
            let text = serde_json::to_string_pretty(&self.json).expect("numbers and text are JSON");
            std::fs::write(&path, text + "\n").unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    }
}
