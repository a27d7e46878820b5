//! Rows by column.

use std::sync::Arc;

use timberline_proto::batch::AttributeValue;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::line::Severity;

use super::Stream;

/// Where a line's bytes stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The agent.
    pub agent: AgentId,
    /// The generation.
    pub generation: GenerationId,
    /// The first byte.
    pub start: u64,
    /// Bytes in the file, line end included.
    pub source_bytes: u32,
}

/// One row, borrowed: what is pushed into a [`RowBlock`] and read out of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// Its time, nanoseconds since the epoch.
    pub time_nanos: i64,
    /// Whether that was found in the line.
    pub time_parsed: bool,
    /// When it was read, nanoseconds.
    pub observed_nanos: i64,
    /// The queue partition.
    pub partition: u32,
    /// Its offset there. (time, partition, offset) is the total order.
    pub offset: u64,
    /// How bad.
    pub severity: Severity,
    /// Its template's stable id; 0 until the split that holds it is written.
    pub template: u64,
    /// Its stream.
    pub stream: &'a Arc<Stream>,
    /// The line.
    pub line: &'a [u8],
    /// Where it stands in its file, if it comes from one.
    pub place: Option<Place>,
    /// Index and last, if it is a part of a long line.
    pub part: Option<(u32, bool)>,
    /// Attributes that are not in the line.
    pub attributes: &'a [(String, AttributeValue)],
}

/// Rows by column. Push in any order; read by index.
#[derive(Clone, Debug, Default)]
pub struct RowBlock {
    time_nanos: Vec<i64>,
    time_parsed: Vec<bool>,
    observed_nanos: Vec<i64>,
    partition: Vec<u32>,
    offset: Vec<u64>,
    severity: Vec<Severity>,
    template: Vec<u64>,
    streams: Vec<Arc<Stream>>,
    stream: Vec<u32>,
    line_ends: Vec<usize>,
    lines: Vec<u8>,
    place: Vec<Option<Place>>,
    part: Vec<Option<(u32, bool)>>,
    attributes: Vec<Box<[(String, AttributeValue)]>>,
}

impl RowBlock {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }
    /// Rows.
    pub fn len(&self) -> usize {
        self.time_nanos.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.time_nanos.is_empty()
    }
    /// Bytes of all lines.
    pub fn line_bytes(&self) -> usize {
        self.lines.len()
    }
    /// The times.
    pub fn times(&self) -> &[i64] {
        &self.time_nanos
    }
    /// The offsets.
    pub fn offsets(&self) -> &[u64] {
        &self.offset
    }
    /// The severities.
    pub fn severities(&self) -> &[Severity] {
        &self.severity
    }
    /// The streams that rows refer to by [`stream_index`](Self::stream_index).
    pub fn streams(&self) -> &[Arc<Stream>] {
        &self.streams
    }
    /// Which of [`streams`](Self::streams) a row belongs to.
    pub fn stream_index(&self, row: usize) -> usize {
        self.stream[row] as usize
    }
    /// A row's line.
    pub fn line(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.line_ends[row - 1] };
        &self.lines[start..self.line_ends[row]]
    }
    /// One row.
    pub fn row(&self, row: usize) -> Row<'_> {
        Row {
            time_nanos: self.time_nanos[row],
            time_parsed: self.time_parsed[row],
            observed_nanos: self.observed_nanos[row],
            partition: self.partition[row],
            offset: self.offset[row],
            severity: self.severity[row],
            template: self.template[row],
            stream: &self.streams[self.stream[row] as usize],
            line: self.line(row),
            place: self.place[row],
            part: self.part[row],
            attributes: &self.attributes[row],
        }
    }
    /// All rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.len()).map(|row| self.row(row))
    }
    /// Adds a row, copying what it borrows. Streams are found again by pointer first, then by id.
    pub fn push(&mut self, row: &Row<'_>) {
        let stream = self.intern(row.stream);
        self.time_nanos.push(row.time_nanos);
        self.time_parsed.push(row.time_parsed);
        self.observed_nanos.push(row.observed_nanos);
        self.partition.push(row.partition);
        self.offset.push(row.offset);
        self.severity.push(row.severity);
        self.template.push(row.template);
        self.stream.push(stream);
        self.lines.extend_from_slice(row.line);
        self.line_ends.push(self.lines.len());
        self.place.push(row.place);
        self.part.push(row.part);
        self.attributes.push(row.attributes.into());
    }

    fn intern(&mut self, stream: &Arc<Stream>) -> u32 {
        let found = self
            .stream
            .last()
            .copied()
            .filter(|&last| Arc::ptr_eq(&self.streams[last as usize], stream))
            .or_else(|| {
                self.streams
                    .iter()
                    .position(|s| Arc::ptr_eq(s, stream) || s.id == stream.id)
                    .map(|at| at as u32)
            });
        found.unwrap_or_else(|| {
            self.streams.push(Arc::clone(stream));
            (self.streams.len() - 1) as u32
        })
    }
}
