//! `kind = "silence"`: a host, an agent or a file says nothing any more, and why.

use serde::{Deserialize, Serialize};

use super::Fault;
use super::check::{TEXTS_MAX, texts};

/// Something of which nothing came for a window, and what the agents' reports and the ledger say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// What must not be silent.
    pub of: SilenceOf,
    /// Of these hosts, `*` standing for anything; all unless said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Of these files, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Hosts that must be there though they were never seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<String>,
    /// The causes that are told; all but a host that was decommissioned unless said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
}

/// What may fall silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceOf {
    /// A host: no line of any of its files.
    Host,
    /// An agent: no report, and no line.
    Agent,
    /// A file.
    File,
}

/// Why something is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Its agent does not report.
    AgentDown,
    /// It is expected, and was never seen.
    NeverSeen,
    /// Its agent reports, and the file is read to its end: nothing was written.
    FileIdle,
    /// Its agent reports, and the file is not there any more: rotated away or deleted, and no other of
    /// its path came after it.
    FileGone,
    /// Its agent reads new lines, and rules drop them.
    DroppedByRule,
    /// Its agent cannot read it.
    Unreadable,
    /// Its agent has read lines that have not arrived.
    NotArrived,
}

impl Cause {
    /// Its word, as in files, answers and the label `cause`.
    pub fn word(self) -> &'static str {
        match self {
            Self::AgentDown => "agent_down",
            Self::NeverSeen => "never_seen",
            Self::FileIdle => "file_idle",
            Self::FileGone => "file_gone",
            Self::DroppedByRule => "dropped_by_rule",
            Self::Unreadable => "unreadable",
            Self::NotArrived => "not_arrived",
        }
    }
}

impl Silence {
    pub(super) fn check(&self) -> Result<(), Fault> {
        texts("condition.hosts", &self.hosts)?;
        texts("condition.paths", &self.paths)?;
        texts("condition.expect", &self.expect)?;
        if self.of != SilenceOf::File && !self.paths.is_empty() {
            return Err(Fault::new(
                "condition.paths",
                "only files have paths: leave it out, or say of = \"file\"",
            ));
        }
        if self.of == SilenceOf::File && !self.expect.is_empty() {
            return Err(Fault::new(
                "condition.expect",
                "hosts are expected, not files: leave it out, or say of = \"host\"",
            ));
        }
        let all = self.hosts.len() + self.paths.len() + self.expect.len();
        if all > TEXTS_MAX {
            let what = format!("{all} hosts and paths are more than {TEXTS_MAX}: use `*`");
            return Err(Fault::new("condition.hosts", what));
        }
        Ok(())
    }

    /// Whether a cause is told.
    pub fn tells(&self, cause: Cause) -> bool {
        self.causes.is_empty() || self.causes.contains(&cause)
    }
}
