//! Logs that are made, such as those of a small shop: nine services on several hosts, access lines as
//! text and as JSON, application logs as JSON and logfmt, syslog, SQL durations, text, stack traces.
//!
//! `timberline loadgen` and the benchmarks make the same.

mod lines;
mod random;

pub(crate) use lines::{Line, Lines};

/// A token that stands in one line only, of the service `web`.
pub(crate) const NEEDLE: &str = "needle4711";
/// Stands inside one token only, of the service `db`, and is a part of it.
pub(crate) const FRAGMENT: &str = "7d6c5b4a39f8";
