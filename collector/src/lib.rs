//! Receives batches, makes them durable in the queue, and hands them to stores.
//!
//! ```text
//! agents ══gRPC Ingest══► service::ingest ─┐
//! people ══HTTP /api/v1/ingest══► http::ingest ─┴► queue (fsync) ─► ack
//! stores ◄══gRPC Queue══ service::queue ◄── queue
//! ```
//!
//! The collector does not know that a store exists: one that is slow or dead only makes the queue
//! longer. Nothing is acked before the queue says that it is durable.
//!
//! | module | what it does |
//! |---|---|
//! | [`access`] | who may use the HTTP port, and for what |
//! | [`options`] | limits, each with its name |
//! | [`collector`] | the queue, the fleet and their upkeep together |
//! | [`fleet`] | what every agent last said of its files |
//! | [`rollout`] | configuration pushed to groups of machines |
//! | [`trust`] | who may connect: authority, tokens, certificates |
//! | [`service`] | the gRPC services |
//! | `topics` | how fast each partition grows |
//! | [`http`] | receivers over HTTP |

pub mod access;
pub mod collector;
pub mod fleet;
mod health;
pub mod http;
mod network;
pub mod options;
pub mod rollout;
pub mod service;
mod topics;
pub mod trust;

pub use access::Access;
pub use collector::{Collector, CollectorError};
pub use fleet::Fleet;
pub use options::{CollectorOptions, MessageLimits};
pub use trust::{Trust, TrustOptions};
