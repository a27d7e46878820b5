//! The corpus: files that were named, or made here from a fixed seed.
//!
//! What is made looks like the logs of a small shop: eight services on several hosts, access lines
//! as text and as JSON, application logs as JSON and logfmt, syslog, SQL durations and text, two
//! weeks of time, ids of their own.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

#[path = "../../../src/corpus/mod.rs"]
mod made;

#[allow(unused_imports, reason = "not every benchmark looks for them")]
pub(crate) use made::{FRAGMENT, NEEDLE};
use made::{Line, Lines};

const SERVICES: [&str; 8] = ["web", "api", "shop", "auth", "db", "worker", "cart", "edge"];
/// The lines are of two weeks from here on: 2026-11-01, in milliseconds since the epoch.
const START_MS: u64 = 1_793_491_200_000;
const DAYS: u64 = 14;
/// About what a line takes, to spread the lines over the days.
const LINE_BYTES: u64 = 140;

/// Files to tail, and what is in them.
pub(crate) struct Corpus {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    /// The same records for a store that takes JSON lines.
    pub(crate) ndjson: Option<PathBuf>,
}

/// The files that the command line names; `cargo bench` passes flags of its own.
pub(crate) fn named_files() -> Vec<PathBuf> {
    std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .map(PathBuf::from)
        .collect()
}

/// A number from the environment.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number"))
    })
}

/// Bytes to make where no files are named: `BENCH_MB`, or so many MB.
pub(crate) fn bytes_to_make(default_mb: u64) -> u64 {
    number("BENCH_MB", default_mb) * 1_000_000
}

/// The files that the command line names, or what is made in `dir`.
pub(crate) fn named_or_made(dir: &Path, default_mb: u64, ndjson: Option<PathBuf>, with_ndjson: bool) -> Corpus {
    let files = named_files();
    if !files.is_empty() {
        return of_files(&files, ndjson);
    }
    let logs = dir.join("logs");
    fs::create_dir(&logs).unwrap();
    generate(&logs, bytes_to_make(default_mb), with_ndjson)
}

/// The files named, where they lie.
pub(crate) fn of_files(files: &[PathBuf], ndjson: Option<PathBuf>) -> Corpus {
    let (mut bytes, mut lines) = (0, 0);
    for file in files {
        let content = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        bytes += content.len() as u64;
        lines += content.iter().filter(|&&byte| byte == b'\n').count() as u64;
        assert_eq!(
            content.last(),
            Some(&b'\n'),
            "{} ends without a line end",
            file.display()
        );
    }
    let files = files.iter().map(|file| fs::canonicalize(file).unwrap()).collect();
    Corpus {
        files,
        bytes,
        lines,
        ndjson,
    }
}

/// Makes about `bytes` of log in `dir`; as JSON lines too if asked.
pub(crate) fn generate(dir: &Path, bytes: u64, with_ndjson: bool) -> Corpus {
    let mut corpus = Corpus {
        files: Vec::new(),
        bytes: 0,
        lines: 0,
        ndjson: with_ndjson.then(|| dir.join("all.ndjson")),
    };
    let mut json = corpus
        .ndjson
        .as_ref()
        .map(|path| BufWriter::new(fs::File::create(path).unwrap()));
    let wanted = std::env::var("BENCH_SERVICES").unwrap_or_else(|_| SERVICES.join(","));
    let wanted: Vec<&str> = wanted.split(',').collect();
    let share = bytes / wanted.len() as u64;
    let services = SERVICES.iter().enumerate();
    for (seed, service) in services.filter(|(_, service)| wanted.contains(service)) {
        let path = dir.join(format!("{service}.log"));
        let mut out = BufWriter::new(fs::File::create(&path).unwrap());
        let mut lines = Lines::new(service, seed as u64);
        let step_ms = (2 * DAYS * 86_400_000 / (share / LINE_BYTES).max(1)).max(2);
        let (mut written, mut at_ms) = (0, 0);
        while written < share {
            at_ms = (at_ms + lines.below(step_ms)).min(DAYS * 86_400_000 - 1);
            let line = lines.next(START_MS + at_ms);
            out.write_all(line.text.as_bytes()).unwrap();
            out.write_all(b"\n").unwrap();
            if let Some(json) = &mut json {
                writeln!(json, "{}", as_json(service, &line)).unwrap();
            }
            written += line.text.len() as u64 + 1;
            corpus.lines += 1;
        }
        out.flush().unwrap();
        corpus.bytes += written;
        corpus.files.push(path);
    }
    if let Some(json) = &mut json {
        json.flush().unwrap();
    }
    corpus
}

/// A record as such a store wants it: fields of a JSON line as fields, other lines as the message.
fn as_json(service: &str, line: &Line) -> serde_json::Value {
    let mut record = match serde_json::from_str(&line.text) {
        Ok(serde_json::Value::Object(mut fields)) => {
            if let Some(message) = fields.remove("msg") {
                fields.insert("message".to_owned(), message);
            }
            fields.remove("ts");
            fields.remove("time");
            fields
        }
        _ => serde_json::Map::from_iter([("message".to_owned(), line.text.clone().into())]),
    };
    record.insert("timestamp".to_owned(), line.time.clone().into());
    record.insert("service".to_owned(), service.into());
    record.insert("level".to_owned(), line.level.into());
    record.into()
}
