//! Compressed, indexed splits of log records, their catalog, and the queries over them.

#[cfg(feature = "read")]
pub mod alert;
#[cfg(feature = "read")]
pub mod backup;
pub mod catalog;
mod crash;
#[cfg(feature = "read")]
pub mod erase;
pub mod integrity;
pub mod live;
#[cfg(feature = "read")]
mod percent;
pub mod retain;
pub mod rows;
pub mod split;
mod store;
pub mod write;

pub use store::{Clock, Store, StoreError, StoreOptions, StoreStats, SystemClock, WaitingMerges};

#[cfg(feature = "read")]
pub mod http;
#[cfg(feature = "read")]
pub mod read;
