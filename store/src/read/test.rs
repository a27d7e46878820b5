//! The exact test of rows.

use std::sync::Arc;

use timberline_proto::query::ast::Filter;

use super::ReadError;
use super::row::RowView;

/// A filter ready to test rows. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tester {
    filter: Arc<Filter>,
}

impl Tester {
    pub(crate) fn new(filter: &Filter) -> Result<Self, ReadError> {
        Ok(Self {
            filter: Arc::new(filter.clone()),
        })
    }
    /// Whether it keeps every row.
    pub(crate) fn is_all(&self) -> bool {
        *self.filter == Filter::All
    }
    pub(crate) fn matches(&self, _row: &RowView<'_>) -> bool {
        true
    }
    pub(crate) fn matches_table(&self, _row: &TableRow<'_>) -> bool {
        true
    }
}

/// A row of a table, or a line alone.
#[derive(Clone, Debug)]
pub(crate) struct TableRow<'a> {
    line: &'a str,
    columns: Vec<(&'a str, &'a str)>,
}

impl<'a> TableRow<'a> {
    pub(crate) fn line(line: &'a str) -> Self {
        Self {
            line,
            columns: Vec::new(),
        }
    }
    pub(crate) fn columns(columns: Vec<(&'a str, &'a str)>) -> Self {
        Self { line: "", columns }
    }
}
