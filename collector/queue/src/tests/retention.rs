//! What is deleted, and what never.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::support::*;
use crate::{AppendError, Appended, Queue, QueueError};

fn fill(queue: &Queue, count: u64) {
    (0..count).for_each(|i| {
        append(queue, bulky(150, i));
    });
}

fn take_all(queue: &Queue) {
    let info = queue.partitions().remove(0);
    queue
        .commit("store", TOPIC, 0, info.incarnation, info.end_offset)
        .unwrap();
}

#[test]
fn q13_nothing_is_deleted_that_a_required_group_has_not_taken() {
    let bench = Bench::new(options());
    let queue = bench.open();
    fill(&queue, 40);
    assert_eq!(queue.enforce_retention(bench.now()).unwrap(), 0);
    let incarnation = queue.partitions()[0].incarnation;
    queue.commit("store", TOPIC, 0, incarnation, 15).unwrap();
    let before = queue.bytes();
    let freed = queue.enforce_retention(bench.now()).unwrap();
    let start = queue.partitions()[0].start_offset;
    assert!(freed > 0 && queue.bytes() == before - freed);
    assert!(start > 0 && start <= 15, "{start}");
    assert_eq!(read_from(&queue, start).len() as u64, 40 - start);
    take_all(&queue);
    queue.enforce_retention(bench.now()).unwrap();
    assert_eq!(bench.logs().len(), 1, "the active segment stays");
}

#[test]
fn q13_at_the_limit_producers_are_refused_until_the_group_has_taken_something() {
    let mut options = options();
    options.bytes_max = 8000;
    let bench = Bench::new(options);
    let queue = bench.open();
    let refused = (0..100).find_map(|i| queue.append(TOPIC, bulky(150, i)).err()).unwrap();
    assert!(matches!(refused, AppendError::Full(_)));
    assert!(queue.bytes() <= 8000 + 192);
    queue.enforce_retention(bench.now()).unwrap();
    assert!(queue.append(TOPIC, bulky(150, 1)).is_err());
    take_all(&queue);
    queue.enforce_retention(bench.now()).unwrap();
    assert!(queue.append(TOPIC, bulky(150, 1)).is_ok());
}

#[test]
fn a_limit_below_one_segment_does_not_lock_the_queue_for_ever() {
    let mut options = options();
    options.bytes_max = 1500;
    let bench = Bench::new(options);
    let queue = bench.open();
    while queue.append(TOPIC, bulky(150, 1)).is_ok() {}
    take_all(&queue);
    queue.enforce_retention(bench.now()).unwrap();
    assert!(queue.append(TOPIC, bulky(150, 1)).is_ok());
}

#[test]
fn q10_the_start_is_durable_before_a_segment_goes_and_a_half_done_deletion_is_finished() {
    for seed in 0..60 {
        let bench = Bench::new(options());
        let queue = bench.open();
        (0..30).for_each(|i| {
            append(&queue, piece(1, i * 80, i * 80 + 80));
        });
        take_all(&queue);
        queue.enforce_retention(bench.now()).unwrap();
        let start = queue.partitions()[0].start_offset;
        bench.disk.cut_power(seed);
        drop(queue);
        let queue = bench.open();
        assert_eq!(queue.partitions()[0].start_offset, start);
        assert_eq!(queue.generation_end(TOPIC, generation(1)), Some(2400));
        assert_eq!(
            queue.append(TOPIC, piece(1, 0, 80)).unwrap(),
            Appended::Duplicate { end: 2400 }
        );
    }
}

#[test]
fn q10_segments_below_the_noted_start_are_deleted_at_the_next_start() {
    let bench = Bench::new(options());
    let queue = bench.open();
    fill(&queue, 40);
    let logs = bench.logs();
    let kept: Vec<_> = logs
        .iter()
        .map(|path| (path.clone(), bench.disk.bytes_of(path).unwrap()))
        .collect();
    take_all(&queue);
    queue.enforce_retention(bench.now()).unwrap();
    let start = queue.partitions()[0].start_offset;
    bench.disk.kill();
    drop(queue);
    // As if the second segment's removal had not reached the disk.
    crate::disk::Disk::create(&bench.disk, &kept[1].0).unwrap();
    bench.disk.edit(&kept[1].0, |bytes| bytes.clone_from(&kept[1].1));
    let queue = bench.open();
    assert_eq!(queue.partitions()[0].start_offset, start);
    assert!(!bench.disk.files().contains(&kept[1].0));
}

#[test]
fn q12_a_reader_behind_a_deletion_learns_the_new_start() {
    let bench = Bench::new(options());
    let queue = bench.open();
    fill(&queue, 40);
    assert_eq!(queue.read(TOPIC, 0, 0, 1).unwrap().batches.len(), 1);
    take_all(&queue);
    queue.enforce_retention(bench.now()).unwrap();
    let error = queue.read(TOPIC, 0, 1, 1).unwrap_err();
    let QueueError::OutOfRange {
        offset: 1,
        start,
        end: 40,
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(read_from(&queue, start)[0].0, start);
    assert!(matches!(
        queue.read(TOPIC, 0, 41, 1),
        Err(QueueError::OutOfRange { .. })
    ));
}

#[test]
fn q24_a_clock_that_goes_back_deletes_nothing_early_and_never_the_active_segment() {
    let mut options = options();
    options.retention_bytes = u64::MAX;
    options.retention_age = Duration::from_secs(100);
    let bench = Bench::new(options);
    let queue = bench.open();
    fill(&queue, 20);
    bench.now_s.fetch_sub(500_000, Ordering::SeqCst);
    fill(&queue, 20);
    take_all(&queue);
    assert_eq!(queue.enforce_retention(bench.now()).unwrap(), 0);
    let logs = bench.logs().len();
    drop(queue);
    let queue = bench.open();
    bench.now_s.fetch_add(500_050, Ordering::SeqCst);
    assert_eq!(
        queue.enforce_retention(bench.now()).unwrap(),
        0,
        "50 s after the last was sealed"
    );
    assert_eq!(bench.logs().len(), logs);
    bench.now_s.fetch_add(51, Ordering::SeqCst);
    assert!(queue.enforce_retention(bench.now()).unwrap() > 0);
    assert_eq!(bench.logs().len(), 1);
}

#[test]
fn an_end_is_forgotten_only_after_its_time_and_after_its_bytes() {
    let mut options = options();
    options.generation_ttl = Duration::from_secs(1000);
    let bench = Bench::new(options);
    let queue = bench.open();
    append(&queue, piece(1, 0, 40));
    fill(&queue, 20);
    bench.now_s.fetch_add(500, Ordering::SeqCst);
    take_all(&queue);
    queue.enforce_retention(bench.now()).unwrap();
    assert_eq!(
        queue.generation_end(TOPIC, generation(1)),
        Some(40),
        "its time is not over"
    );
    append(&queue, piece(2, 0, 40));
    bench.now_s.fetch_add(2000, Ordering::SeqCst);
    fill(&queue, 20);
    assert_eq!(queue.enforce_retention(bench.now()).unwrap(), 0);
    assert_eq!(
        queue.generation_end(TOPIC, generation(2)),
        Some(40),
        "its bytes are still there"
    );
    take_all(&queue);
    queue.enforce_retention(bench.now()).unwrap();
    assert_eq!(queue.generation_end(TOPIC, generation(1)), None);
    assert_eq!(queue.generation_end(TOPIC, generation(2)), None);
}
