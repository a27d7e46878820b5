//! What the parts of Timberline agree on.
//!
//! | module | what it fixes | feature |
//! |---|---|---|
//! | [`id`] | agents, generations, records | – |
//! | [`query`] | the query language: text ⇄ tree, spans, errors | – |
//! | [`token`] | where a word begins and ends, for index and query alike | – |
//! | [`api`] | the HTTP API's messages | – |
//! | [`alert`] | verdicts of alert rules | – |
//! | [`gap`] | why bytes of a file became no record | – |
//! | [`line`](mod@line) | how a line is read: time, severity, fields | `line` |
//! | [`grok`] | patterns of `parse`: regexes and grok | `grok` |
//! | [`batch`] | Kafka record batches v2 and what their headers mean | `batch` |
//! | [`integrity`] | tamper evidence: hashes, trees, proofs, signed notes | `integrity` |
//! | [`receive`] | what other programs send: syslog, GELF | `receive` |
//! | [`wire`] | the gRPC services | `grpc` |
//! | [`tls`] | who a machine is, and connections by certificate | `tls` |
//! | [`crash`] | points at which tests let a process die | `crash` |
//!
//! Without features the crate builds for wasm32 and brings no C.

pub mod alert;
pub mod api;
pub mod gap;
pub mod id;
pub mod query;
pub mod token;

#[cfg(feature = "batch")]
pub mod batch;
#[cfg(feature = "crash")]
pub mod crash;
#[cfg(feature = "grok")]
pub mod grok;
#[cfg(feature = "integrity")]
pub mod integrity;
#[cfg(feature = "line")]
pub mod line;
#[cfg(feature = "receive")]
pub mod receive;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(feature = "grpc")]
pub mod wire;
