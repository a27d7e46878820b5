//! Appends and reads by size of batch and number of writers, each beside plain writes with fdatasync
//! of the same size as the groups that were committed: the two take turns, so that both meet the disk
//! as it is.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use timberline_queue::{Append, Appended, Queue, QueueOptions};

use crate::{batches, disk, process};

const TOPIC: &str = "bench";
const TURNS: usize = 4;
const TURN: Duration = Duration::from_millis(800);
const READ_BYTES: u64 = 4 << 20;

pub(crate) fn run(dir: &Path) {
    println!(
        "append: MB/s, groups committed a second and their size, MB/s of the disk with writes of that size, ratio"
    );
    for bytes in [4 << 10, 64 << 10, 1 << 20] {
        for (name, writers, commit_interval) in [
            ("each append", 1, Duration::ZERO),
            ("group, 1 writer", 1, Duration::from_millis(2)),
            ("group, 8 writers", 8, Duration::from_millis(2)),
            ("group, 64 writers", 64, Duration::from_millis(2)),
        ] {
            measure(
                &dir.join(format!("{bytes}-{name}")),
                bytes,
                name,
                writers,
                commit_interval,
            );
        }
    }
}

fn measure(dir: &Path, bytes: usize, name: &str, writers: u64, commit_interval: Duration) {
    let options = QueueOptions {
        partitions: 1,
        segment_bytes_max: 64 << 20,
        commit_interval,
        ..QueueOptions::default()
    };
    let queue = Queue::open(dir, options).expect("an empty directory opens");
    let given: Vec<Append> = (0..writers).map(|n| batches::anonymous(bytes, n)).collect();
    let (mut seconds, mut appended, mut groups, mut plain) = (0.0, 0, 0, 0.0);
    for _ in 0..TURNS {
        let before = process::writes();
        let begin = Instant::now();
        appended += append_for(&queue, &given);
        seconds += begin.elapsed().as_secs_f64();
        // Of each group one write is the log's and one the recovery point's.
        groups += (process::writes() - before) / 2;
        let group_bytes = (appended / groups.max(1)) as usize;
        plain += disk::append(dir, group_bytes.max(1), TURN) / TURNS as f64;
    }
    let rate = appended as f64 / seconds;
    println!(
        "{:>5} KiB, {name:>17}: {:>6.1} MB/s, {:>5.0} groups/s of {:>6.1} KiB; disk {:>6.1} MB/s; ratio {:.2}",
        bytes >> 10,
        rate / 1e6,
        groups as f64 / seconds,
        appended as f64 / groups.max(1) as f64 / 1024.0,
        plain / 1e6,
        rate / plain
    );
    let (begin, mut offset, mut read, mut end) = (Instant::now(), 0, 0, 1);
    while offset < end {
        let fetched = queue.read(TOPIC, 0, offset, READ_BYTES).expect("the log is readable");
        read += fetched.batches.iter().map(bytes::Bytes::len).sum::<usize>();
        (offset, end) = (fetched.next_offset, fetched.end_offset);
    }
    let rate = read as f64 / begin.elapsed().as_secs_f64();
    let plain = disk::read(dir, ".log", READ_BYTES as usize).expect("the log is readable");
    if writers == 64 {
        println!(
            "{:>5} KiB, {:>17}: {:>6.0} MB/s, from memory; plain reads {:.0} MB/s",
            bytes >> 10,
            "read",
            rate / 1e6,
            plain / 1e6
        );
    }
    drop(queue);
    std::fs::remove_dir_all(dir).expect("it was made above");
}

/// Every writer appends its batch again and again; the bytes that were answered.
fn append_for(queue: &Queue, given: &[Append]) -> u64 {
    let (is_over, appended) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for append in given {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = queue.append(TOPIC, append.clone());
                    assert!(matches!(answer, Ok(Appended::At { .. })), "{answer:?}");
                    appended.fetch_add(append.batch.len() as u64, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(TURN);
        is_over.store(true, Ordering::Relaxed);
    });
    appended.into_inner()
}
