//! What is done to every line and batch on the way in: reading times and severities, writing
//! batches at some zstd levels, checking and reading them.
//! `cargo bench -p timberline-proto --features line,batch --bench line [-- FILE…]`
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

use std::hint::black_box;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use timberline_proto::batch::{BatchBuilder, BatchMeta, LogBatch, NewRecord, verify};
use timberline_proto::id::GenerationId;
use timberline_proto::line::{TimeHints, TimeReader, severity};

const NOW_NANOS: i64 = 1_796_000_000_000_000_000;
const BATCH_BYTES: usize = 1 << 20;
const UNPACKED_MAX: u64 = 64 << 20;
/// Levels of zstd; the negative ones are its fast ones.
const LEVELS: [i32; 4] = [-1, 1, 2, 3];
/// Work is repeated until so many CPU seconds are behind it.
const CPU_SECONDS_MIN: f64 = 0.5;

fn main() {
    let dir = tempfile::Builder::new().prefix("bench-").tempdir().unwrap();
    println!("MB of lines per CPU second; batches: also % of raw\n");
    print!("| lines | find times | severities |");
    LEVELS.iter().for_each(|level| print!(" batches at {level} |"));
    println!(" verify | read |\n|---|{}", "---|".repeat(LEVELS.len() + 4));
    for file in files(dir.path()) {
        shape(&file);
    }
}

fn shape(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    let lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    let rate = |work: &mut dyn FnMut()| rate(bytes.len() as f64 / 1e6, work);
    print!("| {} |", file.file_stem().unwrap().to_string_lossy());
    let mut times = TimeReader::new();
    let hints = hints();
    print!(
        " {:.0} |",
        rate(&mut || lines.iter().for_each(|line| {
            black_box(times.find(line, &hints));
        }))
    );
    print!(
        " {:.0} |",
        rate(&mut || lines.iter().for_each(|line| {
            black_box(severity(line));
        }))
    );
    let mut packed = Vec::new();
    for level in LEVELS {
        let rate = rate(&mut || packed = batches(&lines, level));
        let size: usize = packed.iter().map(Bytes::len).sum();
        print!(" {rate:.0}, {:.1} % |", 100.0 * size as f64 / bytes.len() as f64);
    }
    print!(
        " {:.0} |",
        rate(&mut || packed
            .iter()
            .for_each(|batch| drop(black_box(verify(batch, UNPACKED_MAX).unwrap()))))
    );
    println!(
        " {:.0} |",
        rate(&mut || packed.iter().for_each(|batch| {
            let batch = LogBatch::parse(batch, UNPACKED_MAX).unwrap();
            batch.records().for_each(|record| drop(black_box(record)));
        }))
    );
}

fn batches(lines: &[&[u8]], level: i32) -> Vec<Bytes> {
    let mut builder = BatchBuilder::new();
    let mut packed = Vec::new();
    let mut meta = BatchMeta {
        generation: Some(GenerationId([1; 16])),
        eol_bytes: 1,
        ..BatchMeta::default()
    };
    for line in lines {
        builder.push(&NewRecord {
            time_nanos: NOW_NANOS,
            time_parsed: true,
            line,
            ..NewRecord::default()
        });
        meta.range.1 += line.len() as u64 + 1;
        if builder.line_bytes() >= BATCH_BYTES {
            packed.push(builder.finish(&meta, level));
            meta.range.0 = meta.range.1;
        }
    }
    packed.push(builder.finish(&meta, level));
    packed
}

fn rate(megabytes: f64, work: &mut dyn FnMut()) -> f64 {
    work();
    let begin = measure::own_cpu_seconds();
    let mut rounds = 0.0;
    loop {
        work();
        rounds += 1.0;
        let seconds = measure::own_cpu_seconds() - begin;
        if seconds >= CPU_SECONDS_MIN {
            return rounds * megabytes / seconds;
        }
    }
}

fn hints() -> TimeHints {
    TimeHints {
        reference_nanos: NOW_NANOS,
        zone: jiff::tz::TimeZone::UTC,
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    match corpus::named_files() {
        files if !files.is_empty() => files,
        _ => corpus::generate(dir, corpus::bytes_to_make(70), false).files,
    }
}
