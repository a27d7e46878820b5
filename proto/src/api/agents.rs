//! Agents: who is there, how they are, and how far they are with each file.

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/v1/agents`: every agent known, by host and id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentsAnswer {
    /// The agents of this page.
    pub agents: Vec<AgentState>,
    /// How many there are altogether, as far as the request's filters go.
    pub total: u64,
    /// How many of those are well, behind, silent and failing.
    pub health: HealthCounts,
    /// Present if there are more: send it back to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Agents by health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCounts {
    /// Well.
    pub ok: u64,
    /// Behind with a file.
    pub lagging: u64,
    /// Without a report.
    pub silent: u64,
    /// Something keeps them from their work, or bytes were lost.
    pub error: u64,
}

/// How an agent is. The worst that holds, from last to first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentHealth {
    /// Every file is read and acked to about now.
    #[default]
    Ok,
    /// A file is behind by more than `server.lag_tolerance`.
    Lagging,
    /// A file cannot be read, checkpoints cannot be written, or something was lost since its start.
    Error,
    /// No report for `server.agent_timeout`.
    Silent,
}

impl AgentHealth {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Lagging => "lagging",
            Self::Error => "error",
            Self::Silent => "silent",
        }
    }
}

/// One agent. Counts of records, batches and losses begin with its process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentState {
    /// Its id.
    pub agent: String,
    /// Its host's name.
    pub host: String,
    /// Its program's version; empty if it has not reported since this collector's start.
    pub version: String,
    /// What it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<AgentMachine>,
    /// How it is.
    pub health: AgentHealth,
    /// Why, unless it is well: one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was started (RFC 3339, by its own clock).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When its last report came (RFC 3339, by our clock); if there was none since this collector's
    /// start, when the last of its lines was published.
    pub last_seen: String,
    /// Files it follows.
    pub files: u64,
    /// Those behind by more than `server.lag_tolerance`.
    pub files_behind: u64,
    /// Those that cannot be read.
    pub files_failed: u64,
    /// Files that match and are left out on purpose: binary, compressed, too old.
    pub files_left_out: u64,
    /// Bytes in its files that are not acked.
    pub lag_bytes: u64,
    /// For how long the file that is most behind has been, in seconds.
    pub lag_seconds: f64,
    /// Bytes it reads a second, lately.
    pub rate_bytes_per_second: f64,
    /// Records read.
    pub records_read: u64,
    /// Records acked.
    pub records_acked: u64,
    /// Batches sent or waiting, without a verdict.
    pub batches_pending: u64,
    /// Bytes that were gone before they were read.
    pub lost_bytes: u64,
    /// Records refused for good, kept by the agent under `dead-letter`.
    pub dead_letter_records: u64,
    /// Files held open.
    pub open_files: u64,
}

/// What an agent runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMachine {
    /// Such as `linux`.
    pub os: String,
    /// Such as `x86_64`.
    pub arch: String,
    /// The kernel's release.
    pub kernel: String,
    /// Processors it may use.
    pub cpus: u32,
}

/// The answer of `GET /api/v1/agents/{id}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentAnswer {
    /// The agent.
    #[serde(flatten)]
    pub agent: AgentState,
    /// The files most behind, at most ten.
    pub most_behind: Vec<AgentFile>,
    /// Its files in the order of their paths, a page of them.
    pub file_list: Vec<AgentFile>,
    /// Files left out on purpose, at most 1,000, with the reason as `error`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<AgentFile>,
    /// Present if there are more files: send it back to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// One file of an agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AgentFile {
    /// Its path.
    pub path: String,
    /// Its present life; absent while it is empty or unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// Bytes read.
    pub read: u64,
    /// Bytes acked.
    pub acked: u64,
    /// Bytes in the file when it was last looked at.
    pub end: u64,
    /// When its end was last seen with everything before it read (RFC 3339, by the agent's clock).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_to_end_at: Option<String>,
    /// Bytes not acked.
    pub lag_bytes: u64,
    /// For how long it has been behind, in seconds.
    pub lag_seconds: f64,
    /// Bytes read a second, lately.
    pub rate_bytes_per_second: f64,
    /// Bytes that were gone before they were read, since the agent's start.
    pub lost_bytes: u64,
    /// Why it is not read, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
