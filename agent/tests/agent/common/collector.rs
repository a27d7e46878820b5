//! A collector in memory. It keeps the protocol's promises: a generation only grows, a batch that
//! begins beyond its end or straddles it is refused, one below it is a duplicate. It checks every
//! batch, and it can be told to fail.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use timberline_proto::batch::{ChainCheck, Chained, LogBatch, verify};
use timberline_proto::id::GenerationId;
use timberline_proto::wire::v1::generation_ends_response::End;
use timberline_proto::wire::v1::ingest_server::{Ingest, IngestServer};
use timberline_proto::wire::v1::ship_response::Verdict;
use timberline_proto::wire::v1::*;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

/// What goes wrong next; each number counts down.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Batches appended whose connection then breaks before the ack.
    pub(crate) ack_lost: u32,
    /// Batches answered with TRY_AGAIN.
    pub(crate) try_again: u32,
    /// Lines with this text make their batch REJECTED.
    pub(crate) reject: Option<String>,
    /// So many batches are appended; then each is answered with TRY_AGAIN.
    pub(crate) appends_left: Option<u32>,
    /// Every call fails.
    pub(crate) down: bool,
    /// Ship streams refused with RESOURCE_EXHAUSTED.
    pub(crate) exhausted: u32,
    /// Verdicts are held back.
    pub(crate) hold: bool,
}

/// One record held.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) generation: GenerationId,
    pub(crate) line: Vec<u8>,
    pub(crate) start: u64,
    pub(crate) source_len: u32,
    pub(crate) part: Option<(u32, bool)>,
    pub(crate) partial: bool,
    pub(crate) stream: BTreeMap<String, String>,
    pub(crate) time_nanos: i64,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) ends: HashMap<GenerationId, u64>,
    pub(crate) records: Vec<Held>,
    pub(crate) dropped: Vec<timberline_proto::batch::Dropped>,
    /// What the last batch of each generation says of its chain.
    pub(crate) chains: HashMap<GenerationId, Chained>,
    pub(crate) files: HashMap<GenerationId, serde_json::Value>,
    pub(crate) faults: Faults,
    pub(crate) report: Option<ReportRequest>,
    pub(crate) refused: u32,
    pub(crate) rejected: u32,
    pub(crate) duplicates: u32,
    pub(crate) batches: u32,
    pub(crate) batch_bytes_max: u64,
    /// The agent that began a generation, from which alone it is taken.
    pub(crate) owners: HashMap<GenerationId, Bytes>,
}

pub(crate) struct Collector {
    pub(crate) state: Arc<Mutex<State>>,
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let service = IngestServer::new(Service { state: state.clone() }).max_decoding_message_size(64 << 20);
        let server = tonic::transport::Server::builder().add_service(service);
        runtime.spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self {
            state,
            address,
            _runtime: runtime,
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state.lock().unwrap().faults);
    }

    pub(crate) fn records(&self) -> Vec<Held> {
        self.state.lock().unwrap().records.clone()
    }

    /// Lines in the order of their arrival, parts joined.
    pub(crate) fn lines(&self) -> Vec<Vec<u8>> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for record in &self.state.lock().unwrap().records {
            match record.part {
                Some((index, _)) if index > 0 => lines.last_mut().unwrap().extend(&record.line),
                _ => lines.push(record.line.clone()),
            }
        }
        lines
    }

    /// Whether a line has come.
    pub(crate) fn holds(&self, line: &[u8]) -> bool {
        self.state.lock().unwrap().records.iter().any(|held| held.line == line)
    }

    /// How many lines there are, without copying them.
    pub(crate) fn line_count(&self) -> usize {
        let state = self.state.lock().unwrap();
        let first = |held: &&Held| held.part.is_none_or(|(index, _)| index == 0);
        state.records.iter().filter(first).count()
    }

    /// Makes a generation shorter, as a queue that lost its end would.
    pub(crate) fn forget_after(&self, fraction: u64) {
        let mut state = self.state.lock().unwrap();
        let State {
            ends, records, chains, ..
        } = &mut *state;
        chains.clear();
        for (generation, end) in ends.iter_mut() {
            let cut = *end / fraction;
            let kept = |held: &&Held| held.generation == *generation && held.start < cut;
            let last = records
                .iter()
                .filter(kept)
                .map(|held| held.start + u64::from(held.source_len))
                .max();
            *end = last.unwrap_or(0);
        }
        records.retain(|held| held.start < ends[&held.generation]);
    }
}

struct Service {
    state: Arc<Mutex<State>>,
}

impl Service {
    fn up(&self) -> Result<(), Status> {
        if self.state.lock().unwrap().faults.down {
            Err(Status::unavailable("down"))
        } else {
            Ok(())
        }
    }
}

/// One batch's verdict; none: the connection breaks.
fn judge(state: &mut State, request: &ShipRequest) -> Option<ShipResponse> {
    let generation = GenerationId::try_from(&request.generation_id[..]).unwrap();
    let (start, end) = (request.range_start, request.range_end);
    let known = state.ends.get(&generation).copied();
    let answer = |verdict: Verdict| ShipResponse {
        sequence: request.sequence,
        verdict: verdict.into(),
        generation_end: known.unwrap_or(0),
        retry_after_ms: 3,
        ..ShipResponse::default()
    };
    if state.faults.try_again > 0 {
        state.faults.try_again -= 1;
        return Some(answer(Verdict::TryAgain));
    }
    let (header, meta) = verify(&request.record_batch, 256 << 20).expect("a sound batch");
    assert_eq!(
        (header.record_count, meta.range, meta.generation),
        (request.record_count, (start, end), Some(generation))
    );
    // The last word of a generation has no bytes, and closes its chain.
    let is_last_word = start == end && meta.chain.is_some_and(|chained| chained.closes);
    assert!(start < end || is_last_word);
    if let Some(known) = known {
        if end <= known && !(is_last_word && end == known) {
            state.duplicates += 1;
            return Some(answer(Verdict::Duplicate));
        }
        if start != known {
            state.refused += 1;
            return Some(answer(Verdict::Refused));
        }
    }
    let owner = state
        .owners
        .entry(generation)
        .or_insert_with(|| request.agent_id.clone());
    let is_its = meta.agent.is_some_and(|agent| agent.0[..] == request.agent_id[..]);
    if !is_its || *owner != request.agent_id {
        return Some(ShipResponse {
            message: "another agent's".into(),
            ..answer(Verdict::Rejected)
        });
    }
    let batch = LogBatch::parse(&Bytes::copy_from_slice(&request.record_batch), 256 << 20).unwrap();
    let records = held(&batch, generation);
    if let Some(text) = &state.faults.reject
        && records
            .iter()
            .any(|record| String::from_utf8_lossy(&record.line).contains(text))
    {
        state.rejected += 1;
        return Some(ShipResponse {
            message: "not wanted".into(),
            ..answer(Verdict::Rejected)
        });
    }
    assert_covers(&records, &meta);
    check_chain(state, generation, &batch);
    match &mut state.faults.appends_left {
        Some(0) => return Some(answer(Verdict::TryAgain)),
        Some(left) => *left -= 1,
        None => {}
    }
    if known.is_none() {
        state.files.insert(
            generation,
            meta.file.clone().expect("the first batch says what the file is"),
        );
    }
    state.ends.insert(generation, end);
    state.records.extend(records);
    state.dropped.extend(meta.dropped);
    state.batches += u32::from(!is_last_word);
    if state.faults.ack_lost > 0 {
        state.faults.ack_lost -= 1;
        return None;
    }
    Some(answer(Verdict::Appended))
}

/// The lines are those that were chained, and the chain goes on where it ended, or begins anew.
fn check_chain(state: &mut State, generation: GenerationId, batch: &LogBatch) {
    let Some(chained) = batch.meta.chain else {
        return; // of the outbox
    };
    assert_ne!(batch.check_chain(), Some(ChainCheck::Broken), "{chained:?}");
    if let Some(before) = state.chains.insert(generation, chained)
        && !chained.begins_link()
    {
        let is_part_of_it = (before.first, before.value) == (chained.first, chained.value);
        let follows = (before.value, before.end().lines) == (chained.previous, chained.first);
        assert!(is_part_of_it || follows, "{chained:?} behind {before:?}");
    }
}

fn held(batch: &LogBatch, generation: GenerationId) -> Vec<Held> {
    batch
        .records()
        .map(|record| {
            let (start, source_len) = record.place.unwrap();
            let partial = record.attributes.iter().any(|(name, _)| name == "log.partial");
            let stream = batch.meta.stream.clone();
            Held {
                generation,
                line: record.line.to_vec(),
                start,
                source_len,
                part: record.part,
                partial,
                stream,
                time_nanos: record.time_nanos,
            }
        })
        .collect()
}

/// Records and dropped bytes cover the range without gap or overlap.
fn assert_covers(records: &[Held], meta: &timberline_proto::batch::BatchMeta) {
    let mut spans: Vec<(u64, u64)> = records
        .iter()
        .map(|held| (held.start, held.start + u64::from(held.source_len)))
        .collect();
    spans.extend(meta.dropped.iter().map(|dropped| (dropped.start, dropped.end)));
    spans.sort();
    let end = spans.iter().fold(meta.range.0, |at, (start, end)| {
        assert_eq!(*start, at, "a gap or overlap in {:?}", meta.range);
        *end
    });
    assert_eq!(end, meta.range.1);
}

#[tonic::async_trait]
impl Ingest for Service {
    type ShipStream = Pin<Box<dyn Stream<Item = Result<ShipResponse, Status>> + Send>>;

    async fn hello(&self, _request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        self.up()?;
        let batch_bytes_max = self.state.lock().unwrap().batch_bytes_max;
        Ok(Response::new(HelloResponse {
            version: "test".into(),
            batch_bytes_max,
            in_flight_max: 8,
        }))
    }

    async fn ship(&self, request: Request<Streaming<ShipRequest>>) -> Result<Response<Self::ShipStream>, Status> {
        self.up()?;
        {
            let mut state = self.state.lock().unwrap();
            if state.faults.exhausted > 0 {
                state.faults.exhausted -= 1;
                return Err(Status::resource_exhausted("full"));
            }
        }
        let (sender, receiver) = tokio::sync::mpsc::channel(64);
        let state = self.state.clone();
        let mut requests = request.into_inner();
        tokio::spawn(async move {
            while let Some(Ok(request)) = requests.next().await {
                while state.lock().unwrap().faults.hold {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                let verdict = {
                    let mut state = state.lock().unwrap();
                    if state.faults.down {
                        None
                    } else {
                        judge(&mut state, &request)
                    }
                };
                let broken = verdict.is_none();
                let sent = sender.send(verdict.ok_or_else(|| Status::unavailable("broken"))).await;
                if broken || sent.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn generation_ends(
        &self,
        request: Request<GenerationEndsRequest>,
    ) -> Result<Response<GenerationEndsResponse>, Status> {
        self.up()?;
        let state = self.state.lock().unwrap();
        let end = |id: &Bytes| {
            let end = state.ends.get(&GenerationId::try_from(&id[..]).unwrap());
            End {
                generation_id: id.clone(),
                known: end.is_some(),
                end: end.copied().unwrap_or(0),
            }
        };
        Ok(Response::new(GenerationEndsResponse {
            ends: request.into_inner().generation_ids.iter().map(end).collect(),
        }))
    }

    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<ReportResponse>, Status> {
        self.up()?;
        self.state.lock().unwrap().report = Some(request.into_inner());
        Ok(Response::new(ReportResponse {}))
    }
}
