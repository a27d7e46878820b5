//! The queue, the fleet and their upkeep together.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use timberline_queue::{Queue, QueueError};
use tokio_util::sync::CancellationToken;

use crate::health::Health;
use crate::rollout::Rollouts;
use crate::topics::{Growth, LOOK_INTERVAL};
use crate::trust::{Trust, TrustError};
use crate::{CollectorOptions, Fleet};

/// How often trials of pushed configurations are looked at.
const TRIAL_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// An open collector. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Collector {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: CollectorOptions,
    queue: Queue,
    fleet: Fleet,
    health: Health,
    growth: Growth,
    trust: Option<Trust>,
    rollouts: Option<Rollouts>,
}

/// Why a collector cannot run.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The queue cannot be opened.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Machines cannot be known.
    #[error("{0}")]
    Trust(#[from] TrustError),
    /// A background task ended badly.
    #[error("collector task failed: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The gRPC server ended badly.
    #[error("gRPC server: {0}")]
    Grpc(#[from] tonic::transport::Error),
}

impl Collector {
    /// Opens the queue. Blocks while it recovers.
    ///
    /// # Errors
    /// [`CollectorError::Queue`], [`CollectorError::Trust`]
    pub fn open(options: CollectorOptions) -> Result<Self, CollectorError> {
        let queue = Queue::open(&options.queue_dir, options.queue.clone())?;
        let trust = options.trust.clone().map(Trust::open).transpose()?;
        let rollouts = match &options.trust {
            Some(trust) => Some(Rollouts::open(&trust.dir, options.check_pushed)?),
            None => None,
        };
        let fleet = Fleet::new(&options);
        if let Some(trust) = &trust {
            fleet.set_revoked(trust.revoked());
        }
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                queue,
                fleet,
                health: Health::default(),
                growth: Growth::default(),
                trust,
                rollouts,
            }),
        })
    }

    /// Tells the fleet who was revoked, after that may have changed.
    pub(crate) fn note_revoked(&self) {
        if let Some(trust) = self.trust() {
            self.fleet().set_revoked(trust.revoked());
        }
    }

    /// Its queue.
    pub fn queue(&self) -> &Queue {
        &self.inner.queue
    }

    /// What its agents last said.
    pub fn fleet(&self) -> &Fleet {
        &self.inner.fleet
    }

    /// How it knows its machines, if it does.
    pub fn trust(&self) -> Option<&Trust> {
        self.inner.trust.as_ref()
    }

    /// What it pushes to its machines, if it knows them.
    pub fn rollouts(&self) -> Option<&Rollouts> {
        self.inner.rollouts.as_ref()
    }

    pub(crate) fn health(&self) -> &Health {
        &self.inner.health
    }

    pub(crate) fn growth(&self) -> &Growth {
        &self.inner.growth
    }

    /// Why records are not taken now (a full disk, a limit, a disk that failed), if so.
    pub fn not_ready(&self) -> Option<String> {
        let failed = self.queue().partitions().into_iter().find_map(|partition| {
            let why = partition.failed?;
            Some(format!("{}-{}: {why}", partition.topic, partition.partition))
        });
        failed.or_else(|| self.health().refusal())
    }

    /// Its limits.
    pub fn options(&self) -> &CollectorOptions {
        &self.inner.options
    }

    /// Enforces retention, and looks at what is on trial on machines and at how fast partitions grow,
    /// every so often until told to stop.
    pub async fn run_upkeep(&self, shutdown: CancellationToken) {
        tokio::join!(
            self.keep_queue(shutdown.clone()),
            self.watch_growth(shutdown.clone()),
            self.judge_trials(shutdown)
        );
    }

    async fn watch_growth(&self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(LOOK_INTERVAL);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = shutdown.cancelled() => return,
            }
            self.growth().look(self.queue(), Instant::now());
        }
    }

    async fn judge_trials(&self, shutdown: CancellationToken) {
        let (Some(trust), Some(rollouts)) = (self.trust().cloned(), self.rollouts().cloned()) else {
            return;
        };
        let mut tick = tokio::time::interval(TRIAL_LOOK_INTERVAL);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = shutdown.cancelled() => return,
            }
            let (trust, rollouts, collector) = (trust.clone(), rollouts.clone(), self.clone());
            let judged =
                tokio::task::spawn_blocking(move || rollouts.judge(collector.fleet(), || trust.labels())).await;
            if let Ok(Err(error)) = judged {
                tracing::warn!(%error, "a trial could not be judged; tried again");
            }
        }
    }

    async fn keep_queue(&self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(self.options().retention_interval);
        let mut slowed = false;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = shutdown.cancelled() => return,
            }
            let queue = self.queue().clone();
            let trust = self.trust().cloned();
            match (queue.pressure(), slowed) {
                (Some(why), false) => tracing::warn!(why, "the queue is nearly full"),
                (None, true) => tracing::info!("the queue is below its high-water mark again"),
                _ => {}
            }
            slowed = queue.pressure().is_some();
            let upkeep = move || {
                if let Some(Err(error)) = trust.map(|trust| trust.refresh()) {
                    tracing::warn!(%error, "the listener for agents keeps its certificate; a newer one is tried again");
                }
                queue.enforce_retention(SystemTime::now())
            };
            match tokio::task::spawn_blocking(upkeep).await {
                Ok(Ok(0)) => {}
                Ok(Ok(bytes)) => tracing::info!(bytes, "queue retention freed space"),
                Ok(Err(error)) => tracing::warn!(%error, "queue retention failed; it is tried again"),
                Err(error) => tracing::error!(%error, "queue retention task failed"),
            }
        }
    }

    /// Commits what is written and marks a clean shutdown. When this returns, nothing is left to
    /// recover. Blocks.
    ///
    /// # Errors
    /// [`CollectorError::Queue`]
    pub fn close(&self) -> Result<(), CollectorError> {
        Ok(self.queue().close()?)
    }
}
