//! Records by their id.

use std::sync::Arc;

use timberline_proto::id::RecordId;

use crate::catalog::CatalogSplit;
use crate::rows::{Row, RowBlock};
use crate::split::Columns;

use super::ReadError;
use super::running::Running;
use super::scan::{PageUnit, Unit};
use super::search::{Hit, Key};
use super::view::View;

const PLACE_ONLY: Columns = Columns {
    line: false,
    provenance: false,
    attributes: false,
};
const EVERYTHING: Columns = Columns {
    line: true,
    provenance: true,
    attributes: true,
};

/// The record of an id.
///
/// # Errors
/// [`ReadError::Incomplete`] if what may hold it cannot be read, [`ReadError::NotFound`] if nothing holds it.
pub(crate) fn find(view: &View, id: &RecordId, running: &Running) -> Result<Hit, ReadError> {
    let is_it = |row: &Row<'_>| row.partition == id.partition && row.offset == id.offset;
    for part in view.live.iter().filter(|part| *part.topic == *id.topic) {
        let found = (part.first..part.rows.len()).find(|&at| is_it(&part.rows.row(at)));
        if let Some(at) = found {
            return Ok(hit(&part.topic, &part.rows, at));
        }
    }
    for entry in &view.snapshot.splits {
        running.check()?;
        if entry.topic != id.topic || !holds(entry, id.partition, id.offset) {
            continue;
        }
        for unit in units_of(view, entry, id, running) {
            running.check()?;
            let Some(rows) = unit.read(view, PLACE_ONLY, running) else {
                continue;
            };
            let Some(at) = (0..rows.block.len()).find(|&at| is_it(&rows.block.row(at))) else {
                continue;
            };
            let Some(rows) = unit.read(view, EVERYTHING, running) else {
                continue;
            };
            return Ok(hit(&rows.topic, &rows.block, at));
        }
    }
    // Only what may hold it was opened.
    match running.partial().first() {
        Some(reason) => Err(ReadError::Incomplete(format!(
            "record {id} may stand in what cannot be read: {reason}"
        ))),
        None => Err(no_record(id)),
    }
}

/// That nothing holds it.
pub(crate) fn no_record(id: &RecordId) -> ReadError {
    ReadError::NotFound(format!("there is no record {id}: it was deleted, or never stored"))
}

/// The pages between whose offsets the id's stands.
fn units_of(view: &View, entry: &Arc<CatalogSplit>, id: &RecordId, running: &Running) -> Vec<Unit> {
    let Some(split) = view.open(entry, running) else {
        return Vec::new();
    };
    let ranges = match split.offsets(id.partition) {
        Ok(ranges) => ranges,
        Err(error) => {
            view.failed(&entry.meta.id, entry.meta.rows, &error, running);
            return Vec::new();
        }
    };
    let topic: Arc<str> = Arc::from(entry.topic.as_str());
    let holding = ranges
        .iter()
        .filter(|range| (range.first..=range.last).contains(&id.offset));
    let units = holding.map(|range| Unit::Page(PageUnit::new(&topic, entry, &split, range.page)));
    units.collect()
}

fn holds(entry: &CatalogSplit, partition: u32, offset: u64) -> bool {
    let mut ranges = entry.meta.offsets.iter();
    ranges.any(|&(of, first, last)| of == partition && first <= offset && offset <= last)
}

fn hit(topic: &Arc<str>, block: &Arc<RowBlock>, at: usize) -> Hit {
    let row = block.row(at);
    Hit {
        key: Key {
            time: row.time_nanos,
            partition: row.partition,
            offset: row.offset,
            topic: Arc::clone(topic),
        },
        block: Arc::clone(block),
        row: at,
    }
}
