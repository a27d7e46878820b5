//! Any order of writes, rotations, crashes and lost acks: every line arrives once, in whole, and
//! those of a file in their order.
//!
//! The reference is what was written, by generation: a generation is one life of a file, and a copy
//! of it is the same one. A last line without its end counts as a line once its file is rotated or
//! deleted. What no agent can save is not done: a file is deleted or packed only when the
//! collector has its last line, a link led elsewhere only when it has one of this life, nothing is written between copying and truncating, and less time goes by there
//! than `rotate_wait`, after which a copy counts as a file of its own.
//!
//! A run is a number. `TIMBERLINE_MODEL_SEED=N` repeats one, `TIMBERLINE_MODEL_SEEDS=1000` makes so
//! many, from `TIMBERLINE_MODEL_FIRST` on, `TIMBERLINE_MODEL_AT_ONCE=8` at one time. A run that fails
//! says its number and its steps, and the others go on; repeated with `RUST_LOG=timberline_agent=debug`
//! it says what the agent did. With `TIMBERLINE_MODEL_GZIP` packed files are read, too, and packed while lines are unread.

use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use timberline_agent::{FileInput, Format, MultilineConfig};

use crate::common::{Bench, append, gzip, until};

/// Runs without a number asked for.
const SEEDS_DEFAULT: u64 = 12;
/// Runs at one time if not said otherwise; they mostly wait.
const RUNS_AT_ONCE: u64 = 4;

/// The files written to: plain ones beside each other, one behind a link, one whose records have
/// several lines, and one of a container.
const NAMES: [&str; 5] = ["app.log", "db.log", "pod.log", "java.log", "cri.log"];
const LINKED: usize = 2;
const JOINED: usize = 3;
const CONTAINER: usize = 4;
/// What stands before a line of a container, whole and cut by the runtime.
const WHOLE: &str = "2026-01-02T03:04:05.6Z stdout F ";
const PIECE: &str = "2026-01-02T03:04:05.6Z stdout P ";
const OTHER: &str = "2026-01-02T03:04:05.6Z stderr F ";

#[derive(Clone, Debug)]
enum Step {
    Append(usize, u8),
    Partial(usize),
    Rename(usize),
    CopyTruncate(usize),
    /// The agent is killed between the copy and the truncation.
    CopyCrashTruncate(usize),
    ReadAndDelete(usize),
    /// Renamed, packed by gzip, and the plain file removed.
    Pack(usize),
    /// The link leads to a new file from now on.
    SwapLink,
    Crash,
    Stop,
    AckLost(u8),
    TryAgain(u8),
    Pause(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let file = || 0..NAMES.len();
    prop_oneof![
        8 => (file(), 1u8..60).prop_map(|(file, lines)| Step::Append(file, lines)),
        2 => file().prop_map(Step::Partial),
        2 => file().prop_map(Step::Rename),
        2 => file().prop_map(Step::CopyTruncate),
        1 => file().prop_map(Step::CopyCrashTruncate),
        1 => file().prop_map(Step::ReadAndDelete),
        2 => file().prop_map(Step::Pack),
        2 => Just(Step::SwapLink),
        2 => Just(Step::Crash),
        1 => Just(Step::Stop),
        1 => (1u8..4).prop_map(Step::AckLost),
        1 => (1u8..4).prop_map(Step::TryAgain),
        4 => (0u8..60).prop_map(Step::Pause),
    ]
}

/// A file as it was written.
#[derive(Default)]
struct Written {
    /// Lines of each of its lives, in order; the last one is being written.
    lives: Vec<Vec<String>>,
    /// Bytes of the last line, whose end is not written yet.
    open: String,
}

struct Model {
    bench: Bench,
    running: bool,
    files: [Written; NAMES.len()],
    lines: u32,
    rotations: u32,
}

impl Model {
    fn new() -> Self {
        let mut bench = Bench::new(&["*.log*"]);
        bench.config.batch_records_max = 9;
        bench.config.in_flight_max = 3;
        bench.config.scan_interval = Duration::from_millis(2);
        // Longer than a busy machine keeps this thread from truncating what it has copied.
        bench.config.rotate_wait = Duration::from_millis(800);
        bench.config.gzip = std::env::var_os("TIMBERLINE_MODEL_GZIP").is_some();
        bench.config.files = inputs(&bench);
        fs::create_dir(bench.dir.path().join("targets")).unwrap();
        let mut model = Self {
            bench,
            running: false,
            files: Default::default(),
            lines: 0,
            rotations: 0,
        };
        model.files.iter_mut().for_each(|file| file.lives.push(Vec::new()));
        model.swap_link();
        model
    }

    fn unique(&mut self) -> String {
        self.lines += 1;
        format!("{:05} {}", self.lines, "y".repeat((self.lines * 7 % 90) as usize))
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Append(file, lines) => (0..lines).for_each(|_| self.line(file)),
            Step::Partial(file) => {
                let part = self.unique();
                let begins = file == CONTAINER && self.files[file].open.is_empty();
                self.write(file, &format!("{}{part}", if begins { WHOLE } else { "" }));
                self.files[file].open += &part;
            }
            Step::Rename(file) | Step::CopyTruncate(file) | Step::CopyCrashTruncate(file) => {
                if self.bench.log(NAMES[file]).exists() {
                    self.rotate(file, step);
                }
            }
            Step::ReadAndDelete(file) if self.bench.log(NAMES[file]).exists() => self.read_and_delete(file),
            Step::Pack(file) if self.bench.log(NAMES[file]).exists() => self.pack(file),
            Step::ReadAndDelete(_) | Step::Pack(_) => {}
            Step::SwapLink => {
                let written = &self.files[LINKED];
                if !written.open.is_empty() || !written.lives.last().unwrap().is_empty() {
                    self.known(LINKED);
                }
                self.end_life(LINKED);
                self.swap_link();
            }
            Step::Crash if self.running => {
                self.bench.kill();
                self.running = false;
            }
            Step::Stop if self.running => {
                self.bench.stop();
                self.running = false;
            }
            Step::Crash | Step::Stop => self.start(),
            Step::AckLost(n) => self.bench.collector.faults(|faults| faults.ack_lost = u32::from(n)),
            Step::TryAgain(n) => self.bench.collector.faults(|faults| faults.try_again = u32::from(n)),
            Step::Pause(ms) => std::thread::sleep(Duration::from_millis(u64::from(ms))),
        }
    }

    fn write(&self, file: usize, text: &str) {
        append(&self.bench.log(NAMES[file]), text);
    }

    fn line(&mut self, file: usize) {
        let rest = self.unique();
        let open = std::mem::take(&mut self.files[file].open);
        let n = self.lines;
        let lines = match file {
            JOINED => {
                let more: String = (0..n % 3).map(|k| format!("\n  at {n} {k}")).collect();
                self.write(file, &format!("{rest}{more}\n"));
                vec![open + &rest + &more]
            }
            CONTAINER if !open.is_empty() => {
                self.write(file, &format!("{rest}\n"));
                vec![open + &rest]
            }
            CONTAINER if n.is_multiple_of(3) => {
                self.write(file, &format!("{PIECE}{rest}\n{OTHER}{n} other\n{WHOLE} end\n"));
                vec![rest + " end", format!("{n} other")]
            }
            CONTAINER => {
                self.write(file, &format!("{WHOLE}{rest}\n"));
                vec![rest]
            }
            _ => {
                self.write(file, &format!("{rest}\n"));
                vec![open + &rest]
            }
        };
        self.files[file].lives.last_mut().unwrap().extend(lines);
    }

    /// What stands without its end is a line now, and what comes is another generation.
    fn end_life(&mut self, file: usize) {
        let written = &mut self.files[file];
        if !written.open.is_empty() {
            let open = std::mem::take(&mut written.open);
            written.lives.last_mut().unwrap().push(open);
        }
        written.lives.push(Vec::new());
    }

    fn rotated(&mut self, file: usize) -> String {
        self.rotations += 1;
        format!("{}.{}", NAMES[file], self.rotations)
    }

    fn rotate(&mut self, file: usize, how: &Step) {
        let name = self.rotated(file);
        match how {
            Step::Rename(_) => self.bench.rename(NAMES[file], &name),
            Step::CopyCrashTruncate(_) => {
                fs::copy(self.bench.log(NAMES[file]), self.bench.log(&name)).unwrap();
                self.bench.kill();
                self.running = false;
                if self.rotations.is_multiple_of(2) {
                    self.start();
                }
                self.bench.truncate(NAMES[file]);
            }
            _ => self.bench.copy_truncate(NAMES[file], &name),
        }
        self.end_life(file);
        if file == LINKED && matches!(how, Step::Rename(_)) {
            self.swap_link();
        }
    }

    /// Waits until the agent has read of this life of the file: then its bytes may be anywhere.
    fn known(&mut self, file: usize) {
        self.start();
        // So that nothing is held back.
        self.line(file);
        let first = self.files[file].lives.last().unwrap()[0].clone();
        self.until_holds(&first);
    }

    fn until_holds(&self, line: &str) {
        let state = || format!("{line:?}; {:#?}", self.bench.status());
        until("the line", || self.bench.collector.holds(line.as_bytes()), state);
    }

    fn read_and_delete(&mut self, file: usize) {
        self.start();
        // So that nothing is held back while it goes.
        self.line(file);
        let last = self.files[file].lives.last().unwrap().last().unwrap().clone();
        self.until_holds(&last);
        self.bench.remove(NAMES[file]);
        self.gone(file);
    }

    fn pack(&mut self, file: usize) {
        self.known(file);
        if !self.bench.config.gzip {
            let last = self.files[file].lives.last().unwrap().last().unwrap().clone();
            self.until_holds(&last);
        }
        let name = self.rotated(file);
        self.bench.rename(NAMES[file], &name);
        let plain = fs::read(self.bench.log(&name)).unwrap();
        fs::write(self.bench.log(&format!("{name}.gz")), gzip(&plain)).unwrap();
        self.bench.remove(&name);
        self.gone(file);
    }

    fn gone(&mut self, file: usize) {
        self.end_life(file);
        if file == LINKED {
            self.swap_link();
        }
    }

    fn swap_link(&mut self) {
        self.rotations += 1;
        let target = self.bench.dir.path().join(format!("targets/{}", self.rotations));
        fs::write(&target, "").unwrap();
        let (link, new) = (self.bench.log(NAMES[LINKED]), self.bench.dir.path().join("link"));
        symlink(target, &new).unwrap();
        fs::rename(new, link).unwrap();
    }

    fn start(&mut self) {
        if !std::mem::replace(&mut self.running, true) {
            self.bench.start();
        }
    }

    fn check(mut self) {
        for file in 0..NAMES.len() {
            if !self.files[file].open.is_empty() {
                self.line(file);
            }
        }
        self.start();
        let lives: Vec<&Vec<String>> = self.files.iter().flat_map(|file| &file.lives).collect();
        let expected: Vec<&String> = lives.iter().copied().flatten().collect();
        self.bench.assert_lines(&expected);
        self.bench.until_quiet();
        // Whatever was held back as a possible copy would come now.
        std::thread::sleep(self.bench.config.rotate_wait * 2);
        self.bench.assert_lines(&expected);
        assert_eq!(
            self.bench.status().lost_bytes,
            0,
            "nothing was lost, so none may be counted"
        );
        self.assert_order(&lives);
    }

    /// The lines of each life came in their order.
    fn assert_order(&self, lives: &[&Vec<String>]) {
        let arrived: std::collections::HashMap<Vec<u8>, usize> = (self.bench.collector.lines().into_iter())
            .enumerate()
            .map(|(n, line)| (line, n))
            .collect();
        for life in lives {
            let places: Vec<usize> = life.iter().map(|line| arrived[line.as_bytes()]).collect();
            assert!(places.is_sorted(), "out of order: {life:?}");
        }
    }
}

/// How the files are read that have no plain lines.
fn inputs(bench: &Bench) -> Vec<FileInput> {
    let tail = |file: usize| vec![format!("{}*", bench.log(NAMES[file]).display())];
    vec![
        FileInput {
            tail: tail(JOINED),
            multiline: Some(MultilineConfig {
                indent: true,
                timeout: Duration::from_millis(60),
                ..MultilineConfig::default()
            }),
            ..FileInput::default()
        },
        FileInput {
            tail: tail(CONTAINER),
            format: Format::Cri,
            ..FileInput::default()
        },
    ]
}

fn steps_of(seed: u64) -> Vec<Step> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let steps = proptest::collection::vec(step(), 5..50);
    steps.new_tree(&mut runner).unwrap().current()
}

fn run(seed: u64) {
    let steps = steps_of(seed);
    let done = AtomicU64::new(0);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut model = Model::new();
        model.start();
        for step in &steps {
            model.step(step);
            done.fetch_add(1, Ordering::Relaxed);
        }
        model.check();
    }));
    if result.is_err() {
        panic!(
            "TIMBERLINE_MODEL_SEED={seed} fails after {} of its steps {steps:?}",
            done.load(Ordering::Relaxed)
        );
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
    )
}

#[test]
fn every_line_arrives_once_whatever_happens() {
    if let Some(seed) = number("TIMBERLINE_MODEL_SEED") {
        let log = tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env());
        log.with_writer(std::io::stderr).init();
        return run(seed);
    }
    let first = number("TIMBERLINE_MODEL_FIRST").unwrap_or_else(|| rand::random_range(0..1 << 40));
    let seeds = number("TIMBERLINE_MODEL_SEEDS").unwrap_or(SEEDS_DEFAULT);
    println!("seeds {first} to {}", first + seeds - 1);
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..number("TIMBERLINE_MODEL_AT_ONCE").unwrap_or(RUNS_AT_ONCE) {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < seeds) {
                    if catch_unwind(|| run(first + seed)).is_err() {
                        failed.lock().unwrap().push(first + seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "of {seeds} runs from {first} on these fail: {failed:?}"
    );
}
