//! What can be set of the journal.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use timberline_queue::receive::{Listener, Protocol, Transport};

use crate::config::StartAt;

/// How the journal is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournaldConfig {
    /// The program that exports it.
    pub program: PathBuf,
    /// Where the journal lies, if not in the system's place.
    pub directory: Option<PathBuf>,
    /// Units whose entries are read; all if empty.
    pub units: Vec<String>,
    /// Further matches, such as `_TRANSPORT=kernel`; see journalctl(1).
    pub matches: Vec<String>,
    /// Where it is begun at the very first start.
    pub start_at: StartAt,
    /// The queue's topic.
    pub topic: String,
    /// More attributes; they win over those that entries name.
    pub attributes: BTreeMap<String, String>,
}

impl Default for JournaldConfig {
    fn default() -> Self {
        Self {
            program: "journalctl".into(),
            directory: None,
            units: Vec::new(),
            matches: Vec::new(),
            start_at: StartAt::Head,
            topic: "logs".into(),
            attributes: BTreeMap::new(),
        }
    }
}

impl JournaldConfig {
    /// What receives its records.
    pub(super) fn listener(&self) -> Listener {
        Listener {
            protocol: Protocol::Lines,
            transport: Transport::Feed,
            listen: super::NAME.into(),
            topic: self.topic.clone(),
            attributes: self.attributes.clone(),
            ..Listener::default()
        }
    }

    /// The program's arguments.
    pub(super) fn arguments(&self, after_cursor: Option<&str>) -> Vec<String> {
        let mut arguments: Vec<String> = ["--follow", "--output=export", "--all", "--no-pager"]
            .map(String::from)
            .into();
        match (after_cursor, self.start_at) {
            (Some(cursor), _) => arguments.extend(["--no-tail".into(), format!("--after-cursor={cursor}")]),
            (None, StartAt::Head) => arguments.push("--no-tail".into()),
            (None, StartAt::Tail) => arguments.push("--lines=0".into()),
        }
        arguments.extend(
            self.directory
                .iter()
                .map(|dir| format!("--directory={}", dir.display())),
        );
        arguments.extend(self.units.iter().map(|unit| format!("--unit={unit}")));
        arguments.extend(self.matches.iter().cloned());
        arguments
    }
}
