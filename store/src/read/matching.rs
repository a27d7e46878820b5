//! The rows of a page that match, found without rebuilding more lines than must be.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::cache::Cache;
use super::decide::{Decider, PageDecider, SplitDecider, Verdict};
use super::open_page::OpenPage;
use super::per_split::decider_of;
use super::running::{Running, add};
use super::scan::Selection;
use crate::split::{Split, SplitError};

/// Bytes of lines that are rebuilt between two looks at whether the query still runs.
const CHECK_BYTES: usize = 256 << 10;

/// Deciders that a query holds itself, those asked last: each keeps its split open. The others are
/// with the cache, or are made again.
const HELD_MAX: usize = 32;

/// One filter asked of the splits of one query, each made ready once.
#[derive(Debug)]
pub(crate) struct Deciders {
    cache: Arc<Cache>,
    decider: Arc<Decider>,
    running: Arc<Running>,
    /// The one asked last in front.
    held: Mutex<VecDeque<Arc<SplitDecider>>>,
}

impl Deciders {
    pub(crate) fn new(cache: &Arc<Cache>, selection: &Selection, running: &Arc<Running>) -> Self {
        Self {
            cache: Arc::clone(cache),
            decider: Arc::clone(&selection.decider),
            running: Arc::clone(running),
            held: Mutex::default(),
        }
    }

    pub(crate) fn of(&self, split: &Arc<Split>, topic: &str) -> Result<Arc<SplitDecider>, SplitError> {
        if let Some(held) = self.find(split) {
            return Ok(held);
        }
        let made = decider_of(&self.cache, &self.decider, split, topic, &self.running)?;
        let mut held = self.held.lock();
        held.truncate(HELD_MAX - 1);
        held.push_front(Arc::clone(&made));
        Ok(made)
    }

    fn find(&self, split: &Arc<Split>) -> Option<Arc<SplitDecider>> {
        let mut held = self.held.lock();
        // One of a split that was opened anew since would keep the old file open.
        let at = held.iter().position(|one| Arc::ptr_eq(&one.split, split))?;
        let found = held.remove(at)?;
        held.push_front(Arc::clone(&found));
        Some(found)
    }
}

/// Rows with what is known of them.
pub(crate) type Undecided = Vec<(u32, Verdict)>;

/// Tests rows of one page exactly, those of which it is not known yet.
pub(crate) struct PageTest<'a> {
    pub(crate) selection: &'a Selection,
    pub(crate) open: &'a OpenPage,
    pub(crate) running: &'a Running,
    line: Vec<u8>,
    bytes_since_check: usize,
}

impl<'a> PageTest<'a> {
    pub(crate) fn new(selection: &'a Selection, open: &'a OpenPage, running: &'a Running) -> Self {
        Self {
            selection,
            open,
            running,
            line: Vec::new(),
            bytes_since_check: 0,
        }
    }

    /// Whether a row matches; `None` if the query was stopped.
    pub(crate) fn matches(&mut self, row: u32, verdict: Verdict) -> Result<Option<bool>, SplitError> {
        if verdict != Verdict::Maybe {
            return Ok(Some(verdict == Verdict::Yes));
        }
        let tester = &self.selection.tester;
        let observed = self.selection.needs_observed;
        let matches = self
            .open
            .look(row as usize, observed, &mut self.line, |view| tester.matches(view))?;
        add(&self.running.meter.bytes_read, self.line.len());
        self.bytes_since_check += self.line.len();
        if self.bytes_since_check > CHECK_BYTES {
            self.bytes_since_check = 0;
            if self.running.check().is_err() {
                return Ok(None);
            }
        }
        Ok(Some(matches))
    }
}

/// The rows of a page that may match, ascending, with what is known of them.
pub(crate) fn possible(selection: &Selection, decider: &PageDecider<'_>, open: &OpenPage) -> Undecided {
    let core = &open.core;
    let mut rows = Vec::new();
    for row in 0..core.rows() {
        if !selection.range.holds(core.times()[row]) {
            continue;
        }
        let verdict = decider.verdict(open.template(row), core.streams()[row], core.severities()[row] as u8);
        if verdict != Verdict::No {
            rows.push((row as u32, verdict));
        }
    }
    rows
}

/// Takes out the rows that lack a token that the filter needs. Pays where many would be rebuilt.
pub(crate) fn narrow(decider: &PageDecider<'_>, open: &OpenPage, rows: Undecided) -> Result<Undecided, SplitError> {
    if !rows.iter().any(|(_, verdict)| *verdict == Verdict::Maybe) {
        return Ok(rows);
    }
    let mut by_template = vec![Vec::new(); open.core.templates().len()];
    for (row, verdict) in rows {
        by_template[open.core.which()[row as usize] as usize].push((row, verdict));
    }
    let text = open.text()?;
    for (which, rows) in by_template.iter_mut().enumerate() {
        if rows.iter().any(|(_, verdict)| *verdict == Verdict::Maybe) {
            decider.narrow(text, &open.core, which, rows);
        }
    }
    let mut rows = by_template.concat();
    rows.sort_unstable_by_key(|(row, _)| *row);
    Ok(rows)
}

/// The rows of a page that match, ascending; `None` if the query was stopped.
pub(crate) fn matching(
    selection: &Selection,
    decider: &SplitDecider,
    open: &OpenPage,
    running: &Running,
) -> Result<Option<Vec<u32>>, SplitError> {
    let decider = decider.page(open.page)?;
    let rows = narrow(&decider, open, possible(selection, &decider, open))?;
    let mut test = PageTest::new(selection, open, running);
    let mut matching = Vec::with_capacity(rows.len());
    for (row, verdict) in rows {
        match test.matches(row, verdict)? {
            None => return Ok(None),
            Some(true) => matching.push(row),
            Some(false) => {}
        }
    }
    Ok(Some(matching))
}
