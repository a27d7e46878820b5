//! Lines: a row each, or the parts of one above `line_bytes_max`, joined.

use timberline_proto::api::Record;

use crate::rows::Row;

use super::super::limits::Limits;
use super::super::records::record;
use super::super::row::RowView;
use super::pieces::Found;

/// A longer line is shown by its parts.
pub(super) const JOINED_BYTES_MAX: usize = 16 << 20;

/// Rows with ascending keys as records: the parts of a line that are all there become one, under
/// the id of the first.
pub(super) fn records(rows: &[Found], topic: &str, limits: &Limits) -> Vec<Record> {
    let mut records = Vec::with_capacity(rows.len());
    let mut at = 0;
    while at < rows.len() {
        let parts = whole_line(&rows[at..]);
        match parts {
            1 => records.extend(seen(&rows[at].row(), topic, limits)),
            _ => records.extend(joined(&rows[at..at + parts], topic, limits)),
        }
        at += parts;
    }
    records
}

/// The record of a row, if it is seen.
fn seen(row: &Row<'_>, topic: &str, limits: &Limits) -> Option<Record> {
    let seen = limits.row(row, topic)?;
    Some(record(&RowView::new(seen.row(row), topic)))
}

/// How many rows from the first on make one line: 1 also for a part of a line that is not all there
/// or too long to show.
fn whole_line(rows: &[Found]) -> usize {
    let first = rows[0].row();
    if first.part != Some((0, false)) {
        return 1;
    }
    let mut bytes = first.line.len();
    for (index, pair) in rows.windows(2).enumerate() {
        let (before, row) = (pair[0].row(), pair[1].row());
        bytes += row.line.len();
        let follows = row.part.is_some_and(|(at, _)| at as usize == index + 1) && end_of(&before) == start_of(&row);
        if !follows || bytes > JOINED_BYTES_MAX {
            return 1;
        }
        if row.part.is_some_and(|(_, last)| last) {
            return index + 2;
        }
    }
    1
}

fn start_of(row: &Row<'_>) -> Option<u64> {
    row.place.map(|place| place.start)
}

fn end_of(row: &Row<'_>) -> Option<u64> {
    row.place
        .map(|place| place.start.saturating_add(place.source_bytes.into()))
}

fn joined(parts: &[Found], topic: &str, limits: &Limits) -> Option<Record> {
    let line: Vec<u8> = parts.iter().flat_map(|part| part.row().line.to_vec()).collect();
    let first = parts[0].row();
    let source_bytes = parts
        .iter()
        .filter_map(|part| part.row().place)
        .map(|place| u64::from(place.source_bytes))
        .sum();
    let whole = Row {
        line: &line,
        part: None,
        // The template of a part says nothing of the line.
        template: 0,
        ..first
    };
    let mut record = seen(&whole, topic, limits)?;
    if let Some(place) = &mut record.place {
        place.length = source_bytes;
    }
    Some(record)
}
