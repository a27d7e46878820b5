//! Backups, of `GET` and `POST /api/v1/backups`.

use serde::{Deserialize, Serialize};

/// The backups that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupsAnswer {
    /// Where they are, on the server; absent if the configuration says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// The newest first.
    pub backups: Vec<KeptBackup>,
    /// The one that is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<RunningBackup>,
    /// Why the last one was not made, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// A backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBackup {
    /// Its name.
    pub name: String,
    /// When it began, RFC 3339.
    pub begun_at: String,
    /// When it was whole, RFC 3339.
    pub ended_at: String,
    /// Its files.
    pub files: u64,
    /// Their bytes; what backups share is there once.
    pub bytes: u64,
    /// Why its manifest cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A backup that is being made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningBackup {
    /// Since when, RFC 3339; empty if it is about to begin.
    pub begun_at: String,
    /// Files so far.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}
