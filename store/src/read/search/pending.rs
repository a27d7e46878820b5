//! Rows that match and wait for their turn.
//!
//! A search for many rows may wait with rows of very many pages. So a row that waits is a place; what
//! was read of its page is kept of the last few pages only, which is where most rows are shown from,
//! and read again for the others.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use super::order::Rank;
use crate::read::open_page::OpenPage;
use crate::read::scan::PageUnit;
use crate::read::view::View;
use crate::rows::RowBlock;
use crate::split::SplitError;

/// Pages of which what was read is kept.
const OPEN_PAGES_MAX: usize = 8;

/// Rows that match and may yet be preceded by others.
pub(super) type Pending = BTreeMap<Rank, Found>;

/// A row that matches, not read further yet.
#[derive(Clone)]
pub(super) enum Found {
    Live(Arc<RowBlock>, usize),
    Page(Rc<HeldPage>, u32),
}

/// A page with rows that wait.
#[derive(Debug)]
pub(super) struct HeldPage {
    pub(super) unit: PageUnit,
    open: RefCell<Option<Rc<OpenPage>>>,
}

impl HeldPage {
    /// The page, read again if what was read of it is not kept.
    pub(super) fn open(&self, view: &View) -> Result<Rc<OpenPage>, SplitError> {
        if let Some(open) = &*self.open.borrow() {
            return Ok(Rc::clone(open));
        }
        let split = view.split(&self.unit.entry)?;
        OpenPage::open(&self.unit.topic, &split, self.unit.page).map(Rc::new)
    }
}

/// The pages read last.
#[derive(Debug, Default)]
pub(super) struct OpenPages(VecDeque<Rc<HeldPage>>);

impl OpenPages {
    /// Keeps what was read of a page in place of that read longest ago.
    pub(super) fn hold(&mut self, unit: &PageUnit, open: &Rc<OpenPage>) -> Rc<HeldPage> {
        if self.0.len() == OPEN_PAGES_MAX
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.open.take();
        }
        let held = Rc::new(HeldPage {
            unit: unit.clone(),
            open: RefCell::new(Some(Rc::clone(open))),
        });
        self.0.push_back(Rc::clone(&held));
        held
    }

    /// How many of some pages are kept open.
    #[cfg(test)]
    pub(super) fn count<'a>(pages: impl Iterator<Item = &'a Rc<HeldPage>>) -> usize {
        pages.filter(|page| page.open.borrow().is_some()).count()
    }
}
