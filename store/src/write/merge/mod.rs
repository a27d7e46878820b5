//! Joining small splits, so that their number grows with the logarithm of the rows, and encoding
//! them better than a flush had time for.
//!
//! The thread here is the store's janitor: it also runs retention and removes files.

mod join;
mod plan;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use self::join::{InputError, Join};
use self::plan::Eagerness;
use super::FlushError;
use super::context::{Context, Phase, add};
use super::memory;
use crate::catalog::CatalogSplit;
use crate::crash::CrashPoint;
use crate::live::LiveRows;
use crate::rows::RowBlock;
use crate::split::{SplitError, SplitMeta, SplitOptions, SplitStream};

/// Pages of a merged split are so many times as long as those of a flushed one: fewer repeat their
/// dictionaries and postings, for a little more to read where one row is asked for.
const PAGE_ROWS_FACTOR: usize = 2;
/// How long merging rests after a failure: a full disk does not empty at once.
const FAILED_PAUSE: Duration = Duration::from_secs(30);
/// Flushes and queries come first.
const NICENESS: i32 = 10;

/// A flush that came for want of memory is probably not the last.
const CALM_AFTER: Duration = Duration::from_secs(10);

/// While queries run, so long at most before each stripe that is written …
const GIVE_WAY_MAX: Duration = Duration::from_secs(1);
/// … looking so often whether they still do.
const GIVE_WAY_LOOK: Duration = Duration::from_millis(2);

/// The janitor's thread.
pub(super) fn run(context: &Context) {
    // Where priorities cannot be changed merging is as important as the rest.
    rustix::process::setpriority_process(None, NICENESS).ok();
    while context.phase() == Phase::Run {
        context.files.sweep();
        if let Err(error) = context.enforce_retention() {
            tracing::warn!(%error, "retention failed, trying again");
        }
        let pause = match merge_while_planned(context) {
            Ok(()) => context.options.janitor_interval,
            Err(error) => {
                tracing::warn!(%error, "merging failed, trying again later");
                FAILED_PAUSE.max(context.options.janitor_interval)
            }
        };
        context.pause(pause);
    }
}

fn merge_while_planned(context: &Context) -> Result<(), FlushError> {
    while context.phase() == Phase::Run && !context.merging_paused.load(Ordering::Relaxed) {
        let eagerness = context.eagerness();
        let splits = context.catalog.snapshot().splits.len();
        if eagerness == Eagerness::Busy && splits < context.options.merge_busy_splits_min {
            return Ok(());
        }
        if !context.merge_once(eagerness)? {
            return Ok(());
        }
    }
    Ok(())
}

impl Context {
    /// Joins as far as the limits allow, whatever the number of splits.
    pub(crate) fn merge_all(&self) -> Result<(), FlushError> {
        while self.merge_once(Eagerness::All)? {}
        self.files.sweep();
        Ok(())
    }

    /// The queue has nothing more, no flush is near, and none was for want of memory lately: then
    /// there is time and memory for merging.
    fn eagerness(&self) -> Eagerness {
        let filled_at = *self.filled_at.lock();
        let is_calm = filled_at.is_none_or(|at| at.elapsed() >= CALM_AFTER)
            && self.live.queued_records() == 0
            && self.live.bytes() < self.options.flush_bytes_max / 4;
        if is_calm { Eagerness::Idle } else { Eagerness::Busy }
    }

    /// Plans and makes one merge. Returns whether there was one to make.
    fn merge_once(&self, eagerness: Eagerness) -> Result<bool, FlushError> {
        let _alone = self.merging.lock();
        if self.is_dead() {
            return Ok(false);
        }
        let now_nanos = self.options.clock.now_unix_nanos();
        let planned = plan::plan(&self.catalog.snapshot().splits, &self.options, now_nanos, eagerness);
        let Some(inputs) = planned else { return Ok(false) };
        memory::give_back();
        let merged = self.merge(&inputs, eagerness);
        memory::give_back();
        match &merged {
            Ok(true) => add(&self.counters.merges, 1),
            Ok(false) => {}
            Err(_) => add(&self.counters.merges_failed, 1),
        }
        if merged? {
            self.files.drop_when_unused(inputs);
            self.files.sweep();
        }
        Ok(true)
    }

    /// Reads, writes, replaces. `false`: nothing was replaced, plan anew: an input was damaged and
    /// is quarantined now, or the store stops.
    fn merge(&self, inputs: &[Arc<CatalogSplit>], eagerness: Eagerness) -> Result<bool, FlushError> {
        let meta = match self.join(inputs, eagerness) {
            Ok(Some(meta)) => meta,
            Ok(None) => return Ok(false),
            Err(JoinError::Output(error)) => return Err(error.into()),
            Err(JoinError::Input((which, error))) => {
                let input = &inputs[which];
                self.quarantine_if_damaged(input, &error);
                let snapshot = self.catalog.snapshot();
                let listed = snapshot.split(&input.meta.id);
                return if listed.is_none_or(|now| now.quarantined.is_some()) {
                    Ok(false)
                } else {
                    Err(error.into())
                };
            }
        };
        if self.dies_at(CrashPoint::MergeWritten) {
            return Ok(false);
        }
        let removed: Vec<String> = inputs.iter().map(|input| input.meta.id.clone()).collect();
        let written = meta.id.clone();
        self.catalog.replace(&inputs[0].topic, &removed, &[meta])?;
        tracing::debug!(splits = removed.len(), into = written, "splits joined");
        if self.dies_at(CrashPoint::MergeReplaced) {
            return Ok(false);
        }
        Ok(true)
    }

    /// Writes one split of all rows, reading a page of each input at a time. `None`: told to stop.
    fn join(&self, inputs: &[Arc<CatalogSplit>], eagerness: Eagerness) -> Result<Option<SplitMeta>, JoinError> {
        let mut splits = Vec::new();
        for (number, input) in inputs.iter().enumerate() {
            let split = self.files.get(input).map_err(|error| (number, error))?;
            splits.push((Arc::clone(input), split));
        }
        let mut rows = Join::open(splits)?;
        let options = SplitOptions {
            // Memory for packing is what a merge takes most of; there will be another one at rest.
            zstd_level: match eagerness {
                Eagerness::Busy => self.options.split.zstd_level,
                Eagerness::Idle | Eagerness::All => self.options.merge_zstd_level,
            },
            page_rows_max: self.options.split.page_rows_max.saturating_mul(PAGE_ROWS_FACTOR),
            ..self.options.split.clone()
        };
        let level = inputs.iter().map(|input| input.meta.level).max().unwrap_or(0);
        let output = SplitStream::create(self.files.dir(), &options, level.saturating_add(1));
        let mut output = output.map_err(JoinError::Output)?;
        let stripes = Cell::new(false);
        let mut write = |rows: &RowBlock, run: Range<usize>| -> Result<(), JoinError> {
            if output.push(rows, run).map_err(JoinError::Output)? {
                stripes.set(true);
            }
            Ok(())
        };
        while rows.next_run(&mut write)? {
            if eagerness == Eagerness::All {
                continue;
            }
            if self.phase() != Phase::Run {
                return Ok(None);
            }
            if stripes.take() {
                self.give_way();
            }
        }
        let meta = output.finish().map_err(JoinError::Output)?;
        self.check_joined(inputs, meta).map(Some).map_err(JoinError::Output)
    }

    /// Queries come first; under ever new ones a merge goes on slowly.
    fn give_way(&self) {
        let deadline = Instant::now() + GIVE_WAY_MAX;
        while self.live.is_read() && Instant::now() < deadline && self.phase() == Phase::Run {
            std::thread::sleep(GIVE_WAY_LOOK);
        }
    }

    /// The output holds what the inputs did, or is thrown away.
    fn check_joined(&self, inputs: &[Arc<CatalogSplit>], meta: SplitMeta) -> Result<SplitMeta, SplitError> {
        let rows: u64 = inputs.iter().map(|input| input.meta.rows).sum();
        let raw_bytes: u64 = inputs.iter().map(|input| input.meta.raw_bytes).sum();
        if meta.rows == rows && meta.raw_bytes == raw_bytes {
            return Ok(meta);
        }
        self.files.remove(&meta.id);
        Err(SplitError::Damaged {
            path: self.files.path(&meta.id),
            what: format!(
                "a merge of {rows} rows, {raw_bytes} bytes of lines, wrote {} and {}: it was thrown away",
                meta.rows, meta.raw_bytes
            ),
        })
    }
}

/// Why splits were not joined.
enum JoinError {
    Input(InputError),
    Output(SplitError),
}

impl From<InputError> for JoinError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}
