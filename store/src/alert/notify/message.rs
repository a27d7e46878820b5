//! What is told, as it lies in the outbox. How it looks is decided when it is sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use timberline_proto::alert::{AlertState, Transition};

/// Why there is a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Something is firing that was not told.
    Firing,
    /// What was told is resolved.
    Resolved,
    /// What was told still holds.
    Repeat,
    /// Nobody has taken it up.
    Escalation,
    /// Messages that the target's rate held back, in one.
    Summary,
    /// Somebody tries whether it arrives.
    Test,
    /// The alerting itself does not work.
    Trouble,
}

impl MessageKind {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Repeat => "repeat",
            Self::Escalation => "escalation",
            Self::Summary => "summary",
            Self::Test => "test",
            Self::Trouble => "trouble",
        }
    }
}

/// A message to one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The same at each try: by it the receiver recognises a repeat.
    pub key: String,
    /// Why.
    pub kind: MessageKind,
    /// To whom.
    pub target: String,
    /// Names what is told together: route and labels. The same in all messages of a group.
    pub group_key: String,
    /// The labels by which it is told together.
    pub group_labels: BTreeMap<String, String>,
    /// When it was decided, nanoseconds since the epoch.
    pub created_nanos: i64,
    /// What it tells of; those that are firing first. At most `alerts.message_incidents_max`.
    pub incidents: Vec<ToldIncident>,
    /// Those that are firing, also beyond what is in `incidents`.
    pub firing_total: u64,
    /// Those that are resolved, likewise.
    pub resolved_total: u64,
    /// Of a summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldSummary>,
    /// Of a test or trouble: what is to be said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl Message {
    /// Whether something that it tells of is firing.
    pub fn is_firing(&self) -> bool {
        self.firing_total > 0 || matches!(self.kind, MessageKind::Test | MessageKind::Summary)
    }

    /// Ids of the incidents that it tells in full.
    pub fn incident_ids(&self) -> Vec<String> {
        self.incidents.iter().map(|told| told.id.clone()).collect()
    }
}

/// An incident as a message tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToldIncident {
    /// Its id.
    pub id: String,
    /// How it is: `firing`, `no_data`, `error` or `resolved`.
    pub state: AlertState,
    /// What made it so: the last verdict while it was active.
    pub transition: Transition,
    /// What ended it.
    pub resolved: Option<Box<Transition>>,
    /// Who has taken it up.
    pub acknowledged_by: Option<String>,
    /// Who is to look at it.
    pub assigned: Option<String>,
}

/// What a target's rate held back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldSummary {
    /// Since when, nanoseconds since the epoch.
    pub since_nanos: i64,
    /// How many messages.
    pub messages: u64,
    /// What they told of, by id: each as it is now, in a line.
    pub incidents: BTreeMap<String, HeldIncident>,
    /// Incidents beyond those.
    pub incidents_more: u64,
}

/// An incident in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldIncident {
    /// The rule's name.
    pub name: String,
    /// The group's values.
    pub group: BTreeMap<String, String>,
    /// How it is.
    pub state: AlertState,
    /// The verdict as a sentence.
    pub reason: String,
}

/// 32 hexadecimal digits that follow from these parts.
pub fn key_of<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
