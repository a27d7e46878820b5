//! A disk that fails while the queue runs.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use super::support::*;
use crate::disk::memory::Faults;
use crate::{AppendError, Appended, QueueError};

#[test]
fn q06_a_failed_fsync_stops_the_partition_until_a_restart() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, piece(1, 0, 40));
    bench.disk.set_faults(Faults {
        sync_of: Some(".log"),
        ..Faults::default()
    });
    assert!(matches!(
        queue.append(TOPIC, piece(1, 40, 80)),
        Err(AppendError::Failed(_))
    ));
    bench.disk.set_faults(Faults::default());
    assert!(
        matches!(queue.append(TOPIC, piece(1, 40, 80)), Err(AppendError::Failed(_))),
        "no second try"
    );
    assert!(queue.partitions()[0].failed.is_some());
    assert_eq!(held(&queue).len(), 1, "readers see only what is durable");
    assert!(queue.close().is_err());
    drop(queue);
    let queue = bench.open();
    assert!(!queue.was_clean());
    let end = queue.generation_end(TOPIC, generation(1)).unwrap();
    let answer = queue.append(TOPIC, piece(1, 40, 80)).unwrap();
    assert!(end == 80 && answer == Appended::Duplicate { end } || end == 40 && matches!(answer, Appended::At { .. }));
    assert_eq!(held(&queue).len(), 2);
}

#[test]
fn q06_a_failed_write_stops_the_partition() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, piece(1, 0, 40));
    bench.disk.set_faults(Faults {
        write_of: Some(".log"),
        ..Faults::default()
    });
    assert!(matches!(
        queue.append(TOPIC, piece(1, 40, 80)),
        Err(AppendError::Failed(_))
    ));
    assert!(queue.partitions()[0].failed.is_some());
}

#[test]
fn q07_a_full_disk_refuses_leaves_nothing_behind_and_recovers_by_itself() {
    for space in 0..400 {
        let bench = Bench::new(options());
        let queue = bench.open();
        append(&queue, piece(1, 0, 40));
        let log = bench.logs()[0].clone();
        let before = bench.disk.bytes_of(&log).unwrap();
        bench.disk.set_faults(Faults {
            space_bytes: Some(space),
            ..Faults::default()
        });
        match queue.append(TOPIC, piece(1, 40, 80)) {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, AppendError::Full(_)), "{error}"),
        }
        assert_eq!(bench.disk.bytes_of(&log).unwrap(), before);
        assert_eq!(
            queue.append(TOPIC, piece(1, 0, 40)).unwrap(),
            Appended::Duplicate { end: 40 }
        );
        assert_eq!(held(&queue).len(), 1);
        bench.disk.set_faults(Faults::default());
        assert_eq!(append(&queue, piece(1, 40, 80)), 10);
        assert_eq!(queue.bytes(), bench.disk.bytes_of(&log).unwrap().len() as u64);
    }
}

#[test]
fn q07_no_space_for_a_segment_or_a_position_is_retryable_and_readers_read_on() {
    let mut options = options();
    options.segment_bytes_max = 1000;
    let bench = Bench::new(options);
    let queue = bench.open();
    (0..3).for_each(|i| {
        append(&queue, bulky(100, i));
    });
    let incarnation = queue.partitions()[0].incarnation;
    bench.disk.set_faults(Faults {
        space_bytes: Some(100),
        ..Faults::default()
    });
    assert!(matches!(queue.append(TOPIC, bulky(400, 1)), Err(AppendError::Full(_))));
    bench.disk.set_faults(Faults {
        space_bytes: Some(0),
        ..Faults::default()
    });
    let error = queue.commit("store", TOPIC, 0, incarnation, 2);
    assert!(matches!(error, Err(QueueError::Io { .. })));
    assert_eq!(queue.position("store", TOPIC, 0), None);
    assert_eq!(read_from(&queue, 0).len(), 3);
    bench.disk.set_faults(Faults::default());
    assert_eq!(append(&queue, bulky(100, 1)), 3);
    queue.commit("store", TOPIC, 0, incarnation, 2).unwrap();
}

#[test]
fn q07_a_segment_that_found_no_space_does_not_come_back_after_a_power_cut_over_what_was_acked_since() {
    for seed in 0..400 {
        let bench = Bench::new(options());
        let queue = bench.open();
        append(&queue, bulky(900, 0));
        bench.disk.set_faults(Faults {
            space_bytes: Some(1 + seed % 100), // less than a header takes
            ..Faults::default()
        });
        let answer = queue.append(TOPIC, bulky(1100, 1));
        assert!(matches!(answer, Err(AppendError::Full(_))), "{answer:?}");
        bench.disk.set_faults(Faults::default());
        // It fits into the segment before.
        append(&queue, piece(1, 0, 4));
        // Power goes amid the making of the next one.
        bench.disk.set_faults(Faults {
            sync_of: Some(".log"),
            ..Faults::default()
        });
        let answer = queue.append(TOPIC, bulky(1100, 2));
        assert!(matches!(answer, Err(AppendError::Failed(_))), "{answer:?}");
        bench.disk.cut_power(seed);
        drop(queue);
        let queue = bench.open();
        assert_eq!(held(&queue).len(), 2, "seed {seed}");
        assert_eq!(queue.generation_end(TOPIC, generation(1)), Some(4));
        assert!(append(&queue, bulky(100, 3)) >= 2);
    }
}

/// The gap that pipelining could close: the first batch of a generation fails, the next is in flight.
#[test]
fn a_later_batch_never_closes_the_gap_over_a_first_one_that_failed() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, piece(2, 0, 4));
    bench.disk.set_faults(Faults {
        space_bytes: Some(0),
        ..Faults::default()
    });
    assert!(matches!(
        queue.append(TOPIC, piece(1, 0, 40)),
        Err(AppendError::Full(_))
    ));
    bench.disk.set_faults(Faults::default());
    assert_eq!(
        queue.append(TOPIC, piece(1, 40, 80)).unwrap(),
        Appended::Refused { end: 0 }
    );
    append(&queue, piece(1, 0, 40));
    append(&queue, piece(1, 40, 80));
}

#[test]
fn a_failed_group_is_refused_whole_and_in_order() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, piece(1, 0, 8));
    bench.disk.set_faults(Faults {
        space_bytes: Some(0),
        ..Faults::default()
    });
    let (sender, receiver) = mpsc::channel();
    for i in 1..20 {
        let sender = Mutex::new(sender.clone());
        let done = move |answer| sender.lock().unwrap().send(answer).unwrap();
        queue.append_then(TOPIC, piece(1, i * 8, i * 8 + 8), Box::new(done));
    }
    for _ in 1..20 {
        let answer = receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(
            matches!(answer, Err(AppendError::Full(_)) | Ok(Appended::Refused { end: 8 })),
            "{answer:?}"
        );
    }
    bench.disk.set_faults(Faults::default());
    append(&queue, piece(1, 8, 16));
}

#[test]
fn q11_a_batch_larger_than_a_segment_is_rejected_alone_and_one_that_just_fits_rolls() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, bulky(10, 1));
    assert!(matches!(
        queue.append(TOPIC, bulky(3000, 1)),
        Err(AppendError::Rejected(_))
    ));
    let overhead = bulky(1000, 2).batch.len() - 1000;
    let exact = bulky(2048 - 192 - overhead, 3);
    assert_eq!(exact.batch.len(), 2048 - 192);
    assert_eq!(append(&queue, exact), 1);
    assert_eq!(bench.logs().len(), 2);
    assert_eq!(append(&queue, bulky(10, 4)), 2);
    assert_eq!(bench.logs().len(), 3);
    assert_eq!(read_from(&queue, 0).len(), 3);
}

#[test]
fn q20_bytes_are_counted_from_the_files_at_each_start() {
    let bench = Bench::new(options());
    let on_disk = || {
        bench
            .logs()
            .iter()
            .map(|path| bench.disk.bytes_of(path).unwrap().len() as u64)
            .sum::<u64>()
    };
    for round in 0..3 {
        let queue = bench.open();
        assert_eq!(queue.bytes(), if round == 0 { 0 } else { on_disk() });
        (0..20).for_each(|i| {
            append(&queue, bulky(120, i));
        });
        assert_eq!(queue.bytes(), on_disk());
        assert_eq!(queue.partitions()[0].bytes, on_disk());
    }
}

#[test]
fn q21_a_second_process_is_refused() {
    let bench = Bench::new(options());
    let queue = bench.open();
    assert!(matches!(bench.try_open(), Err(QueueError::Locked { .. })));
    drop(queue);
    assert!(bench.try_open().is_ok());
}

#[test]
fn a_closed_queue_takes_nothing_more_and_a_last_clone_in_a_callback_does_no_harm() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, bulky(10, 1));
    queue.close().unwrap();
    assert!(matches!(queue.append(TOPIC, bulky(10, 1)), Err(AppendError::Failed(_))));
    assert!(matches!(
        queue.append("other", bulky(10, 1)),
        Err(AppendError::Failed(_))
    ));
    drop(queue);
    let queue = bench.open();
    let (sender, receiver) = mpsc::sync_channel(1);
    let clone = queue.clone();
    let done = move |answer: Result<Appended, AppendError>| {
        drop(clone);
        sender.send(answer.is_ok()).unwrap();
    };
    queue.append_then(TOPIC, bulky(10, 1), Box::new(done));
    drop(queue);
    assert!(receiver.recv_timeout(Duration::from_secs(10)).unwrap());
}
