//! What hostile neighbours try, by the names of their cases; others are in `access.rs`, `hidden.rs`, `notify.rs`,
//! `page/` and beside the code that they try (see SECURITY.md).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::accounts::{PASSWORD, ask, by_cookie, key, log_in, up_with_account, with};
use support::{DEADLINE, Program, run, scratch, up_config, wait_for};

fn connect(program: &Program) -> TcpStream {
    let connection = TcpStream::connect(program.page().trim_start_matches("http://")).unwrap();
    connection.set_read_timeout(Some(DEADLINE)).unwrap();
    connection.set_write_timeout(Some(DEADLINE)).unwrap();
    connection
}

/// That the other side ends the connection, by a reset as well, and has served nothing.
fn assert_given_up(connection: &mut TcpStream) {
    let mut answer = Vec::new();
    if let Err(error) = connection.read_to_end(&mut answer) {
        let is_open = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        assert!(!is_open, "still open after {DEADLINE:?}");
    }
    assert!(
        !answer.starts_with(b"HTTP/1.1 2"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[test]
fn x07_a_head_that_does_not_end_is_given_up_and_keeps_nobody_out() {
    let dir = scratch();
    let config =
        up_config(dir.path(), &["none.log"]).replacen("[server]\n", "[server]\nheader_timeout = \"300ms\"\n", 1);
    let program = Program::start(dir.path(), "up", &config);
    let mut slow: Vec<TcpStream> = (0..200).map(|_| connect(&program)).collect();
    for connection in &mut slow {
        connection
            .write_all(b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ")
            .unwrap();
    }
    assert_eq!(program.get("/livez").0, 200);
    for mut connection in slow {
        assert_given_up(&mut connection);
    }
}

#[test]
fn x07_a_head_beyond_its_bound_is_refused() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none.log"]));
    for head in [
        format!(
            "GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nx-large: {}\r\n\r\n",
            "x".repeat(4 << 20)
        ),
        format!(
            "GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n{}\r\n",
            "x-many: 1\r\n".repeat(10_000)
        ),
        format!("GET /{} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", "a".repeat(4 << 20)),
    ] {
        let mut connection = connect(&program);
        // The other side may end before all of it was sent.
        drop(connection.write_all(head.as_bytes()));
        assert_given_up(&mut connection);
        assert_eq!(program.get("/livez").0, 200);
    }
}

/// Every file below a directory, relative to it.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut left = vec![dir.to_owned()];
    while let Some(at) = left.pop() {
        // What is merged away meanwhile is no more.
        let Ok(entries) = fs::read_dir(&at) else { continue };
        for entry in entries.flatten() {
            match entry.path() {
                path if path.is_dir() => left.push(path),
                path => drop(found.insert(path.strip_prefix(dir).unwrap().to_owned())),
            }
        }
    }
    found
}

#[test]
fn x09_no_name_from_outside_is_a_path() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none.log"]));
    let before: BTreeSet<PathBuf> = files(dir.path())
        .into_iter()
        .filter(|path| !path.starts_with("data"))
        .collect();
    let names = [
        "../../evil",
        "..",
        ".",
        "a/b",
        "/etc/evil",
        "a\\b",
        "a%00b",
        "a\nb",
        "",
        &"a".repeat(300),
    ];
    for name in names {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = ask(
            &program,
            "POST",
            &format!("/api/v1/ingest?topic={encoded}"),
            &[],
            Some(&json!({ "a": 1 })),
        );
        assert_eq!(answer.status, 400, "{name:?}: {answer:?}");
        // Of hosts and services they are data, whatever they are.
        let path = format!("/api/v1/ingest?host={encoded}&service={encoded}");
        let answer = ask(&program, "POST", &path, &[], Some(&json!({ "named": name })));
        assert_eq!(answer.status, 200, "{name:?}: {answer:?}");
        for path in [
            format!("/api/v1/record/{encoded}"),
            format!("/api/v1/dashboards/{encoded}"),
            format!("/api/v1/files/{encoded}/bytes"),
            format!("/api/v1/topics/{encoded}/0/messages"),
            format!("/api/v1/export/{encoded}"),
            format!("/{encoded}"),
        ] {
            let answer = ask(&program, "GET", &path, &[], None);
            assert!(
                answer.status != 500 && !answer.body.to_string().contains("root:"),
                "{path}: {answer:?}"
            );
        }
    }
    wait_for("the records", || {
        (program.count("*") == names.len() as u64).then_some(())
    });
    let after: BTreeSet<PathBuf> = files(dir.path())
        .into_iter()
        .filter(|path| !path.starts_with("data"))
        .collect();
    assert_eq!(before, after);
    assert!(!dir.path().parent().unwrap().join("evil").exists());
    let odd: Vec<_> = files(&dir.path().join("data"))
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("evil"))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
}

#[test]
fn x11_no_secret_is_in_a_log_an_error_a_dump_or_a_file_of_the_data() {
    let dir = scratch();
    let (program, cookie) = up_with_account(dir.path(), "");
    let canary = "canary-passphrase-93ab";
    let new = json!({ "name": "bert", "password": canary, "roles": ["viewer"] });
    assert!(by_cookie(&program, &cookie, "POST", "/api/v1/users", Some(&new)).status < 300);
    let session = log_in(&program, "bert", canary).cookie.unwrap();
    let session = session.split(';').next().unwrap().split_once('=').unwrap().1.to_owned();
    let (shown, _) = key(&program, &cookie, &json!({ "name": "k", "roles": ["viewer"] }));
    assert_eq!(with(&program, &shown, "GET", "/api/v1/status", None).status, 200);
    let mut secrets = vec![
        canary.to_owned(),
        PASSWORD.to_owned(),
        session,
        shown.clone(),
        cookie.split_once('=').unwrap().1.to_owned(),
        program.announced("account").split_once("#setup=").unwrap().1.to_owned(),
    ];
    // What goes wrong says nothing of them either.
    let mut said = String::new();
    let wrong = "wrong-passphrase-93ab";
    said += &format!("{:?}", log_in(&program, "bert", wrong).body);
    said += &format!(
        "{:?}",
        with(&program, &format!("{shown}x"), "GET", "/api/v1/status", None).body
    );
    let odd = json!({ "name": "bert", "password": canary, "roles": 7 });
    said += &format!(
        "{:?}",
        by_cookie(&program, &cookie, "POST", "/api/v1/users", Some(&odd)).body
    );
    let header = [("authorization", format!("Bearer {canary}"))];
    let header: Vec<(&str, &str)> = header.iter().map(|(name, value)| (*name, value.as_str())).collect();
    said += &format!("{:?}", ask(&program, "GET", "/api/v1/status", &header, None).body);
    for path in [
        "/metrics",
        "/api/v1/status",
        "/api/v1/access/audit",
        "/api/v1/users",
        "/api/v1/keys",
    ] {
        let answer = by_cookie(&program, &cookie, "GET", path, None);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        said += &answer.body.to_string();
    }
    let audit = json!({ "query": "topic:timberline.audit" });
    wait_for("the login on record", || {
        let acts = by_cookie(&program, &cookie, "POST", "/api/v1/query", Some(&audit))
            .body
            .to_string();
        acts.contains("user:bert").then(|| said += &acts)
    });
    let file = dir.path().join("up.toml").display().to_string();
    let printed = run(&["config", "print", "--config", &file]);
    assert!(printed.status.success());
    said += &String::from_utf8_lossy(&printed.stdout);
    said += &program.log();
    secrets.push(wrong.to_owned());
    for secret in &secrets {
        assert!(!said.contains(secret.as_str()), "{secret} is told");
    }
    assert_eq!(program.stop(), 0);
    for path in files(&dir.path().join("data")) {
        let bytes = fs::read(dir.path().join("data").join(&path)).unwrap();
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
}

#[test]
fn x15_one_record_is_one_record_whatever_is_in_it() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none.log"]));
    let hostile = json!({ "msg": "one\n2026-01-01T00:00:00Z ERROR forged\r\nhost: evil\u{0}\u{1b}[2J", "n": 1 });
    assert_eq!(
        ask(&program, "POST", "/api/v1/ingest?host=a%0ab", &[], Some(&hostile)).status,
        200
    );
    wait_for("the record", || (program.count("n:1") == 1).then_some(()));
    assert_eq!(program.count("*"), 1);
    let record = &program.records("n:1")[0];
    assert_eq!(record["fields"]["msg"], hostile["msg"], "{record}");
    assert_eq!(record["stream"]["host.name"], "a\nb", "{record}");
}

/// Ports on which a process listens.
fn listening(pid: u32) -> BTreeSet<u16> {
    let sockets: BTreeSet<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            Some(
                link.to_str()?
                    .strip_prefix("socket:[")?
                    .trim_end_matches(']')
                    .to_owned(),
            )
        })
        .collect();
    let mut ports = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            // 0A: LISTEN.
            if columns[3] == "0A" && sockets.contains(columns[9]) {
                let port = columns[1].rsplit_once(':').unwrap().1;
                ports.insert(u16::from_str_radix(port, 16).unwrap());
            }
        }
    }
    ports
}

#[test]
fn x18_nothing_listens_but_what_is_announced() {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &up_config(dir.path(), &["none.log"]));
    let port = |url: &str| {
        url.rsplit_once(':')
            .unwrap()
            .1
            .trim_end_matches('/')
            .parse::<u16>()
            .unwrap()
    };
    let announced = BTreeSet::from([port(program.page()), port(program.announced("agents"))]);
    assert_eq!(listening(program.pid()), announced);
}

#[test]
fn x19_an_answer_beyond_its_bounds_is_an_error_and_not_a_flood() {
    let dir = scratch();
    let config = format!("{}[query]\nrows_max = 50\n", up_config(dir.path(), &["none.log"]));
    let program = Program::start(dir.path(), "up", &config);
    let lines: String = (0..100).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(DEADLINE))
        .build()
        .into();
    agent
        .post(format!("{}/api/v1/ingest", program.page()))
        .send(lines)
        .unwrap();
    wait_for("the records", || (program.count("*") == 100).then_some(()));
    let asked = |query: Value| program.post("/api/v1/query", &query);
    for query in [
        json!({ "query": "*", "limit": 51 }),
        json!({ "query": "SELECT n FROM logs" }),
    ] {
        let refused = match asked(query.clone()) {
            Err(error) => error,
            Ok(answer) => answer.to_string(),
        };
        assert!(refused.contains("rows_max"), "{query}: {refused}");
    }
    assert!(asked(json!({ "query": "*", "limit": 50 })).is_ok());
}
