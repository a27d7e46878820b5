//! Fields of all matching records: from cells and columns where they tell, from lines else.
//!
//! Of pages whose lines have no fields the summary's cells tell all. In others every stored value is
//! looked at once, with its number of rows; only rows that have attributes, that stand in shapes which
//! are not read, or of which columns do not settle whether they match are rebuilt.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use timberline_proto::line::{Severity, leaf_value};

use super::held::{Summaries, field_type};
use crate::catalog::CatalogSplit;
use crate::read::ReadError;
use crate::read::decide::{SplitDecider, Verdict};
use crate::read::leaf::Filled;
use crate::read::matching::{Deciders, narrow, possible};
use crate::read::open_page::OpenPage;
use crate::read::row::RowView;
use crate::read::running::{Running, ScanLimits, add};
use crate::read::scan::{Selection, Unit, all_units};
use crate::read::view::{LivePart, View};
use crate::split::{LeafField, PageQuery, PageText, Shape, SplitError};

/// Records that are tested or read one by one.
const LINES_MAX: u64 = 100_000;
/// Rows of pages that are opened and values of their columns, each stored value once.
const VALUES_MAX: u64 = 5_000_000;
/// Rows whose values are chosen from a dictionary cost as much as one value.
const ROWS_PER_VALUE: u64 = 16;

/// What may yet be looked at.
pub(super) struct Budget {
    lines: u64,
    values: u64,
    rows: u64,
    bytes: u64,
}

impl Budget {
    /// At most what a query may look at, less what this one has already.
    pub(super) fn new(limits: ScanLimits, running: &Running) -> Self {
        let left = |max: u64, used: u64| if max == 0 { u64::MAX } else { max.saturating_sub(used) };
        let bytes_read = running.meter.bytes_read.load(std::sync::atomic::Ordering::Relaxed);
        Self {
            lines: LINES_MAX,
            values: VALUES_MAX,
            rows: left(limits.rows_max, running.progress().rows_scanned),
            bytes: left(limits.bytes_max, bytes_read),
        }
    }
}

/// Takes so much, if it is there.
fn take(left: &mut u64, n: u64) -> ControlFlow<()> {
    match left.checked_sub(n) {
        Some(less) => {
            *left = less;
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    }
}

/// What was looked at.
#[derive(Default)]
struct Looked {
    pages: usize,
    rows: usize,
    bytes: usize,
    matched: u64,
}

pub(super) struct Whole<'a> {
    view: &'a View,
    selection: &'a Selection,
    running: &'a Arc<Running>,
    summaries: Summaries,
    budget: Budget,
    looked: Looked,
    line: Vec<u8>,
}

impl<'a> Whole<'a> {
    pub(super) fn new(
        view: &'a View,
        selection: &'a Selection,
        running: &'a Arc<Running>,
        summaries: Summaries,
        budget: Budget,
    ) -> Self {
        Self {
            view,
            selection,
            running,
            summaries,
            budget,
            looked: Looked::default(),
            line: Vec::new(),
        }
    }

    /// The fields of all records that match, and how many these are; `None` if that is more than may be
    /// looked at. Blocks.
    pub(super) fn run(mut self) -> Result<Option<(Summaries, u64)>, ReadError> {
        if self.view.limits.hides() {
            return self.masked();
        }
        let range = &self.selection.range;
        for part in self.view.live.iter() {
            if range.overlaps(part.time_min, part.time_max) && self.live(part).is_break() {
                return Ok(None);
            }
        }
        let deciders = Deciders::new(&self.view.cache, self.selection, self.running);
        let index = self.selection.page_query(self.view);
        for entry in &self.view.snapshot.splits {
            if range.overlaps(entry.meta.time_min, entry.meta.time_max)
                && self.split(entry, &index, &deciders)?.is_break()
            {
                return Ok(None);
            }
        }
        // A stop while the last page was asked left that page out.
        self.running.check()?;
        // Only now: what is sampled instead has its own costs.
        let (meter, looked) = (&self.running.meter, &self.looked);
        add(&meter.pages_read, looked.pages);
        add(&meter.rows_scanned, looked.rows);
        add(&meter.bytes_read, looked.bytes);
        add(&meter.rows_matched, looked.matched as usize);
        Ok(Some((self.summaries, looked.matched)))
    }

    /// The same of masked rows, each of which is looked at.
    fn masked(mut self) -> Result<Option<(Summaries, u64)>, ReadError> {
        let index = self.selection.page_query(self.view);
        let units = all_units(self.view, &index, &self.selection.range, self.running)?;
        if units.iter().map(Unit::rows).sum::<u64>() > self.budget.lines.min(self.budget.rows) {
            return Ok(None);
        }
        for unit in &units {
            self.running.check()?;
            let Some(rows) = self.view.shown(unit, self.running) else {
                continue;
            };
            for row in rows.block.rows() {
                let view = RowView::new(row, &rows.topic);
                if self.selection.matches(&view) {
                    self.looked.matched += 1;
                    self.summaries.record(&view);
                }
            }
        }
        add(&self.running.meter.rows_matched, self.looked.matched as usize);
        Ok(Some((self.summaries, self.looked.matched)))
    }

    fn live(&mut self, part: &LivePart) -> ControlFlow<()> {
        let rows = part.rows.len() - part.first;
        take(&mut self.budget.lines, rows as u64)?;
        take(&mut self.budget.rows, rows as u64)?;
        self.looked.rows += rows;
        for at in part.first..part.rows.len() {
            let view = RowView::new(part.rows.row(at), &part.topic);
            if self.selection.matches(&view) {
                self.looked.matched += 1;
                self.summaries.record(&view);
            }
        }
        ControlFlow::Continue(())
    }

    fn split(
        &mut self,
        entry: &CatalogSplit,
        index: &PageQuery,
        deciders: &Deciders,
    ) -> Result<ControlFlow<()>, ReadError> {
        self.running.check()?;
        let Some(split) = self.view.open(entry, self.running) else {
            return Ok(ControlFlow::Continue(()));
        };
        let topic: Arc<str> = Arc::from(entry.topic.as_str());
        let found = deciders
            .of(&split, &topic)
            .and_then(|decider| Ok((decider, split.candidates(index)?)));
        let (decider, pages) = match found {
            Ok(found) => found,
            Err(error) => {
                self.view.failed(&entry.meta.id, entry.meta.rows, &error, self.running);
                return Ok(ControlFlow::Continue(()));
            }
        };
        for page in pages {
            self.running.check()?;
            let info = split.pages()[page as usize];
            if !self.selection.range.overlaps(info.time_min, info.time_max) {
                continue;
            }
            match self.page(&decider, &topic, page) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(stop) => return Ok(stop),
                Err(error) => self
                    .view
                    .failed(&entry.meta.id, u64::from(info.rows), &error, self.running),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn page(&mut self, decider: &SplitDecider, topic: &Arc<str>, page: u32) -> Result<ControlFlow<()>, SplitError> {
        if self.by_cells(decider, page)? {
            return Ok(ControlFlow::Continue(()));
        }
        let rows = decider.split.pages()[page as usize].rows;
        if take(&mut self.budget.values, rows.into()).is_break() || take(&mut self.budget.rows, rows.into()).is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
        let open = OpenPage::open(topic, &decider.split, page)?;
        self.looked.pages += 1;
        self.looked.rows += open.core.rows();
        let of_page = decider.page(page)?;
        let rows = narrow(&of_page, &open, possible(self.selection, &of_page, &open))?;
        let mut by_template = vec![Vec::new(); open.core.templates().len()];
        for (row, verdict) in rows {
            if verdict == Verdict::Maybe {
                let selection = self.selection;
                let ControlFlow::Continue(matches) = self.look(&open, row, |_, view| selection.matches(view))? else {
                    return Ok(ControlFlow::Break(()));
                };
                if !matches {
                    continue;
                }
            }
            by_template[open.core.which()[row as usize] as usize].push(row);
        }
        for (which, rows) in by_template.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            if self.template(&open, which, rows)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Counts a page by its cells, if they tell everything.
    fn by_cells(&mut self, decider: &SplitDecider, page: u32) -> Result<bool, SplitError> {
        let Some(mut cells) = decider.cells(page)? else {
            return Ok(false);
        };
        let (split, range) = (&decider.split, &self.selection.range);
        cells.retain(|(_, verdict)| *verdict != Verdict::No);
        if cells.is_empty() {
            return Ok(true);
        }
        let info = split.pages()[page as usize];
        if !range.covers(info.time_min, info.time_max)
            || split.page_has_attributes(page)
            || cells.iter().any(|(_, verdict)| *verdict == Verdict::Maybe)
        {
            return Ok(false);
        }
        let templates = split.templates(page)?;
        if cells
            .iter()
            .any(|(cell, _)| *templates.shape(cell.template) != Shape::Plain)
        {
            return Ok(false);
        }
        for (cell, _) in cells {
            let rows = u64::from(cell.rows);
            let severity = Severity::from_rank(cell.severity).unwrap_or_default();
            let stream = &split.streams()[cell.stream as usize];
            self.summaries.common(stream, severity, rows);
            self.looked.matched += rows;
        }
        Ok(true)
    }

    /// Counts rows of one of the page's templates.
    fn template(&mut self, open: &OpenPage, which: usize, rows: &[u32]) -> Result<ControlFlow<()>, SplitError> {
        let shape = open.shape(which);
        if *shape == Shape::Unread || open.split.page_has_attributes(open.page) {
            for &row in rows {
                let counted = self.look(open, row, |summaries, view| summaries.record(view))?;
                if counted.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            self.looked.matched += rows.len() as u64;
            return Ok(ControlFlow::Continue(()));
        }
        let mut alike = BTreeMap::new();
        for &row in rows {
            let row = row as usize;
            let (stream, severity) = (open.core.streams()[row], open.core.severities()[row]);
            alike.entry((stream, severity as u8)).or_insert((severity, 0)).1 += 1;
        }
        for ((stream, _), (severity, rows)) in alike {
            let stream = &open.split.streams()[stream as usize];
            self.summaries.common(stream, severity, rows);
        }
        self.looked.matched += rows.len() as u64;
        let Shape::Fields(fields) = shape else {
            return Ok(ControlFlow::Continue(()));
        };
        let text = open.text()?;
        let mut by_name = BTreeMap::<&str, Vec<&LeafField>>::new();
        for field in fields.iter().filter(|field| self.summaries.wants(&field.name)) {
            by_name.entry(&field.name).or_default().push(field);
        }
        for (name, slots) in by_name {
            if self.field(open, text, which, rows, name, &slots).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Counts a field of rows of a template: what fills these slots.
    fn field(
        &mut self,
        open: &OpenPage,
        text: &PageText,
        which: usize,
        rows: &[u32],
        name: &str,
        slots: &[&LeafField],
    ) -> ControlFlow<()> {
        // Rows that were counted as having it.
        let mut has_it = has_besides(open, rows, name);
        if has_it.is_none() && slots.len() > 1 {
            has_it = Some(vec![false; rows.len()]);
        }
        let mut records = 0;
        for leaf in slots {
            let filled = Filled::of(text, which, leaf.slot, rows);
            let stored = filled.values().len() as u64;
            take(&mut self.budget.values, stored + rows.len() as u64 / ROWS_PER_VALUE)?;
            take(&mut self.budget.bytes, filled.bytes() as u64)?;
            self.looked.bytes += filled.bytes();
            let mut rows_of = vec![0; filled.values().len()];
            filled.codes().iter().for_each(|&code| rows_of[code as usize] += 1);
            for (raw, rows) in filled.values().zip(&mut rows_of) {
                let value = leaf_value(raw, leaf.kind);
                match field_type(&value) {
                    Some(kind) if *rows > 0 => self.summaries.values(name, kind, value.as_text(), *rows),
                    _ => *rows = 0,
                }
            }
            match &mut has_it {
                None => records += rows_of.iter().sum::<u64>(),
                Some(has_it) => {
                    for (has_it, &code) in has_it.iter_mut().zip(filled.codes()) {
                        if !*has_it && rows_of[code as usize] > 0 {
                            *has_it = true;
                            records += 1;
                        }
                    }
                }
            }
        }
        self.summaries.records(name, records);
        ControlFlow::Continue(())
    }

    /// Shows a row, if it may be rebuilt.
    fn look<T>(
        &mut self,
        open: &OpenPage,
        row: u32,
        look: impl FnOnce(&mut Summaries, &RowView<'_>) -> T,
    ) -> Result<ControlFlow<(), T>, SplitError> {
        if take(&mut self.budget.lines, 1).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let (summaries, observed) = (&mut self.summaries, self.selection.needs_observed);
        let shown = open.look(row as usize, observed, &mut self.line, |view| look(summaries, view))?;
        self.looked.bytes += self.line.len();
        Ok(match take(&mut self.budget.bytes, self.line.len() as u64) {
            ControlFlow::Continue(()) => ControlFlow::Continue(shown),
            ControlFlow::Break(()) => ControlFlow::Break(()),
        })
    }
}

/// Which rows have a name from their severity or stream; `None` if none has.
fn has_besides(open: &OpenPage, rows: &[u32], name: &str) -> Option<Vec<bool>> {
    let of_stream = |stream: u32| open.split.streams()[stream as usize].attributes.contains_key(name);
    let is_severity = name == "severity";
    let streams = open.split.page_streams(open.page);
    if !is_severity && !streams.iter().any(|&stream| of_stream(stream)) {
        return None;
    }
    let has = |&row: &u32| {
        let row = row as usize;
        (is_severity && open.core.severities()[row] != Severity::None) || of_stream(open.core.streams()[row])
    };
    Some(rows.iter().map(has).collect())
}
