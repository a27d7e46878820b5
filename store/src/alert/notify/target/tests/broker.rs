//! A broker of AMQP 0-9-1 for one connection, with only as much of it as a publisher meets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use super::super::amqp::{AmqpOptions, frame};
use super::*;
use crate::alert::notify::render::tests::{message, rendered};
use frame::{Args, Frame, Method, Writer};

/// What it does with a message.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Confirms,
    Returns,
    DoesNotTake,
    KnowsNoExchange,
    RefusesLogin,
    Leaves,
    SaysNothing,
}

/// What it got: who logged in, exchange and routing key, id and body.
#[derive(Debug, Default)]
struct Got {
    login: String,
    address: (String, String),
    header: Vec<u8>,
    body: Vec<u8>,
}

fn broker(manner: Manner) -> (u16, JoinHandle<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut got = Got::default();
        // A client that has heard enough leaves.
        _ = converse(stream, manner, &mut got);
        got
    });
    (port, thread)
}

fn say(stream: &mut TcpStream, channel: u16, method: Method, fill: impl FnOnce(&mut Writer)) -> Option<()> {
    let mut arguments = Writer::default();
    fill(&mut arguments);
    stream
        .write_all(&Frame::of_method(channel, method, &arguments).bytes())
        .ok()
}

fn close(stream: &mut TcpStream, channel: u16, method: Method, code: u16, text: &str) -> Option<()> {
    say(stream, channel, method, |w| {
        w.number(code.to_be_bytes());
        w.short(text);
        w.number([0; 4]);
    })
}

fn frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 7];
    stream.read_exact(&mut head).ok()?;
    let (kind, _, length) = Frame::head(head);
    let mut rest = vec![0; length + 1];
    stream.read_exact(&mut rest).ok()?;
    assert_eq!(rest.pop(), Some(0xce));
    Some((kind, rest))
}

fn heard(stream: &mut TcpStream, wanted: Method) -> Option<Args> {
    let (kind, payload) = frame(stream)?;
    let mut whole = payload;
    whole.push(0xce);
    let (method, args) = Frame::whole(kind, 0, whole).unwrap().method().unwrap()?;
    assert_eq!(method, wanted);
    Some(args)
}

fn converse(mut stream: TcpStream, manner: Manner, got: &mut Got) -> Option<()> {
    let stream = &mut stream;
    let mut hello = [0; 8];
    stream.read_exact(&mut hello).ok()?;
    assert_eq!(&hello, b"AMQP\0\0\x09\x01");
    if manner == Manner::SaysNothing {
        std::thread::sleep(Duration::from_secs(8));
        return None;
    }
    say(stream, 0, Method::CONNECTION_START, |w| {
        w.number([0, 9]);
        w.table(|_| {});
        w.long("PLAIN");
        w.long("en_US");
    })?;
    let mut args = heard(stream, Method::CONNECTION_START_OK)?;
    for _ in 0..args.u32().unwrap() {
        args.octet().unwrap();
    }
    assert_eq!(args.short().unwrap(), "PLAIN");
    let length = args.u32().unwrap();
    got.login = (0..length).map(|_| char::from(args.octet().unwrap())).collect();
    if manner == Manner::RefusesLogin {
        return close(
            stream,
            0,
            Method::CONNECTION_CLOSE,
            403,
            "ACCESS_REFUSED - login of canary-password refused",
        );
    }
    say(stream, 0, Method::CONNECTION_TUNE, |w| {
        w.number(2_047_u16.to_be_bytes());
        w.number(4_096_u32.to_be_bytes());
        w.number(60_u16.to_be_bytes());
    })?;
    let mut tuned = heard(stream, Method::CONNECTION_TUNE_OK)?;
    assert_eq!(
        (tuned.u16().unwrap(), tuned.u32().unwrap(), tuned.u16().unwrap()),
        (2_047, 4_096, 0)
    );
    assert_eq!(heard(stream, Method::CONNECTION_OPEN)?.short().unwrap(), "/logs");
    say(stream, 0, Method::CONNECTION_OPEN_OK, |w| w.short(""))?;
    heard(stream, Method::CHANNEL_OPEN)?;
    say(stream, 1, Method::CHANNEL_OPEN_OK, |w| w.long(""))?;
    heard(stream, Method::CONFIRM_SELECT)?;
    say(stream, 1, Method::CONFIRM_SELECT_OK, |_| {})?;
    let mut publish = heard(stream, Method::BASIC_PUBLISH)?;
    publish.u16().unwrap();
    got.address = (publish.short().unwrap(), publish.short().unwrap());
    assert_eq!(publish.octet().unwrap(), 1, "mandatory");
    if manner == Manner::KnowsNoExchange {
        close(stream, 1, Method::CHANNEL_CLOSE, 404, "NOT_FOUND - no exchange")?;
        // What was sent behind it is read and dropped.
        while frame(stream).is_some() {}
        return None;
    }
    let (kind, header) = frame(stream)?;
    assert_eq!(kind, 2);
    got.header = header;
    let length = u64::from_be_bytes(got.header[4..12].try_into().unwrap());
    while (got.body.len() as u64) < length {
        let (kind, part) = frame(stream)?;
        assert!(kind == 3 && part.len() + 8 <= 4_096);
        got.body.extend(part);
    }
    let tag = |w: &mut Writer| {
        w.number(1_u64.to_be_bytes());
        w.octet(0);
    };
    // A heartbeat between.
    stream.write_all(&[8, 0, 0, 0, 0, 0, 0, 0xce]).ok()?;
    match manner {
        Manner::Leaves => return None,
        Manner::DoesNotTake => say(stream, 1, Method::BASIC_NACK, tag)?,
        Manner::Returns => {
            say(stream, 1, Method::BASIC_RETURN, |w| {
                w.number(312_u16.to_be_bytes());
                w.short("NO_ROUTE");
                w.short("");
                w.short("");
            })?;
            stream.write_all(&Frame::header(1, got.header.clone()).bytes()).ok()?;
            stream.write_all(&Frame::body(1, b"x".to_vec()).bytes()).ok()?;
            say(stream, 1, Method::BASIC_ACK, tag)?;
        }
        _ => say(stream, 1, Method::BASIC_ACK, tag)?,
    }
    heard(stream, Method::CONNECTION_CLOSE).map(drop)
}

fn send(manner: Manner) -> (Result<String, SendError>, Got) {
    let (port, broker) = broker(manner);
    let options = AmqpOptions {
        host: "127.0.0.1".to_owned(),
        port,
        tls: false,
        ca: None,
        user: "timberline".to_owned(),
        password: Secret::new("canary-password"),
        vhost: "/logs".to_owned(),
        exchange: "alerts".to_owned(),
        routing_key: "critical".to_owned(),
    };
    let message = message(&"db ".repeat(3_000));
    let own = TargetOptions {
        kind: TargetKind::Amqp(options),
        messages_max: 10,
        messages_interval: Duration::from_secs(60),
        timeout: Duration::from_secs(2),
        templates: Templates::default(),
    };
    let sent = target(&own, &local()).unwrap().send(&message, &rendered(&message));
    (sent, broker.join().unwrap())
}

#[test]
fn a_message_is_persistent_in_frames_that_fit_and_done_when_it_is_confirmed() {
    let (sent, got) = send(Manner::Confirms);
    assert_eq!(sent, Ok("confirmed".to_owned()));
    assert_eq!(
        (got.login.as_str(), got.address),
        (
            "\0timberline\0canary-password",
            ("alerts".to_owned(), "critical".to_owned())
        )
    );
    let json: serde_json::Value = serde_json::from_slice(&got.body).unwrap();
    assert_eq!(json["key"], message("x").key);
    assert!(got.body.len() > 8_000);
    let header = String::from_utf8_lossy(&got.header).into_owned();
    assert!(
        header.contains("application/json") && header.contains(&message("x").key),
        "{header}"
    );
}

#[test]
fn what_a_broker_does_not_take_is_tried_again_and_the_password_is_told_to_nobody() {
    for (manner, word) in [
        (Manner::Returns, "no queue is bound"),
        (Manner::DoesNotTake, "basic.nack"),
        (Manner::KnowsNoExchange, "404 NOT_FOUND"),
        (Manner::RefusesLogin, "403 ACCESS_REFUSED - login of … refused"),
        (Manner::Leaves, "closed the connection"),
        (Manner::SaysNothing, ""),
    ] {
        let begin = std::time::Instant::now();
        let error = send(manner).0.unwrap_err();
        assert!(
            matches!(&error, SendError::Again(why, None) if why.contains(word) && !why.contains("canary")),
            "{error:?}"
        );
        assert!(begin.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_broker_inside_needs_leave() {
    let (port, _broker) = broker(Manner::Confirms);
    let options = AmqpOptions {
        host: "localhost".to_owned(),
        port,
        tls: true,
        ca: None,
        user: String::new(),
        password: Secret::default(),
        vhost: "/".to_owned(),
        exchange: String::new(),
        routing_key: "queue".to_owned(),
    };
    let mut strict = local();
    strict.network = NetworkRules::default();
    let message = message("db");
    let error = ready(TargetKind::Amqp(options), &strict)
        .send(&message, &rendered(&message))
        .unwrap_err();
    assert!(error.why().contains("alerts.allow_private"), "{error:?}");
}
