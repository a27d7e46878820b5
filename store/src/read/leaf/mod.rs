//! Fields of a page's lines as views of the columns that hold their values: no line is rebuilt, and
//! what is stored once is read once.
//!
//! | module | what it does |
//! |---|---|
//! | [`place`] | where a field's values stand in the lines of a template |
//! | [`filled`] | what fills a slot in some rows |
//! | [`texts`] | the text that a name has in some rows of a page |
//! | [`batch`] | rows of a page as columns for DataFusion |

mod batch;
mod filled;
mod place;
mod texts;

#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod wide_tests;

pub(crate) use batch::{can_fill, columns_of};
pub(crate) use filled::Filled;
pub(crate) use place::FieldPlace;
pub(crate) use texts::Texts;
