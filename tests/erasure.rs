//! Erasure on the real program: what a request names is in no file of the data directory any more, and the
//! receipt says from where it went.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use support::{Program, append, run, scratch, up_config, wait_for};

/// Stands nowhere but where a test writes it.
const CANARY: &str = "zq7canary9x";

fn config(dir: &Path) -> String {
    up_config(dir, &["*.log"]).replace("flush_interval = \"1s\"", "flush_interval = \"200ms\"")
        + "janitor_interval = \"100ms\"\n[integrity]\ncheckpoint_pause = \"100ms\"\n"
}

fn said(program: &Program, arguments: &[&str]) -> String {
    let output = run(&[arguments, &["--server", program.page()]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Asks for an erasure of a subject and waits for what becomes of it.
fn erase(program: &Program, what: &[&str]) -> Value {
    let request = ["erase", "request", "--case", "2026-40", "--reason", "article 17", "--json", "--wait"];
    serde_json::from_str(&said(program, &[&request[..], what].concat())).unwrap()
}

fn splits(program: &Program) -> usize {
    let (status, body) = program.get("/api/v1/splits");
    assert_eq!(status, 200, "{body}");
    let splits: Value = serde_json::from_str(&body).unwrap();
    let splits = splits["splits"].as_array().unwrap();
    splits.iter().filter(|split| split["topic"] == "logs").count()
}

fn files_below(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        // A file may go while it is looked for.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_below(&entry.path(), found),
            Ok(_) => found.push(entry.path()),
            Err(_) => {}
        }
    }
}

fn has(bytes: &[u8], word: &str) -> bool {
    bytes
        .windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

/// Every frame of zstd in a file, unpacked, as far as it can be.
fn unpacked(bytes: &[u8]) -> Vec<Vec<u8>> {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let starts = bytes.windows(4).enumerate().filter(|(_, window)| *window == MAGIC);
    let frame = |(start, _): (usize, &[u8])| {
        let mut made = Vec::new();
        let decoder = zstd::stream::read::Decoder::new(&bytes[start..]).ok()?.single_frame();
        decoder.take(64 << 20).read_to_end(&mut made).ok();
        Some(made)
    };
    starts.filter_map(frame).collect()
}

/// The files in which a word stands, as it is or within a frame of zstd.
fn holding(dir: &Path, word: &str) -> Vec<String> {
    let mut files = Vec::new();
    files_below(dir, &mut files);
    assert!(files.len() > 5, "{files:?}");
    let mut holding = Vec::new();
    for path in files {
        let Ok(bytes) = fs::read(&path) else { continue };
        if has(&bytes, word) {
            holding.push(format!("{} as it is", path.display()));
        } else if unpacked(&bytes).iter().any(|frame| has(frame, word)) {
            holding.push(format!("{} packed", path.display()));
        }
    }
    holding
}

fn verify_store(dir: &Path) -> String {
    let data = dir.join("data");
    let output = run(&["verify", "store", "--data", data.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

#[test]
fn what_a_subject_names_is_gone_from_every_file_of_the_store_and_the_receipt_verifies() {
    let dir = scratch();
    let (app, web) = (dir.path().join("app.log"), dir.path().join("web.log"));
    for n in 0..40 {
        append(&app, format!("2026-11-20T10:00:{:02}Z user {CANARY} bought {n}\n", n % 60));
        append(&app, format!("2026-11-20T10:00:{:02}Z user other bought {n}\n", n % 60));
        let line = json!({ "time": "2026-11-20T11:00:00Z", "user": { "name": CANARY }, "n": n });
        append(&web, format!("{line}\n"));
    }
    append(&web, format!("only {CANARY} here\n"));
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    wait_for("every line", || (program.count(CANARY) == 81).then_some(()));
    wait_for("a split", || (splits(&program) > 0).then_some(()));
    assert_eq!(program.count("other"), 40);
    let searched = format!("topic:timberline.audit action:search {CANARY}");
    wait_for("the searches on record", || (program.count(&searched) > 0).then_some(()));
    append(&app, format!("live {CANARY}\n"));
    wait_for("the last line", || (program.count(CANARY) == 82).then_some(()));
    let store = dir.path().join("data/store");
    assert!(!holding(&store, CANARY).is_empty(), "the canary must be found before");

    let preview = said(&program, &["erase", "preview", "--subject", CANARY]);
    assert!(preview.contains("would take 82 records"), "{preview}");
    assert_eq!(program.count("other"), 40);
    let done = erase(&program, &["--subject", CANARY]);
    assert_eq!(done["state"], "final", "{done}");
    assert_eq!(done["records"].as_u64().unwrap() >= 82, true, "{done}");
    let left = holding(&store, CANARY);
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(program.count("other"), 40);
    // What was told of searches is there, by the hash.
    let hash = done["hash"].as_str().unwrap();
    let told = format!("topic:timberline.audit action:search {}", &hash[..16]);
    assert!(program.count(&told) > 0, "{told}");
    assert_eq!(program.count(CANARY), 0);

    let receipt = dir.path().join("receipt.json");
    said(&program, &["erase", "receipt", done["id"].as_str().unwrap(), "-o", receipt.to_str().unwrap()]);
    assert_eq!(program.stop(), 0);
    verify_store(dir.path());
    let key = dir.path().join("data/store/integrity/keys");
    let check = |path: &Path| run(&["verify", "erasure", path.to_str().unwrap(), "--key", key.to_str().unwrap()]);
    let output = check(&receipt);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = fs::read_to_string(&receipt).unwrap();
    assert!(!text.contains(CANARY), "{text}");
    let forged = dir.path().join("forged.json");
    fs::write(&forged, text.replace("\"records\": ", "\"records\": 1")).unwrap();
    assert_eq!(check(&forged).status.code(), Some(1));
}
