//! Deleting by age and by size. Only splits: what is live has been acked and not yet kept.
//!
//! A split goes when its newest row is too old. Its rows stand no further apart than an eighth of the
//! age, or a day ([`Spans`](super::slices::Spans)): so no row outlives the age by more than that and
//! a day. A row of the future is as old as its publication says.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use timberline_proto::id::GenerationId;

use super::context::{Context, add};
use crate::catalog::{CatalogError, CatalogSplit};
use crate::crash::CrashPoint;

/// Holes younger than this stay: they are on record before the records beside them are in a split.
const HOLE_AGE_MIN_NANOS: i64 = 86_400 * 1_000_000_000;

impl Context {
    /// Deletes what is too old, then the oldest of what is too much, each with its reason on
    /// record. Returns how many splits that were.
    pub(crate) fn enforce_retention(&self) -> Result<u64, CatalogError> {
        let _alone = self.merging.lock();
        if self.is_dead() {
            return Ok(0);
        }
        let mut deleted = 0;
        if let Some(age) = self.options.retention_age {
            let expired = too_old(
                &self.catalog.snapshot().splits,
                self.options.clock.now_unix_nanos(),
                age,
            );
            deleted += self.delete(expired, &format!("every row is older than {age:?}"))?;
        }
        if let Some(bytes_max) = self.options.retention_bytes {
            let beyond = too_much(&self.catalog.snapshot().splits, bytes_max);
            deleted += self.delete(beyond, &format!("splits held more than {bytes_max} bytes"))?;
        }
        let before = self.options.clock.now_unix_nanos().saturating_sub(HOLE_AGE_MIN_NANOS);
        while self.catalog.forget_accounts(self.options.ledger_sources_max, before)? > 0 {}
        if deleted > 0 {
            self.forget_holes()?;
            // What is published meanwhile puts its streams on record again.
            while self.catalog.forget_streams(&self.live.streams())? > 0 {}
        }
        Ok(deleted)
    }

    /// Holes go with the last record of their file: the bytes around them are gone then, too.
    fn forget_holes(&self) -> Result<(), CatalogError> {
        let before = self.options.clock.now_unix_nanos().saturating_sub(HOLE_AGE_MIN_NANOS);
        let mut generations = self.catalog.generations_with_holes(before)?;
        for split in &self.catalog.snapshot().splits {
            if generations.is_empty() {
                break;
            }
            // One that cannot be read, and may be restored, may hold any of them.
            let held = match &split.quarantined {
                None => self.files.get(split).and_then(|split| split.held(None)),
                Some(_) => return Ok(()),
            };
            let Ok(held) = held else { return Ok(()) };
            let held: HashSet<GenerationId> = held.iter().map(|range| range.generation).collect();
            generations.retain(|generation| !held.contains(generation));
        }
        if generations.is_empty() {
            return Ok(());
        }
        self.catalog.forget_holes(&generations)
    }

    fn delete(&self, splits: Vec<Arc<CatalogSplit>>, reason: &str) -> Result<u64, CatalogError> {
        if splits.is_empty() {
            return Ok(0);
        }
        let ids: Vec<String> = splits.iter().map(|split| split.meta.id.clone()).collect();
        self.catalog.delete(&ids, reason)?;
        if self.dies_at(CrashPoint::RetentionDeleted) {
            return Ok(0);
        }
        tracing::info!(splits = ids.len(), reason, "splits deleted");
        self.files.drop_when_unused(splits);
        self.files.sweep();
        add(&self.counters.splits_deleted, ids.len() as u64);
        Ok(ids.len() as u64)
    }
}

pub(super) fn too_old(splits: &[Arc<CatalogSplit>], now_nanos: i64, age: Duration) -> Vec<Arc<CatalogSplit>> {
    let age_nanos = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
    let oldest_kept = now_nanos.saturating_sub(age_nanos);
    splits
        .iter()
        .filter(|split| split.newest_nanos() < oldest_kept)
        .cloned()
        .collect()
}

/// The oldest splits beyond the sum.
fn too_much(splits: &[Arc<CatalogSplit>], bytes_max: u64) -> Vec<Arc<CatalogSplit>> {
    let mut newest_first: Vec<&Arc<CatalogSplit>> = splits.iter().collect();
    newest_first.sort_by_key(|split| std::cmp::Reverse(split.newest_nanos()));
    let mut bytes = 0u64;
    let beyond = newest_first.into_iter().filter(|split| {
        bytes = bytes.saturating_add(split.meta.file_bytes);
        bytes > bytes_max
    });
    beyond.cloned().collect()
}
