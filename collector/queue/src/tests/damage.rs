//! Torn tails, flipped bits, wrong indexes: what a start or a reader finds on disk.

use super::support::*;
use crate::segment::{index_name, log_name};
use crate::{Appended, QueueError};

/// Three batches synced, and a fourth cut short at every byte.
#[test]
fn q01_a_torn_tail_is_cut_to_the_last_whole_batch_at_every_byte_position() {
    let bench = Bench::new(options());
    let queue = bench.open();
    (0..3).for_each(|i| {
        append(&queue, piece(1, i * 40, i * 40 + 40));
    });
    drop(queue);
    let log = bench.logs()[0].clone();
    let whole = bench.disk.bytes_of(&log).unwrap();
    let mut fourth = piece(1, 120, 160).batch.to_vec();
    fourth[0..8].copy_from_slice(&30i64.to_be_bytes());
    for cut in 0..fourth.len() {
        bench
            .disk
            .edit(&log, |bytes| *bytes = [&whole[..], &fourth[..cut]].concat());
        let queue = bench.open();
        assert_eq!(queue.partitions()[0].end_offset, 30, "cut at {cut}");
        assert_eq!(queue.generation_end(TOPIC, generation(1)), Some(120));
        assert_eq!(held(&queue).len(), 3);
        bench.disk.kill();
        drop(queue);
        assert_eq!(bench.disk.bytes_of(&log).unwrap(), whole);
    }
    bench
        .disk
        .edit(&log, |bytes| *bytes = [&whole[..], &fourth[..]].concat());
    let queue = bench.open();
    assert_eq!(
        queue.append(TOPIC, piece(1, 120, 160)).unwrap(),
        Appended::Duplicate { end: 160 }
    );
}

#[test]
fn q02_a_bad_batch_below_the_recovery_point_is_damage_and_is_never_cut_off() {
    let bench = Bench::new(options());
    let queue = bench.open();
    (0..4).for_each(|i| {
        append(&queue, bulky(100, i));
    });
    bench.disk.kill();
    drop(queue);
    let log = bench.logs()[0].clone();
    let len = bench.disk.bytes_of(&log).unwrap().len();
    bench.disk.edit(&log, |bytes| bytes[len - 5] ^= 1); // in the last batch, which was acked
    let queue = bench.open();
    assert_eq!(bench.disk.bytes_of(&log).unwrap().len(), len);
    assert_eq!(queue.partitions()[0].end_offset, 4);
    assert_eq!(read_from(&queue, 0).len(), 3);
    assert_eq!(append(&queue, bulky(100, 9)), 4);
}

#[test]
fn q02_q09_acked_batches_survive_a_power_cut_whatever_unsynced_pages_are_lost() {
    for seed in 0..150 {
        let bench = Bench::new(options());
        let queue = bench.open();
        let mut acked = 0;
        (0..6 + seed % 20).for_each(|i| {
            append(&queue, piece(1, i * 80, i * 80 + 80));
            acked += 1;
        });
        // Written and never synced: part of it may be there afterwards.
        bench.disk.set_faults(crate::disk::memory::Faults {
            sync_of: Some(".log"),
            ..Default::default()
        });
        assert!(queue.append(TOPIC, piece(1, acked * 80, acked * 80 + 200)).is_err());
        bench.disk.cut_power(seed);
        drop(queue);
        let queue = bench.open();
        let held = held(&queue);
        assert!(held.len() as u64 >= acked, "seed {seed}: {} of {acked}", held.len());
        let whole = held
            .iter()
            .enumerate()
            .all(|(i, (base, _, (start, _)))| (*base, *start) == (i as u64 * 20, i as u64 * 80));
        assert!(whole, "seed {seed}: {held:?}");
        let end = queue.generation_end(TOPIC, generation(1)).unwrap();
        append(&queue, piece(1, end, end + 4));
    }
}

/// Many batches over several segments, closed cleanly.
fn sealed_bench() -> (Bench, u64) {
    let bench = Bench::new(options());
    let queue = bench.open();
    (0..40).for_each(|i| {
        append(&queue, bulky(150, i));
    });
    queue.close().unwrap();
    (bench, 40)
}

#[test]
fn q03_a_flipped_bit_in_a_sealed_segment_costs_exactly_that_batch_and_is_counted_once() {
    let (bench, total) = sealed_bench();
    let log = bench.logs()[1].clone();
    let len = bench.disk.bytes_of(&log).unwrap().len();
    for at in (192..len).step_by(23) {
        bench.disk.edit(&log, |bytes| bytes[at] ^= 0x10);
        let queue = bench.open();
        let read = read_from(&queue, 0);
        // The leader epoch is the one field that nothing covers, and nothing reads.
        let lost = total - read.len() as u64;
        assert!(lost <= 1, "byte {at}: {lost} lost");
        assert_eq!(read_from(&queue, 0).len(), read.len());
        for from in 0..total {
            let first = read_from(&queue, from)[0].0;
            assert!(first == from || first == from + 1);
        }
        assert_eq!(queue.partitions()[0].damaged_batches, lost, "byte {at}");
        queue.close().unwrap();
        drop(queue);
        bench.disk.edit(&log, |bytes| bytes[at] ^= 0x10);
    }
}

#[test]
fn q04_a_corrupt_length_is_bounded_and_the_next_batch_is_found() {
    for length in [
        [0xff; 4],
        [0x7f, 0xff, 0xff, 0xff],
        [0, 0, 0, 0],
        [0, 0, 0, 60],
        [0, 0, 4, 0],
    ] {
        let (bench, total) = sealed_bench();
        let log = bench.logs()[1].clone();
        bench.disk.edit(&log, |bytes| bytes[200..204].copy_from_slice(&length));
        let queue = bench.open();
        assert_eq!(read_from(&queue, 0).len() as u64, total - 1, "{length:?}");
        assert_eq!(queue.partitions()[0].damaged_batches, 1);
    }
}

#[test]
fn q05_a_wrong_index_changes_nothing_that_is_read() {
    let (bench, total) = sealed_bench();
    let base: u64 = bench.logs()[1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let path = bench.file(&index_name(base));
    let good = bench.disk.bytes_of(&path).unwrap();
    let other = bench.disk.bytes_of(&bench.file(&index_name(0))).unwrap();
    let mut flipped = good.clone();
    flipped[70] ^= 1;
    let longer = [&good[..], &[0; 16]].concat();
    let shorter = good[..good.len() - 16].to_vec();
    for bad in [vec![], flipped, longer, shorter, other] {
        bench.disk.edit(&path, |bytes| *bytes = bad);
        let queue = bench.open();
        for from in 0..total {
            assert_eq!(read_from(&queue, from)[0].0, from);
        }
        assert_eq!(queue.partitions()[0].damaged_batches, 0);
        drop(queue);
        assert_eq!(bench.disk.bytes_of(&path).unwrap()[..40], good[..40], "made again");
    }
}

#[test]
fn a_lost_segment_header_is_written_anew_and_a_half_made_segment_is_removed() {
    let (bench, total) = sealed_bench();
    let last = bench.logs().pop().unwrap();
    bench.disk.edit(&last, |bytes| bytes[3] ^= 1);
    let queue = bench.open();
    assert_eq!(read_from(&queue, 0).len() as u64, total);
    queue.close().unwrap();
    drop(queue);
    let half = bench.file(&log_name(total));
    bench.disk.edit(&last, |bytes| bytes[300] ^= 1); // sealed, so this is damage, no torn tail
    let len = bench.disk.bytes_of(&last).unwrap().len();
    crate::disk::Disk::create(&bench.disk, &half)
        .unwrap()
        .write_all_at(&[0; 50], 0)
        .unwrap();
    let queue = bench.open();
    assert_eq!(read_from(&queue, 0).len() as u64, total - 1);
    assert_eq!(bench.disk.bytes_of(&last).unwrap().len(), len);
    assert_eq!(append(&queue, bulky(5, 5)), total);
}

#[test]
fn q17_a_lost_directory_is_another_incarnation() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, bulky(5, 5));
    let old = queue.partitions()[0].incarnation;
    drop(queue);
    let same = bench.open().partitions()[0].incarnation;
    assert_eq!(old, same);
    bench.disk.lose(&bench.file(""));
    let queue = bench.open();
    let new = queue.partitions()[0].incarnation;
    assert_ne!(old, new);
    let error = queue.commit("store", TOPIC, 0, old, 0).unwrap_err();
    assert!(matches!(error, QueueError::OtherIncarnation { expected, found } if (expected, found) == (old, new)));
}

#[test]
fn an_incarnation_outlives_its_file() {
    let bench = Bench::new(options());
    let queue = bench.open();
    append(&queue, bulky(5, 5));
    let old = queue.partitions()[0].incarnation;
    drop(queue);
    bench.disk.edit(&bench.file("partition"), |bytes| bytes[20] ^= 1);
    assert_eq!(bench.open().partitions()[0].incarnation, old);
}

#[test]
fn q18_offsets_that_were_acked_are_not_used_again_after_the_log_was_cut() {
    let bench = Bench::new(options());
    let queue = bench.open();
    (0..6).for_each(|i| {
        append(&queue, bulky(100, i));
    });
    drop(queue);
    let log = bench.logs()[0].clone();
    bench.disk.edit(&log, |bytes| bytes.truncate(600));
    let queue = bench.open();
    let read = read_from(&queue, 0);
    assert!(read.len() < 6);
    assert_eq!(append(&queue, bulky(100, 9)), 6);
    assert_eq!(read_from(&queue, 4).last().unwrap().0, 6);
    drop(queue);
    assert_eq!(append(&bench.open(), bulky(100, 9)), 7);
}

#[test]
fn ends_are_found_in_the_log_when_their_file_is_damaged() {
    let bench = Bench::new(options());
    let queue = bench.open();
    (0..30).for_each(|i| {
        append(&queue, piece(1 + i as u8 % 3, i / 3 * 40, i / 3 * 40 + 40));
    });
    queue.close().unwrap();
    drop(queue);
    bench.disk.edit(&bench.file("ends"), |bytes| bytes[30] ^= 1);
    let queue = bench.open();
    (1..=3).for_each(|i| assert_eq!(queue.generation_end(TOPIC, generation(i)), Some(400)));
}

#[test]
fn q22_the_clean_mark_goes_at_the_start_so_that_a_crash_while_starting_counts() {
    let (bench, _) = sealed_bench();
    let clean = std::path::Path::new("/q/clean");
    assert!(bench.disk.files().iter().any(|path| path == clean));
    // The start fails halfway: a topic's file says that a newer program wrote it.
    let newer = crate::small_file::frame_with_version(b"", 2);
    let topic = std::path::Path::new("/q/topics/logs/topic");
    let old = bench.disk.bytes_of(topic).unwrap();
    bench.disk.edit(topic, |bytes| *bytes = newer);
    assert!(bench.try_open().is_err());
    bench.disk.edit(topic, |bytes| *bytes = old);
    assert!(!bench.open().was_clean());
}

#[test]
fn q26_a_newer_format_is_refused_and_no_file_is_touched() {
    let (bench, _) = sealed_bench();
    let newer = crate::small_file::frame_with_version(b"", 7);
    bench.disk.edit(std::path::Path::new("/q/meta"), |bytes| *bytes = newer);
    let state = || {
        bench
            .disk
            .files()
            .into_iter()
            .map(|path| (bench.disk.bytes_of(&path), path))
            .collect::<Vec<_>>()
    };
    let before = state();
    let error = bench.try_open().unwrap_err();
    assert!(
        matches!(
            error,
            QueueError::NewerFormat {
                found: 7,
                supported: 1,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(state(), before);
}
