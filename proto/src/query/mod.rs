//! The query language: text ⇄ tree.
//!
//! ```text
//! error AND service.name:checkout AND status:>=500 "connection reset" -debug user:/adm.n/ host:web-*
//!   | stats count() as n, p99(duration_ms) by host, bin(timestamp, 5m)
//!   | sort -n | head 10
//! ```
//!
//! The page colours and completes with it, the store lowers it to a plan.

pub mod ast;
mod error;

pub use error::QueryError;

/// The tree of a query's text.
///
/// # Errors
/// [`QueryError`] with the bytes concerned and, where there is one, what could stand there instead.
pub fn parse(_text: &str) -> Result<ast::Query, QueryError> {
    todo!()
}
