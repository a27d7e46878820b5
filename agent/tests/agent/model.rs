//! Any order of writes, rotations, crashes and lost acks: every line arrives once, in whole.
//!
//! The model is the list of lines written. A last line without its end counts as a line once its
//! file is rotated or deleted. A file is deleted only after the collector has its last line. Between
//! copying and truncating nothing is written (what is, no agent can save), and less time goes by
//! than `rotate_wait`, after which a copy counts as a file of its own.

use std::time::Duration;

use proptest::prelude::*;

use crate::common::{Bench, until};

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Partial,
    Rename,
    CopyTruncate,
    /// The agent is killed between the copy and the truncation.
    CopyCrashTruncate,
    ReadAndDelete,
    Crash,
    Stop,
    AckLost(u8),
    TryAgain(u8),
    Pause(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1u8..60).prop_map(Step::Append),
        2 => Just(Step::Partial),
        2 => Just(Step::Rename),
        2 => Just(Step::CopyTruncate),
        1 => Just(Step::CopyCrashTruncate),
        1 => Just(Step::ReadAndDelete),
        2 => Just(Step::Crash),
        1 => Just(Step::Stop),
        1 => (1u8..4).prop_map(Step::AckLost),
        1 => (1u8..4).prop_map(Step::TryAgain),
        4 => (0u8..60).prop_map(Step::Pause),
    ]
}

struct Model {
    bench: Bench,
    running: bool,
    expected: Vec<String>,
    /// Bytes of the last line, whose end is not written yet.
    open: String,
    n: u32,
    rotations: u32,
}

impl Model {
    fn new() -> Self {
        let mut bench = Bench::new(&["app.log*"]);
        bench.config.batch_records_max = 9;
        bench.config.in_flight_max = 3;
        bench.config.scan_interval = Duration::from_millis(2);
        // Longer than a busy machine keeps this thread from truncating what it has copied.
        bench.config.rotate_wait = Duration::from_millis(500);
        Self {
            bench,
            running: false,
            expected: Vec::new(),
            open: String::new(),
            n: 0,
            rotations: 0,
        }
    }

    fn unique(&mut self) -> String {
        self.n += 1;
        format!("{:05} {}", self.n, "y".repeat((self.n * 7 % 90) as usize))
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append(lines) => (0..*lines).for_each(|_| self.line()),
            Step::Partial => {
                let part = self.unique();
                self.bench.append("app.log", &part);
                self.open += &part;
            }
            Step::Rename | Step::CopyTruncate | Step::CopyCrashTruncate if self.bench.log("app.log").exists() => {
                self.rotate(step);
            }
            Step::ReadAndDelete if self.bench.log("app.log").exists() => {
                self.start();
                // So that nothing is held back while it goes.
                self.line();
                let last = self.expected.last().unwrap().clone().into_bytes();
                let arrived = || self.bench.collector.lines().contains(&last);
                until("the file's last line", arrived, || {
                    format!("{:#?}", self.bench.status())
                });
                self.bench.remove("app.log");
            }
            Step::Rename | Step::CopyTruncate | Step::CopyCrashTruncate | Step::ReadAndDelete => {}
            Step::Crash if self.running => {
                self.bench.kill();
                self.running = false;
            }
            Step::Stop if self.running => {
                self.bench.stop();
                self.running = false;
            }
            Step::Crash | Step::Stop => self.start(),
            Step::AckLost(n) => self.bench.collector.faults(|faults| faults.ack_lost = u32::from(*n)),
            Step::TryAgain(n) => self.bench.collector.faults(|faults| faults.try_again = u32::from(*n)),
            Step::Pause(ms) => std::thread::sleep(Duration::from_millis(u64::from(*ms))),
        }
    }

    fn line(&mut self) {
        let rest = self.unique();
        self.bench.append("app.log", format!("{rest}\n"));
        let open = std::mem::take(&mut self.open);
        self.expected.push(open + &rest);
    }

    fn rotate(&mut self, how: &Step) {
        self.rotations += 1;
        let name = format!("app.log.{}", self.rotations);
        match how {
            Step::Rename => self.bench.rename("app.log", &name),
            Step::CopyCrashTruncate => {
                std::fs::copy(self.bench.log("app.log"), self.bench.log(&name)).unwrap();
                self.bench.kill();
                self.running = false;
                if self.rotations.is_multiple_of(2) {
                    self.start();
                }
                self.bench.truncate("app.log");
            }
            _ => self.bench.copy_truncate("app.log", &name),
        }
        if !self.open.is_empty() {
            self.expected.push(std::mem::take(&mut self.open));
        }
    }

    fn start(&mut self) {
        if !std::mem::replace(&mut self.running, true) {
            self.bench.start();
        }
    }

    fn check(mut self) {
        if !self.open.is_empty() {
            self.line();
        }
        self.start();
        self.bench.assert_lines(&self.expected);
        self.bench.until_quiet();
        // Whatever was held back as a possible copy would come now.
        std::thread::sleep(self.bench.config.rotate_wait * 2);
        self.bench.assert_lines(&self.expected);
        assert_eq!(self.bench.status().lost_bytes, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_arrives_once_whatever_happens(steps in proptest::collection::vec(step(), 5..40)) {
        let mut model = Model::new();
        model.start();
        steps.iter().for_each(|step| model.step(step));
        model.check();
    }
}
