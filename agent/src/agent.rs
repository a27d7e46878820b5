//! Opens the data directory, runs the parts, drains.

use std::path::Path;
use std::sync::Arc;

use timberline_proto::id::AgentId;
use timberline_proto::tls::CollectorUrl;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::config::AgentConfig;
use crate::error::AgentError;
use crate::inbox::Inbox;
use crate::input;
use crate::registry;
use crate::scan::{Walker, Watch};
use crate::ship::Shipper;
use crate::status::{AgentStatus, SharedStatus};
use crate::tail::{Parts, Tailer};

/// An agent that holds its data directory and is ready to run.
pub struct Agent {
    config: Arc<AgentConfig>,
    url: CollectorUrl,
    id: AgentId,
    parts: Parts,
    batches: mpsc::Receiver<crate::ship::ToShip>,
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
        let config = Arc::new(config);
        let id = opened.registry.agent;
        let inbox = Arc::new(Inbox::default());
        let (to_ship, batches) = mpsc::channel(config.in_flight_max * 4 + 16);
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
        };
        Ok(Self {
            config,
            url,
            id,
            parts,
            batches,
            status,
        })
    }

    /// This installation's id.
    pub fn id(&self) -> AgentId {
        self.id
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
        let _abandon = Abandon {
            inbox: inbox.clone(),
            stop: stop.clone(),
        };
        let shipper = Shipper::new(
            self.config,
            self.url,
            self.id,
            self.batches,
            inbox.clone(),
            self.status,
            stop.clone(),
        );
        let mut shipper = tokio::spawn(shipper.run());
        let (ended, mut tail_ended) = tokio::sync::oneshot::channel();
        let tailer = Tailer::new(self.parts);
        std::thread::Builder::new()
            .name("timberline-tail".into())
            .spawn(move || {
                tailer.run();
                // Nobody hears it if the future was dropped.
                ended.send(()).ok();
            })
            .map_err(|source| AgentError::DataDir {
                action: "cannot start a thread for",
                path: "the agent".into(),
                source,
            })?;
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = &mut tail_ended => return Err(AgentError::Ended("reading thread")),
            _ = &mut shipper => return Err(AgentError::Ended("shipping task")),
        }
        inbox.shutdown();
        let drained = tail_ended.await.map_err(|_| AgentError::Ended("reading thread"));
        stop.cancel();
        shipper.await.map_err(|_| AgentError::Ended("shipping task"))?;
        drained
    }
}

/// Ends the thread and the task when the future that runs them is dropped.
struct Abandon {
    inbox: Arc<Inbox>,
    stop: CancellationToken,
}

impl Drop for Abandon {
    fn drop(&mut self) {
        self.inbox.abandon();
        self.stop.cancel();
    }
}
