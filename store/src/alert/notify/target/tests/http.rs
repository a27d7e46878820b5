//! Webhooks against a server on this machine.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use super::*;
use crate::alert::notify::render::tests::{message, rendered};

/// Answers one request with these bytes; gives the request.
fn answer_once(answer: &'static [u8]) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !is_whole(&request) {
            let n = stream.read(&mut buffer).unwrap();
            assert!(n > 0, "the request ends early");
            request.extend_from_slice(&buffer[..n]);
        }
        stream.write_all(answer).ok();
        String::from_utf8(request).unwrap()
    });
    (port, thread)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")?
            .parse::<usize>()
            .ok()
    });
    body.len() >= length.expect("a body has a length")
}

fn webhook(port: u16) -> Arc<dyn Target> {
    let options = WebhookOptions {
        url: Secret::new(format!("http://127.0.0.1:{port}/hook/secret-path")),
        secret: Secret::new("signing key"),
        bearer_token: Secret::new("token-of-the-receiver"),
        ca: None,
    };
    ready(TargetKind::Webhook(options), &local())
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request
        .lines()
        .find(|line| line.to_lowercase().starts_with(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in {request}"))
        .split_once(": ")
        .unwrap()
        .1
}

#[test]
fn a_webhook_is_signed_and_carries_its_key() {
    let (port, server) = answer_once(b"HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\n\r\nthx\r\n");
    let message = message("db");
    let answer = webhook(port).send(&message, &rendered(&message)).unwrap();
    assert_eq!(answer, "202 Accepted: thx\r\n");
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /hook/secret-path HTTP/1.1"));
    assert_eq!(header(&request, "idempotency-key"), message.key);
    assert_eq!(header(&request, "authorization"), "Bearer token-of-the-receiver");
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    let expected = signature("signing key", header(&request, "timberline-timestamp"), body.as_bytes());
    assert_eq!(header(&request, "timberline-signature"), format!("v1={expected}"));
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&json["key"], &json["kind"]),
        (&message.key.as_str().into(), &"firing".into())
    );
}

#[test]
fn the_signature_is_that_of_the_documentation() {
    // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
    let expected = "a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03";
    assert_eq!(signature("key", "1700000000", b"{\"a\":1}"), expected);
}

#[test]
fn answers_say_what_is_worth_another_try() {
    let message = message("db");
    let sent = |answer: &'static [u8]| {
        let (port, server) = answer_once(answer);
        let sent = webhook(port).send(&message, &rendered(&message));
        server.join().unwrap();
        sent
    };
    let after = sent(b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n").unwrap_err();
    assert!(
        matches!(after, SendError::Again(_, Some(after)) if after == Duration::from_secs(7)),
        "{after:?}"
    );
    let echo = sent(b"HTTP/1.1 500 No\r\ncontent-length: 44\r\n\r\nyou sent token-of-the-receiver, signing key!");
    assert!(
        matches!(&echo, Err(SendError::Again(why, _)) if why.contains("you sent …, …!")),
        "{echo:?}"
    );
    for answer in [
        &b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"[..],
        b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
    ] {
        assert!(matches!(sent(answer), Err(SendError::Again(..))));
    }
    for answer in [
        &b"HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n"[..],
        b"HTTP/1.1 413 No\r\ncontent-length: 0\r\n\r\n",
    ] {
        assert!(matches!(sent(answer), Err(SendError::Refused(_))));
    }
}

#[test]
fn x10_redirects_are_not_followed_and_answers_are_cut() {
    let message = message("db");
    let (port, server) =
        answer_once(b"HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
    let refused = webhook(port).send(&message, &rendered(&message)).unwrap_err();
    server.join().unwrap();
    assert!(
        matches!(&refused, SendError::Refused(why) if why.contains("redirects are not followed")),
        "{refused:?}"
    );
    let endless: &'static [u8] = Box::leak(
        [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &vec![b'x'; 1 << 20]]
            .concat()
            .into_boxed_slice(),
    );
    let (port, server) = answer_once(endless);
    let answer = webhook(port).send(&message, &rendered(&message)).unwrap();
    server.join().unwrap();
    assert!(answer.len() < 3_000, "{}", answer.len());
}

#[test]
fn x10_addresses_inside_are_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let message = message("db");
    let mut strict = local();
    strict.network = NetworkRules::default();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"] {
        let options = WebhookOptions {
            url: Secret::new(format!("http://{host}:{port}/")),
            ..WebhookOptions::default()
        };
        let error = ready(TargetKind::Webhook(options), &strict)
            .send(&message, &rendered(&message))
            .unwrap_err();
        assert!(matches!(&error, SendError::Again(..)), "{host}: {error:?}");
        assert!(listener.accept().is_err(), "{host} was connected to");
    }
}

#[test]
fn x10_metadata_is_out_of_reach_where_private_networks_are_allowed() {
    let message = message("db");
    let options = WebhookOptions {
        url: Secret::new("http://169.254.169.254/latest/meta-data/"),
        ..WebhookOptions::default()
    };
    let error = ready(TargetKind::Webhook(options), &local())
        .send(&message, &rendered(&message))
        .unwrap_err();
    assert!(error.why().contains("alerts.networks_allowed"), "{error:?}");
}

#[test]
fn a_receiver_that_says_nothing_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = TargetOptions {
        kind: TargetKind::Slack(SlackOptions {
            url: Secret::new(format!("http://127.0.0.1:{port}/services/T0/B0/x")),
        }),
        messages_max: 10,
        messages_interval: Duration::from_secs(60),
        timeout: Duration::from_millis(300),
        templates: Templates::default(),
    };
    let message = message("db");
    let begin = std::time::Instant::now();
    let error = target(&options, &local())
        .unwrap()
        .send(&message, &rendered(&message))
        .unwrap_err();
    assert!(
        matches!(error, SendError::Again(..)) && begin.elapsed() < Duration::from_secs(5),
        "{error:?}"
    );
    assert!(!error.why().contains("services"), "the address is a secret: {error:?}");
}

#[test]
fn x11_secrets_are_in_nothing_that_is_printed() {
    let options = WebhookOptions {
        url: Secret::new("https://hooks.example.org/canary-path"),
        secret: Secret::new("canary-key"),
        bearer_token: Secret::new("canary-token"),
        ca: None,
    };
    let kind = TargetKind::Webhook(options);
    let printed = format!("{kind:?} {} {:?}", kind.address(), ready(kind.clone(), &local()));
    assert!(
        !printed.contains("canary") && printed.contains("hooks.example.org"),
        "{printed}"
    );
    let bad = TargetKind::Slack(SlackOptions {
        url: Secret::new("canary path"),
    });
    assert!(!bad.check().unwrap_err().contains("canary"));
}
