//! Which rows a request to erase means: the same test as a search's, over every row that there is.

use timberline_proto::query::ast::{Field, Filter, Leaf, Span, Test};

use crate::catalog::Streams;
use crate::rows::Row;
use crate::split::{Split, SplitError};

use super::ReadError;
use super::histogram::filter_of;
use super::prune;
use super::row::RowView;
use super::test::Tester;
use super::time::TimeRange;
use super::topics::Topics;

/// Rows that a filter keeps, of a range of time.
#[derive(Clone, Debug)]
pub(crate) struct Meant {
    filter: Filter,
    tester: Tester,
    range: TimeRange,
}

impl Meant {
    /// Those that a search keeps.
    ///
    /// # Errors
    /// [`ReadError`] of a text that is no filter, that keeps everything, or that asks for the store's own
    /// topics: what is on record there is never taken away.
    pub(crate) fn by_query(text: &str, range: TimeRange) -> Result<Self, ReadError> {
        let filter = filter_of(text)?;
        if has_pipes(text) {
            return Err(ReadError::BadRequest(
                "pipes are not for an erasure: give a filter".to_owned(),
            ));
        }
        if Topics::of(&filter) != Topics::Queue {
            return Err(ReadError::BadRequest(
                "records of the store's own topics are not erased: a subject's name in them is replaced".to_owned(),
            ));
        }
        let meant = Self::new(filter, range)?;
        match meant.tester.is_all() {
            true => Err(ReadError::BadRequest(
                "this keeps every record: name what is to be erased".to_owned(),
            )),
            false => Ok(meant),
        }
    }

    /// Those in which a word or phrase stands, in any value or in that of a field.
    ///
    /// # Errors
    /// [`ReadError`]
    pub(crate) fn by_phrase(field: Option<&str>, text: &str, range: TimeRange) -> Result<Self, ReadError> {
        let span = Span::default();
        let filter = Filter::Leaf(Leaf {
            field: field.map(|name| Field {
                name: name.to_owned(),
                span,
            }),
            test: Test::Text {
                text: text.to_owned(),
                quoted: true,
            },
            span,
        });
        Self::new(filter, range)
    }

    fn new(filter: Filter, range: TimeRange) -> Result<Self, ReadError> {
        Ok(Self {
            tester: Tester::new(&filter)?,
            filter,
            range,
        })
    }

    /// Whether a span of time may hold some of them.
    pub(crate) fn may_be_between(&self, time_min: i64, time_max: i64) -> bool {
        self.range.overlaps(time_min, time_max)
    }

    /// The pages of a split that may hold some of them.
    ///
    /// # Errors
    /// [`SplitError`]
    pub(crate) fn pages(&self, split: &Split, streams: &Streams) -> Result<Vec<u32>, SplitError> {
        let candidates = split.candidates(&prune::page_query(&self.filter, streams))?;
        let in_range = |page: &u32| {
            let info = &split.pages()[*page as usize];
            self.range.overlaps(info.time_min, info.time_max)
        };
        Ok(candidates.into_iter().filter(in_range).collect())
    }

    /// Whether a row is one of them.
    pub(crate) fn takes(&self, topic: &str, row: &Row<'_>) -> bool {
        self.range.holds(row.time_nanos) && self.tester.matches(&RowView::new(row.clone(), topic))
    }
}

fn has_pipes(text: &str) -> bool {
    use timberline_proto::query::ast::Query;
    match timberline_proto::query::parse(text) {
        Ok(Query::Search(search)) => !super::lower::fold_wheres(search).pipes.is_empty(),
        _ => false,
    }
}
