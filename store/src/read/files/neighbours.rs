//! The generation before or after one at the same path, as far as the records tell: the one with
//! the record of the same stream that stands nearest in time and was read earlier (later).

use std::sync::Arc;

use timberline_proto::id::GenerationId;

use crate::catalog::CatalogSplit;
use crate::split::{Columns, PageQuery};

use super::super::ReadError;
use super::super::running::Running;
use super::super::scan::{Unit, split_units};
use super::super::time::TimeRange;
use super::super::view::View;
use super::around::Side;
use super::pieces::{Found, Scope};

/// Pages read in search of one at most: a rotation leaves no more than this between two files.
const PAGES_MAX: usize = 64;

const PROVENANCE: Columns = Columns {
    line: false,
    provenance: true,
    attributes: false,
};

/// The nearest generation beside `edge`, the first (last) record of one, and where its rows can be;
/// none of `seen`.
pub(super) fn neighbour(
    view: &View,
    topic: &str,
    edge: &Found,
    seen: &[GenerationId],
    side: Side,
    running: &Running,
) -> Result<Option<(GenerationId, Scope)>, ReadError> {
    let mut search = Search {
        edge,
        seen,
        side,
        best: None,
    };
    for part in view.live.iter().filter(|part| *part.topic == *topic) {
        search.offer(&Unit::Live(part.clone()), view, running);
    }
    let mut splits: Vec<&Arc<CatalogSplit>> = view
        .snapshot
        .splits
        .iter()
        .filter(|entry| entry.topic == topic && entry.meta.streams.contains(&edge.row().stream.id))
        .filter(|entry| search.reaches(entry.meta.time_min, entry.meta.time_max))
        .collect();
    splits.sort_by_key(|entry| search.distance(entry.meta.time_min, entry.meta.time_max));
    let mut pages = 0;
    let query = PageQuery::Streams([edge.row().stream.id].into_iter().collect());
    for entry in splits {
        if search.is_beyond(entry.meta.time_min, entry.meta.time_max) || pages >= PAGES_MAX {
            break;
        }
        let mut units = split_units(view, entry, &query, &TimeRange::ALL, running);
        units.retain(|unit| search.reaches(unit.times().0, unit.times().1));
        units.sort_by_key(|unit| search.distance(unit.times().0, unit.times().1));
        for unit in units {
            running.check()?;
            let (min, max) = unit.times();
            if search.is_beyond(min, max) || pages >= PAGES_MAX {
                break;
            }
            pages += 1;
            search.offer(&unit, view, running);
        }
    }
    let found = search.best.map(|(_, generation, partition)| {
        let scope = Scope {
            topic: Arc::from(topic),
            partition,
            stream: edge.row().stream.id,
        };
        (generation, scope)
    });
    Ok(found)
}

struct Search<'a> {
    edge: &'a Found,
    seen: &'a [GenerationId],
    side: Side,
    best: Option<((i64, i64, u64), GenerationId, u32)>,
}

impl Search<'_> {
    fn offer(&mut self, unit: &Unit, view: &View, running: &Running) {
        let Some(rows) = unit.read(view, PROVENANCE, running) else {
            return;
        };
        let edge = self.edge.row();
        for at in rows.first..rows.block.len() {
            let row = rows.block.row(at);
            let Some(place) = row.place else { continue };
            if row.stream.id != edge.stream.id || self.seen.contains(&place.generation) {
                continue;
            }
            let key = (row.time_nanos, row.observed_nanos, place.start);
            let (is_beside, is_nearer) = match self.side {
                Side::Before => (
                    row.time_nanos <= edge.time_nanos && row.observed_nanos <= edge.observed_nanos,
                    self.best.is_none_or(|(best, ..)| key > best),
                ),
                Side::After => (
                    row.time_nanos >= edge.time_nanos && row.observed_nanos >= edge.observed_nanos,
                    self.best.is_none_or(|(best, ..)| key < best),
                ),
            };
            if is_beside && is_nearer {
                self.best = Some((key, place.generation, row.partition));
            }
        }
    }

    /// Whether rows between these times can stand on the side asked for.
    fn reaches(&self, min: i64, max: i64) -> bool {
        match self.side {
            Side::Before => min <= self.edge.row().time_nanos,
            Side::After => max >= self.edge.row().time_nanos,
        }
    }

    /// Sorts what can hold the nearest row first.
    fn distance(&self, min: i64, max: i64) -> i128 {
        match self.side {
            Side::Before => -i128::from(max),
            Side::After => i128::from(min),
        }
    }

    /// Whether nothing between these times is nearer than what was found.
    fn is_beyond(&self, min: i64, max: i64) -> bool {
        match (self.side, self.best) {
            (_, None) => false,
            (Side::Before, Some(((time, ..), ..))) => max < time,
            (Side::After, Some(((time, ..), ..))) => min > time,
        }
    }
}
