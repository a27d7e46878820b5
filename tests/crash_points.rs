//! The whole program killed at every named point between two steps, twice in a row, while lines are
//! written and files rotated: nothing lost, nothing doubled, bytes and order kept, no rest in the ledger.
//!
//! A run goes through some of the points, which its seed chooses (`TIMBERLINE_CRASH_SEED`);
//! `TIMBERLINE_CRASH_POINTS=all` through all, `=NAME,NAME` through those. The points stand in
//! `proto/src/crash.rs`; those of enrolling are `tests/fleet.rs`'s, those of erasure `tests/erasure.rs`'s.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]
#![allow(clippy::print_stdout, reason = "whoever looks at a test's output is to see its seed")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use timberline_proto::crash::Point;

use support::load::{Load, Plan, Random, check_ledger, check_lines, seed};
use support::{DEADLINE, Program, append, run, scratch, up_config, wait_for};

/// Points of a run that names none: what takes less than a minute and a half.
const CHOSEN: usize = 12;
const PLAN: Plan = Plan {
    files: 4,
    lines_per_second: 1200,
    rotate_lines: 150,
    keep: 60,
};

/// What brings a program to a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// Lines, and files that are rotated.
    Load,
    /// The first start of a queue: the collector's, then the outbox's.
    FirstStart,
    /// A topic that is new.
    Topic,
    /// An end that was asked for.
    Stop,
    /// A start after such an end.
    StartAfterStop,
    /// Lines that are refused for good.
    Refusal,
    /// Entries of the journal.
    Journal,
    /// Tokens, and certificates for the program's own agent.
    Fleet,
}

impl By {
    /// None for the points of `timberline enroll`, of pushed configurations and of erasure: they have tests of
    /// their own.
    fn of(point: Point) -> Option<Self> {
        use Point::*;
        Some(match point {
            MetaSynced | MetaRenamed => Self::FirstStart,
            TopicSynced | TopicRenamed | PartitionSynced | PartitionRenamed => Self::Topic,
            CleanSynced | CleanRenamed => Self::Stop,
            CleanRemoved => Self::StartAfterStop,
            DeadLetterKept | DeadLetterNoted => Self::Refusal,
            ReceivedAppended | OutboxAcked | OutboxSaved => Self::Journal,
            FleetSynced | FleetRenamed => Self::Fleet,
            EnrollKeyWritten
            | EnrollConnected
            | EnrollAnswered
            | EnrollAuthoritiesWritten
            | EnrollCollectorWritten
            | EnrollIdentityWritten
            | PushedTrialKept
            | SegmentRewritten
            | SegmentReplaced
            | ErasureWritten
            | ErasureReplaced
            | ErasureQueueNoted
            | ErasureQueueDone
            | ErasureWiped
            | ErasureScrubbed => return None,
            GroupUnwritten | GroupWritten | GroupSynced | GroupPublished => Self::Load,
            RecoveryPointWritten | RecoveryPointSynced => Self::Load,
            SegmentCreated | SegmentHeaderWritten | SegmentSynced | SegmentMade | SegmentSealed => Self::Load,
            IndexCreated | IndexWritten | EndsSynced | EndsRenamed => Self::Load,
            PositionsSynced | PositionsRenamed | DeletionNoted | LogRemoved | IndexRemoved => Self::Load,
            RegistrySynced | RegistryRenamed | BatchAcked => Self::Load,
            SplitUnsynced | SplitsWritten | Published | Dropped | Told => Self::Load,
            MergeWritten | MergeReplaced | RetentionDeleted | FileRemoved => Self::Load,
        })
    }

    /// The program comes there again and again, so the how manyeth time it dies is chance.
    fn is_frequent(self) -> bool {
        matches!(self, Self::Load | Self::Journal)
    }
}

/// What stands for journalctl: entry `N` of a journal of lines `N`, behind the cursor, and follows.
const JOURNALCTL: &str = r#"#!/bin/sh
after=-1
for argument in "$@"; do
    case "$argument" in --after-cursor=*) after=${argument#--after-cursor=} ;; esac
done
tail -n +1 -F JOURNAL 2> /dev/null | while read -r n; do
    if [ "$n" -gt "$after" ]; then
        printf '__CURSOR=%s\n__REALTIME_TIMESTAMP=1796036400%06d\nMESSAGE=entry %s\n\n' "$n" "$n" "$n"
    fi
done
"#;

/// A point's own directory, program and lines.
struct Round {
    dir: tempfile::TempDir,
    by: By,
    point: Point,
    config: String,
    /// Entries written to the journal.
    entries: u64,
    /// Tokens that were given out.
    tokens: BTreeSet<String>,
    refused: u64,
    topics: u64,
}

impl Round {
    fn new(point: Point, by: By) -> Self {
        let dir = scratch();
        let config = config(dir.path(), by);
        Self {
            dir,
            by,
            point,
            config,
            entries: 0,
            tokens: BTreeSet::new(),
            refused: 0,
            topics: 0,
        }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn start(&self) -> Program {
        Program::start(self.path(), "up", &self.config)
    }

    /// One life: until the program dies at the point when it comes there the `times`-th time.
    fn die(&mut self, life: u64, times: u64) {
        if self.by == By::StartAfterStop {
            assert_eq!(self.start().stop(), 0);
        }
        let armed = format!("{}:{times}", self.point.name());
        let armed = [("TIMBERLINE_CRASH_AT", armed.as_str())];
        let status = match Program::start_or_end(self.path(), "up", &self.config, &armed) {
            Err((status, log)) => {
                assert_eq!(status.signal(), Some(9), "life {life} of {}: {log}", self.point.name());
                status
            }
            Ok(mut program) => self.provoke(&mut program, life),
        };
        assert_eq!(status.signal(), Some(9), "life {life} of {}", self.point.name());
    }

    /// Goes on with what leads to the point until the program has ended.
    fn provoke(&mut self, program: &mut Program, life: u64) -> ExitStatus {
        let begin = Instant::now();
        let mut asked = false;
        loop {
            if let Some(status) = program.status() {
                return status;
            }
            assert!(
                begin.elapsed() < DEADLINE * 2,
                "life {life} never came to {}",
                self.point.name()
            );
            match self.by {
                By::Load => append(&self.path().join("old.log"), "2001-01-01T00:00:00Z old\n"),
                By::Journal => self.write_entries(20),
                By::Topic => self.write_topic(life),
                By::Refusal if !asked => self.write_refused(),
                By::Fleet => self.create_token(program),
                By::Stop if !asked && begin.elapsed() > Duration::from_millis(300) => {
                    program.terminate();
                    asked = true;
                }
                _ => {}
            }
            asked |= self.by == By::Refusal;
            std::thread::sleep(Duration::from_millis(20)); // a writer's pace
        }
    }

    fn write_entries(&mut self, count: u64) {
        let lines: String = (self.entries..self.entries + count).map(|n| format!("{n}\n")).collect();
        append(&self.path().join("journal"), lines);
        self.entries += count;
    }

    fn write_topic(&mut self, life: u64) {
        let path = self.path().join(format!("topic-{life}.log"));
        self.topics += u64::from(!path.exists());
        if !path.exists() {
            append(&path, "2026-11-01T00:00:00Z topical\n");
        }
    }

    /// A line whose batch unpacks to more than the collector takes.
    fn write_refused(&mut self) {
        self.refused += 1;
        append(&self.path().join("much.log"), format!("{}\n", "much ".repeat(30_000)));
    }

    /// A token that was printed is known for ever.
    fn create_token(&mut self, program: &Program) {
        let output = run(&["agents", "token", "create", "--server", program.page()]);
        if output.status.success() {
            let token = String::from_utf8(output.stdout).unwrap();
            self.tokens.insert(token.split('.').nth(1).unwrap().to_owned());
        }
    }

    /// With nothing armed: all of it is there, once, and the program stops as it is told.
    fn check(&self, written: &[u64]) {
        let program = self.start();
        check_lines(&program, written, DEADLINE);
        check_ledger(&program, DEADLINE, dead_letter_bytes(self.path()));
        let count = |query: &str, expected: u64| {
            wait_for(query, || (program.count(query) >= expected).then_some(()));
            assert_eq!(program.count(query), expected, "{query}");
        };
        match self.by {
            By::Journal | By::FirstStart => count("entry", self.entries),
            By::Topic => count("topical", self.topics),
            By::Refusal => assert_eq!(dead_letter_bytes(self.path()), self.refused * 150_001),
            By::Fleet => {
                let list: Value = serde_json::from_str(&program.get("/api/v1/agents/tokens").1).unwrap();
                let known = list["tokens"].as_array().unwrap().iter();
                let known: BTreeSet<String> = known.map(|token| token["id"].as_str().unwrap().to_owned()).collect();
                assert!(self.tokens.is_subset(&known), "{:?} of {known:?}", self.tokens);
            }
            By::Load | By::Stop | By::StartAfterStop => {}
        }
        wait_for("a file for each split and no other", || {
            let status: Value = serde_json::from_str(&program.get("/api/v1/status").1).unwrap();
            let files = fs::read_dir(self.path().join("data/store/splits")).unwrap().count();
            (status["splits"].as_u64() == Some(files as u64)).then_some(())
        });
        assert_eq!(program.stop(), 0);
    }
}

/// Flushes, merges, rolls, deletes and saves all the time.
fn config(dir: &Path, by: By) -> String {
    let mut config = up_config(dir, &["logs/*.log*", "old.log", "topic-*.log", "much.log"])
        .replace("flush_interval = \"1s\"", "flush_interval = \"100ms\"")
        .replace(
            "[agent]\n",
            "[agent]\nbatch_bytes_max = \"16KiB\"\ncheckpoint_interval = \"50ms\"\nbackoff_max = \"500ms\"\n",
        );
    config += "janitor_interval = \"100ms\"\nretention_age = \"3650d\"\n[queue]\nsegment_bytes_max = \"16KiB\"\n\
               retention_bytes = \"16KiB\"\nretention_interval = \"100ms\"\n";
    match by {
        By::Refusal => {
            config = config
                .replace("batch_bytes_max = \"16KiB\"", "batch_bytes_max = \"256KiB\"")
                .replace("segment_bytes_max = \"16KiB\"", "segment_bytes_max = \"256KiB\"");
            config += "unpacked_bytes_max = \"64KiB\"\n";
        }
        By::Fleet => config += "[server.grpc_tls]\nmode = \"mutual\"\n",
        By::Topic => {
            for life in 0..2 {
                config += &format!(
                    "[[agent.rules]]\nname = \"r{life}\"\nfile = [\"**/topic-{life}.log\"]\nroute = {{ topic = \"t{life}\" }}\n"
                );
            }
        }
        By::Journal | By::FirstStart => {
            let program = dir.join("journalctl");
            let journal = dir.join("journal");
            append(&journal, "");
            fs::write(&program, JOURNALCTL.replace("JOURNAL", &journal.display().to_string())).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            config += &format!("[agent.outbox]\ncommit_interval = \"20ms\"\n[agent.journald]\nprogram = {program:?}\n");
        }
        By::Load | By::Stop | By::StartAfterStop => {}
    }
    config
}

/// Bytes of the files' ranges that dead letters stand for.
fn dead_letter_bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir.join("data/agent/dead-letter")) else {
        return 0;
    };
    let notes = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    notes
        .map(|path: PathBuf| {
            let note: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            note["range"][1].as_u64().unwrap() - note["range"][0].as_u64().unwrap()
        })
        .sum()
}

/// Twice in a row at the point, then without it.
fn kill_at(point: Point, by: By, random: &mut Random) {
    let begin = Instant::now();
    let mut round = Round::new(point, by);
    let plan = match by {
        By::Refusal => Plan {
            lines_per_second: 200,
            ..PLAN
        }, // no batch of them is refused
        _ => PLAN,
    };
    let load = Load::start(&round.path().join("logs"), plan, random.next());
    let times = if by.is_frequent() { 1 + random.below(3) } else { 1 };
    round.die(0, times);
    round.die(1, 1);
    let written = load.stop();
    round.check(&written);
    println!(
        "{:>24} (the {times}. time), {} lines, {:.1} s",
        point.name(),
        written.iter().sum::<u64>(),
        begin.elapsed().as_secs_f64()
    );
}

/// The points of this run.
fn chosen(random: &mut Random) -> Vec<(Point, By)> {
    let mut all: Vec<(Point, By)> = Point::ALL
        .iter()
        .filter_map(|point| Some((*point, By::of(*point)?)))
        .collect();
    match std::env::var("TIMBERLINE_CRASH_POINTS").as_deref() {
        Ok("all") => {}
        Ok(names) => {
            let names: Vec<&str> = names.split(',').collect();
            all.retain(|(point, _)| names.contains(&point.name()));
            assert_eq!(
                all.len(),
                names.len(),
                "TIMBERLINE_CRASH_POINTS names others than points"
            );
        }
        Err(_) => {
            while all.len() > CHOSEN {
                all.swap_remove(random.below(all.len() as u64) as usize);
            }
        }
    }
    all
}

#[test]
fn q09_a37_a_process_killed_twice_in_a_row_at_a_named_point_loses_and_doubles_nothing() {
    let seed = seed("TIMBERLINE_CRASH_SEED");
    let points = Mutex::new(chosen(&mut Random::new(seed)));
    let total = points.lock().unwrap().len();
    let failed: Mutex<Vec<&str>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((point, by)) = points.lock().unwrap().pop() else {
                        return;
                    };
                    let mut random = Random::new(seed ^ point as u64);
                    let round = std::panic::AssertUnwindSafe(|| kill_at(point, by, &mut random));
                    if std::panic::catch_unwind(round).is_err() {
                        failed.lock().unwrap().push(point.name());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "of {total} points: {failed:?}");
}
