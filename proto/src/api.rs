//! The HTTP API's messages, as JSON. The store writes them, the page and the command line read them.
//!
//! `POST /api/v1/query` answers with [`Frame`]s, one JSON object per line
//! (`Accept: application/x-ndjson`), or with one [`Answer`] (`Accept: application/json`).

pub mod access;
mod agents;
pub mod backups;
pub mod dashboards;
pub mod enrollment;
pub mod erasure;
mod explain;
mod ledger;
pub mod retention;
pub mod room;
mod saved;
pub mod topics;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::query::ast::Span;

pub use agents::{AgentAnswer, AgentFile, AgentHealth, AgentMachine, AgentState, AgentsAnswer, HealthCounts};
pub use explain::{Cause, CauseCode, ExplainAnswer, ExplainRequest, Way, WayRange};
pub use ledger::{GapTotal, LedgerAnswer, LedgerGap, LedgerSource, LedgerTotal, QueueGap};

/// The body of `POST /api/v1/query`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// A search with pipes, or SQL. Empty asks for every record.
    #[serde(default)]
    pub query: String,
    /// From this instant on: RFC 3339, epoch (s, ms, µs or ns by magnitude), or `now-15m`, `-15m`.
    /// Absent: no lower end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Up to, and without, this instant. Absent: no upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// At most so many rows. Absent: `query.rows_default`; above `query.rows_max` is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Go on where an earlier answer's [`End::cursor`] left off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Newest first unless said otherwise. Only for a search without pipes.
    #[serde(default)]
    pub direction: Direction,
    /// A name of the caller's choice by which `DELETE /api/v1/query/{id}` cancels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
}

/// In which order of time records come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Newest first.
    #[default]
    Backward,
    /// Oldest first.
    Forward,
}

/// One line of a streamed answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Frame {
    /// The columns of what follows; first of all, once. Absent for records.
    Schema {
        /// The columns.
        columns: Vec<Column>,
    },
    /// Records found, in order (a search without pipes).
    Records {
        /// The records.
        records: Vec<Record>,
    },
    /// Rows of a table (pipes or SQL): one JSON value per column.
    Rows {
        /// The rows.
        rows: Vec<Vec<Value>>,
    },
    /// How far the query is.
    Progress(Progress),
    /// How complete the answer is.
    Completeness(Completeness),
    /// The last frame of an answer that went well.
    End(End),
    /// The last frame of one that did not.
    Error(ApiError),
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type: `timestamp` (RFC 3339 text), `integer`, `number`, `boolean`, `text`, `map`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// One record of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `topic-partition-offset`.
    pub id: String,
    /// The record's time: RFC 3339, UTC, nanoseconds.
    pub timestamp: String,
    /// When the agent or receiver read it.
    pub observed: String,
    /// `trace`, `debug`, `info`, `warn`, `error`, `fatal`, or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// The line; bytes that are not UTF-8 are shown as U+FFFD.
    pub body: String,
    /// The line's bytes in base64, only where `body` does not show them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// The template's stable id, as hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Attributes of its stream: `host.name`, `service.name`, `log.file.path`, …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stream: BTreeMap<String, String>,
    /// Fields taken from the line, and the record's own attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
    /// Where the line stands in its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// Where a record's bytes stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The agent.
    pub agent: String,
    /// The file generation.
    pub generation: String,
    /// The first byte in the file.
    pub start: u64,
    /// Bytes in the file, line end included.
    pub length: u64,
}

/// The answer of `GET /api/v1/files`: the file generations of which something is held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FilesAnswer {
    /// By host and path, the latest first.
    pub files: Vec<FileGeneration>,
    /// Whether there are more than were asked for.
    pub truncated: bool,
    /// What could not be read: one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<String>,
}

/// One life of one file, and what is held of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileGeneration {
    /// Its id.
    pub generation: String,
    /// The agent that read it.
    pub agent: String,
    /// The queue's topic.
    pub topic: String,
    /// The host.
    pub host: String,
    /// The path under which it was first found.
    pub path: String,
    /// The first byte held.
    pub first_byte: u64,
    /// One past the last byte held.
    pub end: u64,
    /// Bytes held as records, line ends included.
    pub bytes: u64,
    /// Records.
    pub records: u64,
    /// No record is older (RFC 3339); exact to a page of the store.
    pub oldest: String,
    /// No record is newer (RFC 3339); likewise.
    pub newest: String,
    /// Bytes between the first and the last that are not held, at most 100 ranges. Absent if only
    /// reading can tell: ask for this generation alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Vec<ByteRange>>,
}

/// Bytes `from..to` of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByteRange {
    /// The first byte.
    pub from: u64,
    /// One past the last.
    pub to: u64,
}

/// How far a query is, and what it cost so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Splits of the catalog in range.
    pub splits_total: u64,
    /// Splits that time, stream or index ruled out whole.
    pub splits_skipped: u64,
    /// Pages in the splits that were looked at.
    pub pages_total: u64,
    /// Pages read.
    pub pages_read: u64,
    /// Rows whose line or field was tested.
    pub rows_scanned: u64,
    /// Rows that matched.
    pub rows_matched: u64,
    /// Milliseconds since the query began.
    pub elapsed_ms: f64,
}

/// Up to when an answer is complete.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Completeness {
    /// In one sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Every source is complete to here (RFC 3339); absent if nothing is known of any source, or
    /// one was never read to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_to: Option<String>,
    /// Sources (files) known.
    pub sources: u64,
    /// Sources complete to within `lag_tolerance` of now.
    pub sources_current: u64,
    /// Those are complete to here (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_to: Option<String>,
    /// What was acked to a sender before this instant is in the answer (RFC 3339), whether it came
    /// from a file or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_to: Option<String>,
    /// Bytes in files that agents know of and no collector has acked.
    #[serde(default)]
    pub lag_bytes: u64,
    /// Bytes known never to have been read before they were gone.
    #[serde(default)]
    pub lost_bytes: u64,
    /// Agents with sources here that have not reported lately.
    #[serde(default)]
    pub agents_silent: u64,
    /// Records in the queue that the store has not taken.
    pub queued_records: u64,
    /// The sources most behind, at most ten; `GET /api/v1/sources` has all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<SourceLag>,
    /// What could not be read: one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<String>,
}

/// One source that is behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceLag {
    /// The agent.
    #[serde(default)]
    pub agent: String,
    /// The host.
    pub host: String,
    /// The file.
    pub path: String,
    /// Bytes not yet acked.
    pub bytes: u64,
    /// Complete to here (RFC 3339): its end was seen then, and all before it is in the answer.
    /// Absent: never yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_to_end_at: Option<String>,
    /// Bytes known never to have been read.
    #[serde(default)]
    pub lost_bytes: u64,
    /// Whether its agent has reported lately.
    #[serde(default = "connected")]
    pub connected: bool,
    /// Its present life, if it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// Why it is not read, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What an answer without the word means.
fn connected() -> bool {
    true
}

/// The answer of `GET /api/v1/sources`: every file that an agent follows, those most behind first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourcesAnswer {
    /// The sources.
    pub sources: Vec<SourceLag>,
    /// How many there are.
    pub total: u64,
}

/// The answer of `GET /api/v1/splits`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitsAnswer {
    /// The splits, newest first.
    pub splits: Vec<SplitState>,
}

/// One split of the catalog.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitState {
    /// Its id; the file is `ID.split`.
    pub id: String,
    /// The topic of its records.
    pub topic: String,
    /// Records.
    pub records: u64,
    /// Bytes of the lines.
    pub raw_bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Time of the oldest record (RFC 3339).
    pub oldest: String,
    /// Time of the newest record (RFC 3339).
    pub newest: String,
    /// Merges behind it.
    pub level: u32,
    /// Why answers go without it, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<String>,
}

/// The end of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Rows returned.
    pub rows: u64,
    /// Present if there is more: send it back to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// What it cost.
    pub progress: Progress,
}

/// A whole answer in one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Columns, for a table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// Rows of a table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Vec<Value>>,
    /// Records, for a search without pipes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Record>,
    /// How complete it is.
    pub completeness: Completeness,
    /// How it ended.
    pub end: End,
}

/// An error's body; its HTTP status says whose fault it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// A stable word: `bad_query`, `bad_request`, `not_found`, `incomplete`, `conflict`, `limit`, `cancelled`, `timeout`,
    /// `forbidden`, `unavailable`, `internal`.
    pub code: String,
    /// A sentence that names the thing and the way out.
    pub message: String,
    /// The part of the query's text that it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// A text that could stand there instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// The body of `POST /api/v1/histogram`: records over time by severity, for a search's filter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistogramRequest {
    /// A search; its pipes are left out.
    #[serde(default)]
    pub query: String,
    /// See [`QueryRequest::from`]. Absent: the oldest record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// See [`QueryRequest::to`]. Absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// About how many bins; a round width is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bins: Option<u32>,
    /// See [`QueryRequest::query_id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
}

/// Its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HistogramAnswer {
    /// Start of the first bin, milliseconds since the epoch.
    pub start_ms: i64,
    /// A bin's width in milliseconds.
    pub width_ms: i64,
    /// Per bin, counts in the order none, trace, debug, info, warn, error, fatal.
    pub bins: Vec<[u64; 7]>,
    /// All of them together.
    pub total: u64,
    /// What it cost.
    pub progress: Progress,
    /// How complete it is.
    pub completeness: Completeness,
}

/// The body of `POST /api/v1/fields`: the fields of the records that a search's filter keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldsRequest {
    /// A search; its pipes are left out.
    #[serde(default)]
    pub query: String,
    /// See [`QueryRequest::from`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// See [`QueryRequest::to`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Only this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Top values per field; 10 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<u32>,
    /// See [`QueryRequest::query_id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
}

/// Its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldsAnswer {
    /// The fields, those of most records first.
    pub fields: Vec<FieldSummary>,
    /// Matching records looked at: all of them, or the newest `query.fields_sample_rows` where all
    /// would be too much.
    pub rows: u64,
    /// Whether that was all of them.
    pub exact: bool,
    /// Whether there are more fields than these, the 1,000 of most records.
    #[serde(default)]
    pub fields_capped: bool,
    /// What was left out, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<String>,
}

/// The records around one, in the order of its file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContextAnswer {
    /// The records, the one in the middle among them.
    pub records: Vec<Record>,
    /// What was left out, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<String>,
}

/// The answer of `GET /api/v1/context/find`: the next line of a file that holds a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FindAnswer {
    /// The line; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
    /// Records passed over.
    pub passed: u64,
    /// What was left out, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<String>,
}

/// One field in what was looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldSummary {
    /// Its name.
    pub name: String,
    /// Its types, most frequent first: `text`, `integer`, `number`, `boolean`.
    pub types: Vec<String>,
    /// Values of each type; a field with several is searched as each.
    #[serde(default)]
    pub type_counts: BTreeMap<String, u64>,
    /// The smallest of the values that are or read as numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Records that have it.
    pub count: u64,
    /// Distinct values among the records looked at; an estimate if `distinct_capped`.
    pub distinct: u64,
    /// Whether there are more values than are held (10,000 of a field, 32 MiB of all).
    pub distinct_capped: bool,
    /// The most frequent values, of those held: each with all of its records.
    pub top: Vec<ValueCount>,
}

/// A value and how often it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ValueCount {
    /// The value as text.
    pub value: String,
    /// Records.
    pub count: u64,
}

/// The answer of `GET /api/v1/export/{id}`: how far an export is, or how it ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExportAnswer {
    /// Its id.
    pub id: String,
    /// What it does.
    pub state: ExportState,
    /// Rows written so far.
    pub rows: u64,
    /// Bytes taken so far.
    pub bytes: u64,
    /// Milliseconds since it began, until it ended.
    pub elapsed_ms: f64,
    /// Why it broke off, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ApiError>,
}

/// What an export does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportState {
    /// It is written.
    #[default]
    Running,
    /// All of it was written.
    Done,
    /// Someone asked for its end, or nobody took it.
    Cancelled,
    /// It broke off.
    Failed,
}

/// The answer of `POST /api/v1/ingest`. Sent after the records are durable in the queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IngestAnswer {
    /// Records taken.
    pub accepted: u64,
}

/// The answer of `GET /api/v1/status`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// Where its data is.
    pub data_dir: String,
    /// Records stored.
    pub records: u64,
    /// Bytes of the lines stored.
    pub raw_bytes: u64,
    /// Bytes of splits on disk.
    pub disk_bytes: u64,
    /// Splits.
    pub splits: u64,
    /// Time of the oldest record (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<String>,
    /// Time of the newest record (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// Why the process does not take records or questions, if it does not; what `/readyz` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_ready: Option<String>,
    /// Memory that the process has, in bytes, where the system says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Bytes free on the disk of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_free_bytes: Option<u64>,
    /// From where the store takes its records, if not from a queue in the same process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collector: Option<String>,
    /// How complete the store is.
    pub completeness: Completeness,
}
