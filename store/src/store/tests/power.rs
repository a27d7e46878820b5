//! The power fails between any two steps (S3). SQLite with `synchronous=FULL` is believed: its last
//! commit stands. Of everything else only what was synced is sure: a split's file without its
//! directory's sync may be there, whole or torn, or not; a removed file may be back. The queue keeps
//! nothing of what it was told is taken. Whatever is left, every row is found once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::crash::{Step, listen};

const PARTITIONS: u32 = 2;

/// What is sure to be on the disk, and what may be.
#[derive(Clone, Debug, Default)]
struct Disk {
    sure: BTreeMap<PathBuf, Vec<u8>>,
    perhaps: BTreeMap<PathBuf, Vec<u8>>,
    catalog: BTreeMap<String, Vec<u8>>,
    /// How much the queue was told is taken, by partition.
    told: Vec<u64>,
}

impl Disk {
    fn take(&mut self, step: Step, data_dir: &Path, queue: &TestQueue) {
        match step {
            Step::FileSynced(path) => {
                let bytes = std::fs::read(&path).unwrap();
                self.perhaps.insert(path, bytes);
            }
            Step::DirectorySynced(_) => {
                let named = std::mem::take(&mut self.perhaps);
                self.sure.extend(named.into_iter().filter(|(path, _)| path.exists()));
            }
            Step::Removed(path) => {
                if let Some(bytes) = self.sure.remove(&path) {
                    self.perhaps.insert(path, bytes);
                }
            }
            Step::Committed => self.catalog = catalog_files(data_dir),
        }
        self.told = (0..PARTITIONS).map(|partition| queue.committed(partition)).collect();
    }

    /// A directory with what is left; `coins` decide over what is not sure.
    fn left(&self, coins: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("store");
        std::fs::create_dir_all(data_dir.join("splits")).unwrap();
        for (name, bytes) in &self.catalog {
            std::fs::write(data_dir.join(name), bytes).unwrap();
        }
        let put = |path: &Path, bytes: &[u8]| {
            std::fs::write(data_dir.join("splits").join(path.file_name().unwrap()), bytes).unwrap();
        };
        self.sure.iter().for_each(|(path, bytes)| put(path, bytes));
        for (at, (path, bytes)) in self.perhaps.iter().enumerate() {
            match coins[at % coins.len()] % 3 {
                0 => {}
                1 => put(path, &bytes[..bytes.len() / 2]),
                _ => put(path, bytes),
            }
        }
        dir
    }
}

/// The database with its journal; nothing writes to it now.
fn catalog_files(data_dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = ["catalog.sqlite", "catalog.sqlite-wal"];
    let read = |name: &str| Some((name.to_owned(), std::fs::read(data_dir.join(name)).ok()?));
    names.iter().filter_map(|name| read(name)).collect()
}

#[derive(Clone, Debug)]
enum Action {
    Append { partition: u32, rows: usize },
    Flush,
    MergeAll,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..PARTITIONS, 1..12usize).prop_map(|(partition, rows)| Action::Append { partition, rows }),
        3 => Just(Action::Flush),
        2 => Just(Action::MergeAll),
    ]
}

fn run(actions: &[Action], cut: f64, coins: &[u8]) {
    let mut bench = Bench::new(PARTITIONS);
    bench.options.merge_splits_min = 2;
    let store = bench.open();
    let disks = Rc::new(RefCell::new(vec![Disk {
        catalog: catalog_files(&bench.options.data_dir),
        told: vec![0; PARTITIONS as usize],
        ..Disk::default()
    }]));
    listen(Some(Box::new({
        let (disks, queue) = (Rc::clone(&disks), Arc::clone(&bench.queue));
        let data_dir = bench.options.data_dir.clone();
        move |step| {
            let mut disks = disks.borrow_mut();
            let mut next = disks.last().unwrap().clone();
            next.take(step, &data_dir, &queue);
            disks.push(next);
        }
    })));
    let mut n_rows = 0;
    for action in actions {
        match action {
            Action::Append { partition, rows } => {
                bench.queue.append(*partition, &lines(n_rows, *rows));
                n_rows += rows;
                bench.check_found(&store);
            }
            Action::Flush => store.flush().unwrap(),
            Action::MergeAll => store.merge_all().unwrap(),
        }
        // What the queue was told is also seen between two steps.
        let told = (0..PARTITIONS)
            .map(|partition| bench.queue.committed(partition))
            .collect();
        let last = disks.borrow().last().unwrap().clone();
        disks.borrow_mut().push(Disk { told, ..last });
    }
    listen(None);
    drop(store);

    let disks = disks.borrow();
    let disk = &disks[((disks.len() - 1) as f64 * cut) as usize];
    let after = Bench {
        dir: disk.left(coins),
        queue: Arc::new(bench.queue.cut_at(&disk.told)),
        clock: Arc::clone(&bench.clock),
        options: bench.options.clone(),
    };
    let mut options = after.options.clone();
    options.data_dir = after.dir.path().join("store");
    let after = Bench { options, ..after };
    let store = after.open();
    after.check_found(&store);
    assert_eq!(store.stats().splits_quarantined, 0);
    assert_eq!(store.catalog().gaps().unwrap(), []);
    store.flush().unwrap();
    store.merge_all().unwrap();
    after.check_found(&store);
}

#[test]
fn s03_every_row_is_found_once_wherever_the_power_fails() {
    let strategy = || {
        let actions = prop::collection::vec(action(), 2..10);
        (actions, 0.0..1.0f64, prop::collection::vec(any::<u8>(), 8))
    };
    seeds::each(24, strategy, |(actions, cut, coins)| run(&actions, cut, &coins));
}
