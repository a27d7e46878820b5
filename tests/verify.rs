//! What an adversary does to a real data directory, and what `timberline verify` says of it. One who
//! knows the formats of splits is in `store/src/store/tests/integrity.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

use support::{Program, append, copy_dir, run, scratch, up_config, wait_for};

/// A data directory that was filled by the real program in three runs.
struct Real {
    dir: tempfile::TempDir,
    lines: usize,
}

impl Real {
    fn new() -> Self {
        let mut real = Self {
            dir: scratch(),
            lines: 0,
        };
        for _ in 0..3 {
            real.go_on();
        }
        fs::copy(real.data().join("store/integrity/keys"), real.key()).unwrap();
        real
    }

    /// Runs the program until it has twenty more lines, and stops it.
    fn go_on(&mut self) {
        let config = format!(
            "{}[integrity]\ncopy_directories = [{:?}]\n",
            up_config(self.dir.path(), &["*.log"]),
            self.elsewhere()
        );
        let program = Program::start(self.dir.path(), "up", &config);
        for _ in 0..20 {
            append(
                &self.dir.path().join("app.log"),
                format!("2026-11-01T10:00:00Z line {}\n", self.lines),
            );
            self.lines += 1;
        }
        wait_for("every line", || {
            (program.count("line") as usize == self.lines).then_some(())
        });
        assert_eq!(program.stop(), 0);
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("public")
    }

    /// The second place, which the program itself fills.
    fn elsewhere(&self) -> PathBuf {
        self.dir.path().join("elsewhere")
    }

    /// A copy, as an auditor would have it.
    fn copy(&self) -> tempfile::TempDir {
        let to = scratch();
        copy_dir(&self.data().join("store"), to.path());
        to
    }

    fn verify(&self, data: &Path, with_elsewhere: bool) -> (i32, Value) {
        let (data, key, elsewhere) = (text(data), text(&self.key()), text(&self.elsewhere()));
        let mut arguments = vec!["verify", "store", "--json", "--data", &data, "--key", &key];
        if with_elsewhere {
            arguments.extend(["--checkpoints", &elsewhere]);
        }
        let output = run(&arguments);
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), report)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn splits(store: &Path) -> Vec<PathBuf> {
    files(&store.join("splits"))
}

fn notes(store: &Path) -> PathBuf {
    files(&store.join("integrity/checkpoints")).remove(0)
}

fn edit(store: &Path, sql: &str) {
    Connection::open(store.join("catalog.sqlite"))
        .unwrap()
        .execute_batch(sql)
        .unwrap();
}

/// A bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Takes the first of the notes away.
fn drop_first_note(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let signatures = text.find("\n\n").unwrap() + 2;
    let end = signatures + text[signatures..].find("\n\n").unwrap() + 2;
    fs::write(path, &text[end..]).unwrap();
}

/// What is done to the store's directory, and the exit codes without and with checkpoints from elsewhere.
type Case = (&'static str, fn(&Path), i32, i32);

const CASES: &[Case] = &[
    ("nothing", |_| {}, 0, 0),
    ("a bit flipped in a split", |store| flip(&splits(store)[0]), 1, 1),
    ("a bit flipped in the checkpoints", |store| flip(&notes(store)), 1, 1),
    (
        "splits swapped",
        |store| {
            let splits = splits(store);
            let between = store.join("between");
            fs::rename(&splits[0], &between).unwrap();
            fs::rename(&splits[1], &splits[0]).unwrap();
            fs::rename(&between, &splits[1]).unwrap();
        },
        1,
        1,
    ),
    (
        "a split removed",
        |store| fs::remove_file(&splits(store)[0]).unwrap(),
        2,
        2,
    ),
    (
        "a split removed, and its row in the catalog",
        |store| {
            let split = splits(store).remove(0);
            let id = split.file_stem().unwrap().to_str().unwrap();
            edit(
                store,
                &format!("DELETE FROM splits WHERE id = '{id}'; DELETE FROM integrity_trees WHERE split_id = '{id}'"),
            );
            fs::remove_file(split).unwrap();
        },
        2,
        2,
    ),
    (
        "the log's tail cut off",
        |store| {
            edit(
                store,
                "DELETE FROM integrity_log WHERE seq = (SELECT max(seq) FROM integrity_log)",
            )
        },
        3,
        3,
    ),
    (
        "an entry of the log edited",
        |store| {
            edit(
                store,
                "UPDATE integrity_log SET entry = replace(entry, '\"leaves\":', '\"leaves\":1') WHERE seq = 1",
            )
        },
        1,
        1,
    ),
    ("a checkpoint deleted", |store| drop_first_note(&notes(store)), 2, 2),
    (
        "the catalog gone",
        |store| fs::remove_file(store.join("catalog.sqlite")).unwrap(),
        6,
        6,
    ),
];

#[test]
fn each_thing_an_adversary_does_to_a_real_data_directory_has_its_verdict() {
    let real = Real::new();
    for (name, act, alone, with_elsewhere) in CASES {
        let copy = real.copy();
        act(copy.path());
        let before = listing(copy.path());
        for (elsewhere, expected) in [(false, *alone), (true, *with_elsewhere)] {
            let (code, report) = real.verify(copy.path(), elsewhere);
            assert_eq!(
                code, expected,
                "{name}, checkpoints from elsewhere: {elsewhere}: {report:#}"
            );
            assert_eq!(report["code"], expected, "{name}");
        }
        assert_eq!(listing(copy.path()), before, "{name}: verify wrote to what it checks");
    }
}

/// Names and lengths of all files.
fn listing(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for path in files(dir) {
        match path.is_dir() {
            true => found.extend(listing(&path)),
            false => found.push((path.clone(), fs::metadata(&path).unwrap().len())),
        }
    }
    found
}

#[test]
fn a_directory_rolled_back_or_signed_by_another_key_is_told_by_what_is_kept_elsewhere() {
    let mut real = Real::new();
    let older = real.copy();
    real.go_on();
    assert_eq!(real.verify(older.path(), false).0, 0);
    assert_eq!(real.verify(older.path(), true).0, 3);
    assert_eq!(real.verify(&real.data(), true).0, 0);

    let other = Real::new();
    let (code, report) = real.verify(&other.data(), false);
    assert_eq!(code, 5, "{report:#}");
}

#[test]
fn a_store_that_runs_is_checked_too_and_a_record_is_proven_by_itself() {
    let real = Real::new();
    let (data, key) = (text(&real.data()), text(&real.key()));
    let proof = run(&["prove", "record", "logs-0-7", "--data", &data]);
    assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stderr));
    let file = real.dir.path().join("proof.json");
    let check = |proof: &[u8]| {
        fs::write(&file, proof).unwrap();
        run(&["verify", "record", &text(&file), "--key", &key])
            .status
            .code()
            .unwrap()
    };
    assert_eq!(check(&proof.stdout), 0);
    let mut changed: Value = serde_json::from_slice(&proof.stdout).unwrap();
    changed["record"]["severity"] = 6.into();
    assert_eq!(check(changed.to_string().as_bytes()), 1);
    assert_eq!(check(b"{}"), 6);
    assert_eq!(
        run(&["prove", "record", "logs-0-7000", "--data", &data]).status.code(),
        Some(2)
    );
    assert_eq!(run(&["verify", "record"]).status.code(), Some(64));

    let config = up_config(real.dir.path(), &["*.log"]);
    let program = Program::start(real.dir.path(), "up", &config);
    let (code, report) = real.verify(&real.data(), true);
    assert_eq!(code, 0, "{report:#}");
    drop(program);
}

#[test]
fn a_later_checkpoint_goes_on_where_an_older_one_stood() {
    let mut real = Real::new();
    let (data, key) = (text(&real.data()), text(&real.key()));
    let older = real.dir.path().join("older.notes");
    fs::copy(notes(&real.data().join("store")), &older).unwrap();
    real.go_on();
    let newer = text(&notes(&real.data().join("store")));
    let older = text(&older);
    let consistency = |old: &str, new: &str| {
        let output = run(&["verify", "consistency", old, new, "--key", &key, "--data", &data]);
        output.status.code().unwrap()
    };
    assert_eq!(consistency(&older, &newer), 0);
    assert_ne!(consistency(&newer, &older), 0);
    let other = Real::new();
    assert_eq!(consistency(&older, &text(&notes(&other.data().join("store")))), 5);
}
