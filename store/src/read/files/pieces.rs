//! Where the rows of a generation, or of a stream without files, are.

use std::sync::Arc;

use timberline_proto::id::GenerationId;

use crate::catalog::CatalogSplit;
use crate::rows::{Row, RowBlock, StreamId};
use crate::split::{Columns, Split};

use super::super::ReadError;
use super::super::running::Running;
use super::super::scan::{PageUnit, Unit};
use super::super::search::Hit;
use super::super::view::{LivePart, View};

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
    /// The row of a record that was looked up.
    pub(super) fn of(hit: &Hit) -> Self {
        Self {
            block: Arc::clone(&hit.block),
            row: hit.row,
        }
    }

    pub(super) fn row(&self) -> Row<'_> {
        self.block.row(self.row)
    }
}

/// Where a member's rows can be, as far as one of them tells: all have its stream and partition.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) topic: Arc<str>,
    pub(super) partition: u32,
    pub(super) stream: StreamId,
}

/// Live rows or a split that may hold rows of a member, not looked into yet.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Between these offsets stand its rows of the partition, if one is known.
    pub(super) offsets: (u64, u64),
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Live(LivePart),
    Split(Arc<CatalogSplit>),
}

/// Everything that may hold rows of a member.
pub(super) fn groups(view: &View, member: &Member, scope: Option<&Scope>) -> Vec<Group> {
    let live = view.live.iter().filter_map(|part| {
        let offsets = &part.rows.offsets()[part.first..];
        let offsets = (*offsets.first()?, *offsets.last()?);
        let here =
            |scope: &Scope| scope.topic == part.topic && part.rows.partitions().first() == Some(&scope.partition);
        scope.is_none_or(here).then(|| Group {
            offsets,
            what: What::Live(part.clone()),
        })
    });
    let splits = view.snapshot.splits.iter().filter_map(|entry| {
        let Some(scope) = scope else {
            return may_hold(entry, member).then(|| Group {
                offsets: (0, u64::MAX),
                what: What::Split(Arc::clone(entry)),
            });
        };
        let of_partition = entry.meta.offsets.iter().find(|(of, ..)| *of == scope.partition);
        let (_, first, last) = of_partition?;
        let here = entry.topic == *scope.topic && entry.meta.streams.contains(&scope.stream);
        here.then(|| Group {
            offsets: (*first, *last),
            what: What::Split(Arc::clone(entry)),
        })
    });
    live.chain(splits).collect()
}

/// The pieces of the member in a group, in no order; none if it cannot be read, which the answer
/// then says.
pub(super) fn look_into(view: &View, group: &Group, member: &Member, running: &Running) -> Vec<Piece> {
    let entry = match &group.what {
        What::Live(part) => return of_live(part, member).into_iter().collect(),
        What::Split(entry) => entry,
    };
    let Some(split) = view.open(entry, running) else {
        return Vec::new();
    };
    of_split(&split, entry, member).unwrap_or_else(|error| {
        view.failed(&entry.meta.id, entry.meta.rows, &error, running);
        Vec::new()
    })
}

/// Every piece of the member, ascending by its first key.
pub(super) fn pieces(
    view: &View,
    member: &Member,
    scope: Option<&Scope>,
    running: &Running,
) -> Result<Vec<Piece>, ReadError> {
    let mut pieces = Vec::new();
    for group in groups(view, member, scope) {
        running.check()?;
        pieces.extend(look_into(view, &group, member, running));
    }
    pieces.sort_by_key(|piece| (piece.first, piece.end));
    Ok(pieces)
}

fn may_hold(entry: &CatalogSplit, member: &Member) -> bool {
    let has_partition = |partition: u32| entry.meta.offsets.iter().any(|(of, ..)| *of == partition);
    match member {
        Member::Generation(_) => true,
        Member::Stream {
            topic,
            partition,
            stream,
        } => entry.topic == **topic && has_partition(*partition) && entry.meta.streams.contains(stream),
    }
}

fn of_split(split: &Split, entry: &Arc<CatalogSplit>, member: &Member) -> Result<Vec<Piece>, crate::split::SplitError> {
    let topic: Arc<str> = Arc::from(entry.topic.as_str());
    let piece = |page: u32, first: u64, end: u64, dense: bool| Piece {
        first,
        end,
        dense,
        unit: Unit::Page(PageUnit::new(&topic, entry, split, page)),
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
