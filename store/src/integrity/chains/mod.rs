//! What agents chained, as the store keeps it: of every file that an agent follows, which bytes and
//! lines were published, and the value of the chain behind them.
//!
//! An agent chains the lines of a generation (`timberline_proto::batch`, `chain.rs`) and says in each
//! batch to which value it comes. What is taken from the queue is held against that; then the publication
//! writes one *block* of *links*: per generation a run of batches that adjoin in bytes and in the chain.
//! The log has an entry `chains` with the block's hash, in the transaction that publishes, so no link
//! can be edited, added or taken away unseen. 64 blocks become one: links that go on where the one
//! before ends become one link, so in the end a file is a link, and one more for each time that its
//! agent was killed. The entry of the new block names those that it stands for.
//!
//! ```text
//! block   01 ‖ forgotten ‖ count ‖ links                            numbers are LEB128
//! link    flags u8 ‖ agent, 16, unless it is that of the link before ‖ generation, 16 ‖
//!         start ‖ end − start ‖ first offset ‖ offsets ‖ records ‖
//!         if chained: first line ‖ lines ‖ previous, 32 ‖ value, 32
//! flags   1 chained, 2 its lines were not those that were chained, 4 it holds some lines of a unit
//!         alone, 8 nothing comes behind it, 128 its agent is that of the link before
//! ```
//!
//! *forgotten*: generations that stood in blocks before and are in none any more, for the ledger has
//! forgotten them, too (`store.ledger_sources_max`).
//!
//! Salts are not kept: a value alone says nothing of a line that is erased later. That the lines which
//! are stored are those that were taken is what trees prove; that those that were taken are what the
//! agent shipped, one after the other, is what links prove.

mod block;
mod link;
#[cfg(test)]
mod tests;

pub use block::Block;
pub(crate) use link::links_of;
pub use link::{Link, LinkChain};
