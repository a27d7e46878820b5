//! The entries of the log. An entry is one JSON object; its leaf is over these bytes as they are
//! kept, so what is not known yet is carried along.

use serde::{Deserialize, Serialize};
use timberline_proto::integrity::{Hash, NoteKey};

use super::keys::StoreKey;
use crate::split::{SplitMeta, SplitTree};

/// What a signature of an entry is of: this, then the entry without it.
const CONTEXT: &[u8] = b"timberline log entry 1\0";

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// From here on what is published has trees.
    Begin(BeginEntry),
    /// From here on it has none, because integrity was switched off.
    Pause(PauseEntry),
    /// A split was published.
    Tree(LogTree),
    /// What agents chained of the files of a publication.
    Chains(ChainsEntry),
    /// A split was deleted.
    Delete(DeleteEntry),
    /// Records of a tree were erased.
    Erase(EraseEntry),
    /// Another key signs from here on.
    Key(KeyEntry),
}

/// From here on what is published has trees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginEntry {
    /// The store's id.
    pub store: String,
    /// By what its checkpoints are verified.
    pub key: String,
    /// Topic, partition, and the offset below which records may be in no tree.
    pub positions: Vec<(String, u32, u64)>,
    /// When, nanoseconds since the epoch.
    pub at: i64,
}

/// Integrity was switched off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseEntry {
    /// Topic, partition, and the offset from which on records are in no tree.
    pub positions: Vec<(String, u32, u64)>,
    /// When, nanoseconds since the epoch.
    pub at: i64,
}

/// A tree over the records of a published split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTree {
    /// Its id: that of the split.
    pub tree: String,
    /// The topic of its records.
    pub topic: String,
    /// Its root.
    pub root: Hash,
    /// Its leaves.
    pub leaves: u64,
    /// Partition, first and last offset of its records.
    pub ranges: Vec<(u32, u64, u64)>,
    /// Time of the earliest record, nanoseconds.
    pub time_min: i64,
    /// Time of the latest record, nanoseconds.
    pub time_max: i64,
    /// When it was published, nanoseconds.
    pub at: i64,
}

/// A block of links: see [`chains`](super::chains).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainsEntry {
    /// The topic of its files.
    pub topic: String,
    /// Their partition.
    pub partition: u32,
    /// Of the block.
    pub block: Hash,
    /// Links in it.
    pub links: u64,
    /// Lines that are chained in them.
    pub lines: u64,
    /// The number of the entry of the oldest publication in it, if it is not this one: blocks are in
    /// this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// The entries whose blocks this one stands for: first and last number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<(u64, u64)>,
    /// When, nanoseconds.
    pub at: i64,
}

/// The tombstone of a split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteEntry {
    /// The split.
    pub split: String,
    /// Its topic.
    pub topic: String,
    /// The trees that were in it: first and last number of their entries in the log.
    pub trees: Vec<(u64, u64)>,
    /// Rows.
    pub rows: u64,
    /// Partition, first and last offset of its rows.
    pub ranges: Vec<(u32, u64, u64)>,
    /// Time of the earliest row, nanoseconds.
    pub time_min: i64,
    /// Time of the latest row, nanoseconds.
    pub time_max: i64,
    /// Why, by what, by whom.
    #[serde(flatten)]
    pub removal: Removal,
    /// When, nanoseconds.
    pub at: i64,
    /// Of the entry without it, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Records of one tree that were erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseEntry {
    /// The tree.
    pub tree: String,
    /// The number of its entry in the log.
    pub seq: u64,
    /// First and last of leaves that follow each other.
    pub leaves: Vec<(u64, u64)>,
    /// The tree over what stands in their place, where they were changed and not taken away: an entry of its
    /// own, of the same transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<String>,
    /// Why, by what, by whom.
    #[serde(flatten)]
    pub removal: Removal,
    /// When, nanoseconds.
    pub at: i64,
    /// Of the entry without it, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Another key signs from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// The new key.
    pub key: String,
    /// When, nanoseconds.
    pub at: i64,
    /// By the old key, of the entry without it, base64; none where that was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Why something is removed, by what policy, by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Why.
    pub reason: String,
    /// The policy or request that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// By whom.
    pub actor: String,
}

impl Removal {
    /// By the store itself.
    pub fn by_store(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            policy: None,
            actor: "store".to_owned(),
        }
    }
}

impl LogTree {
    /// Of a split that is published with this tree.
    pub(crate) fn new(tree: &SplitTree, topic: &str, meta: &SplitMeta, at: i64) -> Self {
        Self {
            tree: tree.id_text(),
            topic: topic.to_owned(),
            root: tree.root,
            leaves: tree.leaves(),
            ranges: meta.offsets.clone(),
            time_min: meta.time_min,
            time_max: meta.time_max,
            at,
        }
    }
}

impl Entry {
    /// As it is kept.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("numbers and text are JSON")
    }

    /// Reads an entry; `None` if it is of a kind that this program does not know, or of no kind.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Signs it, if it is of a kind that is signed by itself.
    pub(crate) fn signed(mut self, key: &StoreKey) -> Self {
        let signature = key.sign(&self.signed_bytes());
        if let Some(place) = self.signature_mut() {
            *place = Some(signature);
        }
        self
    }

    /// Whether it is signed by a key; entries of other kinds are signed by checkpoints alone.
    pub fn is_signed_by(&self, key: &NoteKey) -> bool {
        use base64::Engine as _;
        let mut unsigned = self.clone();
        let Some(signature) = unsigned.signature_mut().and_then(Option::take) else {
            return false;
        };
        let signature = base64::engine::general_purpose::STANDARD.decode(signature);
        signature.is_ok_and(|signature| key.verifies(&unsigned.signed_bytes(), &signature))
    }

    fn signature_mut(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::Delete(entry) => Some(&mut entry.signature),
            Self::Erase(entry) => Some(&mut entry.signature),
            Self::Key(entry) => Some(&mut entry.signature),
            Self::Begin(_) | Self::Pause(_) | Self::Tree(_) | Self::Chains(_) => None,
        }
    }

    fn signed_bytes(&self) -> Vec<u8> {
        [CONTEXT, self.text().as_bytes()].concat()
    }
}

/// Ascending numbers as first and last of those that follow each other.
pub(crate) fn ranges_of(numbers: impl IntoIterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if last.1.checked_add(1) == Some(number) => last.1 = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}
