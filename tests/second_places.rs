//! Checkpoints in second places that are no directories: what a syslog server and a webhook got is enough to
//! find out that a store was rolled back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::fs;
use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use support::receivers::Webhook;
use support::{Program, append, copy_dir, run, scratch, up_config, wait_for};

/// Runs the program with a second place until it has so many lines, and stops it.
fn until(dir: &Path, place: &str, lines: usize) {
    let config = format!(
        "{}[integrity]\ncheckpoint_pause = \"0s\"\n{place}\n",
        up_config(dir, &["*.log"])
    );
    let program = Program::start(dir, "up", &config);
    append(&dir.join("app.log"), format!("line {lines}\n"));
    wait_for("the line", || (program.count("line") as usize == lines).then_some(()));
    assert_eq!(program.stop(), 0);
}

/// What `verify` says of `store`, with what a second place holds.
fn verdict(dir: &Path, store: &Path, checkpoints: &[u8]) -> i32 {
    let file = dir.join("second-place");
    fs::write(&file, checkpoints).unwrap();
    let key = dir.join("data/store/integrity/keys");
    let output = run(&[
        "verify",
        "store",
        "--data",
        store.to_str().unwrap(),
        "--key",
        key.to_str().unwrap(),
        "--checkpoints",
        file.to_str().unwrap(),
    ]);
    output.status.code().unwrap()
}

/// The store is run, copied, and run again: with what came to the second place, which `held` gives at the end,
/// the store is intact, and the copy was cut short.
#[track_caller]
fn tells_of_a_roll_back(place: &str, held: impl FnOnce() -> Vec<u8>) {
    let dir = scratch();
    until(dir.path(), place, 1);
    let older = dir.path().join("older");
    copy_dir(&dir.path().join("data/store"), &older);
    until(dir.path(), place, 2);
    let held = held();
    assert_eq!(verdict(dir.path(), &dir.path().join("data/store"), &held), 0);
    assert_eq!(verdict(dir.path(), &older, &held), 3);
}

#[test]
fn a_syslog_server_by_tcp_has_what_tells_of_a_roll_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("copy_syslog = [\"tcp://{}\"]", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            // RFC 6587, 3.4.1: the length, a space, and so many bytes.
            let text = String::from_utf8(bytes).unwrap();
            let (length, message) = text.split_once(' ').unwrap();
            assert_eq!(length.parse::<usize>().unwrap(), message.len());
            if sender.send(message.to_owned()).is_err() {
                return;
            }
        }
    });
    tells_of_a_roll_back(&place, || written(&received.try_iter().collect::<Vec<_>>()));
}

#[test]
fn a_syslog_server_by_udp_has_what_tells_of_a_roll_back() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let place = format!("copy_syslog = [\"udp://{}\"]", socket.local_addr().unwrap());
    tells_of_a_roll_back(&place, || {
        let mut messages = Vec::new();
        let mut buffer = vec![0; 65_536];
        while let Ok(bytes) = socket.recv(&mut buffer) {
            messages.push(String::from_utf8(buffer[..bytes].to_vec()).unwrap());
        }
        written(&messages)
    });
}

/// Messages of RFC 5424 as a server writes them into its file.
fn written(messages: &[String]) -> Vec<u8> {
    assert!(messages.len() >= 2, "{messages:?}");
    let mut file = String::from("Dec  1 09:00:00 loghost kernel: nothing to do with it\n");
    for message in messages {
        // <109>1 TIME HOST timberline - checkpoint - NOTE
        let parts: Vec<&str> = message.splitn(8, ' ').collect();
        assert_eq!(
            (parts[0], parts[3], parts[5]),
            ("<109>1", "timberline", "checkpoint"),
            "{message}"
        );
        assert!(!message.contains('\n'), "{message}");
        file += &format!("{} {} timberline {}\n", parts[1], parts[2], parts[7]);
    }
    file.into_bytes()
}

#[test]
fn a_webhook_has_what_tells_of_a_roll_back_and_one_that_was_away_gets_the_newest() {
    let webhook = Webhook::start();
    // Whoever is refused tries again, and sends the newest.
    webhook.answers("503 Service Unavailable");
    let place = format!("copy_webhooks = [{:?}]", webhook.url());
    let dir = scratch();
    until(dir.path(), &place, 1);
    assert!(!webhook.got().is_empty());
    webhook.answers("200 OK");
    let refused = webhook.got().len();
    until(dir.path(), &place, 2);
    let notes: Vec<u8> = webhook.got()[refused..]
        .iter()
        .flat_map(|request| {
            assert!(request.header("content-type").starts_with("text/plain"));
            [&request.bytes[..], b"\n"].concat()
        })
        .collect();
    assert_eq!(verdict(dir.path(), &dir.path().join("data/store"), &notes), 0);
    tells_of_a_roll_back(&place, || webhook.got().pop().unwrap().bytes);
}
