//! The process dies in each change of the disk in turn: every named point of a crash lies between
//! two of them.

use super::support::*;
use crate::disk::memory::Faults;
use crate::{Appended, Queue, QueueOptions};

/// What was answered.
#[derive(Default)]
struct Answered {
    /// Base offset, generation's first byte, range.
    batches: Vec<(u64, u8, (u64, u64))>,
    taken: u64,
}

fn small() -> QueueOptions {
    QueueOptions {
        segment_bytes_max: 1100,
        ..options()
    }
}

fn dies_after(steps: u64) -> Faults {
    Faults {
        steps: Some(steps),
        ..Faults::default()
    }
}

/// Appends, rolls, commits positions, deletes, closes. False where the process died.
fn work(bench: &Bench, queue: &Queue, answered: &mut Answered) -> bool {
    for round in 0..6u64 {
        let start = queue.generation_end(TOPIC, generation(1)).unwrap_or(0);
        match queue.append(TOPIC, piece(1, start, start + 40)) {
            Ok(Appended::At { base_offset, .. }) => answered.batches.push((base_offset, 1, (start, start + 40))),
            Ok(other) => panic!("{other:?} for the next piece"),
            Err(_) => return false,
        }
        match queue.append(TOPIC, bulky(260, round)) {
            Ok(answer) => answered.batches.push((base_of(&Ok(answer)), 0, (0, 0))),
            Err(_) => return false,
        }
        if round % 2 == 1 {
            let info = queue.partitions().pop().expect("appended to above");
            let taken = answered.batches.last().expect("pushed above").0;
            if queue.commit("store", TOPIC, 0, info.incarnation, taken).is_err() {
                return false;
            }
            answered.taken = taken;
            if queue.enforce_retention(bench.now()).is_err() {
                return false;
            }
        }
    }
    queue.close().is_ok()
}

/// All that was answered and not taken is there once, in order; what was under way may be.
fn check(queue: &Queue, answered: &Answered) {
    let Some(info) = queue.partitions().pop() else {
        return assert!(answered.batches.is_empty());
    };
    assert!(queue.position("store", TOPIC, 0).unwrap_or(0) >= answered.taken);
    let held = held(queue);
    let expected: Vec<_> = answered
        .batches
        .iter()
        .filter(|batch| batch.0 >= info.start_offset)
        .collect();
    let found: Vec<_> = held.iter().filter(|batch| expected.contains(batch)).collect();
    assert_eq!(found, expected, "answered and not there, or twice");
    let pieces: Vec<(u64, u64)> = held.iter().filter(|batch| batch.1 == 1).map(|batch| batch.2).collect();
    assert!(pieces.windows(2).all(|two| two[0].1 == two[1].0), "{pieces:?}");
    let end = answered
        .batches
        .iter()
        .filter(|batch| batch.1 == 1)
        .map(|batch| batch.2.1)
        .max();
    assert!(queue.generation_end(TOPIC, generation(1)) >= end);
}

/// Opened with nothing that goes wrong: all is as [`check`] says, and no index is left without its segment.
fn check_files(bench: &Bench, answered: &Answered) {
    let queue = bench.open();
    check(&queue, answered);
    let logs = bench.logs();
    for file in bench.disk.files() {
        let is_index = file.extension().is_some_and(|end| end == "index");
        assert!(
            !is_index || logs.contains(&file.with_extension("log")),
            "{}",
            file.display()
        );
    }
}

fn die(bench: &Bench, power_goes: bool, seed: u64) {
    if power_goes {
        bench.disk.cut_power(seed);
    } else {
        bench.disk.kill();
    }
}

#[test]
fn q09_a_process_that_dies_in_any_step_and_twice_in_it_loses_and_doubles_nothing() {
    for power_goes in [false, true] {
        let mut step = 0;
        loop {
            step += 1;
            let bench = Bench::new(small());
            let mut answered = Answered::default();
            let mut whole = false;
            for life in 0..2 {
                let queue = bench.open();
                bench.disk.set_faults(dies_after(step));
                whole = work(&bench, &queue, &mut answered);
                die(&bench, power_goes, step * 2 + life);
                drop(queue);
                check_files(&bench, &answered);
                bench.disk.kill();
            }
            if whole {
                break;
            }
        }
        assert!(step > 60, "only {step} steps");
    }
}

#[test]
fn q09_a_process_that_dies_in_any_step_of_its_start_starts_the_next_time() {
    for power_goes in [false, true] {
        let mut step = 0;
        loop {
            step += 1;
            let bench = Bench::new(small());
            let mut answered = Answered::default();
            let queue = bench.open();
            bench.disk.set_faults(dies_after(100));
            assert!(!work(&bench, &queue, &mut answered));
            die(&bench, power_goes, 7);
            drop(queue);
            let mut started = false;
            for life in 0..2 {
                bench.disk.set_faults(dies_after(step));
                let queue = bench.try_open();
                started = queue.is_ok() && bench.disk.steps_left() > Some(0);
                die(&bench, power_goes, step * 2 + life);
                drop(queue);
            }
            let queue = bench.open();
            check(&queue, &answered);
            assert!(work(&bench, &queue, &mut answered));
            check(&queue, &answered);
            if started {
                break;
            }
        }
        assert!(step > 2, "only {step} steps");
    }
}
