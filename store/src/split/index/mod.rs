//! The index of a split: which pages hold a term. Its terms ([`terms`]) are UTF-8, and stand in a
//! [`dictionary`]:
//!
//! | term | for |
//! |---|---|
//! | token | a token of a line or of an attribute's value, in lower case, cut at 256 bytes |
//! | `01` name `02` value | a field and its value as text in lower case, if that has at most 32 bytes and 5 digits: others are found by their tokens |
//! | `03` name | a field that is there; cut at 64 bytes |
//! | `04` 16 hexadecimal digits | a template's stable id |
//! | `05` `i`, `08` 10 digits | the page has more than 128 ids, tokens of 24 to 256 hexadecimal digits: they are indexed by their first 10 |
//! | `05` `z` | the page has times in lines of which the last token, 4 to 9 digits and `z`, is not indexed |
//! | `05` `t`, `05` `f` | the page has tokens (fields) that are not indexed, because they are too many or in parts of a longer line: it matches always |
//! | `06` generation … | the bytes of a file that the page holds: [`held`] |
//! | `07` partition … | between which offsets the page's rows stand: [`held`] |
//! | `06` | the terms of `06` and `07` are all there |
//!
//! Cuts fall on a character's edge at or before the limit; zero bytes in names and values are
//! written as spaces; a query's terms are cut the same way, so that a cut term matches too much and
//! never too little. Times, streams and severities are in the split's footer, not here.

mod collect;
mod dictionary;
mod held;
mod pages;
mod search;
mod section;
mod table;
mod terms;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use collect::PageTerms;
pub(crate) use held::ranges as held_ranges;
pub use held::{HeldRange, OffsetRange};
pub(crate) use search::SplitIndex;
pub(crate) use write::IndexBuilder;
