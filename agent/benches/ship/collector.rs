//! A collector that takes everything and keeps nothing, in a process of its own: this program again,
//! told by a variable of the environment.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use timberline_proto::wire::v1::generation_ends_response::End;
use timberline_proto::wire::v1::ingest_server::{Ingest, IngestServer};
use timberline_proto::wire::v1::ship_response::Verdict;
use timberline_proto::wire::v1::*;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::tls;

const VARIABLE: &str = "BENCH_COLLECTOR";
/// Where the files for TLS are; plain without.
const TLS_VARIABLE: &str = "BENCH_COLLECTOR_TLS";

/// What was acked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) raw: u64,
    pub(crate) batches: u64,
    pub(crate) sent: u64,
}

/// The running process. Killed when dropped.
pub(crate) struct Collector {
    child: Child,
    endpoint: String,
    taken: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    raw: AtomicU64,
    batches: AtomicU64,
    sent: AtomicU64,
}

impl Counts {
    fn get(&self) -> Taken {
        Taken {
            raw: self.raw.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            sent: self.sent.load(Ordering::Relaxed),
        }
    }
}

/// Whether this process is to be the collector.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

impl Collector {
    /// With the files of [`tls::make`] by mutual TLS, else plain.
    pub(crate) fn start(tls: Option<&Path>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(VARIABLE, "1").env_remove(TLS_VARIABLE);
        if let Some(files) = tls {
            command.env(TLS_VARIABLE, files);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let endpoint = lines.next().unwrap().unwrap();
        let taken = Arc::new(Counts::default());
        let counts = Arc::clone(&taken);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
                counts.batches.store(numbers[1], Ordering::Relaxed);
                counts.sent.store(numbers[2], Ordering::Relaxed);
                counts.raw.store(numbers[0], Ordering::Relaxed);
            }
        });
        Self { child, endpoint, taken }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    pub(crate) fn taken(&self) -> Taken {
        self.taken.get()
    }

    /// Until so many bytes of files are acked.
    pub(crate) fn wait_for(&self, raw: u64) {
        crate::wait_until(|| self.taken().raw >= raw);
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Prints its address, then what it has taken whenever that has changed.
pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let counts = Arc::new(Counts::default());
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let files = std::env::var_os(TLS_VARIABLE).map(PathBuf::from);
    let scheme = if files.is_some() { "https" } else { "http" };
    println!("{scheme}://{}", listener.local_addr().unwrap());
    let service = IngestServer::new(Null { taken: counts.clone() }).max_decoding_message_size(64 << 20);
    let server = tonic::transport::Server::builder().add_service(service);
    let plain = TcpListenerStream::new(listener);
    match files {
        None => drop(runtime.spawn(server.serve_with_incoming(plain))),
        Some(files) => {
            let acceptor = tls::acceptor(&files);
            let agreed = plain.then(move |stream| {
                let acceptor = acceptor.clone();
                async move { acceptor.accept(stream?).await.map(tls::Connection) }
            });
            drop(runtime.spawn(server.serve_with_incoming(agreed)));
        }
    }
    let mut told = 0;
    loop {
        let taken = counts.get();
        if taken.batches > told {
            told = taken.batches;
            let mut out = std::io::stdout();
            writeln!(out, "{} {} {}", taken.raw, taken.batches, taken.sent).unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

struct Null {
    taken: Arc<Counts>,
}

#[tonic::async_trait]
impl Ingest for Null {
    type ShipStream = Pin<Box<dyn Stream<Item = Result<ShipResponse, Status>> + Send>>;

    async fn hello(&self, _request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Ok(Response::new(HelloResponse {
            version: "bench".into(),
            batch_bytes_max: 0,
            in_flight_max: 0,
        }))
    }

    async fn ship(&self, request: Request<Streaming<ShipRequest>>) -> Result<Response<Self::ShipStream>, Status> {
        let taken = self.taken.clone();
        let verdicts = request.into_inner().map(move |request| {
            let request = request?;
            let raw = request.range_end - request.range_start;
            taken.raw.fetch_add(raw, Ordering::Relaxed);
            taken
                .sent
                .fetch_add(request.record_batch.len() as u64, Ordering::Relaxed);
            taken.batches.fetch_add(1, Ordering::Relaxed);
            Ok(ShipResponse {
                sequence: request.sequence,
                verdict: Verdict::Appended.into(),
                ..ShipResponse::default()
            })
        });
        Ok(Response::new(Box::pin(verdicts)))
    }

    async fn generation_ends(
        &self,
        request: Request<GenerationEndsRequest>,
    ) -> Result<Response<GenerationEndsResponse>, Status> {
        let unknown = |id| End {
            generation_id: id,
            known: false,
            end: 0,
        };
        Ok(Response::new(GenerationEndsResponse {
            ends: request.into_inner().generation_ids.into_iter().map(unknown).collect(),
        }))
    }

    async fn report(&self, _request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        Ok(Response::new(ReportResponse {}))
    }
}
