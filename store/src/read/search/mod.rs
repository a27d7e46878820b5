//! A search without pipes: matching rows in the total order, newest (or oldest) first.
//!
//! Splits, pages and live rows wait in a heap by the best time they can hold. Whatever matched and
//! is better than all that waits is final and goes out; so the newest N are exact, and most pages
//! are never read. Of a page that is, only lines are rebuilt of which it is not known whether they
//! match, and those that are shown.

mod order;
mod pending;
#[cfg(test)]
mod tests;

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use timberline_proto::api::Direction;

pub(crate) use self::order::Key;
use self::order::Rank;
use self::pending::{Found, HeldPage, OpenPages, Pending};
use super::ReadError;
use super::decide::Verdict;
use super::matching::{Deciders, PageTest, narrow, possible};
use super::open_page::OpenPage;
use super::row::RowView;
use super::running::{Running, add};
use super::scan::{PageUnit, Selection, Unit, split_units, splits_in_range};
use super::view::{LivePart, View};
use crate::catalog::CatalogSplit;
use crate::rows::RowBlock;
use crate::split::{Columns, SplitError};

/// Rows of a page to be rebuilt, beyond which their slots are asked first.
const NARROWED_MIN: usize = 16;

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

/// How a search ended.
enum Ended {
    /// With all that was asked for; the last key given if there may be more after it.
    Whole(Option<Key>),
    /// With rows found that could not be read: what else there is has to be looked for again.
    Short,
}

/// Pages that cannot be read, by split and number.
type Unreadable = HashSet<(String, u32)>;

impl Search {
    /// Gives the hits in order to `emit`, in portions, until it breaks off or the limit is
    /// reached. Returns the last key given if there may be more after it. Rows that cannot be read
    /// are left out, the answer says so, and those that follow take their places. Blocks.
    pub(crate) fn run(&self, emit: &mut dyn FnMut(Vec<Hit>) -> ControlFlow<()>) -> Result<Option<Key>, ReadError> {
        let mut rest = self.clone();
        let mut unreadable = Unreadable::new();
        loop {
            // Each time around knows of one more page that cannot be read.
            if let Ended::Whole(last) = rest.run_on(&mut unreadable, emit)? {
                return Ok(last);
            }
        }
    }

    /// The same from `after` on, which moves with what is given, as `limit` does.
    fn run_on(
        &mut self,
        unreadable: &mut Unreadable,
        emit: &mut dyn FnMut(Vec<Hit>) -> ControlFlow<()>,
    ) -> Result<Ended, ReadError> {
        self.running.check()?;
        let query = self.selection.page_query(&self.view);
        let deciders = Deciders::new(&self.view.cache, &self.selection, &self.running);
        let mut waiting = self.start();
        let mut pending = Pending::new();
        let mut open_pages = OpenPages::default();
        while let Some(Reverse(next)) = waiting.pop() {
            self.running.check()?;
            match next.what {
                What::Split(entry) => {
                    let units = split_units(&self.view, &entry, &query, &self.selection.range, &self.running);
                    let units = units.into_iter().map(|unit| self.waiting(unit));
                    waiting.extend(units.filter(|unit| self.is_needed(unit)).map(Reverse));
                }
                What::Unit(unit) if self.view.limits.hides() => {
                    self.test_shown(&unit, &mut pending);
                    self.running.check()?;
                }
                What::Unit(Unit::Live(part)) => self.test_live(&part, &mut pending),
                What::Unit(Unit::Page(unit)) if unreadable.contains(&place(&unit)) => {}
                What::Unit(Unit::Page(unit)) => {
                    if let Err(error) = self.test_page(&unit, &deciders, &mut pending, &mut open_pages) {
                        unit.failed(&self.view, &error, &self.running);
                        unreadable.insert(place(&unit));
                    }
                    self.running.check()?;
                }
            }
            let bound = waiting.peek().map(|Reverse(next)| next.best);
            let portion = self.take_final(&mut pending, bound);
            if let Some((rank, _)) = portion.last() {
                let (last, rows) = (rank.key.clone(), portion.len());
                let hits = self.read(portion, unreadable, &mut open_pages);
                let read = hits.len();
                self.limit -= read;
                self.after = Some(last);
                if emit(hits).is_break() {
                    return Err(ReadError::Cancelled);
                }
                if read < rows {
                    return Ok(Ended::Short);
                }
            }
            if self.limit == 0 && (!pending.is_empty() || bound.is_some()) {
                return Ok(Ended::Whole(self.after.take()));
            }
        }
        Ok(Ended::Whole(None))
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
        let all = splits.chain(live).filter(|waiting| self.is_needed(waiting));
        all.map(Reverse).collect()
    }

    /// Whether some of it can come after the cursor.
    fn is_needed(&self, waiting: &Waiting) -> bool {
        let (min, max) = match &waiting.what {
            What::Split(entry) => (entry.meta.time_min, entry.meta.time_max),
            What::Unit(unit) => unit.times(),
        };
        let worst = match self.direction {
            Direction::Backward => self.time_rank(min),
            Direction::Forward => self.time_rank(max),
        };
        let after = self.after.as_ref();
        after.is_none_or(|key| worst >= self.time_rank(key.time))
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

    fn rank(&self, time: i64, partition: u32, offset: u64, topic: &Arc<str>) -> Rank {
        Rank {
            direction: self.direction,
            key: Key {
                time,
                partition,
                offset,
                topic: Arc::clone(topic),
            },
        }
    }

    /// Pending rows that can matter: those to give, and one that says whether there are more.
    fn keep(&self) -> usize {
        self.limit + 1
    }

    /// Whether a row of this rank can be among those to keep.
    fn can_matter(&self, rank: &Rank, pending: &Pending) -> bool {
        let is_late = |(worst, _): (&Rank, &Found)| worst < rank;
        self.is_after(&rank.key) && !(pending.len() >= self.keep() && pending.last_key_value().is_some_and(is_late))
    }

    /// Puts live rows that match among the pending ones.
    fn test_live(&self, part: &LivePart, pending: &mut Pending) {
        add(&self.running.meter.rows_scanned, part.rows.len() - part.first);
        let all = self.selection.takes_all(part.time_min, part.time_max);
        for at in part.first..part.rows.len() {
            let row = part.rows.row(at);
            let rank = self.rank(row.time_nanos, row.partition, row.offset, &part.topic);
            if self.can_matter(&rank, pending) && (all || self.selection.matches(&RowView::new(row, &part.topic))) {
                self.found(rank, Found::Live(Arc::clone(&part.rows), at), pending);
            }
        }
    }

    /// The same for what is masked, of which nothing is known before it is. Rows that wait are held, as
    /// their page would have to be masked again.
    fn test_shown(&self, unit: &Unit, pending: &mut Pending) {
        let Some(rows) = self.view.shown(unit, &self.running) else {
            return;
        };
        let matches = |at: &u32| {
            let row = rows.block.row(*at as usize);
            let rank = self.rank(row.time_nanos, row.partition, row.offset, &rows.topic);
            self.can_matter(&rank, pending) && self.selection.matches(&RowView::new(row, &rows.topic))
        };
        let mut matching: Vec<u32> = (0..rows.block.len() as u32).filter(matches).collect();
        matching.sort_by_key(|&at| self.time_rank(rows.block.times()[at as usize]));
        matching.truncate(self.keep());
        let held = Arc::new(rows.block.select(&matching));
        for at in 0..held.len() {
            let row = held.row(at);
            let rank = self.rank(row.time_nanos, row.partition, row.offset, &rows.topic);
            self.found(rank, Found::Live(Arc::clone(&held), at), pending);
        }
    }

    fn found(&self, rank: Rank, found: Found, pending: &mut Pending) {
        add(&self.running.meter.rows_matched, 1);
        pending.insert(rank, found);
        if pending.len() > self.keep() {
            pending.pop_last();
        }
    }

    /// The same for a page: its rows are asked from the first in order on, until those that follow
    /// cannot matter.
    fn test_page(
        &self,
        unit: &PageUnit,
        deciders: &Deciders,
        pending: &mut Pending,
        open_pages: &mut OpenPages,
    ) -> Result<(), SplitError> {
        let split = self.view.split(&unit.entry)?;
        let decider = deciders.of(&split, &unit.topic)?;
        if decider.holds_none(unit.page)? {
            add(&self.running.meter.pages_decided, 1);
            return Ok(());
        }
        let open = Rc::new(OpenPage::open(&unit.topic, &split, unit.page)?);
        add(&self.running.meter.pages_read, 1);
        add(&self.running.meter.rows_scanned, open.core.rows());
        let decider = decider.page(unit.page)?;
        let mut rows = possible(&self.selection, &decider, &open);
        let core = &open.core;
        let rank = |row: u32| {
            let row = row as usize;
            self.rank(
                core.times()[row],
                core.partitions()[row],
                core.offsets()[row],
                &unit.topic,
            )
        };
        rows.retain(|&(row, _)| self.can_matter(&rank(row), pending));
        if rows.iter().filter(|(_, verdict)| *verdict == Verdict::Maybe).count() > NARROWED_MIN {
            rows = narrow(&decider, &open, rows)?;
        }
        let mut ranked: Vec<_> = rows
            .into_iter()
            .map(|(row, verdict)| (rank(row), row, verdict))
            .collect();
        ranked.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut test = PageTest::new(&self.selection, &open, &self.running);
        let mut held: Option<Rc<HeldPage>> = None;
        for (rank, row, verdict) in ranked {
            if !self.can_matter(&rank, pending) {
                break;
            }
            match test.matches(row, verdict)? {
                None => break,
                Some(false) => {}
                Some(true) => {
                    let held = held.get_or_insert_with(|| open_pages.hold(unit, &open));
                    self.found(rank, Found::Page(Rc::clone(held), row), pending);
                }
            }
        }
        Ok(())
    }

    /// Reads what is shown of rows: of each page at once. Fewer than all of them where a page cannot be
    /// read, or the query is stopped.
    fn read(&self, portion: Vec<(Rank, Found)>, unreadable: &mut Unreadable, open_pages: &mut OpenPages) -> Vec<Hit> {
        let mut by_page: Vec<(Rc<HeldPage>, Vec<u32>)> = Vec::new();
        let mut places = HashMap::new();
        for (_, found) in &portion {
            if let Found::Page(page, row) = found {
                let place = *places.entry(Rc::as_ptr(page)).or_insert(by_page.len());
                if place == by_page.len() {
                    by_page.push((Rc::clone(page), Vec::new()));
                }
                by_page[place].1.push(*row);
            }
        }
        let columns = Columns {
            line: true,
            provenance: true,
            attributes: true,
        };
        let read = |(page, rows): &(Rc<HeldPage>, Vec<u32>)| {
            self.running.check().ok()?;
            let open = open_pages.open(page, &self.view);
            match open.and_then(|open| open.rows(rows, columns)) {
                Ok(block) => Some(Arc::new(block)),
                Err(error) => {
                    page.unit.failed(&self.view, &error, &self.running);
                    unreadable.insert(place(&page.unit));
                    None
                }
            }
        };
        let blocks: Vec<_> = by_page.iter().map(read).collect();
        let mut next = vec![0; blocks.len()];
        let hit = |(rank, found): (Rank, Found)| {
            let (block, row) = match found {
                Found::Live(block, row) => (block, row),
                Found::Page(page, _) => {
                    let place = places[&Rc::as_ptr(&page)];
                    next[place] += 1;
                    (Arc::clone(blocks[place].as_ref()?), next[place] - 1)
                }
            };
            Some(Hit {
                key: rank.key,
                block,
                row,
            })
        };
        portion.into_iter().filter_map(hit).collect()
    }

    fn is_after(&self, key: &Key) -> bool {
        let Some(after) = &self.after else { return true };
        match self.direction {
            Direction::Backward => key < after,
            Direction::Forward => key > after,
        }
    }

    /// Takes the pending rows that nothing waiting can precede.
    fn take_final(&self, pending: &mut Pending, bound: Option<i128>) -> Vec<(Rank, Found)> {
        let mut portion = Vec::new();
        while portion.len() < self.limit {
            let Some(first) = pending.first_entry() else { break };
            if bound.is_some_and(|bound| self.time_rank(first.key().key.time) >= bound) {
                break;
            }
            portion.push(first.remove_entry());
        }
        portion
    }
}

fn place(unit: &PageUnit) -> (String, u32) {
    (unit.entry.meta.id.clone(), unit.page)
}
