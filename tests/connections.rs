//! Connections that rest, end, or come back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use support::{DEADLINE, Program, append, scratch, up_config, wait_for};

#[test]
fn a_body_that_does_not_go_on_is_given_up() {
    let dir = scratch();
    let config = up_config(dir.path(), &["*.log"]).replacen("[server]\n", "[server]\nbody_timeout = \"200ms\"\n", 1);
    let program = Program::start(dir.path(), "up", &config);
    let address = program.page().trim_start_matches("http://");
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = format!("POST /api/v1/ingest HTTP/1.1\r\nhost: {address}\r\ncontent-length: 100\r\n\r\nonly this");
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    connection
        .read_to_end(&mut answer)
        .expect("the connection is ended by the other side");
    assert!(
        !answer.starts_with(b"HTTP/1.1 2"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(program.count("*"), 0);
}

#[test]
fn a_tail_goes_on_when_the_store_is_back() {
    let dir = scratch();
    let file = dir.path().join("app.log");
    append(&file, "before\n");
    let config = up_config(dir.path(), &["*.log"]);
    let program = Program::start(dir.path(), "up", &config);
    let page = program.page().to_owned();
    let address = page.trim_start_matches("http://").to_owned();
    wait_for("the first line", || (program.count("*") == 1).then_some(()));

    let mut tail = Command::new(env!("CARGO_BIN_EXE_timberline"))
        .args(["tail", "word*", "-o", "raw", "--server", &page])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let printed = lines_of(tail.stdout.take().unwrap());
    let said = lines_of(tail.stderr.take().unwrap());
    // The tail is known to follow once it has printed a line that was written after it began.
    let mut n = 0;
    wait_for("a line in the tail", || {
        n += 1;
        append(&file, format!("word{n}\n"));
        printed.try_recv().ok()
    });

    program.kill();
    assert!(said.recv_timeout(DEADLINE).unwrap().contains("trying again"));
    let config = config.replacen("http = \"127.0.0.1:0\"", &format!("http = \"{address}\""), 1);
    let _program = Program::start(dir.path(), "up", &config);
    assert!(said.recv_timeout(DEADLINE).unwrap().contains("connected again"));
    append(&file, "words_after\n");
    wait_for("the line written after", || {
        printed.try_recv().ok().filter(|line| line == "words_after")
    });
    tail.kill().unwrap();
    tail.wait().unwrap();
}

/// The lines that come out of a pipe.
fn lines_of(pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
