//! Pages and live rows that may hold what a query looks for, and the exact test of their rows.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use timberline_proto::query::ast::{Filter, Test};

use crate::catalog::CatalogSplit;
use crate::rows::RowBlock;
use crate::split::{Columns, PageInfo, PageQuery, Split, SplitError};

use super::ReadError;
use super::decide::Decider;
use super::limits::Limits;
use super::prune;
use super::reader::blocking;
use super::row::RowView;
use super::running::{Running, add};
use super::test::Tester;
use super::time::TimeRange;
use super::view::{LivePart, View};

/// Which rows: a filter and a range of time.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) filter: Arc<Filter>,
    pub(crate) tester: Tester,
    pub(crate) range: TimeRange,
    pub(crate) decider: Arc<Decider>,
    /// Whether the filter asks when a record was read, which is not among the core columns.
    pub(crate) needs_observed: bool,
}

impl Selection {
    /// What a filter keeps, of what is seen.
    pub(crate) fn new(limits: &Limits, filter: Filter, range: TimeRange) -> Result<Self, ReadError> {
        Self::of(limits.narrowed(filter), range)
    }

    /// What these filters keep of it, too.
    pub(crate) fn narrowed(&self, filters: Vec<Filter>, range: TimeRange) -> Result<Self, ReadError> {
        let mut all = vec![self.filter.as_ref().clone()];
        all.extend(filters);
        Self::of(Filter::and(all), self.range.intersect(&range))
    }

    fn of(filter: Filter, range: TimeRange) -> Result<Self, ReadError> {
        let mut needs_observed = false;
        filter.for_each_leaf(&mut |leaf, _| {
            needs_observed |= leaf.field.as_ref().is_some_and(|field| field.name == "observed");
        });
        Ok(Self {
            tester: Tester::new(&filter)?,
            decider: Arc::new(Decider::new(&filter)?),
            needs_observed,
            filter: Arc::new(filter),
            range,
        })
    }

    /// The same where it may take long: regexes are compiled on a thread that may block.
    pub(crate) async fn prepared(limits: &Limits, filter: Filter, range: TimeRange) -> Result<Self, ReadError> {
        let filter = limits.narrowed(filter);
        let mut has_regex = false;
        filter.for_each_leaf(&mut |leaf, _| has_regex |= matches!(leaf.test, Test::Regex(_)));
        match has_regex {
            true => blocking(move || Self::of(filter, range)).await,
            false => Self::of(filter, range),
        }
    }

    /// What to ask of a split's index, without the time range, which the split's pages know.
    pub(crate) fn page_query(&self, view: &View) -> PageQuery {
        view.limits
            .pages(prune::page_query(&self.filter, &view.snapshot.streams))
    }

    pub(crate) fn matches(&self, row: &RowView<'_>) -> bool {
        self.range.holds(row.row.time_nanos) && self.tester.matches(row)
    }

    /// Whether every row between these times belongs to it, without looking.
    pub(crate) fn takes_all(&self, time_min: i64, time_max: i64) -> bool {
        self.tester.is_all() && self.range.covers(time_min, time_max)
    }
}

/// Some rows that are read at once.
#[derive(Clone, Debug)]
pub(crate) enum Unit {
    /// A page of a split.
    Page(PageUnit),
    /// Live rows.
    Live(LivePart),
}

/// A page of a split, which is opened when the page is read: a query that has many to read does not
/// keep all of their files open.
#[derive(Clone, Debug)]
pub(crate) struct PageUnit {
    pub(crate) topic: Arc<str>,
    pub(crate) entry: Arc<CatalogSplit>,
    pub(crate) page: u32,
    info: PageInfo,
    /// In its file.
    bytes: u64,
}

impl PageUnit {
    /// `entry` is that of `split`, whose page it is.
    pub(crate) fn new(topic: &Arc<str>, entry: &Arc<CatalogSplit>, split: &Split, page: u32) -> Self {
        Self {
            topic: Arc::clone(topic),
            entry: Arc::clone(entry),
            page,
            info: split.pages()[page as usize],
            bytes: split.page_bytes(page),
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes note that it cannot be read.
    pub(crate) fn failed(&self, view: &View, error: &SplitError, running: &Running) {
        view.failed(&self.entry.meta.id, u64::from(self.info.rows), error, running);
    }
}

/// Rows in memory, those from `first` on.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) topic: Arc<str>,
    pub(crate) block: Arc<RowBlock>,
    pub(crate) first: usize,
}

impl Unit {
    /// Its earliest and latest time.
    pub(crate) fn times(&self) -> (i64, i64) {
        match self {
            Unit::Live(part) => (part.time_min, part.time_max),
            Unit::Page(unit) => (unit.info.time_min, unit.info.time_max),
        }
    }

    /// Bytes in its file; none of live rows.
    pub(crate) fn file_bytes(&self) -> u64 {
        match self {
            Unit::Live(_) => 0,
            Unit::Page(unit) => unit.bytes,
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        match self {
            Unit::Live(part) => (part.rows.len() - part.first) as u64,
            Unit::Page(unit) => u64::from(unit.info.rows),
        }
    }

    /// Its rows; `None` if they cannot be read, which the answer then says.
    pub(crate) fn read(&self, view: &View, columns: Columns, running: &Running) -> Option<Rows> {
        match self {
            Unit::Live(part) => {
                add(&running.meter.rows_scanned, part.rows.len() - part.first);
                Some(Rows {
                    topic: Arc::clone(&part.topic),
                    block: Arc::clone(&part.rows),
                    first: part.first,
                })
            }
            Unit::Page(unit) => match view
                .split(&unit.entry)
                .and_then(|split| split.read_page(unit.page, columns))
            {
                Ok(block) => {
                    add(&running.meter.pages_read, 1);
                    add(&running.meter.rows_scanned, block.len());
                    add(&running.meter.bytes_read, block.line_bytes());
                    Some(Rows {
                        topic: Arc::clone(&unit.topic),
                        block: Arc::new(block),
                        first: 0,
                    })
                }
                Err(error) => {
                    unit.failed(view, &error, running);
                    None
                }
            },
        }
    }
}

/// The pages of a split that may hold matching rows. Counts what is skipped.
pub(crate) fn split_units(
    view: &View,
    entry: &Arc<CatalogSplit>,
    query: &PageQuery,
    range: &TimeRange,
    running: &Running,
) -> Vec<Unit> {
    let Some(split) = view.open(entry, running) else {
        return Vec::new();
    };
    let candidates = match split.candidates(query) {
        Ok(candidates) => candidates,
        Err(error) => {
            view.failed(&entry.meta.id, entry.meta.rows, &error, running);
            return Vec::new();
        }
    };
    add(&running.meter.pages_total, split.pages().len());
    let pages = 0..split.pages().len() as u32;
    let bytes: u64 = pages.map(|page| split.page_bytes(page)).sum();
    add(&running.meter.page_bytes_total, bytes as usize);
    add(&running.meter.page_rows_total, split.meta().rows as usize);
    let topic: Arc<str> = Arc::from(entry.topic.as_str());
    let in_range = |page: &u32| {
        let info = &split.pages()[*page as usize];
        range.overlaps(info.time_min, info.time_max)
    };
    let units: Vec<_> = candidates
        .into_iter()
        .filter(in_range)
        .map(|page| Unit::Page(PageUnit::new(&topic, entry, &split, page)))
        .collect();
    if units.is_empty() {
        add(&running.meter.splits_skipped, 1);
    }
    units
}

/// The pages of a split that may hold the offsets which `wanted` says of a partition; in no order, none twice.
pub(crate) fn units_of_offsets(
    view: &View,
    entry: &Arc<CatalogSplit>,
    wanted: &dyn Fn(u32) -> Range<u64>,
    running: &Running,
) -> Vec<Unit> {
    let ranges = entry.meta.offsets.iter().map(|&(partition, first, last)| {
        let wanted = wanted(partition);
        (
            partition,
            first.max(wanted.start)..wanted.end.min(last.saturating_add(1)),
        )
    });
    let ranges: Vec<(u32, Range<u64>)> = ranges.filter(|(_, range)| !range.is_empty()).collect();
    if ranges.is_empty() {
        return Vec::new();
    }
    let Some(split) = view.open(entry, running) else {
        return Vec::new();
    };
    let mut pages = BTreeSet::new();
    for (partition, range) in ranges {
        match split.offsets(partition) {
            Ok(held) => {
                let held = held
                    .iter()
                    .filter(|held| held.first < range.end && range.start <= held.last);
                pages.extend(held.map(|held| held.page));
            }
            Err(error) => view.failed(&entry.meta.id, entry.meta.rows, &error, running),
        }
    }
    let topic: Arc<str> = Arc::from(entry.topic.as_str());
    let units = pages
        .into_iter()
        .map(|page| Unit::Page(PageUnit::new(&topic, entry, &split, page)));
    units.collect()
}

/// The splits whose times overlap the range; the others count as skipped.
pub(crate) fn splits_in_range<'a>(
    view: &'a View,
    range: &'a TimeRange,
    running: &Running,
) -> impl Iterator<Item = &'a Arc<CatalogSplit>> {
    let all = &view.snapshot.splits;
    add(&running.meter.splits_total, all.len());
    let overlaps = |split: &&Arc<CatalogSplit>| range.overlaps(split.meta.time_min, split.meta.time_max);
    add(
        &running.meter.splits_skipped,
        all.len() - all.iter().filter(overlaps).count(),
    );
    all.iter().filter(overlaps)
}

/// Everything that may hold matching rows, in no order. Opens every split in range, one at a time: for
/// queries that read all of it anyway.
pub(crate) fn all_units(
    view: &View,
    query: &PageQuery,
    range: &TimeRange,
    running: &Running,
) -> Result<Vec<Unit>, ReadError> {
    let mut units = Vec::new();
    for entry in splits_in_range(view, range, running) {
        running.check()?;
        units.extend(split_units(view, entry, query, range, running));
    }
    let live = view
        .live
        .iter()
        .filter(|part| range.overlaps(part.time_min, part.time_max));
    units.extend(live.cloned().map(Unit::Live));
    Ok(units)
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use super::super::fixture::{Fixture, TestRow};
    use super::super::matching::Deciders;
    use super::super::view::Splits;
    use super::*;

    const SPLITS: i64 = 50;
    const NOTHING: Columns = Columns {
        line: false,
        provenance: false,
        attributes: false,
    };

    /// A view of many splits, and a filter that is asked of each.
    fn many() -> (Fixture, View, Selection) {
        let mut fixture = Fixture::new();
        for n in 0..SPLITS {
            fixture.append(&[TestRow::new(n, &format!("line {n}"))]);
            fixture.flush(false);
        }
        let splits = Arc::clone(&fixture.files) as Arc<dyn Splits>;
        let cache = Arc::new(super::super::cache::Cache::new(0));
        let limits = Arc::new(Limits::none());
        let view = View::take(&*fixture.live, &fixture.catalog, &splits, &cache, &limits);
        let filter = super::super::histogram::filter_of("line").unwrap();
        (
            fixture,
            view,
            Selection::new(&Limits::none(), filter, TimeRange::ALL).unwrap(),
        )
    }

    fn still_open(closed: &[Weak<Split>]) -> usize {
        assert_eq!(closed.len(), SPLITS as usize);
        closed.iter().filter(|split| split.upgrade().is_some()).count()
    }

    #[test]
    fn what_a_query_has_to_read_keeps_no_split_open() {
        let (fixture, view, selection) = many();
        let running = Running::new(std::time::Duration::from_secs(60), Default::default());
        let query = selection.page_query(&view);
        let units = all_units(&view, &query, &TimeRange::ALL, &running).unwrap();
        assert_eq!(units.len(), SPLITS as usize);
        assert_eq!(still_open(&fixture.files.close()), 0);
        assert!(units.iter().all(|unit| unit.rows() == 1 && unit.file_bytes() > 0));
        let rows = units.iter().filter_map(|unit| unit.read(&view, NOTHING, &running));
        assert_eq!(rows.map(|rows| rows.block.len()).sum::<usize>(), SPLITS as usize);
    }

    #[test]
    fn a_filter_asked_of_many_splits_keeps_few_of_them_open() {
        let (fixture, view, selection) = many();
        let running = Running::new(std::time::Duration::from_secs(60), Default::default());
        let deciders = Deciders::new(&view.cache, &selection, &running);
        for entry in &view.snapshot.splits {
            let split = view.split(entry).unwrap();
            let first = deciders.of(&split, &entry.topic).unwrap();
            assert!(Arc::ptr_eq(&first, &deciders.of(&split, &entry.topic).unwrap()));
        }
        let open = still_open(&fixture.files.close());
        assert!((1..=32).contains(&open), "{open}");
    }
}
