//! Why a search found nothing.

use serde::{Deserialize, Serialize};

/// The body of `POST /api/v1/explain`: a search that found nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    /// The search; of its pipes only `where` right behind it counts.
    #[serde(default)]
    pub query: String,
    /// See [`QueryRequest::from`](super::QueryRequest::from).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// See [`QueryRequest::to`](super::QueryRequest::to).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExplainAnswer {
    /// What may be the cause, the likeliest first: what was found for this very search, then what may
    /// keep any record away.
    pub causes: Vec<Cause>,
    /// Whether all was looked at that could be a cause; false if `query.explain_time_limit` was over.
    pub complete: bool,
    /// Milliseconds that it took.
    pub elapsed_ms: f64,
}

/// One cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Which.
    pub code: CauseCode,
    /// A sentence for a person.
    pub message: String,
    /// Records that it is about, where they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// What can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
}

/// What keeps records out of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseCode {
    /// They arrived in the range, but their own times are outside of it.
    ClockSkew,
    /// They are outside the range.
    OutsideRange,
    /// A word stands only within longer ones.
    WordCut,
    /// The words of a phrase stand apart.
    PhraseApart,
    /// No record has the field.
    NoSuchField,
    /// One condition leaves all of them out.
    OneTerm,
    /// Retention deleted records of this time.
    Expired,
    /// Splits cannot be read.
    Damaged,
    /// They wait in the queue.
    Queued,
    /// An agent does not report.
    AgentOffline,
    /// A file cannot be read.
    FileUnread,
    /// Agents hold what no collector has acked.
    Unshipped,
    /// The collector refused records for good.
    DeadLetters,
    /// A rule of an agent dropped lines.
    DroppedByRule,
    /// Bytes were gone before they were read.
    Lost,
    /// Nothing is stored at all.
    NothingStored,
}

/// A way out: another question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Way {
    /// What it does, as the label of a button.
    pub label: String,
    /// The query to ask; the same if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The range to ask; the same if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<WayRange>,
    /// Where to look instead: `pipeline` or `ledger`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// A range of time; an end that is absent is open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayRange {
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}
