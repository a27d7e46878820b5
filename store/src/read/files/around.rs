//! The lines next to a place, nearest first, reading no more pages than that needs.

use std::collections::BTreeMap;

use crate::split::Columns;

use super::super::ReadError;
use super::super::running::Running;
use super::super::view::View;
use super::pieces::{Found, Group, Member, Piece, Scope, groups, look_into, pieces, rows_of};

/// Bytes of lines on one side of a record at most; beyond it fewer lines are given than asked for.
const SIDE_BYTES_MAX: usize = 64 << 20;

/// To which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

/// A row that others are looked for around: its offset, and where rows like it can be. The order of
/// a member's offsets is that of its keys, so that splits far from it need not be opened.
#[derive(Clone, Debug)]
pub(super) struct Center {
    pub(super) scope: Scope,
    pub(super) offset: u64,
}

/// The rows of the nearest `lines` lines whose keys are below (above) `at`, the key of the center,
/// ascending. A line begins with a row that is no part or the first.
pub(super) fn nearest(
    view: &View,
    member: &Member,
    center: &Center,
    at: u64,
    lines: usize,
    side: Side,
    running: &Running,
) -> Result<Vec<Found>, ReadError> {
    let mut groups = groups(view, member, Some(&center.scope));
    match side {
        Side::Before => {
            groups.retain(|group| group.offsets.0 <= center.offset);
            groups.sort_by_key(|group| std::cmp::Reverse(group.offsets.1));
        }
        Side::After => {
            groups.retain(|group| group.offsets.1 >= center.offset);
            groups.sort_by_key(|group| group.offsets.0);
        }
    }
    let mut near = Near::new(side, lines);
    for group in groups {
        running.check()?;
        if near.is_nearer_than(&group) {
            break;
        }
        let mut pieces = look_into(view, &group, member, running);
        pieces.retain(|piece| match side {
            Side::Before => piece.first < at,
            Side::After => piece.end > at,
        });
        let is_beyond = |key: u64| match side {
            Side::Before => key < at,
            Side::After => key > at,
        };
        near.take(view, member, pieces, &is_beyond, running)?;
    }
    Ok(near.rows.into_values().collect())
}

/// The rows of the first (`Side::After`) or last lines of a member, ascending.
pub(super) fn from_the_end(
    view: &View,
    member: &Member,
    scope: &Scope,
    lines: usize,
    side: Side,
    running: &Running,
) -> Result<Vec<Found>, ReadError> {
    let pieces = pieces(view, member, Some(scope), running)?;
    let mut near = Near::new(side, lines);
    near.take(view, member, pieces, &|_| true, running)?;
    Ok(near.rows.into_values().collect())
}

struct Near {
    side: Side,
    lines: usize,
    rows: BTreeMap<u64, Found>,
}

impl Near {
    fn new(side: Side, lines: usize) -> Self {
        Self {
            side,
            lines,
            rows: BTreeMap::new(),
        }
    }

    /// Reads pieces, the nearest first, until none that is left can hold a nearer row.
    fn take(
        &mut self,
        view: &View,
        member: &Member,
        mut pieces: Vec<Piece>,
        is_beyond: &dyn Fn(u64) -> bool,
        running: &Running,
    ) -> Result<(), ReadError> {
        match self.side {
            Side::Before => pieces.sort_by_key(|piece| std::cmp::Reverse(piece.end)),
            Side::After => pieces.sort_by_key(|piece| piece.first),
        }
        for piece in &pieces {
            running.check()?;
            if self.needs_none_of(piece) {
                break;
            }
            let rows = rows_of(view, piece, member, Columns::ALL, running);
            self.rows.extend(rows.into_iter().filter(|(key, _)| is_beyond(*key)));
            self.trim();
        }
        Ok(())
    }

    fn farthest(&self) -> Option<(u64, &Found)> {
        let farthest = match self.side {
            Side::Before => self.rows.first_key_value(),
            Side::After => self.rows.last_key_value(),
        };
        farthest.map(|(key, found)| (*key, found))
    }

    /// Whether all that is asked for is nearer than anything in the group.
    fn is_nearer_than(&self, group: &Group) -> bool {
        if self.lines == 0 {
            return true;
        }
        let Some((_, farthest)) = self.farthest() else {
            return false;
        };
        let offset = farthest.row().offset;
        let nearer = match self.side {
            Side::Before => group.offsets.1 < offset,
            Side::After => group.offsets.0 > offset,
        };
        nearer && self.is_full()
    }

    /// Whether all that is asked for is nearer than anything in the piece.
    fn needs_none_of(&self, piece: &Piece) -> bool {
        if self.lines == 0 {
            return true;
        }
        let Some((farthest, _)) = self.farthest() else {
            return false;
        };
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
