//! Rules at the edge, by the real program: what they take out reaches no disk but the source's own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use support::{Program, append, bodies, run, scratch, up_config, wait_for};

const CARD: &str = "4111111111111111";

/// Header and claims as a server writes them; the signature is none.
fn jwt() -> String {
    format!("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{}", "a1B2".repeat(8))
}

const RULES: &str = r#"
[[agent.rules]]
name = "no-debug"
where = "level:debug"
drop = true

[[agent.rules]]
name = "took"
where = "took"
parse = { format = "grok", pattern = "took %{INT:took_ms:int} ms" }

[[agent.rules]]
name = "secrets"
redact = { detect = ["card", "jwt"] }

[[agent.rules]]
name = "audit"
file = ["**/audit.log"]
route = { topic = "audit" }
"#;

fn config(dir: &Path) -> String {
    format!("{}{RULES}", up_config(dir, &["*.log"]))
}

/// Files below `dir` that hold `needle`; how many there are altogether.
fn holding(dir: &Path, needle: &[u8]) -> (Vec<String>, usize) {
    let (mut found, mut all, mut left) = (Vec::new(), 0, vec![dir.to_owned()]);
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            all += 1;
            let bytes = fs::read(&path).unwrap_or_default();
            if bytes.windows(needle.len()).any(|window| window == needle) {
                found.push(path.display().to_string());
            }
        }
    }
    (found, all)
}

/// What is held of the file whose path ends so.
fn generation(program: &Program, name: &str) -> String {
    let (_, body) = program.get("/api/v1/files");
    let files: Value = serde_json::from_str(&body).unwrap();
    let of_it = |file: &&Value| file.to_string().contains(name);
    let file = files["files"].as_array().unwrap().iter().find(of_it).unwrap();
    file["generation"].as_str().unwrap().to_owned()
}

#[test]
fn what_rules_redact_and_drop_reaches_no_disk_and_nothing_is_doubled_after_a_kill() {
    let dir = scratch();
    let log = dir.path().join("shop.log");
    let jwt = jwt();
    // Little of it, so that batches are not compressed and a raw value would be seen.
    let lines = |from: usize| -> String {
        (from..from + 3)
            .map(|n| {
                format!(
                    "2026-11-24T14:00:0{n}Z INFO paid {n} with {CARD} token {jwt}\n\
                     2026-11-24T14:00:0{n}Z DEBUG detail-{n} {CARD}\n\
                     2026-11-24T14:00:0{n}Z INFO took {n} ms\n"
                )
            })
            .collect()
    };
    append(&log, lines(0));
    append(
        &dir.path().join("audit.log"),
        format!("2026-11-24T14:00:00Z root pays {CARD}\n"),
    );
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    wait_for("the first lines", || (program.count("*") == 7).then_some(()));
    program.kill();
    append(&log, lines(3));
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    wait_for("all lines", || (program.count("*") == 13).then_some(()));

    let mut expected: Vec<String> = (0..6)
        .flat_map(|n| {
            [
                format!("2026-11-24T14:00:0{n}Z INFO paid {n} with [card] token [jwt]"),
                format!("2026-11-24T14:00:0{n}Z INFO took {n} ms"),
            ]
        })
        .collect();
    expected.push("2026-11-24T14:00:00Z root pays [card]".to_owned());
    expected.sort();
    assert_eq!(bodies(&program.records("*")), expected);
    assert_eq!(program.count("took_ms:>=4"), 2, "an attribute of its own is a number");
    assert_eq!(program.count("topic:audit"), 1);
    assert_eq!(program.count("topic:logs"), 12);

    let output = run(&[
        "file",
        "cat",
        &generation(&program, "shop.log"),
        "--server",
        program.page(),
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success(),
        "a changed file is not passed off as the original"
    );
    assert!(said.contains("not held") || said.contains("was changed"), "{said}");

    assert_eq!(program.stop(), 0);
    let data = dir.path().join("data");
    for secret in [CARD, &jwt, "detail-"] {
        let (found, all) = holding(&data, secret.as_bytes());
        assert_eq!(found, Vec::<String>::new(), "{secret}");
        assert!(all > 5, "the program's files were looked into");
    }
}

#[test]
fn a_file_of_which_every_line_is_dropped_is_read_to_its_end() {
    let dir = scratch();
    let log = dir.path().join("noise.log");
    append(&log, "DEBUG a\n".repeat(2000));
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    append(&log, "INFO b\n");
    wait_for("the line behind them", || (program.count("*") == 1).then_some(()));
    let (_, body) = program.get("/api/v1/files");
    let files: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        files["files"][0]["end"], 16_007,
        "its place is that in the file: {body}"
    );
    assert_eq!(program.stop(), 0);
}

#[test]
fn agent_test_shows_what_rules_make_of_each_line() {
    let dir = scratch();
    let config_file = dir.path().join("c.toml");
    fs::write(&config_file, RULES).unwrap();
    let input = dir.path().join("audit.log");
    fs::write(&input, format!("INFO paid {CARD}\nDEBUG x\nINFO took 5 ms\n")).unwrap();
    let arguments = [
        "agent",
        "test",
        "--input",
        input.to_str().unwrap(),
        "--config",
        config_file.to_str().unwrap(),
    ];
    let output = run(&[&arguments[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["line"], "INFO paid [card]");
    assert_eq!(lines[0]["redacted"], json!({"card": 1}));
    assert_eq!(lines[0]["topic"], "audit");
    assert_eq!(lines[1]["dropped_by"], "no-debug");
    assert_eq!(lines[2]["attributes"], json!({"took_ms": 5}));
    assert_eq!(lines[2]["rules"], json!([{"rule": "took", "did": "parsed"}]));

    let output = run(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("dropped by no-debug") && text.contains("card × 1"),
        "{text}"
    );
    assert!(text.contains("3 lines: 2 sent, 1 dropped, 1 values redacted"), "{text}");
    assert!(!text.contains(CARD));
}

#[test]
fn a_wrong_rule_is_refused_when_the_configuration_is_read() {
    let dir = scratch();
    let file = dir.path().join("c.toml");
    for (rule, says) in [
        (
            "name = \"x\"\nredcat = { detect = [\"card\"] }",
            "did you mean `redact`",
        ),
        ("name = \"x\"\nredact = { detect = [\"crad\"] }", "did you mean `card`"),
        ("name = \"x\"\ndrop = true", "drops every record"),
    ] {
        fs::write(&file, format!("[[agent.rules]]\n{rule}\n")).unwrap();
        let output = run(&["config", "check", file.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(says), "{said}");
    }
}
