//! Syslog and GELF by the real program: every transport, killed while messages come, over TLS.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use support::{Program, scratch, up_config, wait_for};
use tokio_rustls::rustls;

const LISTENERS: &str = "[[ROLE.syslog]]\nlisten = \"127.0.0.1:0\"\ntransport = \"tcp\"\n\
     [[ROLE.syslog]]\nlisten = \"127.0.0.1:0\"\ntransport = \"udp\"\n\
     [[ROLE.gelf]]\nlisten = \"127.0.0.1:0\"\ntransport = \"udp\"\n";

fn config(dir: &Path, role: &str) -> String {
    up_config(dir, &["*.log"]) + &LISTENERS.replace("ROLE", role)
}

fn address(program: &Program, name: &str) -> SocketAddr {
    program.announced(name).parse().unwrap()
}

fn message(n: usize) -> String {
    format!("<11>Nov 30 11:00:00 web-1 shop[7]: number {n} of many\n")
}

/// How often each message is found.
fn found(program: &Program) -> BTreeMap<usize, usize> {
    let mut found = BTreeMap::new();
    for record in program.records("many") {
        let words: Vec<&str> = record["body"].as_str().unwrap().split(' ').collect();
        *found.entry(words[words.len() - 3].parse().unwrap()).or_default() += 1;
    }
    found
}

fn metric(program: &Program, name: &str, listener: &str) -> u64 {
    let (_, text) = program.get("/metrics");
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("timberline_receive_{name}{{listener=\"{listener}\"")))
        .unwrap_or_else(|| panic!("no {name} of {listener} in {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn check_all_kinds(role: &str) {
    let dir = scratch();
    let program = Program::start(dir.path(), "up", &config(dir.path(), role));
    let mut stream = TcpStream::connect(address(&program, "syslog-tcp")).unwrap();
    let counted = "<165>1 2026-11-30T11:00:00.123456Z web-1 shop 8 ID7 [a@1 k=\"v\"] counted";
    write!(stream, "{} {counted}", counted.len()).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .send_to(message(1).as_bytes(), address(&program, "syslog-udp"))
        .unwrap();
    let gelf =
        r#"{"version":"1.1","host":"web-2","short_message":"chunked","level":2,"timestamp":1796036400.5,"_app":"pay"}"#;
    for (number, part) in gelf.as_bytes().chunks(40).enumerate().rev() {
        let mut datagram = vec![
            0x1e,
            0x0f,
            9,
            9,
            9,
            9,
            9,
            9,
            9,
            9,
            number as u8,
            gelf.len().div_ceil(40) as u8,
        ];
        datagram.extend_from_slice(part);
        socket.send_to(&datagram, address(&program, "gelf-udp")).unwrap();
    }
    wait_for("three messages", || (program.count("*") == 3).then_some(()));

    let counted = program.records("counted").remove(0);
    assert_eq!(counted["timestamp"], "2026-11-30T11:00:00.123456000Z");
    assert_eq!(
        (&counted["stream"]["host.name"], &counted["stream"]["service.name"]),
        (&"web-1".into(), &"shop".into())
    );
    assert_eq!(counted["fields"]["syslog.msgid"], "ID7");
    assert_eq!(counted["fields"]["syslog.structured_data.a@1.k"], "v");
    assert_eq!(counted["fields"]["process.pid"], 8);
    assert_eq!(program.count("service.name:shop AND syslog.facility:local4"), 1);
    let plain = program.records("many").remove(0);
    assert_eq!(plain["severity"], "error");
    assert_eq!(plain["body"], message(1).trim_end());
    let chunked = program.records("chunked").remove(0);
    assert_eq!(chunked["body"], gelf);
    assert_eq!(chunked["timestamp"], "2026-11-30T11:00:00.500000000Z");
    assert_eq!(
        (&chunked["severity"], &chunked["stream"]["service.name"]),
        (&"fatal".into(), &"pay".into())
    );
    let has_place = !counted["place"].is_null();
    assert_eq!(has_place, role == "agent", "what an agent ships has a place");
    if role == "server" {
        assert_eq!(metric(&program, "durable_messages_total", "syslog-tcp"), 1);
    }
    assert_eq!(program.stop(), 0);
    let program = Program::start(dir.path(), "up", &config(dir.path(), role));
    wait_for("three messages again", || (program.count("*") == 3).then_some(()));
    assert_eq!(program.stop(), 0);
}

#[test]
fn an_agent_takes_syslog_and_gelf() {
    check_all_kinds("agent");
}

#[test]
fn a_collector_takes_syslog_and_gelf() {
    check_all_kinds("server");
}

#[test]
fn nothing_that_reached_the_disk_is_lost_or_doubled_when_agent_and_collector_are_killed() {
    let dir = scratch();
    let server = up_config(dir.path(), &["none"]);
    let agent_dir = scratch();
    let mut collector = Program::start(dir.path(), "collector", &server);
    let grpc = collector.announced("agents").to_owned();
    // The same port at each start, so that the agent finds it again.
    let server = server.replace("grpc = \"127.0.0.1:0\"", &format!("grpc = {grpc:?}"));
    let agent_config = |port: &str| {
        up_config(agent_dir.path(), &["none"])
            .replace("[agent]\n", &format!("[agent]\ncollector = \"http://{grpc}\"\n"))
            + &format!(
                "[agent.outbox]\ncommit_interval = \"10ms\"\n[[agent.syslog]]\nlisten = {port:?}\ntransport = \"tcp\"\n"
            )
    };
    let mut sent = 0;
    let mut sure = 0;
    let mut agent = Program::start(agent_dir.path(), "agent", &agent_config("127.0.0.1:0"));
    let port = agent.announced("syslog-tcp").to_owned();
    for round in 0..6 {
        let mut stream = TcpStream::connect(&port).unwrap();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(400) {
            if stream.write_all(message(sent).as_bytes()).is_err() {
                break;
            }
            sent += 1;
            if sent % 200 == 0 {
                std::thread::sleep(Duration::from_millis(20)); // a sender's pace
            }
        }
        match round % 3 {
            0 => {
                agent.kill();
                agent = Program::start(agent_dir.path(), "agent", &agent_config(&port));
            }
            1 => {
                collector.kill();
                collector = Program::start(dir.path(), "collector", &server);
            }
            _ => {
                // Stopped, it takes what was sent.
                assert_eq!(agent.stop(), 0);
                agent = Program::start(agent_dir.path(), "agent", &agent_config(&port));
                sure = sent;
            }
        }
    }
    assert_eq!(agent.stop(), 0);
    collector.kill();
    let program = Program::start(dir.path(), "up", &server);
    let at_least = wait_for("what is in the queue", || {
        let found = found(&program);
        (found.keys().next_back().is_some_and(|last| last + 1 == sure)).then_some(found)
    });
    let doubled: Vec<_> = at_least.iter().filter(|(_, count)| **count != 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    // A kill loses what was not on disk yet: one gap for each kill of the agent, and no other.
    let mut gaps = 0;
    let mut expected = 0;
    for &n in at_least.keys() {
        gaps += usize::from(n != expected);
        expected = n + 1;
    }
    assert!(gaps <= 2, "{gaps} gaps");
    assert!(at_least.len() * 2 > sure, "{} of {sure}", at_least.len());
}

#[test]
fn a_full_way_over_tls_with_a_certificate_of_the_tests_own() {
    let dir = scratch();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    std::fs::write(dir.path().join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
    let listener = format!(
        "[[server.syslog]]\nlisten = \"127.0.0.1:0\"\ntransport = \"tls\"\ncertificate = {:?}\nkey = {:?}\n",
        dir.path().join("cert.pem"),
        dir.path().join("key.pem")
    );
    let program = Program::start(dir.path(), "up", &(up_config(dir.path(), &["none"]) + &listener));
    let address = address(&program, "syslog-tls");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut session = rustls::ClientConnection::new(config.into(), name).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    for n in 0..100 {
        let message = message(n);
        stream
            .write_all(format!("{} {}", message.len(), message).as_bytes())
            .unwrap();
    }
    stream.flush().unwrap();
    wait_for("a hundred messages", || (found(&program).len() == 100).then_some(()));
    assert_eq!(program.stop(), 0);
    drop(socket);
}
