//! The ledger: what became of every byte of every file.

use serde::{Deserialize, Serialize};

use crate::gap::GapClass;

/// The answer of `GET /api/v1/ledger`: sources by host, path and generation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LedgerAnswer {
    /// The sources of this page.
    pub sources: Vec<LedgerSource>,
    /// Sums over all sources that were asked for.
    pub total: LedgerTotal,
    /// Records that the queue could not give, of whatever sender, at most 1,000.
    pub queue_gaps: Vec<QueueGap>,
    /// Present if there are more sources: send it back to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One life of one file. Counts are bytes from `first_byte` on; those of the agent are as of its last
/// report, those of the store as of its last publication.
///
/// `acked = in_queue + indexed − doubled + empty + policy + lost + unexplained` and
/// `indexed = held + damaged + removed`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LedgerSource {
    /// Its generation.
    pub generation: String,
    /// The agent that read it.
    pub agent: String,
    /// The host.
    pub host: String,
    /// The path under which it was first found.
    pub path: String,
    /// The queue's topic; empty while nothing is published.
    pub topic: String,
    /// Whether an agent follows it now.
    pub followed: bool,
    /// The first byte: what stands before it was not asked for (`start_at`), or was taken before the
    /// ledger began.
    pub first_byte: u64,
    /// Bytes in the file that are not read yet.
    pub unread: u64,
    /// Read by the agent.
    pub read: u64,
    /// Acked to the agent: durable in the queue.
    pub acked: u64,
    /// Acked, and not published yet; found by queries from memory.
    pub in_queue: u64,
    /// Published in splits as records, ever.
    pub indexed: u64,
    /// Of those, in sound splits.
    pub held: u64,
    /// Of those, in splits that are damaged: `timberline split check` takes them back once their files
    /// are restored.
    pub damaged: u64,
    /// Of those, in splits that retention deleted.
    pub removed: u64,
    /// Taken a second time, because the queue forgot that it had them.
    pub doubled: u64,
    /// Gaps that held nothing: NULs.
    pub empty: u64,
    /// Gaps that rules made.
    pub policy: u64,
    /// Gaps that should not be.
    pub lost: u64,
    /// What no other number explains; 0 unless the program or a disk is at fault. Below 0 if more is
    /// indexed than was acked.
    pub unexplained: i64,
    /// The gaps, losses first, at most `gaps` of the request.
    pub gaps: Vec<LedgerGap>,
    /// How many gaps there are. Those of files of which nothing is held any more are summed up by reason.
    pub gaps_total: u64,
    /// When something of it was first published (RFC 3339); absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<String>,
    /// When something of it was last published (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<String>,
}

/// Bytes of a file that became no record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerGap {
    /// The first byte; absent for gaps that are summed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// One past the last byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// How many.
    pub bytes: u64,
    /// Why: `rule:NAME`, `truncated_unread`, `deleted_unread`, `over_limit`, `rejected`, `queue_lost`,
    /// `nul_hole`.
    pub reason: String,
    /// What that says of them.
    pub class: GapClass,
    /// When the store heard of it (RFC 3339).
    pub at: String,
}

/// Offsets that the queue could not give to the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueGap {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The first offset.
    pub from: u64,
    /// One past the last.
    pub to: u64,
    /// Why.
    pub reason: String,
}

/// Sums over sources. See [`LedgerSource`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LedgerTotal {
    /// Sources.
    pub sources: u64,
    /// Bytes read.
    pub read: u64,
    /// Bytes acked.
    pub acked: u64,
    /// Bytes acked and not published yet.
    pub in_queue: u64,
    /// Bytes published.
    pub indexed: u64,
    /// Bytes in sound splits.
    pub held: u64,
    /// Bytes in damaged splits.
    pub damaged: u64,
    /// Bytes that retention deleted.
    pub removed: u64,
    /// Bytes taken a second time.
    pub doubled: u64,
    /// Bytes of gaps, by reason; those of all rules together as `rule`.
    pub gaps: Vec<GapTotal>,
    /// Bytes of gaps that should not be.
    pub lost: u64,
    /// What no other number explains.
    pub unexplained: i64,
}

/// Gaps of one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GapTotal {
    /// The reason.
    pub reason: String,
    /// What that says of them.
    pub class: GapClass,
    /// How many ranges.
    pub ranges: u64,
    /// How many bytes.
    pub bytes: u64,
}
