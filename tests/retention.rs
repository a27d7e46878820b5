//! Retention policies on the real program: each class goes by its own policy, a dry run says it before,
//! and what two policies share is divided, killed in between or not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use support::{DEADLINE, Program, append, run, scratch, up_config, wait_for};

/// Merges and deletes all the time.
fn busy(dir: &Path) -> String {
    up_config(dir, &["*.log"]).replace("flush_interval = \"1s\"", "flush_interval = \"100ms\"")
        + "janitor_interval = \"100ms\"\n"
}

/// The same without seals: what is sealed is not divided.
fn unsealed(dir: &Path) -> String {
    busy(dir) + "[integrity]\nenabled = false\n"
}

fn json_of(program: &Program, path: &str) -> Value {
    let (status, body) = program.get(path);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// The standard output of a command that asks `program`.
#[track_caller]
fn said(program: &Program, arguments: &[&str]) -> String {
    let output = run(&[arguments, &["--server", program.page()]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that is refused says.
#[track_caller]
fn refused(program: &Program, arguments: &[&str]) -> String {
    let output = run(&[arguments, &["--server", program.page()]].concat());
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// Lines of two files, old ones and new ones of each.
fn write_lines(dir: &Path) {
    for (name, seed) in [("pay", 1), ("web", 1_000_000)] {
        // No two lines alike, so that bytes on disk tell how many lines there are.
        let lines = |time: &str, word: &str, count: u64| -> String {
            let line = |n: u64| {
                format!(
                    "{time} {name} {word} {:016x}\n",
                    (n + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                )
            };
            (0..count).map(line).collect()
        };
        let file = dir.join(format!("{name}.log"));
        append(&file, lines("2001-01-01T00:00:00Z", "old", 1000));
        append(&file, lines("2001-01-01T06:00:00Z", "older", 1000));
        append(&file, lines("2026-11-24T14:00:00Z", "new", 50));
    }
}

/// The splits of what was collected; the store keeps its own records beside them.
fn splits(program: &Program) -> Vec<Value> {
    let splits = json_of(program, "/api/v1/splits")["splits"].as_array().unwrap().clone();
    splits.into_iter().filter(|split| split["topic"] == "logs").collect()
}

/// All of it in splits, and one split a day.
fn wait_for_splits(program: &Program) -> u64 {
    wait_for("everything in two splits", || {
        let splits = splits(program);
        let records: u64 = splits.iter().map(|split| split["records"].as_u64().unwrap()).sum();
        (records == 4100 && splits.len() == 2).then_some(())
    });
    split_bytes(program)
}

fn split_bytes(program: &Program) -> u64 {
    splits(program)
        .iter()
        .map(|split| split["file_bytes"].as_u64().unwrap())
        .sum()
}

/// Every byte of both files is accounted for.
fn check_ledger(program: &Program) {
    let output = run(&["ledger", "--server", program.page()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

const POLICIES: &str = "[retention]\nage = \"3650days\"\n\
    [[retention.policy]]\nname = \"payments\"\nselect = \"file:*pay.log\"\nage = \"36500days\"\nminimum = \"30days\"\nnote = \"a contract\"\n";

#[test]
fn each_class_goes_by_its_own_policy_after_a_dry_run_that_said_so() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &unsealed(dir.path()));
    write_lines(dir.path());
    let before = wait_for_splits(&program);
    let file = dir.path().join("policies.toml");
    fs::write(&file, POLICIES).unwrap();
    let file = file.to_str().unwrap();

    // A dry run changes nothing, and says that the streams share splits.
    let dry = said(&program, &["retention", "preview", file]);
    assert!(
        dry.contains("would remove nothing") && dry.contains("with streams of several classes"),
        "{dry}"
    );
    assert!(said(&program, &["retention", "show"]).contains("default  [everything else]  kept for ever"));

    said(&program, &["retention", "set", file]);
    wait_for("the old lines of the web to go", || {
        (program.count("web") == 50).then_some(())
    });
    assert_eq!(program.count("pay"), 2050);
    let after = split_bytes(&program);
    assert!(after < before, "{after} of {before} bytes are left");
    let shown = wait_for("what is left to be divided", || {
        let shown = json_of(&program, "/api/v1/retention");
        (shown["mixed"]["splits"] == 0).then_some(shown)
    });
    assert_eq!(
        (&shown["version"], &shown["source"]),
        (&json!(2), &json!("set")),
        "{shown}"
    );
    assert_eq!(shown["classes"][0]["stored"]["records"], 2050, "{shown}");
    check_ledger(&program);

    // Later policies find what is of one class, and the dry run names it by class, cause and stream.
    let shorter = POLICIES.replace("36500days", "3650days");
    fs::write(file, &shorter).unwrap();
    let dry = said(&program, &["retention", "preview", file]);
    assert!(
        dry.contains("policy payments: every row is older") && dry.contains("(2000 lines"),
        "{dry}"
    );
    assert!(dry.contains("pay.log"), "{dry}");
    assert_eq!(program.count("pay"), 2050);

    // The configuration's policies count again, and every version is on record.
    said(&program, &["retention", "reset"]);
    let history = said(&program, &["retention", "history"]);
    assert!(
        history.contains("version 3") && history.contains("version 1") && history.contains("payments"),
        "{history}"
    );
    assert_eq!(program.stop(), 0);
    let program = Program::start(dir.path(), "up", &unsealed(dir.path()));
    assert_eq!((program.count("pay"), program.count("web")), (2050, 50));
}

#[test]
fn a_minimum_keeps_what_is_there_even_if_it_is_lowered_before() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &busy(dir.path()));
    write_lines(dir.path());
    wait_for_splits(&program);
    let file = dir.path().join("policies.toml");
    let path = file.to_str().unwrap();
    let set = |text: &str| {
        fs::write(&file, text).unwrap();
        said(&program, &["retention", "set", path])
    };
    set("[retention]\nminimum = \"36500days\"\n");
    let says = set("[retention]\nage = \"3650days\"\n");
    assert!(
        says.contains("would remove nothing") && says.contains("held back: younger than the minimum retention"),
        "{says}"
    );
    // The janitor comes by several times.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!((program.count("pay"), program.count("web")), (2050, 2050));
    // An age below the minimum is refused before anything is changed.
    fs::write(&file, "[retention]\nage = \"1day\"\nminimum = \"2days\"\n").unwrap();
    let says = refused(&program, &["retention", "set", path]);
    assert!(says.contains("below minimum_seconds"), "{says}");
    fs::write(&file, "[[retention.policy]]\nname = \"a\"\nselect = \"error\"\n").unwrap();
    let says = refused(&program, &["retention", "set", path]);
    assert!(says.contains("policies select whole streams"), "{says}");
    assert_eq!(json_of(&program, "/api/v1/retention")["version"], 3);
}

#[test]
fn killed_while_splits_are_divided_every_line_is_there_once_and_then_goes_by_its_policy() {
    for point in ["merge-written", "merge-replaced", "retention-deleted"] {
        let dir = scratch();
        let program = Program::start(dir.path(), "up", &unsealed(dir.path()));
        write_lines(dir.path());
        wait_for_splits(&program);
        assert_eq!(program.stop(), 0);
        let config = format!("{}{POLICIES}", unsealed(dir.path()));
        let armed = [("TIMBERLINE_CRASH_AT", point)];
        if let Ok(mut program) = Program::try_start_with(dir.path(), "up", &config, &armed) {
            let begin = Instant::now();
            while !program.has_ended() {
                assert!(begin.elapsed() < DEADLINE, "never came to {point}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let program = Program::start(dir.path(), "up", &config);
        wait_for("the old lines of the web to go", || {
            (program.count("web") == 50).then_some(())
        });
        assert_eq!(program.count("pay"), 2050, "{point}");
        check_ledger(&program);
        wait_for("a file for each split and no other", || {
            let known = json_of(&program, "/api/v1/splits")["splits"].as_array().unwrap().len();
            let files = fs::read_dir(dir.path().join("data/store/splits")).unwrap().count();
            (files == known).then_some(())
        });
    }
}

#[test]
fn what_is_sealed_is_not_divided_and_what_comes_after_a_change_goes_by_its_class() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &busy(dir.path()));
    write_lines(dir.path());
    wait_for_splits(&program);
    let file = dir.path().join("policies.toml");
    fs::write(&file, POLICIES).unwrap();
    let says = said(&program, &["retention", "set", file.to_str().unwrap()]);
    assert!(says.contains("with streams of several classes"), "{says}");
    assert!(
        says.contains("held back: in a split with streams of payments"),
        "{says}"
    );
    // Lines that are as old, and come after the change.
    append(&dir.path().join("web.log"), "2001-01-01T00:00:00Z late\n".repeat(20));
    append(&dir.path().join("pay.log"), "2001-01-01T00:00:00Z late\n".repeat(30));
    wait_for("the late lines of the payments, and none of the others", || {
        let ledger = json_of(&program, "/api/v1/ledger");
        let removed = ledger.to_string().contains("\"removed\":520");
        (removed && program.count("late") == 30).then_some(())
    });
    assert_eq!((program.count("pay"), program.count("web")), (2080, 2050));
    assert_eq!(program.stop(), 0);
    let data = dir.path().join("data");
    let keys = data.join("store/integrity/keys");
    let verified = run(&[
        "verify",
        "store",
        "--data",
        data.to_str().unwrap(),
        "--key",
        keys.to_str().unwrap(),
    ]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
}
