//! What waits to be merged, for people: the merges that would be made now if there were time.

use std::sync::Arc;

use super::plan::{Eagerness, plan};
use crate::catalog::{CatalogSplit, Snapshot};
use crate::store::{StoreOptions, WaitingMerges};
use crate::write::Context;

/// Merges that are counted; each is planned over all splits.
const MERGES_MAX: u64 = 64;

impl Context {
    /// Which splits would be joined now. What is made of them is not planned further.
    pub(crate) fn waiting_merges(&self) -> WaitingMerges {
        let snapshot = self.catalog.snapshot();
        waiting(
            snapshot.splits.clone(),
            &self.options,
            &snapshot,
            self.options.clock.now_unix_nanos(),
        )
    }
}

pub(super) fn waiting(
    mut splits: Vec<Arc<CatalogSplit>>,
    options: &StoreOptions,
    snapshot: &Snapshot,
    now_nanos: i64,
) -> WaitingMerges {
    let mut waiting = WaitingMerges::default();
    while waiting.merges < MERGES_MAX
        && let Some(inputs) = plan(&splits, options, snapshot, now_nanos, Eagerness::Idle)
    {
        waiting.merges += 1;
        waiting.splits += inputs.len() as u64;
        for input in &inputs {
            waiting.rows += input.meta.rows;
            waiting.raw_bytes += input.meta.raw_bytes;
            waiting.file_bytes += input.meta.file_bytes;
        }
        splits.retain(|split| !inputs.iter().any(|input| Arc::ptr_eq(split, input)));
    }
    waiting
}
