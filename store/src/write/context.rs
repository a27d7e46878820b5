//! What the store's threads share.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::files::SplitFiles;
use super::flush::Pending;
use super::merge::Merging;
use super::source::Source;
use crate::catalog::{Catalog, CatalogSplit};
use crate::crash::{self, CrashPoint};
use crate::integrity::Keeper;
use crate::live::{Live, LiveRows};
use crate::split::{Split, SplitError};
use crate::store::{StoreOptions, StoreStats};

/// What the store's threads share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) options: StoreOptions,
    pub(crate) catalog: Catalog,
    pub(crate) live: Arc<Live>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) files: SplitFiles,
    /// Signs the log of trees; none if integrity is off.
    pub(crate) keeper: Option<Keeper>,
    pub(super) counters: Counters,
    /// Held for one flush at a time; remembers splits written whose publication failed.
    pub(super) flushing: Mutex<Pending>,
    /// Held for one merge, or one run of retention, at a time.
    pub(super) merging: Mutex<Merging>,
    pub(super) merging_paused: AtomicBool,
    /// When memory last filled up before its time was over.
    pub(super) filled_at: Mutex<Option<Instant>>,
    phase: AtomicU8,
    changed: (Mutex<()>, Condvar),
    /// The directory's; released when the last thread is gone.
    _lock: File,
    #[cfg(test)]
    pub(crate) crash_at: Mutex<Option<CrashPoint>>,
    #[cfg(test)]
    is_dead: AtomicBool,
}

/// What the threads should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Go on.
    Run,
    /// Pull what is there, then end.
    Drain,
    /// End now.
    Stop,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) batches: AtomicU64,
    pub(super) batches_marker: AtomicU64,
    pub(super) batches_damaged: AtomicU64,
    pub(super) chains_broken: AtomicU64,
    pub(super) records: AtomicU64,
    pub(super) flushes: AtomicU64,
    pub(super) flushes_failed: AtomicU64,
    pub(super) merges: AtomicU64,
    pub(super) merges_failed: AtomicU64,
    pub(super) splits_deleted: AtomicU64,
    pub(super) panics: AtomicU64,
    /// What the last flush of a partition failed of, until one succeeds.
    pub(super) flush_errors: Mutex<BTreeMap<(String, u32), String>>,
    pub(super) janitor_error: Mutex<Option<String>>,
    pub(super) source_error: Mutex<Option<String>>,
    /// Why retention cannot make room that is wanted.
    pub(super) stuck: Mutex<Option<String>>,
}

impl Context {
    pub(crate) fn new(
        options: StoreOptions,
        catalog: Catalog,
        live: Arc<Live>,
        source: Arc<dyn Source>,
        files: SplitFiles,
        keeper: Option<Keeper>,
        lock: File,
    ) -> Arc<Self> {
        Arc::new(Self {
            options,
            catalog,
            live,
            source,
            files,
            keeper,
            counters: Counters::default(),
            flushing: Mutex::default(),
            merging: Mutex::default(),
            merging_paused: AtomicBool::new(false),
            filled_at: Mutex::default(),
            phase: AtomicU8::new(Phase::Run as u8),
            changed: Default::default(),
            _lock: lock,
            #[cfg(test)]
            crash_at: Mutex::default(),
            #[cfg(test)]
            is_dead: AtomicBool::new(false),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Run,
            1 => Phase::Drain,
            _ => Phase::Stop,
        }
    }

    /// Phases only go forward.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
        let _held = self.changed.0.lock();
        self.changed.1.notify_all();
    }

    /// Sleeps, until the phase changes.
    pub(super) fn pause(&self, time: Duration) {
        let mut held = self.changed.0.lock();
        if self.phase() == Phase::Run {
            self.changed.1.wait_for(&mut held, time);
        }
    }

    pub(crate) fn pause_merging(&self, paused: bool) {
        self.merging_paused.store(paused, Ordering::Relaxed);
        if paused {
            // Whatever is under way has it.
            drop(self.merging.lock());
        }
    }

    pub(crate) fn open_split(&self, split: &CatalogSplit) -> Result<Arc<Split>, SplitError> {
        self.files
            .get(split)
            .inspect_err(|error| self.quarantine_if_damaged(split, error))
    }

    /// A split that is damaged, or is not there, is read no more and named in answers (S6, S7).
    pub(crate) fn quarantine_if_damaged(&self, split: &CatalogSplit, error: &SplitError) {
        let damaged = match error {
            SplitError::Damaged { .. } => true,
            SplitError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            SplitError::NewerFormat { .. } | SplitError::OlderFormat { .. } | SplitError::Stopped => false,
        };
        let snapshot = self.catalog.snapshot();
        let listed = snapshot
            .split(&split.meta.id)
            .is_some_and(|now| now.quarantined.is_none());
        if !damaged || !listed {
            return;
        }
        tracing::error!(split = %split.meta.id, rows = split.meta.rows, %error, "split is damaged: answers go without it");
        let mut reason = error.to_string();
        if let Some(held) = snapshot.rules.holder(split, &snapshot.streams) {
            reason += &format!("; it is {held}");
        }
        if let Err(error) = self.catalog.quarantine(&split.meta.id, &reason) {
            tracing::error!(split = %split.meta.id, %error, "cannot mark the split as damaged");
        }
    }

    pub(crate) fn stats(&self) -> StoreStats {
        let snapshot = self.catalog.snapshot();
        let metas = || snapshot.splits.iter().map(|split| &split.meta);
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        StoreStats {
            live_rows: self.live.rows(),
            live_bytes: self.live.bytes(),
            queued_records: self.live.queued_records(),
            splits: snapshot.splits.len() as u64,
            splits_quarantined: snapshot
                .splits
                .iter()
                .filter(|split| split.quarantined.is_some())
                .count() as u64,
            rows: metas().map(|meta| meta.rows).sum(),
            raw_bytes: metas().map(|meta| meta.raw_bytes).sum(),
            file_bytes: metas().map(|meta| meta.file_bytes).sum(),
            batches: count(&counters.batches),
            batches_marker: count(&counters.batches_marker),
            batches_damaged: count(&counters.batches_damaged),
            chains_broken: count(&counters.chains_broken),
            records: count(&counters.records),
            flushes: count(&counters.flushes),
            flushes_failed: count(&counters.flushes_failed),
            merges: count(&counters.merges),
            merges_failed: count(&counters.merges_failed),
            splits_deleted: count(&counters.splits_deleted),
            panics: count(&counters.panics),
            flush_error: counters.flush_errors.lock().values().next().cloned(),
            janitor_error: counters.janitor_error.lock().clone(),
            retention_stuck: counters.stuck.lock().clone(),
            source_error: counters.source_error.lock().clone(),
        }
    }
}

impl Context {
    /// Whether a test lets this store die here: nothing after it may happen then. See [`crash`].
    pub(super) fn dies_at(&self, point: CrashPoint) -> bool {
        crash::reached(point);
        #[cfg(test)]
        {
            let mut armed = self.crash_at.lock();
            if *armed == Some(point) {
                *armed = None;
                self.is_dead.store(true, Ordering::Release);
                self.enter(Phase::Stop);
            }
        }
        self.is_dead()
    }

    /// Whether a test let this store die.
    pub(super) fn is_dead(&self) -> bool {
        #[cfg(test)]
        {
            self.is_dead.load(Ordering::Acquire)
        }
        #[cfg(not(test))]
        {
            false
        }
    }
}

pub(super) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}
