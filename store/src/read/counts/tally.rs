//! One split's counts.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use timberline_proto::line::Severity;

use super::keys::CellValues;
use super::{Counting, Groups, Key, Value};
use crate::read::decide::{PageDecider, SplitDecider, Verdict};
use crate::read::matching::PageTest;
use crate::read::open_page::OpenPage;
use crate::read::per_split::Means;
use crate::read::running::add;
use crate::read::time::{TimeRange, bin_start};
use crate::split::hash::FastMap;
use crate::split::summary::Summary;
use crate::split::{PageQuery, Split, SplitError};

/// Rows of one stream, template (by id; 0 if no key asks), severity and bin (its start; 0 likewise).
type Cells = FastMap<(u32, u64, u8, i64), u64>;

pub(super) struct Tally<'a> {
    pub(super) counting: &'a Counting,
    decider: &'a SplitDecider,
    pub(super) split: &'a Arc<Split>,
    pub(super) topic: Arc<str>,
    pub(super) means: Means<'a>,
    pub(super) width: Option<i64>,
    pub(super) by_template: bool,
    cells: Cells,
    pub(super) groups: Groups,
    /// Per key of which this holds for some, the pages where only each row knows its value.
    fields: Vec<Vec<bool>>,
    /// Pages left to be looked at row by row, and which of their rows.
    pending: Vec<(u32, Rows)>,
}

/// Which rows of a page are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    /// None is counted yet.
    All,
    /// Those of cells that are decided are counted.
    Undecided,
}

impl<'a> Tally<'a> {
    pub(super) fn new(counting: &'a Counting, decider: &'a SplitDecider, topic: Arc<str>, means: Means<'a>) -> Self {
        let width = counting.keys.iter().find_map(|key| match key {
            Key::Bin(width) => Some(*width),
            _ => None,
        });
        Self {
            counting,
            decider,
            split: &decider.split,
            topic,
            means,
            width,
            by_template: counting.keys.contains(&Key::Template),
            cells: Cells::default(),
            groups: Groups::default(),
            fields: Vec::new(),
            pending: Vec::new(),
        }
    }

    /// The counts; `None` if the query was stopped.
    pub(super) fn count(mut self, index: &PageQuery) -> Result<Option<Groups>, SplitError> {
        self.find_fields()?;
        let range = self.counting.selection.range;
        let whole = match self.timeline_range()? {
            Some(covered) => {
                self.count_timeline(covered)?;
                covered
            }
            None => TimeRange { first: 0, last: -1 },
        };
        for page in 0..self.split.pages().len() as u32 {
            let info = self.split.pages()[page as usize];
            let is_left = range.overlaps(info.time_min, info.time_max) && !whole.covers(info.time_min, info.time_max);
            // Between the timeline's range and the query's, only its edges are left.
            if !is_left || (is_some(&whole) && !self.touches_edge(page, &whole)) {
                continue;
            }
            if is_some(&whole) {
                self.pending.push((page, Rows::All));
            } else {
                self.count_cells(page)?;
            }
        }
        if self.count_pending(index, &whole)?.is_none() {
            return Ok(None);
        }
        self.settle()?;
        self.note_groups();
        Ok(Some(self.groups))
    }

    /// Lets the query's next check see how much is held here.
    fn note_groups(&self) {
        let held = self.cells.len() + self.groups.len();
        self.means.running.meter.groups.fetch_max(held as u64, Relaxed);
    }

    /// Finds the pages where a key's value is known only row by row.
    fn find_fields(&mut self) -> Result<(), SplitError> {
        for key in &self.counting.keys {
            let Some(name) = key.field() else { continue };
            let mut pages = vec![false; self.split.pages().len()];
            let mut any = false;
            for page in self.split.candidates(&PageQuery::FieldOfRows(name.to_owned()))? {
                let has_attributes = self.split.page_has_attributes(page);
                let mut streams = self.split.page_streams(page).iter();
                let of_row = streams.any(|&stream| {
                    let cell = CellValues {
                        topic: &self.topic,
                        stream: &self.split.streams()[stream as usize],
                        severity: Severity::None,
                        template: 0,
                        bin: 0,
                    };
                    key.of_cell(&cell, true, has_attributes).is_none()
                });
                pages[page as usize] = of_row;
                any |= of_row;
            }
            if any {
                self.fields.push(pages);
            }
        }
        Ok(())
    }

    /// The buckets of the timeline that lie within the query's range, if they say all that is asked.
    fn timeline_range(&self) -> Result<Option<TimeRange>, SplitError> {
        let Some(Summary {
            width: Some(bucket), ..
        }) = self.decider.summary.as_deref()
        else {
            return Ok(None);
        };
        let fits = self.width.is_none_or(|width| width % bucket == 0);
        if self.by_template || !fits || !self.counting.selection.decider.ignores_templates() {
            return Ok(None);
        }
        let is_all = self.counting.selection.decider.is_all();
        for page in 0..self.split.pages().len() as u32 {
            if self.keys_of_row(page) || !(is_all || self.decider.page(page)?.is_decided()) {
                return Ok(None);
            }
        }
        let range = self.counting.selection.range;
        if range.covers(self.split.meta().time_min, self.split.meta().time_max) {
            return Ok(Some(TimeRange::ALL));
        }
        let (bucket, first, last) = (i128::from(*bucket), i128::from(range.first), i128::from(range.last));
        let first = (first + bucket - 1).div_euclid(bucket) * bucket;
        let last = (last + 1).div_euclid(bucket) * bucket - 1;
        let end = |at: i128| i64::try_from(at).ok();
        Ok(match (end(first), end(last)) {
            (Some(first), Some(last)) if first <= last => Some(TimeRange { first, last }),
            _ => None,
        })
    }

    fn count_timeline(&mut self, covered: TimeRange) -> Result<(), SplitError> {
        let Some(summary) = self.decider.summary.as_deref() else {
            return Ok(());
        };
        // Every page decides alike: that was checked.
        let decider = self.decider.page(0)?;
        let bucket = summary.width.unwrap_or(1);
        for entry in &summary.timeline {
            let start = i128::from(entry.bucket) * i128::from(bucket);
            let within =
                i128::from(covered.first) <= start && start + i128::from(bucket) - 1 <= i128::from(covered.last);
            let within = within || covered == TimeRange::ALL;
            if within && decider.verdict(0, entry.stream, entry.severity) == Verdict::Yes {
                let start = i64::try_from(start).unwrap_or(i64::MIN);
                self.add(entry.stream, 0, entry.severity, start, entry.rows);
            }
        }
        Ok(())
    }

    fn touches_edge(&self, page: u32, whole: &TimeRange) -> bool {
        let (info, range) = (self.split.pages()[page as usize], &self.counting.selection.range);
        let before = TimeRange {
            first: range.first,
            last: whole.first.saturating_sub(1),
        };
        let after = TimeRange {
            first: whole.last.saturating_add(1),
            last: range.last,
        };
        [(before, whole.first > range.first), (after, whole.last < range.last)]
            .iter()
            .any(|(edge, is_there)| *is_there && edge.overlaps(info.time_min, info.time_max))
    }

    pub(super) fn add(&mut self, stream: u32, template: u64, severity: u8, time: i64, rows: u64) {
        let bin = self.width.map_or(0, |width| bin_start(time, width));
        *self.cells.entry((stream, template, severity, bin)).or_default() += rows;
    }

    /// Whether the keys of some rows of a page are known only row by row.
    pub(super) fn keys_of_row(&self, page: u32) -> bool {
        self.fields.iter().any(|pages| pages.get(page as usize) == Some(&true))
    }

    /// Counts the page's cells, or leaves it for later.
    fn count_cells(&mut self, page: u32) -> Result<(), SplitError> {
        let info = self.split.pages()[page as usize];
        let Some(cells) = self.decider.cells(page)? else {
            self.pending.push((page, Rows::All));
            return Ok(());
        };
        if cells.iter().all(|(_, verdict)| *verdict == Verdict::No) {
            return Ok(());
        }
        let one_bin = self
            .width
            .is_none_or(|width| bin_start(info.time_min, width) == bin_start(info.time_max, width));
        let whole = self.counting.selection.range.covers(info.time_min, info.time_max);
        if !one_bin || !whole || self.keys_of_row(page) {
            self.pending.push((page, Rows::All));
            return Ok(());
        }
        let templates = match self.by_template {
            true => Some(self.split.templates(page)?),
            false => None,
        };
        let mut undecided = false;
        for (cell, verdict) in cells {
            match verdict {
                Verdict::No => {}
                Verdict::Maybe => undecided = true,
                Verdict::Yes => {
                    let template = templates.as_ref().map_or(0, |templates| templates.id(cell.template));
                    self.add(
                        cell.stream,
                        template,
                        cell.severity,
                        info.time_min,
                        u64::from(cell.rows),
                    );
                }
            }
        }
        if undecided {
            self.pending.push((page, Rows::Undecided));
        }
        Ok(())
    }

    /// Looks at the pages that are left; `None` if the query was stopped.
    fn count_pending(&mut self, index: &PageQuery, counted: &TimeRange) -> Result<Option<()>, SplitError> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(Some(()));
        }
        let pages: Vec<u32> = pending.iter().map(|(page, _)| *page).collect();
        let candidates = self.split.candidates_among(index, &pages)?;
        for (page, rows) in pending {
            self.note_groups();
            if self.means.running.check().is_err() {
                return Ok(None);
            }
            if candidates.binary_search(&page).is_ok() && self.count_rows(page, rows, counted)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }

    fn count_rows(&mut self, page: u32, left: Rows, counted: &TimeRange) -> Result<Option<()>, SplitError> {
        let open = OpenPage::open(&self.topic, self.split, page)?;
        let decider = self.decider.page(page)?;
        let keys_of_row = self.keys_of_row(page);
        let range = self.counting.selection.range;
        let core = Arc::clone(&open.core);
        let meter = &self.means.running.meter;
        add(&meter.pages_read, 1);
        add(&meter.rows_scanned, core.rows());
        let mut by_row = vec![Vec::new(); core.templates().len()];
        let ids = match self.by_template {
            true => Some(self.split.templates(page)?),
            false => None,
        };
        for row in 0..core.rows() {
            let time = core.times()[row];
            if !range.holds(time) || (is_some(counted) && counted.holds(time)) {
                continue;
            }
            let (which, stream, severity) = (core.which()[row], core.streams()[row], core.severities()[row] as u8);
            let template = core.templates()[which as usize];
            match decider.verdict(template, stream, severity) {
                Verdict::No => {}
                Verdict::Yes if !keys_of_row => {
                    if left == Rows::All {
                        let id = ids.as_ref().map_or(0, |ids| ids.id(template));
                        self.add(stream, id, severity, time, 1);
                    }
                }
                verdict => by_row[which as usize].push((row as u32, verdict)),
            }
        }
        self.test_rows(&open, &decider, by_row)
    }

    /// Tests the rows of each template that can match, one by one; `None` if the query was stopped.
    fn test_rows(
        &mut self,
        open: &OpenPage,
        decider: &PageDecider<'_>,
        by_row: Vec<Vec<(u32, Verdict)>>,
    ) -> Result<Option<()>, SplitError> {
        let selection = &self.counting.selection;
        let mut test = PageTest::new(selection, open, self.means.running);
        let mut matching = Vec::new();
        for (which, mut rows) in by_row.into_iter().enumerate() {
            if rows.is_empty() {
                continue;
            }
            if self.means.running.check().is_err() {
                return Ok(None);
            }
            decider.narrow(open.text()?, &open.core, which, &mut rows);
            for (row, verdict) in rows {
                match test.matches(row, verdict)? {
                    None => return Ok(None),
                    Some(true) => matching.push(row),
                    Some(false) => {}
                }
            }
        }
        matching.sort_unstable();
        self.count_matching(open, &matching)?;
        Ok(Some(()))
    }

    /// Cells become groups.
    fn settle(&mut self) -> Result<(), SplitError> {
        for ((stream, template, severity, bin), rows) in std::mem::take(&mut self.cells) {
            let cell = CellValues {
                topic: &self.topic,
                stream: &self.split.streams()[stream as usize],
                severity: Severity::from_rank(severity).unwrap_or(Severity::None),
                template,
                bin,
            };
            let values = self.counting.keys.iter().map(|key| {
                // Pages where a row's own field decides were looked at row by row.
                key.of_cell(&cell, false, false).unwrap_or(Value::Text(None))
            });
            *self.groups.entry(values.collect()).or_default() += rows;
        }
        Ok(())
    }
}

fn is_some(range: &TimeRange) -> bool {
    range.first <= range.last
}
