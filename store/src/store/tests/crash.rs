//! The process dies between two steps; the next one finds every row once.

use super::*;
use crate::crash::CrashPoint;

/// Dies at `point` during a flush or a merge, opens again, and compares.
#[track_caller]
fn check_crash(point: CrashPoint, splits_left: usize, committed: u64) {
    let mut bench = Bench::new(1);
    let store = bench.open();
    // Nothing is joined but by this thread: one that outlives its store would leave a file behind.
    store.pause_merging(true);
    for round in 0..2 {
        bench.queue.append(0, &lines(round * 10, 10));
        bench.check_found(&store);
        if round == 0 {
            store.flush().unwrap();
        }
    }
    store.die_at(point);
    store.flush().unwrap();
    store.merge_all().unwrap();
    drop(store);
    assert_eq!(bench.queue.committed(0), committed);
    bench.options.merge_rows_max = 10;
    let store = bench.open();
    assert_eq!(bench.files().len(), splits_left, "orphans are removed");
    assert_eq!(store.stats().splits as usize, splits_left);
    bench.check_found(&store);
    store.flush().unwrap();
    bench.check_found(&store);
    wait_until("the queue to be told", || bench.queue.committed(0) == 20);
    drop(store);
    bench.check_found(&bench.open());
}

#[test]
fn s01_a_crash_before_the_catalog_leaves_files_that_are_removed_and_rows_that_are_taken_again() {
    check_crash(CrashPoint::SplitsWritten, 1, 10);
}

#[test]
fn s02_a_crash_after_the_catalog_publishes_nothing_twice() {
    check_crash(CrashPoint::Published, 2, 10);
}

#[test]
fn s05_a_crash_before_the_queue_is_told_takes_nothing_twice() {
    check_crash(CrashPoint::Dropped, 2, 10);
}

#[test]
fn s19_a_crash_with_a_merge_written_keeps_its_inputs() {
    check_crash(CrashPoint::MergeWritten, 2, 20);
}

#[test]
fn s19_a_crash_with_a_merge_published_keeps_the_merge() {
    check_crash(CrashPoint::MergeReplaced, 1, 20);
}

#[test]
fn s05_a_crash_after_the_queue_was_told_changes_nothing() {
    check_crash(CrashPoint::Told, 2, 20);
}

#[test]
fn s15_a_crash_amid_retention_leaves_no_row_half_deleted_and_no_file() {
    let mut bench = Bench::new(1);
    bench.options.retention_age = Some(Duration::from_secs(10 * 86_400));
    let store = bench.open();
    bench
        .queue
        .append(0, &[(NOW - 20 * DAY, "old".into()), (NOW, "new".into())]);
    bench.check_found(&store);
    store.flush().unwrap();
    store.die_at(CrashPoint::RetentionDeleted);
    store.enforce_retention().unwrap();
    drop(store);
    assert_eq!(bench.files().len(), 2, "the row is gone, the file is there");
    let store = bench.open();
    assert_eq!(bench.files().len(), 1);
    assert_eq!(found(&store).len(), 1);
    assert_eq!(store.catalog().deletions().unwrap().len(), 1);
}

#[test]
fn s01_twice_in_a_row() {
    let bench = Bench::new(1);
    bench.queue.append(0, &lines(0, 10));
    for _ in 0..2 {
        let store = bench.open();
        bench.check_found(&store);
        store.die_at(CrashPoint::SplitsWritten);
        store.flush().unwrap();
    }
    let store = bench.open();
    assert!(bench.files().is_empty());
    bench.check_found(&store);
}
