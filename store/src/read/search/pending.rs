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
const OPEN_PAGES_MAX: usize = 16;

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
    fn kept(&self) -> Option<Rc<OpenPage>> {
        self.open.borrow().clone()
    }
}

/// The pages read last.
#[derive(Debug, Default)]
pub(super) struct OpenPages(VecDeque<Rc<HeldPage>>);

impl OpenPages {
    /// Keeps what was read of a page in place of that read longest ago.
    pub(super) fn hold(&mut self, unit: &PageUnit, open: &Rc<OpenPage>) -> Rc<HeldPage> {
        let held = Rc::new(HeldPage {
            unit: unit.clone(),
            open: RefCell::new(None),
        });
        self.keep(&held, open);
        held
    }

    /// The page, read again if what was read of it is not kept; then it is.
    pub(super) fn open(&mut self, page: &Rc<HeldPage>, view: &View) -> Result<Rc<OpenPage>, SplitError> {
        if let Some(open) = page.kept() {
            return Ok(open);
        }
        let split = view.split(&page.unit.entry)?;
        let open = Rc::new(OpenPage::open(&page.unit.topic, &split, page.unit.page)?);
        self.keep(page, &open);
        Ok(open)
    }

    fn keep(&mut self, page: &Rc<HeldPage>, open: &Rc<OpenPage>) {
        if self.0.len() == OPEN_PAGES_MAX
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.open.take();
        }
        page.open.replace(Some(Rc::clone(open)));
        self.0.push_back(Rc::clone(page));
    }

    /// How many of some pages are kept open.
    #[cfg(test)]
    pub(super) fn count<'a>(pages: impl Iterator<Item = &'a Rc<HeldPage>>) -> usize {
        pages.filter(|page| page.kept().is_some()).count()
    }
}
