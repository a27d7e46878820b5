//! Who may be connected, and what a panic does.

use std::io::ErrorKind;

use super::*;

fn few(connections_max: usize, connections_per_peer_max: usize, idle_close_after: Duration) -> Listener {
    Listener {
        connections_max,
        connections_per_peer_max,
        idle_close_after,
        ..listener(Protocol::Syslog, Transport::Tcp)
    }
}

fn message(n: usize) -> String {
    format!("<13>Nov 30 11:00:00 h a: {n}\n")
}

/// Whether the listener has closed this connection.
fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    match (&mut &*stream).read(&mut [0]) {
        Ok(0) => true,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
        Ok(_) => false,
    }
}

#[test]
fn silent_connections_make_room_for_one_that_sends_and_those_that_send_stay() {
    let bench = Bench::start(
        vec![few(4, 100, Duration::from_millis(300))],
        options(),
        QueueOptions::default(),
    );
    let silent: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(bench.address()).unwrap()).collect();
    let mut busy = send(bench.address(), message(0).as_bytes());
    until("all to be served", || bench.seen().connections == 4);
    // Goes on to send until what comes is there, as one does that is not idle.
    let late = send(bench.address(), message(1).as_bytes());
    let mut n = 2;
    until("what came late", || {
        busy.write_all(message(n).as_bytes()).unwrap();
        n += 1;
        bench.records().iter().any(|held| held.line.ends_with(" 1"))
    });
    assert!(!is_closed(&busy) && !is_closed(&late));
    assert_eq!(silent.iter().filter(|stream| is_closed(stream)).count(), 1);
    assert_eq!(bench.seen().connections_refused, 0);
}

#[test]
fn a_connection_that_makes_room_is_read_to_its_end_first() {
    let bench = Bench::start(
        vec![few(1, 1, Duration::from_millis(100))],
        options(),
        QueueOptions::default(),
    );
    // A message without its end, as a sender leaves it that has nothing more to say.
    let held = send(bench.address(), message(0).trim_end().as_bytes());
    until("it to be served", || bench.seen().connections == 1);
    let mut next = Vec::new();
    until("both", || {
        next.push(send(bench.address(), message(1).as_bytes()));
        std::thread::sleep(Duration::from_millis(50));
        bench.records().iter().any(|held| held.line.ends_with(" 1"))
    });
    assert!(bench.records()[0].line.ends_with(" 0"), "{:?}", bench.records());
    drop(held);
}

#[test]
fn a_connection_that_makes_room_does_not_keep_its_place_by_sending_on() {
    let bench = Bench::start(
        vec![few(1, 100, Duration::from_millis(100))],
        options(),
        QueueOptions::default(),
    );
    let mut held = TcpStream::connect(bench.address()).unwrap();
    held.set_read_timeout(Some(DEADLINE)).unwrap();
    until("it to be served", || bench.seen().connections == 1);
    let next = send(bench.address(), message(1).as_bytes());
    // Told to make room, it begins to send, and never pauses for long enough to be silent.
    assert_eq!(held.read(&mut [0]).unwrap(), 0);
    until("the next one to be served", || {
        held.write_all(b"x").ok();
        std::thread::sleep(Duration::from_millis(10));
        bench.records().iter().any(|held| held.line.ends_with(" 1"))
    });
    drop((held, next));
}

#[test]
fn a_peer_has_no_more_than_its_share() {
    let bench = Bench::start(
        vec![few(100, 2, Duration::from_secs(600))],
        options(),
        QueueOptions::default(),
    );
    let streams: Vec<TcpStream> = (0..2).map(|n| send(bench.address(), message(n).as_bytes())).collect();
    bench.wait(2);
    let more = TcpStream::connect(bench.address()).unwrap();
    until("the third to be closed", || is_closed(&more));
    until("that to be counted", || bench.seen().connections_refused == 1);
    assert!(streams.iter().all(|stream| !is_closed(stream)));
    // Another address of this machine is another peer.
    let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    other.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    other.connect(&bench.address().into()).unwrap();
    let mut other = TcpStream::from(other);
    other.write_all(message(7).as_bytes()).unwrap();
    bench.wait(3);
}

#[test]
fn a_stop_does_not_wait_for_tls_to_be_agreed_on() {
    let files = tempfile::tempdir().unwrap();
    let [_, certificate, key, ..] = certificates(files.path());
    let tls = Listener {
        tls: Some(TlsFiles {
            certificate,
            key,
            client_ca: None,
        }),
        ..listener(Protocol::Syslog, Transport::Tls)
    };
    let mut bench = Bench::start(vec![tls], options(), QueueOptions::default());
    let silent = TcpStream::connect(bench.address()).unwrap();
    until("it to be served", || bench.seen().connections == 1);
    let begin = Instant::now();
    bench.stop(DEADLINE);
    // Agreeing may take ten seconds.
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    drop(silent);
}

/// Rules that have a fault.
struct Faulty;

impl Process for Faulty {
    fn stream(&mut self, _: &BTreeMap<String, String>) -> StreamRules {
        StreamRules {
            topic: None,
            rules: Some(0),
        }
    }

    fn apply(
        &mut self,
        _: usize,
        _: &BTreeMap<String, String>,
        _: GenerationId,
        _: u64,
        record: &mut Received,
    ) -> Option<String> {
        assert!(!record.line.ends_with(b"13"), "a fault");
        None
    }
}

#[test]
fn after_a_panic_what_was_in_hand_is_counted_and_what_comes_is_taken() {
    let agent = Some(AgentId([7; 16]));
    let mut bench = Bench::with(
        vec![listener(Protocol::Syslog, Transport::Tcp)],
        ReceiveOptions { agent, ..options() },
        QueueOptions::default(),
        Some(Box::new(Faulty)),
    );
    let mut stream = send(bench.address(), message(1).as_bytes());
    bench.wait_durable(1);
    stream.write_all(message(13).as_bytes()).unwrap();
    until("the panic to be counted", || bench.seen().panics == 1);
    let seen = bench.seen();
    assert_eq!(seen.lost, 1);
    assert!(
        seen.not_ready().is_some() && seen.trouble().unwrap().contains("panics"),
        "{seen:?}"
    );
    stream.write_all(message(2).as_bytes()).unwrap();
    bench.wait_durable(2);
    drop(stream);
    bench.stop(DEADLINE);
    // Another generation may lie in another partition.
    let mut lines: Vec<String> = bench.records().into_iter().map(|held| held.line).collect();
    lines.sort();
    assert!(
        lines[0].ends_with(" 1") && lines[1].ends_with(" 2") && lines.len() == 2,
        "{lines:?}"
    );
}
