//! Counts of rows by what they have in common, without reading lines where that can be.
//!
//! A split is counted, cheapest way first:
//! 1. from its timeline, if neither filter nor keys ask for a template;
//! 2. from its pages' cells (template, stream, severity, rows), where a page lies within the range and
//!    in one bin of time;
//! 3. from the core columns of a page, row by row;
//! 4. rows of which none of these decides whether they match, or what they are counted by, are
//!    rebuilt and tested: only those that have the tokens that the filter needs.
//!
//! What was counted of a split is kept (`per_split`).
//!
//! | module | what it does |
//! |---|---|
//! | [`keys`] | what rows are counted by |
//! | [`tally`] | one split's counts |
//! | [`rows`] | rows of a page, counted by their own values |
//! | [`ends`] | the first and the last time of matching rows |
//! | [`table`] | counts as a table for DataFusion |
//! | [`rule`] | puts that table in place of an aggregate over `logs` |
//! | [`condition`] | conditions of SQL that are decided here |

mod condition;
mod ends;
mod keys;
mod rows;
mod rule;
mod table;
mod tally;

use std::sync::Arc;

use super::ReadError;
use super::decide::SplitDecider;
use super::per_split::{Means, PerSplit, of_all};
use super::row::RowView;
use super::scan::Selection;
use super::view::LivePart;
use crate::split::hash::FastMap;
use crate::split::{PageQuery, SplitError};

pub(crate) use keys::{Key, Value};
pub(crate) use rule::CountsRule;
use tally::Tally;

/// Rows by the values of the keys.
pub(crate) type Groups = FastMap<Box<[Value]>, u64>;

/// What to count, and by what.
#[derive(Clone, Debug)]
pub(crate) struct Counting {
    pub(crate) selection: Selection,
    pub(crate) keys: Vec<Key>,
}

impl Counting {
    /// Counts. Blocks.
    pub(crate) fn run(&self, means: Means<'_>) -> Result<Groups, ReadError> {
        of_all(self, means)
    }
}

impl PerSplit for Counting {
    type Found = Groups;

    fn selection(&self) -> &Selection {
        &self.selection
    }

    fn question(&self) -> String {
        format!("count {:?}", self.keys)
    }

    fn of_split(
        &self,
        means: Means<'_>,
        decider: &SplitDecider,
        topic: Arc<str>,
        index: &PageQuery,
    ) -> Result<Option<Groups>, SplitError> {
        Tally::new(self, decider, topic, means).count(index)
    }

    fn add_live(&self, _: &LivePart, _: usize, view: &RowView<'_>, groups: &mut Groups) {
        let values = self.keys.iter().map(|key| key.of_row(view)).collect();
        *groups.entry(values).or_default() += 1;
    }

    fn join(sum: &mut Groups, more: &Groups) {
        for (key, rows) in more {
            match sum.get_mut(key) {
                Some(sum) => *sum += rows,
                None => {
                    sum.insert(key.clone(), *rows);
                }
            }
        }
    }

    fn len(groups: &Groups) -> usize {
        groups.len()
    }

    fn rows(groups: &Groups) -> u64 {
        groups.values().sum()
    }

    fn bytes(groups: &Groups) -> usize {
        bytes_of(groups)
    }
}

/// About what groups take in memory.
pub(crate) fn bytes_of(groups: &Groups) -> usize {
    let keys: usize = groups.keys().flat_map(|values| values.iter().map(Value::bytes)).sum();
    keys + groups.len() * 48
}
