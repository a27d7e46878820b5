//! Joining small splits, so that their number grows with the logarithm of the rows, and encoding
//! them better than a flush had time for.
//!
//! The thread here is the store's janitor: it also runs retention and removes files.

mod divide;
mod join;
mod plan;
#[cfg(test)]
mod tests;
mod waiting;

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use self::join::{InputError, Join};
use self::plan::Eagerness;
use super::FlushError;
use super::context::{Context, Phase, add};
use super::memory;
use super::net::{Panicked, caught};
use crate::catalog::{CatalogError, CatalogSplit};
use crate::crash::CrashPoint;
use crate::integrity::combine;
use crate::live::LiveRows;
use crate::rows::RowBlock;
use crate::split::{SplitError, SplitMeta, SplitOptions, SplitStream};

/// Pages of a merged split are so many times as long as those of a flushed one: fewer repeat their
/// dictionaries and postings, for a little more to read where one row is asked for.
const PAGE_ROWS_FACTOR: usize = 2;
/// How long merging rests after a failure: a full disk does not empty at once.
const FAILED_PAUSE: Duration = Duration::from_secs(30);
/// How long a split that could not be read is left out of merges: the others are not to wait for it.
const LEFT_OUT: Duration = Duration::from_secs(600);
/// Flushes and queries come first.
const NICENESS: i32 = 10;

/// A flush that came for want of memory is probably not the last.
const CALM_AFTER: Duration = Duration::from_secs(10);

/// While queries run, so long at most before each stripe that is written …
const GIVE_WAY_MAX: Duration = Duration::from_secs(1);
/// … looking so often whether they still do.
const GIVE_WAY_LOOK: Duration = Duration::from_millis(2);

/// What one merge leaves to the next.
#[derive(Debug, Default)]
pub(super) struct Merging {
    /// Inputs that could not be read though nothing says that they are damaged, and since when.
    left_out: HashMap<String, Instant>,
    /// A split that is durable, and whose commit failed.
    unpublished: Option<Joined>,
}

/// A durable split that holds the rows of others.
#[derive(Debug)]
struct Joined {
    inputs: Vec<Arc<CatalogSplit>>,
    meta: SplitMeta,
    /// Whether a crash may still show it published: then its file must stay.
    is_doubtful: bool,
}

/// The janitor's thread.
pub(super) fn run(context: &Context) {
    // Where priorities cannot be changed merging is as important as the rest.
    rustix::process::setpriority_process(None, NICENESS).ok();
    while context.phase() == Phase::Run {
        let kept = caught(|| {
            context.files.sweep();
            Ok::<_, FlushError>(context.enforce_retention()?)
        });
        if let Err(error) = &kept {
            tracing::warn!(%error, "retention failed, trying again");
        }
        let merged = caught(|| merge_while_planned(context));
        let pause = match &merged {
            Ok(()) => context.options.janitor_interval,
            Err(error) => {
                tracing::warn!(%error, "merging failed, trying again later");
                FAILED_PAUSE.max(context.options.janitor_interval)
            }
        };
        context.note_janitor(kept.err(), merged.err());
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
    /// Shows what retention failed of, and panics. A merge that failed otherwise is a count only:
    /// nothing is lost or kept too long by it.
    fn note_janitor(&self, kept: Option<FlushError>, merged: Option<FlushError>) {
        let is_panic = |error: &FlushError| matches!(error, FlushError::Panicked(_));
        let panics = [&kept, &merged].into_iter().flatten().filter(|error| is_panic(error));
        add(&self.counters.panics, panics.count() as u64);
        let shown = kept.or(merged.filter(is_panic));
        *self.counters.janitor_error.lock() = shown.map(|error| error.to_string());
    }

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
        let mut merging = self.merging.lock();
        // Looked at again here, so that nothing begins once who paused it had the lock.
        let is_paused = eagerness != Eagerness::All && self.merging_paused.load(Ordering::Relaxed);
        if self.is_dead() || is_paused {
            return Ok(false);
        }
        let merged = match merging.unpublished.take() {
            Some(joined) => self.publish_joined(joined, &mut merging),
            None => match self.mixed(&mut merging) {
                Some(split) => self.divide(split, eagerness, &mut merging),
                None => {
                    let Some(inputs) = self.planned(eagerness, &mut merging) else {
                        return Ok(false);
                    };
                    memory::give_back();
                    let merged = self.merge(inputs, eagerness, &mut merging);
                    memory::give_back();
                    merged
                }
            },
        };
        match &merged {
            Ok(true) => add(&self.counters.merges, 1),
            Ok(false) => {}
            Err(_) => add(&self.counters.merges_failed, 1),
        }
        merged.map(|_| true)
    }

    fn planned(&self, eagerness: Eagerness, merging: &mut Merging) -> Option<Vec<Arc<CatalogSplit>>> {
        merging.left_out.retain(|_, since| since.elapsed() < LEFT_OUT);
        let snapshot = self.catalog.snapshot();
        let mut splits = snapshot.splits.clone();
        splits.retain(|split| !merging.left_out.contains_key(&split.meta.id));
        let now = self.options.clock.now_unix_nanos();
        plan::plan(&splits, &self.options, &snapshot, now, eagerness)
    }

    /// Reads, writes, replaces. `false`: nothing was replaced, plan anew: an input was damaged and
    /// is quarantined now, or the store stops.
    fn merge(
        &self,
        inputs: Vec<Arc<CatalogSplit>>,
        eagerness: Eagerness,
        merging: &mut Merging,
    ) -> Result<bool, FlushError> {
        // Which input a panic came of is not known.
        let meta = match caught(|| self.join(&inputs, eagerness)) {
            Ok(Some(meta)) => meta,
            Ok(None) => return Ok(false),
            Err(JoinError::Panicked(error)) => {
                let ids = inputs.iter().map(|input| (input.meta.id.clone(), Instant::now()));
                merging.left_out.extend(ids);
                return Err(error.into());
            }
            Err(JoinError::Output(error)) => return Err(error.into()),
            Err(JoinError::Input((which, error))) => return self.input_failed(&inputs[which], error, merging),
        };
        if self.dies_at(CrashPoint::MergeWritten) {
            return Ok(false);
        }
        let joined = Joined {
            inputs,
            meta,
            is_doubtful: false,
        };
        self.publish_joined(joined, merging)
    }

    /// A split that cannot be read is quarantined if it is damaged, else left out for a while.
    fn input_failed(&self, input: &CatalogSplit, error: SplitError, merging: &mut Merging) -> Result<bool, FlushError> {
        self.quarantine_if_damaged(input, &error);
        let snapshot = self.catalog.snapshot();
        let listed = snapshot.split(&input.meta.id);
        if listed.is_none_or(|now| now.quarantined.is_some()) {
            return Ok(false);
        }
        merging.left_out.insert(input.meta.id.clone(), Instant::now());
        Err(error.into())
    }

    /// Puts a merge in the place of its inputs. `false`: one of them is not there any more, or the
    /// store stops. A file that is surely not published goes at once; one of which that is not sure
    /// is offered again, so that a disk that refuses commits is not filled with merges.
    fn publish_joined(&self, mut joined: Joined, merging: &mut Merging) -> Result<bool, FlushError> {
        let removed: Vec<String> = joined.inputs.iter().map(|input| input.meta.id.clone()).collect();
        let meta = joined.meta.clone();
        match self.catalog.replace(&joined.inputs[0].topic, &removed, &[meta]) {
            Ok(()) => {}
            // A commit that was reported as failed was durable all the same.
            Err(_) if self.catalog.snapshot().split(&joined.meta.id).is_some() => {}
            Err(CatalogError::NotThere { .. }) => {
                if !joined.is_doubtful {
                    self.files.remove(&joined.meta.id);
                }
                return Ok(false);
            }
            Err(error) => {
                joined.is_doubtful |= matches!(error, CatalogError::Commit(_));
                match joined.is_doubtful {
                    true => merging.unpublished = Some(joined),
                    false => self.files.remove(&joined.meta.id),
                }
                return Err(error.into());
            }
        }
        tracing::debug!(splits = removed.len(), into = joined.meta.id, "splits joined");
        if self.dies_at(CrashPoint::MergeReplaced) {
            return Ok(false);
        }
        self.files.drop_when_unused(joined.inputs);
        self.files.sweep();
        Ok(true)
    }

    /// Writes one split of all rows, reading a page of each input at a time. `None`: told to stop.
    fn join(&self, inputs: &[Arc<CatalogSplit>], eagerness: Eagerness) -> Result<Option<SplitMeta>, JoinError> {
        let mut splits = Vec::new();
        for (number, input) in inputs.iter().enumerate() {
            let split = self.files.get(input).map_err(|error| (number, error))?;
            splits.push((Arc::clone(input), split));
        }
        let opened: Vec<_> = splits.iter().map(|(_, split)| Arc::clone(split)).collect();
        let integrity = combine(&opened)?;
        drop(opened);
        let mut rows = Join::open(splits)?;
        let options = self.rewritten(eagerness);
        let level = inputs.iter().map(|input| input.meta.level).max().unwrap_or(0);
        let output = SplitStream::create(self.files.dir(), &options, level.saturating_add(1));
        let mut output = output.map_err(JoinError::Output)?;
        if !integrity.trees.is_empty() {
            output.set_integrity(integrity);
        }
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

    /// How a split of others' rows is written.
    fn rewritten(&self, eagerness: Eagerness) -> SplitOptions {
        SplitOptions {
            // Memory for packing is what a merge takes most of; there will be another one at rest.
            zstd_level: match eagerness {
                Eagerness::Busy => self.options.split.zstd_level,
                Eagerness::Idle | Eagerness::All => self.options.merge_zstd_level,
            },
            page_rows_max: self.options.split.page_rows_max.saturating_mul(PAGE_ROWS_FACTOR),
            ..self.options.split.clone()
        }
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
    Panicked(Panicked),
}

impl From<Panicked> for JoinError {
    fn from(error: Panicked) -> Self {
        Self::Panicked(error)
    }
}

impl From<InputError> for JoinError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}
