//! The store's fault cases on the real program: killed at every named point, at any moment, copied
//! by half, damaged and restored.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use support::{DEADLINE, Program, append, run, scratch, up_config, wait_for};

/// Flushes, merges and deletes all the time.
fn busy(dir: &Path) -> String {
    up_config(dir, &["*.log"]).replace("flush_interval = \"1s\"", "flush_interval = \"100ms\"")
        + "janitor_interval = \"100ms\"\nretention_age = \"3650d\"\n"
}

/// Line `n`: one in five is so old that retention deletes it.
fn line(n: usize) -> String {
    match n % 5 {
        4 => format!("2001-01-01T00:00:00Z old {n}\n"),
        _ => format!("2026-11-01T10:00:00Z kept {n}\n"),
    }
}

/// How often each kept line is found.
fn kept(program: &Program) -> BTreeMap<usize, usize> {
    let mut found = BTreeMap::new();
    for record in program.records("kept") {
        let body = record["body"].as_str().unwrap();
        *found
            .entry(body.rsplit(' ').next().unwrap().parse().unwrap())
            .or_default() += 1;
    }
    found
}

#[track_caller]
fn check_once(program: &Program, lines: usize) {
    let expected: BTreeMap<usize, usize> = (0..lines).filter(|n| n % 5 != 4).map(|n| (n, 1)).collect();
    wait_for("every line", || {
        (program.count("kept") as usize >= expected.len()).then_some(())
    });
    assert_eq!(kept(program), expected);
    let status = status(program);
    assert_eq!(status["completeness"]["partial"], Value::Null, "{status}");
}

fn status(program: &Program) -> Value {
    serde_json::from_str(&program.get("/api/v1/status").1).unwrap()
}

/// Kills the program at the point twice in a row, then lets it run, and looks for every line.
#[track_caller]
fn check_killed_at(point: &str) {
    let dir = scratch();
    let config = busy(dir.path());
    let file = dir.path().join("app.log");
    let mut lines = 0;
    for _ in 0..2 {
        let armed = [("TIMBERLINE_CRASH_AT", point)];
        let Ok(mut program) = Program::try_start_with(dir.path(), "up", &config, &armed) else {
            continue; // it came to the point before it was announced
        };
        let begin = Instant::now();
        while !program.has_ended() {
            assert!(begin.elapsed() < DEADLINE, "never came to {point}");
            append(&file, line(lines));
            lines += 1;
            std::thread::sleep(Duration::from_millis(20)); // so that flushes are many and small
        }
    }
    assert!(lines > 0);
    let program = Program::start(dir.path(), "up", &config);
    check_once(&program, lines);
    assert_eq!(program.stop(), 0);
    let program = Program::start(dir.path(), "up", &config);
    check_once(&program, lines);
    wait_for("a file for each split and no other", || {
        let known = splits(&program, "").len();
        (split_files(dir.path()).len() == known).then_some(())
    });
}

#[test]
fn s01_killed_with_a_split_that_the_catalog_does_not_know() {
    check_killed_at("split-unsynced");
    check_killed_at("splits-written");
}

#[test]
fn s02_s05_killed_between_the_catalog_and_the_queue() {
    check_killed_at("published");
    check_killed_at("dropped");
    check_killed_at("told");
}

#[test]
fn s19_killed_around_a_merge() {
    check_killed_at("merge-written");
    check_killed_at("merge-replaced");
}

#[test]
fn s15_killed_around_a_deletion() {
    check_killed_at("retention-deleted");
    check_killed_at("file-removed");
}

#[test]
fn s19_killed_again_and_again_while_it_merges_deletes_and_answers() {
    let dir = scratch();
    let config = busy(dir.path());
    let (written, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let n = written.load(Ordering::Relaxed);
                append(&dir.path().join("app.log"), line(n));
                written.store(n + 1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2)); // a writer's pace
            }
        });
        let mut seen = 0;
        for _ in 0..5 {
            let program = Program::start(dir.path(), "up", &config);
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_millis(1500) {
                let now = program.count("kept");
                assert!(now + 500 >= seen, "{seen} were found before, {now} now");
                seen = seen.max(now);
            }
            program.kill();
        }
        stop.store(true, Ordering::Relaxed);
    });
    let program = Program::start(dir.path(), "up", &config);
    check_once(&program, written.load(Ordering::Relaxed));
}

fn split_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("data/store/splits")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The ids of the splits of a topic; of all, the store's own among them, if none is named.
fn splits(program: &Program, topic: &str) -> Vec<String> {
    let (_, body) = program.get("/api/v1/splits");
    let answer: Value = serde_json::from_str(&body).unwrap();
    let splits = answer["splits"].as_array().unwrap().iter();
    let of_topic = splits.filter(|split| topic.is_empty() || split["topic"] == topic);
    let mut ids: Vec<String> = of_topic.map(|split| split["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// A stopped store of several splits of logs, a hundred lines in each, and their files.
fn stopped(dir: &Path, count: usize) -> (String, Vec<PathBuf>) {
    // Nothing is flushed before the end, and no split is small enough to be merged.
    let config = up_config(dir, &["*.log"]).replace(
        "flush_interval = \"1s\"",
        "flush_interval = \"10m\"\nmerge_bytes_max = \"1KiB\"",
    );
    for split in 0..count {
        let lines: String = (0..100)
            .map(|n| format!("2026-11-01T10:00:{:02}Z word{split} {n}\n", n % 60))
            .collect();
        append(&dir.join("app.log"), lines);
        let program = Program::start(dir, "up", &config);
        wait_for("the lines", || {
            (program.count("*") == (split as u64 + 1) * 100).then_some(())
        });
        assert_eq!(program.stop(), 0);
    }
    let program = Program::start(dir, "up", &config);
    let ids = splits(&program, "logs");
    assert_eq!(program.stop(), 0);
    assert_eq!(ids.len(), count);
    let file = |id: &String| dir.join(format!("data/store/splits/{id}.split"));
    (config, ids.iter().map(file).collect())
}

fn answer(program: &Program, query: &str) -> Value {
    program
        .post("/api/v1/query", &json!({"query": query, "limit": 1000}))
        .unwrap()
}

#[test]
fn s06_a_damaged_split_is_named_over_restarts_until_its_file_is_restored_and_checked() {
    let dir = scratch();
    let (config, mut files) = stopped(dir.path(), 3);
    let path = files.remove(1);
    let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let sound = fs::read(&path).unwrap();
    let mut damaged = sound.clone();
    damaged[16..sound.len() / 2].fill(0xa5);
    fs::write(&path, &damaged).unwrap();
    for _ in 0..2 {
        let program = Program::start(dir.path(), "up", &config);
        let found = answer(&program, "*");
        assert_eq!(found["records"].as_array().unwrap().len(), 200);
        assert!(
            found["completeness"]["partial"][0].as_str().unwrap().contains(&id),
            "{found}"
        );
        let status = status(&program);
        assert!(
            status["completeness"]["partial"][0].as_str().unwrap().contains(&id),
            "{status}"
        );
        let checked = run(&["split", "check", "--server", program.page()]);
        assert!(!checked.status.success(), "it is still damaged");
        assert_eq!(program.stop(), 0);
    }
    fs::write(&path, &sound).unwrap();
    let program = Program::start(dir.path(), "up", &config);
    assert_eq!(program.count("*"), 200, "nobody said that it was restored");
    let listed = run(&["split", "list", "--server", program.page()]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(
        listed
            .lines()
            .filter(|line| line.contains("  logs  ") && line.ends_with("sound"))
            .count(),
        2,
        "{listed}"
    );
    let checked = run(&["split", "check", "--server", program.page()]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let found = answer(&program, "*");
    assert_eq!(found["records"].as_array().unwrap().len(), 300);
    assert_eq!(found["completeness"]["partial"], Value::Null, "{found}");
    // While it runs, too: what is damaged under it is found by a check of all.
    fs::write(&path, &damaged).unwrap();
    let checked = run(&["split", "check", "--all", "--server", program.page()]);
    assert!(!checked.status.success());
    assert_eq!(program.count("*"), 200);
}

fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target, wanted);
        } else if wanted(&path) {
            fs::copy(&path, target).unwrap();
        }
    }
}

#[test]
fn s20_a_copied_directory_answers_the_same_and_one_copied_by_half_says_what_it_lacks() {
    let dir = scratch();
    let (config, files) = stopped(dir.path(), 3);
    let program = Program::start(dir.path(), "up", &config);
    let before = answer(&program, "* | stats count() as n by service | sort service");
    let records = program.records("*");
    assert_eq!(program.stop(), 0);

    let restored = scratch();
    copy(&dir.path().join("data"), &restored.path().join("data"), &|_| true);
    let other = up_config(restored.path(), &["none"]);
    let program = Program::start(restored.path(), "up", &other);
    assert_eq!(
        answer(&program, "* | stats count() as n by service | sort service")["rows"],
        before["rows"]
    );
    assert_eq!(program.records("*"), records);
    // It merges meanwhile.
    let checked = run(&["split", "check", "--all", "--server", program.page()]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));

    // A file is missing, another is short: both are named at the start, before anyone asks.
    let half = scratch();
    copy(&dir.path().join("data"), &half.path().join("data"), &|path| {
        *path != files[0]
    });
    let short = half
        .path()
        .join("data/store/splits")
        .join(files[1].file_name().unwrap());
    let length = fs::metadata(&short).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&short)
        .unwrap()
        .set_len(length - 1)
        .unwrap();
    let program = Program::start(half.path(), "up", &up_config(half.path(), &["none"]));
    let partial = status(&program)["completeness"]["partial"].to_string();
    for file in &files[..2] {
        assert!(
            partial.contains(file.file_stem().unwrap().to_str().unwrap()),
            "{partial}"
        );
    }
    assert_eq!(program.count("*"), 100);

    // Without its catalog it does not start: the splits are not taken for garbage.
    let lost = scratch();
    copy(&dir.path().join("data"), &lost.path().join("data"), &|path| {
        !path.file_name().unwrap().to_str().unwrap().starts_with("catalog")
    });
    let refused = Program::try_start(lost.path(), "up", &up_config(lost.path(), &["none"]));
    let log = refused.err().expect("it does not start");
    assert!(log.contains("catalog.sqlite is missing"), "{log}");
}

#[test]
fn s15_a_query_under_way_ends_on_what_it_began_with_while_retention_deletes() {
    let dir = scratch();
    let lines: String = (0..50_000).map(|n| format!("2026-11-01T10:00:00Z row {n}\n")).collect();
    append(&dir.path().join("app.log"), lines);
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    wait_for("the lines", || (program.count("row") == 50_000).then_some(()));
    assert_eq!(program.stop(), 0);
    // The next start deletes everything as soon as its janitor runs.
    let config = up_config(dir.path(), &["*.log"]) + "janitor_interval = \"500ms\"\nretention_bytes = \"1B\"\n";
    let program = Program::start(dir.path(), "up", &config);
    let found = answer(&program, "row | stats count() as n");
    let n = found["rows"][0][0].as_u64().unwrap();
    assert!(n == 50_000 || n == 0, "half of it: {found}");
    wait_for("the deletion", || splits(&program, "logs").is_empty().then_some(()));
    let found = answer(&program, "row");
    assert_eq!(
        found["completeness"]["partial"],
        Value::Null,
        "what is deleted on purpose is not missing: {found}"
    );
    wait_for("its files to go", || split_files(dir.path()).is_empty().then_some(()));
}
