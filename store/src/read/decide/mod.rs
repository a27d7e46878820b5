//! Which rows match, decided on what they have in common: template, stream, severity.
//!
//! A line's template says most of what a filter asks of it. A word without digits stands in a
//! line if it stands in the template's fixed texts: what fills a slot is one token with a digit, and
//! a search's words, the index and templates cut tokens alike. So a filter is asked once per template,
//! stream and severity, and only rows for which the answer is [`Verdict::Maybe`] are ever rebuilt.
//!
//! What is not in the template makes an answer less certain, never wrong: a record's attributes, fields
//! that the line may have (the index says in which pages), the text of a time that is a slot.
//!
//! | module | what it does |
//! |---|---|
//! | [`verdict`] | no, maybe, yes |
//! | [`line`] | a test of lines, asked of a template |
//! | [`needs`] | tokens that a test needs, asked of a template and of the values in its slots |
//! | [`required`] | what a token must hold to be one of them |
//! | [`fields`] | tests of fields, asked of the columns that hold their values |
//! | [`decider`] | a filter made ready |
//! | [`templates`] | what was asked of the templates of a stripe |
//! | [`split`] | the same for one split: per stream, template, severity, page |

mod decider;
mod fields;
mod line;
mod needs;
mod required;
mod split;
mod templates;
#[cfg(test)]
mod tests;
mod verdict;

pub(crate) use decider::Decider;
pub(crate) use split::{Found, PageDecider, SplitDecider};
pub(crate) use verdict::Verdict;
