//! Rows of one block added to another, a column at a time.

use std::ops::Range;

use timberline_proto::id::{AgentId, GenerationId};

use super::{PackedPlace, RowBlock};

/// Appends a column that may end early to one that begins at `row`.
fn put_all<T: Default>(column: &mut Vec<T>, row: usize, more: impl ExactSizeIterator<Item = T>) {
    if more.len() > 0 {
        column.resize_with(row, T::default);
        column.extend(more);
    }
}

/// What a column that may end early says of some rows, as far as it says anything.
fn within<'a, T>(column: &'a [T], rows: &Range<usize>) -> &'a [T] {
    &column[rows.start.min(column.len())..rows.end.min(column.len())]
}

impl RowBlock {
    /// Adds all rows of another block, a column at a time.
    pub fn append(&mut self, other: &RowBlock) {
        self.append_rows(other, 0..other.len());
    }
    /// Adds some rows of another block, a column at a time.
    pub(crate) fn append_rows(&mut self, other: &RowBlock, rows: Range<usize>) {
        if let Some(row) = rows.clone().next()
            && rows.len() == 1
        {
            return self.push(&other.row(row));
        }
        let at = self.len();
        self.time_nanos.extend_from_slice(&other.time_nanos[rows.clone()]);
        self.time_parsed.extend_from_slice(&other.time_parsed[rows.clone()]);
        put_all(
            &mut self.observed_nanos,
            at,
            within(&other.observed_nanos, &rows).iter().copied(),
        );
        self.partition.extend_from_slice(&other.partition[rows.clone()]);
        self.offset.extend_from_slice(&other.offset[rows.clone()]);
        self.severity.extend_from_slice(&other.severity[rows.clone()]);
        put_all(&mut self.template, at, within(&other.template, &rows).iter().copied());
        let mut last = None;
        for &stream in &other.stream[rows.clone()] {
            let (_, number) = match last {
                Some(known @ (of, _)) if of == stream => known,
                _ => (stream, self.intern(&other.streams[stream as usize])),
            };
            last = Some((stream, number));
            self.stream.push(number);
        }
        let (first, start) = (self.lines.len(), other.line_bytes_of(0..rows.start));
        let bytes = other.line_bytes_of(rows.clone());
        self.lines.extend_from_slice(&other.lines[start..start + bytes]);
        self.line_ends
            .extend(other.line_ends[rows.clone()].iter().map(|end| first + end - start));
        self.append_places(within(&other.place, &rows), at, &other.origins);
        put_all(&mut self.part, at, within(&other.part, &rows).iter().copied());
        put_all(
            &mut self.attributes,
            at,
            within(&other.attributes, &rows).iter().cloned(),
        );
    }
    fn append_places(&mut self, places: &[PackedPlace], at: usize, origins: &[(AgentId, GenerationId)]) {
        let mut last = (0, 0);
        for (row, place) in (at..).zip(places) {
            if place.origin != last.0 {
                let origin = (place.origin as usize).checked_sub(1);
                last = (place.origin, origin.map_or(0, |origin| self.origin(origins[origin])));
            }
            let moved = PackedPlace {
                origin: last.1,
                ..*place
            };
            self.place.resize_with(row, PackedPlace::default);
            self.place.push(moved);
        }
    }
}
