//! The lines next to a place, nearest first, reading no more pages than that needs.

use std::collections::BTreeMap;

use super::super::ReadError;
use super::super::running::Running;
use super::super::view::View;
use super::pieces::{EVERYTHING, Found, Member, Piece, rows_of};

/// Bytes of lines on one side of a record at most; beyond it fewer lines are given than asked for.
const SIDE_BYTES_MAX: usize = 64 << 20;

/// To which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

/// The rows of the nearest `lines` lines whose keys are below (above) `at`, ascending. A line begins
/// with a row that is no part or the first.
pub(super) fn nearest(
    view: &View,
    member: &Member,
    pieces: &[Piece],
    at: u64,
    lines: usize,
    side: Side,
    running: &Running,
) -> Result<Vec<Found>, ReadError> {
    let is_beyond = |key: u64| match side {
        Side::Before => key < at,
        Side::After => key > at,
    };
    let candidates: Vec<&Piece> = match side {
        Side::Before => pieces.iter().filter(|piece| piece.first < at).collect(),
        Side::After => pieces.iter().filter(|piece| piece.end > at).collect(),
    };
    collect(view, member, candidates, &is_beyond, lines, side, running)
}

/// The rows of the first `lines` lines, ascending.
pub(super) fn first(
    view: &View,
    member: &Member,
    pieces: &[Piece],
    lines: usize,
    running: &Running,
) -> Result<Vec<Found>, ReadError> {
    collect(
        view,
        member,
        pieces.iter().collect(),
        &|_| true,
        lines,
        Side::After,
        running,
    )
}

fn collect(
    view: &View,
    member: &Member,
    mut candidates: Vec<&Piece>,
    is_beyond: &dyn Fn(u64) -> bool,
    lines: usize,
    side: Side,
    running: &Running,
) -> Result<Vec<Found>, ReadError> {
    let mut near = Near {
        side,
        lines,
        rows: BTreeMap::new(),
    };
    match side {
        Side::Before => candidates.sort_by_key(|piece| std::cmp::Reverse(piece.end)),
        Side::After => candidates.sort_by_key(|piece| piece.first),
    }
    for piece in candidates {
        running.check()?;
        if near.needs_none_of(piece) {
            break;
        }
        for (key, row) in rows_of(view, piece, member, EVERYTHING, running) {
            if is_beyond(key) {
                near.rows.insert(key, row);
            }
        }
        near.trim();
    }
    Ok(near.rows.into_values().collect())
}

struct Near {
    side: Side,
    lines: usize,
    rows: BTreeMap<u64, Found>,
}

impl Near {
    /// Whether all that is asked for is nearer than anything in the piece.
    fn needs_none_of(&self, piece: &Piece) -> bool {
        if self.lines == 0 {
            return true;
        }
        let farthest = match self.side {
            Side::Before => self.rows.first_key_value(),
            Side::After => self.rows.last_key_value(),
        };
        let Some((&farthest, _)) = farthest else { return false };
        let nearer = match self.side {
            Side::Before => piece.end <= farthest,
            Side::After => piece.first > farthest,
        };
        nearer && self.is_full()
    }

    fn is_full(&self) -> bool {
        let mut begun = 0;
        let mut bytes = 0;
        let mut count = |found: &Found| {
            let row = found.row();
            bytes += row.line.len();
            let whole = row.part.is_none_or(|(index, last)| match self.side {
                Side::Before => index == 0,
                Side::After => last,
            });
            begun += usize::from(whole);
            begun >= self.lines || bytes > SIDE_BYTES_MAX
        };
        match self.side {
            Side::Before => self.rows.values().rev().any(&mut count),
            Side::After => self.rows.values().any(&mut count),
        }
    }

    /// Lets go of what is farther than the lines asked for.
    fn trim(&mut self) {
        let side = self.side;
        let (mut begun, mut bytes) = (0, 0);
        let lines = self.lines;
        let mut edge = None;
        let mut look = |key: u64, found: &Found| {
            let row = found.row();
            bytes += row.line.len();
            let whole = row.part.is_none_or(|(index, last)| match side {
                Side::Before => index == 0,
                Side::After => last,
            });
            begun += usize::from(whole);
            if begun >= lines || bytes > SIDE_BYTES_MAX {
                edge = Some(key);
            }
            edge.is_some()
        };
        match side {
            Side::Before => {
                self.rows.iter().rev().any(|(key, found)| look(*key, found));
                if let Some(edge) = edge {
                    self.rows = self.rows.split_off(&edge);
                }
            }
            Side::After => {
                self.rows.iter().any(|(key, found)| look(*key, found));
                if let Some(edge) = edge {
                    self.rows.split_off(&(edge.saturating_add(1)));
                }
            }
        }
    }
}
