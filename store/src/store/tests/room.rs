//! Want of room, and files of splits that are given another class.

use parking_lot::Mutex;
use timberline_proto::api::access::Actor;
use timberline_proto::api::retention::{Policy, PolicySet, PolicySource};

use super::*;
use crate::catalog::StoredHold;
use crate::retain::{DiskSpace, DiskUse};

/// A file system as full as a test says.
#[derive(Debug)]
struct TestDisk(Mutex<DiskUse>);

impl DiskSpace for TestDisk {
    fn usage(&self, _: &Path) -> std::io::Result<DiskUse> {
        Ok(*self.0.lock())
    }
}

fn of_topics(name: &str) -> PolicySet {
    let all = Policy {
        name: name.to_owned(),
        select: "topic:*".to_owned(),
        age_seconds: Some(86_400),
        ..Policy::default()
    };
    PolicySet {
        policies: vec![all],
        disk_used_percent_max: None,
    }
    .closed()
}

#[test]
fn a_file_system_full_of_what_is_held_stops_the_taking_until_there_is_room() {
    let mut bench = Bench::new(1);
    let disk = Arc::new(TestDisk(Mutex::default()));
    bench.options.disk = Arc::clone(&disk) as Arc<dyn DiskSpace>;
    bench.options.retention.disk_used_percent_max = Some(80);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 10));
    bench.check_found(&store);
    store.flush().unwrap();
    let hold = StoredHold {
        case: "C-7".into(),
        ..StoredHold::default()
    };
    let held = store.catalog().create_hold(hold, NOW, &Actor::default()).unwrap();
    let full = DiskUse {
        bytes: 1_000,
        used_bytes: 900,
    };
    *disk.0.lock() = full;
    assert_eq!(store.enforce_retention().unwrap(), 0);
    let why = store.stats().retention_stuck.unwrap();
    assert!(why.contains("held for case C-7"), "{why}");
    // What was asked for before ends first.
    std::thread::sleep(10 * bench.options.fetch_wait);
    bench.queue.append(0, &lines(10, 10));
    // Longer than a look for new records takes; none may come.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        found(&store).iter().filter(|row| row.1 < 20).count(),
        10,
        "nothing more is taken"
    );
    // Released, the oldest go, and what waited is taken.
    store
        .catalog()
        .release_hold(&held.id, ("me", "over"), NOW, &Actor::default())
        .unwrap();
    assert!(store.enforce_retention().unwrap() >= 1);
    *disk.0.lock() = DiskUse {
        used_bytes: 100,
        ..full
    };
    store.enforce_retention().unwrap();
    assert_eq!(store.stats().retention_stuck, None);
    wait_until("what waited", || found(&store).iter().any(|row| row.1 == 19));
}

#[test]
fn s15_a_query_reads_on_in_a_split_that_was_given_another_class_and_then_deleted() {
    let bench = Bench::new(1);
    let store = bench.open();
    bench.queue.append(0, &lines(0, 10));
    bench.check_found(&store);
    store.flush().unwrap();
    let before = store.catalog().snapshot();
    let split = before
        .splits
        .iter()
        .find(|split| split.meta.rows == 10)
        .cloned()
        .unwrap();
    let version = before.rules.version;
    set_to_today(&bench);
    let now = bench.clock.now_unix_nanos();
    store
        .catalog()
        .set_policies(version, of_topics("other"), PolicySource::Set, &Actor::default(), now)
        .unwrap();
    let now_listed = store.catalog().snapshot().split(&split.meta.id).cloned().unwrap();
    assert_eq!(
        (split.class.as_deref(), now_listed.class.as_deref()),
        (Some("default"), Some("other"))
    );
    drop(now_listed);
    assert!(store.enforce_retention().unwrap() >= 1);
    assert_eq!(rows_of(&store, &split).len(), 10);
    let file = format!("{}.split", split.meta.id);
    assert!(bench.files().contains(&file));
    drop((before, split));
    store.enforce_retention().unwrap();
    assert!(!bench.files().contains(&file));
}
