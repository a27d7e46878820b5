//! Alert rules: evaluated in the records' own time, on what the sources delivered, each verdict once.
//!
//! | module | what it does |
//! |---|---|
//! | [`service`] | rules kept and changed, states and history asked for |
//! | [`evaluator`] | the thread: lines in, verdicts out, kept in one transaction |
//! | [`feed`], [`route`], [`sample`] | every line once, to the rules that it concerns |
//! | [`plan`], [`windows`], [`scope`] | a rule made ready: its windows, and which sources it waits for |
//! | [`marks`], [`world`] | how far the sources have told |
//! | [`run`] | one rule, evaluated; the same code live and in a back-test |
//! | [`track`], [`buckets`] | what each kind of rule keeps of lines, and finds of a window |
//! | [`machine`] | states |
//! | [`silence`] | what is silent, and why |
//! | [`ask`], [`store_ask`] | what of that is asked of the store |
//! | [`backtest`] | any rule over any time of the past |
//! | [`notify`] | who is told what the verdicts are |
//! | [`key`], [`sentence`] | what names a verdict, and what it says |
//!
//! # What holds
//! - The verdict of a window follows from the lines in it that were read before it was due
//!   ([`windows`]), and not from when they arrived or were looked at. So a back-test gives the same.
//! - A verdict waits until every source that counts has told of everything read before it was due, at
//!   most `verdict_delay_max`; then it is given on what is there, and names the sources that are missing.
//! - A change of state, the states it follows from, and how far its rule is decided are written in one
//!   transaction; a verdict has a key, which is on record once. So each is there once, whatever crashes.
//! - What lines that come later make of a verdict is an entry of its own, and changes no state.
//! - Evaluating takes its turn among the queries, on a thread of its own: it never holds up what comes in.

pub mod notify;

mod ask;
mod backtest;
mod buckets;
mod evaluator;
mod feed;
mod key;
mod machine;
mod marks;
mod options;
mod owner;
mod plan;
mod route;
mod run;
mod sample;
mod scope;
mod sentence;
mod service;
mod silence;
mod store_ask;
#[cfg(test)]
mod tests;
mod track;
mod windows;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use timberline_proto::alert::AlertsStatus;
use tokio::sync::watch;

pub use options::AlertOptions;
pub use owner::Owners;
pub use service::{Alerts, MessagePlanner, Shown};

/// What the thread and those who ask share.
#[derive(Debug)]
struct Shared {
    options: AlertOptions,
    /// Who may see what.
    owners: Arc<dyn Owners>,
    stopped: AtomicBool,
    /// Whether rules were changed since they were read.
    changed: Mutex<bool>,
    wake: Condvar,
    /// The last look at everything, and what kept it from going well.
    status: Mutex<(AlertsStatus, Option<String>)>,
    /// How many changes of state were put on record since the start.
    told: watch::Sender<u64>,
}

impl Shared {
    fn new(options: AlertOptions, owners: Arc<dyn Owners>) -> Self {
        Self {
            options,
            owners,
            stopped: AtomicBool::new(false),
            changed: Mutex::new(true),
            wake: Condvar::new(),
            status: Mutex::default(),
            told: watch::channel(0).0,
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.note_changed();
    }

    fn note_changed(&self) {
        *self.changed.lock() = true;
        self.wake.notify_all();
    }

    fn is_changed(&self) -> bool {
        *self.changed.lock()
    }

    fn take_changed(&self) -> bool {
        std::mem::take(&mut *self.changed.lock())
    }

    fn told(&self, added: u64) {
        self.told.send_modify(|told| *told += added);
    }

    /// Waits for the next look: a while, or until a rule is changed.
    fn rest(&self, interval: Duration) {
        let mut changed = self.changed.lock();
        if !*changed && !self.is_stopped() {
            self.wake.wait_for(&mut changed, interval);
        }
    }
}

/// Ends the thread when the last who asks is gone.
#[derive(Debug)]
struct Stop(Arc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
