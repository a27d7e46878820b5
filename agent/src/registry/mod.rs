//! Checkpoints on disk: for every generation, how far it is acked and what identifies its file.
//!
//! Two files, `registry.0` and `registry.1`, are written in turn, so that the one before survives
//! a write that was cut short. Byte order is little-endian.
//!
//! | bytes | |
//! |---|---|
//! | 8 | magic `TBLNREG\0` |
//! | u32 | format, 1 |
//! | u64 | serial: the valid file with the greater one holds |
//! | u64 | length of the payload |
//! | u32 | CRC-32C of serial and payload |
//! | … | payload: JSON, [`Registry`] |
//!
//! Written to `registry.tmp`, fsynced, renamed, directory fsynced: when [`Store::save`] returns,
//! it is durable. The agent's id stands in `agent-id` as well as here, each restoring the other.

mod checkpoint;
mod file;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use timberline_proto::batch::ChainState;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::integrity::Hash;

use crate::identity::{Inode, Print};

pub use checkpoint::{Checkpoint, checkpoints_in};
pub(crate) use file::{Store, open, own_id, write_durably};

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Registry {
    pub(crate) agent: AgentId,
    pub(crate) generations: Vec<Entry>,
    /// Whether packed files were followed: then one that is not known here was not read under another
    /// name.
    #[serde(default)]
    pub(crate) packed: bool,
}

/// One generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) generation: GenerationId,
    /// Where the file was last seen. Raw bytes, for a path is any bytes.
    #[serde(with = "path_bytes")]
    pub(crate) path: std::path::PathBuf,
    /// The name under which the generation was first seen, which names its stream.
    #[serde(with = "path_bytes")]
    pub(crate) first_path: std::path::PathBuf,
    /// Where the file itself lies, if `path` leads to it through a link; else empty.
    #[serde(with = "path_bytes", default)]
    pub(crate) real_path: std::path::PathBuf,
    #[serde(flatten)]
    pub(crate) inode: Inode,
    /// Birth time, nanoseconds; 0 where the filesystem has none.
    pub(crate) btime: i64,
    pub(crate) prefix: Print,
    /// The topic that holds it; the configured one if empty.
    #[serde(default)]
    pub(crate) topic: String,
    /// The first byte that was asked for.
    #[serde(default)]
    pub(crate) start: u64,
    /// Bytes acked, and parts of a long line before them.
    pub(crate) acked: u64,
    pub(crate) part: u32,
    /// Of the bytes before `acked`.
    pub(crate) marker: Print,
    /// Bytes in the file when last looked at: what a loss is counted from.
    pub(crate) size: u64,
    /// Seconds since the epoch when the file was last there.
    pub(crate) seen: u64,
    /// The file was truncated: its place is another generation's, and its bytes are to be looked
    /// for in a copy.
    #[serde(default)]
    pub(crate) truncated: bool,
    /// It was let go because too many bytes of deleted files were held.
    #[serde(default)]
    pub(crate) let_go: bool,
    /// The file's size if it is packed with gzip, else 0. All other places are of unpacked bytes.
    #[serde(default)]
    pub(crate) packed_bytes: u64,
    /// Where the chain of its lines stands at `acked`; a registry of before there were chains, or of an
    /// older agent, has none, and another link is begun.
    #[serde(default, skip_serializing_if = "ChainSaved::is_none")]
    pub(crate) chain: ChainSaved,
}

/// A [`ChainState`] as it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChainSaved {
    pub(crate) lines: u64,
    pub(crate) value: Hash,
}

impl ChainSaved {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn state(self) -> ChainState {
        ChainState {
            value: self.value.0,
            lines: self.lines,
        }
    }
}

impl From<ChainState> for ChainSaved {
    fn from(state: ChainState) -> Self {
        Self {
            lines: state.lines,
            value: Hash(state.value),
        }
    }
}

/// Paths as text where they are text, else as bytes.
mod path_bytes {
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, s: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => s.serialize_str(text),
            None => Form::Bytes(path.as_os_str().as_bytes().to_vec()).serialize(s),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<PathBuf, D::Error> {
        Ok(match Form::deserialize(d)? {
            Form::Text(text) => PathBuf::from(text),
            Form::Bytes(bytes) => PathBuf::from(OsString::from_vec(bytes)),
        })
    }
}
