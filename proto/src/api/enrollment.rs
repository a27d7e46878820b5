//! Messages below `/api/v1/agents` about tokens, and about machines that enrolled with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The body of `POST /api/v1/agents/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewToken {
    /// `agent` or `store`.
    pub role: String,
    /// How many machines may enroll with it.
    pub uses: u32,
    /// For how long, seconds.
    pub ttl_s: u64,
    /// What is known of the machines that enroll with it.
    pub labels: BTreeMap<String, String>,
}

impl Default for NewToken {
    fn default() -> Self {
        Self {
            role: "agent".to_owned(),
            uses: 1,
            ttl_s: 3600,
            labels: BTreeMap::new(),
        }
    }
}

/// The answer: the one time that the token's text is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedToken {
    /// What is handed to the machine.
    pub token: String,
    /// The token as it is listed from now on.
    #[serde(flatten)]
    pub info: TokenInfo,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Which one, hexadecimal.
    pub id: String,
    /// `agent` or `store`.
    pub role: String,
    /// `valid`, `used up`, `expired`, `revoked`.
    pub state: String,
    /// How many machines may still enroll with it.
    pub uses_left: u32,
    /// How many might at first.
    pub uses: u32,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339.
    pub expires: String,
    /// What is known of the machines that enroll with it.
    pub labels: BTreeMap<String, String>,
}

/// The answer of `GET /api/v1/agents/tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenList {
    /// The newest first.
    pub tokens: Vec<TokenInfo>,
}

/// A machine that enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineInfo {
    /// The agent's id, or the store's.
    pub id: String,
    /// `agent` or `store`.
    pub role: String,
    /// `valid`, `expired`, `revoked`, `allowed` (to enroll with a new key).
    pub state: String,
    /// Its name when it enrolled.
    pub host: String,
    /// What the token said of it.
    pub labels: BTreeMap<String, String>,
    /// RFC 3339.
    pub enrolled: String,
    /// When its newest certificate ends, RFC 3339.
    pub expires: String,
    /// The serial number of its newest certificate, hexadecimal.
    pub serial: String,
    /// Connections that it has open now.
    pub connections: u32,
}

/// The answer of `GET /api/v1/agents/enrolled`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineList {
    /// By role and id.
    pub machines: Vec<MachineInfo>,
}

/// Who did what with tokens and machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollmentAct {
    /// When, RFC 3339.
    pub at: String,
    /// Who: `operator`, or `agent ID`, `store ID`.
    pub actor: String,
    /// From which address, if the actor came from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// `token.create`, `token.revoke`, `machine.enroll`, `machine.renew`, `machine.revoke`, `machine.allow`.
    pub action: String,
    /// To which token or machine.
    pub object: String,
    /// `ok`, or why not.
    pub outcome: String,
}

/// The answer of `GET /api/v1/agents/audit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollmentAudit {
    /// The newest first: of operators and of machines, 1,000 each.
    pub acts: Vec<EnrollmentAct>,
    /// Who was refused, counted; the newest first.
    #[serde(default)]
    pub refusals: Vec<EnrollmentRefusals>,
}

/// How often one address was refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollmentRefusals {
    /// An address, a network of IPv6, or `elsewhere` for those that are not told apart any more.
    pub origin: String,
    /// Why.
    pub why: String,
    /// How often.
    pub count: u64,
    /// When first, RFC 3339.
    pub first: String,
    /// When last, RFC 3339.
    pub last: String,
}

/// The body of `POST /api/v1/agents/config`: a configuration for a group of machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroupConfig {
    /// The machines with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// TOML: `[agent]` with `tail`, `exclude`, `files`, `rules`, `attributes`. Empty: their own again.
    pub toml: String,
    /// On how many machines it is tried first.
    #[serde(default = "one")]
    pub first: u32,
    /// How long they, and then all, are watched, seconds.
    #[serde(default = "minute")]
    pub wait_s: u64,
}

fn one() -> u32 {
    1
}

fn minute() -> u64 {
    60
}

/// A group of machines and what it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInfo {
    /// Its labels, `name=value,…`.
    pub group: String,
    /// What it runs; 0: each machine its own.
    pub version: u64,
    /// What is on trial, if something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_version: Option<u64>,
    /// How far the trial is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<String>,
    /// How the last trial ended.
    pub last: String,
    /// Some of the machines that gave a version up or put it off.
    pub failures: Vec<GroupFailure>,
    /// The configuration that it runs.
    pub toml: String,
}

/// Why a machine gave a version up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFailure {
    /// The machine.
    pub id: String,
    /// What it gave up.
    pub version: u64,
    /// In its own words.
    pub why: String,
    /// Whether it tries again by itself.
    #[serde(default)]
    pub passing: bool,
}

/// The answer of `GET /api/v1/agents/config`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupList {
    /// By their labels.
    pub groups: Vec<GroupInfo>,
}
