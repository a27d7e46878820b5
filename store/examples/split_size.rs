//! How small and how fast splits are: `split_size [--level N] [--page-rows N] FILE…`
//!
//! Each file is one stream; its lines become rows with the time that they name. Prints, per split
//! of about a million rows and for all, bytes by part of the file and the rates of encoding and
//! decoding, per CPU second of one thread.

use std::collections::BTreeMap;
use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::line::{TimeHints, TimeReader, severity};
use timberline_store::rows::{Place, Row, RowBlock, Stream};
use timberline_store::split::{Columns, PageQuery, Split, SplitOptions, write_split};

const SPLIT_ROWS: usize = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = SplitOptions {
        page_rows_max: 4096,
        stripe_rows_max: 65_536,
        zstd_level: 3,
    };
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            arguments
                .next()
                .and_then(|n| n.parse::<i32>().ok())
                .ok_or("a number must follow")
        };
        match argument.as_str() {
            "--level" => options.zstd_level = number()?,
            "--page-rows" => options.page_rows_max = number()? as usize,
            file => files.push(PathBuf::from(file)),
        }
    }
    let dir = std::env::temp_dir().join(format!("split-size-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let mut totals = Totals::default();
    let mut rows = RowBlock::new();
    for (number, file) in files.iter().enumerate() {
        read_file(number as u64, file, &mut |row| {
            rows.push(&row);
            if rows.len() == SPLIT_ROWS {
                measure(&dir, &std::mem::take(&mut rows), &options, &mut totals)?;
            }
            Ok(())
        })?;
    }
    if !rows.is_empty() {
        measure(&dir, &rows, &options, &mut totals)?;
    }
    std::fs::remove_dir_all(&dir)?;
    totals.print()
}

type Take<'t> = &'t mut dyn FnMut(Row<'_>) -> Result<(), Box<dyn Error>>;

fn read_file(number: u64, file: &Path, take: Take<'_>) -> Result<(), Box<dyn Error>> {
    let bytes = std::fs::read(file)?;
    let name = file
        .file_stem()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    let attributes = BTreeMap::from([
        ("service.name".to_owned(), name),
        ("log.file.path".to_owned(), file.display().to_string()),
    ]);
    let stream = Arc::new(Stream::new(attributes));
    let hints = TimeHints {
        reference_nanos: 1_790_000_000_000_000_000,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut reader = TimeReader::new();
    let mut start = 0;
    for (offset, whole) in bytes.split_inclusive(|&b| b == b'\n').enumerate() {
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let found = reader.find(line, &hints);
        take(Row {
            time_nanos: found.map_or(hints.reference_nanos, |f| f.nanos),
            time_parsed: found.is_some(),
            observed_nanos: hints.reference_nanos + (offset as i64 / 500) * 200_000_000,
            partition: 0,
            offset: offset as u64,
            severity: severity(line),
            template: 0,
            stream: &stream,
            line,
            place: Some(Place {
                agent: AgentId([1; 16]),
                generation: GenerationId([number as u8; 16]),
                start,
                source_bytes: whole.len() as u32,
            }),
            part: None,
            attributes: &[],
        })?;
        start += whole.len() as u64;
    }
    Ok(())
}

#[derive(Default)]
struct Totals {
    raw: u64,
    rows: u64,
    file: u64,
    parts: BTreeMap<&'static str, u64>,
    encode_seconds: f64,
    decode_seconds: f64,
    needle_seconds: f64,
    splits: u64,
}

fn measure(dir: &Path, rows: &RowBlock, options: &SplitOptions, totals: &mut Totals) -> Result<(), Box<dyn Error>> {
    let cpu = cpu_seconds();
    let meta = write_split(dir, rows, options, 0)?;
    totals.encode_seconds += cpu_seconds() - cpu;
    let split = Split::open(&dir.join(format!("{}.split", meta.id)))?;
    let cpu = cpu_seconds();
    let all = Columns {
        line: true,
        provenance: true,
        attributes: true,
    };
    let mut decoded = 0;
    for page in 0..meta.pages {
        decoded += split.read_page(page, all)?.line_bytes() as u64;
    }
    totals.decode_seconds += cpu_seconds() - cpu;
    let mut read = 0_u64;
    for page in 0..meta.pages {
        read = read.wrapping_add(sum_of_lines(&split.read_page(page, all)?));
    }
    if decoded != meta.raw_bytes || read != sum_of_lines(rows) {
        return Err("what was read is not what was written".into());
    }
    split.candidates(&PageQuery::Token("warm".to_owned()))?;
    let begun = Instant::now();
    split.candidates(&PageQuery::Token("needle0123".to_owned()))?;
    totals.needle_seconds += begun.elapsed().as_secs_f64();
    totals.raw += meta.raw_bytes + meta.rows;
    totals.rows += meta.rows;
    totals.file += meta.file_bytes;
    totals.splits += 1;
    for (part, bytes) in split.bytes_by_part() {
        *totals.parts.entry(part).or_default() += bytes;
    }
    Ok(())
}

/// The same for the same lines in any order.
fn sum_of_lines(rows: &RowBlock) -> u64 {
    let hashes = rows.rows().map(|row| {
        let mut hasher = DefaultHasher::new();
        row.line.hash(&mut hasher);
        hasher.finish()
    });
    hashes.fold(0, u64::wrapping_add)
}

impl Totals {
    fn print(&self) -> Result<(), Box<dyn Error>> {
        let mut out = std::io::stdout().lock();
        let percent = |bytes: u64| bytes as f64 * 100.0 / self.raw as f64;
        let megabytes = self.raw as f64 / 1e6;
        writeln!(out, "{} rows, {megabytes:.1} MB raw, {} splits", self.rows, self.splits)?;
        writeln!(out, "{:>12} bytes {:6.2} %  file", self.file, percent(self.file))?;
        for (part, bytes) in &self.parts {
            writeln!(out, "{bytes:>12} bytes {:6.2} %  {part}", percent(*bytes))?;
        }
        writeln!(out, "encode {:.1} MB per CPU second", megabytes / self.encode_seconds)?;
        writeln!(out, "decode {:.1} MB per CPU second", megabytes / self.decode_seconds)?;
        writeln!(
            out,
            "a token that is not there: {:.0} µs",
            self.needle_seconds * 1e6 / self.splits as f64
        )?;
        Ok(())
    }
}

/// CPU time of this process, user and system: 100 ticks a second wherever Linux runs.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}
