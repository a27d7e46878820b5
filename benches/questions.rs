//! How fast questions are answered: `cargo bench --bench questions -- [--dir DIR] [--http] FILE…`
//!
//! Makes splits of the files' lines, one per day as the store does (each file is a stream of a host
//! and service of its own), in DIR or a directory of its own; splits that DIR holds already are
//! taken as they are. Then asks each question of a reader that has seen nothing (cold), of one that
//! has answered others (warm), and once more (again, the median of some), and prints milliseconds,
//! pages read and rows of the answer. With `--http` the last are asked over a connection to the API.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use timberline_proto::api::{Answer, HistogramRequest, QueryRequest};
use timberline_proto::id::{AgentId, GenerationId, IncarnationId};
use timberline_proto::line::{TimeHints, TimeReader, severity};
use timberline_store::catalog::{Catalog, CatalogSplit, Taken};
use timberline_store::live::Live;
use timberline_store::read::{NoSources, ReadOptions, Reader, Splits};
use timberline_store::rows::{Place, Row, RowBlock, Stream};
use timberline_store::split::{Split, SplitError, SplitOptions, write_split};

const DAY_NANOS: i64 = 86_400_000_000_000;
const REPEATS: usize = 15;

#[derive(Debug)]
struct Files {
    dir: PathBuf,
    open: Mutex<HashMap<String, Arc<Split>>>,
}

impl Splits for Files {
    fn split(&self, split: &CatalogSplit) -> Result<Arc<Split>, SplitError> {
        let mut open = self.open.lock().unwrap();
        if let Some(split) = open.get(&split.meta.id) {
            return Ok(Arc::clone(split));
        }
        let opened = Arc::new(Split::open(&self.dir.join(format!("{}.split", split.meta.id)))?);
        open.insert(split.meta.id.clone(), Arc::clone(&opened));
        Ok(opened)
    }

    fn check(&self, split: &CatalogSplit) -> Result<(), SplitError> {
        self.split(split).map(drop)
    }
}

fn main() {
    let mut dir = None;
    let mut http = false;
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--dir" => dir = arguments.next().map(PathBuf::from),
            "--http" => http = true,
            "--bench" => {}
            file => files.push(PathBuf::from(file)),
        }
    }
    let own = dir.is_none();
    let dir = dir.unwrap_or_else(|| std::env::temp_dir().join(format!("read-bench-{}", std::process::id())));
    std::fs::create_dir_all(&dir).unwrap();
    let catalog = Catalog::open(&dir.join("catalog.sqlite")).unwrap();
    if catalog.snapshot().splits.is_empty() {
        make(&dir, &catalog, &files);
    }
    let snapshot = catalog.snapshot();
    let sum = |of: fn(&CatalogSplit) -> u64| snapshot.splits.iter().map(|split| of(split)).sum::<u64>();
    println!(
        "{} splits, {} pages, {} rows, {:.1} MB raw, {:.1} MB of files",
        snapshot.splits.len(),
        sum(|split| u64::from(split.meta.pages)),
        sum(|split| split.meta.rows),
        sum(|split| split.meta.raw_bytes) as f64 / 1e6,
        sum(|split| split.meta.file_bytes) as f64 / 1e6,
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(&dir, &catalog, http));
    if own {
        std::fs::remove_dir_all(&dir).unwrap();
    }
}

fn reader(dir: &Path, catalog: &Catalog) -> Reader {
    let files = Files {
        dir: dir.to_owned(),
        open: Mutex::default(),
    };
    Reader::new(
        catalog.clone(),
        Arc::new(Live::new()),
        Arc::new(files),
        Arc::new(NoSources),
        ReadOptions::default(),
    )
    .unwrap()
}

/// What to ask; a histogram is asked of its own route.
const QUESTIONS: [(&str, &str, u64); 16] = [
    ("needle", "blk_-1969012390374939370 51849", 100),
    ("needle that is not there", "nowheretobefound12345", 100),
    ("count of a frequent word", "connection | stats count()", 100),
    (
        "the same in SQL",
        "SELECT count(*) FROM logs WHERE body MATCHES 'failed'",
        100,
    ),
    ("hourly histogram by level", "histogram: *", 336),
    ("histogram of a word", "histogram: error", 336),
    (
        "the same by stats",
        "* | stats count() by bin(timestamp, 1h), level",
        100_000,
    ),
    (
        "phrase and host, newest 100",
        "\"authentication failure\" host:web-7",
        100,
    ),
    ("top 10 hosts of a word", "info | top 10 host", 100),
    ("top templates of a word", "error | top 10 template", 100),
    (
        "count of a regex",
        "/10\\.251\\.1[0-9]{2}\\.[0-9]+:5[0-9]+/ | stats count()",
        100,
    ),
    (
        "count of a regex in a token",
        "/blk_-?160899[0-9]+/ | stats count()",
        100,
    ),
    ("newest 100 of service and level", "service:zookeeper level:warn", 100),
    ("newest 100", "*", 100),
    ("fragment in tokens, count", "*251039242713* | stats count()", 100),
    ("fragment of 6, count", "*988070* | stats count()", 100),
];

async fn run(dir: &Path, catalog: &Catalog, http: bool) {
    let warm = reader(dir, catalog);
    ask(&warm, "zebra | stats count() by host", 10).await;
    ask(&warm, "*", 10).await;
    let connection = match http {
        true => Some(serve(dir, catalog, &warm).await),
        false => None,
    };
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>7} {:>9} {:>9}",
        "ms", "cold", "warm", "again", "pages", "tested", "answer"
    );
    for (name, query, limit) in QUESTIONS {
        let fresh = reader(dir, catalog);
        let (cold, _) = ask(&fresh, query, limit).await;
        let (first, told) = ask(&warm, query, limit).await;
        let mut again = Vec::new();
        for _ in 0..REPEATS {
            again.push(match &connection {
                None => ask(&warm, query, limit).await.0,
                Some(address) => ask_http(address, query, limit),
            });
        }
        again.sort_by(f64::total_cmp);
        println!(
            "{name:<34} {cold:>9.2} {first:>9.2} {:>9.2} {:>7} {:>9} {:>9}",
            again[REPEATS / 2],
            told.pages,
            told.tested,
            told.answer
        );
    }
}

struct Told {
    pages: u64,
    tested: u64,
    answer: String,
}

async fn ask(reader: &Reader, query: &str, limit: u64) -> (f64, Told) {
    let begun = Instant::now();
    if let Some(query) = query.strip_prefix("histogram: ") {
        let request = HistogramRequest {
            query: query.to_owned(),
            from: Some("2026-11-01T00:00:00Z".to_owned()),
            to: Some("2026-11-15T00:00:00Z".to_owned()),
            bins: Some(u32::try_from(limit).unwrap()),
            ..HistogramRequest::default()
        };
        let answer = reader.histogram(request).await.unwrap();
        let told = Told {
            pages: answer.progress.pages_read,
            tested: answer.progress.rows_scanned,
            answer: answer.total.to_string(),
        };
        return (begun.elapsed().as_secs_f64() * 1000.0, told);
    }
    let request = QueryRequest {
        query: query.to_owned(),
        limit: Some(limit),
        ..QueryRequest::default()
    };
    let answer: Answer = reader.query(request).await.unwrap().collect().await.unwrap();
    serde_json::to_vec(&answer).unwrap();
    let shown = match answer.rows.as_slice() {
        [row] if row.len() == 1 => row[0].to_string(),
        _ => format!("{} rows", answer.end.rows),
    };
    let told = Told {
        pages: answer.end.progress.pages_read,
        tested: answer.end.progress.rows_scanned,
        answer: shown,
    };
    (begun.elapsed().as_secs_f64() * 1000.0, told)
}

/// Serves the API of a reader; its address.
async fn serve(dir: &Path, catalog: &Catalog, reader: &Reader) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let state = timberline_store::http::HttpState {
        backups: None,
        erasures: None,
        collector: None,
        reader: reader.clone(),
        catalog: catalog.clone(),
        data_dir: Arc::from(dir.to_string_lossy().as_ref()),
        assets: &[],
        host_guard: timberline_collector::http::HostGuard::new(&[]),
        access: timberline_collector::Access::anyone(),
        searches: Default::default(),
        kept: timberline_store::http::KeptLimits::default(),
        file_policies: Default::default(),
        notifier: None,
        alerts: None,
        metrics: Arc::new(timberline_store::http::NoMetrics),
    };
    let router = timberline_store::http::router(state, axum::Router::new());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

fn ask_http(address: &str, query: &str, limit: u64) -> f64 {
    let (path, body) = match query.strip_prefix("histogram: ") {
        Some(query) => (
            "histogram",
            serde_json::json!({"query": query, "bins": limit, "from": "2026-11-01T00:00:00Z", "to": "2026-11-15T00:00:00Z"}),
        ),
        None => ("query", serde_json::json!({"query": query, "limit": limit})),
    };
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let begun = Instant::now();
    write!(
        stream,
        "POST /api/v1/{path} HTTP/1.1\r\nhost: {address}\r\naccept: application/json\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    begun.elapsed().as_secs_f64() * 1000.0
}

/// Makes the splits, one per day.
fn make(dir: &Path, catalog: &Catalog, files: &[PathBuf]) {
    let mut days: BTreeMap<i64, RowBlock> = BTreeMap::new();
    let mut offset = 0;
    let mut streams = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let name = file.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap();
        let attributes = BTreeMap::from([
            ("service.name".to_owned(), name),
            ("host.name".to_owned(), format!("web-{number}")),
            ("log.file.path".to_owned(), file.display().to_string()),
        ]);
        let stream = Arc::new(Stream::new(attributes));
        read_file(number as u64, file, &stream, &mut offset, &mut days);
        streams.push(stream);
    }
    let options = SplitOptions {
        page_rows_max: 4096,
        stripe_rows_max: 65_536,
        zstd_level: 3,
    };
    let mut metas = Vec::new();
    while let Some((_, rows)) = days.pop_first() {
        metas.push(write_split(dir, &rows, &options, 1).unwrap());
    }
    let taken = Taken {
        topic: "logs".to_owned(),
        partition: 0,
        incarnation: IncarnationId([1; 16]),
        from: 0,
        to: offset,
    };
    catalog.publish(&taken, &metas, &streams).unwrap();
}

fn read_file(number: u64, file: &Path, stream: &Arc<Stream>, offset: &mut u64, days: &mut BTreeMap<i64, RowBlock>) {
    let bytes = std::fs::read(file).unwrap();
    let hints = TimeHints {
        reference_nanos: 1_796_000_000_000_000_000,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut reader = TimeReader::new();
    let mut start = 0;
    let mut last = hints.reference_nanos;
    for whole in bytes.split_inclusive(|&b| b == b'\n') {
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let found = reader.find(line, &hints);
        let nanos = found.map_or(last, |found| found.nanos);
        last = nanos;
        days.entry(nanos.div_euclid(DAY_NANOS)).or_default().push(&Row {
            time_nanos: nanos,
            time_parsed: found.is_some(),
            observed_nanos: hints.reference_nanos,
            partition: 0,
            offset: *offset,
            severity: severity(line),
            template: 0,
            stream,
            line,
            place: Some(Place {
                agent: AgentId([1; 16]),
                generation: GenerationId([number as u8; 16]),
                start,
                source_bytes: whole.len() as u32,
            }),
            part: None,
            attributes: &[],
        });
        *offset += 1;
        start += whole.len() as u64;
    }
}
