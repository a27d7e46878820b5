//! A search without pipes: matching rows in the total order, newest (or oldest) first.
//!
//! Splits, pages and live rows wait in a heap by the best time they can hold. Whatever matched and
//! is better than all that waits is final and goes out; so the newest N are exact, and most pages
//! are never read.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::sync::Arc;

use timberline_proto::api::Direction;

use crate::catalog::CatalogSplit;
use crate::rows::RowBlock;
use crate::split::Columns;

use super::ReadError;
use super::row::RowView;
use super::running::{Running, add};
use super::scan::{Selection, Unit, split_units, splits_in_range};
use super::view::View;

/// A record's place in the total order, and a cursor's content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) time: i64,
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    /// Decides between topics, whose partitions are numbered alike.
    pub(crate) topic: Arc<str>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}_{}", self.time, self.partition, self.offset, self.topic)
    }
}

impl FromStr for Key {
    type Err = ReadError;

    fn from_str(text: &str) -> Result<Self, ReadError> {
        let parse = || {
            let mut parts = text.splitn(4, '_');
            Some(Key {
                time: parts.next()?.parse().ok()?,
                partition: parts.next()?.parse().ok()?,
                offset: parts.next()?.parse().ok()?,
                topic: Arc::from(parts.next()?),
            })
        };
        parse().ok_or_else(|| {
            ReadError::BadRequest(format!(
                "{text:?} is no cursor: send back the cursor of an earlier answer's end, or none"
            ))
        })
    }
}

/// A row that was found.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) key: Key,
    pub(crate) block: Arc<RowBlock>,
    pub(crate) row: usize,
}

impl Hit {
    pub(crate) fn view(&self) -> RowView<'_> {
        RowView::new(self.block.row(self.row), &self.key.topic)
    }
}

/// What to look for.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) view: View,
    pub(crate) selection: Selection,
    pub(crate) direction: Direction,
    /// Only what comes after it.
    pub(crate) after: Option<Key>,
    pub(crate) limit: usize,
    pub(crate) running: Arc<Running>,
}

/// A key that sorts what comes first as smallest, in either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rank {
    key: Key,
    direction: Direction,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.direction {
            Direction::Forward => self.key.cmp(&other.key),
            Direction::Backward => other.key.cmp(&self.key),
        }
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What waits to be read. `best` is the time of the first row it can hold, as [`Search::time_rank`].
struct Waiting {
    best: i128,
    what: What,
}

enum What {
    Split(Arc<CatalogSplit>),
    Unit(Unit),
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.best == other.best
    }
}

impl Eq for Waiting {}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.best.cmp(&other.best)
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Search {
    /// Gives the hits in order to `emit`, in portions, until it breaks off or the limit is
    /// reached. Returns the last key given if there may be more after it. Blocks.
    pub(crate) fn run(&self, emit: &mut dyn FnMut(Vec<Hit>) -> ControlFlow<()>) -> Result<Option<Key>, ReadError> {
        let query = self.selection.page_query(&self.view);
        let mut waiting = self.start();
        let mut pending = BTreeMap::new();
        let mut left = self.limit;
        let mut last = None;
        while let Some(Reverse(next)) = waiting.pop() {
            self.running.check()?;
            match next.what {
                What::Split(entry) => {
                    let units = split_units(&self.view, &entry, &query, &self.selection.range, &self.running);
                    waiting.extend(units.into_iter().map(|unit| Reverse(self.waiting(unit))));
                }
                What::Unit(unit) => self.test(&unit, &mut pending, left + 1),
            }
            let bound = waiting.peek().map(|Reverse(next)| next.best);
            let portion = self.take_final(&mut pending, bound, left);
            left -= portion.len();
            if let Some(hit) = portion.last() {
                last = Some(hit.key.clone());
                if emit(portion).is_break() {
                    return Err(ReadError::Cancelled);
                }
            }
            if left == 0 && (!pending.is_empty() || bound.is_some()) {
                return Ok(last);
            }
        }
        Ok(None)
    }

    fn start(&self) -> BinaryHeap<Reverse<Waiting>> {
        let range = &self.selection.range;
        let splits = splits_in_range(&self.view, range, &self.running).map(|entry| Waiting {
            best: self.best(entry.meta.time_min, entry.meta.time_max),
            what: What::Split(Arc::clone(entry)),
        });
        let live = self.view.live.iter();
        let live = live.filter(|part| range.overlaps(part.time_min, part.time_max));
        let live = live.map(|part| self.waiting(Unit::Live(part.clone())));
        let after = self.after.as_ref().map(|key| self.time_rank(key.time));
        let worst = |min, max| match self.direction {
            Direction::Backward => self.time_rank(min),
            Direction::Forward => self.time_rank(max),
        };
        let needed = |w: &Waiting| {
            let (min, max) = match &w.what {
                What::Split(entry) => (entry.meta.time_min, entry.meta.time_max),
                What::Unit(unit) => unit.times(),
            };
            after.is_none_or(|after| worst(min, max) >= after)
        };
        splits.chain(live).filter(needed).map(Reverse).collect()
    }

    fn waiting(&self, unit: Unit) -> Waiting {
        let (min, max) = unit.times();
        Waiting {
            best: self.best(min, max),
            what: What::Unit(unit),
        }
    }

    fn best(&self, min: i64, max: i64) -> i128 {
        match self.direction {
            Direction::Backward => self.time_rank(max),
            Direction::Forward => self.time_rank(min),
        }
    }

    /// Smaller comes first.
    fn time_rank(&self, time: i64) -> i128 {
        match self.direction {
            Direction::Backward => -i128::from(time),
            Direction::Forward => i128::from(time),
        }
    }

    /// Puts a unit's hits among the pending ones, of which at most `keep` can matter.
    fn test(&self, unit: &Unit, pending: &mut BTreeMap<Rank, (Arc<RowBlock>, usize)>, keep: usize) {
        let (min, max) = unit.times();
        let all = self.selection.takes_all(min, max);
        let columns = Columns {
            line: true,
            provenance: true,
            attributes: true,
        };
        let Some(rows) = unit.read(&self.view, columns, &self.running) else {
            return;
        };
        let mut matched = 0;
        for at in rows.first..rows.block.len() {
            let row = rows.block.row(at);
            let rank = Rank {
                direction: self.direction,
                key: Key {
                    time: row.time_nanos,
                    partition: row.partition,
                    offset: row.offset,
                    topic: Arc::clone(&rows.topic),
                },
            };
            let full = pending.len() >= keep;
            if full && pending.last_key_value().is_some_and(|(worst, _)| *worst < rank) || !self.is_after(&rank.key) {
                continue;
            }
            if !all && !self.selection.matches(&RowView::new(row, &rows.topic)) {
                continue;
            }
            matched += 1;
            pending.insert(rank, (Arc::clone(&rows.block), at));
            if full {
                pending.pop_last();
            }
        }
        add(&self.running.meter.rows_matched, matched);
    }

    fn is_after(&self, key: &Key) -> bool {
        let Some(after) = &self.after else { return true };
        match self.direction {
            Direction::Backward => key < after,
            Direction::Forward => key > after,
        }
    }

    /// Takes the pending hits that nothing waiting can precede.
    fn take_final(
        &self,
        pending: &mut BTreeMap<Rank, (Arc<RowBlock>, usize)>,
        bound: Option<i128>,
        left: usize,
    ) -> Vec<Hit> {
        let mut portion = Vec::new();
        while portion.len() < left {
            let Some(first) = pending.first_entry() else { break };
            if bound.is_some_and(|bound| self.time_rank(first.key().key.time) >= bound) {
                break;
            }
            let (rank, (block, row)) = first.remove_entry();
            portion.push(Hit {
                key: rank.key,
                block,
                row,
            });
        }
        portion
    }
}
