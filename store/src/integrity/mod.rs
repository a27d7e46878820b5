//! Tamper evidence of what is stored: trees over records, the log over trees, signed checkpoints,
//! and what checks them offline. The pure part is [`timberline_proto::integrity`]; what is hashed
//! and kept, and what can and cannot be proven, stands in docs/integrity.md.
//!
//! ```text
//! flush ─► seal: a tree, links of agents' chains ─► split's footer, and in the catalog's transaction the log ─► keeper: checkpoint
//! merge ─► combine: the same trees                                                      ├► DATA/store/integrity
//! erase ─► punctured: the same trees, without some salts; redacted: one more               └► a second place
//! ```

mod chains;
mod checkpoints;
mod combine;
mod copies;
mod entry;
mod keeper;
mod keys;
mod leaves;
mod options;
mod punctured;
mod recompute;
mod redacted;
mod seal;
pub mod verify;

pub(crate) use chains::links_of;
pub use chains::{Block, Link, LinkChain};
pub use checkpoints::{Chain, ChainEnd, NOTES_SUFFIX, notes_of};
pub(crate) use combine::combine;
pub(crate) use entry::ranges_of;
pub use entry::{BeginEntry, ChainsEntry, DeleteEntry, Entry, EraseEntry, KeyEntry, LogTree, Removal};
pub(crate) use keeper::Keeper;
pub use keys::{KeyError, StoreKey, new_key, rotate};
pub use options::{CopyTo, IntegrityOptions, SyslogCopy};
pub use punctured::{Erased, punctured};
pub use recompute::{Recomputed, TreeFound, recompute};
pub(crate) use redacted::redacted;
pub(crate) use seal::seal;
