//! Rows by column.

use std::collections::HashMap;
use std::sync::Arc;

use timberline_proto::batch::AttributeValue;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::line::Severity;

use super::{Stream, StreamId};

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

impl Row<'_> {
    /// What rows are ordered by everywhere: time, partition, offset.
    pub fn order(&self) -> (i64, u32, u64) {
        (self.time_nanos, self.partition, self.offset)
    }
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
    stream_places: HashMap<StreamId, u32>,
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
    /// No rows yet, with room for `rows` of `line_bytes` altogether.
    pub fn with_capacity(rows: usize, line_bytes: usize) -> Self {
        Self {
            time_nanos: Vec::with_capacity(rows),
            time_parsed: Vec::with_capacity(rows),
            observed_nanos: Vec::with_capacity(rows),
            partition: Vec::with_capacity(rows),
            offset: Vec::with_capacity(rows),
            severity: Vec::with_capacity(rows),
            template: Vec::with_capacity(rows),
            stream: Vec::with_capacity(rows),
            line_ends: Vec::with_capacity(rows),
            lines: Vec::with_capacity(line_bytes),
            place: Vec::with_capacity(rows),
            part: Vec::with_capacity(rows),
            attributes: Vec::with_capacity(rows),
            ..Self::default()
        }
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
    /// The partitions.
    pub fn partitions(&self) -> &[u32] {
        &self.partition
    }
    /// The offsets.
    pub fn offsets(&self) -> &[u64] {
        &self.offset
    }
    /// The severities.
    pub fn severities(&self) -> &[Severity] {
        &self.severity
    }
    /// The templates' stable ids; 0 where not known.
    pub fn templates(&self) -> &[u64] {
        &self.template
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
    /// Adds all rows of another block.
    pub fn append(&mut self, other: &RowBlock) {
        other.rows().for_each(|row| self.push(&row));
    }
    /// The rows of these indexes, in their order.
    pub fn select(&self, rows: &[u32]) -> RowBlock {
        let bytes = rows.iter().map(|&row| self.line(row as usize).len()).sum();
        let mut chosen = RowBlock::with_capacity(rows.len(), bytes);
        rows.iter().for_each(|&row| chosen.push(&self.row(row as usize)));
        chosen
    }
    /// The rows' indexes in the order of (time, partition, offset).
    pub fn order_by_time(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|&row| self.order_of(row as usize));
        order
    }
    /// The rows' indexes as a split stores them: by stream family (`service.name`), by stream in
    /// it, then by (time, partition, offset).
    pub fn order_by_stream(&self) -> Vec<u32> {
        let family = |stream: &Stream| stream.attributes.get("service.name").cloned().unwrap_or_default();
        let mut by_family: Vec<u32> = (0..self.streams.len() as u32).collect();
        by_family.sort_by_cached_key(|&at| {
            let stream = &self.streams[at as usize];
            (family(stream), stream.attributes.clone(), stream.id)
        });
        let mut ranks = vec![0_u32; by_family.len()];
        for (rank, &at) in by_family.iter().enumerate() {
            ranks[at as usize] = rank as u32;
        }
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|&row| {
            let row = row as usize;
            (ranks[self.stream[row] as usize], self.order_of(row))
        });
        order
    }

    fn order_of(&self, row: usize) -> (i64, u32, u64) {
        (self.time_nanos[row], self.partition[row], self.offset[row])
    }

    fn intern(&mut self, stream: &Arc<Stream>) -> u32 {
        if let Some(&last) = self.stream.last()
            && Arc::ptr_eq(&self.streams[last as usize], stream)
        {
            return last;
        }
        let streams = &mut self.streams;
        *self.stream_places.entry(stream.id).or_insert_with(|| {
            streams.push(Arc::clone(stream));
            (streams.len() - 1) as u32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(id: u64) -> Arc<Stream> {
        Arc::new(Stream {
            id: StreamId(id),
            ..Stream::default()
        })
    }

    fn row<'a>(stream: &'a Arc<Stream>, time_nanos: i64, line: &'a [u8]) -> Row<'a> {
        Row {
            time_nanos,
            time_parsed: false,
            observed_nanos: 0,
            partition: 0,
            offset: 0,
            severity: Severity::None,
            template: 0,
            stream,
            line,
            place: None,
            part: None,
            attributes: &[],
        }
    }

    #[test]
    fn a_stream_is_found_again_by_its_id() {
        let mut block = RowBlock::new();
        for id in [1, 2, 1, 3, 2] {
            block.push(&row(&stream(id), 0, b""));
        }
        assert_eq!(block.streams().len(), 3);
        assert_eq!(block.row(4).stream.id, StreamId(2));
    }

    #[test]
    fn selected_rows_come_in_the_order_asked() {
        let stream = stream(1);
        let mut block = RowBlock::new();
        block.push(&row(&stream, 9, b"late"));
        block.push(&row(&stream, 3, b"early"));
        let ordered = block.select(&block.order_by_time());
        assert_eq!((ordered.line(0), ordered.line(1)), (&b"early"[..], &b"late"[..]));
    }
}
