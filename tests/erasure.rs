//! Erasure on the real program: what a request names is in no file of the data directory any more, and the
//! receipt says from where it went.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use support::accounts::{key, up_with_account, with};
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
    let request = [
        "erase",
        "request",
        "--case",
        "2026-40",
        "--reason",
        "article 17",
        "--json",
        "--wait",
    ];
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
    assert!(!files.is_empty(), "nothing to look at in {}", dir.display());
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
        append(
            &app,
            format!("2026-11-20T10:00:{:02}Z user {CANARY} bought {n}\n", n % 60),
        );
        append(&app, format!("2026-11-20T10:00:{:02}Z user other bought {n}\n", n % 60));
        let line = json!({ "time": "2026-11-20T11:00:00Z", "user": { "name": CANARY }, "n": n });
        append(&web, format!("{line}\n"));
    }
    append(&web, format!("only {CANARY} here\n"));
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    wait_for("every line", || (program.count(CANARY) == 81).then_some(()));
    // An alert has lines as its evidence.
    let rule = json!({
        "name": "Puffins lost", "severity": "critical", "window": "4s", "every": "2s", "allowed_lateness": "1s",
        "condition": { "kind": "threshold", "query": "puffin", "when": "> 0" }
    });
    program.post("/api/v1/alerts/rules", &rule).unwrap();
    append(&web, format!("puffin of {CANARY}\n"));
    wait_for("an alert", || {
        (program.count("topic:timberline.alerts to:firing") > 0).then_some(())
    });
    let (_, history) = program.get("/api/v1/alerts/history");
    assert!(history.contains(CANARY), "{history}");
    wait_for("a split", || (splits(&program) > 0).then_some(()));
    assert_eq!(program.count("other"), 40);
    append(&app, format!("live {CANARY}\n"));
    wait_for("the last line", || (program.count(CANARY) == 83).then_some(()));
    let data = dir.path().join("data");
    let before = holding(&data, CANARY).join(" ");
    assert!(
        [".split", "queue", "catalog.sqlite"]
            .iter()
            .all(|place| before.contains(place)),
        "the canary must be found before: {before}"
    );

    let preview = said(&program, &["erase", "preview", "--subject", CANARY]);
    assert!(preview.contains("would take 83 records"), "{preview}");
    assert_eq!(program.count("other"), 40);
    let done = erase(&program, &["--subject", CANARY]);
    assert_eq!(done["state"], "final", "{done}");
    assert!(done["records"].as_u64() >= Some(83), "{done}");
    let left = holding(&data, CANARY);
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(program.count("other"), 40);
    assert_eq!(program.count(CANARY), 0);
    let (_, history) = program.get("/api/v1/alerts/history");
    assert!(history.contains("[erased ") && !history.contains(CANARY), "{history}");
    let sql = json!({ "query": format!("SELECT count(*) AS n FROM logs WHERE body LIKE '%{CANARY}%'") });
    assert_eq!(program.post("/api/v1/query", &sql).unwrap()["rows"][0][0], 0);
    for partition in 0..2 {
        let (_, messages) = program.get(&format!("/api/v1/topics/logs/{partition}/messages?offset=0"));
        assert!(!messages.contains(CANARY), "{messages}");
    }

    let receipt = dir.path().join("receipt.json");
    said(
        &program,
        &[
            "erase",
            "receipt",
            done["id"].as_str().unwrap(),
            "-o",
            receipt.to_str().unwrap(),
        ],
    );
    assert_eq!(program.stop(), 0);
    verify_store(dir.path());
    let key = dir.path().join("data/store/integrity/keys");
    let check = |path: &Path| {
        run(&[
            "verify",
            "erasure",
            path.to_str().unwrap(),
            "--key",
            key.to_str().unwrap(),
        ])
    };
    let output = check(&receipt);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = fs::read_to_string(&receipt).unwrap();
    assert!(!text.contains(CANARY), "{text}");
    let forged = dir.path().join("forged.json");
    fs::write(&forged, text.replace("\"records\": ", "\"records\": 1")).unwrap();
    assert_eq!(check(&forged).status.code(), Some(1));
}

fn status(program: &Program, id: &str) -> Value {
    let (status, body) = program.get(&format!("/api/v1/erasures/{id}"));
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

fn wait_state(program: &Program, id: &str, state: &str) -> Value {
    wait_for(state, || {
        let now = status(program, id);
        (now["state"] == state).then_some(now)
    })
}

#[test]
fn a_hold_blocks_an_erasure_by_name_and_its_release_lets_it_go_on_and_the_next_follows() {
    let dir = scratch();
    append(
        &dir.path().join("pay.log"),
        format!("2026-11-20T10:00:00Z pay {CANARY}\n").repeat(5),
    );
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    wait_for("a split", || {
        (splits(&program) > 0 && program.count(CANARY) == 5).then_some(())
    });
    let hold = [
        "holds",
        "create",
        "file:*pay.log",
        "--case",
        "H-7",
        "--owner",
        "counsel",
        "--reason",
        "dispute",
    ];
    let made = said(&program, &hold);
    let hold = made.split_whitespace().next().unwrap().to_owned();
    append(&dir.path().join("web.log"), format!("web {CANARY} second\n").repeat(3));
    wait_for("both files", || (program.count(CANARY) == 8).then_some(()));

    let preview = said(&program, &["erase", "preview", "--subject", CANARY]);
    assert!(preview.contains("held for case H-7"), "{preview}");
    let request = erase(&program, &["--subject", CANARY]);
    assert_eq!(request["state"], "blocked", "{request}");
    let id = request["id"].as_str().unwrap().to_owned();
    let by = request["blocked"].to_string();
    assert!(by.contains("held for case H-7"), "{by}");
    assert_eq!(program.count(CANARY), 5, "what is held stays, all else went");
    let refused = run(&["erase", "receipt", &id, "--server", program.page()]);
    assert!(!refused.status.success(), "there is no receipt before all is done");
    // Over a restart it is still blocked, and still runs on release.
    program.kill();
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    wait_state(&program, &id, "blocked");
    assert_eq!(program.count(CANARY), 5);
    let release = ["holds", "release", &hold, "--by", "counsel", "--reason", "settled"];
    said(&program, &release);
    let done = wait_state(&program, &id, "final");
    assert_eq!(program.count(CANARY), 0, "{done}");

    // Another one follows; both receipts verify.
    append(&dir.path().join("web.log"), "web second9x canary\n".repeat(3));
    wait_for("the next lines", || (program.count("second9x") == 3).then_some(()));
    let next = erase(&program, &["--query", "second9x file:*web.log"]);
    assert_eq!(next["state"], "final", "{next}");
    assert_eq!((program.count("second9x"), next["records"].as_u64()), (0, Some(3)));
    let mut receipts = Vec::new();
    for id in [&id, next["id"].as_str().unwrap()] {
        let path = dir.path().join(format!("{id}.json"));
        said(&program, &["erase", "receipt", id, "-o", path.to_str().unwrap()]);
        receipts.push(path);
    }
    assert_eq!(program.stop(), 0);
    let said = verify_store(dir.path());
    assert!(said.contains("erasure"), "{said}");
    let key = dir.path().join("data/store/integrity/keys");
    for receipt in receipts {
        let output = run(&[
            "verify",
            "erasure",
            receipt.to_str().unwrap(),
            "--key",
            key.to_str().unwrap(),
        ]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let left = holding(&dir.path().join("data/store"), CANARY);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_redaction_leaves_the_records_and_replaces_the_values_and_the_store_is_intact_before_and_after_a_merge() {
    let dir = scratch();
    let log = dir.path().join("web.log");
    for n in 0..30 {
        let line =
            json!({ "time": "2026-11-20T11:00:00Z", "user": { "email": format!("{CANARY}@b.example") }, "n": n });
        append(&log, format!("{line}\n"));
        append(&log, format!("level=info n={n} card=1234-5678-{CANARY}\n"));
    }
    let more = "merge_zstd_level = 3\n";
    let config = config(dir.path()).replace("janitor_interval", &format!("{more}janitor_interval"));
    let program = Program::start(dir.path(), "up", &config);
    wait_for("every line", || (program.count("") == 60).then_some(()));
    let done = erase(
        &program,
        &[
            "--redact",
            "--query",
            "n:*",
            "--field",
            "user.email",
            "--pattern",
            r"1234-5678-\w+",
        ],
    );
    assert_eq!(
        (&done["state"], &done["records"]),
        (&json!("final"), &json!(60)),
        "{done}"
    );
    assert_eq!(program.count(""), 60, "records stay");
    assert_eq!(program.count("user.email:\"[redacted]\""), 30);
    assert_eq!(program.count("card:\"[redacted]\""), 30);
    assert_eq!(program.count(CANARY), 0);
    let left = holding(&dir.path().join("data/store/splits"), CANARY);
    assert!(left.is_empty(), "{left:?}");
    // What comes later is merged with it.
    let before = splits(&program);
    for n in 0..4 {
        append(&log, format!("level=info later={n}\n"));
        wait_for("a later line", || (program.count("later:*") == n + 1).then_some(()));
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    wait_for("a merge", || (splits(&program) <= before).then_some(()));
    assert_eq!(program.stop(), 0);
    let said = verify_store(dir.path());
    assert!(said.contains("redacted"), "{said}");
}

#[test]
fn where_approval_is_asked_for_somebody_else_has_to_give_it_and_who_may_see_less_is_refused() {
    let dir = scratch();
    append(&dir.path().join("none.log"), format!("{CANARY} one\n"));
    let (program, cookie) = up_with_account(dir.path(), "[erasure]\napproval = true\n");
    let made = |roles: &[&str]| key(&program, &cookie, &json!({ "name": roles.join("-"), "roles": roles })).0;
    let (first, second, viewer) = (made(&["admin"]), made(&["admin"]), made(&["viewer"]));
    let ask = json!({ "subject": CANARY, "case": "2026-41", "reason": "article 17" });
    let post = |key: &str, path: &str, body: &Value| with(&program, key, "POST", path, Some(body));
    assert_eq!(post(&viewer, "/api/v1/erasures", &ask).status, 403);
    let named = json!({ "subject": CANARY, "case": "2026-41", "reason": format!("{CANARY} wants it") });
    assert_eq!(
        post(&first, "/api/v1/erasures", &named).status,
        400,
        "a reason must not name the subject"
    );
    wait_for("the line", || {
        let query = json!({ "query": format!("{CANARY} | stats count() as n") });
        let answer = with(&program, &first, "POST", "/api/v1/query", Some(&query));
        answer.body.to_string().contains("1").then_some(())
    });
    let asked = post(&first, "/api/v1/erasures", &ask);
    assert_eq!(
        (asked.status, &asked.body["state"]),
        (201, &json!("waiting")),
        "{asked:?}"
    );
    let path = format!("/api/v1/erasures/{}", asked.body["id"].as_str().unwrap());
    let note = json!({ "note": "seen" });
    let own = post(&first, &format!("{path}/approve"), &note);
    assert_eq!(own.status, 403, "{own:?}");
    let state = || with(&program, &first, "GET", &path, None).body["state"].clone();
    assert_eq!(state(), "waiting");
    assert_eq!(post(&second, &format!("{path}/approve"), &note).status, 200);
    wait_for("the erasure", || (state() == "final").then_some(()));
    // What was told of searches is there, by the hash.
    let receipt = with(&program, &second, "GET", &format!("{path}/receipt"), None).body;
    let hash = &receipt["hash"].as_str().unwrap()[..16];
    let told = json!({ "query": format!("topic:timberline.audit action:search {hash}") });
    let told = post(&first, "/api/v1/query", &told).body.to_string();
    assert!(told.contains("[erased "), "{told}");
    assert_ne!(receipt["approved_by"], receipt["asked_by"], "{receipt}");
    assert!(receipt["approved_by"].is_string(), "{receipt}");

    // One that is refused does nothing, and keeps no text.
    let ask = json!({ "subject": "refusedq9", "case": "2026-42", "reason": "article 17" });
    let asked = post(&first, "/api/v1/erasures", &ask).body;
    let path = format!("/api/v1/erasures/{}/refuse", asked["id"].as_str().unwrap());
    assert_eq!(post(&second, &path, &note).body["state"], "refused");
    assert_eq!(post(&second, &path, &note).status, 409);
    assert_eq!(program.stop(), 0);
    let left = holding(&dir.path().join("data/store"), CANARY);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_erasure_goes_on_wherever_the_program_is_killed() {
    use timberline_proto::crash::Point;
    let points = [
        Point::ErasureWritten,
        Point::ErasureReplaced,
        Point::ErasureQueueNoted,
        Point::ErasureQueueDone,
        Point::ErasureWiped,
        Point::ErasureScrubbed,
    ];
    let dir = scratch();
    let log = dir.path().join("app.log");
    for point in points {
        let word = format!("{CANARY}{}", point.name().replace('-', ""));
        append(&log, format!("{word} goes\n").repeat(4) + &"stays\n".repeat(2));
        let config = config(dir.path());
        let armed = [("TIMBERLINE_CRASH_AT", point.name())];
        let mut program = Program::try_start_with(dir.path(), "up", &config, &armed).unwrap();
        wait_for("the lines", || (program.count(&word) == 4).then_some(()));
        let ask = json!({ "subject": word, "case": "2026-43", "reason": "article 17" });
        let asked = program.post("/api/v1/erasures", &ask).unwrap();
        wait_for(point.name(), || program.has_ended().then_some(()));
        drop(program);
        let program = Program::start(dir.path(), "up", &config);
        let done = wait_state(&program, asked["id"].as_str().unwrap(), "final");
        assert_eq!(program.count(&word), 0, "{done}");
        let (status, receipt) = program.get(&format!("/api/v1/erasures/{}/receipt", asked["id"].as_str().unwrap()));
        assert_eq!(status, 200, "{receipt}");
        let receipt: Value = serde_json::from_str(&receipt).unwrap();
        assert!(receipt["records"].as_u64() >= Some(4), "{}: {receipt}", point.name());
        assert_eq!(program.stop(), 0);
        let left = holding(&dir.path().join("data"), &word);
        assert!(left.is_empty(), "{}: {left:?}", point.name());
        verify_store(dir.path());
    }
    let program = Program::start(dir.path(), "up", &config(dir.path()));
    assert_eq!(program.count("stays"), 2 * points.len() as u64);
}

#[test]
fn what_is_restored_of_a_backup_that_was_made_before_an_erasure_carries_it_out_again() {
    let dir = scratch();
    let (log, backups) = (dir.path().join("app.log"), dir.path().join("backups"));
    append(&log, format!("goes {CANARY}\n").repeat(6) + &"stays\n".repeat(3));
    let config = format!("{}[backup]\ndirectory = {backups:?}\n", config(dir.path()));
    let program = Program::start(dir.path(), "up", &config);
    wait_for("the lines in a split", || {
        (program.count(CANARY) == 6 && splits(&program) > 0).then_some(())
    });
    said(&program, &["backup", "now"]);
    let done = erase(&program, &["--subject", CANARY]);
    assert_eq!(done["state"], "final", "{done}");
    let receipt = said(&program, &["erase", "receipt", done["id"].as_str().unwrap()]);
    let receipt: Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!(receipt["backups"].as_array().unwrap().len(), 1, "{receipt}");
    assert_eq!(program.stop(), 0);

    let elsewhere = dir.path().join("restored");
    fs::create_dir(&elsewhere).unwrap();
    let data = elsewhere.join("data");
    let restored = run(&[
        "backup",
        "restore",
        backups.to_str().unwrap(),
        "--to",
        data.to_str().unwrap(),
    ]);
    assert!(restored.status.success(), "{restored:?}");
    assert!(!holding(&data, CANARY).is_empty(), "the backup holds it");
    // Nothing is tailed there: what is found is what was restored.
    let config = config.replace(
        &format!("data = {:?}", dir.path().join("data")),
        &format!("data = {data:?}"),
    );
    let config = config.replace("app.log", "none.log").replace("/*.log", "/none/*.log");
    let program = Program::start(&elsewhere, "up", &config);
    assert_eq!((program.count(CANARY), program.count("stays")), (0, 3));
    let left = holding(&data, CANARY);
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(program.stop(), 0);
    verify_store(&elsewhere);
}
