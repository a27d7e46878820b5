//! The corpus: files that were named, or made here from a fixed seed.
//!
//! What is made looks like the logs of a small shop: seven services on several hosts, access
//! lines, JSON, logfmt, syslog, SQL durations and text, two weeks of time, ids of their own.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const SERVICES: [&str; 7] = ["web", "api", "shop", "auth", "db", "worker", "cart"];
const DAYS: u64 = 14;
/// About what a line takes, to spread the lines over the days.
const LINE_BYTES: u64 = 140;
/// A token that stands in one line only.
pub(crate) const NEEDLE: &str = "needle4711";
/// Stands inside one token only, and is a part of it.
pub(crate) const FRAGMENT: &str = "7d6c5b4a39f8";

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
    let share = bytes / SERVICES.len() as u64;
    for (seed, service) in SERVICES.iter().enumerate() {
        let path = dir.join(format!("{service}.log"));
        let mut out = BufWriter::new(fs::File::create(&path).unwrap());
        let mut lines = Lines::new(service, seed as u64, share);
        let mut written = 0;
        while written < share {
            let line = lines.next();
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
            fields
        }
        _ => serde_json::Map::from_iter([("message".to_owned(), line.text.clone().into())]),
    };
    record.insert("timestamp".to_owned(), line.time.clone().into());
    record.insert("service".to_owned(), service.into());
    record.insert("level".to_owned(), line.level.into());
    record.into()
}

struct Line {
    text: String,
    time: String,
    level: &'static str,
}

/// The lines of one service.
struct Lines {
    service: &'static str,
    random: Random,
    at_ms: u64,
    step_ms: u64,
    count: u64,
}

impl Lines {
    fn new(service: &'static str, seed: u64, bytes: u64) -> Self {
        let lines = (bytes / LINE_BYTES).max(1);
        Self {
            service,
            random: Random(7 + seed * 1_000_003),
            at_ms: 0,
            step_ms: (2 * DAYS * 86_400_000 / lines).max(2),
            count: 0,
        }
    }

    fn next(&mut self) -> Line {
        self.at_ms = (self.at_ms + self.random.below(self.step_ms)).min(DAYS * 86_400_000 - 1);
        let clock = Clock::new(self.at_ms);
        let level = ["info", "info", "info", "info", "info", "debug", "warn", "error"][self.random.below(8) as usize];
        self.count += 1;
        let mut text = self.text(&clock, level);
        if self.service == "web" && self.count == 1_777 {
            text.push_str(&format!(" {NEEDLE}"));
        }
        if self.service == "db" && self.count == 1_555 {
            text.push_str(&format!(" plan=0e1f{FRAGMENT}a2b3"));
        }
        let time = format!("{}T{}Z", clock.date, clock.time);
        Line { text, time, level }
    }

    fn text(&mut self, clock: &Clock, level: &str) -> String {
        match self.service {
            "web" => self.web(clock),
            "api" => self.api(clock, level),
            "shop" => self.shop(clock, level),
            "auth" => self.auth(clock),
            "db" => self.db(clock, level),
            "worker" => self.worker(clock, level),
            _ => self.cart(clock, level),
        }
    }

    fn web(&mut self, clock: &Clock) -> String {
        let random = &mut self.random;
        let (method, path) = random.pick(&[
            ("GET", "/"),
            ("GET", "/api/v1/items/"),
            ("POST", "/api/v1/orders/"),
            ("GET", "/static/app.js?v="),
            ("GET", "/search?q="),
        ]);
        let browser = random.pick(&[
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15",
            "curl/8.14.1",
            "Googlebot/2.1 (+http://www.google.com/bot.html)",
        ]);
        format!(
            "10.{}.{}.{} - - [{}T{}+00:00] \"{method} {path}{} HTTP/1.1\" {} {} \"-\" \"{browser}\"",
            random.below(4),
            random.below(256),
            random.below(256),
            clock.date,
            clock.time,
            random.skewed(20_000),
            random.pick(&[200, 200, 200, 200, 304, 404, 500]),
            random.below(90_000),
        )
    }

    fn api(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        let message = match level {
            "error" => random.pick(&["connection reset by peer", "upstream timed out", "token expired"]),
            "warn" => random.pick(&["slow request", "retrying"]),
            _ => random.pick(&["request done", "cache hit", "cache miss", "request accepted"]),
        };
        format!(
            "{{\"ts\":\"{}T{}Z\",\"level\":\"{level}\",\"logger\":\"api.{}\",\"node\":\"api-{}\",\"msg\":\"{message}\",\"request_id\":\"{:016x}\",\"user\":\"u{}\",\"status\":{},\"duration_ms\":{}.{:03}}}",
            clock.date,
            clock.time,
            random.pick(&["http", "db", "auth", "cache"]),
            random.below(6),
            random.wide(),
            random.skewed(5000),
            random.pick(&[200, 200, 200, 201, 404, 500, 503]),
            random.skewed(900),
            random.below(1000),
        )
    }

    fn shop(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        format!(
            "{{\"ts\":\"{}T{}Z\",\"level\":\"{level}\",\"msg\":\"{}\",\"order\":\"{:012x}\",\"user\":\"u{}\",\"amount\":{}.{:02},\"items\":{},\"address\":{{\"country\":\"{}\",\"zip\":\"{:05}\"}}}}",
            clock.date,
            clock.time,
            random.pick(&["order placed", "order paid", "order shipped", "cart emptied"]),
            random.wide() >> 16,
            random.skewed(5000),
            random.skewed(400),
            random.below(100),
            1 + random.below(9),
            random.pick(&["DE", "FR", "US", "JP", "BR"]),
            random.below(99_999),
        )
    }

    fn auth(&mut self, clock: &Clock) -> String {
        let random = &mut self.random;
        let (host, pid) = (random.below(12), 1000 + random.below(60_000));
        let (user, a, b, port) = (
            random.skewed(5000),
            random.below(256),
            random.below(256),
            random.below(65_536),
        );
        let what = match random.below(4) {
            0 => format!("Failed password for invalid user u{user} from 203.0.{a}.{b} port {port} ssh2"),
            1 => format!("Accepted publickey for u{user} from 10.1.{a}.{b} port {port} ssh2"),
            2 => format!("pam_unix(sshd:session): session opened for user u{user} by (uid=0)"),
            _ => format!("Received disconnect from 203.0.{a}.{b} port {port}:11: Bye Bye [preauth]"),
        };
        format!(
            "{}T{}+00:00 bastion-{host:02} sshd[{pid}]: {what}",
            clock.date, clock.time
        )
    }

    fn db(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        let (pid, ms, id) = (100 + random.below(40), random.skewed(2000), random.wide() >> 40);
        let what = match (level, random.below(3)) {
            ("error", _) => format!(
                "ERROR:  duplicate key value violates unique constraint \"orders_pkey_{}\"",
                id % 9
            ),
            (_, 0) => format!(
                "LOG:  checkpoint complete: wrote {} buffers ({}.{}%); sync={ms}.{} ms",
                id % 16_384,
                id % 100,
                ms % 10,
                id % 1000
            ),
            _ => format!(
                "LOG:  duration: {ms}.{:03} ms  statement: SELECT * FROM items WHERE id = {id}",
                id % 1000
            ),
        };
        format!("{} {} UTC [{pid}] {what}", clock.date, clock.time)
    }

    fn worker(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        format!(
            "ts={}T{}Z level={level} msg=\"{}\" job={:016x} queue={} attempt={} took={}.{}ms",
            clock.date,
            clock.time,
            random.pick(&["job done", "job queued", "job started", "job will be tried again"]),
            random.wide(),
            random.pick(&["mail", "thumbnails", "invoices"]),
            1 + random.below(3),
            random.skewed(30_000),
            random.below(10),
        )
    }

    fn cart(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        let (thread, user) = (random.below(32), random.skewed(5000));
        let what = match level {
            "error" => format!(
                "connection reset by peer, giving up on cart {:08x}",
                random.wide() >> 32
            ),
            "warn" => format!(
                "price of item {} changed while in {} carts",
                random.skewed(20_000),
                random.below(50)
            ),
            _ => format!(
                "added item {} for user u{user}, {} in cart",
                random.skewed(20_000),
                random.below(20)
            ),
        };
        format!(
            "{} {} {:5} [http-nio-8080-exec-{thread}] com.example.cart.CartService - {what}",
            clock.date,
            clock.time.replace('.', ","),
            level.to_ascii_uppercase(),
        )
    }
}

/// A time of November 2026, written out.
struct Clock {
    date: String,
    time: String,
}

impl Clock {
    fn new(at_ms: u64) -> Self {
        Self {
            date: format!("2026-11-{:02}", 1 + at_ms / 86_400_000),
            time: format!(
                "{:02}:{:02}:{:02}.{:03}",
                at_ms / 3_600_000 % 24,
                at_ms / 60_000 % 60,
                at_ms / 1000 % 60,
                at_ms % 1000
            ),
        }
    }
}

/// A linear congruential generator: the same corpus everywhere.
struct Random(u64);

impl Random {
    fn wide(&mut self) -> u64 {
        let high = self.bits();
        high << 32 | self.bits()
    }
    fn bits(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 32
    }
    fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }
    /// Below `end`, small numbers far more often.
    fn skewed(&mut self, end: u64) -> u64 {
        let (a, b) = (self.below(end), self.below(end));
        a * b / end
    }
    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}
