//! Disks, queues and splits that are not what they were.

use super::*;

#[test]
fn s06_a_damaged_split_is_quarantined_and_named_and_the_others_are_read() {
    let bench = Bench::new(1);
    let store = bench.open();
    for round in 0..2 {
        bench.queue.append(0, &lines(round * 10, 10));
        bench.check_found(&store);
        store.flush().unwrap();
    }
    let id = store.catalog().snapshot().splits[0].meta.id.clone();
    drop(store);
    let path = bench.splits_dir().join(format!("{id}.split"));
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(length / 2)
        .unwrap();
    let store = bench.open();
    let snapshot = store.catalog().snapshot();
    assert!(store.split(&snapshot.splits[0]).is_err());
    assert_eq!(store.stats().splits_quarantined, 1);
    assert_eq!(found(&store).len(), 10);
    assert!(path.exists());
}

#[test]
fn s07_a_missing_split_is_quarantined_and_an_extra_file_removed() {
    let bench = Bench::new(1);
    let store = bench.open();
    for round in 0..2 {
        bench.queue.append(0, &lines(round * 10, 10));
        bench.check_found(&store);
        store.flush().unwrap();
    }
    drop(store);
    std::fs::remove_file(bench.splits_dir().join(&bench.files()[0])).unwrap();
    std::fs::write(bench.splits_dir().join("00000000000000000000000000000000.split"), "x").unwrap();
    let store = bench.open();
    assert_eq!(bench.files().len(), 1);
    let snapshot = store.catalog().snapshot();
    let unreadable = snapshot
        .splits
        .iter()
        .filter(|split| store.split(split).is_err())
        .count();
    assert_eq!(unreadable, 1);
    assert_eq!(store.stats().splits_quarantined, 1);
    assert_eq!(found(&store).len(), 10);
    store.merge_all().unwrap();
    assert_eq!(store.stats().splits, 2);
}

#[test]
fn s08_a_flush_that_fails_keeps_its_rows_and_pulling_stops_at_the_bound() {
    let mut bench = Bench::new(1);
    bench.options.live_bytes_max = 100_000;
    bench.options.fetch_bytes_max = 1;
    let store = bench.open();
    let away = bench.dir.path().join("away");
    std::fs::rename(bench.splits_dir(), &away).unwrap();
    for round in 0..40 {
        bench.queue.append(0, &lines(round * 100, 100));
    }
    wait_until("a failed flush", || store.stats().flush_error.is_some());
    wait_until("the bound", || store.stats().live_bytes >= 100_000);
    let error = store.flush().unwrap_err().to_string();
    assert!(error.contains("splits"), "the path is named: {error}");
    let stats = store.stats();
    assert!(stats.live_bytes < 150_000, "{stats:?}");
    wait_until("the backlog to be told", || store.stats().queued_records > 0);
    assert_eq!(bench.queue.committed(0), 0);
    std::fs::rename(&away, bench.splits_dir()).unwrap();
    bench.check_found(&store);
    assert_eq!(store.stats().flush_error, None);
}

#[test]
fn s08_a_catalog_that_fails_gets_the_same_splits_again() {
    let bench = Bench::new(1);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 10));
    bench.check_found(&store);
    let other = rusqlite::Connection::open(bench.options.data_dir.join("catalog.sqlite")).unwrap();
    other.execute_batch("ALTER TABLE positions RENAME TO hidden").unwrap();
    for _ in 0..3 {
        assert!(store.flush().is_err());
    }
    bench.check_found(&store);
    assert_eq!(bench.files().len(), 1, "written once");
    bench.queue.append(0, &lines(10, 10));
    other.execute_batch("ALTER TABLE hidden RENAME TO positions").unwrap();
    bench.check_found(&store);
    store.flush().unwrap();
    bench.check_found(&store);
    assert_eq!(store.stats().live_rows, 0);
}

#[test]
fn s08_a_merge_that_cannot_be_written_leaves_its_inputs() {
    let bench = Bench::new(1);
    let store = bench.open();
    for round in 0..3 {
        bench.queue.append(0, &lines(round * 10, 10));
        bench.check_found(&store);
        store.flush().unwrap();
    }
    bench.check_found(&store); // and all of them are open now
    let before = bench.files();
    let away = bench.dir.path().join("away");
    std::fs::rename(bench.splits_dir(), &away).unwrap();
    assert!(store.merge_all().is_err());
    std::fs::rename(&away, bench.splits_dir()).unwrap();
    assert_eq!(bench.files(), before, "nothing of the failed merge stays");
    let stats = store.stats();
    assert_eq!((stats.splits, stats.splits_quarantined, stats.merges_failed), (3, 0, 1));
    bench.check_found(&store);
    store.merge_all().unwrap();
    assert_eq!(store.stats().splits, 1);
    bench.check_found(&store);
}

#[test]
fn a_split_that_cannot_be_read_for_now_is_left_out_of_merges_and_the_others_are_joined() {
    let bench = Bench::new(1);
    let store = bench.open();
    for round in 0..3 {
        bench.queue.append(0, &lines(round * 10, 10));
        bench.check_found(&store);
        store.flush().unwrap();
    }
    store.pause_merging(true);
    drop(store);
    let unreadable = bench.splits_dir().join(&bench.files()[1]);
    std::fs::rename(&unreadable, bench.dir.path().join("away")).unwrap();
    // Opening it fails, and not because nothing is there.
    std::os::unix::fs::symlink(&unreadable, &unreadable).unwrap();
    let store = bench.open();
    wait_until("the others to be joined", || {
        // The first attempt meets it and says so; the janitor may have been first.
        store.merge_all().ok();
        store.stats().splits == 2
    });
    assert!(store.stats().merges_failed > 0);
    assert_eq!(store.stats().splits_quarantined, 0);
    std::fs::rename(bench.dir.path().join("away"), &unreadable).unwrap();
    bench.check_found(&store);
}

/// Two splits, and what the catalog does to every further one.
fn two_splits(bench: &Bench, sql: &str) -> (Store, rusqlite::Connection) {
    let store = bench.open();
    store.pause_merging(true);
    for round in 0..2 {
        bench.queue.append(0, &lines(round * 10, 10));
        bench.check_found(&store);
        store.flush().unwrap();
    }
    let other = rusqlite::Connection::open(bench.options.data_dir.join("catalog.sqlite")).unwrap();
    other.execute_batch(sql).unwrap();
    (store, other)
}

#[test]
fn a_merge_that_is_surely_not_published_leaves_no_file() {
    let bench = Bench::new(1);
    let (store, other) = two_splits(&bench, "ALTER TABLE audit RENAME TO hidden");
    let before = bench.files();
    assert!(store.merge_all().is_err());
    assert_eq!(bench.files(), before);
    other.execute_batch("ALTER TABLE hidden RENAME TO audit").unwrap();
    store.merge_all().unwrap();
    assert_eq!((store.stats().splits, bench.files().len()), (1, 1));
    bench.check_found(&store);
}

#[test]
fn a_merge_whose_commit_failed_is_written_once_and_offered_again() {
    let bench = Bench::new(1);
    let (store, other) = two_splits(
        &bench,
        "CREATE TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TABLE children (of INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TRIGGER refuse AFTER INSERT ON splits BEGIN INSERT INTO children VALUES (1); END;",
    );
    for _ in 0..3 {
        let error = store.merge_all().unwrap_err();
        assert!(matches!(error, StoreError::Catalog(CatalogError::Commit(_))), "{error}");
        assert_eq!(bench.files().len(), 3, "the inputs and one merge of them");
        bench.check_found(&store);
    }
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    store.merge_all().unwrap();
    assert_eq!((store.stats().splits, bench.files().len()), (1, 1));
    bench.check_found(&store);
}

#[test]
fn a_partition_that_cannot_be_flushed_does_not_hold_up_those_behind_it() {
    let mut bench = Bench::new(2);
    bench.options.flush_interval = Duration::from_millis(20);
    let store = bench.open();
    let other = rusqlite::Connection::open(bench.options.data_dir.join("catalog.sqlite")).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON positions WHEN NEW.partition = 0
                  BEGIN SELECT RAISE(ABORT, 'not this one'); END;";
    other.execute_batch(refuse).unwrap();
    bench.queue.append(0, &lines(0, 10));
    wait_until("a failed flush", || store.stats().flush_error.is_some());
    bench.queue.append(1, &lines(0, 10));
    wait_until("the other partition", || bench.queue.committed(1) == 10);
    assert!(store.stats().flush_error.unwrap().contains("not this one"));
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    wait_until("the first partition", || bench.queue.committed(0) == 10);
    wait_until("it to be over", || store.stats().flush_error.is_none());
    bench.check_found(&store);
}

#[test]
fn a_flush_that_panics_is_shown_and_tried_again() {
    let mut bench = Bench::new(1);
    bench.options.flush_interval = Duration::from_millis(20);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 10));
    bench.check_found(&store);
    wait_until("the first flush", || bench.queue.committed(0) == 10);
    bench.queue.set_panics(true);
    bench.queue.append(0, &lines(10, 10));
    wait_until("the panic to be told", || store.stats().flush_error.is_some());
    assert!(store.stats().flush_error.unwrap().contains("told to"));
    bench.queue.set_panics(false);
    bench.queue.append(0, &lines(20, 10));
    wait_until("the next flush", || bench.queue.committed(0) == 30);
    wait_until("it to be over", || store.stats().flush_error.is_none());
    assert!(store.stats().panics > 0);
    bench.check_found(&store);
}

#[test]
fn a_janitor_that_panics_is_shown_and_goes_on() {
    let mut bench = Bench::new(1);
    bench.options.retention_age = Some(Duration::from_secs(10 * 86_400));
    bench.options.janitor_interval = Duration::from_millis(5);
    let store = bench.open();
    store.pause_merging(true);
    bench.queue.append(0, &[(NOW, "old".into())]);
    bench.check_found(&store);
    store.flush().unwrap();
    bench.clock.0.store(-1, Ordering::Relaxed);
    wait_until("the panic to be told", || store.stats().janitor_error.is_some());
    bench.clock.0.store(NOW + 20 * DAY, Ordering::Relaxed);
    wait_until("retention", || store.stats().splits == 0);
    wait_until("it to be over", || store.stats().janitor_error.is_none());
}

#[test]
fn q17_another_incarnation_publishes_what_is_live_of_the_old_one_and_starts_over() {
    let bench = Bench::new(1);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 10));
    bench.check_found(&store);
    store.flush().unwrap();
    bench.queue.append(0, &lines(10, 10));
    bench.check_found(&store);
    bench.queue.lose(0);
    bench.queue.append(0, &lines(100, 5));
    bench.check_found(&store);
    store.flush().unwrap();
    bench.check_found(&store);
    let alerts = store.catalog().alerts().unwrap();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(store.catalog().position(queue::TOPIC, 0).unwrap().next_offset, 5);
}

#[test]
fn q17_another_incarnation_is_noticed_after_a_restart_too() {
    let bench = Bench::new(1);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 10));
    bench.check_found(&store);
    store.flush().unwrap();
    drop(store);
    bench.queue.lose(0);
    bench.queue.append(0, &lines(100, 20));
    let store = bench.open();
    bench.check_found(&store);
    assert_eq!(store.catalog().alerts().unwrap().len(), 1);
}

#[test]
fn q18_a_queue_that_lost_its_tail_is_read_from_its_end() {
    let bench = Bench::new(1);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 10));
    bench.queue.append(0, &lines(10, 10));
    bench.check_found(&store);
    store.flush().unwrap();
    drop(store);
    bench.queue.truncate(0, 10);
    let store = bench.open();
    wait_until("the alert", || store.catalog().alerts().unwrap().len() == 1);
    bench.queue.append(0, &lines(100, 3));
    bench.check_found(&store);
    store.flush().unwrap();
    bench.check_found(&store);
}

#[test]
fn q3_a_damaged_batch_is_a_gap_on_record_and_its_neighbours_are_found() {
    let bench = Bench::new(1);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 3));
    bench.queue.append_damaged(0, &lines(3, 4));
    bench.queue.append(0, &lines(7, 3));
    bench.queue.skip(0, 5);
    bench.queue.append(0, &lines(20, 2));
    bench.check_found(&store);
    store.flush().unwrap();
    bench.check_found(&store);
    let gaps: Vec<_> = store
        .catalog()
        .gaps()
        .unwrap()
        .iter()
        .map(|gap| (gap.from, gap.to))
        .collect();
    assert_eq!(gaps, [(3, 7), (10, 15)]);
    assert_eq!(store.stats().batches_damaged, 1);
    assert_eq!(bench.queue.committed(0), 17);
}

#[test]
fn a_marker_covers_its_offset_without_a_row() {
    let bench = Bench::new(1);
    let store = bench.open();
    bench.queue.append(0, &[]);
    wait_until("the marker", || store.stats().batches_marker == 1);
    wait_until("its flush", || {
        store.flush().unwrap();
        bench.queue.committed(0) == 1
    });
    assert_eq!(store.stats().splits, 0);
    assert_eq!(store.catalog().gaps().unwrap(), []);
}

#[test]
fn a_queue_that_is_away_is_read_on_when_it_is_back() {
    let bench = Bench::new(1);
    bench.queue.set_down(true);
    let store = bench.open();
    wait_until("the trouble to be told", || store.stats().source_error.is_some());
    bench.queue.set_down(false);
    bench.queue.append(0, &lines(0, 5));
    bench.check_found(&store);
    bench.queue.set_down(true);
    wait_until("the trouble to be told", || store.stats().source_error.is_some());
    bench.queue.append(0, &lines(5, 5));
    bench.queue.set_down(false);
    bench.check_found(&store);
    wait_until("it to be over", || store.stats().source_error.is_none());
}
