//! The query language: text ⇄ tree.
//!
//! ```text
//! error AND service.name:checkout AND status:>=500 "connection reset" -debug user:/adm.n/ host:web-*
//!   | stats count() as n, p99(duration_ms) by host, bin(timestamp, 5m)
//!   | sort -n | head 10
//! ```
//!
//! The page colours and completes with it, the store lowers it to a plan.
//!
//! | module | what it says |
//! |---|---|
//! | [`ast`] | the tree |
//! | [`pipes`] | every pipe, with a line about it |
//! | [`expr`] | expressions of `extend` and of conditions, with every function |
//! | [`duration`] | `5m` |
//! | [`fields`] | the fields that are compared in their own way |
//! | [`time_range`] | `now-15m`, RFC 3339, epochs |
//! | [`matcher`] | what matches: the semantics of every test |

pub mod ast;
mod complete;
mod display;
pub mod duration;
mod edit;
mod error;
pub mod expr;
pub mod fields;
mod highlight;
mod lexer;
pub mod matcher;
mod parser;
pub mod pipes;
mod placeholders;
mod sql;
mod suggest;
pub mod time_range;

pub use complete::{Completion, Wanted, complete};
pub use display::quote_value;
pub use edit::{and_exists, and_filter, and_one_of, and_text};
pub use error::QueryError;
pub use highlight::{TokenClass, classify};
pub use lexer::is_identifier;
pub use parser::{DEPTH_MAX, LEAVES_MAX, PIPES_MAX, QUERY_BYTES_MAX, VALUES_MAX, parse};
pub use placeholders::{Placed, is_placeholder_name, place_values, placeholder_names};
pub use sql::is_sql;
pub use suggest::nearest;
