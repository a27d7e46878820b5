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
