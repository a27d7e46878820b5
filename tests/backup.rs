//! Backups of the running program, and what is restored of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::path::Path;

use support::{Program, append, run, scratch, up_config, wait_for};

fn backup(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(&[&["backup"], arguments].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said)
}

fn config(dir: &Path, backups: &Path) -> String {
    format!(
        "{}\n[backup]\ndirectory = {backups:?}\nkept = 2\n",
        up_config(dir, &["*.log"])
    )
}

#[test]
fn a_backup_of_the_running_program_is_restored_with_every_line_once_and_goes_on() {
    let dir = scratch();
    let (log, backups) = (dir.path().join("app.log"), dir.path().join("backups"));
    append(&log, "siskin begins\n");
    let program = Program::start(dir.path(), "up", &config(dir.path(), &backups));
    let server = ["--server", program.page()];
    let lines = |from: u32, to: u32| (from..to).map(|n| format!("siskin {n}\n")).collect::<String>();
    append(&log, lines(0, 3_000));
    wait_for("the first lines", || (program.count("siskin") == 3_001).then_some(()));
    let (code, said) = backup(&[&["now"], &server[..]].concat());
    assert!(code == Some(0) && said.contains("files"), "{said}");
    let size = |dir: &Path| -> u64 {
        fs::read_dir(dir.join("blobs"))
            .unwrap()
            .flat_map(|dir| fs::read_dir(dir.unwrap().path()).unwrap())
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum()
    };
    let first = size(&backups);
    // While lines come in: the backup is of one moment all the same.
    append(&log, lines(3_000, 9_000));
    let (code, said) = backup(&[&["now"], &server[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    append(&log, lines(9_000, 9_100));
    wait_for("all lines", || (program.count("siskin") == 9_101).then_some(()));
    let (_, listed) = backup(&[&["list"], &server[..]].concat());
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let (code, said) = backup(&[&["now"], &server[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    let (_, listed) = backup(&["list", backups.to_str().unwrap()]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(size(&backups) < first * 8, "what did not change is there once");
    let (code, said) = backup(&["check", backups.to_str().unwrap()]);
    assert!(code == Some(0) && said.contains("is whole"), "{said}");
    // It is on record who asked for it.
    assert!(program.count("topic:timberline.audit action:backup.end outcome:ok") >= 3);
    let oldest = listed.lines().last().unwrap().split(' ').next().unwrap().to_owned();
    program.kill();
    // Of the moment of the backup, in another place; the agent that goes on there has nothing of before.
    let other = scratch();
    let data = other.path().join("data");
    let restored = [
        "restore",
        backups.to_str().unwrap(),
        &oldest,
        "--to",
        data.to_str().unwrap(),
    ];
    let (code, said) = backup(&restored);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = backup(&restored);
    assert!(code != Some(0) && said.contains("not empty"), "{said}");
    let quiet = up_config(other.path(), &["*.nothing"]);
    let program = Program::start(other.path(), "up", &quiet);
    let count = wait_for("what was queued to be read", || {
        let count = program.count("siskin");
        let distinct = "siskin | stats distinct(body) as n";
        let answer = program
            .post("/api/v1/query", &serde_json::json!({ "query": distinct }))
            .unwrap();
        let once = answer["rows"][0][0].as_u64() == Some(count);
        (count >= 3_001 && once).then_some(count)
    });
    assert!(count <= 9_001, "{count} lines, and {} had been written by then", 9_001);
    program.kill();
}

#[test]
fn without_a_directory_no_backup_is_made_and_it_says_what_to_set() {
    let dir = scratch();
    append(&dir.path().join("a.log"), "a line\n");
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["*.log"]));
    let (code, said) = backup(&["now", "--server", program.page()]);
    assert!(code != Some(0) && said.contains("backup.directory"), "{said}");
}
