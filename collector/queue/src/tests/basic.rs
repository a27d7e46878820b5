//! What a queue does when nothing goes wrong.

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::support::*;
use crate::{AppendError, Appended, Queue, QueueError};

#[test]
fn what_is_appended_is_read_in_order_across_segments_and_restarts() {
    let bench = Bench::new(options());
    let sent: Vec<_> = (0..50).map(|i| bulky(100 + i * 7, i as u64)).collect();
    let queue = bench.open();
    for (i, one) in sent.iter().enumerate() {
        assert_eq!(append(&queue, one.clone()), i as u64);
    }
    let check = |queue: &Queue| {
        let read = read_from(queue, 0);
        assert_eq!(read.len(), sent.len());
        assert!(
            read.iter()
                .zip(&sent)
                .all(|((_, read), sent)| same_but_offset(read, &sent.batch))
        );
        assert!(bench.logs().len() > 3);
        for from in 0..50 {
            assert_eq!(read_from(queue, from)[0].0, from);
        }
    };
    check(&queue);
    drop(queue);
    check(&bench.open());
}

#[test]
fn a_duplicate_a_gap_and_an_overlap_are_told_apart_also_after_a_restart() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, piece(1, 100, 140)); // a first batch may start anywhere
    let check = |queue: &Queue| {
        let answer = |start, end| queue.append(TOPIC, piece(1, start, end)).unwrap();
        assert_eq!(queue.generation_end(TOPIC, generation(1)), Some(140));
        assert_eq!(answer(100, 140), Appended::Duplicate { end: 140 });
        assert_eq!(answer(0, 8), Appended::Duplicate { end: 140 });
        assert_eq!(answer(144, 148), Appended::Refused { end: 140 });
        assert_eq!(answer(136, 148), Appended::Refused { end: 140 });
        assert_eq!(held(queue).len(), 1);
    };
    check(&queue);
    queue.close().unwrap();
    drop(queue);
    let queue = bench.open();
    assert!(queue.was_clean());
    check(&queue);
    bench.disk.kill();
    drop(queue);
    let queue = bench.open();
    check(&queue);
    append(&queue, piece(1, 140, 144));
    assert_eq!(queue.generation_end(TOPIC, generation(1)), Some(144));
    assert_eq!(queue.generation_end(TOPIC, generation(2)), None);
}

#[test]
fn batches_in_flight_follow_each_other_and_keep_their_order() {
    let bench = Bench::new(options());
    let queue = bench.open();
    let (sender, receiver) = mpsc::channel();
    for i in 0..40 {
        let sender = Mutex::new(sender.clone());
        let done = move |answer| sender.lock().unwrap().send((i, answer)).unwrap();
        queue.append_then(TOPIC, piece(1, i * 8, i * 8 + 8), Box::new(done));
    }
    for i in 0..40 {
        let (which, answer) = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!((which, base_of(&answer)), (i, i * 2));
    }
}

#[test]
fn many_threads_share_the_queue_and_every_answer_is_its_own() {
    let mut options = options();
    options.commit_interval = Duration::from_millis(2);
    let bench = Bench::new(options);
    let queue = bench.open();
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let queue = &queue;
            scope.spawn(move || {
                for i in 0..20 {
                    let sent = bulky(50, thread * 1000 + i);
                    let base = append(queue, sent.clone());
                    let read = queue.read(TOPIC, 0, base, 1).unwrap();
                    assert!(same_but_offset(&read.batches[0], &sent.batch));
                }
            });
        }
    });
    assert_eq!(queue.partitions()[0].end_offset, 160);
}

#[test]
fn a_reader_waits_for_what_is_durable() {
    let bench = Bench::new(options());
    let queue = bench.open();
    let waiter = std::thread::spawn({
        let queue = queue.clone();
        move || {
            queue.wait(TOPIC, 0, 0, Duration::from_secs(20)); // the topic is not there yet
            queue.partitions()[0].end_offset
        }
    });
    append(&queue, anonymous(b"first"));
    assert!(waiter.join().unwrap() > 0);
    let waiter = std::thread::spawn({
        let queue = queue.clone();
        move || {
            queue.wait(TOPIC, 0, 1, Duration::from_secs(20));
            queue.partitions()[0].end_offset
        }
    });
    append(&queue, anonymous(b"second"));
    assert_eq!(waiter.join().unwrap(), 2);
    let start = Instant::now();
    queue.wait(TOPIC, 0, 2, Duration::from_millis(20));
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn names_that_could_leave_the_directory_are_rejected() {
    let bench = Bench::new(options());
    let queue = bench.open();
    for name in ["", ".", "..", "a/b", "../x", "ä", "a b", &"x".repeat(128)] {
        let answer = queue.append(name, anonymous(b"x"));
        assert!(matches!(answer, Err(AppendError::Rejected(_))), "{name}: {answer:?}");
        assert!(matches!(queue.read(name, 0, 0, 1), Err(QueueError::NoPartition { .. })));
    }
    assert!(queue.append(&"x".repeat(127), anonymous(b"x")).is_ok());
}

#[test]
fn bytes_that_are_no_batch_are_rejected_and_the_next_one_is_taken() {
    let bench = Bench::new(options());
    let queue = bench.open();
    let mut damaged = anonymous(b"x");
    let mut bytes = damaged.batch.to_vec();
    bytes[70] ^= 1;
    damaged.batch = bytes.into();
    assert!(matches!(queue.append(TOPIC, damaged), Err(AppendError::Rejected(_))));
    assert_eq!(append(&queue, anonymous(b"x")), 0);
}

#[test]
fn positions_move_forward_only_and_survive() {
    let bench = Bench::new(options());
    let queue = bench.open();
    (0..5).for_each(|i| {
        append(&queue, bulky(10, i));
    });
    let incarnation = queue.partitions()[0].incarnation;
    let commit = |queue: &Queue, offset| queue.commit("store", TOPIC, 0, incarnation, offset);
    assert_eq!(queue.position("store", TOPIC, 0), None);
    commit(&queue, 3).unwrap();
    commit(&queue, 2).unwrap();
    assert!(matches!(commit(&queue, 6), Err(QueueError::OutOfRange { end: 5, .. })));
    bench.disk.cut_power(1);
    drop(queue);
    let queue = bench.open();
    assert_eq!(queue.position("store", TOPIC, 0), Some(3));
}

#[test]
fn it_works_on_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path: &Path = &dir.path().join("queue");
    let queue = Queue::open(path, options()).unwrap();
    (0..30).for_each(|i| {
        append(&queue, bulky(200, i));
    });
    let refused = Queue::open(path, options());
    assert!(
        matches!(&refused, Err(QueueError::Locked { holder, .. }) if holder.contains("pid")),
        "{refused:?}"
    );
    drop(queue);
    let queue = Queue::open(path, options()).unwrap();
    assert!(!queue.was_clean());
    assert_eq!(read_from(&queue, 0).len(), 30);
    queue.close().unwrap();
    drop(queue);
    assert!(Queue::open(path, options()).unwrap().was_clean());
}
