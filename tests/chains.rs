//! Chains of agents' lines through the real program: kill -9, rotation, truncation, several lines,
//! rules, and what `timberline verify agent` says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

use support::{Program, append, copy_dir, run, scratch, up_config, wait_for};

struct Up {
    dir: tempfile::TempDir,
    config: String,
}

impl Up {
    fn new(extra: &str) -> Self {
        let dir = scratch();
        let config = format!("{}{extra}", up_config(dir.path(), &["app*.log"]));
        Self { dir, config }
    }

    fn start(&self) -> Program {
        Program::start(self.dir.path(), "up", &self.config)
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("app.log")
    }

    /// Appends numbered lines.
    fn append(&self, range: std::ops::Range<usize>) {
        let lines: String = range.map(|n| format!("2026-11-01T10:00:00Z INFO line {n}\n")).collect();
        append(&self.log(), lines);
    }

    fn verify(&self, data: &Path, more: &[&str]) -> (i32, Value) {
        let (data, key) = (text(data), text(&self.dir.path().join("data/store/integrity/keys")));
        let mut arguments = vec!["verify", "agent", "--json", "--data", &data, "--key", &key];
        arguments.extend(more);
        let output = run(&arguments);
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), report)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn wait_for_lines(program: &Program, query: &str, lines: usize) {
    wait_for("every line", || {
        let found = program.count(query) as usize;
        assert!(found <= lines, "{found} of {lines}: doubled");
        (found == lines).then_some(())
    });
}

#[test]
fn a_file_is_whole_by_its_agents_word_over_kill_9_and_restarts() {
    let up = Up::new("");
    let mut lines = 0;
    for round in 0..6 {
        let program = up.start();
        for _ in 0..5 {
            up.append(lines..lines + 7);
            lines += 7;
            wait_for_lines(&program, "line", lines);
        }
        match round % 2 {
            0 => program.kill(),
            _ => assert_eq!(program.stop(), 0),
        }
    }
    let word = text(&up.data());
    let (code, report) = up.verify(&up.data(), &["--agent-data", &word]);
    assert_eq!(code, 0, "{report:#}");
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), 1, "{report:#}");
    assert_eq!(files[0]["standing"], "whole");
    assert_eq!(
        (files[0]["lines"].as_u64(), files[0]["found"].as_u64()),
        (Some(lines as u64), Some(lines as u64))
    );
    // Without its word it is not known whether it has read on.
    assert_eq!(up.verify(&up.data(), &[]).0, 6);
    assert_eq!(up.verify(&up.data(), &["--so-far"]).0, 0);
    let host = files[0]["host"].as_str().unwrap();
    assert_eq!(up.verify(&up.data(), &[host, "--so-far"]).0, 0);
    assert_eq!(up.verify(&up.data(), &["another-host", "--so-far"]).0, 6);
}

#[test]
fn what_an_older_state_of_the_store_misses_its_agent_says() {
    let up = Up::new("");
    let program = up.start();
    up.append(0..20);
    wait_for_lines(&program, "line", 20);
    assert_eq!(program.stop(), 0);
    let older = scratch();
    copy_dir(&up.data().join("store"), older.path());
    let program = up.start();
    up.append(20..30);
    wait_for_lines(&program, "line", 30);
    assert_eq!(program.stop(), 0);
    let word = text(&up.data());
    assert_eq!(up.verify(&up.data(), &["--agent-data", &word]).0, 0);
    let (code, report) = up.verify(older.path(), &["--agent-data", &word]);
    assert_eq!(code, 3, "{report:#}");
    assert_eq!(report["files"][0]["standing"], "cut_short");
}

#[test]
fn a_file_that_is_rotated_away_truncated_and_deleted_is_closed_and_whole() {
    // What is chained is what is shipped: records of several lines, and what rules change or drop.
    let rules = "
[[agent.rules]]
name = \"noise\"
where = \"drop_me\"
drop = true

[[agent.rules]]
name = \"hide\"
redact = { detect = [\"email\"] }
";
    let mut up = Up::new("");
    let files = up.dir.path().join("app*.log");
    up.config += &format!("{rules}[[agent.files]]\ntail = [{files:?}]\nmultiline = {{ indent = true }}\n");
    let program = up.start();
    append(
        &up.log(),
        "2026-11-01T10:00:00Z INFO line 1 of a@example.org\n  goes on\n  and on\n2026-11-01T10:00:00Z drop_me\n",
    );
    append(
        &up.log(),
        "2026-11-01T10:00:00Z INFO line 2\r\n2026-11-01T10:00:00Z INFO line 3\n",
    );
    wait_for_lines(&program, "line", 3);
    // Rotated out of the patterns.
    fs::rename(up.log(), up.dir.path().join("old.txt")).unwrap();
    append(&up.log(), "2026-11-01T10:00:00Z INFO line 4\n");
    wait_for_lines(&program, "line", 4);
    // Truncated.
    fs::write(
        up.log(),
        "2026-11-01T10:00:01Z INFO line 5, other than the one before\n",
    )
    .unwrap();
    wait_for_lines(&program, "line", 5);
    fs::remove_file(up.log()).unwrap();
    let report = wait_for("every file to be closed", || {
        let (code, report) = up.verify(&up.data(), &[]);
        assert!(matches!(code, 0 | 6), "{report:#}");
        let files = report["files"].as_array()?;
        (code == 0 && files.len() == 3).then_some(report)
    });
    for file in report["files"].as_array().unwrap() {
        assert_eq!(
            (&file["standing"], &file["closed"]),
            (&"whole".into(), &true.into()),
            "{report:#}"
        );
    }
    assert_eq!(program.stop(), 0);
}

#[test]
fn an_agent_that_does_not_chain_is_no_fault() {
    let mut up = Up::new("");
    up.config = up.config.replace("[agent]\n", "[agent]\nchain = false\n");
    let program = up.start();
    up.append(0..5);
    wait_for_lines(&program, "line", 5);
    assert_eq!(program.stop(), 0);
    let (code, report) = up.verify(&up.data(), &[]);
    assert_eq!(
        (code, &report["files"][0]["standing"]),
        (0, &"not_chained".into()),
        "{report:#}"
    );
    let catalog = Connection::open(up.data().join("store/catalog.sqlite")).unwrap();
    let blocks: i64 = catalog
        .query_row("SELECT count(*) FROM integrity_chains", [], |row| row.get(0))
        .unwrap();
    assert!(blocks > 0);
}
