//! To a collector's gRPC port: a stack trace is one record. In plain text they are batches of a sender
//! without identity; by TLS they are those of the agent that enrolled on this machine, if one did.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use timberline_proto::batch::{BatchBuilder, BatchMeta, NewRecord};
use timberline_proto::id::AgentId;
use timberline_proto::tls::{CollectorUrl, Credentials, NotEnrolled};
use timberline_proto::wire::v1::ingest_client::IngestClient;
use timberline_proto::wire::v1::ship_response::Verdict;
use timberline_proto::wire::v1::{ShipRequest, ShipResponse};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::Sink;
use super::plan::Plan;
use crate::exit::Exit;

/// A batch of so many bytes of lines is sent at once.
const BATCH_BYTES: usize = 1 << 20;
const BATCH_RECORDS: usize = 16_384;
/// Batches without a verdict.
const IN_FLIGHT_MAX: usize = 8;
const LEVEL: i32 = 1;
/// A collector that answers no ping within this time, and as long again, is given up.
const KEEPALIVE: Duration = Duration::from_secs(5);

pub(super) struct Grpc {
    runtime: Handle,
    requests: mpsc::Sender<ShipRequest>,
    verdicts: mpsc::Receiver<anyhow::Result<ShipResponse>>,
    streams: Vec<(BatchMeta, BatchBuilder)>,
    in_flight: BTreeMap<u64, ShipRequest>,
    sequence: u64,
    repeated: u64,
    stop: CancellationToken,
}

impl Grpc {
    pub(super) fn connect(
        url: &str,
        credentials: &Credentials,
        plan: &Plan,
        runtime: Handle,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let (requests, receiver) = mpsc::channel(IN_FLIGHT_MAX);
        let (told, verdicts) = mpsc::channel(IN_FLIGHT_MAX);
        let nobody = || format!("no collector takes batches at {url}; --grpc names server.grpc of one");
        let url: CollectorUrl = url.parse().map_err(Exit::usage)?;
        let agent = identity(&url, credentials)?;
        let endpoint = url
            .endpoint()
            .with_context(nobody)?
            .connect_timeout(KEEPALIVE)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE);
        let channel = runtime
            .block_on(url.connect(&endpoint, credentials))
            .with_context(nobody)?;
        let mut client = IngestClient::new(channel);
        runtime.spawn(async move {
            let failed = |status: String| anyhow::anyhow!("the collector's stream ended: {status}");
            let mut answers = match client.ship(ReceiverStream::new(receiver)).await {
                Ok(answers) => answers.into_inner(),
                Err(status) => {
                    told.send(Err(failed(status.to_string()))).await.ok();
                    return;
                }
            };
            loop {
                let answer = answers.message().await.map_err(|status| failed(status.to_string()));
                let Some(answer) = answer.transpose() else { return };
                let is_over = answer.is_err();
                if told.send(answer).await.is_err() || is_over {
                    return;
                }
            }
        });
        let streams = plan.streams.iter().enumerate().map(|(n, stream)| {
            let meta = BatchMeta {
                stream: BTreeMap::from([
                    ("host.name".to_owned(), format!("loadgen-{}", n + 1)),
                    ("service.name".to_owned(), stream.service.to_owned()),
                ]),
                agent,
                eol_bytes: 1,
                ..BatchMeta::default()
            };
            (meta, BatchBuilder::new())
        });
        Ok(Self {
            runtime,
            requests,
            verdicts,
            streams: streams.collect(),
            in_flight: BTreeMap::new(),
            sequence: 0,
            repeated: 0,
            stop,
        })
    }

    fn send(&mut self, stream: usize) -> anyhow::Result<()> {
        let (meta, builder) = &mut self.streams[stream];
        if builder.is_empty() {
            return Ok(());
        }
        let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        meta.observed_nanos = now.as_nanos() as i64;
        let records = builder.len() as u32;
        let record_batch = builder.finish(meta, LEVEL);
        let request = ShipRequest {
            topic: "logs".to_owned(),
            agent_id: meta
                .agent
                .map(|agent| Bytes::copy_from_slice(&agent.0))
                .unwrap_or_default(),
            record_count: records,
            record_batch,
            ..ShipRequest::default()
        };
        self.ship(request)?;
        while self.in_flight.len() >= IN_FLIGHT_MAX {
            self.hear()?;
        }
        Ok(())
    }

    fn ship(&mut self, mut request: ShipRequest) -> anyhow::Result<()> {
        self.sequence += 1;
        request.sequence = self.sequence;
        self.in_flight.insert(self.sequence, request.clone());
        let sent = self.runtime.block_on(self.requests.send(request));
        match sent {
            Ok(()) => Ok(()),
            // Why it ended its last verdict says.
            Err(_) => self.hear(),
        }
    }

    /// Waits for one verdict. What is not taken now is sent again, as another batch.
    fn hear(&mut self) -> anyhow::Result<()> {
        let verdict = self.runtime.block_on(self.verdicts.recv());
        let verdict = verdict.context("the collector closed the stream")??;
        let Some(request) = self.in_flight.remove(&verdict.sequence) else {
            return Ok(());
        };
        match verdict.verdict() {
            Verdict::Appended | Verdict::Duplicate => Ok(()),
            Verdict::TryAgain if !self.stop.is_cancelled() => {
                self.repeated += 1;
                std::thread::sleep(Duration::from_millis(u64::from(verdict.retry_after_ms.max(50))));
                self.ship(request)
            }
            _ => anyhow::bail!("the collector refused a batch: {}", verdict.message),
        }
    }
}

/// Who sends. Whoever shows a certificate is held to it.
fn identity(url: &CollectorUrl, credentials: &Credentials) -> anyhow::Result<Option<AgentId>> {
    if !url.is_tls() {
        return Ok(None);
    }
    match credentials.files().identity() {
        Ok(held) => Ok(held.facts.peer.map(|peer| peer.id)),
        Err(NotEnrolled::Missing) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl Sink for Grpc {
    fn push(&mut self, stream: usize, text: &str, unix_ms: u64) -> anyhow::Result<()> {
        let builder = &mut self.streams[stream].1;
        builder.push(&NewRecord {
            time_nanos: unix_ms as i64 * 1_000_000,
            time_parsed: true,
            line: text.as_bytes(),
            ..NewRecord::default()
        });
        if builder.line_bytes() >= BATCH_BYTES || builder.len() >= BATCH_RECORDS {
            self.send(stream)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        (0..self.streams.len()).try_for_each(|stream| self.send(stream))?;
        while !self.in_flight.is_empty() {
            self.hear()?;
        }
        Ok(())
    }

    fn did(&self) -> String {
        match self.repeated {
            0 => String::new(),
            n => format!("; {n} batches were put off and sent again"),
        }
    }
}
