//! Where the rows of a generation, or of a stream without files, are.

use std::sync::Arc;

use timberline_proto::id::GenerationId;

use crate::catalog::CatalogSplit;
use crate::rows::{Row, RowBlock, StreamId};
use crate::split::{Columns, Split};

use super::super::ReadError;
use super::super::running::Running;
use super::super::scan::{PageUnit, Unit};
use super::super::view::{LivePart, View};

/// Everything of a row.
pub(super) const EVERYTHING: Columns = Columns {
    line: true,
    provenance: true,
    attributes: true,
};

/// Rows that stand in one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// Those of a file's generation, by their first byte.
    Generation(GenerationId),
    /// Those of a stream that come from no file, by their offset.
    Stream {
        topic: Arc<str>,
        partition: u32,
        stream: StreamId,
    },
}

impl Member {
    /// What a row stands beside: its file, or its stream.
    pub(super) fn of(topic: &Arc<str>, row: &Row<'_>) -> Self {
        match row.place {
            Some(place) => Self::Generation(place.generation),
            None => Self::Stream {
                topic: Arc::clone(topic),
                partition: row.partition,
                stream: row.stream.id,
            },
        }
    }

    /// A row's place in the order; `None` if it does not belong to it.
    pub(super) fn key(&self, row: &Row<'_>) -> Option<u64> {
        match (self, row.place) {
            (Self::Generation(generation), Some(place)) if place.generation == *generation => Some(place.start),
            (Self::Stream { partition, stream, .. }, None)
                if row.partition == *partition && row.stream.id == *stream =>
            {
                Some(row.offset)
            }
            _ => None,
        }
    }
}

/// Rows that are read at once, and between which keys those of the member stand.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) first: u64,
    /// One past the last byte, or the last offset.
    pub(super) end: u64,
    /// Whether the rows cover every byte between once. Never for a stream.
    pub(super) dense: bool,
    pub(super) unit: Unit,
}

/// A row in memory.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) block: Arc<RowBlock>,
    pub(super) row: usize,
}

impl Found {
    pub(super) fn row(&self) -> Row<'_> {
        self.block.row(self.row)
    }
}

/// Every piece of the member, ascending by its first key.
pub(super) fn pieces(view: &View, member: &Member, running: &Running) -> Result<Vec<Piece>, ReadError> {
    let mut pieces: Vec<Piece> = view.live.iter().filter_map(|part| of_live(part, member)).collect();
    // A generation lives in one partition, which the first split that holds it tells.
    let mut only_partition: Option<(String, u32)> = None;
    for entry in &view.snapshot.splits {
        running.check()?;
        let elsewhere = only_partition
            .as_ref()
            .is_some_and(|(topic, partition)| entry.topic != *topic || !has_partition(entry, *partition));
        if elsewhere || !may_hold(entry, member) {
            continue;
        }
        let Some(split) = view.open(entry, running) else {
            continue;
        };
        match of_split(&split, entry, member) {
            Ok(found) => {
                if let (Member::Generation(_), [first, ..], [(partition, ..)]) =
                    (member, found.as_slice(), entry.meta.offsets.as_slice())
                {
                    debug_assert!(first.first <= first.end);
                    only_partition = Some((entry.topic.clone(), *partition));
                }
                pieces.extend(found);
            }
            Err(error) => view.failed(&entry.meta.id, entry.meta.rows, &error, running),
        }
    }
    pieces.sort_by_key(|piece| (piece.first, piece.end));
    Ok(pieces)
}

fn has_partition(entry: &CatalogSplit, partition: u32) -> bool {
    entry.meta.offsets.iter().any(|(of, ..)| *of == partition)
}

fn may_hold(entry: &CatalogSplit, member: &Member) -> bool {
    match member {
        Member::Generation(_) => true,
        Member::Stream {
            topic,
            partition,
            stream,
        } => entry.topic == **topic && has_partition(entry, *partition) && entry.meta.streams.contains(stream),
    }
}

fn of_split(split: &Arc<Split>, entry: &CatalogSplit, member: &Member) -> Result<Vec<Piece>, crate::split::SplitError> {
    let topic: Arc<str> = Arc::from(entry.topic.as_str());
    let piece = |page: u32, first: u64, end: u64, dense: bool| Piece {
        first,
        end,
        dense,
        unit: Unit::Page(PageUnit {
            topic: Arc::clone(&topic),
            split: Arc::clone(split),
            page,
        }),
    };
    Ok(match member {
        Member::Generation(generation) => {
            let held = split.held(Some(*generation))?;
            held.iter()
                .map(|range| piece(range.page, range.start, range.end, range.dense))
                .collect()
        }
        Member::Stream { partition, stream, .. } => {
            let number = split.streams().iter().position(|one| one.id == *stream);
            let Some(number) = number.and_then(|at| u32::try_from(at).ok()) else {
                return Ok(Vec::new());
            };
            let offsets = split.offsets(*partition)?;
            offsets
                .iter()
                .filter(|range| split.page_streams(range.page).contains(&number))
                .map(|range| piece(range.page, range.first, range.last, false))
                .collect()
        }
    })
}

/// Live rows as one piece, if there are any of the member.
fn of_live(part: &LivePart, member: &Member) -> Option<Piece> {
    if let Member::Stream { topic, .. } = member
        && *topic != part.topic
    {
        return None;
    }
    let mut bounds: Option<(u64, u64)> = None;
    for at in part.first..part.rows.len() {
        let row = part.rows.row(at);
        let Some(key) = member.key(&row) else { continue };
        let end = row
            .place
            .map_or(key, |place| key.saturating_add(place.source_bytes.into()));
        let (first, last) = bounds.unwrap_or((key, end));
        bounds = Some((first.min(key), last.max(end)));
    }
    let (first, end) = bounds?;
    Some(Piece {
        first,
        end,
        dense: false,
        unit: Unit::Live(part.clone()),
    })
}

/// The member's rows of a piece with their keys, ascending; none if it cannot be read, which the
/// answer then says.
pub(super) fn rows_of(
    view: &View,
    piece: &Piece,
    member: &Member,
    columns: Columns,
    running: &Running,
) -> Vec<(u64, Found)> {
    let Some(rows) = piece.unit.read(view, columns, running) else {
        return Vec::new();
    };
    let keyed = (rows.first..rows.block.len()).filter_map(|at| {
        let key = member.key(&rows.block.row(at))?;
        Some((
            key,
            Found {
                block: Arc::clone(&rows.block),
                row: at,
            },
        ))
    });
    let mut found: Vec<_> = keyed.collect();
    found.sort_by_key(|(key, _)| *key);
    found
}
