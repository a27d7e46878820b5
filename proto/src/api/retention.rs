//! How long data stays: policies, what they would remove, and legal holds.

use serde::{Deserialize, Serialize};

use super::dashboards::Fault;

/// The class of streams that no policy selects; the last policy of every set has its name.
pub const DEFAULT_CLASS: &str = "default";
/// Policies of a set at most.
pub const POLICIES_MAX: usize = 64;
/// Bytes of a policy's name, a case number or a name of a person at most.
const NAME_BYTES_MAX: usize = 64;
/// Bytes of a selector, a reason or a note at most.
const TEXT_BYTES_MAX: usize = 4096;

/// Rules in the order in which they are asked: a stream belongs to the first whose selector takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySet {
    /// The policies; the last is of the class [`DEFAULT_CLASS`] and selects everything that is left.
    pub policies: Vec<Policy>,
    /// While the file system is fuller than this, in percent, the oldest splits go, those of the last
    /// policy first. Never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_used_percent_max: Option<u8>,
}

/// How long the streams of one class stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its name, and that of its class.
    pub name: String,
    /// Which streams: a filter of the query language over attributes of streams and `topic`. Empty in
    /// the last policy only.
    #[serde(default)]
    pub select: String,
    /// Splits whose every row is older are deleted. Never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<u64>,
    /// Beyond so many bytes of files of the class its oldest splits are deleted. Never if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// As `bytes`, in percent of the file system that holds the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_percent: Option<u8>,
    /// Nobody deletes anything younger through Timberline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_seconds: Option<u64>,
    /// Why it is so: a law, a contract.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl PolicySet {
    /// With a last policy for what none selects.
    #[must_use]
    pub fn closed(mut self) -> Self {
        if self.policies.last().is_none_or(|last| last.name != DEFAULT_CLASS) {
            self.policies.push(Policy {
                name: DEFAULT_CLASS.to_owned(),
                ..Policy::default()
            });
        }
        self
    }

    /// What can be told without asking a stream. What a selector may say is checked by the store.
    ///
    /// # Errors
    /// The first key that is not what it may be.
    pub fn check(&self) -> Result<(), Fault> {
        if self.policies.len() > POLICIES_MAX {
            return fault("policies", format!("has more than {POLICIES_MAX} entries"));
        }
        percent("disk_used_percent_max", self.disk_used_percent_max)?;
        let last = self.policies.len().wrapping_sub(1);
        for (number, policy) in self.policies.iter().enumerate() {
            let place = |key: &str| format!("policies[{number}].{key}");
            policy_name(&place("name"), &policy.name)?;
            if self.policies[..number].iter().any(|other| other.name == policy.name) {
                return fault(place("name"), format!("{:?} is the name of two policies", policy.name));
            }
            let is_default = policy.name == DEFAULT_CLASS;
            if is_default != (number == last) {
                return fault(
                    place("name"),
                    format!("{DEFAULT_CLASS:?} is the name of the last policy, and only of that"),
                );
            }
            if is_default != policy.select.trim().is_empty() {
                let what = match is_default {
                    true => "must be empty: the last policy takes what no other does",
                    false => "is empty: say which streams, such as `service.name:payments`",
                };
                return fault(place("select"), what);
            }
            within(&place("select"), &policy.select, TEXT_BYTES_MAX)?;
            within(&place("note"), &policy.note, TEXT_BYTES_MAX)?;
            percent(&place("disk_percent"), policy.disk_percent)?;
            for (key, seconds) in [
                ("age_seconds", policy.age_seconds),
                ("minimum_seconds", policy.minimum_seconds),
            ] {
                if seconds.is_some_and(|seconds| seconds == 0 || seconds > SECONDS_MAX) {
                    return fault(
                        place(key),
                        format!("is not within 1 second and {} years", SECONDS_MAX / YEAR),
                    );
                }
            }
            if policy.bytes == Some(0) {
                return fault(place("bytes"), "is 0, which keeps nothing");
            }
            if let (Some(age), Some(minimum)) = (policy.age_seconds, policy.minimum_seconds)
                && age < minimum
            {
                return fault(
                    place("age_seconds"),
                    "is below minimum_seconds: nothing may be deleted before that",
                );
            }
        }
        Ok(())
    }
}

const YEAR: u64 = 365 * 86_400;
/// More does not fit nanoseconds beside today's date.
const SECONDS_MAX: u64 = 100 * YEAR;

fn fault(place: impl Into<String>, what: impl Into<String>) -> Result<(), Fault> {
    Err(Fault {
        place: place.into(),
        what: what.into(),
    })
}

fn within(place: &str, text: &str, bytes_max: usize) -> Result<(), Fault> {
    if text.len() > bytes_max {
        return fault(place, format!("is longer than {bytes_max} bytes"));
    }
    Ok(())
}

fn percent(place: &str, percent: Option<u8>) -> Result<(), Fault> {
    if percent.is_some_and(|percent| !(1..=99).contains(&percent)) {
        return fault(place, "is not within 1 and 99");
    }
    Ok(())
}

fn policy_name(place: &str, name: &str) -> Result<(), Fault> {
    let is_sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let begins = name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if !begins || name.len() > NAME_BYTES_MAX || !name.bytes().all(is_sound) {
        return fault(
            place,
            format!("{name:?} is no name: 1 to {NAME_BYTES_MAX} of a-z, 0-9, '.', '_', '-', a letter or digit first"),
        );
    }
    Ok(())
}

/// Where the policies in force come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicySource {
    /// The configuration's file.
    #[default]
    File,
    /// They were set through page, API or command line, and count until they are reset.
    Set,
}

/// The answer of `GET /api/v1/retention`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RetentionAnswer {
    /// Grows with each change.
    pub version: u64,
    /// Whose they are.
    pub source: PolicySource,
    /// When they were set, RFC 3339.
    pub since: String,
    /// What is in force.
    pub set: PolicySet,
    /// What the configuration's file says, if that is not in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PolicySet>,
    /// What is stored, in the order of the policies.
    pub classes: Vec<ClassState>,
    /// Splits with streams of several classes, which wait to be divided.
    pub mixed: Stored,
    /// The file system, if it could be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskState>,
    /// Why retention cannot make room, if it should and cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<String>,
}

/// The file system that holds the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskState {
    /// All of it, in bytes.
    pub bytes: u64,
    /// What is used of it, in bytes.
    pub used_bytes: u64,
}

/// Sums over splits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Splits.
    pub splits: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes of their lines.
    pub raw_bytes: u64,
    /// Bytes of their files.
    pub file_bytes: u64,
    /// Streams of which they hold something.
    pub streams: u64,
    /// Time of the oldest record, RFC 3339; empty without one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub oldest: String,
    /// Time of the newest.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub newest: String,
}

/// What is stored of a class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassState {
    /// Its name.
    pub class: String,
    /// Its splits.
    pub stored: Stored,
}

/// The body of `PUT /api/v1/retention`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionChange {
    /// The version that is to be replaced.
    pub version: u64,
    /// What is to be in force; what the configuration's file says if absent.
    #[serde(default)]
    pub set: Option<PolicySet>,
}

/// The body of `POST /api/v1/retention/preview`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// What would be in force; what is in force if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<PolicySet>,
}

/// What would be removed now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PreviewAnswer {
    /// The moment, RFC 3339.
    pub at: String,
    /// All that would be removed.
    pub removed: Stored,
    /// By class and cause, in the order in which they would go; the oldest splits first.
    pub removals: Vec<Removal>,
    /// What a policy would remove and something forbids.
    pub held_back: Vec<HeldBack>,
    /// Splits that would be divided before their streams can go by their own policies.
    pub mixed: Stored,
    /// Names of the streams of which something would go; the first of them.
    pub streams: Vec<String>,
}

/// Why a policy removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalCause {
    /// Every record is older than the policy's age.
    Age,
    /// The class holds more bytes than its policy says.
    Bytes,
    /// The file system is too full.
    Disk,
}

/// What one policy would remove for one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The class.
    pub class: String,
    /// Why.
    pub cause: RemovalCause,
    /// The same as a sentence.
    pub reason: String,
    /// How much.
    pub stored: Stored,
}

/// What forbids that something is deleted, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeper {
    /// A legal hold.
    Hold,
    /// A minimum retention.
    Minimum,
    /// It shares a split with streams of another class that stay longer, until the split is divided.
    Mixed,
}

/// What would be removed and is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// What forbids it.
    pub by: Keeper,
    /// The hold's case number, or the class whose minimum it is.
    pub name: String,
    /// The same as a sentence.
    pub reason: String,
    /// How much.
    pub stored: Stored,
    /// Up to when, at least, RFC 3339; a hold has no such moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// A former set of policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionVersion {
    /// Its number.
    pub version: u64,
    /// Since when, RFC 3339.
    pub since: String,
    /// Whose.
    pub source: PolicySource,
    /// From where it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What it said.
    pub set: PolicySet,
}

/// The answer of `GET /api/v1/retention/versions`, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionVersions {
    /// The versions.
    pub versions: Vec<RetentionVersion>,
}

/// A ready-made policy, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionTemplate {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub title: String,
    /// The text that it rests on.
    pub source: String,
    /// What that text asks, and what it leaves to whoever decides.
    pub says: String,
    /// The policy; its selector is to be filled in.
    pub policy: Policy,
}

/// The answer of `GET /api/v1/retention/templates`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionTemplates {
    /// The templates.
    pub templates: Vec<RetentionTemplate>,
}

/// The body of `POST /api/v1/holds`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    /// The number of the case.
    pub case: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// What is held: a filter of the query language; empty for all.
    #[serde(default)]
    pub select: String,
    /// The first moment that is held, RFC 3339; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The last moment; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl NewHold {
    /// What can be told without the language and the calendar.
    ///
    /// # Errors
    /// The first key that is not what it may be.
    pub fn check(&self) -> Result<(), Fault> {
        for (key, text, bytes_max) in [
            ("case", &self.case, NAME_BYTES_MAX),
            ("owner", &self.owner, NAME_BYTES_MAX),
            ("reason", &self.reason, TEXT_BYTES_MAX),
        ] {
            if text.trim().is_empty() {
                return fault(key, "is empty: a hold names its case, its owner and its reason");
            }
            within(key, text, bytes_max)?;
        }
        within("select", &self.select, TEXT_BYTES_MAX)
    }
}

/// A hold on record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldState {
    /// Its id.
    pub id: String,
    /// What was said.
    pub hold: NewHold,
    /// Since when, RFC 3339.
    pub created: String,
    /// From where it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// How it ended, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<HoldRelease>,
    /// What it touches now; nothing once it is released.
    pub stored: Stored,
}

/// The end of a hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRelease {
    /// When, RFC 3339.
    pub at: String,
    /// Who released it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// The answer of `GET /api/v1/holds`, those in force first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldsAnswer {
    /// The holds.
    pub holds: Vec<HoldState>,
}

/// The body of `POST /api/v1/holds/{id}/release`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// Who releases it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl ReleaseRequest {
    /// # Errors
    /// The first key that is not what it may be.
    pub fn check(&self) -> Result<(), Fault> {
        for (key, text, bytes_max) in [
            ("by", &self.by, NAME_BYTES_MAX),
            ("reason", &self.reason, TEXT_BYTES_MAX),
        ] {
            if text.trim().is_empty() {
                return fault(key, "is empty: a release names who, and why");
            }
            within(key, text, bytes_max)?;
        }
        Ok(())
    }
}
