//! The threads that plan and send, and what people ask of them.
//!
//! | file | what |
//! |---|---|
//! | `plan.rs` | steps of the planner, each one transaction |
//! | `send.rs` | the outbox, one message of a target at a time |
//! | `health.rs` | how targets are |
//! | `trouble.rs` | messages about the alerting itself |
//! | `acts.rs` | silences, incidents, tests, deliveries |
//! | `metrics.rs` | counts |

mod acts;
mod health;
mod metrics;
mod plan;
mod send;
#[cfg(test)]
mod tests;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, RwLock};

use super::NotifyOptions;
use super::plan::{PlanState, Planner};
use super::render::Renderer;
use super::silence::Silencer;
use super::source::TransitionSource;
use super::target::{Target, TargetOptions, target};
use crate::Clock;
use crate::catalog::notify::SilenceError;
use crate::catalog::{Catalog, CatalogError};

pub use health::TargetState;

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// What the configuration says cannot be.
    #[error("{0}")]
    Options(String),
    /// There is no such thing.
    #[error("{0}")]
    NotThere(String),
    /// What is asked cannot be.
    #[error("{0}")]
    Bad(String),
    /// A silence is not kept, changed or deleted.
    #[error(transparent)]
    Silence(#[from] SilenceError),
    /// The catalog said no.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// Plans and sends. Cheap to clone; the threads end with [`stop`](Self::stop).
#[derive(Clone, Debug)]
pub struct Notifier {
    inner: Arc<Inner>,
}

struct Inner {
    options: NotifyOptions,
    planner: Planner,
    renderer: Renderer,
    targets: BTreeMap<String, ReadyTarget>,
    catalog: Catalog,
    source: Arc<dyn TransitionSource>,
    clock: Arc<dyn Clock>,
    /// What the planner remembers; held while a step is planned and written.
    plan: Mutex<Plan>,
    plan_wanted: Signal,
    silences: RwLock<Arc<Vec<Silencer>>>,
    sending: Mutex<Sending>,
    send_wanted: Signal,
    stopped: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    plan_errors: AtomicU64,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifier")
            .field("targets", &self.targets.keys())
            .finish_non_exhaustive()
    }
}

struct ReadyTarget {
    options: TargetOptions,
    target: Arc<dyn Target>,
}

#[derive(Debug, Default)]
struct Plan {
    state: PlanState,
    cursor: u64,
    overflow_told: u64,
}

#[derive(Debug, Default)]
struct Sending {
    /// Targets to which a message is on its way: one at a time.
    busy: BTreeSet<String>,
    health: BTreeMap<String, TargetState>,
    /// When targets were tried by hand.
    tested: BTreeMap<String, i64>,
}

/// Wakes threads that wait. Each has seen so many calls; one that came while it was at work wakes it, too.
#[derive(Debug, Default)]
struct Signal {
    calls: Mutex<u64>,
    condition: Condvar,
}

impl Signal {
    fn give(&self) {
        *self.calls.lock() += 1;
        self.condition.notify_all();
    }

    /// Until there was another call than those that were seen, or for so long.
    fn wait(&self, seen: &mut u64, at_most: std::time::Duration) {
        let mut calls = self.calls.lock();
        if *calls == *seen {
            self.condition.wait_for(&mut calls, at_most);
        }
        *seen = *calls;
    }
}

impl Notifier {
    /// Reads what was planned before. Nothing is planned or sent before [`start`](Self::start).
    ///
    /// # Errors
    /// [`NotifyError::Options`] that names the key; [`NotifyError::Catalog`]
    pub fn open(
        options: NotifyOptions,
        catalog: Catalog,
        source: Arc<dyn TransitionSource>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, NotifyError> {
        let checked = Checked::new(&options).map_err(NotifyError::Options)?;
        let inner = Inner {
            planner: checked.planner,
            renderer: checked.renderer,
            targets: checked.targets,
            options,
            catalog,
            source,
            clock,
            plan: Mutex::default(),
            plan_wanted: Signal::default(),
            silences: RwLock::default(),
            sending: Mutex::default(),
            send_wanted: Signal::default(),
            stopped: AtomicBool::new(false),
            threads: Mutex::default(),
            plan_errors: AtomicU64::new(0),
        };
        inner.read_silences()?;
        inner.reload(&mut inner.plan.lock())?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether these options can be.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn check(options: &NotifyOptions) -> Result<(), String> {
        Checked::new(options).map(drop)
    }

    /// Starts the threads. Without targets only incidents are kept.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(&self) -> std::io::Result<()> {
        let mut threads = self.inner.threads.lock();
        let inner = Arc::clone(&self.inner);
        threads.push(
            std::thread::Builder::new()
                .name("notify-plan".into())
                .spawn(move || inner.plan_on())?,
        );
        let senders = self.inner.targets.len().min(self.inner.options.limits.sends_max.max(1));
        for _ in 0..senders {
            let inner = Arc::clone(&self.inner);
            threads.push(
                std::thread::Builder::new()
                    .name("notify-send".into())
                    .spawn(move || inner.send_on())?,
            );
        }
        Ok(())
    }

    /// Ends the threads, once what each is at is done: what is not sent is sent after the next start.
    pub fn stop(&self) {
        self.inner.stopped.store(true, Ordering::Release);
        self.inner.plan_wanted.give();
        self.inner.send_wanted.give();
        let threads = std::mem::take(&mut *self.inner.threads.lock());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the notifications had panicked");
            }
        }
    }

    /// Says that there are new transitions. Without it they are found within a second.
    pub fn wake(&self) {
        self.inner.plan_wanted.give();
    }

    /// Who would be told what, for back-tests.
    pub fn planner(&self) -> &Planner {
        &self.inner.planner
    }
}

/// What options become.
struct Checked {
    planner: Planner,
    renderer: Renderer,
    targets: BTreeMap<String, ReadyTarget>,
}

impl Checked {
    fn new(options: &NotifyOptions) -> Result<Self, String> {
        let renderer = Renderer::new(&options.public_url, &options.limits);
        let mut targets = BTreeMap::new();
        for (name, own) in &options.targets {
            let place = |error: String| format!("alerts.targets.{name}: {error}");
            renderer.check(&own.templates).map_err(place)?;
            let ready = ReadyTarget {
                target: target(own, options).map_err(place)?,
                options: own.clone(),
            };
            targets.insert(name.clone(), ready);
        }
        Ok(Self {
            planner: Planner::new(options)?,
            renderer,
            targets,
        })
    }
}

impl Inner {
    fn now(&self) -> i64 {
        self.clock.now_unix_nanos()
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn target(&self, name: &str) -> Result<&ReadyTarget, NotifyError> {
        let none = || NotifyError::NotThere(format!("there is no target {name:?} in the configuration"));
        self.targets.get(name).ok_or_else(none)
    }
}
