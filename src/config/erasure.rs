//! `[erasure]`.

use serde::{Deserialize, Serialize};

use super::unit::Age;

/// How requests to erase are treated.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ErasureSection {
    /// Whether somebody else than who asked has to approve a request.
    pub(crate) approval: bool,
    /// Requests that are not carried out yet at most.
    pub(crate) requests_max: u32,
    /// So long is waited for what the queue holds to become splits, and for queries to let go of files; then
    /// it is tried anew.
    pub(crate) wait_max: Age,
}

impl Default for ErasureSection {
    fn default() -> Self {
        Self {
            approval: false,
            requests_max: 1_000,
            wait_max: Age::seconds(600),
        }
    }
}

impl ErasureSection {
    /// # Errors
    /// The key, its value, and what it may be.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.requests_max == 0 {
            return Err("erasure.requests_max = 0 takes no request: take 1 at least".to_owned());
        }
        if self.wait_max.get().is_zero() {
            return Err("erasure.wait_max = 0s waits for nothing: take 10min".to_owned());
        }
        Ok(())
    }

    /// As the store takes it.
    #[cfg(feature = "store")]
    pub(crate) fn options(&self, backups: Option<std::path::PathBuf>) -> timberline_store::erase::ErasureOptions {
        timberline_store::erase::ErasureOptions {
            approval: self.approval,
            requests_max: u64::from(self.requests_max),
            wait_max: self.wait_max.get(),
            backups,
        }
    }
}
