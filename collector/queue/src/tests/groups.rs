//! Pressure, groups and starts: what Kafka's own tests name, as far as it is offered here.

use super::support::*;
use crate::{Appended, QueueError};

#[test]
fn q08_above_the_high_water_mark_senders_are_slowed_and_told_before_any_is_refused() {
    let mut options = options();
    options.bytes_max = 20_000;
    let bench = Bench::new(options);
    let queue = bench.open();
    let mut slowed = 0;
    while queue.append(TOPIC, bulky(150, slowed)).is_ok() {
        let said = queue.pressure();
        assert_eq!(said.is_some(), queue.bytes() > 18_000, "{} {said:?}", queue.bytes());
        slowed += u64::from(said.is_some());
    }
    assert!(slowed > 3, "{slowed}");
    let info = queue.partitions().remove(0);
    queue
        .commit("store", TOPIC, 0, info.incarnation, info.end_offset)
        .unwrap();
    queue.enforce_retention(bench.now()).unwrap();
    assert_eq!(queue.pressure(), None);
}

/// Groups have one member here: there is no rebalance to fence, only a position that a member thought
/// dead may commit late.
#[test]
fn q14_a_position_committed_late_by_a_member_thought_dead_moves_nothing_back() {
    let bench = Bench::new(options());
    let queue = bench.open();
    for i in 0..10 {
        append(&queue, bulky(50, i));
    }
    let incarnation = queue.partitions()[0].incarnation;
    queue.commit("store", TOPIC, 0, incarnation, 8).unwrap();
    queue.commit("store", TOPIC, 0, incarnation, 3).unwrap();
    assert_eq!(queue.position("store", TOPIC, 0), Some(8));
    let beyond = queue.commit("store", TOPIC, 0, incarnation, 11);
    assert!(matches!(beyond, Err(QueueError::OutOfRange { .. })));
    drop(queue);
    assert_eq!(bench.open().position("store", TOPIC, 0), Some(8));
}

#[test]
fn q15_duplicates_are_known_after_restarts_and_without_the_file_that_says_so() {
    for harm in ["none", "killed", "damaged", "missing"] {
        let bench = Bench::new(options());
        let queue = bench.open();
        for i in 0..8 {
            append(&queue, piece(i, 0, 40));
            append(&queue, piece(i, 40, 80));
        }
        if harm != "killed" {
            queue.close().unwrap();
        }
        bench.disk.kill();
        drop(queue);
        let ends = bench.file("ends");
        match harm {
            "damaged" => bench.disk.edit(&ends, |bytes| bytes[20] ^= 1),
            "missing" => bench.disk.lose(&ends),
            _ => {}
        }
        let queue = bench.open();
        for i in 0..8 {
            let answer = queue.append(TOPIC, piece(i, 40, 80)).unwrap();
            assert_eq!(answer, Appended::Duplicate { end: 80 }, "{harm}");
        }
        assert_eq!(held(&queue).len(), 16, "{harm}");
    }
}

/// A topic is not deleted by the queue itself; its directory may be.
#[test]
fn q16_a_topic_made_again_under_its_name_refuses_the_positions_of_the_old_one() {
    let bench = Bench::new(options());
    let queue = bench.open();
    for i in 0..5 {
        append(&queue, bulky(50, i));
    }
    let old = queue.partitions()[0].incarnation;
    queue.commit("store", TOPIC, 0, old, 5).unwrap();
    queue.close().unwrap();
    drop(queue);
    bench.disk.lose(std::path::Path::new("/q/topics/logs"));
    let queue = bench.open();
    assert!(queue.partitions().is_empty());
    assert_eq!(append(&queue, bulky(50, 9)), 0);
    assert_eq!(queue.position("store", TOPIC, 0), None);
    let late = queue.commit("store", TOPIC, 0, old, 1);
    assert!(matches!(late, Err(QueueError::OtherIncarnation { .. })));
}

#[test]
fn q19_a_start_reads_little_of_a_large_backlog_after_a_clean_end_and_after_a_crash() {
    let mut options = options();
    options.segment_bytes_max = 32 << 10;
    options.bytes_max = 64 << 20;
    let bench = Bench::new(options);
    let queue = bench.open();
    for i in 0..1500 {
        append(&queue, bulky(1000, i));
    }
    let (bytes, segments) = (queue.bytes(), bench.logs().len() as u64);
    assert!(segments > 40);
    for clean in [false, true] {
        if clean {
            bench.open().close().unwrap();
        }
        bench.disk.kill();
        bench.disk.take_read_bytes();
        let queue = bench.open();
        let read = bench.disk.take_read_bytes();
        assert_eq!(queue.bytes(), bytes);
        assert_eq!(queue.partitions()[0].end_offset, 1500);
        // The last segment, and what is small of each other one.
        assert!(read < (128 << 10) + segments * 1024, "{read} bytes read of {bytes}");
        drop(queue);
    }
}

/// No timer is needed: nothing is answered before its fsync, so a quiet topic has nothing unsynced.
#[test]
fn q25_the_last_batch_of_a_topic_that_falls_quiet_survives_a_power_cut() {
    for seed in 0..40 {
        let bench = Bench::new(options());
        let queue = bench.open();
        append(&queue, piece(1, 0, 40));
        bench.disk.cut_power(seed);
        drop(queue);
        assert_eq!(held(&bench.open()), [(0, 1, (0, 40))]);
    }
}
