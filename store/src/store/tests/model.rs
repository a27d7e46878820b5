//! Any order of appends, flushes, merges, crashes and restarts: rows found = rows appended.

use proptest::prelude::*;

use super::*;
use crate::crash::CrashPoint;

const PARTITIONS: u32 = 2;

#[derive(Clone, Debug)]
enum Action {
    /// Rows on days around now.
    Append {
        partition: u32,
        days: Vec<i64>,
    },
    Flush,
    MergeAll,
    /// Drops the store as it is.
    Crash,
    /// Flushes, or merges, and dies on the way.
    CrashAt(CrashPoint),
    /// Shuts down in order.
    Restart,
}

fn action() -> impl Strategy<Value = Action> {
    let point = prop_oneof![
        Just(CrashPoint::SplitsWritten),
        Just(CrashPoint::Published),
        Just(CrashPoint::Dropped),
        Just(CrashPoint::Told),
        Just(CrashPoint::MergeWritten),
        Just(CrashPoint::MergeReplaced),
    ];
    prop_oneof![
        6 => (0..PARTITIONS, prop::collection::vec(-12..2i64, 0..40))
            .prop_map(|(partition, days)| Action::Append { partition, days }),
        3 => Just(Action::Flush),
        2 => Just(Action::MergeAll),
        1 => Just(Action::Crash),
        3 => point.prop_map(Action::CrashAt),
        1 => Just(Action::Restart),
    ]
}

fn run(actions: Vec<Action>) {
    let mut bench = Bench::new(PARTITIONS);
    bench.options.merge_splits_min = 3;
    bench.options.janitor_interval = Duration::from_millis(3);
    bench.options.slices_max = 3;
    let mut store = bench.open();
    let mut n_rows = 0;
    for action in actions {
        match action {
            Action::Append { partition, days } => {
                let rows: Vec<_> = days
                    .iter()
                    .map(|day| (NOW + day * DAY, format!("row {}", next(&mut n_rows))))
                    .collect();
                bench.queue.append(partition, &rows);
            }
            Action::Flush => store.flush().unwrap(),
            Action::MergeAll => store.merge_all().unwrap(),
            Action::Crash => {
                drop(store);
                store = bench.open();
            }
            Action::CrashAt(point) => {
                store.die_at(point);
                store.flush().unwrap();
                store.merge_all().unwrap();
                drop(store);
                store = bench.open();
            }
            Action::Restart => {
                assert!(store.shutdown(PATIENCE));
                drop(store);
                store = bench.open();
            }
        }
        bench.check_found(&store);
    }
    assert_eq!(store.catalog().gaps().unwrap(), []);
    assert_eq!(store.catalog().alerts().unwrap(), Vec::<String>::new());
}

fn next(n: &mut u64) -> u64 {
    *n += 1;
    *n
}

#[test]
fn rows_found_are_the_rows_appended_whatever_happened_between() {
    seeds::each(24, || prop::collection::vec(action(), 1..12), run);
}
