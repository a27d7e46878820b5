//! Files come back as they were: the real program, real files, every byte.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use support::{Program, append, run, scratch, up_config, wait_for};

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that no one chose, the same in every run.
fn noise(mut seed: u64, n: usize) -> Vec<u8> {
    let next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(n).collect()
}

/// Everything that a line can be.
fn difficult() -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in 0..5000 {
        let end = if n % 3 == 0 { "\r\n" } else { "\n" };
        bytes.extend_from_slice(format!("2026-11-01T10:00:{:02}Z request {n}{end}", n % 60).as_bytes());
    }
    bytes.extend_from_slice(b"\n\r\n\r\r\n\xff\xfe broken \xc3\n");
    let long: Vec<u8> = noise(5, 3 << 20).into_iter().map(|byte| b'a' + byte % 26).collect();
    bytes.extend_from_slice(&long);
    bytes.push(b'\n');
    bytes.extend_from_slice(&[0; 5001]);
    bytes.extend_from_slice(b"after a hole\n");
    bytes.extend_from_slice(&noise(9, 300_000));
    bytes.extend_from_slice(b"\nthe last line has no end");
    bytes
}

fn files(program: &Program) -> Vec<Value> {
    let (status, body) = program.get("/api/v1/files");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["files"]
        .as_array()
        .unwrap()
        .clone()
}

/// What `timberline file cat` prints of a generation.
fn cat(program: &Program, generation: &str, more: &[&str]) -> Vec<u8> {
    let output = run(&[&["file", "cat", generation, "--server", program.page()], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Waits until the program holds every source, byte for byte.
#[track_caller]
fn check_whole(program: &Program, sources: &BTreeMap<String, Vec<u8>>) {
    let expected: BTreeMap<String, u64> = sources.values().map(|b| (sha256(b), b.len() as u64)).collect();
    let held = wait_for("every byte of every file", || {
        let held = files(program);
        let whole = |bytes: u64| held.iter().filter(|file| file["end"].as_u64() == Some(bytes)).count();
        let all = expected
            .values()
            .all(|&bytes| whole(bytes) == expected.values().filter(|&&b| b == bytes).count());
        (held.len() == sources.len() && all).then_some(held)
    });
    let mut found: Vec<String> = held
        .iter()
        .map(|file| sha256(&cat(program, file["generation"].as_str().unwrap(), &[])))
        .collect();
    found.sort();
    assert_eq!(found, expected.keys().cloned().collect::<Vec<_>>(), "{held:#?}");
}

fn config(dir: &Path) -> String {
    up_config(dir, &["logs/*"]).replace("[agent]", "[agent]\npartial_line_timeout = \"1s\"")
        + "janitor_interval = \"300ms\"\n"
}

#[test]
fn every_file_comes_back_live_flushed_merged_and_after_a_restart() {
    let dir = scratch();
    fs::create_dir(dir.path().join("logs")).unwrap();
    let sources: BTreeMap<String, Vec<u8>> = [
        ("difficult".to_owned(), difficult()),
        ("noise".to_owned(), [b"x".to_vec(), noise(3, 2_000_000)].concat()),
        ("short".to_owned(), b"one line".to_vec()),
    ]
    .into();
    for (name, bytes) in &sources {
        // The walk takes a file of noise for binary; it begins as text.
        let head = if name == "noise" {
            b"noise as text first, for long enough to be taken for it\n".repeat(200)
        } else {
            Vec::new()
        };
        append(&dir.path().join("logs").join(name), [head, bytes.clone()].concat());
    }
    let on_disk: BTreeMap<String, Vec<u8>> = sources
        .keys()
        .map(|name| (name.clone(), fs::read(dir.path().join("logs").join(name)).unwrap()))
        .collect();
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    check_whole(&program, &on_disk);
    wait_for("a flush", || (splits(&program) > 0).then_some(()));
    check_whole(&program, &on_disk);
    assert_eq!(program.stop(), 0);
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    check_whole(&program, &on_disk);

    // Any range, from both ends, across lines and parts.
    let held = files(&program);
    let bytes = &on_disk["difficult"];
    let file = held
        .iter()
        .find(|file| file["end"].as_u64() == Some(bytes.len() as u64))
        .unwrap();
    let generation = file["generation"].as_str().unwrap();
    for (from, to) in [
        (0, 1),
        (17, 18_000),
        (200_000, 3_300_000),
        (bytes.len() - 9, bytes.len()),
    ] {
        let found = cat(
            &program,
            generation,
            &["--from", &from.to_string(), "--to", &to.to_string()],
        );
        assert_eq!(sha256(&found), sha256(&bytes[from..to]), "{from}..{to}");
    }
    let refused = run(&[
        "file",
        "cat",
        generation,
        "--to",
        "99999999",
        "--server",
        program.page(),
    ]);
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && message.contains(&format!("{}..99999999", bytes.len())),
        "{message}"
    );
    // The 3 MB line is one record, whichever of its parts is asked for.
    let is_second_part = |record: &Value| record["fields"]["part.index"] == 1;
    let part = program.records("NOT request").into_iter().find(is_second_part).unwrap();
    let (_, whole) = program.get(&format!("/api/v1/record/{}", part["id"].as_str().unwrap()));
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["place"]["length"], (3 << 20) + 1);
    assert_eq!(whole["body"].as_str().unwrap().len(), 3 << 20);
}

fn splits(program: &Program) -> u64 {
    let (_, body) = program.get("/api/v1/status");
    serde_json::from_str::<Value>(&body).unwrap()["splits"]
        .as_u64()
        .unwrap()
}

#[test]
fn files_rotated_by_rename_and_by_copy_come_back_and_their_lines_are_paged_through() {
    let dir = scratch();
    fs::create_dir(dir.path().join("logs")).unwrap();
    let (renamed, copied) = (dir.path().join("logs/renamed.log"), dir.path().join("logs/copied.log"));
    let line = |file: &str, n: usize| format!("2026-11-01T10:{:02}:{:02}Z {file} line {n}\n", n / 60, n % 60);
    let lines = |file: &str, from: usize| (from..from + 100).map(|n| line(file, n)).collect::<String>();
    append(&renamed, lines("renamed", 0));
    append(&copied, lines("copied", 0));
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    let mut sources = BTreeMap::new();
    for round in 1..4 {
        wait_for("the lines so far", || {
            (program.count("line") >= round * 200).then_some(())
        });
        let round = round as usize;
        let rotated = dir.path().join(format!("logs/renamed.log.{round}"));
        sources.insert(format!("renamed{round}"), fs::read(&renamed).unwrap());
        fs::rename(&renamed, rotated).unwrap();
        append(&renamed, lines("renamed", round * 100));
        sources.insert(format!("copied{round}"), fs::read(&copied).unwrap());
        fs::copy(&copied, dir.path().join(format!("logs/copied.log.{round}"))).unwrap();
        fs::OpenOptions::new()
            .write(true)
            .open(&copied)
            .unwrap()
            .set_len(0)
            .unwrap();
        append(&copied, lines("copied", round * 100));
    }
    sources.insert("renamed".into(), fs::read(&renamed).unwrap());
    sources.insert("copied".into(), fs::read(&copied).unwrap());
    check_whole(&program, &sources);

    for file in ["renamed", "copied"] {
        let middle = program.records(&format!("{file} \"line 150\"")).pop().unwrap();
        let mut seen = vec![middle["id"].as_str().unwrap().to_owned()];
        let mut bodies: Vec<String> = vec![middle["body"].as_str().unwrap().to_owned()];
        for side in ["before", "after"] {
            loop {
                let edge = if side == "before" {
                    &seen[0]
                } else {
                    seen.last().unwrap()
                };
                let (before, after) = if side == "before" { (70, 0) } else { (0, 70) };
                let (_, body) = program.get(&format!("/api/v1/context?id={edge}&before={before}&after={after}"));
                let found = serde_json::from_str::<Value>(&body).unwrap()["records"].take();
                let found: Vec<Value> = serde_json::from_value(found).unwrap();
                let ids: Vec<String> = found.iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect();
                let texts: Vec<String> = found.iter().map(|r| r["body"].as_str().unwrap().to_owned()).collect();
                let n = ids.len() - 1;
                if n == 0 {
                    break;
                }
                if side == "before" {
                    seen.splice(0..0, ids[..n].to_vec());
                    bodies.splice(0..0, texts[..n].to_vec());
                } else {
                    seen.extend_from_slice(&ids[1..]);
                    bodies.extend_from_slice(&texts[1..]);
                }
            }
        }
        let expected: Vec<String> = (0..400).map(|n| line(file, n).trim_end().to_owned()).collect();
        assert_eq!(bodies, expected, "{file}");
    }
    assert_eq!(json!(program.stop()), 0);
}
