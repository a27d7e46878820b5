//! Erasure: records that a query or a subject names go from everything that the store and its queue keep,
//! and a signed receipt says from where. docs/erasure.md says what people see of it.
//!
//! # States
//! ```text
//! waiting ─► queued ─► running ─► sealing ─► final
//!   │ │        │          │  ▲
//!   │ └────────┴► cancelled  ▼
//!   └► refused            blocked (by a hold or a minimum; goes on when that ends)
//! ```
//!
//! # Order
//! 1. The name goes from what the catalog keeps of acts, searches, alerts and messages.
//! 2. The queue's ends are fixed, and everything below them becomes splits: what is covered.
//! 3. Each split with records that are meant is replaced by one without them, in a transaction with the
//!    log's entry and a note of what was done; what the store told of itself is changed, not taken away.
//! 4. What the queue holds is looked through by itself, noted, and erased there.
//! 5. Streams of nothing are forgotten, files that nobody reads any more are removed.
//! 6. A last search finds nothing, or all begins anew.
//! 7. The text of the request is forgotten, freed pages of the catalog and its log are cleared, and the
//!    receipt is signed.
//!
//! Each step finds what is left of it by itself, so a crash anywhere costs nothing but time: a request that
//! is `running` begins at the first step again, one that is `sealing` at the last.
//!
//! | file | what |
//! |---|---|
//! | [`service`] | taking requests, deciding them, the thread that carries them out |
//! | [`run`] | the steps |
//! | [`request`] | what is kept of a request |
//! | [`names`] | a name in JSON and plain text |
//! | [`order`] | what was erased by place, for restores |
//! | [`redact`] | what of a record is replaced, and what it becomes |
//! | [`replay`] | carrying erasures out again that a restored directory does not know of |
//! | [`secret`] | the keyed hash |
//! | [`work`] | notes of what was done |
//! | [`receipt`] | the receipt, and its check |

mod error;
mod names;
mod order;
mod receipt;
mod redact;
mod replay;
mod request;
mod run;
mod secret;
mod service;
mod work;

pub use error::ErasureError;
pub use order::{ErasedRanges, ErasureOrder, ORDER_VERSION};
pub use receipt::verify_receipt;
pub use service::{ErasureOptions, Erasures};
