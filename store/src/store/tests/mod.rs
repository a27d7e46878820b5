mod chains;
mod crash;
mod faults;
mod integrity;
mod model;
mod power;
mod queue;
mod room;
#[path = "../../../../tests/support/seeds.rs"]
mod seeds;
mod sources;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use timberline_proto::id::GenerationId;

use super::*;
use crate::catalog::Hole;
use crate::split::Columns;
use queue::TestQueue;

const DAY: i64 = 86_400_000_000_000;
/// What the test clock shows at first.
const NOW: i64 = 20_000 * DAY + DAY / 2;
/// No condition takes so long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A row as found: partition, offset, time, line.
type Found = (u32, u64, i64, Vec<u8>);

/// What it shows; it panics below 0.
#[derive(Debug)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now_unix_nanos(&self) -> i64 {
        let now = self.0.load(Ordering::Relaxed);
        assert!(now >= 0, "no time to tell");
        now
    }
}

/// A directory, a queue that outlives the store, and options whose limits a test can reach.
struct Bench {
    dir: tempfile::TempDir,
    queue: Arc<TestQueue>,
    clock: Arc<TestClock>,
    options: StoreOptions,
}

impl Bench {
    fn new(partitions: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(NOW)));
        let mut options = StoreOptions::new(dir.path().join("store"));
        options.flush_interval = Duration::from_secs(3600);
        options.janitor_interval = Duration::from_secs(3600);
        options.fetch_wait = Duration::from_millis(20);
        options.discover_interval = Duration::from_millis(5);
        options.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        Self {
            dir,
            queue: Arc::new(TestQueue::new(partitions)),
            clock,
            options,
        }
    }

    fn open(&self) -> Store {
        Store::open(self.options.clone(), Arc::clone(&self.queue) as Arc<dyn Source>).unwrap()
    }

    fn splits_dir(&self) -> PathBuf {
        self.dir.path().join("store/splits")
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.splits_dir()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Waits until the store has everything appended, then compares row by row.
    #[track_caller]
    fn check_found(&self, store: &Store) {
        let expected = self.queue.appended();
        wait_until("all rows to be found", || found(store).len() >= expected.len());
        let found = found(store);
        assert_eq!(found.len(), expected.len(), "rows lost or doubled");
        assert_eq!(found, expected);
    }
}

#[track_caller]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Every row, as a query finds it: live blocks first, the snapshot second, live rows below its
/// positions dropped.
fn found(store: &Store) -> Vec<Found> {
    let blocks = store.live().blocks();
    let snapshot = store.catalog().snapshot();
    let mut found = Vec::new();
    for block in &blocks {
        let key = (block.topic.clone(), block.partition);
        let published = snapshot.positions.get(&key).map_or(0, |position| position.next_offset);
        let rows = block.rows.rows().filter(|row| row.offset >= published);
        found.extend(rows.map(|row| (row.partition, row.offset, row.time_nanos, row.line.to_vec())));
    }
    for split in snapshot.splits.iter().filter(|split| split.quarantined.is_none()) {
        found.extend(rows_of(store, split));
    }
    found.sort();
    found
}

fn rows_of(store: &Store, split: &CatalogSplit) -> Vec<Found> {
    let columns = Columns {
        line: true,
        provenance: true,
        attributes: true,
    };
    let open = store.split(split).unwrap();
    let mut found = Vec::new();
    for page in 0..open.pages().len() {
        let rows = open.read_page(page as u32, columns).unwrap();
        found.extend(
            rows.rows()
                .map(|row| (row.partition, row.offset, row.time_nanos, row.line.to_vec())),
        );
    }
    found
}

fn lines(from: usize, n: usize) -> Vec<(i64, String)> {
    (from..from + n)
        .map(|i| {
            (
                NOW + i as i64 * 1_000_000,
                format!("2024-10-04T12:00:00 INFO request {i} took {} ms", i * 7 % 100),
            )
        })
        .collect()
}

#[test]
fn a_record_is_found_soon_after_it_was_appended() {
    let bench = Bench::new(1);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 1));
    bench.check_found(&store);
    let appended = Instant::now();
    bench.queue.append(0, &lines(1, 1));
    wait_until("the second row", || found(&store).len() == 2);
    assert!(appended.elapsed() < Duration::from_secs(1), "{:?}", appended.elapsed());
}

#[test]
fn rows_are_the_same_live_flushed_merged_and_restarted() {
    let bench = Bench::new(2);
    let store = bench.open();
    for round in 0..5 {
        bench.queue.append(0, &lines(round * 100, 50));
        bench.queue.append(1, &lines(round * 100 + 50, 50));
        bench.check_found(&store);
        store.flush().unwrap();
        bench.check_found(&store);
        assert_eq!(store.stats().live_rows, 0);
    }
    assert_eq!(store.stats().splits, 10);
    store.merge_all().unwrap();
    bench.check_found(&store);
    assert_eq!(store.stats().splits, 1);
    assert_eq!(bench.files().len(), 1);
    drop(store);
    bench.check_found(&bench.open());
}

#[test]
fn rows_of_several_days_get_a_split_each() {
    let bench = Bench::new(1);
    let store = bench.open();
    let rows: Vec<_> = (0..30).map(|i| (NOW - (i % 3) * DAY, format!("row {i}"))).collect();
    bench.queue.append(0, &rows);
    bench.check_found(&store);
    store.flush().unwrap();
    assert_eq!(store.stats().splits, 3);
    bench.check_found(&store);
}

#[test]
fn several_threads_write_the_splits_of_a_flush_and_try_again_after_a_failure() {
    let mut bench = Bench::new(1);
    bench.options.encode_threads = 3;
    let store = bench.open();
    let rows = |round: i64| -> Vec<_> {
        let row = |i: i64| (NOW - (i % 7) * DAY + round, format!("row {i}"));
        (0..700).map(row).collect()
    };
    bench.queue.append(0, &rows(0));
    bench.check_found(&store);
    store.flush().unwrap();
    assert_eq!(store.stats().splits, 7);
    bench.check_found(&store);

    bench.queue.append(0, &rows(1));
    bench.check_found(&store);
    let (splits, away) = (bench.splits_dir(), bench.dir.path().join("away"));
    std::fs::rename(&splits, &away).unwrap();
    assert!(store.flush().is_err());
    std::fs::rename(&away, &splits).unwrap();
    assert_eq!(bench.files().len(), 7);
    let reading = store.live().reading();
    store.flush().unwrap();
    drop(reading);
    assert_eq!(store.stats().splits, 14);
    bench.check_found(&store);
}

#[test]
fn the_oldest_row_is_flushed_when_its_time_is_over() {
    let mut bench = Bench::new(1);
    bench.options.flush_interval = Duration::from_millis(50);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 10));
    wait_until("a flush", || store.stats().splits == 1);
    bench.check_found(&store);
    wait_until("the queue to be told", || bench.queue.committed(0) == 10);
}

#[test]
fn shutdown_publishes_what_the_queue_holds() {
    let bench = Bench::new(3);
    for partition in 0..3 {
        bench.queue.append(partition, &lines(0, 500));
    }
    assert!(bench.open().shutdown(PATIENCE));
    let store = bench.open();
    assert_eq!(store.stats().rows, 1500);
    bench.check_found(&store);
    for partition in 0..3 {
        assert_eq!(bench.queue.committed(partition), 500);
    }
}

#[test]
fn small_splits_are_joined_in_the_background() {
    let mut bench = Bench::new(1);
    bench.options.merge_splits_min = 3;
    bench.options.janitor_interval = Duration::from_millis(5);
    let store = bench.open();
    for round in 0..9 {
        bench.queue.append(0, &lines(round * 10, 10));
        bench.check_found(&store);
        store.flush().unwrap();
    }
    wait_until("merges", || store.stats().splits < 3);
    bench.check_found(&store);
}

#[test]
fn s15_a_query_reads_on_from_its_snapshot_after_a_merge_and_files_go_when_it_ends() {
    let bench = Bench::new(1);
    let store = bench.open();
    for round in 0..2 {
        bench.queue.append(0, &lines(round * 10, 10));
        bench.check_found(&store);
        store.flush().unwrap();
    }
    let snapshot = store.catalog().snapshot();
    store.merge_all().unwrap();
    assert_eq!(bench.files().len(), 3);
    let rows: usize = snapshot.splits.iter().map(|split| rows_of(&store, split).len()).sum();
    assert_eq!(rows, 20);
    drop(snapshot);
    store.merge_all().unwrap();
    assert_eq!(bench.files().len(), 1);
    bench.check_found(&store);
}

#[test]
fn retention_by_age_deletes_splits_whose_every_row_is_too_old() {
    let mut bench = Bench::new(1);
    bench.options.retention_age = Some(Duration::from_secs(10 * 86_400));
    let store = bench.open();
    bench
        .queue
        .append(0, &[(NOW - 9 * DAY, "old".into()), (NOW, "new".into())]);
    bench.check_found(&store);
    store.flush().unwrap();
    assert_eq!(store.enforce_retention().unwrap(), 0);
    bench.clock.0.fetch_add(2 * DAY, Ordering::Relaxed);
    assert_eq!(store.enforce_retention().unwrap(), 1);
    assert_eq!(found(&store).len(), 1);
    assert_eq!(bench.files().len(), 1);
    let deletions = store.catalog().deletions().unwrap();
    assert!(deletions[0].reason.contains("older than"), "{deletions:?}");
}

/// The clock shows today: when a split was published is told by the system's.
fn set_to_today(bench: &Bench) -> i64 {
    let today = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos()).unwrap();
    bench.clock.0.store(today, Ordering::Relaxed);
    today
}

#[test]
fn a_time_in_the_far_future_keeps_neither_its_own_row_nor_others_for_ever() {
    let mut bench = Bench::new(1);
    bench.options.retention_age = Some(Duration::from_secs(10 * 86_400));
    bench.options.slices_max = 2;
    let today = set_to_today(&bench);
    let store = bench.open();
    let row = |days: i64| (today + days * DAY, format!("{days} days from now"));
    let rows: Vec<_> = [0, 0, -3, -5, 20_000, 0, -8, 9000].map(row).into();
    bench.queue.append(0, &rows);
    bench.check_found(&store);
    store.flush().unwrap();
    let of_future = |split: &&Arc<CatalogSplit>| split.meta.time_max > today + 2 * DAY;
    let snapshot = store.catalog().snapshot();
    let future: Vec<_> = snapshot
        .splits
        .iter()
        .filter(of_future)
        .map(|split| split.meta.rows)
        .collect();
    assert_eq!(future, [2]);
    store.merge_all().unwrap();
    bench.clock.0.fetch_add(13 * DAY, Ordering::Relaxed);
    store.enforce_retention().unwrap();
    assert_eq!(found(&store), []);
}

#[test]
fn retention_by_bytes_takes_a_row_of_the_future_for_no_newer_than_what_comes_later() {
    let mut bench = Bench::new(1);
    let today = set_to_today(&bench);
    let store = bench.open();
    bench.queue.append(0, &[(today + 20_000 * DAY, "of the future".into())]);
    bench.check_found(&store);
    store.flush().unwrap();
    let bytes = store.stats().file_bytes;
    drop(store);
    bench.options.retention_bytes = Some(bytes + bytes / 2);
    let store = bench.open();
    bench.queue.append(0, &[(today + 36 * DAY / 24, "of later".into())]);
    wait_until("the second row", || found(&store).len() == 2);
    store.flush().unwrap();
    assert_eq!(store.enforce_retention().unwrap(), 1);
    assert_eq!(found(&store)[0].3, b"of later");
}

#[test]
fn retention_by_bytes_deletes_the_oldest_first_and_never_live_rows() {
    let mut bench = Bench::new(1);
    bench.options.retention_bytes = Some(1);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 10));
    bench.check_found(&store);
    store.flush().unwrap();
    bench.queue.append(0, &lines(10, 10));
    bench.check_found(&store);
    assert_eq!(store.enforce_retention().unwrap(), 1);
    assert_eq!(found(&store).len(), 10);
}

#[test]
fn streams_go_with_their_last_split_and_not_before_their_live_rows() {
    let mut bench = Bench::new(1);
    bench.options.retention_age = Some(Duration::from_secs(10 * 86_400));
    let store = bench.open();
    let streams = |store: &Store| store.catalog().snapshot().streams.len();
    bench.queue.append(0, &[(NOW, "old".into())]);
    bench.check_found(&store);
    store.flush().unwrap();
    bench.clock.0.fetch_add(20 * DAY, Ordering::Relaxed);
    bench.queue.append(0, &[(NOW + 20 * DAY, "new".into())]);
    bench.check_found(&store);
    assert_eq!((store.enforce_retention().unwrap(), streams(&store)), (1, 1));
    store.flush().unwrap();
    bench.clock.0.fetch_add(20 * DAY, Ordering::Relaxed);
    assert_eq!((store.enforce_retention().unwrap(), streams(&store)), (1, 0));
    drop(store);
    let store = bench.open();
    assert_eq!(streams(&store), 0);
    bench.queue.append(0, &[(NOW + 40 * DAY, "newer".into())]);
    wait_until("the row", || found(&store).len() == 1);
    store.flush().unwrap();
    assert_eq!((found(&store).len(), streams(&store)), (1, 1));
}

#[test]
fn holes_of_a_file_are_forgotten_with_its_last_record_and_not_before() {
    let mut bench = Bench::new(1);
    bench.options.retention_age = Some(Duration::from_secs(10 * 86_400));
    let store = bench.open();
    let hole = |generation: u8| Hole {
        generation: GenerationId([generation; 16]),
        start: 100,
        end: 200,
        reason: "nul_hole".into(),
    };
    // The queue's records are of generation 2; of 9 there never was one.
    store.catalog().note_holes(&[hole(2), hole(9)]).unwrap();
    let today = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos()).unwrap() + 2 * DAY;
    bench.clock.0.store(today, Ordering::Relaxed);
    let lines = [
        (NOW, "old".into()),
        (NOW + DAY, "old too".into()),
        (today, "new".into()),
    ];
    bench.queue.append(0, &lines);
    bench.check_found(&store);
    store.flush().unwrap();
    assert_eq!(store.enforce_retention().unwrap(), 2);
    assert_eq!(store.catalog().holes(None).unwrap(), [hole(2)]);
    bench.clock.0.fetch_add(20 * DAY, Ordering::Relaxed);
    assert_eq!(store.enforce_retention().unwrap(), 1);
    assert_eq!(store.catalog().holes(None).unwrap(), []);
}

#[test]
fn a_second_store_on_the_directory_is_refused() {
    let bench = Bench::new(1);
    let store = bench.open();
    let source = Arc::clone(&bench.queue) as Arc<dyn Source>;
    let refused = Store::open(bench.options.clone(), source).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    drop(store);
    bench.open();
}

#[test]
fn s20_splits_without_their_catalog_are_not_taken_for_garbage() {
    let bench = Bench::new(1);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 10));
    bench.check_found(&store);
    store.flush().unwrap();
    drop(store);
    for file in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"] {
        std::fs::remove_file(bench.options.data_dir.join(file)).ok();
    }
    let source = Arc::clone(&bench.queue) as Arc<dyn Source>;
    let refused = Store::open(bench.options.clone(), source).unwrap_err();
    assert!(
        matches!(refused, StoreError::CatalogMissing { splits: 1, .. }),
        "{refused}"
    );
    assert_eq!(bench.files().len(), 1);
}
