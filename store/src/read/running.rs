//! Running queries: their names, their clocks, what they cost so far, and how they are stopped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use datafusion::execution::memory_pool::MemoryPool;
use parking_lot::Mutex;
use timberline_proto::api::Progress;

use super::ReadError;
use super::memory::Held;

/// What a query cost so far. Counted by whoever reads for it, on any thread.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) splits_total: AtomicU64,
    pub(crate) splits_skipped: AtomicU64,
    pub(crate) pages_total: AtomicU64,
    /// Bytes of these pages in their files.
    pub(crate) page_bytes_total: AtomicU64,
    /// Rows of these pages.
    pub(crate) page_rows_total: AtomicU64,
    pub(crate) pages_read: AtomicU64,
    /// Pages of which templates, streams and severities said that no row matches.
    pub(crate) pages_decided: AtomicU64,
    pub(crate) rows_scanned: AtomicU64,
    pub(crate) rows_matched: AtomicU64,
    pub(crate) bytes_read: AtomicU64,
    /// Splits answered from what was kept of them.
    pub(crate) splits_cached: AtomicU64,
    /// The most groups that counting held at once in one place.
    pub(crate) groups: AtomicU64,
}

/// Adds to a counter of a [`Meter`].
pub(crate) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Relaxed);
}

/// How much one query may look at; 0 is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ScanLimits {
    pub(crate) rows_max: u64,
    pub(crate) bytes_max: u64,
    /// Groups that counting may hold, from the memory that all queries share.
    pub(crate) groups_max: u64,
}

impl ScanLimits {
    fn check(&self, meter: &Meter) -> Result<(), ReadError> {
        let above = |counter: &AtomicU64, most: u64| most > 0 && counter.load(Relaxed) > most;
        if above(&meter.rows_scanned, self.rows_max) {
            return Err(ReadError::Limit {
                what: format!("the query looked at more than {} rows", self.rows_max),
                key: "query.scan_rows_max",
            });
        }
        if above(&meter.bytes_read, self.bytes_max) {
            return Err(ReadError::Limit {
                what: format!("the query read more than {} bytes of lines", self.bytes_max),
                key: "query.scan_bytes_max",
            });
        }
        if above(&meter.groups, self.groups_max) {
            return Err(ReadError::Limit {
                what: format!(
                    "the query counts more than {} groups: the memory of all queries does not hold more",
                    self.groups_max
                ),
                key: "query.memory_bytes_max",
            });
        }
        Ok(())
    }
}

/// One running query.
#[derive(Debug)]
pub(crate) struct Running {
    started: Instant,
    time_limit: Duration,
    /// The key of the configuration that says so.
    time_limit_key: &'static str,
    scan: ScanLimits,
    cancelled: AtomicBool,
    pub(crate) meter: Meter,
    /// What could not be read: one sentence each.
    partial: Mutex<Vec<String>>,
    /// Shared memory of what it collected.
    held: Mutex<Vec<Arc<Held>>>,
}

impl Running {
    pub(crate) fn new(time_limit: Duration, scan: ScanLimits) -> Arc<Self> {
        Self::within(time_limit, "query.time_limit", scan)
    }

    /// The same with a limit of its own.
    pub(crate) fn within(time_limit: Duration, time_limit_key: &'static str, scan: ScanLimits) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            time_limit,
            time_limit_key,
            scan,
            cancelled: AtomicBool::new(false),
            meter: Meter::default(),
            partial: Mutex::default(),
            held: Mutex::default(),
        })
    }

    /// Whether it may go on. Asked once per page, and more often where lines are long.
    pub(crate) fn check(&self) -> Result<(), ReadError> {
        if self.cancelled.load(Relaxed) {
            return Err(ReadError::Cancelled);
        }
        if self.started.elapsed() > self.time_limit {
            return Err(self.timeout());
        }
        self.scan.check(&self.meter)
    }

    pub(crate) fn timeout(&self) -> ReadError {
        ReadError::Timeout {
            seconds: self.time_limit.as_secs(),
            key: self.time_limit_key,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.started + self.time_limit
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }

    pub(crate) fn note_partial(&self, sentence: String) {
        let mut partial = self.partial.lock();
        if partial.len() < PARTIAL_MAX && !partial.contains(&sentence) {
            partial.push(sentence);
        }
    }

    /// Memory that is taken until the work ends.
    pub(crate) fn hold(&self, name: &str, pool: &Arc<dyn MemoryPool>) -> Arc<Held> {
        let held = Arc::new(Held::new(name, pool));
        self.held.lock().push(Arc::clone(&held));
        held
    }

    /// Gives back the memory of what it collected: its work has ended.
    pub(crate) fn release(&self) {
        self.held.lock().drain(..).for_each(|held| held.free());
    }

    pub(crate) fn partial(&self) -> Vec<String> {
        self.partial.lock().clone()
    }

    /// What it looked at and skipped, and what it cost, for `EXPLAIN ANALYZE`.
    pub(crate) fn costs(&self) -> [(&'static str, usize); 9] {
        let of = |counter: &AtomicU64| usize::try_from(counter.load(Relaxed)).unwrap_or(usize::MAX);
        let meter = &self.meter;
        [
            ("splits", of(&meter.splits_total)),
            ("splits_skipped", of(&meter.splits_skipped)),
            ("splits_cached", of(&meter.splits_cached)),
            ("pages", of(&meter.pages_total)),
            ("pages_decided", of(&meter.pages_decided)),
            ("pages_read", of(&meter.pages_read)),
            ("rows_tested", of(&meter.rows_scanned)),
            ("rows_kept", of(&meter.rows_matched)),
            ("bytes_read", of(&meter.bytes_read)),
        ]
    }

    pub(crate) fn progress(&self) -> Progress {
        let meter = &self.meter;
        Progress {
            splits_total: meter.splits_total.load(Relaxed),
            splits_skipped: meter.splits_skipped.load(Relaxed),
            pages_total: meter.pages_total.load(Relaxed),
            pages_read: meter.pages_read.load(Relaxed),
            rows_scanned: meter.rows_scanned.load(Relaxed),
            rows_matched: meter.rows_matched.load(Relaxed),
            elapsed_ms: self.started.elapsed().as_secs_f64() * 1000.0,
        }
    }
}

/// Sentences about unreadable parts that one answer carries at most.
const PARTIAL_MAX: usize = 100;

/// The running queries that have a name.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    running: Mutex<BTreeMap<String, Vec<Weak<Running>>>>,
}

impl Registry {
    /// Makes `running` known by `id` until the guard is dropped; dropping also cancels it, so that
    /// whoever stops listening stops the work.
    pub(crate) fn enter(self: &Arc<Self>, id: Option<String>, running: &Arc<Running>) -> Guard {
        if let Some(id) = &id {
            let mut all = self.running.lock();
            all.entry(id.clone()).or_default().push(Arc::downgrade(running));
        }
        Guard {
            registry: Arc::clone(self),
            id,
            running: Arc::clone(running),
        }
    }

    /// Cancels every query of that name; whether there was one.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        let found = self.running.lock().get(id).cloned().unwrap_or_default();
        let running: Vec<_> = found.iter().filter_map(Weak::upgrade).collect();
        running.iter().for_each(|r| r.cancel());
        !running.is_empty()
    }

    /// Rows that the queries of a name have looked at.
    #[cfg(test)]
    pub(crate) fn rows_scanned(&self, id: &str) -> u64 {
        let found = self.running.lock().get(id).cloned().unwrap_or_default();
        let running = found.iter().filter_map(Weak::upgrade);
        running.map(|running| running.meter.rows_scanned.load(Relaxed)).sum()
    }
}

/// Ends a query when dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    registry: Arc<Registry>,
    id: Option<String>,
    running: Arc<Running>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.running.cancel();
        let Some(id) = &self.id else { return };
        let mut all = self.registry.running.lock();
        if let Some(same) = all.get_mut(id) {
            same.retain(|weak| weak.upgrade().is_some_and(|r| !Arc::ptr_eq(&r, &self.running)));
            if same.is_empty() {
                all.remove(id);
            }
        }
    }
}
