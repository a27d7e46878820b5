//! What was erased is in no file, and nothing else is another than before.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use timberline_proto::batch::{BatchBuilder, BatchMeta, LogBatch, NewRecord};

use super::support::*;
use crate::disk::memory::Faults;
use crate::{Append, Appended, EraseError, Erased, Queue, QueueError};

/// Each tenth line names somebody.
const CANARY: &str = "canary-7d1f";

/// Ten lines of a generation, from its `n`-th ten on; the last one names somebody.
fn ten(n: u64) -> Append {
    let start = n * 200;
    let meta = BatchMeta {
        generation: Some(generation(1)),
        range: (start, start + 200),
        eol_bytes: 1,
        ..BatchMeta::default()
    };
    let mut builder = BatchBuilder::new();
    for i in 0..10 {
        let line = match i {
            9 => format!("{CANARY} {n:07}"),
            _ => format!("line {i} of ten {n:05}"),
        };
        assert_eq!(line.len(), 19);
        builder.push(&NewRecord {
            line: line.as_bytes(),
            time_nanos: (n * 10 + i) as i64 * 1_000_001,
            time_parsed: true,
            place: Some((start + i * 20, 20)),
            ..NewRecord::default()
        });
    }
    // Not packed, so that a file can be searched: these lines do not get smaller enough.
    Append {
        batch: builder.finish(&meta, 1),
        origin: Some((generation(1), start, start + 200)),
        key: Bytes::copy_from_slice(&[1; 16]),
    }
}

fn named(tens: u64) -> BTreeSet<u64> {
    (0..tens).map(|n| n * 10 + 9).collect()
}

/// Whether a file of the disk holds it, packed or not.
fn is_held(bench: &Bench) -> bool {
    let in_bytes = |bytes: &[u8]| bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
    bench.disk.files().iter().any(|path| {
        let bytes = bench.disk.bytes_of(path).unwrap();
        let mut at = 0;
        let mut found = in_bytes(&bytes);
        // Wherever a frame of zstd begins.
        while let Some(next) = bytes
            .get(at..)
            .and_then(|rest| rest.windows(4).position(|window| window == [0x28, 0xb5, 0x2f, 0xfd]))
        {
            at += next;
            let mut unpacked = Vec::new();
            let mut reader = zstd::Decoder::new(&bytes[at..]).unwrap().single_frame();
            if std::io::Read::read_to_end(&mut reader, &mut unpacked).is_ok() {
                found |= in_bytes(&unpacked);
            }
            at += 4;
        }
        found
    })
}

/// Offset, place, time, line of each record; no line of one that was erased.
type Seen = Vec<(u64, Option<(u64, u32)>, i64, Option<Vec<u8>>)>;

fn seen(queue: &Queue) -> Seen {
    let mut all = Vec::new();
    let start = queue.partitions()[0].start_offset;
    for (_, batch) in read_from(queue, start) {
        let batch = LogBatch::parse(&batch, UNPACKED_MAX).unwrap();
        all.extend(batch.records().map(|record| {
            let line = (!record.erased).then(|| record.line.to_vec());
            (record.offset, record.place, record.time_nanos, line)
        }));
    }
    all
}

fn without(before: &Seen, gone: &BTreeSet<u64>) -> Seen {
    let mut after = before.clone();
    for record in &mut after {
        if gone.contains(&record.0) {
            record.3 = None;
        }
    }
    after
}

fn erase(queue: &Queue, gone: &BTreeSet<u64>) -> Result<Erased, EraseError> {
    let incarnation = queue.partitions()[0].incarnation;
    queue.erase(TOPIC, 0, incarnation, gone)
}

#[test]
fn what_is_erased_is_in_no_file_and_all_else_is_as_it_was() {
    let bench = Bench::new(options());
    let queue = bench.open();
    for n in 0..20 {
        append(&queue, ten(n));
    }
    let before = seen(&queue);
    assert!(is_held(&bench) && queue.segments(TOPIC, 0).len() > 3);
    let gone = named(20);
    // Somebody read up to here, and goes on behind the erasure.
    let on = queue.read(TOPIC, 0, 100, 1).unwrap().next_offset;
    let erased = erase(&queue, &gone).unwrap();
    assert_eq!((erased.records, erased.already, erased.missing), (20, 0, 0));
    let next = queue.read(TOPIC, 0, on, 1).unwrap();
    let next = LogBatch::parse(&next.batches[0], UNPACKED_MAX).unwrap();
    assert_eq!((on, next.header.base_offset), (110, 110));
    assert!(!is_held(&bench));
    assert_eq!(seen(&queue), without(&before, &gone));
    // From each offset on, by index and by hints.
    for offset in (0..200).rev() {
        let fetched = queue.read(TOPIC, 0, offset, 1).unwrap();
        let batch = LogBatch::parse(&fetched.batches[0], UNPACKED_MAX).unwrap();
        assert_eq!(batch.records().next().unwrap().offset, offset / 10 * 10);
    }
    assert_eq!(queue.partitions()[0].damaged_batches, 0);
    // The same bytes again are still a duplicate, and the next ones follow.
    let again = queue.append(TOPIC, ten(7)).unwrap();
    assert!(matches!(again, Appended::Duplicate { end: 4000 }), "{again:?}");
    assert_eq!(append(&queue, ten(20)), 200);
    let twice = erase(&queue, &gone).unwrap();
    assert_eq!((twice.records, twice.already, twice.segments), (0, 20, 0));
    queue.close().unwrap();
    drop(queue);
    let queue = bench.open();
    let again = queue.append(TOPIC, ten(3)).unwrap();
    assert!(matches!(again, Appended::Duplicate { end: 4200 }), "{again:?}");
    assert_eq!(seen(&queue)[..200], without(&before, &gone)[..]);
    let used: u64 = queue.segments(TOPIC, 0).iter().map(|segment| segment.bytes).sum();
    assert_eq!(queue.bytes(), used);
}

#[test]
fn offsets_that_are_not_held_are_counted_and_another_incarnation_is_refused() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, ten(0));
    let gone = BTreeSet::from([3, 10, 77]);
    let erased = erase(&queue, &gone).unwrap();
    assert_eq!((erased.records, erased.missing), (1, 2));
    let other = timberline_proto::id::IncarnationId([9; 16]);
    let refused = queue.erase(TOPIC, 0, other, &gone);
    assert!(matches!(
        refused,
        Err(EraseError::Queue(QueueError::OtherIncarnation { .. }))
    ));
    let nowhere = queue.erase("none", 0, other, &gone);
    assert!(matches!(
        nowhere,
        Err(EraseError::Queue(QueueError::NoPartition { .. }))
    ));
}

#[test]
fn a_record_of_another_programs_batch_loses_key_and_headers_too() {
    let bench = Bench::new(options());
    let queue = bench.open();
    for n in 0..3 {
        append(&queue, anonymous(format!("{CANARY} {n}").as_bytes()));
    }
    assert_eq!(erase(&queue, &BTreeSet::from([0, 2])).unwrap().records, 2);
    let lines: Vec<_> = seen(&queue).into_iter().map(|record| record.3).collect();
    assert_eq!(lines, [None, Some(format!("{CANARY} 1").into_bytes()), None]);
}

#[test]
fn erasing_waits_for_whoever_copies_the_files() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, ten(0));
    let held = queue.hold_deletions();
    assert!(matches!(erase(&queue, &named(1)), Err(EraseError::Held)));
    drop(held);
    assert_eq!(erase(&queue, &named(1)).unwrap().records, 1);
}

#[test]
fn bytes_of_a_damaged_place_that_may_hold_it_become_zero() {
    let bench = Bench::new(options());
    let queue = bench.open();
    for n in 0..20 {
        append(&queue, ten(n));
    }
    queue.close().unwrap();
    drop(queue);
    let first = bench.logs().into_iter().min().unwrap();
    // The second batch's CRC.
    let length = ten(0).batch.len();
    bench.disk.edit(&first, |bytes| bytes[192 + length + 18] ^= 1);
    let queue = bench.open();
    let erased = erase(&queue, &named(20)).unwrap();
    assert_eq!((erased.records, erased.missing), (19, 1));
    assert!(!is_held(&bench));
    assert_eq!(seen(&queue).len(), 190);
}

#[test]
fn q09_a_process_that_dies_in_any_step_of_an_erasure_leaves_nothing_of_it_behind_the_next() {
    for power_goes in [false, true] {
        let mut step = 0;
        loop {
            step += 1;
            let bench = Bench::new(options());
            let queue = bench.open();
            for n in 0..8 {
                append(&queue, ten(n));
            }
            let before = seen(&queue);
            let gone = named(8);
            bench.disk.set_faults(Faults {
                steps: Some(step),
                ..Faults::default()
            });
            let whole = erase(&queue, &gone).is_ok() && bench.disk.steps_left() > Some(0);
            match power_goes {
                true => bench.disk.cut_power(step),
                false => bench.disk.kill(),
            }
            drop(queue);
            let queue = bench.open();
            let some = seen(&queue);
            for (was, is) in before.iter().zip(&some) {
                let is_erased = gone.contains(&is.0) && is.3.is_none();
                assert!(was == is || is_erased && was.0 == is.0 && was.1 == is.1, "{is:?}");
            }
            assert_eq!(some.len(), before.len());
            if whole {
                assert_eq!(some, without(&before, &gone), "durable on return");
            }
            erase(&queue, &gone).unwrap();
            assert_eq!(seen(&queue), without(&before, &gone));
            assert!(!is_held(&bench));
            if whole {
                break;
            }
        }
        assert!(step > 8, "only {step} steps");
    }
}

#[test]
fn an_erasure_that_finds_all_done_by_one_that_broke_off_is_as_durable() {
    for (seed, process_dies) in (0..8).flat_map(|seed| [(seed, true), (seed, false)]) {
        let mut step = 0;
        loop {
            step += 1;
            let bench = Bench::new(options());
            let mut queue = bench.open();
            for n in 0..4 {
                append(&queue, ten(n));
            }
            let before = seen(&queue);
            let gone = named(4);
            bench.disk.set_faults(Faults {
                steps: Some(step),
                ..Faults::default()
            });
            let whole = erase(&queue, &gone).is_ok() && bench.disk.steps_left() > Some(0);
            if process_dies {
                bench.disk.kill();
                drop(queue);
                queue = bench.open();
            }
            bench.disk.set_faults(Faults::default());
            // A disk that failed stops the partition where a segment is sealed; then nothing is promised.
            let promised = erase(&queue, &gone).is_ok();
            assert!(promised || !process_dies);
            bench.disk.cut_power(seed);
            drop(queue);
            let queue = bench.open();
            if promised {
                let is_as_promised = seen(&queue) == without(&before, &gone) && !is_held(&bench);
                assert!(
                    is_as_promised,
                    "step {step}, seed {seed}, the process dies: {process_dies}"
                );
            }
            if whole {
                break;
            }
        }
        assert!(step > 8, "only {step} steps");
    }
}

#[test]
fn readers_producers_and_retention_go_on_while_it_is_erased() {
    let bench = Arc::new(Bench::new(options()));
    let queue = bench.open();
    let done = Arc::new(AtomicBool::new(false));
    let reading = std::thread::spawn({
        let (queue, done) = (queue.clone(), Arc::clone(&done));
        move || {
            let mut passes = 0;
            while !done.load(Ordering::SeqCst) || passes == 0 {
                let Some(info) = queue.partitions().pop() else { continue };
                let mut offset = info.start_offset;
                while let Ok(fetched) = queue.read(TOPIC, 0, offset, 900) {
                    for batch in &fetched.batches {
                        let batch = LogBatch::parse(batch, UNPACKED_MAX).unwrap();
                        for record in batch.records() {
                            assert!(record.erased || record.line.len() == 19, "{record:?}");
                        }
                    }
                    if fetched.next_offset == fetched.end_offset {
                        break;
                    }
                    offset = fetched.next_offset;
                }
                passes += 1;
            }
        }
    });
    for n in 0..150 {
        append(&queue, ten(n));
        if n % 5 == 4 {
            erase(&queue, &named(n + 1)).unwrap();
        }
        if n % 20 == 19 {
            let info = queue.partitions().pop().unwrap();
            queue
                .commit("store", TOPIC, 0, info.incarnation, info.end_offset - 50)
                .unwrap();
            queue.enforce_retention(bench.now()).unwrap();
        }
    }
    done.store(true, Ordering::SeqCst);
    reading.join().unwrap();
    assert!(!is_held(&bench));
    assert_eq!(queue.partitions()[0].damaged_batches, 0);
    let used: u64 = queue.segments(TOPIC, 0).iter().map(|segment| segment.bytes).sum();
    assert_eq!(queue.bytes(), used);
}
