//! Records by their id, and those around one.

use std::collections::BTreeMap;
use std::sync::Arc;

use timberline_proto::api::Record;
use timberline_proto::id::RecordId;

use crate::catalog::CatalogSplit;
use crate::rows::{Row, RowBlock};
use crate::split::{Columns, PageQuery};

use super::ReadError;
use super::records::record;
use super::row::RowView;
use super::running::Running;
use super::scan::{Unit, split_units};
use super::search::{Hit, Key};
use super::time::TimeRange;
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
        for unit in split_units(view, entry, &PageQuery::All, &TimeRange::ALL, running) {
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
    Err(ReadError::NotFound(format!(
        "there is no record {id}: it was deleted, or never stored"
    )))
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

/// The records before and after one, itself among them, in the order of its file: those of the
/// same generation, or of the same stream if it comes from no file. A generation lives in one
/// partition in order, so the order of offsets is that of the file.
pub(crate) fn context(
    view: &View,
    id: &RecordId,
    before: usize,
    after: usize,
    running: &Running,
) -> Result<Vec<Record>, ReadError> {
    let center = find(view, id, running)?;
    let mut around = Around {
        center: &center,
        before,
        after,
        found: BTreeMap::new(),
    };
    for part in view.live.iter().filter(|part| part.topic == center.key.topic) {
        (part.first..part.rows.len()).for_each(|at| around.offer(&part.rows, at));
    }
    let mut splits: Vec<_> = view
        .snapshot
        .splits
        .iter()
        .filter_map(|entry| around.distance(entry))
        .collect();
    splits.sort_by_key(|(distance, _)| *distance);
    let query = PageQuery::Streams(vec![center.block.row(center.row).stream.id]);
    for (distance, entry) in splits {
        if distance > around.reach() {
            break;
        }
        for unit in split_units(view, entry, &query, &TimeRange::ALL, running) {
            running.check()?;
            read_around(view, &unit, &mut around, running);
        }
    }
    let views = around
        .found
        .values()
        .map(|(block, at)| RowView::new(block.row(*at), &center.key.topic));
    Ok(views.map(|view| record(&view)).collect())
}

fn read_around(view: &View, unit: &Unit, around: &mut Around<'_>, running: &Running) {
    if let Some(rows) = unit.read(view, EVERYTHING, running) {
        (rows.first..rows.block.len()).for_each(|at| around.offer(&rows.block, at));
    }
}

/// The nearest rows found so far, by offset.
struct Around<'a> {
    center: &'a Hit,
    before: usize,
    after: usize,
    found: BTreeMap<u64, (Arc<RowBlock>, usize)>,
}

impl Around<'_> {
    fn offer(&mut self, block: &Arc<RowBlock>, at: usize) {
        let center = self.center.block.row(self.center.row);
        let row = block.row(at);
        let same = row.partition == center.partition
            && row.stream.id == center.stream.id
            && row.place.map(|place| place.generation) == center.place.map(|place| place.generation);
        if !same {
            return;
        }
        self.found.insert(row.offset, (Arc::clone(block), at));
        if self.found.range(..center.offset).count() > self.before {
            self.found.pop_first();
        }
        if self.found.range(center.offset + 1..).count() > self.after {
            self.found.pop_last();
        }
    }

    /// How far a split's nearest offset is, if it can hold any of the rows.
    fn distance<'s>(&self, entry: &'s Arc<CatalogSplit>) -> Option<(u64, &'s Arc<CatalogSplit>)> {
        let key = &self.center.key;
        let stream = self.center.block.row(self.center.row).stream.id;
        if *entry.topic != *key.topic || !entry.meta.streams.contains(&stream) {
            return None;
        }
        let ranges = entry
            .meta
            .offsets
            .iter()
            .filter(|(partition, ..)| *partition == key.partition);
        let distances = ranges.map(|&(_, first, last)| match key.offset {
            offset if offset < first => first - offset,
            offset => offset.saturating_sub(last),
        });
        distances.min().map(|distance| (distance, entry))
    }

    /// How far a row may be and still belong to the answer.
    fn reach(&self) -> u64 {
        let offset = self.center.key.offset;
        let below = self.found.range(..offset).count();
        let above = self.found.range(offset + 1..).count();
        if below < self.before || above < self.after {
            return u64::MAX;
        }
        let first = self.found.first_key_value().map_or(0, |(first, _)| offset - first);
        let last = self.found.last_key_value().map_or(0, |(last, _)| last - offset);
        first.max(last)
    }
}
