//! Lines that say which they are, written to files that are rotated meanwhile, and the oracle: every
//! line found once, its bytes as written, in the order of its file, and the ledger without a rest.

#![allow(clippy::print_stdout, reason = "whoever looks at a test's output is to see its seed")]

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Program, wait_at_most};

/// Between two writes of a file.
const TICK: Duration = Duration::from_millis(20);
/// Records asked for at once.
const PAGE_ROWS: u64 = 50_000;

/// Numbers that follow from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Of `0..n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Of `from..=to` milliseconds.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from + 1))
    }
}

/// The seed of this run: what the variable says, else the clock. Printed, so that it can be repeated.
pub fn seed(variable: &str) -> u64 {
    let seed = std::env::var(variable).ok().map_or_else(
        || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 % 1_000_000_000,
        |text| {
            text.parse()
                .unwrap_or_else(|_| panic!("{variable}={text} is no number"))
        },
    );
    println!("{variable}={seed} repeats this run");
    seed
}

/// What is written.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub files: usize,
    /// Of all files together, a second.
    pub lines_per_second: u64,
    /// A file is rotated after so many lines: even ones by rename, odd ones by copy and truncate.
    pub rotate_lines: u64,
    /// Rotated files that are kept, of each file; older ones are deleted.
    pub keep: u64,
}

/// Writers under way.
pub struct Load {
    written: Arc<Vec<AtomicU64>>,
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins to write below `dir`, which is made: `NN.log`, rotated to `NN.log.K`.
    pub fn start(dir: &Path, plan: Plan, seed: u64) -> Self {
        fs::create_dir_all(dir).unwrap();
        let written: Arc<Vec<AtomicU64>> = Arc::new((0..plan.files).map(|_| AtomicU64::new(0)).collect());
        let stop = Arc::new(AtomicBool::new(false));
        let writers = (0..plan.files).map(|file| {
            let mut log = Log::open(dir, file, plan, seed);
            let (written, stop) = (written.clone(), stop.clone());
            std::thread::spawn(move || log.write_until(&stop, &written[file]))
        });
        let writers = writers.collect();
        Self { written, stop, writers }
    }

    /// Lines of each file that are wholly written.
    pub fn written(&self) -> Vec<u64> {
        self.written.iter().map(|lines| lines.load(Ordering::Relaxed)).collect()
    }

    /// Ends the writers; the lines of each file.
    pub fn stop(mut self) -> Vec<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.writers.drain(..).for_each(|writer| writer.join().unwrap());
        self.written()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Log {
    path: PathBuf,
    open: File,
    file: usize,
    plan: Plan,
    random: Random,
    rotations: u64,
}

impl Log {
    fn open(dir: &Path, file: usize, plan: Plan, seed: u64) -> Self {
        let path = dir.join(format!("{file:02}.log"));
        Self {
            open: append_to(&path),
            path,
            file,
            plan,
            random: Random::new(seed ^ (file as u64) << 32),
            rotations: 0,
        }
    }

    fn write_until(&mut self, stop: &AtomicBool, written: &AtomicU64) {
        let begin = Instant::now();
        let mut sequence = 0;
        while !stop.load(Ordering::Relaxed) {
            let seconds = begin.elapsed().as_secs_f64();
            let due = (seconds * self.plan.lines_per_second as f64 / self.plan.files as f64) as u64;
            let burst_end = due.min(sequence + self.plan.rotate_lines);
            let text: String = (sequence..burst_end)
                .map(|sequence| line(self.file, sequence) + "\n")
                .collect();
            // Now and then the writer is seen amid a line.
            let cut = if self.random.one_in(4) {
                self.random.below(text.len() as u64) as usize
            } else {
                0
            };
            self.open.write_all(&text.as_bytes()[..cut]).unwrap();
            if cut > 0 {
                std::thread::sleep(TICK / 4);
            }
            self.open.write_all(&text.as_bytes()[cut..]).unwrap();
            written.store(burst_end, Ordering::Relaxed);
            if burst_end / self.plan.rotate_lines > sequence / self.plan.rotate_lines {
                self.rotate();
            }
            sequence = burst_end;
            std::thread::sleep(TICK);
        }
    }

    /// By rename, or by copy and truncate, of which nothing is written amid.
    fn rotate(&mut self) {
        self.rotations += 1;
        let rotated = self.path.with_extension(format!("log.{}", self.rotations));
        if self.file.is_multiple_of(2) {
            fs::rename(&self.path, rotated).unwrap();
            self.open = append_to(&self.path);
        } else {
            fs::copy(&self.path, rotated).unwrap();
            self.open.set_len(0).unwrap();
        }
        if let Some(old) = self.rotations.checked_sub(self.plan.keep).filter(|old| *old > 0) {
            fs::remove_file(self.path.with_extension(format!("log.{old}"))).unwrap();
        }
    }
}

fn append_to(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// Line `sequence` of a file: its time is one millisecond after that of the line before.
pub fn line(file: usize, sequence: u64) -> String {
    let (seconds, millis) = (sequence / 1000, sequence % 1000);
    let mut random = Random::new(sequence.wrapping_mul(1009) + file as u64);
    let words = ["paid", "refused", "größer", "timeout", "user", "10.1.2.3", "retry"];
    let filler: String = (0..random.below(12))
        .map(|_| format!(" {}={:x}", words[random.below(7) as usize], random.below(1 << 20)))
        .collect();
    format!(
        "2026-11-{:02}T{:02}:{:02}:{:02}.{millis:03}Z INFO file={file} seq={sequence}{filler}",
        1 + seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    )
}

/// What the store holds of what was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub lines: u64,
    pub lost: u64,
    pub doubled: u64,
    /// Not in the order of their file's bytes in the queue.
    pub disordered: u64,
    /// Bodies that nobody wrote, the first few.
    pub strange: Vec<String>,
}

impl Found {
    /// Reads every record of the program's store, a page at a time.
    pub fn read(program: &Program, written: &[u64]) -> Self {
        let mut found = Self::default();
        let mut seen: Vec<Vec<bool>> = written.iter().map(|lines| vec![false; *lines as usize]).collect();
        // Of each generation: partition, offset and first byte of the record that came last; the
        // newest comes first.
        let mut places: HashMap<String, (String, u64, u64)> = HashMap::new();
        let mut cursor = Value::Null;
        loop {
            let mut request = json!({"query": "seq", "limit": PAGE_ROWS});
            if !cursor.is_null() {
                request["cursor"] = cursor;
            }
            let mut answer = program.post("/api/v1/query", &request).unwrap();
            for record in answer["records"].as_array().unwrap() {
                found.take(record, &mut seen, &mut places);
            }
            cursor = answer["end"]["cursor"].take();
            if cursor.is_null() {
                break;
            }
        }
        found.lost = seen.iter().flatten().filter(|seen| !**seen).count() as u64;
        found
    }

    fn take(&mut self, record: &Value, seen: &mut [Vec<bool>], places: &mut HashMap<String, (String, u64, u64)>) {
        self.lines += 1;
        let body = record["body"].as_str().unwrap();
        match which(body).filter(|(file, sequence)| {
            seen.get(*file).is_some_and(|lines| *sequence < lines.len() as u64) && line(*file, *sequence) == body
        }) {
            Some((file, sequence)) => {
                let seen = &mut seen[file][sequence as usize];
                self.doubled += u64::from(*seen);
                *seen = true;
            }
            None if self.strange.len() < 5 => self.strange.push(record.to_string()),
            None => {}
        }
        let generation = record["place"]["generation"].as_str().unwrap_or_default().to_owned();
        let (partition, offset) = record["id"].as_str().unwrap().rsplit_once('-').unwrap();
        let here = (
            partition.to_owned(),
            offset.parse().unwrap(),
            record["place"]["start"].as_u64().unwrap_or(0),
        );
        let last = places
            .entry(generation)
            .or_insert_with(|| (here.0.clone(), u64::MAX, u64::MAX));
        self.disordered += u64::from(last.0 != here.0 || here.1 >= last.1 || here.2 >= last.2);
        *last = here;
    }

    pub fn is_exact(&self) -> bool {
        (self.lost, self.doubled, self.disordered) == (0, 0, 0) && self.strange.is_empty()
    }
}

fn which(body: &str) -> Option<(usize, u64)> {
    let mut words = body.split(' ').skip(2);
    let file = words.next()?.strip_prefix("file=")?.parse().ok()?;
    let sequence = words.next()?.strip_prefix("seq=")?.parse().ok()?;
    Some((file, sequence))
}

/// Waits until every line is found, looks at each, and at the ledger.
#[track_caller]
pub fn check(program: &Program, written: &[u64], limit: Duration) -> Found {
    let found = check_lines(program, written, limit);
    check_ledger(program, limit, 0);
    found
}

/// Waits until every line is found, and looks at each.
#[track_caller]
pub fn check_lines(program: &Program, written: &[u64], limit: Duration) -> Found {
    let expected: u64 = written.iter().sum();
    let mut last = 0;
    let begin = Instant::now();
    while last < expected {
        last = program.count("seq");
        if begin.elapsed() > limit {
            break; // what is missing is counted below
        }
        std::thread::sleep(TICK);
    }
    let found = Found::read(program, written);
    assert!(found.is_exact(), "of {expected} lines: {found:?}");
    found
}

/// Waits until nothing is on its way, and looks whether the ledger has a rest: `lost` bytes are named.
#[track_caller]
pub fn check_ledger(program: &Program, limit: Duration, lost: u64) {
    let total = || -> BTreeMap<String, Value> {
        let (status, body) = program.get("/api/v1/ledger?limit=1");
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        serde_json::from_value(answer["total"].clone()).unwrap()
    };
    let total = wait_at_most(limit, "nothing to be on its way", || {
        let total = total();
        let n = |what: &str| total[what].as_u64().unwrap();
        (n("in_queue") == 0 && n("acked") == n("indexed") + lost).then_some(total)
    });
    for what in ["unexplained", "doubled", "damaged"] {
        assert_eq!(total[what], 0, "{what} of {total:?}");
    }
    assert_eq!(total["lost"], lost, "{total:?}");
}
