//! Deleting by policy. Only splits: what is live has been acked and not yet kept. What is to go is
//! planned ([`plan`]), and the catalog's transaction asks once more what forbids it.
//!
//! A split goes by age when its newest row is too old. Its rows stand no further apart than an eighth of the
//! age, or a day ([`Spans`](super::slices::Spans)): so no row outlives the age by more than that and
//! a day. A row of the future is as old as its publication says.

use std::collections::HashSet;
use std::sync::Arc;

use timberline_proto::id::GenerationId;

use super::context::{Context, add};
use crate::catalog::{CatalogError, CatalogSplit};
use crate::crash::CrashPoint;
use crate::integrity::Removal;
use crate::retain::{DiskUse, Rules, plan};

/// Holes younger than this stay: they are on record before the records beside them are in a split.
const HOLE_AGE_MIN_NANOS: i64 = 86_400 * 1_000_000_000;

impl Context {
    /// Deletes what the policies say and nothing forbids, each with its reason on record. Returns how
    /// many splits that were.
    pub(crate) fn enforce_retention(&self) -> Result<u64, CatalogError> {
        let _alone = self.merging.lock();
        if self.is_dead() {
            return Ok(0);
        }
        let now = self.options.clock.now_unix_nanos();
        let snapshot = self.catalog.snapshot();
        let disk = self.disk_use(&snapshot.rules);
        let plan = plan(&snapshot.rules, &snapshot.splits, &snapshot.streams, now, disk);
        let policies = snapshot.rules.set().policies.iter();
        let policies: Vec<String> = policies
            .map(|policy| format!("{}, version {}", policy.name, snapshot.rules.version))
            .collect();
        drop(snapshot);
        self.note_stuck(plan.stuck);
        let mut deleted = 0;
        for same in plan
            .removals
            .chunk_by(|a, b| (a.policy, &a.reason) == (b.policy, &b.reason))
        {
            let splits = same.iter().map(|one| Arc::clone(&one.split)).collect();
            let removal = Removal {
                policy: policies.get(same[0].policy).cloned(),
                ..Removal::by_store(&same[0].reason)
            };
            deleted += self.delete(splits, &removal, now)?;
        }
        drop(plan.removals);
        drop(plan.held_back);
        self.files.sweep();
        let before = now.saturating_sub(HOLE_AGE_MIN_NANOS);
        while self.catalog.forget_accounts(self.options.ledger_sources_max, before)? > 0 {}
        while self.catalog.join_chains()? > 0 {}
        if deleted > 0 {
            self.forget_holes()?;
            // What is published meanwhile puts its streams on record again.
            while self.catalog.forget_streams(&self.live.streams())? > 0 {}
        }
        Ok(deleted)
    }

    /// How full the file system is, if a policy asks.
    fn disk_use(&self, rules: &Rules) -> Option<DiskUse> {
        let set = rules.set();
        let is_asked =
            set.disk_used_percent_max.is_some() || set.policies.iter().any(|policy| policy.disk_percent.is_some());
        if !is_asked {
            return None;
        }
        let usage = self.options.disk.usage(&self.options.data_dir);
        usage
            .inspect_err(
                |error| tracing::warn!(%error, "cannot ask how full the file system is: no share of it is enforced"),
            )
            .ok()
    }

    /// While the file system is too full and nothing may go, nothing more is taken from the queue, which
    /// refuses its senders in turn: they keep what they have.
    fn note_stuck(&self, stuck: Option<String>) {
        let before = std::mem::replace(&mut *self.counters.stuck.lock(), stuck.clone());
        match (before, stuck) {
            (None, Some(why)) => tracing::error!(why, "the store takes no more from the queue"),
            (Some(_), None) => tracing::info!("there is room again: the store takes from the queue"),
            _ => {}
        }
    }

    /// Whether there is no room and none can be made.
    pub(super) fn is_stuck(&self) -> bool {
        self.counters.stuck.lock().is_some()
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

    fn delete(
        &self,
        mut splits: Vec<Arc<CatalogSplit>>,
        removal: &Removal,
        now_nanos: i64,
    ) -> Result<u64, CatalogError> {
        let ids: Vec<String> = splits.iter().map(|split| split.meta.id.clone()).collect();
        // A hold may have come since the plan was made: the transaction asks once more.
        let deleted: HashSet<String> = self.catalog.delete_by(&ids, removal, now_nanos)?.into_iter().collect();
        if deleted.is_empty() || self.dies_at(CrashPoint::RetentionDeleted) {
            return Ok(0);
        }
        tracing::info!(splits = deleted.len(), reason = removal.reason, "splits deleted");
        splits.retain(|split| deleted.contains(&split.meta.id));
        self.files.drop_when_unused(splits);
        add(&self.counters.splits_deleted, deleted.len() as u64);
        Ok(deleted.len() as u64)
    }
}
