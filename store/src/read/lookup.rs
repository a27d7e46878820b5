//! Records by their id.

use std::sync::Arc;

use timberline_proto::id::RecordId;

use crate::rows::{Row, RowBlock};
use crate::split::Columns;

use super::ReadError;
use super::running::Running;
use super::scan::units_of_offsets;
use super::search::{Hit, Key};
use super::view::View;

const PLACE_ONLY: Columns = Columns {
    line: false,
    provenance: false,
    attributes: false,
};
/// The record of an id.
///
/// # Errors
/// [`ReadError::Incomplete`] if what may hold it cannot be read, [`ReadError::NotFound`] if nothing holds it.
pub(crate) fn find(view: &View, id: &RecordId, running: &Running) -> Result<Hit, ReadError> {
    let wanted = |partition| match partition == id.partition {
        true => id.offset..id.offset.saturating_add(1),
        false => 0..0,
    };
    let is_it = |row: &Row<'_>| row.partition == id.partition && row.offset == id.offset;
    for part in view.live.iter().filter(|part| *part.topic == *id.topic) {
        let found = (part.first..part.rows.len()).find(|&at| is_it(&part.rows.row(at)));
        if let Some(at) = found {
            return Ok(hit(&part.topic, &part.rows, at));
        }
    }
    for entry in &view.snapshot.splits {
        running.check()?;
        if entry.topic != id.topic {
            continue;
        }
        for unit in units_of_offsets(view, entry, &wanted, running) {
            running.check()?;
            let Some(rows) = unit.read(view, PLACE_ONLY, running) else {
                continue;
            };
            let Some(at) = (0..rows.block.len()).find(|&at| is_it(&rows.block.row(at))) else {
                continue;
            };
            let Some(rows) = unit.read(view, Columns::ALL, running) else {
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
