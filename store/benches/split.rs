//! Splits by the shape of their lines: encoding at two levels, size, decoding, a search of the
//! index. `cargo bench -p timberline-store --no-default-features --bench split [-- FILE…]`
//!
//! A file is a shape. Without files it makes `BENCH_MB` (70) of log of seven services.
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
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::line::{TimeHints, TimeReader, severity};
use timberline_store::StoreOptions;
use timberline_store::rows::{Place, Row, RowBlock, Stream};
use timberline_store::split::{Columns, PageQuery, Split, SplitOptions, write_split};

const NOW_NANOS: i64 = 1_796_000_000_000_000_000;
const SEARCHES: u32 = 100;
fn main() {
    let parent = std::env::var("BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(parent).unwrap();
    let defaults = StoreOptions::new(dir.path());
    println!("MB/s is MB of lines per CPU second; memory is what writing adds at most\n");
    println!("| lines | MB | level | % of raw | encode MB/s | memory MB | decode MB/s | search µs |");
    println!("|---|---|---|---|---|---|---|---|");
    for file in files(dir.path()) {
        let rows = read(&file);
        for level in [defaults.split.zstd_level, defaults.merge_zstd_level] {
            let options = SplitOptions {
                zstd_level: level,
                ..defaults.split.clone()
            };
            measure_shape(dir.path(), &file, &rows, &options);
        }
    }
}

fn measure_shape(dir: &Path, file: &Path, rows: &RowBlock, options: &SplitOptions) {
    let before = measure::resident_mb(std::process::id());
    measure::forget_peak();
    let cpu = measure::own_cpu_seconds();
    let meta = write_split(dir, rows, options, 0).unwrap();
    let encoding = measure::own_cpu_seconds() - cpu;
    let memory = measure::resident_peak_mb(std::process::id()) - before;
    let path = dir.join(format!("{}.split", meta.id));
    let split = Split::open(&path).unwrap();
    let cpu = measure::own_cpu_seconds();
    let decoded: usize = (0..meta.pages)
        .map(|page| split.read_page(page, Columns::ALL).unwrap().line_bytes())
        .sum();
    let decoding = measure::own_cpu_seconds() - cpu;
    assert_eq!(decoded as u64, meta.raw_bytes);
    let begin = Instant::now();
    for search in 0..SEARCHES {
        let token = PageQuery::Token(format!("nowhere{search}"));
        split.candidates(&token).unwrap();
    }
    let searching = begin.elapsed().as_secs_f64() * 1e6 / f64::from(SEARCHES);
    let megabytes = meta.raw_bytes as f64 / 1e6;
    println!(
        "| {} | {megabytes:.1} | {} | {:.2} | {:.0} | {memory:.0} | {:.0} | {searching:.1} |",
        file.file_stem().unwrap().to_string_lossy(),
        options.zstd_level,
        100.0 * meta.file_bytes as f64 / meta.raw_bytes as f64,
        megabytes / encoding.max(0.01),
        megabytes / decoding.max(0.01),
    );
    std::fs::remove_file(path).unwrap();
}

fn files(dir: &Path) -> Vec<PathBuf> {
    match corpus::named_files() {
        files if !files.is_empty() => files,
        _ => corpus::generate(dir, corpus::bytes_to_make(70), false).files,
    }
}

fn read(path: &Path) -> RowBlock {
    let bytes = std::fs::read(path).unwrap();
    let service = path.file_stem().unwrap().to_string_lossy().into_owned();
    let stream = Arc::new(Stream::new(BTreeMap::from([("service.name".to_owned(), service)])));
    let hints = TimeHints {
        reference_nanos: NOW_NANOS,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut time = TimeReader::new();
    let mut rows = RowBlock::new();
    let mut start = 0;
    for (offset, whole) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let found = time.find(line, &hints);
        rows.push(&Row {
            time_nanos: found.map_or(NOW_NANOS, |found| found.nanos),
            time_parsed: found.is_some(),
            observed_nanos: NOW_NANOS,
            partition: 0,
            offset: offset as u64,
            severity: severity(line),
            template: 0,
            stream: &stream,
            line,
            place: Some(Place {
                agent: AgentId([1; 16]),
                generation: GenerationId([1; 16]),
                start,
                source_bytes: whole.len() as u32,
            }),
            part: None,
            attributes: &[],
        });
        start += whole.len() as u64;
    }
    rows
}
