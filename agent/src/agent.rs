//! Opens the data directory, runs the parts, drains.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_proto::id::AgentId;
use timberline_proto::tls::CollectorUrl;
use timberline_queue::Queue;
use timberline_queue::receive::Receivers;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::config::AgentConfig;
use crate::error::AgentError;
use crate::inbox::Inbox;
use crate::input;
use crate::journald;
use crate::kubernetes::{self, Pods};
use crate::outbox::{self, Outbox};
use crate::registry;
use crate::scan::{Walker, Watch};
use crate::ship::Shipper;
use crate::status::{AgentStatus, SharedStatus};
use crate::stdin::{self, Stdin};
use crate::tail::{Parts, Tailer};

/// How often is looked whether all of standard input is acked.
const SHIPPED_LOOK: Duration = Duration::from_millis(20);

/// An agent that holds its data directory and is ready to run.
pub struct Agent {
    config: Arc<AgentConfig>,
    url: CollectorUrl,
    id: AgentId,
    parts: Parts,
    batches: mpsc::Receiver<crate::ship::ToShip>,
    outbox: Option<Outbox>,
    pods: Option<Arc<Pods>>,
    status: watch::Receiver<SharedStatus>,
}

/// Runs an agent until `shutdown`. When this returns, what was sent is acked or `drain_deadline`
/// is over, and the checkpoints are durable. If the future is dropped instead, the agent ends at
/// once, as if killed; nothing is lost then either.
///
/// # Errors
/// [`AgentError`] if the agent cannot start.
pub async fn run(config: AgentConfig, shutdown: CancellationToken) -> Result<(), AgentError> {
    Agent::open(config)?.run(shutdown).await
}

/// The id of the agent of this data directory, made if there is none. When this returns, it is
/// durable. An agent may be running there.
///
/// # Errors
/// [`AgentError::DataDir`], [`AgentError::Locked`] in the moment in which another process makes it.
pub fn own_id(data_dir: &Path) -> Result<AgentId, AgentError> {
    registry::own_id(data_dir)
}

impl Agent {
    /// Checks the configuration, opens and locks the data directory. When this returns, the
    /// agent's id is durable.
    ///
    /// # Errors
    /// [`AgentError`]
    pub fn open(config: AgentConfig) -> Result<Self, AgentError> {
        config.check()?;
        let url = config.collector_url()?;
        let zone = config.time_zone()?;
        let rules = config.rules()?;
        let (inputs, globs) = input::inputs(&config)?;
        let opened = registry::open(&config.data_dir)?;
        let outbox = Outbox::open(&config)?;
        let config = Arc::new(config);
        let id = opened.registry.agent;
        let inbox = Arc::new(Inbox::default());
        let pods = match kubernetes::is_asked(&config.kubernetes) {
            Ok(is_asked) => is_asked.then(|| Arc::new(Pods::new(&config.kubernetes))),
            Err(reason) => {
                return Err(AgentError::Config {
                    key: "kubernetes",
                    reason,
                });
            }
        };
        let (to_ship, batches) = mpsc::channel(config.in_flight_max * 8 + 64);
        let (status_sender, status) = watch::channel(Arc::new(AgentStatus {
            agent: id,
            ..AgentStatus::default()
        }));
        let parts = Parts {
            walker: Walker::new(globs, &config.data_dir, &config.own_logs),
            watch: if config.notify { Watch::new(inbox.clone()) } else { None },
            inputs: inputs.into_iter().map(Arc::new).collect(),
            config: config.clone(),
            registry: opened.registry,
            first_start: opened.first_start,
            store: opened.store,
            zone,
            rules,
            inbox,
            to_ship,
            status: status_sender,
            outbox: outbox.as_ref().map(|outbox| outbox.state.clone()),
            pods: pods.clone(),
        };
        Ok(Self {
            config,
            url,
            id,
            parts,
            batches,
            outbox,
            pods,
            status,
        })
    }

    /// This installation's id.
    pub fn id(&self) -> AgentId {
        self.id
    }

    /// Where its listeners listen: `syslog-udp`, address.
    pub fn addresses(&self) -> Vec<(String, std::net::SocketAddr)> {
        self.outbox.as_ref().map(Outbox::addresses).unwrap_or_default()
    }

    /// The agent's status, now and whenever it changes.
    pub fn status(&self) -> watch::Receiver<Arc<AgentStatus>> {
        self.status.clone()
    }

    /// Runs until `shutdown`; see [`run`].
    ///
    /// # Errors
    /// [`AgentError::Ended`] if a thread of the agent died.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), AgentError> {
        let inbox = self.parts.inbox.clone();
        let stop = CancellationToken::new();
        let outbox_inbox = self.outbox.as_ref().map(|outbox| outbox.inbox.clone());
        let inboxes: Vec<Arc<Inbox>> = outbox_inbox.iter().chain([&inbox]).cloned().collect();
        let _abandon = Abandon {
            inboxes: inboxes.clone(),
            stop: stop.clone(),
        };
        if let Some(pods) = &self.pods {
            let (config, pods) = (self.config.kubernetes.clone(), pods.clone());
            tokio::spawn(kubernetes::follow(config, pods, stop.clone()));
        }
        let deadline = self.config.drain_deadline;
        let to_ship = self.parts.to_ship.clone();
        let mut received = match self.outbox {
            None => None,
            Some(outbox) => {
                let (queue, state) = (outbox.queue.clone(), outbox.state.clone());
                let reader = outbox::Reader::new(&outbox, self.config.clone(), self.id, to_ship);
                let outbox::Started { receivers, journald } = outbox.start(&self.config, self.id)?;
                let journal = journald.map(Journal::start).transpose()?;
                let ended = spawn("timberline-outbox", move || reader.run())?;
                let piped = Piped::start(&self.config, &receivers, &stop, state)?;
                Some((receivers, ended, queue, piped, journal))
            }
        };
        let shipper = Shipper::new(
            self.config,
            self.url,
            self.id,
            self.batches,
            inboxes,
            self.status,
            stop.clone(),
        );
        let mut shipper = tokio::spawn(shipper.run());
        let tailer = Tailer::new(self.parts);
        let mut tail_ended = spawn("timberline-tail", move || tailer.run())?;
        let (outbox_ended, piped, journal) = match &mut received {
            Some((_, ended, _, piped, journal)) => (Some(ended), piped.as_mut(), journal.as_mut()),
            None => (None, None, None),
        };
        let journal_ended = async {
            match journal {
                // It ends only when it is told to.
                Some(journal) => (&mut journal.ended).await.unwrap_or_default(),
                None => std::future::pending().await,
            }
        };
        let outbox_ended = async {
            match outbox_ended {
                Some(ended) => ended.await,
                None => std::future::pending().await,
            }
        };
        let all_shipped = async {
            match piped {
                Some(piped) => piped.all_shipped().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            shipped = all_shipped => shipped?,
            () = journal_ended => return Err(AgentError::Ended("thread that reads the journal")),
            _ = &mut tail_ended => return Err(AgentError::Ended("reading thread")),
            _ = outbox_ended => return Err(AgentError::Ended("outbox's thread")),
            _ = &mut shipper => return Err(AgentError::Ended("shipping task")),
        }
        inbox.shutdown();
        if let Some((receivers, ended, queue, piped, journal)) = received {
            if let Some(journal) = journal {
                journal.stop(deadline / 4).await;
            }
            if let Some(piped) = piped {
                piped.stop(deadline / 4).await;
            }
            receivers.stop(deadline / 2).await;
            outbox_inbox.iter().for_each(|inbox| inbox.shutdown());
            ended.await.map_err(|_| AgentError::Ended("outbox's thread"))?;
            close(queue).await?;
        }
        let drained = tail_ended.await.map_err(|_| AgentError::Ended("reading thread"));
        stop.cancel();
        shipper.await.map_err(|_| AgentError::Ended("shipping task"))?;
        drained
    }
}

/// Standard input, while it is read.
struct Piped {
    stop: stdin::Stop,
    ended: oneshot::Receiver<()>,
    has_ended: bool,
    exit_at_end: bool,
    state: Arc<outbox::OutboxState>,
}

impl Piped {
    fn start(
        config: &AgentConfig,
        receivers: &Receivers,
        stop: &CancellationToken,
        state: Arc<outbox::OutboxState>,
    ) -> Result<Option<Self>, AgentError> {
        let (Some(set), Some(feed)) = (&config.stdin, receivers.feed(stdin::NAME)) else {
            return Ok(None);
        };
        let stop = stdin::Stop {
            token: CancellationToken::new(),
            now: stop.child_token(),
        };
        let stdin = Stdin::new(config, set, feed, stop.clone())?;
        Ok(Some(Self {
            stop,
            ended: spawn("timberline-stdin", move || stdin.run(std::io::stdin()))?,
            has_ended: false,
            exit_at_end: set.exit_at_end,
            state,
        }))
    }

    /// Returns when the input is at its end and all of it is acked, if the agent is to end then.
    ///
    /// # Errors
    /// [`AgentError::Ended`] if its thread died: then it is not known to be at its end.
    async fn all_shipped(&mut self) -> Result<(), AgentError> {
        let ended = (&mut self.ended).await;
        self.has_ended = true;
        ended.map_err(|_| AgentError::Ended("thread that reads standard input"))?;
        if !self.exit_at_end {
            return std::future::pending().await;
        }
        while !self.state.is_shipped() {
            tokio::time::sleep(SHIPPED_LOOK).await;
        }
        Ok(())
    }

    /// What was read is handed over, or `deadline` is over.
    async fn stop(self, deadline: Duration) {
        self.stop.token.cancel();
        if !self.has_ended && tokio::time::timeout(deadline, self.ended).await.is_err() {
            tracing::warn!("what was read of standard input found no room in the outbox before the stop");
        }
        self.stop.now.cancel();
    }
}

/// The journal, while it is followed.
struct Journal {
    stop: journald::Stop,
    ended: oneshot::Receiver<()>,
}

impl Journal {
    fn start(reader: journald::Reader) -> Result<Self, AgentError> {
        Ok(Self {
            stop: reader.stopper(),
            ended: spawn("timberline-journald", move || reader.run())?,
        })
    }

    /// What was read is durable, or `deadline` is over and it is read again by the next start.
    async fn stop(mut self, deadline: Duration) {
        self.stop.token.cancel();
        self.stop.windows.stop(Instant::now() + deadline);
        // Whether it ended in time or not, nothing is lost.
        tokio::time::timeout(2 * deadline, &mut self.ended).await.ok();
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.stop.token.cancel();
        self.stop.windows.stop(Instant::now());
    }
}

/// Starts a thread; what is given is told when it has ended, however.
fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<oneshot::Receiver<()>, AgentError> {
    let (ended, told) = oneshot::channel();
    let run = move || {
        run();
        // Nobody hears it if the future was dropped.
        ended.send(()).ok();
    };
    let spawned = std::thread::Builder::new().name(name.into()).spawn(run);
    spawned.map_err(|source| AgentError::DataDir {
        action: "cannot start a thread for",
        path: "the agent".into(),
        source,
    })?;
    Ok(told)
}

async fn close(queue: Queue) -> Result<(), AgentError> {
    let closed = tokio::task::spawn_blocking(move || queue.close()).await;
    Ok(closed.map_err(|_| AgentError::Ended("outbox"))??)
}

/// Ends the thread and the task when the future that runs them is dropped.
struct Abandon {
    inboxes: Vec<Arc<Inbox>>,
    stop: CancellationToken,
}

impl Drop for Abandon {
    fn drop(&mut self) {
        self.inboxes.iter().for_each(|inbox| inbox.abandon());
        self.stop.cancel();
    }
}
