//! Kinds of lines: counted by template without reading lines, and shown as patterns.
//!
//! | module | what it does |
//! |---|---|
//! | [`found`] | what is known of each template in a range: rows, first and last, counts over time |
//! | [`merge`] | patterns that differ in names alone, joined |
//! | [`shown`] | kinds as they are shown |
//! | [`table`] | the same as a table for DataFusion, with one line of each as an example |
//! | [`functions`] | patterns and variables of single lines |

mod found;
mod functions;
mod merge;
mod shown;
mod table;

#[cfg(test)]
mod merge_tests;
#[cfg(test)]
mod tests;

pub(crate) use found::Parts;
pub(crate) use functions::{Holes, pattern_of, slot_of, slots_of, value_of};
pub(crate) use shown::{Shown, batch, joined, schema, sort};
pub(crate) use table::{Asked, PatternsTable};
