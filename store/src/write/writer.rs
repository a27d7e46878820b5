//! The store's threads, and how they end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::context::{Context, Phase};
use super::{flush, merge, net, pull};
use crate::live::LiveRows;

/// How often a drain looks whether the pullers are through.
const DRAIN_LOOK: Duration = Duration::from_millis(5);
/// How often it is looked at whether something is to be signed.
const SIGN_LOOK: Duration = Duration::from_millis(500);

/// The running threads. Dropping it stops them without a flush and waits for them.
#[derive(Debug)]
pub(crate) struct Writer {
    context: Arc<Context>,
    pullers: Arc<Pullers>,
    /// The discovery first.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

type Pullers = Mutex<BTreeMap<(String, u32), JoinHandle<()>>>;

impl Writer {
    pub(crate) fn start(context: Arc<Context>) -> Self {
        let pullers = Arc::new(Pullers::default());
        let threads = vec![
            spawn("store-discover", {
                let (context, pullers) = (Arc::clone(&context), Arc::clone(&pullers));
                move || {
                    net::keep(&context, "store-discover", || {
                        discover_until_stopped(&context, &pullers)
                    })
                }
            }),
            spawn("store-flush", {
                let context = Arc::clone(&context);
                move || net::keep(&context, "store-flush", || flush::run(&context))
            }),
            spawn("store-janitor", {
                let context = Arc::clone(&context);
                move || net::keep(&context, "store-janitor", || merge::run(&context))
            }),
            context.keeper.as_ref().and_then(|_| {
                let context = Arc::clone(&context);
                spawn("store-integrity", move || {
                    net::keep(&context, "store-integrity", || sign_until_stopped(&context))
                })
            }),
        ];
        Self {
            context,
            pullers,
            threads: Mutex::new(threads.into_iter().flatten().collect()),
        }
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// Pulls what the queue holds, publishes it and ends. A thread that is not through at the
    /// deadline is left to itself; it keeps the directory locked until it ends.
    pub(crate) fn drain(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        self.context.enter(Phase::Drain);
        let mut drained = false;
        while !drained && Instant::now() < deadline {
            drained = self.pulling_ended();
            if self.context.live.bytes() > self.context.options.live_bytes_max / 2 && self.context.flush_all().is_err()
            {
                break;
            }
            if !drained {
                std::thread::sleep(DRAIN_LOOK);
            }
        }
        self.context.enter(Phase::Stop);
        let flushed = Instant::now() < deadline && self.context.flush_all().is_ok();
        let threads = self.take_threads();
        while Instant::now() < deadline && threads.iter().any(|thread| !thread.is_finished()) {
            std::thread::sleep(DRAIN_LOOK);
        }
        self.context.files.sweep();
        if let Some(keeper) = &self.context.keeper {
            keeper.finish();
        }
        drained && flushed && self.context.live.queued_records() == 0
    }

    /// The discovery has ended (it is the first thread), and so has every puller.
    fn pulling_ended(&self) -> bool {
        self.threads.lock().first().is_none_or(JoinHandle::is_finished)
            && self.pullers.lock().values().all(JoinHandle::is_finished)
    }

    fn take_threads(&self) -> Vec<JoinHandle<()>> {
        let mut threads = std::mem::take(&mut *self.threads.lock());
        threads.extend(std::mem::take(&mut *self.pullers.lock()).into_values());
        threads
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.context.enter(Phase::Stop);
        // Twice: while the first ones are waited for, the discovery may still begin a puller.
        for _ in 0..2 {
            for thread in self.take_threads() {
                thread.join().ok();
            }
        }
    }
}

/// Begins a puller for every partition that has none, and once more before a drain ends.
fn discover_until_stopped(context: &Arc<Context>, pullers: &Pullers) {
    loop {
        let phase = context.phase();
        if phase == Phase::Stop {
            return;
        }
        discover(context, pullers);
        if phase == Phase::Drain {
            return;
        }
        context.pause(context.options.discover_interval);
    }
}

/// Signs what was published, until the store stops.
fn sign_until_stopped(context: &Context) {
    while context.phase() != Phase::Stop {
        if let Some(keeper) = &context.keeper {
            keeper.look();
        }
        context.pause(SIGN_LOOK);
    }
}

fn discover(context: &Arc<Context>, pullers: &Pullers) {
    let asked_at = Instant::now();
    let found = match context.source.partitions() {
        Ok(found) => found,
        Err(error) => {
            let before = context.counters.source_error.lock().replace(error.to_string());
            if before.is_none() {
                tracing::warn!(%error, "cannot ask the queue for its partitions, trying again");
            }
            return;
        }
    };
    let ends = found
        .iter()
        .map(|info| ((info.topic.clone(), info.partition), info.end_offset));
    context.live.note_asked(asked_at, ends.collect());
    let mut pullers = pullers.lock();
    for info in found {
        // A puller at the memory's bound does not ask, and its backlog is what people must see then.
        context
            .live
            .note_queue_end(&info.topic, info.partition, info.end_offset);
        let key = (info.topic.clone(), info.partition);
        if pullers.get(&key).is_some_and(|puller| !puller.is_finished()) {
            continue;
        }
        let context = Arc::clone(context);
        let name = format!("pull-{}-{}", info.topic, info.partition);
        if let Some(puller) = spawn(&name, move || pull::run(context, &info)) {
            pullers.insert(key, puller);
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    spawned
        .inspect_err(|error| tracing::error!(name, %error, "cannot start a thread of the store"))
        .ok()
}
