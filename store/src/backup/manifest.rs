//! What a backup holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The form of manifests that this program writes and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// Bytes of a manifest that are read: ten million files.
pub(super) const MANIFEST_BYTES_MAX: u64 = 2 << 30;

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this file, 1.
    pub format: u32,
    /// Its name: the time at which it began, `20261201T020000Z`.
    pub name: String,
    /// When it began, RFC 3339.
    pub begun_at: String,
    /// When it was whole, RFC 3339.
    pub ended_at: String,
    /// The program that wrote it.
    pub program: String,
    /// How far each partition was published: `topic-partition` to the next offset.
    pub positions: BTreeMap<String, u64>,
    /// Its files.
    pub files: Vec<File>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path within the data directory, with `/`.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// The SHA-256 of these, in hexadecimal: the blob's name.
    pub sha256: String,
    /// When the original was last changed, nanoseconds since the epoch, of files that never change again: the
    /// next backup takes such a file as read if it is as long and as old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_nanos: Option<i64>,
}

impl Manifest {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Whether a name can be one of a backup: it becomes a file's.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Whether a path of a manifest stays within the directory that it is restored to.
pub(super) fn is_path(path: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
    path.len() <= 1024 && path.split('/').all(part)
}

/// Whether a text is a SHA-256 in hexadecimal.
pub(super) fn is_hash(hash: &str) -> bool {
    hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
