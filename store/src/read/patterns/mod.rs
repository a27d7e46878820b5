//! Kinds of lines: counted by template without reading lines, and shown as patterns.
//!
//! | module | what it does |
//! |---|---|
//! | [`found`] | what is known of each template in a range: rows, first and last |
//! | [`table`] | the same as a table for DataFusion, with one line of each as an example |
//! | [`functions`] | patterns and variables of single lines |

mod found;
mod functions;
mod table;

#[cfg(test)]
mod tests;

pub(crate) use functions::{pattern_of, slot_of, slots_of, value_of};
pub(crate) use table::PatternsTable;
