//! `[backup]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::unit::Age;

/// Where backups go, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BackupSection {
    /// A directory, on another disk best; nothing is backed up without.
    pub(crate) directory: Option<PathBuf>,
    /// How often; by request alone if absent.
    pub(crate) interval: Option<Age>,
    /// So many are kept; what only older ones hold is removed.
    pub(crate) kept: u32,
}

impl Default for BackupSection {
    fn default() -> Self {
        Self {
            directory: None,
            interval: None,
            kept: 7,
        }
    }
}

impl BackupSection {
    /// # Errors
    /// The key, its value, and what it may be.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.kept == 0 {
            return Err("backup.kept = 0 keeps none: take 1 at least".to_owned());
        }
        if self.interval.is_some_and(|interval| interval.get().is_zero()) {
            return Err("backup.interval = 0s would make one after the other: take 1h, or leave it out".to_owned());
        }
        if self.interval.is_some() && self.directory.is_none() {
            return Err("backup.interval is set without a place: set `backup.directory`".to_owned());
        }
        Ok(())
    }

    /// As the store takes it.
    #[cfg(feature = "store")]
    pub(crate) fn options(&self) -> timberline_store::backup::BackupOptions {
        timberline_store::backup::BackupOptions {
            directory: self.directory.clone(),
            interval: self.interval.map(Age::get),
            kept: self.kept as usize,
        }
    }
}
