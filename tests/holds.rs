//! Legal holds on the real program: they beat every policy, also later ones, over restarts, until they
//! are released; what somebody removes past the program is named.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use support::{Program, append, run, scratch, up_config, wait_for};

fn said(program: &Program, arguments: &[&str]) -> String {
    let output = run(&[arguments, &["--server", program.page()]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json_of(program: &Program, path: &str) -> Value {
    let (status, body) = program.get(path);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn config(dir: &std::path::Path) -> String {
    up_config(dir, &["*.log"]).replace("flush_interval = \"1s\"", "flush_interval = \"100ms\"")
        + "janitor_interval = \"100ms\"\n"
}

/// Collected records in splits; the store keeps its own beside them.
fn stored(program: &Program) -> u64 {
    let splits = json_of(program, "/api/v1/splits")["splits"].as_array().unwrap().clone();
    let collected = splits.iter().filter(|split| split["topic"] == "logs");
    collected.map(|split| split["records"].as_u64().unwrap()).sum()
}

const SHORT: &str = "[retention]\nage = \"3650days\"\n";

#[test]
fn what_is_held_outlives_every_policy_until_it_is_released() {
    let dir = scratch();
    append(&dir.path().join("pay.log"), "2001-01-01T00:00:00Z pay old\n".repeat(20));
    append(&dir.path().join("web.log"), "2001-01-01T00:00:00Z web old\n".repeat(30));
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    wait_for("all lines in splits", || (stored(&program) == 50).then_some(()));
    let hold = [
        "holds",
        "create",
        "file:*web.log",
        "--case",
        "2026-17",
        "--owner",
        "counsel",
        "--reason",
        "dispute",
    ];
    let made = said(
        &program,
        &[&hold[..], &["--from", "2000-12-31", "--to", "2001-01-01"]].concat(),
    );
    assert!(made.contains("case 2026-17") && made.contains("in force"), "{made}");
    let id = made.split_whitespace().next().unwrap().to_owned();

    // A policy that comes later removes nothing that is held; both streams are in one split.
    let file = dir.path().join("policies.toml");
    fs::write(&file, SHORT).unwrap();
    let says = said(&program, &["retention", "set", file.to_str().unwrap()]);
    append(&dir.path().join("web.log"), "2026-11-24T14:00:00Z web new\n".repeat(10));
    assert!(says.contains("held back: held for case 2026-17"), "{says}");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(program.count("web old"), 30);
    assert_eq!(program.stop(), 0);

    // Over a restart, with a shorter age in the configuration, killed at once.
    let shorter = format!("{}{SHORT}", config(dir.path()));
    Program::start(dir.path(), "up", &shorter).kill();
    let program = Program::start(dir.path(), "up", &shorter);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(program.count("web old"), 30);
    let held = &json_of(&program, "/api/v1/holds")["holds"][0];
    assert_eq!(
        (&held["hold"]["case"], held["stored"]["splits"].as_u64() > Some(0)),
        (&json!("2026-17"), true),
        "{held}"
    );

    // Released: who and why stay on record, and the policy goes on.
    let says = said(
        &program,
        &["holds", "release", &id, "--by", "counsel", "--reason", "settled"],
    );
    assert!(says.contains("released") && says.contains("settled"), "{says}");
    wait_for("the policy to go on", || (program.count("web old") == 0).then_some(()));
    assert_eq!(program.count("web new"), 10);
    let again = run(&[
        "holds",
        "release",
        &id,
        "--by",
        "a",
        "--reason",
        "b",
        "--server",
        program.page(),
    ]);
    assert!(!again.status.success());
    let holds = json_of(&program, "/api/v1/holds");
    assert_eq!(holds["holds"][0]["release"]["by"], "counsel", "{holds}");
}

#[test]
fn a_held_split_whose_file_somebody_removed_is_named_with_the_case() {
    let dir = scratch();
    append(&dir.path().join("web.log"), "2001-01-01T00:00:00Z web old\n".repeat(30));
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    wait_for("a split", || (stored(&program) == 30).then_some(()));
    said(
        &program,
        &[
            "holds", "create", "--case", "2026-18", "--owner", "counsel", "--reason", "dispute",
        ],
    );
    assert_eq!(program.stop(), 0);
    for file in fs::read_dir(dir.path().join("data/store/splits")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    let listed = said(&program, &["split", "list"]);
    assert!(
        listed.contains("No such file") && listed.contains("held for case 2026-18"),
        "{listed}"
    );
    assert!(program.log().contains("held for case 2026-18"), "{}", program.log());
}
