//! Deleting by age and by size. Only splits: what is live has been acked and not yet kept.

use std::sync::Arc;
use std::time::Duration;

use super::context::{Context, add};
use crate::catalog::{CatalogError, CatalogSplit};
use crate::crash::CrashPoint;

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
            if !expired.is_empty() {
                let age_nanos = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
                self.catalog
                    .forget_holes_before(self.options.clock.now_unix_nanos().saturating_sub(age_nanos))?;
            }
            deleted += self.delete(expired, &format!("every row is older than {age:?}"))?;
        }
        if let Some(bytes_max) = self.options.retention_bytes {
            let beyond = too_much(&self.catalog.snapshot().splits, bytes_max);
            deleted += self.delete(beyond, &format!("splits held more than {bytes_max} bytes"))?;
        }
        Ok(deleted)
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

fn too_old(splits: &[Arc<CatalogSplit>], now_nanos: i64, age: Duration) -> Vec<Arc<CatalogSplit>> {
    let age_nanos = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
    let oldest_kept = now_nanos.saturating_sub(age_nanos);
    splits
        .iter()
        .filter(|split| split.meta.time_max < oldest_kept)
        .cloned()
        .collect()
}

/// The oldest splits beyond the sum; `splits` come newest first.
fn too_much(splits: &[Arc<CatalogSplit>], bytes_max: u64) -> Vec<Arc<CatalogSplit>> {
    let mut bytes = 0u64;
    let beyond = splits.iter().filter(|split| {
        bytes = bytes.saturating_add(split.meta.file_bytes);
        bytes > bytes_max
    });
    beyond.cloned().collect()
}
