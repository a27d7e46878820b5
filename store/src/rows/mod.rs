//! Rows in memory, by column: what `live` holds, what a split is written from, and what a page of
//! a split is read into. The one form in which rows move inside the store.

mod block;
mod stream;

pub use block::{Place, Row, RowBlock};
pub(crate) use stream::StreamRanks;
pub use stream::{Stream, StreamId};
