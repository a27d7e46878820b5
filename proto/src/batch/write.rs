//! Encoding: records in, one batch's bytes out.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{AttributeValue, Dropped};
use crate::id::{AgentId, GenerationId};

/// What holds for every record of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchMeta {
    /// The stream's attributes; its id is derived from them.
    pub stream: BTreeMap<String, String>,
    /// The agent, if the sender has an identity.
    pub agent: Option<AgentId>,
    /// The generation, if the lines come from a file.
    pub generation: Option<GenerationId>,
    /// Bytes `start..end` of that file.
    pub range: (u64, u64),
    /// Length of the usual line end, 1 or 2.
    pub eol_bytes: u8,
    /// When the batch was read, nanoseconds since the epoch.
    pub observed_nanos: i64,
    /// What identifies the file, as a JSON object; with the first batch of a generation.
    pub file: Option<serde_json::Value>,
    /// Bytes of the range that became no record.
    pub dropped: Vec<Dropped>,
}

/// Collects records into one batch. Reusable: [`finish`](Self::finish) leaves it empty.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    // for the implementer
}

impl BatchBuilder {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds a line. `place` is its start and source length in the file (line end included), and
    /// costs bytes only where it does not follow from the record before. `parsed` says whether
    /// `time_nanos` was found in the line; `observed_nanos` only if other than the batch's.
    pub fn push(&mut self, _record: &NewRecord<'_>) {
        todo!()
    }
    /// Records so far.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    /// Bytes of lines so far.
    pub fn line_bytes(&self) -> usize {
        todo!()
    }
    /// The batch: zstd at `level`, CRC-32C, base offset 0, producer id −1. A builder without
    /// records gives a marker batch (one record, null value) that carries the range.
    pub fn finish(&mut self, _meta: &BatchMeta, _level: i32) -> Bytes {
        todo!()
    }
}

/// One record to add.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewRecord<'a> {
    /// Its time, nanoseconds since the epoch.
    pub time_nanos: i64,
    /// Whether the time was found in the line (else it is the time of observation).
    pub time_parsed: bool,
    /// When it was read, if other than the batch's.
    pub observed_nanos: Option<i64>,
    /// The line, without its end.
    pub line: &'a [u8],
    /// First byte in the file and bytes there, line end included.
    pub place: Option<(u64, u32)>,
    /// Index, and whether it is the last, of a part of a long line.
    pub part: Option<(u32, bool)>,
    /// Attributes that are not in the line.
    pub attributes: &'a [(String, AttributeValue)],
}
