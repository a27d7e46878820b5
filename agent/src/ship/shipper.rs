//! The task that keeps a connection and moves batches through it.

mod aside;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryFutureExt};
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::tls::CollectorUrl;
use timberline_proto::wire::v1::ingest_client::IngestClient;
use timberline_proto::wire::v1::{HelloRequest, ShipRequest, ShipResponse};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use self::aside::Aside;
use super::backoff::Backoff;
use super::refused::{self, Settled};
use super::session::{self, SessionError, id_bytes};
use super::window::{Effect, Verdict, Window};
use super::{ToShip, retry_info};
use crate::config::AgentConfig;
use crate::inbox::{Inbox, News};
use crate::status::SharedStatus;

/// Calls beside the stream.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Batches under way without any verdict: the connection is given up.
const VERDICT_WAIT_MAX: Duration = Duration::from_secs(120);

/// Ends the shipper; dropping it too.
type Stop = CancellationToken;

pub(crate) struct Shipper {
    pub(super) config: Arc<AgentConfig>,
    url: CollectorUrl,
    agent: AgentId,
    batches: mpsc::Receiver<ToShip>,
    /// Everyone who hands batches over; each knows its own generations.
    inboxes: Vec<Arc<Inbox>>,
    status: watch::Receiver<SharedStatus>,
    window: Window,
    /// The batch that is divided or kept now: one at a time, whatever becomes of the connection.
    settling: JoinSet<(u64, Settled)>,
    asked: BTreeSet<(Arc<str>, GenerationId)>,
    backoff: Backoff,
    dead_letter_dir: PathBuf,
    /// Why the collector takes nothing now, as it was logged.
    refused_why: Option<String>,
    stop: Stop,
}

/// One connection.
struct Session {
    client: IngestClient<Channel>,
    requests: mpsc::Sender<ShipRequest>,
    asides: JoinSet<Aside>,
    asking: bool,
    reporting: bool,
    batch_bytes_max: u64,
    heard_at: Instant,
    report_at: Instant,
}

impl Shipper {
    pub(crate) fn new(
        config: Arc<AgentConfig>,
        url: CollectorUrl,
        agent: AgentId,
        batches: mpsc::Receiver<ToShip>,
        inboxes: Vec<Arc<Inbox>>,
        status: watch::Receiver<SharedStatus>,
        stop: Stop,
    ) -> Self {
        Self {
            window: Window::new(config.in_flight_max),
            settling: JoinSet::new(),
            backoff: Backoff::new(config.backoff_min, config.backoff_max),
            dead_letter_dir: config.data_dir.join("dead-letter"),
            asked: BTreeSet::new(),
            refused_why: None,
            config,
            url,
            agent,
            batches,
            inboxes,
            status,
            stop,
        }
    }

    /// Connects, and connects again, until stopped.
    pub(crate) async fn run(mut self) {
        let stop = self.stop.clone();
        let mut said = String::new();
        loop {
            let error = tokio::select! {
                () = stop.cancelled() => return,
                error = self.connection() => error,
            };
            let wait = match &error {
                SessionError::Status(status) => retry_info::retry_delay(status.details()),
                _ => None,
            };
            let wait = wait.unwrap_or(Duration::ZERO).max(self.backoff.next());
            let text = error.to_string();
            if text != said {
                tracing::warn!(
                    endpoint = self.config.endpoint,
                    error = text,
                    "no connection to the collector; tried again, and the files keep what is new"
                );
                said.clone_from(&text);
            }
            self.news(&News::Connected(Err(text)));
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One connection, from greeting to failure.
    async fn connection(&mut self) -> SessionError {
        match self.greet().await {
            Ok((session, requests)) => self.converse(session, requests).await,
            Err(error) => error,
        }
    }

    async fn greet(&mut self) -> Result<(Session, mpsc::Receiver<ShipRequest>), SessionError> {
        let channel = session::connect(&self.url, &self.config).await?;
        let mut client = IngestClient::new(channel);
        let mut hello = tonic::Request::new(HelloRequest {
            agent_id: id_bytes(self.agent.0),
            version: env!("CARGO_PKG_VERSION").into(),
            host: self.config.host.clone(),
        });
        hello.set_timeout(CALL_TIMEOUT);
        let hello = client.hello(hello).await?.into_inner();
        let batch_bytes_max = if hello.batch_bytes_max == 0 {
            u64::MAX
        } else {
            hello.batch_bytes_max
        };
        let in_flight_max = match hello.in_flight_max {
            0 => self.config.in_flight_max,
            max => self.config.in_flight_max.min(max as usize),
        };
        self.window.reconnected(in_flight_max);
        self.news(&News::Limit { batch_bytes_max });
        self.news(&News::Connected(Ok(())));
        tracing::info!(endpoint = self.config.endpoint, collector = hello.version, "connected");
        let (requests, receiver) = mpsc::channel(in_flight_max.max(1) * 2);
        let now = Instant::now();
        let session = Session {
            client,
            requests,
            asides: JoinSet::new(),
            asking: false,
            reporting: false,
            batch_bytes_max,
            heard_at: now,
            report_at: now,
        };
        Ok((session, receiver))
    }

    async fn converse(&mut self, mut session: Session, requests: mpsc::Receiver<ShipRequest>) -> SessionError {
        let mut client = session.client.clone();
        let call = async move {
            client
                .ship(tokio_stream::wrappers::ReceiverStream::new(requests))
                .await
                .map(tonic::Response::into_inner)
        };
        let mut verdicts = std::pin::pin!(call.try_flatten_stream());
        loop {
            let now = Instant::now();
            self.send(&mut session, now);
            self.ask(&mut session);
            self.report(&mut session, now);
            let due = self
                .window
                .next_due()
                .unwrap_or(session.report_at)
                .min(session.report_at);
            let due = due.max(now + Duration::from_millis(1));
            tokio::select! {
                verdict = verdicts.next() => match verdict {
                    Some(Ok(response)) => self.verdict(&mut session, &response),
                    Some(Err(status)) => return status.into(),
                    None => return SessionError::Closed,
                },
                Some(asked) = self.batches.recv() => self.take(asked),
                Some(aside) = session.asides.join_next() => self.aside(&mut session, aside),
                Some(settled) = self.settling.join_next() => self.settled(settled),
                () = tokio::time::sleep_until(due.into()) => {}
            }
            if self.window.in_flight() == 0 {
                session.heard_at = Instant::now();
            } else if session.heard_at.elapsed() > VERDICT_WAIT_MAX {
                return SessionError::Silent(VERDICT_WAIT_MAX);
            }
        }
    }

    fn take(&mut self, asked: ToShip) {
        match asked {
            ToShip::Batch(batch) => self.window.push(batch),
            ToShip::AskEnds(generations) => self.asked.extend(generations),
        }
    }

    fn send(&mut self, session: &mut Session, now: Instant) {
        self.window.refuse_larger(session.batch_bytes_max);
        self.settle_next();
        while session.requests.capacity() > 0 {
            let Some((sequence, batch)) = self.window.next(now) else {
                return;
            };
            let request = session::request(self.agent, sequence, batch);
            if session.requests.try_send(request).is_err() {
                return; // the stream has ended, which its verdicts tell
            }
        }
    }

    fn verdict(&mut self, session: &mut Session, response: &ShipResponse) {
        let now = Instant::now();
        session.heard_at = now;
        self.backoff.reset();
        self.note_trouble(response);
        let verdict = session::verdict(response);
        if matches!(verdict, Verdict::Rejected { .. }) && self.window.is_marker(response.sequence) {
            tracing::error!(
                reason = response.message,
                "the collector refuses for good even the mark that stands for a batch that it refused; what comes behind it waits, and it is tried again"
            );
        }
        let effect = self.window.verdict(response.sequence, verdict, now);
        self.tell(effect);
    }

    /// Begins to divide or to keep the next batch that is not taken as it is.
    fn settle_next(&mut self) {
        if !self.settling.is_empty() {
            return;
        }
        let Some((id, batch, why)) = self.window.refused() else {
            return;
        };
        let (batch, why) = (batch.clone(), why.clone());
        let (dir, level) = (self.dead_letter_dir.clone(), self.config.compression_level);
        self.settling
            .spawn_blocking(move || (id, refused::settle(&batch, &why, &dir, level)));
    }

    fn settled(&mut self, settled: Result<(u64, Settled), tokio::task::JoinError>) {
        let settled = settled.or_else(|error| {
            tracing::error!(%error, "dividing a refused batch ended; tried again");
            let first = self.window.refused().map(|(id, ..)| (id, Settled::NotKept));
            first.ok_or(())
        });
        if let Ok((id, settled)) = settled {
            let effect = self.window.settle(id, settled, Instant::now());
            self.tell(effect);
        }
    }

    /// Says once that the collector takes nothing (its disk is full), and once that it does again.
    fn note_trouble(&mut self, response: &ShipResponse) {
        match session::verdict(response) {
            Verdict::TryAgain { .. } => {
                if self.refused_why.as_ref() != Some(&response.message) {
                    tracing::warn!(
                        why = response.message,
                        "the collector takes nothing now; lines stay in their files and are sent again"
                    );
                    self.refused_why = Some(response.message.clone());
                }
            }
            Verdict::Durable => {
                if self.refused_why.take().is_some() {
                    tracing::info!("the collector takes lines again");
                }
            }
            Verdict::Refused { .. } | Verdict::Rejected { .. } => {}
        }
    }

    fn news(&self, news: &News) {
        self.inboxes.iter().for_each(|inbox| inbox.tell(news.clone()));
    }

    fn tell(&self, effect: Effect) {
        match effect {
            Effect::None => {}
            Effect::Acked {
                generation,
                epoch,
                start,
                end,
                counts,
            } => self.news(&News::Acked {
                generation,
                epoch,
                start,
                end,
                records: counts.records,
                dead_letter: counts.dead_letter,
            }),
            Effect::Rewind { generation, epoch, end } => self.news(&News::Rewind { generation, epoch, end }),
        }
    }
}
