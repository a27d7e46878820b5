//! What an adversary can do to a store's files, and what `verify` says. The adversary knows the
//! formats: checksums, lengths and what the catalog says beside the log are made right again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rusqlite::{Connection, params};

use super::*;
use crate::integrity::verify::{Report, Verdict, VerifyOptions, verify_store};
use crate::integrity::{Removal, notes_of};
use crate::rows::RowBlock;
use crate::split::{Integrity, SplitMeta, SplitOptions, SplitStream};

/// A store that was sealed and stopped, its public keys, and what was kept elsewhere.
struct Sealed {
    bench: Bench,
    keys: PathBuf,
    elsewhere: PathBuf,
}

impl Sealed {
    /// Three splits, a checkpoint for each, all copied elsewhere.
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut StoreOptions)) -> Self {
        let mut bench = Bench::new(1);
        change(&mut bench.options);
        let sealed = Self {
            keys: bench.dir.path().join("public"),
            elsewhere: bench.dir.path().join("elsewhere"),
            bench,
        };
        for round in 0..3 {
            sealed.run(|store, bench| {
                bench.queue.append(0, &lines(round * 10, 10));
                bench.check_found(store);
            });
        }
        fs::copy(sealed.dir().join("integrity/keys"), &sealed.keys).unwrap();
        sealed.copy_elsewhere();
        sealed
    }

    fn dir(&self) -> PathBuf {
        self.bench.dir.path().join("store")
    }

    /// Runs the store, and stops it as it should be.
    fn run(&self, act: impl FnOnce(&Store, &Bench)) {
        let store = self.bench.open();
        act(&store, &self.bench);
        assert!(store.shutdown(PATIENCE));
    }

    fn copy_elsewhere(&self) {
        copy(&self.dir().join("integrity/checkpoints"), &self.elsewhere);
    }

    fn verify(&self) -> Report {
        self.verify_with(&[])
    }

    fn verify_with_elsewhere(&self) -> Report {
        self.verify_with(std::slice::from_ref(&self.elsewhere))
    }

    fn verify_with(&self, checkpoints: &[PathBuf]) -> Report {
        verify_store(&VerifyOptions {
            data: self.dir(),
            keys: vec![self.keys.clone()],
            checkpoints: checkpoints.to_vec(),
            range: None,
        })
    }

    /// The catalog, to be edited.
    fn catalog(&self) -> Connection {
        Connection::open(self.dir().join("catalog.sqlite")).unwrap()
    }

    fn a_split(&self) -> PathBuf {
        self.bench.splits_dir().join(&self.bench.files()[0])
    }

    fn notes(&self) -> PathBuf {
        let mut files = fs::read_dir(self.dir().join("integrity/checkpoints")).unwrap();
        files.next().unwrap().unwrap().path()
    }

    fn forge(&self, split: &Path, change: impl FnOnce(&mut Vec<Found>, &mut Integrity)) {
        forge(&self.catalog(), split, change);
    }
}

/// As [`forge`], of a store's first split.
pub(super) fn forge_first(bench: &Bench, change: impl FnOnce(&mut Vec<Found>, &mut Integrity)) {
    let catalog = Connection::open(bench.dir.path().join("store/catalog.sqlite")).unwrap();
    forge(&catalog, &bench.splits_dir().join(&bench.files()[0]), change);
}

/// Writes a split anew with other rows and the same trees, and lets the catalog agree.
fn forge(catalog: &Connection, split: &Path, change: impl FnOnce(&mut Vec<Found>, &mut Integrity)) {
    let open = Split::open(split).unwrap();
    let (id, mut integrity) = (open.meta().id.clone(), open.integrity().unwrap());
    let columns = Columns {
        line: true,
        provenance: true,
        attributes: true,
    };
    let blocks: Vec<RowBlock> = (0..open.pages().len())
        .map(|page| open.read_page(page as u32, columns).unwrap())
        .collect();
    let mut rows: Vec<Found> = Vec::new();
    for row in blocks.iter().flat_map(RowBlock::rows) {
        rows.push((row.partition, row.offset, row.time_nanos, row.line.to_vec()));
    }
    let first = blocks[0].row(0);
    change(&mut rows, &mut integrity);
    rows.sort_by_key(|row| (row.2, row.1));
    let mut forged = RowBlock::new();
    for (partition, offset, time_nanos, line) in &rows {
        let mut row = blocks
            .iter()
            .flat_map(RowBlock::rows)
            .find(|row| row.offset == *offset)
            .unwrap_or_else(|| first.clone());
        (row.partition, row.offset, row.time_nanos, row.line) = (*partition, *offset, *time_nanos, line);
        forged.push(&row);
    }
    drop(open);
    fs::remove_file(split).unwrap();
    let options = SplitOptions {
        page_rows_max: 4096,
        stripe_rows_max: 65_536,
        zstd_level: 3,
    };
    let mut output = SplitStream::create_as(split.parent().unwrap(), id.clone(), &options, 0).unwrap();
    output.push(&forged, 0..forged.len()).unwrap();
    output.set_integrity(integrity);
    agree(catalog, &output.finish().unwrap());
}

fn agree(catalog: &Connection, meta: &SplitMeta) {
    let json = serde_json::to_string(meta).unwrap();
    let changed = catalog.execute(
        "UPDATE splits SET meta = ?2, rows = ?3, file_bytes = ?4 WHERE id = ?1",
        params![meta.id, json, meta.rows as i64, meta.file_bytes as i64],
    );
    assert_eq!(changed.unwrap(), 1);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

#[track_caller]
fn check(report: &Report, expected: Verdict, word: &str) {
    assert_eq!(report.verdict(), expected, "{report}");
    assert!(report.to_string().contains(word), "{word:?} is not in:\n{report}");
}

#[test]
fn what_was_sealed_and_left_alone_is_intact() {
    let sealed = Sealed::new();
    let report = sealed.verify_with_elsewhere();
    check(&report, Verdict::Intact, "verdict: intact");
    assert_eq!((report.counts.records, report.counts.trees), (30, 3));
    assert_eq!(report.counts.records_not_covered, 0);
    assert!(report.counts.checkpoints >= 3, "{report}");
}

#[test]
fn a_merge_leaves_older_checkpoints_true() {
    let sealed = Sealed::new();
    sealed.run(|store, _| store.merge_all().unwrap());
    assert_eq!(sealed.bench.files().len(), 1);
    let report = sealed.verify_with_elsewhere();
    check(&report, Verdict::Intact, "verdict: intact");
    assert_eq!(
        (report.counts.records, report.counts.trees, report.counts.splits),
        (30, 3, 1)
    );
}

#[test]
fn trees_whose_offsets_lie_between_each_other_are_found_again_after_a_merge() {
    let sealed = Sealed::with(|options| options.slice_bytes_min = 1 << 40);
    sealed.run(|store, bench| {
        let rows: Vec<_> = (0..60).map(|i| (NOW - (3 + i % 3) * DAY, format!("row {i}"))).collect();
        bench.queue.append(0, &rows);
        bench.check_found(store);
    });
    sealed.copy_elsewhere();
    sealed.run(|store, bench| {
        store.merge_all().unwrap();
        bench.check_found(store);
    });
    assert!(sealed.bench.files().len() < 6);
    let report = sealed.verify_with_elsewhere();
    check(&report, Verdict::Intact, "verdict: intact");
    assert_eq!((report.counts.records, report.counts.trees), (90, 6));
}

#[test]
fn a_dropped_an_added_and_a_changed_row_are_noticed() {
    let sealed = Sealed::new();
    sealed.forge(&sealed.a_split(), |rows, _| drop(rows.remove(4)));
    check(&sealed.verify(), Verdict::Missing, "misses 1 of 10 records");

    let sealed = Sealed::new();
    sealed.forge(&sealed.a_split(), |rows, integrity| {
        let mut added = rows[3].clone();
        added.1 = rows.iter().map(|row| row.1).max().unwrap() + 1000;
        integrity.runs.last_mut().unwrap().last = added.1;
        rows.push(added);
    });
    check(&sealed.verify(), Verdict::Altered, "11 records where 10 were sealed");

    let sealed = Sealed::new();
    sealed.forge(&sealed.a_split(), |rows, _| {
        let mut added = rows[3].clone();
        added.1 += 1000;
        rows.push(added);
    });
    check(&sealed.verify(), Verdict::Altered, "never sealed");

    let sealed = Sealed::new();
    sealed.forge(&sealed.a_split(), |rows, _| rows[4].3 = b"nothing happened".to_vec());
    check(&sealed.verify(), Verdict::Altered, "was changed");

    let sealed = Sealed::new();
    sealed.run(|store, _| store.merge_all().unwrap());
    sealed.forge(&sealed.a_split(), |rows, _| rows[25].2 += 1);
    check(&sealed.verify(), Verdict::Altered, "was changed");
}

#[test]
fn a_row_that_is_passed_off_as_erased_is_missed() {
    let sealed = Sealed::new();
    sealed.forge(&sealed.a_split(), |rows, integrity| {
        let gone = rows.remove(4);
        let tree = &mut integrity.trees[0];
        tree.removed.push(crate::split::Removed {
            leaf: 4,
            partition: gone.0,
            offset: gone.1,
            hash: timberline_proto::integrity::Hash([1; 32]),
        });
        tree.salts = tree.salts.without(&[4]);
    });
    check(
        &sealed.verify(),
        Verdict::Missing,
        "no entry of the log says were erased",
    );
}

#[test]
fn splits_that_are_swapped_gone_or_not_in_the_catalog_are_noticed() {
    let sealed = Sealed::new();
    let files = sealed.bench.files();
    let [a, b] = [0, 1].map(|at| sealed.bench.splits_dir().join(&files[at]));
    let between = sealed.bench.dir.path().join("between");
    fs::rename(&a, &between).unwrap();
    fs::rename(&b, &a).unwrap();
    fs::rename(&between, &b).unwrap();
    check(&sealed.verify(), Verdict::Altered, "is that of split");

    let sealed = Sealed::new();
    fs::remove_file(sealed.a_split()).unwrap();
    check(&sealed.verify(), Verdict::Missing, "is not there");

    let sealed = Sealed::new();
    let id = sealed.bench.files()[0].replace(".split", "");
    let catalog = sealed.catalog();
    catalog
        .execute("DELETE FROM splits WHERE id = ?1", params![id])
        .unwrap();
    catalog
        .execute("DELETE FROM integrity_trees WHERE split_id = ?1", params![id])
        .unwrap();
    drop(catalog);
    check(&sealed.verify(), Verdict::Missing, "are in no split");
}

#[test]
fn a_log_that_is_edited_or_cut_is_noticed() {
    let sealed = Sealed::new();
    let changed = sealed.catalog().execute(
        "UPDATE integrity_log SET entry = replace(entry, '\"leaves\":10', '\"leaves\":9')
         WHERE seq = (SELECT max(seq) FROM integrity_log WHERE instr(entry, '\"leaves\":10') > 0)",
        [],
    );
    assert_eq!(changed.unwrap(), 1);
    check(&sealed.verify(), Verdict::Altered, "are not those that checkpoint");

    let sealed = Sealed::new();
    let catalog = sealed.catalog();
    let last: i64 = catalog
        .query_row("SELECT max(seq) FROM integrity_log", [], |row| row.get(0))
        .unwrap();
    catalog
        .execute("DELETE FROM integrity_log WHERE seq = ?1", params![last])
        .unwrap();
    drop(catalog);
    check(&sealed.verify(), Verdict::CutShort, "of which");

    let sealed = Sealed::new();
    sealed
        .catalog()
        .execute("DELETE FROM integrity_log WHERE seq = 1", [])
        .unwrap();
    assert_ne!(sealed.verify().verdict(), Verdict::Intact);

    // A tombstone that nobody signed.
    let sealed = Sealed::new();
    let store = Catalog::open(&sealed.dir().join("catalog.sqlite")).unwrap();
    let id = sealed.bench.files()[0].replace(".split", "");
    store.delete(&[id], "out of the way", 0).unwrap();
    drop(store);
    let report = sealed.verify_with_elsewhere();
    assert!(report.to_string().contains("not signed"), "{report}");
}

#[test]
fn a_checkpoint_that_is_deleted_is_missed() {
    for gone in 0..2 {
        let sealed = Sealed::new();
        let path = sealed.notes();
        let bytes = fs::read(&path).unwrap();
        let mut notes = notes_of(&bytes);
        assert!(notes.len() >= 3);
        notes.remove(gone);
        let left: String = notes.iter().map(|note| format!("{note}\n")).collect();
        fs::write(&path, left).unwrap();
        check(&sealed.verify(), Verdict::Missing, "are missing");
    }
    let sealed = Sealed::new();
    let path = sealed.notes();
    let bytes = fs::read(&path).unwrap();
    let notes = notes_of(&bytes);
    let left: String = notes[..notes.len() - 1]
        .iter()
        .map(|note| format!("{note}\n"))
        .collect();
    fs::write(&path, left).unwrap();
    check(&sealed.verify(), Verdict::Intact, "not signed yet");
    check(&sealed.verify_with_elsewhere(), Verdict::Missing, "kept elsewhere");
}

#[test]
fn a_clock_that_is_set_back_is_remarked_and_changes_nothing() {
    let sealed = Sealed::new();
    sealed.bench.clock.0.fetch_sub(3_600_000_000_000, Ordering::Relaxed);
    sealed.run(|store, bench| {
        bench.queue.append(0, &lines(30, 10));
        bench.check_found(store);
    });
    check(&sealed.verify_with_elsewhere(), Verdict::Intact, "the clock went back");
}

#[test]
fn a_key_that_was_replaced_is_unknown_and_one_that_was_changed_is_not() {
    let sealed = Sealed::new();
    fs::remove_file(sealed.dir().join("integrity/key")).unwrap();
    sealed.run(|_, _| {});
    check(&sealed.verify(), Verdict::UnknownKey, "of which no key is known");

    let sealed = Sealed::new();
    let new = crate::integrity::rotate(&sealed.dir(), None).unwrap();
    sealed.run(|store, bench| {
        bench.queue.append(0, &lines(30, 10));
        bench.check_found(store);
    });
    check(
        &sealed.verify_with_elsewhere(),
        Verdict::Intact,
        "a known key signed that",
    );
    let listed = fs::read_to_string(sealed.dir().join("integrity/keys")).unwrap();
    assert!(
        listed.contains(&new.to_string()) && listed.lines().count() == 2,
        "{listed}"
    );
}

#[test]
fn what_a_policy_deleted_is_reported_and_older_checkpoints_hold() {
    let sealed = Sealed::with(|options| options.retention_age = Some(Duration::from_secs(10 * 86_400)));
    sealed.bench.clock.0.fetch_add(20 * DAY, Ordering::Relaxed);
    sealed.run(|store, _| {
        // The janitor may have been first, and may have joined them before.
        store.enforce_retention().unwrap();
        assert!(store.catalog().snapshot().splits.is_empty());
    });
    let report = sealed.verify_with_elsewhere();
    check(&report, Verdict::Intact, "every row is older than");
    assert_eq!((report.counts.records, report.counts.records_deleted), (0, 30));
}

#[test]
fn a_row_that_is_erased_leaves_its_leaf_alone_also_after_a_merge() {
    let sealed = Sealed::new();
    sealed.run(|store, _| {
        // A merge may take the split away before it is erased from.
        store.pause_merging(true);
        let split = store.catalog().snapshot().splits[0].clone();
        let gone = BTreeSet::from([(0, split.meta.offsets[0].1 + 3)]);
        let removal = Removal {
            reason: "request 7".into(),
            policy: Some("erasure".into()),
            actor: "admin".into(),
        };
        assert!(store.erase(&split, &gone, &removal).unwrap());
        assert_eq!(
            store
                .catalog()
                .snapshot()
                .splits
                .iter()
                .map(|split| split.meta.rows)
                .sum::<u64>(),
            29
        );
    });
    for merged in [false, true] {
        if merged {
            sealed.run(|store, _| store.merge_all().unwrap());
        }
        let report = sealed.verify_with_elsewhere();
        check(&report, Verdict::Intact, "request 7");
        assert_eq!((report.counts.records, report.counts.records_erased), (29, 1));
        for file in sealed.bench.files() {
            let split = Split::open(&sealed.bench.splits_dir().join(file)).unwrap();
            for tree in split.integrity().unwrap().trees {
                assert!(tree.removed.iter().all(|gone| tree.salts.get(gone.leaf).is_none()));
            }
        }
    }
}

#[test]
fn a_directory_that_is_rolled_back_is_noticed_only_with_a_checkpoint_from_elsewhere() {
    let sealed = Sealed::new();
    let older = sealed.bench.dir.path().join("older");
    copy(&sealed.dir(), &older);
    sealed.run(|store, bench| {
        bench.queue.append(0, &lines(30, 10));
        bench.check_found(store);
    });
    sealed.copy_elsewhere();
    fs::remove_dir_all(sealed.dir()).unwrap();
    copy(&older, &sealed.dir());
    check(&sealed.verify(), Verdict::Intact, "cannot be told");
    check(&sealed.verify_with_elsewhere(), Verdict::CutShort, "older state");
    // It goes on from there: two histories.
    for round in 4..8 {
        sealed.run(|store, bench| {
            bench.queue.append(0, &lines(round * 10, 10));
            wait_until("the rows", || !found(store).is_empty());
        });
    }
    check(&sealed.verify_with_elsewhere(), Verdict::Forked, "two histories");
}

#[test]
fn rows_that_were_published_without_integrity_are_not_covered_and_no_others() {
    let mut sealed = Sealed::with(|options| options.integrity.enabled = true);
    sealed.bench.options.integrity.enabled = false;
    sealed.run(|store, bench| {
        bench.queue.append(0, &lines(30, 10));
        bench.check_found(store);
    });
    sealed.bench.options.integrity.enabled = true;
    sealed.run(|store, bench| {
        bench.queue.append(0, &lines(40, 10));
        bench.check_found(store);
        store.flush().unwrap();
        store.merge_all().unwrap();
    });
    let report = sealed.verify_with_elsewhere();
    check(&report, Verdict::Intact, "integrity was off");
    assert_eq!((report.counts.records, report.counts.records_not_covered), (40, 10));
}

#[test]
fn no_byte_of_a_split_or_a_checkpoint_may_change() {
    let sealed = Sealed::new();
    for path in [sealed.a_split(), sealed.notes()] {
        let bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len()).step_by(5) {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&path, &changed).unwrap();
            let report = sealed.verify_with_elsewhere();
            assert_ne!(report.verdict(), Verdict::Intact, "byte {at} of {}", path.display());
        }
        for length in (0..bytes.len()).step_by(211) {
            fs::write(&path, &bytes[..length]).unwrap();
            let report = sealed.verify_with_elsewhere();
            assert_ne!(report.verdict(), Verdict::Intact, "cut to {length}: {}", path.display());
        }
        fs::write(&path, &bytes).unwrap();
    }
}

#[test]
fn a_changed_byte_of_the_catalog_is_noticed_or_changes_no_record() {
    let sealed = Sealed::new();
    let path = sealed.dir().join("catalog.sqlite");
    let bytes = fs::read(&path).unwrap();
    for at in (0..bytes.len()).step_by(601) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&path, &changed).unwrap();
        let report = sealed.verify_with_elsewhere();
        assert!(
            report.verdict() != Verdict::Intact || report.counts.records == 30,
            "byte {at}: {report}"
        );
    }
}
