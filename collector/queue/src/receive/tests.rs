mod connections;
mod pieces;
mod streams;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_proto::batch::{AttributeValue, LogBatch};
use timberline_proto::id::{AgentId, GenerationId};

use super::*;
use crate::{Queue, QueueOptions};

const DEADLINE: Duration = Duration::from_secs(60);

/// A queue and listeners, in a runtime of their own.
struct Bench {
    _dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    queue: Queue,
    receivers: Option<Receivers>,
}

/// A record of the queue.
#[derive(Clone, Debug)]
struct Held {
    line: String,
    stream: BTreeMap<String, String>,
    attributes: BTreeMap<String, AttributeValue>,
    generation: Option<GenerationId>,
    place: Option<(u64, u32)>,
    time_parsed: bool,
}

fn listener(protocol: Protocol, transport: Transport) -> Listener {
    Listener {
        protocol,
        transport,
        listen: "127.0.0.1:0".into(),
        message_bytes_max: 4096,
        ..Listener::default()
    }
}

fn options() -> ReceiveOptions {
    ReceiveOptions {
        commit_interval: Duration::from_millis(5),
        host: "here".into(),
        ..ReceiveOptions::default()
    }
}

impl Bench {
    fn start(listeners: Vec<Listener>, options: ReceiveOptions, queue: QueueOptions) -> Self {
        Self::with(listeners, options, queue, None)
    }

    fn with(
        listeners: Vec<Listener>,
        options: ReceiveOptions,
        queue: QueueOptions,
        process: Option<Box<dyn Process>>,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let queue = Queue::open(&dir.path().join("queue"), queue).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let bound = Bound::bind(listeners).unwrap();
        let started = {
            let _inside = runtime.enter();
            bound.start(queue.clone(), options, process).unwrap()
        };
        Self {
            _dir: dir,
            runtime,
            queue,
            receivers: Some(started),
        }
    }

    fn seen(&self) -> Seen {
        self.receivers.as_ref().unwrap().seen().remove(0)
    }

    /// Waits until so many messages are counted as durable: a moment after they can be read.
    fn wait_durable(&self, messages: u64) {
        let begin = Instant::now();
        while self.seen().durable_messages != messages {
            assert!(begin.elapsed() < DEADLINE, "{:?}", self.seen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn address(&self) -> SocketAddr {
        self.seen().address
    }

    fn stop(&mut self, deadline: Duration) {
        let receivers = self.receivers.take().unwrap();
        self.runtime.block_on(receivers.stop(deadline));
    }

    fn records(&self) -> Vec<Held> {
        let mut found = Vec::new();
        for partition in self.queue.partitions() {
            let mut offset = partition.start_offset;
            loop {
                let fetched = self
                    .queue
                    .read(&partition.topic, partition.partition, offset, 1 << 20)
                    .unwrap();
                if fetched.batches.is_empty() {
                    break;
                }
                offset = fetched.next_offset;
                for bytes in fetched.batches {
                    let batch = LogBatch::parse(&bytes, 64 << 20).unwrap();
                    found.extend(batch.records().map(|record| Held {
                        line: String::from_utf8_lossy(record.line).into_owned(),
                        stream: batch.meta.stream.clone(),
                        attributes: record.attributes.into_iter().collect(),
                        generation: batch.meta.generation,
                        place: record.place,
                        time_parsed: record.time_parsed,
                    }));
                }
            }
        }
        found
    }

    /// Waits for so many records.
    #[track_caller]
    fn wait(&self, count: usize) -> Vec<Held> {
        let begin = Instant::now();
        loop {
            let records = self.records();
            if records.len() >= count {
                assert_eq!(records.len(), count);
                return records;
            }
            assert!(
                begin.elapsed() < DEADLINE,
                "{} of {count} records: {records:?}",
                records.len()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn lines(&self, count: usize) -> Vec<String> {
        self.wait(count).into_iter().map(|held| held.line).collect()
    }
}

#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < DEADLINE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

#[test]
fn messages_over_tcp_are_records_of_the_host_and_program_that_they_name() {
    let bench = Bench::start(
        vec![listener(Protocol::Syslog, Transport::Tcp)],
        options(),
        QueueOptions::default(),
    );
    let counted = b"<13>1 2026-11-30T11:00:00Z web-1 shop 7 - - two\nlines";
    let mut bytes = format!("{} ", counted.len()).into_bytes();
    bytes.extend_from_slice(counted);
    drop(send(bench.address(), &bytes));
    drop(send(
        bench.address(),
        b"<11>Nov 30 11:00:00 web-2 shop[8]: one\n<14>no end",
    ));
    let mut records = bench.wait(3);
    records.sort_by(|a, b| a.line.cmp(&b.line));
    assert_eq!(records[0].line, "<11>Nov 30 11:00:00 web-2 shop[8]: one");
    assert_eq!(records[0].stream["host.name"], "web-2");
    assert_eq!(records[0].stream["service.name"], "shop");
    assert_eq!(
        records[0].attributes["severity_text"],
        AttributeValue::Text("err".into())
    );
    assert_eq!(records[0].attributes["process.pid"], AttributeValue::Integer(8));
    assert_eq!(
        records[0].attributes["network.peer.address"],
        AttributeValue::Text("127.0.0.1".into())
    );
    assert!(records[0].time_parsed);
    assert_eq!(records[1].line.as_bytes(), counted);
    assert_eq!(records[2].line, "<14>no end");
    assert_eq!(records[2].stream["host.name"], "here", "a message of this machine");
    assert_eq!(records[2].stream["service.name"], "syslog");
    bench.wait_durable(3);
}

#[test]
fn datagrams_are_messages_and_empty_ones_are_none() {
    let bench = Bench::start(
        vec![listener(Protocol::Syslog, Transport::Udp)],
        options(),
        QueueOptions::default(),
    );
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for message in [
        "<13>Nov 30 11:00:00 h a: one\n",
        "",
        "\n",
        "no priority",
        "<13>two\nlines",
    ] {
        socket.send_to(message.as_bytes(), bench.address()).unwrap();
    }
    let mut lines = bench.lines(3);
    lines.sort();
    assert_eq!(lines, ["<13>Nov 30 11:00:00 h a: one", "<13>two\nlines", "no priority"]);
    assert_eq!(bench.seen().unread, 1);
}

#[test]
fn gelf_comes_in_chunks_packed_and_over_connections() {
    let bench = Bench::start(
        vec![
            listener(Protocol::Gelf, Transport::Udp),
            listener(Protocol::Gelf, Transport::Tcp),
        ],
        options(),
        QueueOptions::default(),
    );
    let message = format!(
        r#"{{"host":"web-1","short_message":"{}","level":3,"_app":"shop"}}"#,
        "x".repeat(300)
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(message.as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let parts: Vec<&[u8]> = packed.chunks(100).collect();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for (number, part) in parts.iter().enumerate().rev() {
        let mut datagram = vec![0x1e, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8, number as u8, parts.len() as u8];
        datagram.extend_from_slice(part);
        socket.send_to(&datagram, bench.address()).unwrap();
    }
    socket.send_to(b"\x1e\x0fshort", bench.address()).unwrap();
    let tcp = bench.receivers.as_ref().unwrap().seen()[1].address;
    drop(send(
        tcp,
        b"{\"host\":\"a\",\n\"short_message\":\"b\"}\0{\"short_message\":1}\0",
    ));
    let records = bench.wait(4);
    let whole = records.iter().find(|held| held.line == message).unwrap();
    assert_eq!(
        (
            whole.stream["host.name"].as_str(),
            whole.stream["service.name"].as_str()
        ),
        ("web-1", "shop")
    );
    assert_eq!(whole.attributes["severity_text"], AttributeValue::Text("err".into()));
    let refused = records
        .iter()
        .find(|held| held.line.contains("short") && held.line.starts_with('\u{1e}'));
    assert_eq!(
        refused.unwrap().attributes["log.parse_error"],
        AttributeValue::Text("gelf, chunk".into())
    );
    assert!(
        records
            .iter()
            .any(|held| held.line == "{\"host\":\"a\",\n\"short_message\":\"b\"}")
    );
}

#[test]
fn a_message_that_is_too_long_is_kept_in_pieces_of_one_stream() {
    let bench = Bench::start(
        vec![listener(Protocol::Syslog, Transport::Tcp)],
        options(),
        QueueOptions::default(),
    );
    let message = format!("<13>Nov 30 11:00:00 h a: {}", "x".repeat(10_000));
    drop(send(
        bench.address(),
        format!("{message}\n<13>Nov 30 11:00:00 h a: next\n").as_bytes(),
    ));
    let records = bench.wait(4);
    let pieces: String = records[..3].iter().map(|held| held.line.as_str()).collect();
    assert_eq!(pieces, message);
    assert!(records.iter().all(|held| held.stream["service.name"] == "a"));
    let partial = |held: &Held| held.attributes.contains_key("log.partial");
    assert_eq!(
        records.iter().map(partial).collect::<Vec<_>>(),
        [true, true, false, false]
    );
}

#[test]
fn a_stop_takes_everything_that_was_sent_before_it() {
    for round in 0..20 {
        let mut bench = Bench::start(
            vec![
                listener(Protocol::Syslog, Transport::Tcp),
                listener(Protocol::Syslog, Transport::Udp),
            ],
            options(),
            QueueOptions::default(),
        );
        let addresses: Vec<_> = bench
            .receivers
            .as_ref()
            .unwrap()
            .seen()
            .iter()
            .map(|s| s.address)
            .collect();
        let mut stream = TcpStream::connect(addresses[0]).unwrap();
        stream.write_all(b"<13>first\n").unwrap();
        bench.lines(1);
        let mut messages = String::new();
        for n in 0..2000 {
            messages += &format!("<13>message {n} of round {round}\n");
        }
        stream.write_all(messages.as_bytes()).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 0..50 {
            socket
                .send_to(format!("<13>datagram {n}").as_bytes(), addresses[1])
                .unwrap();
        }
        bench.stop(DEADLINE);
        let lines = bench.lines(2051);
        assert_eq!(lines.iter().filter(|line| line.contains("datagram")).count(), 50);
        // The sender is told, so that it goes elsewhere.
        assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0);
    }
}

#[test]
fn when_the_queue_is_full_connections_wait_and_nothing_is_lost_or_doubled() {
    let queue = QueueOptions {
        partitions: 1,
        segment_bytes_max: 64 << 10,
        bytes_max: 256 << 10,
        retention_bytes: 0,
        retention_age: Duration::ZERO,
        high_water_percent: 100,
        required_groups: vec!["store".into()],
        ..QueueOptions::default()
    };
    let options = ReceiveOptions {
        memory_bytes_max: 128 << 10,
        batch_bytes_max: 16 << 10,
        agent: Some(AgentId([1; 16])),
        ..options()
    };
    let mut bench = Bench::start(vec![listener(Protocol::Syslog, Transport::Tcp)], options, queue);
    let address = bench.address();
    let total = 20_000;
    let sender = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        for n in 0..total {
            // Nothing that can be compressed, so that the queue fills up.
            let noise = format!("{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
            writeln!(stream, "<13>Nov 30 11:00:00 h a: {n} {noise}").unwrap();
        }
    });
    until("the queue to fill", || bench.queue.bytes() > 180 << 10);
    // Reads as a consumer does, so that space comes back.
    let mut found = Vec::new();
    let mut end = 0;
    let begin = Instant::now();
    while found.len() < total {
        assert!(begin.elapsed() < DEADLINE * 3, "{} of {total}", found.len());
        let partition = bench.queue.partitions().remove(0);
        let next = partition.start_offset.max(found.len() as u64);
        let fetched = bench.queue.read("logs", 0, next, 1 << 20).unwrap();
        for bytes in fetched.batches {
            let batch = LogBatch::parse(&bytes, 64 << 20).unwrap();
            assert_eq!(batch.meta.range.0, end, "ranges follow each other");
            end = batch.meta.range.1;
            found.extend(
                batch
                    .records()
                    .map(|record| String::from_utf8_lossy(record.line).into_owned()),
            );
        }
        bench
            .queue
            .commit("store", "logs", 0, partition.incarnation, found.len() as u64)
            .unwrap();
        bench.queue.enforce_retention(std::time::SystemTime::now()).unwrap();
    }
    sender.join().unwrap();
    for (n, line) in found.iter().enumerate() {
        assert!(line.contains(&format!(" {n} ")), "{n}: {line}");
    }
    bench.stop(DEADLINE);
    assert_eq!(bench.queue.partitions()[0].end_offset, total as u64);
}

#[test]
fn datagrams_that_find_no_room_are_counted() {
    let queue = QueueOptions {
        partitions: 1,
        segment_bytes_max: 64 << 10,
        bytes_max: 70 << 10,
        high_water_percent: 100,
        ..QueueOptions::default()
    };
    let options = ReceiveOptions {
        memory_bytes_max: 32 << 10,
        ..options()
    };
    let mut bench = Bench::start(vec![listener(Protocol::Syslog, Transport::Udp)], options, queue);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut sent = 0;
    until("drops", || {
        for _ in 0..20 {
            let noise: Vec<u8> = (0..1000).map(|_| b'!' + rand::random::<u8>() % 64).collect();
            socket.send_to(&noise, bench.address()).unwrap();
            sent += 1;
        }
        bench.seen().dropped_full > 0
    });
    until("all to be seen", || {
        let seen = bench.seen();
        seen.messages + seen.dropped_full + seen.dropped_kernel >= sent
    });
    let seen = bench.seen();
    assert!(seen.trouble().is_some_and(|trouble| trouble.contains("dropped")));
    let watch = bench.receivers.as_ref().unwrap().watch();
    bench.stop(Duration::from_millis(200));
    let seen = &watch()[0];
    // What the queue does not take before the stop is counted as well.
    assert_eq!(
        seen.durable_messages + seen.lost + seen.dropped_full + seen.dropped_kernel,
        sent
    );
    assert_eq!(bench.records().len() as u64, seen.durable_messages);
}

#[test]
fn a_stop_does_not_wait_for_a_sender_that_never_pauses() {
    let mut bench = Bench::start(
        vec![listener(Protocol::Gelf, Transport::Udp)],
        options(),
        QueueOptions::default(),
    );
    let address = bench.address();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let senders: Vec<_> = (0..2)
        .map(|_| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    // Nobody may listen any more.
                    _ = socket.send_to(br#"{"host":"h","short_message":"x"}"#, address);
                }
            })
        })
        .collect();
    let begin = Instant::now();
    bench.stop(Duration::from_secs(5));
    assert!(begin.elapsed() < DEADLINE, "{:?}", begin.elapsed());
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

/// Rules that are functions.
struct Rules<S, A> {
    of_stream: S,
    apply: A,
}

impl<S, A> Process for Rules<S, A>
where
    S: FnMut(&BTreeMap<String, String>) -> StreamRules + Send,
    A: FnMut(&mut Received) -> Option<String> + Send,
{
    fn stream(&mut self, attributes: &BTreeMap<String, String>) -> StreamRules {
        (self.of_stream)(attributes)
    }

    fn apply(
        &mut self,
        _: usize,
        _: &BTreeMap<String, String>,
        _: GenerationId,
        _: u64,
        record: &mut Received,
    ) -> Option<String> {
        (self.apply)(record)
    }
}

#[test]
fn an_agents_records_have_places_that_follow_each_other() {
    let odd = Rules {
        of_stream: |_: &BTreeMap<String, String>| StreamRules {
            topic: Some("other".into()),
            rules: Some(0),
        },
        apply: |record: &mut Received| {
            if record.line.ends_with(b"drop") {
                return Some("rule:odd".into());
            }
            if record.line.ends_with(b"shorten") {
                record.line.truncate(4);
            }
            None
        },
    };
    let options = ReceiveOptions {
        agent: Some(AgentId([1; 16])),
        ..options()
    };
    let bench = Bench::with(
        vec![listener(Protocol::Syslog, Transport::Tcp)],
        options,
        QueueOptions::default(),
        Some(Box::new(odd)),
    );
    drop(send(bench.address(), b"<13>one\n<13>drop\n<13>shorten\n<13>two\n"));
    let records = bench.wait(3);
    let places: Vec<_> = records.iter().map(|held| held.place.unwrap()).collect();
    assert_eq!(places, [(0, 8), (17, 12), (29, 8)]);
    assert!(records.iter().all(|held| held.generation == records[0].generation));
    assert_eq!(records[1].line, "<13>");
    assert_eq!(
        bench.queue.generation_end("other", records[0].generation.unwrap()),
        Some(37)
    );
    // What a rule dropped is done with, too.
    bench.wait_durable(4);
}

/// A CA, a certificate for localhost, one for a client, in PEM.
fn certificates(dir: &std::path::Path) -> [std::path::PathBuf; 5] {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = Issuer::new(ca, ca_key);
    let made = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    };
    let (server, server_key) = made("localhost");
    let (client, client_key) = made("client");
    let files = [
        ("ca.pem", ca_pem),
        ("server.pem", server),
        ("server.key", server_key),
        ("client.pem", client),
        ("client.key", client_key),
    ];
    files.map(|(name, text)| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        path
    })
}

#[test]
fn tls_takes_messages_of_those_who_show_a_certificate_where_one_is_asked_for() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
    let files = tempfile::tempdir().unwrap();
    let [ca, certificate, key, client, client_key] = certificates(files.path());
    let tls = |client_ca| Listener {
        tls: Some(TlsFiles {
            certificate: certificate.clone(),
            key: key.clone(),
            client_ca,
        }),
        ..listener(Protocol::Syslog, Transport::Tls)
    };
    let mut bench = Bench::start(vec![tls(Some(ca.clone()))], options(), QueueOptions::default());
    let connect = |shows: bool, message: &'static str| {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&ca).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = if shows {
            let chain = vec![CertificateDer::from_pem_file(&client).unwrap()];
            config
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&client_key).unwrap())
                .unwrap()
        } else {
            config.with_no_client_auth()
        };
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let address = bench.address();
        bench.runtime.block_on(async move {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let mut stream = connector
                .connect(ServerName::try_from("localhost").unwrap(), stream)
                .await?;
            let framed = format!("{} {message}", message.len());
            stream.write_all(framed.as_bytes()).await?;
            stream.flush().await?;
            if shows {
                return Ok(Some(stream));
            }
            // With TLS 1.3 the refusal comes when something is read.
            stream.read_u8().await.map(|_| None)
        })
    };
    let stream: std::io::Result<_> = connect(true, "<13>shown\nand kept");
    assert!(connect(false, "<13>refused").is_err());
    assert_eq!(bench.lines(1), ["<13>shown\nand kept"]);
    until("the failure to be counted", || bench.seen().connections_failed == 1);
    bench.stop(DEADLINE);
    assert_eq!(bench.lines(1).len(), 1);
    drop(stream);

    std::fs::write(&key, "no key").unwrap();
    let refused = Bound::bind(vec![tls(None)]).unwrap_err().to_string();
    assert!(refused.contains("server.key"), "{refused}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut wanted = listener(Protocol::Syslog, Transport::Tcp);
    wanted.listen = taken.local_addr().unwrap().to_string();
    let refused = Bound::bind(vec![wanted.clone()]).unwrap_err().to_string();
    assert!(
        refused.contains("syslog-tcp") && refused.contains(&wanted.listen),
        "{refused}"
    );
}
