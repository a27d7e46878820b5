//! What is wrong with a query, and where.

use super::ast::Span;

/// A query that does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// A sentence for a person.
    pub message: String,
    /// The bytes concerned; empty at the end of the text if something is missing there.
    pub span: Span,
    /// A text that could stand in the span's place.
    pub suggestion: Option<String>,
}

impl QueryError {
    /// An error without a suggestion.
    pub(super) fn new(span: Span, message: impl Into<String>) -> Self {
        QueryError {
            message: message.into(),
            span,
            suggestion: None,
        }
    }
    /// The same with a text that could stand there.
    pub(super) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}
