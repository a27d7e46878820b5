//! Rows by column.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use timberline_proto::batch::AttributeValue;
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::line::Severity;

use super::{Stream, StreamId, StreamRanks};

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
///
/// Columns that are the same for all rows of most blocks (`template`, `observed_nanos`, `place`,
/// `part`, `attributes`) are as long as their last row that differs: beyond it stands the default.
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
    /// The generations that `place` refers to.
    origins: Vec<(AgentId, GenerationId)>,
    origin_places: HashMap<(AgentId, GenerationId), u32>,
    place: Vec<PackedPlace>,
    part: Vec<Option<(u32, bool)>>,
    attributes: Vec<Box<[(String, AttributeValue)]>>,
}

/// A [`Place`] whose generation stands once for the block.
#[derive(Clone, Copy, Debug, Default)]
struct PackedPlace {
    start: u64,
    source_bytes: u32,
    /// 1 + which of the block's origins; 0: no place.
    origin: u32,
}

/// Makes `column` reach `row` with defaults and puts `value` there, unless it is the default too.
fn put<T: Default + PartialEq>(column: &mut Vec<T>, row: usize, value: T) {
    if value != T::default() {
        column.resize_with(row, T::default);
        column.push(value);
    }
}

impl RowBlock {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }
    /// No rows yet, with room for `rows` of `line_bytes` altogether.
    pub fn with_capacity(rows: usize, line_bytes: usize) -> Self {
        let mut block = Self::default();
        block.reserve(rows, line_bytes);
        block
    }
    /// Makes room for so many rows more, of `line_bytes` altogether.
    pub fn reserve(&mut self, rows: usize, line_bytes: usize) {
        self.time_nanos.reserve(rows);
        self.time_parsed.reserve(rows);
        self.partition.reserve(rows);
        self.offset.reserve(rows);
        self.severity.reserve(rows);
        self.stream.reserve(rows);
        self.line_ends.reserve(rows);
        self.lines.reserve(line_bytes);
    }
    /// Gives back the room that no row needs.
    pub fn shrink_to_fit(&mut self) {
        self.time_nanos.shrink_to_fit();
        self.time_parsed.shrink_to_fit();
        self.observed_nanos.shrink_to_fit();
        self.partition.shrink_to_fit();
        self.offset.shrink_to_fit();
        self.severity.shrink_to_fit();
        self.template.shrink_to_fit();
        self.stream.shrink_to_fit();
        self.line_ends.shrink_to_fit();
        self.lines.shrink_to_fit();
        self.place.shrink_to_fit();
        self.part.shrink_to_fit();
        self.attributes.shrink_to_fit();
    }
    /// Forgets the rows and keeps their room, the streams and their numbers.
    pub(crate) fn clear_rows(&mut self) {
        self.time_nanos.clear();
        self.time_parsed.clear();
        self.observed_nanos.clear();
        self.partition.clear();
        self.offset.clear();
        self.severity.clear();
        self.template.clear();
        self.stream.clear();
        self.line_ends.clear();
        self.lines.clear();
        self.origins.clear();
        self.origin_places.clear();
        self.place.clear();
        self.part.clear();
        self.attributes.clear();
    }
    /// About what the block takes in memory. Attributes are counted by their text and a flat sum.
    pub fn memory_bytes(&self) -> usize {
        let attributes = |set: &[(String, AttributeValue)]| -> usize {
            let text = |value: &AttributeValue| match value {
                AttributeValue::Text(text) => text.len(),
                AttributeValue::Json(json) => json.to_string().len(),
                AttributeValue::Bool(_) | AttributeValue::Integer(_) | AttributeValue::Number(_) => 0,
            };
            set.iter().map(|(name, value)| name.len() + 64 + text(value)).sum()
        };
        size_of::<i64>() * (self.time_nanos.len() + self.observed_nanos.len())
            + size_of::<u64>() * (self.offset.len() + self.template.len() + self.line_ends.len())
            + size_of::<u32>() * (self.partition.len() + self.stream.len())
            + self.time_parsed.len()
            + self.severity.len()
            + size_of::<PackedPlace>() * self.place.len()
            + size_of::<Option<(u32, bool)>>() * self.part.len()
            + size_of::<Box<[(String, AttributeValue)]>>() * self.attributes.len()
            + self.attributes.iter().map(|set| attributes(set)).sum::<usize>()
            + self.lines.len()
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
    #[inline]
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
    #[inline]
    pub fn severities(&self) -> &[Severity] {
        &self.severity
    }
    /// The streams that rows refer to by [`stream_index`](Self::stream_index).
    pub fn streams(&self) -> &[Arc<Stream>] {
        &self.streams
    }
    /// Which of [`streams`](Self::streams) a row belongs to.
    #[inline]
    pub fn stream_index(&self, row: usize) -> usize {
        self.stream[row] as usize
    }
    /// A row's line.
    #[inline]
    pub fn line(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.line_ends[row - 1] };
        &self.lines[start..self.line_ends[row]]
    }
    /// One row.
    #[inline]
    pub fn row(&self, row: usize) -> Row<'_> {
        Row {
            time_nanos: self.time_nanos[row],
            time_parsed: self.time_parsed[row],
            observed_nanos: self.observed_nanos.get(row).copied().unwrap_or(0),
            partition: self.partition[row],
            offset: self.offset[row],
            severity: self.severity[row],
            template: self.template.get(row).copied().unwrap_or(0),
            stream: &self.streams[self.stream[row] as usize],
            line: self.line(row),
            place: self.place(row),
            part: self.part.get(row).copied().flatten(),
            attributes: self.attributes.get(row).map_or(&[], |set| set),
        }
    }
    /// Where a row's line stands in its file.
    #[inline]
    pub(crate) fn place(&self, row: usize) -> Option<Place> {
        let packed = self.place.get(row)?;
        let (agent, generation) = *self.origins.get((packed.origin as usize).checked_sub(1)?)?;
        Some(Place {
            agent,
            generation,
            start: packed.start,
            source_bytes: packed.source_bytes,
        })
    }
    /// When a row was read, nanoseconds.
    #[inline]
    pub(crate) fn observed_nanos(&self, row: usize) -> i64 {
        self.observed_nanos.get(row).copied().unwrap_or(0)
    }
    /// Whether the rows' times were found in their lines.
    #[inline]
    pub(crate) fn times_parsed(&self) -> &[bool] {
        &self.time_parsed
    }
    /// Per row, which of [`streams`](Self::streams).
    #[inline]
    pub(crate) fn stream_indexes(&self) -> &[u32] {
        &self.stream
    }
    /// Which part of a long line a row is.
    #[inline]
    pub(crate) fn part(&self, row: usize) -> Option<(u32, bool)> {
        self.part.get(row).copied().flatten()
    }
    /// A row's attributes.
    #[inline]
    pub(crate) fn attributes(&self, row: usize) -> &[(String, AttributeValue)] {
        self.attributes.get(row).map_or(&[], |set| set)
    }
    /// Bytes of the lines of some rows.
    pub(crate) fn line_bytes_of(&self, rows: Range<usize>) -> usize {
        let end_before = |row: usize| row.checked_sub(1).map_or(0, |before| self.line_ends[before]);
        end_before(rows.end) - end_before(rows.start)
    }
    /// How many of the rows it takes, from the first on, until their lines reach `bytes`; at most all.
    pub(crate) fn rows_reaching(&self, rows: Range<usize>, bytes: usize) -> usize {
        let before = self.line_bytes_of(0..rows.start);
        let short = self.line_ends[rows.clone()].partition_point(|&end| end - before < bytes);
        (short + 1).min(rows.len())
    }
    /// All rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.len()).map(|row| self.row(row))
    }
    /// Adds a row, copying what it borrows. Streams are found again by pointer first, then by id.
    #[inline]
    pub fn push(&mut self, row: &Row<'_>) {
        let at = self.len();
        let stream = match self.stream.last() {
            Some(&last) if Arc::ptr_eq(&self.streams[last as usize], row.stream) => last,
            _ => self.intern(row.stream),
        };
        self.time_nanos.push(row.time_nanos);
        self.time_parsed.push(row.time_parsed);
        put(&mut self.observed_nanos, at, row.observed_nanos);
        self.partition.push(row.partition);
        self.offset.push(row.offset);
        self.severity.push(row.severity);
        put(&mut self.template, at, row.template);
        self.stream.push(stream);
        self.lines.extend_from_slice(row.line);
        self.line_ends.push(self.lines.len());
        if let Some(place) = row.place {
            let origin = self.origin((place.agent, place.generation));
            self.place.resize_with(at, PackedPlace::default);
            self.place.push(PackedPlace {
                start: place.start,
                source_bytes: place.source_bytes,
                origin,
            });
        }
        put(&mut self.part, at, row.part);
        if !row.attributes.is_empty() {
            put(&mut self.attributes, at, row.attributes.into());
        }
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
        let ranks = StreamRanks::new(&self.streams);
        let ranks: Vec<u32> = self.streams.iter().map(|stream| ranks.of(stream)).collect();
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|&row| {
            let row = row as usize;
            (ranks[self.stream[row] as usize], self.order_of(row))
        });
        order
    }

    /// What a row is ordered by: time, partition, offset.
    #[inline]
    pub(crate) fn order_of(&self, row: usize) -> (i64, u32, u64) {
        (self.time_nanos[row], self.partition[row], self.offset[row])
    }

    fn intern(&mut self, stream: &Arc<Stream>) -> u32 {
        let streams = &mut self.streams;
        *self.stream_places.entry(stream.id).or_insert_with(|| {
            streams.push(Arc::clone(stream));
            (streams.len() - 1) as u32
        })
    }

    /// 1 + which of the origins.
    fn origin(&mut self, origin: (AgentId, GenerationId)) -> u32 {
        if let Some(last) = self.place.last()
            && let Some(at) = (last.origin as usize).checked_sub(1)
            && self.origins[at] == origin
        {
            return last.origin;
        }
        let origins = &mut self.origins;
        *self.origin_places.entry(origin).or_insert_with(|| {
            origins.push(origin);
            origins.len() as u32
        })
    }
}

mod append;
#[cfg(test)]
mod tests;
