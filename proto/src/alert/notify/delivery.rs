//! Targets of notifications, and what became of each message.

use serde::{Deserialize, Serialize};

/// A target of the configuration, without its secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetAnswer {
    /// Its name.
    pub name: String,
    /// `email`, `webhook`, `slack`, `teams`, `pagerduty`, `alertmanager`, `amqp` or `command`.
    pub kind: String,
    /// To where, as far as that is no secret: a host, addresses, a program's name.
    pub address: String,
    /// Messages that wait for it.
    pub waiting: u64,
    /// Messages that it took, since the start.
    pub delivered: u64,
    /// Messages that were given up, since the start.
    pub failed: u64,
    /// Since when each try has failed, RFC 3339.
    pub failing_since: Option<String>,
    /// Why the last try failed; until one succeeds.
    pub error: Option<String>,
}

/// `GET /api/v1/alerts/targets`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetsAnswer {
    /// By name.
    pub targets: Vec<TargetAnswer>,
}

/// What became of a test message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetTestAnswer {
    /// Whether the target took it.
    pub delivered: bool,
    /// What the target answered, or why it could not be asked.
    pub answer: String,
    /// How long that took.
    pub took_ms: u64,
}

/// A message and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its place in the outbox; grows.
    pub id: u64,
    /// The key by which the receiver recognises a repeat.
    pub key: String,
    /// To which target.
    pub target: String,
    /// `firing`, `resolved`, `repeat`, `escalation`, `summary`, `test` or `trouble`.
    pub kind: String,
    /// What it is about, in a line.
    pub title: String,
    /// When it was put into the outbox, RFC 3339.
    pub created: String,
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    /// Tries so far.
    pub attempts: u64,
    /// When it is tried next, RFC 3339, if it waits.
    pub next_attempt: Option<String>,
    /// Ids of the incidents that it tells of.
    pub incidents: Vec<String>,
    /// The last tries, oldest first.
    pub tries: Vec<DeliveryTry>,
}

/// One try.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryTry {
    /// When, RFC 3339.
    pub at: String,
    /// `delivered`, `again` (it will be tried again) or `refused` (it will not).
    pub outcome: String,
    /// What the receiver answered, cut, or why it could not be asked.
    pub answer: String,
    /// How long it took.
    pub took_ms: u64,
}

/// `GET /api/v1/alerts/deliveries`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveriesAnswer {
    /// The newest first.
    pub deliveries: Vec<Delivery>,
    /// `before` for the next page, if there may be more.
    pub before: Option<u64>,
}
