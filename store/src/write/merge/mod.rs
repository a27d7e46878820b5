//! Joining small splits, so that their number grows with the logarithm of the rows, and encoding
//! them better than a flush had time for.
//!
//! The thread here is the store's janitor: it also runs retention and removes files.

mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::FlushError;
#[cfg(test)]
use super::context::CrashPoint;
use super::context::{Context, Phase, add};
use crate::catalog::CatalogSplit;
use crate::rows::RowBlock;
use crate::split::{Columns, SplitError, SplitMeta, SplitOptions, write_split};

/// How long merging rests after a failure: a full disk does not empty at once.
const FAILED_PAUSE: Duration = Duration::from_secs(30);
/// Flushes and queries come first.
const NICENESS: i32 = 10;

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
        if !context.merge_once(false)? {
            return Ok(());
        }
    }
    Ok(())
}

impl Context {
    /// Joins as far as the limits allow, whatever the number of splits.
    pub(crate) fn merge_all(&self) -> Result<(), FlushError> {
        while self.merge_once(true)? {}
        self.files.sweep();
        Ok(())
    }

    /// Plans and makes one merge. Returns whether there was one to make.
    fn merge_once(&self, all: bool) -> Result<bool, FlushError> {
        let _alone = self.merging.lock();
        #[cfg(test)]
        if self.is_dead() {
            return Ok(false);
        }
        let now_nanos = self.options.clock.now_unix_nanos();
        let planned = plan::plan(&self.catalog.snapshot().splits, &self.options, now_nanos, all);
        let Some(inputs) = planned else { return Ok(false) };
        let merged = self.merge(&inputs);
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

    /// Reads, writes, replaces. `false`: an input was damaged and is quarantined now, plan anew.
    fn merge(&self, inputs: &[Arc<CatalogSplit>]) -> Result<bool, FlushError> {
        let mut rows = RowBlock::new();
        for input in inputs {
            if let Err(error) = self.read_all(input, &mut rows) {
                self.quarantine_if_damaged(input, &error);
                let quarantined = self
                    .catalog
                    .snapshot()
                    .split(&input.meta.id)
                    .is_none_or(|now| now.quarantined.is_some());
                return if quarantined { Ok(false) } else { Err(error.into()) };
            }
        }
        let meta = self.write_merged(inputs, &rows)?;
        drop(rows);
        #[cfg(test)]
        if self.dies_at(CrashPoint::MergeWritten) {
            return Ok(false);
        }
        let removed: Vec<String> = inputs.iter().map(|input| input.meta.id.clone()).collect();
        let written = meta.id.clone();
        self.catalog.replace(&inputs[0].topic, &removed, &[meta])?;
        tracing::debug!(splits = removed.len(), into = written, "splits joined");
        #[cfg(test)]
        if self.dies_at(CrashPoint::MergeReplaced) {
            return Ok(false);
        }
        Ok(true)
    }

    /// Every row of a split. A split that holds other rows than the catalog says is damaged.
    fn read_all(&self, input: &CatalogSplit, rows: &mut RowBlock) -> Result<(), SplitError> {
        let columns = Columns {
            line: true,
            provenance: true,
            attributes: true,
        };
        let split = self.files.get(input)?;
        let before = rows.len();
        for page in 0..split.pages().len() {
            let page = split.read_page(u32::try_from(page).unwrap_or(u32::MAX), columns)?;
            page.rows().for_each(|row| rows.push(&row));
        }
        let found = (rows.len() - before) as u64;
        if found == input.meta.rows {
            return Ok(());
        }
        Err(SplitError::Damaged {
            path: self.files.path(&input.meta.id),
            what: format!("{found} rows where the catalog says {}", input.meta.rows),
        })
    }

    fn write_merged(&self, inputs: &[Arc<CatalogSplit>], rows: &RowBlock) -> Result<SplitMeta, SplitError> {
        let options = SplitOptions {
            zstd_level: self.options.merge_zstd_level,
            ..self.options.split.clone()
        };
        let level = inputs
            .iter()
            .map(|input| input.meta.level)
            .max()
            .unwrap_or(0)
            .saturating_add(1);
        let meta = write_split(self.files.dir(), rows, &options, level)?;
        let raw_bytes: u64 = inputs.iter().map(|input| input.meta.raw_bytes).sum();
        if meta.rows == rows.len() as u64 && meta.raw_bytes == raw_bytes {
            return Ok(meta);
        }
        self.files.remove(&meta.id);
        Err(SplitError::Damaged {
            path: self.files.path(&meta.id),
            what: format!(
                "a merge of {raw_bytes} bytes of lines wrote {}: it was thrown away",
                meta.raw_bytes
            ),
        })
    }
}
