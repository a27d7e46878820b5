//! The same records in VictoriaLogs, if its program is there.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Map, json};

use crate::corpus::Corpus;
use crate::http::Http;
use crate::measure;
use crate::queries::Question;
use crate::report::Report;
use crate::support::wait_at_most;
use crate::timing::{Times, repeat};

const BODY_BYTES: u64 = 8 << 20;
const LONG: Duration = Duration::from_secs(3600);

struct Server {
    child: Child,
    page: String,
    http: ureq::Agent,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(crate) fn run(program: &Path, dir: &Path, corpus: &Corpus, questions: &[Question], report: &mut Report) {
    let Some(ndjson) = &corpus.ndjson else {
        println!("BENCH_NDJSON is not set: nothing to give to {}", program.display());
        return;
    };
    let data = dir.join("victoria");
    let mut server = Server::start(program, &data);
    let begin = Instant::now();
    server.insert(ndjson);
    server.get("/internal/force_flush");
    wait_at_most(LONG, "every record", || (server.count() >= corpus.lines).then_some(()));
    let (ingest, seconds) = (measure::cpu_seconds(server.child.id()), begin.elapsed().as_secs_f64());
    let peak = measure::resident_peak_mb(server.child.id());
    let before = measure::directory_bytes(&data);
    server.get("/internal/force_merge");
    server.settle(&data);
    let after = measure::directory_bytes(&data);
    let cpu = measure::cpu_seconds(server.child.id());
    let megabytes = corpus.bytes as f64 / 1e6;
    println!(
        "\nVictoriaLogs: {:.1} MB per CPU s ({ingest:.1} CPU s, {cpu:.1} with merging), {seconds:.1} s, {peak:.0} MB resident at most, \
         {:.1} MB on disk, {:.1} MB after a forced merge ({:.2} % of raw)",
        megabytes / ingest,
        before as f64 / 1e6,
        after as f64 / 1e6,
        100.0 * after as f64 / corpus.bytes as f64
    );
    println!("\n| query | rows | cold ms | warm ms | p99 ms | runs |\n|---|---|---|---|---|---|");
    let mut queries = Map::new();
    for question in questions {
        drop(server);
        server = Server::start(program, &data);
        let mut http = Http::connect(&server.page);
        let form = format!("query={}", escaped(&question.logsql));
        let kind = "application/x-www-form-urlencoded";
        let mut ask = || http.post("/select/logsql/query", kind, form.as_bytes());
        let cold = Instant::now();
        ask();
        let cold = cold.elapsed().as_secs_f64() * 1000.0;
        let Times {
            median_ms,
            p99_ms,
            runs,
            rows,
        } = repeat(ask, |answer| {
            answer.iter().filter(|&&byte| byte == b'\n').count() as u64
        });
        println!(
            "| {} | {rows} | {cold:.1} | {median_ms:.2} | {p99_ms:.2} | {runs} |",
            question.name
        );
        let entry =
            json!({"query": question.logsql, "rows": rows, "cold_ms": cold, "median_ms": median_ms, "p99_ms": p99_ms});
        queries.insert(question.name.to_owned(), entry);
    }
    let all = json!({"cpu_seconds": ingest, "cpu_seconds_with_merging": cpu, "resident_peak_mb": peak,
        "bytes": before, "bytes_merged": after, "queries": queries});
    report.other("victoria_logs", all);
}

fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

impl Server {
    fn start(program: &Path, data: &Path) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let child = Command::new(program)
            .arg(format!("-storageDataPath={}", data.display()))
            .arg(format!("-httpListenAddr={address}"))
            .arg("-retentionPeriod=100y")
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let server = Self {
            child,
            page: format!("http://{address}"),
            http: ureq::Agent::config_builder().http_status_as_error(false).build().into(),
        };
        wait_at_most(LONG, "VictoriaLogs to start", || {
            server.http.get(format!("{}/health", server.page)).call().ok()
        });
        server
    }

    /// In bodies of whole lines.
    fn insert(&self, ndjson: &Path) {
        let mut lines = BufReader::with_capacity(1 << 20, File::open(ndjson).unwrap());
        let url = format!(
            "{}/insert/jsonline?_stream_fields=service,host&_time_field=timestamp&_msg_field=message",
            self.page
        );
        loop {
            let mut body = Vec::new();
            lines.by_ref().take(BODY_BYTES).read_to_end(&mut body).unwrap();
            lines.read_until(b'\n', &mut body).unwrap();
            if body.is_empty() {
                return;
            }
            let answer = self.http.post(&url).send(&body[..]).unwrap();
            assert!(answer.status().is_success(), "{answer:?}");
        }
    }

    fn get(&self, path: &str) -> String {
        let mut answer = self.http.get(format!("{}{path}", self.page)).call().unwrap();
        answer.body_mut().read_to_string().unwrap()
    }

    fn count(&self) -> u64 {
        let url = format!("{}/select/logsql/query", self.page);
        let form = [("query", "* | stats count() n")];
        let mut answer = self.http.post(url).send_form(form).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        answer["n"].as_str().and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    /// Waits until it uses no more CPU and its directory no longer changes.
    fn settle(&self, data: &Path) {
        let now = || (measure::directory_bytes(data), measure::cpu_seconds(self.child.id()));
        let (mut last, mut since) = (now(), Instant::now());
        wait_at_most(LONG, "merging to end", || {
            std::thread::sleep(Duration::from_millis(500));
            let (bytes, cpu) = now();
            if bytes != last.0 || cpu > last.1 + 0.2 {
                since = Instant::now();
            }
            last = (bytes, cpu);
            (since.elapsed() > Duration::from_secs(10)).then_some(())
        });
    }
}
