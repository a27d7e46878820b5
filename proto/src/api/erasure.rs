//! Erasure: requests, previews, and the receipt that each ends with.

use serde::{Deserialize, Serialize};

use super::dashboards::Fault;

/// Bytes of a name or a number of a case at most.
const NAME_BYTES_MAX: usize = 200;
/// Bytes of a query, a subject or a reason at most.
const TEXT_BYTES_MAX: usize = 4096;

/// What is done with what a request names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureKind {
    /// Records go.
    #[default]
    Erase,
    /// Records stay, and values in them are replaced.
    Redact,
}

impl ErasureKind {
    /// As messages name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Erase => "erase",
            Self::Redact => "redact",
        }
    }
}

/// How far a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureState {
    /// Somebody else has to approve it.
    Waiting,
    /// It runs when those before it are through.
    #[default]
    Queued,
    /// It runs.
    Running,
    /// All is done but for what a hold or a minimum retention keeps; it goes on when that ends.
    Blocked,
    /// What was asked for is gone, and its text forgotten; freed pages are cleared and the receipt is made.
    Sealing,
    /// All is done.
    Final,
    /// Whoever had to approve it did not.
    Refused,
    /// Whoever asked for it took it back before anything was done.
    Cancelled,
}

impl ErasureState {
    /// As messages name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Blocked => "blocked",
            Self::Sealing => "sealing",
            Self::Final => "final",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it runs, or may once its turn comes.
    pub fn may_run(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Blocked | Self::Sealing)
    }

    /// Whether nothing more will happen to it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Final | Self::Refused | Self::Cancelled)
    }
}

/// The body of `POST /api/v1/erasures` and `POST /api/v1/erasures/preview`: one of `query` and `subject`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewErasure {
    /// What is done.
    #[serde(default)]
    pub kind: ErasureKind,
    /// Records that this search keeps (a filter of the query language, without pipes).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Records in which this word or phrase stands anywhere, or, as `field:value`, in this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Only records of this moment or later, RFC 3339 or a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only records up to this moment or day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// The number of the case.
    #[serde(default)]
    pub case: String,
    /// Of a redaction: fields whose values are replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Of a redaction: regexes whose matches are replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
}

impl NewErasure {
    /// What can be told without the language and the calendar; `complete`: reason and case must be there.
    ///
    /// # Errors
    /// The first key that is not what it may be.
    pub fn check(&self, complete: bool) -> Result<(), Fault> {
        let (query, subject) = (filled(self.query.as_ref()), filled(self.subject.as_ref()));
        match (query, subject) {
            (Some(_), Some(_)) => return fault("subject", "stands beside `query`: name one of them"),
            (None, None) => return fault("query", "is empty: name a query or a subject"),
            (Some(query), None) => within("query", query, TEXT_BYTES_MAX)?,
            (None, Some(subject)) => within("subject", subject, TEXT_BYTES_MAX)?,
        }
        within("reason", &self.reason, TEXT_BYTES_MAX)?;
        within("case", &self.case, NAME_BYTES_MAX)?;
        if complete && (self.reason.trim().is_empty() || self.case.trim().is_empty()) {
            return fault("reason", "or `case` is empty: an erasure names its case and its reason");
        }
        let is_redaction = self.kind == ErasureKind::Redact;
        let has_parts = !self.fields.is_empty() || !self.patterns.is_empty();
        if is_redaction && !has_parts && subject.is_none() {
            return fault(
                "fields",
                "is empty, and so is `patterns`: say what of the records is replaced",
            );
        }
        if !is_redaction && has_parts {
            return fault(
                "fields",
                "and `patterns` are of redactions: an erasure takes whole records",
            );
        }
        if self.fields.len() + self.patterns.len() > 100 {
            return fault("fields", "and `patterns` are more than 100");
        }
        for text in self.fields.iter().chain(&self.patterns) {
            if text.trim().is_empty() {
                return fault("fields", "or `patterns` holds an empty one");
            }
            within("fields", text, TEXT_BYTES_MAX)?;
        }
        Ok(())
    }
}

fn filled(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn fault<T>(key: &str, what: &str) -> Result<T, Fault> {
    Err(Fault {
        place: key.to_owned(),
        what: what.to_owned(),
    })
}

fn within(key: &str, text: &str, bytes_max: usize) -> Result<(), Fault> {
    if text.len() <= bytes_max {
        return Ok(());
    }
    fault(key, &format!("has {} bytes; {bytes_max} are allowed", text.len()))
}

/// Something that keeps records from being erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureBlocker {
    /// What it is, with its case or class.
    pub by: String,
    /// Splits that it keeps.
    pub splits: u64,
    /// Records in them that would go.
    pub records: u64,
}

/// The answer of `POST /api/v1/erasures/preview`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasurePreview {
    /// Records in splits and in memory that would go or be changed.
    pub records: u64,
    /// Splits that hold some of them.
    pub splits: u64,
    /// Records still in the queue, those in splits as well among them.
    pub queue_records: u64,
    /// The earliest of them, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<String>,
    /// The latest of them, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// Per topic: its records.
    pub topics: Vec<(String, u64)>,
    /// What keeps some of them for now.
    pub blocked: Vec<ErasureBlocker>,
    /// What people keep that has the text in it, which is theirs to change: it is left as it is.
    pub left: Vec<String>,
    /// Whether somebody else has to approve it.
    pub approval: bool,
}

/// A request on record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureStatus {
    /// Its id.
    pub id: String,
    /// What is done.
    pub kind: ErasureKind,
    /// How far it is.
    pub state: ErasureState,
    /// Query or subject as a keyed hash.
    pub hash: String,
    /// Whether it names a subject.
    pub is_subject: bool,
    /// The first moment that is meant, RFC 3339; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The last moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// The number of the case.
    pub case: String,
    /// Who asked for it.
    pub asked_by: String,
    /// When, RFC 3339.
    pub asked_at: String,
    /// Who approved, refused or cancelled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<String>,
    /// What it is at, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub step: String,
    /// Splits that were looked at in the present round.
    pub splits_done: u64,
    /// Of so many.
    pub splits_all: u64,
    /// Partitions of the queue that were gone through.
    pub partitions_done: u64,
    /// Of so many.
    pub partitions_all: u64,
    /// Records that are erased or changed so far, in splits.
    pub records: u64,
    /// What keeps the rest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<ErasureBlocker>,
    /// What went wrong last; it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When it was final, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_at: Option<String>,
}

/// The answer of `GET /api/v1/erasures`, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasuresAnswer {
    /// The requests.
    pub erasures: Vec<ErasureStatus>,
}

/// The body of `POST /api/v1/erasures/{id}/approve`, `/refuse` and `/cancel`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureDecision {
    /// Why, where somebody wants to say so.
    #[serde(default)]
    pub note: String,
}

impl ErasureDecision {
    /// # Errors
    /// A note that is too long.
    pub fn check(&self) -> Result<(), Fault> {
        within("note", &self.note, TEXT_BYTES_MAX)
    }
}

/// Records that went from a split, or that were changed there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptSplit {
    /// Its topic.
    pub topic: String,
    /// The split that held them.
    pub before: String,
    /// The one in its place; none if nothing was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many.
    pub records: u64,
    /// Whether they were changed, and stay.
    #[serde(default)]
    pub redacted: bool,
}

/// Records that went from a partition of the queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptQueue {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: u32,
    /// How many.
    pub records: u64,
    /// Every record below this offset was looked at.
    pub to: u64,
}

/// Rows of the catalog in which the text was replaced by its hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptTable {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
}

/// A backup that still holds what was erased.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptBackup {
    /// Where it is.
    pub directory: String,
    /// Its name.
    pub name: String,
    /// When it was made, RFC 3339.
    pub at: String,
}

/// What an erasure ends with. `signature` is over all the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureReceipt {
    /// Version of this form: 1.
    pub version: u32,
    /// The store's id.
    pub store: String,
    /// The request's id.
    pub id: String,
    /// What was done.
    pub kind: ErasureKind,
    /// Query or subject as a keyed hash.
    pub hash: String,
    /// Whether it named a subject.
    pub is_subject: bool,
    /// The first moment that was meant, RFC 3339; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The last moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// The number of the case.
    pub case: String,
    /// Who asked for it.
    pub asked_by: String,
    /// When, RFC 3339.
    pub asked_at: String,
    /// Who approved it, where somebody had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<String>,
    /// When it was done, RFC 3339.
    pub final_at: String,
    /// Records erased from splits, or changed in them.
    pub records: u64,
    /// Split by split.
    pub splits: Vec<ReceiptSplit>,
    /// Partition by partition.
    pub queue: Vec<ReceiptQueue>,
    /// Table by table.
    pub catalog: Vec<ReceiptTable>,
    /// What else was cleared.
    pub cleared: Vec<String>,
    /// Backups that still hold it; a restore of one carries this erasure out again.
    pub backups: Vec<ReceiptBackup>,
    /// What an erasure does not reach.
    pub not_covered: Vec<String>,
    /// The log of trees has the entries of this erasure among its first so many; 0 where integrity is off.
    pub log_entries: u64,
    /// The root of these entries, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_root: Option<String>,
    /// By which key it is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Ed25519, base64; none where integrity is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}
