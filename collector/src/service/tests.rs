use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use timberline_proto::batch::{BatchBuilder, BatchMeta, NewRecord};
use timberline_proto::id::AgentId;
use timberline_proto::tls::files::certificates;
use timberline_proto::tls::{CollectorUrl, Credentials, MachineFiles};
use timberline_proto::wire::v1::ingest_client::IngestClient;
use timberline_proto::wire::v1::ship_response::Verdict;
use timberline_proto::wire::v1::{HelloRequest, ShipRequest};
use timberline_queue::QueueOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tonic::Code;

use super::lane::Lane;
use super::room::Room;
use super::*;
use crate::CollectorOptions;
use crate::trust::{ServerCertificate, TrustOptions};

/// What no test waits for.
const FOREVER: Duration = Duration::from_secs(600);
const DEADLINE: Duration = Duration::from_secs(20);

/// A collector that serves until it is told to stop.
struct Served {
    _dir: tempfile::TempDir,
    collector: Collector,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), CollectorError>>,
}

fn options(dir: &Path, mode: Option<TlsMode>, grpc: ConnectionLimits) -> CollectorOptions {
    CollectorOptions {
        messages: Default::default(),
        queue_dir: dir.join("queue"),
        trust: mode.map(|mode| TrustOptions {
            dir: dir.join("collector"),
            mode,
            certificate: ServerCertificate::Own {
                names: vec!["127.0.0.1".into()],
            },
            machine_life: FOREVER,
            grace: FOREVER,
            machines_max: 100,
            host: "collector-1".into(),
        }),
        grpc,
        check_pushed: None,
        queue: QueueOptions::default(),
        in_flight_max: 4,
        in_flight_bytes_max: 1024,
        retry_after: Duration::from_millis(10),
        fetch_wait_max: Duration::from_secs(1),
        fetch_bytes_max: 1 << 20,
        ingest_body_bytes_max: 1 << 20,
        ingest_batch_records_max: 100,
        retention_interval: FOREVER,
        agent_timeout: FOREVER,
        agent_forget_after: FOREVER,
        loss_error_for: FOREVER,
        agents_max: 100,
        zstd_level: 1,
        zone: jiff::tz::TimeZone::UTC,
        host: "collector-1".into(),
    }
}

async fn serve(mode: Option<TlsMode>, grpc: ConnectionLimits) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::open(options(dir.path(), mode, grpc)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    Served {
        _dir: dir,
        serving: tokio::spawn(serve_grpc(collector.clone(), listener, stop.clone())),
        collector,
        address,
        stop,
    }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The files of a machine that knows the collector, and is enrolled there if it says so.
    fn machine(&self, enrolled: bool) -> MachineFiles {
        let files = MachineFiles::new(self._dir.path().join("machine"));
        let trust = self.collector.trust().unwrap();
        let id = AgentId([1; 16]);
        trust.enroll_own(&files, id, "https://127.0.0.1:1").unwrap();
        if !enrolled {
            std::fs::remove_file(files.dir().join("identity.pem")).unwrap();
        }
        files
    }

    /// A connection by TLS that has said what a client of HTTP/2 says first.
    async fn greet(&self, files: &MachineFiles) -> tokio_rustls::client::TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        let pem = std::fs::read(files.dir().join("authorities.pem")).unwrap();
        for authority in certificates(&pem).unwrap() {
            roots.add(authority).unwrap();
        }
        let builder = rustls::ClientConfig::builder_with_provider(timberline_proto::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match files.identity() {
            Ok(held) => builder.with_client_auth_cert(held.chain, held.key).unwrap(),
            Err(_) => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
        let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = connector.connect(name, self.connect().await).await.unwrap();
        // The preface, and settings that set nothing.
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        stream.flush().await.unwrap();
        stream
    }
}

/// How long the other side leaves a connection open, whatever it says on it.
async fn closed_after(stream: &mut (impl tokio::io::AsyncRead + Unpin), limit: Duration) -> Option<Duration> {
    let begin = Instant::now();
    let mut buffer = [0; 1024];
    let reading = async { while stream.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {} };
    tokio::time::timeout(limit, reading).await.ok()?;
    Some(begin.elapsed())
}

#[tokio::test]
async fn one_address_is_given_its_share_of_connections_and_those_beyond_are_closed() {
    let limits = ConnectionLimits {
        per_address_max: 3,
        handshake_timeout: FOREVER,
        ..ConnectionLimits::default()
    };
    for mode in [None, Some(TlsMode::Mutual)] {
        let served = serve(mode, limits).await;
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(served.connect().await);
        }
        let mut beyond = served.connect().await;
        assert!(closed_after(&mut beyond, DEADLINE).await.is_some(), "{mode:?}");
        assert_eq!(
            closed_after(&mut held[0], Duration::from_millis(100)).await,
            None,
            "{mode:?}"
        );
        // What is closed makes room.
        held.pop();
        let begin = Instant::now();
        loop {
            let mut next = served.connect().await;
            if closed_after(&mut next, Duration::from_millis(100)).await.is_none() {
                break;
            }
            assert!(begin.elapsed() < DEADLINE, "{mode:?}");
        }
    }
}

#[tokio::test]
async fn handshakes_that_never_end_keep_no_machine_out() {
    let limits = ConnectionLimits {
        handshake_timeout: FOREVER,
        ..ConnectionLimits::default()
    };
    let served = serve(Some(TlsMode::Mutual), limits).await;
    let machine = served.machine(true);
    let mut silent = Vec::new();
    for address in 1..=4u8 {
        for _ in 0..64 {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(([127, 0, 1, address], 0).into()).unwrap();
            silent.push(socket.connect(served.address).await.unwrap());
        }
    }
    let greeted = tokio::time::timeout(DEADLINE, served.greet(&machine)).await;
    assert!(greeted.is_ok());
    // All but the one that made room are left alone.
    let waits = silent.iter_mut().map(|one| closed_after(one, Duration::from_secs(1)));
    let closed = futures::future::join_all(waits).await;
    assert_eq!(closed.iter().filter(|after| after.is_some()).count(), 1);
}

#[tokio::test]
async fn whoever_says_nothing_is_closed_by_tls_and_in_plain_text() {
    let limits = ConnectionLimits {
        handshake_timeout: Duration::from_millis(200),
        ..ConnectionLimits::default()
    };
    for mode in [None, Some(TlsMode::Mutual)] {
        let served = serve(mode, limits).await;
        let mut silent = served.connect().await;
        let closed = closed_after(&mut silent, DEADLINE).await;
        assert!(
            closed.is_some_and(|after| after >= Duration::from_millis(150)),
            "{mode:?}: {closed:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_without_a_certificate_is_short_where_one_is_demanded_and_one_with_it_is_not() {
    let limits = ConnectionLimits {
        guest_timeout: Duration::from_millis(300),
        ..ConnectionLimits::default()
    };
    let served = serve(Some(TlsMode::Mutual), limits).await;
    let known = served.machine(true);
    let mut known = served.greet(&known).await;
    let mut guest = served.greet(&served.machine(false)).await;
    assert!(closed_after(&mut guest, DEADLINE).await.is_some());
    assert_eq!(closed_after(&mut known, Duration::from_millis(600)).await, None);
    // One that is revoked is a guest, too.
    let files = served.machine(true);
    served
        .collector
        .trust()
        .unwrap()
        .revoke(AgentId([1; 16]), &timberline_proto::api::access::Actor::default())
        .unwrap();
    let mut revoked = served.greet(&files).await;
    assert!(closed_after(&mut revoked, DEADLINE).await.is_some());
    let open = serve(Some(TlsMode::Server), limits).await;
    let mut anybody = open.greet(&open.machine(false)).await;
    assert_eq!(closed_after(&mut anybody, Duration::from_millis(600)).await, None);
}

#[tokio::test]
async fn a_guest_makes_few_calls_on_one_connection() {
    let served = serve(Some(TlsMode::Mutual), ConnectionLimits::default()).await;
    let url: CollectorUrl = format!("https://{}", served.address).parse().unwrap();
    let credentials = Credentials::new(served.machine(false), None);
    let channel = url.connect(&url.endpoint().unwrap(), &credentials).await.unwrap();
    let mut client = IngestClient::new(channel);
    let mut codes = Vec::new();
    for _ in 0..10 {
        codes.push(client.hello(HelloRequest::default()).await.unwrap_err().code());
    }
    assert_eq!(codes[..8], [Code::Unauthenticated; 8]);
    assert_eq!(codes[8..], [Code::ResourceExhausted; 2]);
}

#[tokio::test]
async fn a_connection_that_says_nothing_does_not_hold_up_a_collector_that_stops() {
    let limits = ConnectionLimits {
        per_address_max: 1,
        handshake_timeout: FOREVER,
        ..ConnectionLimits::default()
    };
    for mode in [None, Some(TlsMode::Mutual)] {
        let served = serve(mode, limits).await;
        let _silent = served.connect().await;
        // Once the next one is turned away, this one has been accepted.
        assert!(closed_after(&mut served.connect().await, DEADLINE).await.is_some());
        served.stop.cancel();
        let ended = tokio::time::timeout(DEADLINE, served.serving).await;
        assert!(ended.is_ok(), "{mode:?}");
    }
}

#[tokio::test]
async fn where_no_certificate_is_demanded_nobody_speaks_for_a_machine_that_enrolled() {
    let served = serve(Some(TlsMode::Server), ConnectionLimits::default()).await;
    let url: CollectorUrl = format!("https://{}", served.address).parse().unwrap();
    let credentials = Credentials::new(served.machine(false), None);
    let channel = url.connect(&url.endpoint().unwrap(), &credentials).await.unwrap();
    let mut client = IngestClient::new(channel);
    let as_agent = |id: u8| HelloRequest {
        agent_id: vec![id; 16].into(),
        ..HelloRequest::default()
    };
    let refused = client.hello(as_agent(1)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    client.hello(as_agent(2)).await.unwrap();
}

/// Random, so that it stays larger than the room of 1 KiB when it is packed.
fn large_batch(sequence: u64) -> ShipRequest {
    let mut builder = BatchBuilder::new();
    let line: Vec<u8> = (0..8192).map(|_| rand::random::<u8>().max(b' ')).collect();
    builder.push(&NewRecord {
        line: &line,
        ..NewRecord::default()
    });
    ShipRequest {
        sequence,
        topic: "logs".to_owned(),
        record_count: 1,
        record_batch: builder.finish(&BatchMeta::default(), 1),
        ..ShipRequest::default()
    }
}

#[tokio::test]
async fn batches_larger_than_all_the_room_come_through_one_after_the_other() {
    let served = serve(None, ConnectionLimits::default()).await;
    let url: CollectorUrl = format!("http://{}", served.address).parse().unwrap();
    let credentials = Credentials::new(MachineFiles::new("nothing"), None);
    let channel = url.connect(&url.endpoint().unwrap(), &credentials).await.unwrap();
    let requests = futures::stream::iter((1..=20).map(large_batch));
    let shipping = async {
        let mut answers = IngestClient::new(channel).ship(requests).await.unwrap().into_inner();
        let mut appended = 0;
        while let Some(answer) = answers.message().await.unwrap() {
            assert_eq!(answer.verdict(), Verdict::Appended, "{}", answer.message);
            appended += 1;
        }
        appended
    };
    assert_eq!(tokio::time::timeout(DEADLINE, shipping).await.unwrap(), 20);
}

#[tokio::test]
async fn a_batch_is_not_unpacked_while_as_many_are_as_memory_is_set_for() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::open(options(dir.path(), None, ConnectionLimits::default())).unwrap();
    let unpacking = Arc::new(Semaphore::new(1));
    let of_another = Arc::clone(&unpacking).acquire_owned().await.unwrap();
    let (verdicts, mut answers) = mpsc::channel(4);
    let lane = Lane {
        caller: None,
        owners: Arc::default(),
        topics: Arc::default(),
        collector,
        verdicts,
        in_flight: Arc::new(Semaphore::new(4)),
        unpacking,
    };
    let (batches, received) = mpsc::channel(4);
    tokio::spawn(Arc::new(lane).run(received));
    let room = Room::new(1 << 20).take(1).await;
    batches.send((large_batch(1), room)).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(300), answers.recv()).await;
    assert!(early.is_err(), "it was unpacked beside the other one: {early:?}");
    drop(of_another);
    let answer = tokio::time::timeout(DEADLINE, answers.recv())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(answer.verdict(), Verdict::Appended, "{}", answer.message);
}
