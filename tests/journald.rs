//! The journal by the real program, with a stand-in for journalctl: killed, ended, read on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use support::{Program, append, scratch, up_config, wait_for};

/// What stands for journalctl: entry `N` of a journal of lines `N`, from the cursor on, and follows. The
/// entry at the cursor comes again, as it does of a journal whose clock was set back.
const SCRIPT: &str = r#"#!/bin/sh
after=-1
for argument in "$@"; do
    case "$argument" in --after-cursor=*) after=${argument#--after-cursor=} ;; esac
done
echo "$*" >> ARGUMENTS
tail -n +1 -F JOURNAL 2> /dev/null | while read -r n; do
    if [ "$n" -ge "$after" ]; then
        printf '__CURSOR=%s\n__REALTIME_TIMESTAMP=1796036400%06d\n_SYSTEMD_UNIT=unit%d.service\n' "$n" "$n" $((n % 3))
        printf 'PRIORITY=3\nMESSAGE=entry %s of the journal\n\n' "$n"
    fi
done
"#;

struct Journal<'a>(&'a Path);

impl Journal<'_> {
    fn config(&self) -> String {
        let program = self.0.join("journalctl");
        let script = SCRIPT
            .replace("JOURNAL", &self.0.join("journal").display().to_string())
            .replace("ARGUMENTS", &self.0.join("arguments").display().to_string());
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        up_config(self.0, &["none"]).replace(
            "[store]",
            &format!(
                "[agent.outbox]\ncommit_interval = \"20ms\"\n[agent.journald]\nprogram = {program:?}\nunits = [\"a.service\"]\n[store]"
            ),
        )
    }

    fn write(&self, from: usize, to: usize) {
        let lines: String = (from..to).map(|n| format!("{n}\n")).collect();
        append(&self.0.join("journal"), lines);
    }
}

/// How often each entry is found.
fn found(program: &Program) -> BTreeMap<usize, usize> {
    let mut found = BTreeMap::new();
    for record in program.records("entry") {
        let body = record["body"].as_str().unwrap();
        *found
            .entry(body.split(' ').nth(1).unwrap().parse().unwrap())
            .or_default() += 1;
    }
    found
}

#[track_caller]
fn check_once(program: &Program, count: usize) {
    wait_for("every entry", || {
        (program.count("entry") as usize >= count).then_some(())
    });
    let expected: BTreeMap<usize, usize> = (0..count).map(|n| (n, 1)).collect();
    assert_eq!(found(program), expected);
}

#[test]
fn entries_are_records_of_their_units_and_the_cursor_outlives_a_restart() {
    let dir = scratch();
    let journal = Journal(dir.path());
    journal.write(0, 100);
    let config = journal.config();
    let program = Program::start(dir.path(), "up", &config);
    check_once(&program, 100);
    let record = program.records("\"entry 4 of\"").remove(0);
    assert_eq!(record["stream"]["service.name"], "unit1");
    assert_eq!(record["severity"], "error");
    assert_eq!(record["timestamp"], "2026-11-30T11:00:00.000004000Z");
    assert_eq!(program.stop(), 0);
    journal.write(100, 150);
    let program = Program::start(dir.path(), "up", &config);
    check_once(&program, 150);
    assert_eq!(program.stop(), 0);
    let arguments = fs::read_to_string(dir.path().join("arguments")).unwrap();
    let lines: Vec<&str> = arguments.lines().collect();
    assert!(
        lines[0].contains("--no-tail") && lines[0].contains("--unit=a.service"),
        "{arguments}"
    );
    assert!(lines[1].contains("--after-cursor=99"), "{arguments}");
}

#[test]
fn entries_are_there_once_however_often_the_agent_is_killed() {
    let dir = scratch();
    let journal = Journal(dir.path());
    let config = journal.config();
    let mut count = 0;
    for round in 0..6 {
        let program = Program::start(dir.path(), "up", &config);
        let before = count;
        for _ in 0..40 {
            journal.write(count, count + 50);
            count += 50;
            std::thread::sleep(Duration::from_millis(5)); // a writer's pace
        }
        // Killed amid what was written, now earlier, now later.
        wait_for("something new", || {
            (program.count("entry") as usize > before + round * 100).then_some(())
        });
        program.kill();
    }
    let program = Program::start(dir.path(), "up", &config);
    check_once(&program, count);
    assert_eq!(program.stop(), 0);
}

#[test]
fn a_journalctl_that_ends_is_started_again_behind_the_last_entry() {
    let dir = scratch();
    let journal = Journal(dir.path());
    journal.write(0, 10);
    let config = journal.config();
    let path = dir.path().join("journalctl");
    let script = fs::read_to_string(&path).unwrap();
    // Ends by itself after what is there.
    fs::write(&path, script.replace("-F", "")).unwrap();
    let program = Program::start(dir.path(), "up", &config);
    check_once(&program, 10);
    journal.write(10, 20);
    check_once(&program, 20);
    assert!(
        program.log().contains("journalctl is started again"),
        "{}",
        program.log()
    );
    assert_eq!(program.stop(), 0);
}
