//! The agent alone: files to acks of a collector that takes everything and keeps nothing.
//! `cargo bench -p timberline-agent --bench ship [-- FILE…]`
//!
//! Without files it makes `BENCH_MB` (200) of log. The collector's side of gRPC runs in the same
//! process and is counted.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

#[path = "../../benches/whole_way/corpus/mod.rs"]
#[allow(dead_code, reason = "shared with another benchmark")]
mod corpus;
#[path = "../../benches/whole_way/measure.rs"]
#[allow(dead_code, reason = "shared with another benchmark")]
mod measure;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use timberline_agent::AgentConfig;
use timberline_proto::wire::v1::generation_ends_response::End;
use timberline_proto::wire::v1::ingest_server::{Ingest, IngestServer};
use timberline_proto::wire::v1::ship_response::Verdict;
use timberline_proto::wire::v1::*;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

fn main() {
    let parent = std::env::var("BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(parent).unwrap();
    let corpus = corpus::named_or_made(dir.path(), 200, None, false);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let taken = Arc::new(Taken::default());
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let service = IngestServer::new(Null { taken: taken.clone() }).max_decoding_message_size(64 << 20);
    let server = tonic::transport::Server::builder().add_service(service);
    runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let config = AgentConfig {
        data_dir: dir.path().join("agent"),
        endpoint,
        tail: corpus.files.iter().map(|file| file.display().to_string()).collect(),
        exclude: Vec::new(),
        zone: "UTC".into(),
        ..AgentConfig::default()
    };
    let (cpu, begin) = (measure::own_cpu_seconds(), Instant::now());
    let stop = CancellationToken::new();
    let agent = runtime.spawn(timberline_agent::run(config, stop.clone()));
    while taken.raw.load(Ordering::Relaxed) < corpus.bytes {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (cpu, seconds) = (measure::own_cpu_seconds() - cpu, begin.elapsed().as_secs_f64());
    let megabytes = corpus.bytes as f64 / 1e6;
    println!(
        "{megabytes:.1} MB: {:.1} MB per CPU second, {:.1} MB/s, {:.2} % of raw sent in {} batches, {:.0} MB resident at most",
        megabytes / cpu,
        megabytes / seconds,
        100.0 * taken.sent.load(Ordering::Relaxed) as f64 / corpus.bytes as f64,
        taken.batches.load(Ordering::Relaxed),
        measure::resident_peak_mb(std::process::id())
    );
    stop.cancel();
    runtime.block_on(agent).unwrap().unwrap();
}

/// What was acked.
#[derive(Debug, Default)]
struct Taken {
    batches: AtomicU64,
    raw: AtomicU64,
    sent: AtomicU64,
}

struct Null {
    taken: Arc<Taken>,
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
            taken.batches.fetch_add(1, Ordering::Relaxed);
            taken.raw.fetch_add(raw, Ordering::Relaxed);
            taken
                .sent
                .fetch_add(request.record_batch.len() as u64, Ordering::Relaxed);
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
