//! Where acts about accounts go besides the file that they are kept in: a store's record of all acts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that was done with accounts, roles, keys or sessions, or refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Act {
    /// Its place among all acts of this list: without gaps, never used twice.
    pub sequence: u64,
    /// When, seconds since the epoch.
    pub at_s: i64,
    /// Who.
    pub actor: String,
    /// From where.
    pub origin: Option<String>,
    /// What.
    pub action: String,
    /// To what.
    pub object: String,
    /// `ok`, or why not.
    pub outcome: String,
    /// What was before and after.
    pub detail: Value,
}

/// Takes acts, in order and each once.
pub trait AuditSink: Send + Sync + std::fmt::Debug {
    /// Takes those of `acts` that it has not got; gives the sequence of the first act that it still lacks.
    /// When this returns, they are durable there. Blocks.
    ///
    /// # Errors
    /// Why not; the same are offered again.
    fn take(&self, acts: &[Act]) -> Result<u64, String>;
}
