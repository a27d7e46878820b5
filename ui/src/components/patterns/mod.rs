//! The kinds of lines, the most frequent first.
//!
//! | module | what it shows |
//! |---|---|
//! | `page` | the list with its tools, and what stands there while there is none |
//! | `row` | one kind: its words, how many, since when, how they went |
//! | `slots` | what stands where a kind's lines differ |

mod page;
mod row;
mod slots;

pub(crate) use page::PatternsPage;
pub(crate) use row::pattern_words;
