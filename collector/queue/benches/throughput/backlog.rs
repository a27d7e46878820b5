//! A start with a backlog: its time, and the memory of starting and of reading, in a process of its
//! own, once after an end like a kill, once after a clean one; with a hundredth of the backlog, too, to
//! compare.

use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use timberline_queue::{Queue, QueueOptions};

use crate::{batches, disk, process};

/// The arguments by which the bench starts itself again.
pub(crate) const READER: &str = "backlog-reader";
pub(crate) const WRITER: &str = "backlog-writer";

const TOPIC: &str = "bench";
const BATCH_BYTES: usize = 64 << 10;
const IN_FLIGHT_MAX: u64 = 512;
/// Read from the start of the log on.
const READ_MAX: u64 = 4 << 30;

fn options() -> QueueOptions {
    QueueOptions {
        partitions: 1,
        segment_bytes_max: 64 << 20, // as a collector's
        bytes_max: 64 << 30,
        commit_interval: Duration::from_millis(2),
        ..QueueOptions::default()
    }
}

pub(crate) fn run(dir: &Path) {
    let gib: u64 = std::env::var("TIMBERLINE_BENCH_GIB").map_or(20, |text| text.parse().expect("a number"));
    for bytes in [gib << 30, (gib << 30) / 100] {
        let dir = dir.join(bytes.to_string());
        std::fs::create_dir(&dir).expect("a directory of ours");
        let begin = Instant::now();
        itself(WRITER, &dir);
        println!(
            "{:.2} GB written in {:.0} s",
            bytes as f64 / 1e9,
            begin.elapsed().as_secs_f64()
        );
        // The writer ends as if killed; the first reader closes the queue.
        for _ in 0..2 {
            disk::forget(&dir).expect("files of ours");
            itself(READER, &dir);
        }
        std::fs::remove_dir_all(&dir).expect("it was made above");
    }
}

/// Runs this program in one of its other roles.
fn itself(role: &str, dir: &Path) {
    let program = std::env::current_exe().expect("a program knows its place");
    let status = Command::new(program)
        .arg(role)
        .arg(dir)
        .status()
        .expect("it starts again");
    assert!(status.success());
}

/// As fast as the disk takes it, as batches of one file.
pub(crate) fn write(dir: &Path) {
    let name = dir.file_name().and_then(|name| name.to_str());
    let bytes: u64 = name
        .and_then(|name| name.parse().ok())
        .expect("it is named by its bytes");
    let queue = Queue::open(dir, options()).expect("an empty directory opens");
    let (answered, answers) = mpsc::channel();
    let count = bytes / BATCH_BYTES as u64;
    let mut waiting = 0;
    for n in 0..count {
        let answered = answered.clone();
        let done = move |answer| answered.send(answer).expect("it is received below");
        queue.append_then(TOPIC, batches::of_a_file(BATCH_BYTES, n), Box::new(done));
        waiting += 1;
        while waiting >= IN_FLIGHT_MAX {
            answers.recv().expect("a sender lives").expect("a disk with space");
            waiting -= 1;
        }
    }
    for _ in 0..waiting {
        answers.recv().expect("a sender lives").expect("a disk with space");
    }
    std::mem::forget(queue); // not closed
    std::process::exit(0);
}

/// In a process of its own.
pub(crate) fn read(dir: &Path) {
    let begin = Instant::now();
    let queue = Queue::open(dir, options()).expect("the backlog opens");
    let (took, memory) = (begin.elapsed(), process::resident_mb_max());
    let (begin, mut offset, mut sum, mut end) = (Instant::now(), 0, 0, 1);
    while offset < end && sum < READ_MAX {
        let fetched = queue.read(TOPIC, 0, offset, 4 << 20).expect("the log is readable");
        sum += fetched.batches.iter().map(|batch| batch.len() as u64).sum::<u64>();
        (offset, end) = (fetched.next_offset, fetched.end_offset);
    }
    println!(
        "  {}: open in {:.3} s with {memory:.1} MB; {:.2} GB read at {:.0} MB/s with {:.1} MB",
        if queue.was_clean() {
            "after a clean end"
        } else {
            "without one"
        },
        took.as_secs_f64(),
        sum as f64 / 1e9,
        sum as f64 / 1e6 / begin.elapsed().as_secs_f64(),
        process::resident_mb_max()
    );
    queue.close().expect("a sound disk");
}
