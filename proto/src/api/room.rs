//! What takes the room of the store: its splits by what their bytes hold and whose they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The answer of `GET /api/v1/store/room`.
///
/// What the footers of splits say is exact: [`parts`](Self::parts), [`topics`](Self::topics),
/// [`levels`](Self::levels), and every sum. Streams and patterns share the pages in which they stand, whose
/// bytes are divided among them by estimate; fields are those of a sample of pages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoomAnswer {
    /// Splits.
    pub splits: u64,
    /// All of them together.
    pub total: RoomSums,
    /// Those of them that cannot be read: they count in `total`, `topics` and `levels` alone.
    pub unread: RoomSums,
    /// Bytes of the files by what they hold: `file_bytes` of `total` without `unread`. In the order of a file.
    pub parts: Vec<RoomPart>,
    /// By topic.
    pub topics: Vec<RoomTopic>,
    /// By merges behind them.
    pub levels: Vec<RoomLevel>,
    /// What waits to be merged; absent where nobody merges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merges: Option<RoomMerges>,
    /// By stream, those that take most first.
    pub streams: Vec<RoomStream>,
    /// Streams that are not named.
    pub streams_others: RoomSums,
    /// By pattern, those that take most first.
    pub patterns: Vec<RoomPattern>,
    /// Patterns that are not named.
    pub patterns_others: RoomSums,
    /// Bytes of the files that are of no stream and no pattern: templates, indexes, summaries, footers.
    pub shared_file_bytes: u64,
    /// By field.
    pub fields: RoomFields,
    /// What could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<String>,
    /// Milliseconds that it took; 0 if it was known from before.
    pub elapsed_ms: f64,
}

/// What some records take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSums {
    /// Records.
    pub records: u64,
    /// Bytes of their lines.
    pub raw_bytes: u64,
    /// Bytes on disk.
    pub file_bytes: u64,
}

impl std::ops::AddAssign for RoomSums {
    fn add_assign(&mut self, more: Self) {
        self.records += more.records;
        self.raw_bytes += more.raw_bytes;
        self.file_bytes += more.file_bytes;
    }
}

/// A part of the splits' files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPart {
    /// `templates`, `core`, `text`, `provenance`, `attributes`, `index`, `summary` or `footer`.
    pub name: String,
    /// Bytes on disk.
    pub file_bytes: u64,
}

/// The splits of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomTopic {
    /// Its name.
    pub name: String,
    /// Splits.
    pub splits: u64,
    /// What they take.
    #[serde(flatten)]
    pub sums: RoomSums,
    /// Time of the oldest record (RFC 3339).
    pub oldest: String,
    /// Time of the newest record (RFC 3339).
    pub newest: String,
}

/// The splits with so many merges behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomLevel {
    /// Merges; 0 as written from the queue.
    pub level: u32,
    /// Splits.
    pub splits: u64,
    /// What they take.
    #[serde(flatten)]
    pub sums: RoomSums,
}

/// What waits to be merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomMerges {
    /// Merges that are planned.
    pub merges: u64,
    /// Splits that they join.
    pub splits: u64,
    /// What these take.
    #[serde(flatten)]
    pub sums: RoomSums,
}

/// The records of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomStream {
    /// The topic.
    pub topic: String,
    /// What tells it from others.
    pub attributes: BTreeMap<String, String>,
    /// What they take, by estimate.
    #[serde(flatten)]
    pub sums: RoomSums,
}

/// The records of a pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomPattern {
    /// The template's id, hexadecimal.
    pub template: String,
    /// Its text, with `<*>` for what differs, cut if it is long.
    pub pattern: String,
    /// What they take, by estimate.
    #[serde(flatten)]
    pub sums: RoomSums,
}

/// Fields of lines of JSON and logfmt, in a sample of pages, scaled to all that is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomFields {
    /// Pages that were read.
    pub pages_read: u64,
    /// Of so many.
    pub pages: u64,
    /// Whether every line was looked at: then the numbers are no estimates.
    pub exact: bool,
    /// Those that take most first.
    pub fields: Vec<RoomField>,
    /// Bytes of names and values of fields that are not named.
    pub others_bytes: u64,
    /// Bytes of lines that are in no field: text, signs between fields.
    pub outside_bytes: u64,
}

/// A field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomField {
    /// Its name.
    pub name: String,
    /// Lines that have it.
    pub records: u64,
    /// Bytes of its name in them.
    pub name_bytes: u64,
    /// Bytes of its values, without escapes.
    pub value_bytes: u64,
}

impl RoomField {
    /// Of name and values.
    pub fn bytes(&self) -> u64 {
        self.name_bytes + self.value_bytes
    }
}
