//! Questions that are asked to find a cause.

use std::ops::ControlFlow;
use std::sync::Arc;

use timberline_proto::api::Direction;
use timberline_proto::query::ast::Filter;

use crate::read::counts::{Counting, Key};
use crate::read::per_split::Means;
use crate::read::running::Running;
use crate::read::scan::Selection;
use crate::read::search::{Hit, Search};
use crate::read::time::TimeRange;
use crate::read::view::View;
use crate::read::{ReadError, Reader};

/// Asks, as long as there is time.
pub(super) struct Probe<'a> {
    pub(super) reader: &'a Reader,
    pub(super) view: View,
    /// The range of the search that found nothing.
    pub(super) range: TimeRange,
    /// Whether everything that was asked was answered.
    pub(super) complete: bool,
    running: &'a Arc<Running>,
}

impl<'a> Probe<'a> {
    /// `filter`: of the search that found nothing.
    ///
    /// # Errors
    /// [`ReadError::Forbidden`]
    pub(super) fn new(
        reader: &'a Reader,
        running: &'a Arc<Running>,
        range: TimeRange,
        filter: &Filter,
    ) -> Result<Self, ReadError> {
        Ok(Self {
            view: reader.view_for(filter)?,
            reader,
            range,
            complete: true,
            running,
        })
    }

    /// Records in a range that a filter keeps; `None` if time was over.
    pub(super) fn count(&mut self, filter: &Filter, range: TimeRange) -> Option<u64> {
        if range.first > range.last {
            return Some(0);
        }
        let counted = Selection::new(&self.reader.limits, filter.clone(), range).and_then(|selection| {
            let counting = Counting {
                selection,
                keys: vec![Key::Severity],
            };
            counting.run(Means {
                view: &self.view,
                running: self.running,
                threads: self.reader.options().threads,
            })
        });
        match counted {
            Ok(groups) => Some(groups.values().sum()),
            Err(_) => {
                self.complete = false;
                None
            }
        }
    }

    /// Whether there is one; `false` if time was over.
    pub(super) fn has(&mut self, filter: &Filter, range: TimeRange) -> bool {
        !self.some(filter, range, Direction::Backward, 1).is_empty()
    }

    /// The first few records from an end of a range.
    pub(super) fn some(&mut self, filter: &Filter, range: TimeRange, direction: Direction, limit: usize) -> Vec<Hit> {
        let mut found = Vec::new();
        if range.first > range.last {
            return found;
        }
        let outcome = Selection::new(&self.reader.limits, filter.clone(), range).and_then(|selection| {
            let search = Search {
                view: self.view.clone(),
                selection,
                direction,
                after: None,
                limit,
                running: Arc::clone(self.running),
            };
            search.run(&mut |hits| {
                found.extend(hits);
                ControlFlow::Continue(())
            })
        });
        self.complete &= outcome.is_ok();
        found
    }
}
