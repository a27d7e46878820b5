//! Listeners for other programs' messages, into a queue: syslog and GELF over UDP, TCP and TLS.
//!
//! ```text
//! UDP, TCP, TLS ─► frame, read ─► intake (bounded by bytes) ─► writer (thread): batches ─► queue (fsync)
//! ```
//! A collector's listeners append to its own queue, an agent's to one on the agent's disk, its outbox.
//! These senders wait for no answer, so what holds is:
//! - A message that the queue has taken is durable. Messages are taken together, at most every
//!   `commit_interval`; what came within it is lost if the process is killed.
//! - A message is appended once. Where the queue is full it is tried again, and no other one before it.
//! - TCP and TLS: when the intake is full, connections are not read, so that senders wait. A stop reads
//!   each connection until nothing more comes before it closes it.
//! - UDP: when the intake is full, datagrams are dropped and counted, and so are those that the kernel
//!   dropped because they were not fetched in time.
//!
//! | module | what it does |
//! |---|---|
//! | `options` | what can be set |
//! | `counts` | what a listener has seen |
//! | `bound` | sockets that are bound, and their tasks |
//! | `udp`, `tcp`, `tls` | the transports |
//! | `connections` | who is connected, and who makes room |
//! | `panics` | what goes on after a panic |
//! | `drops` | what the kernel dropped |
//! | `reading` | from a message to a record |
//! | `intake` | the bounded way to the writer |
//! | `windows` | records that can be read again, exactly once |
//! | `pieces` | records that are larger than a batch may be |
//! | `writer`, `streams` | batches of one stream each, appended in order |

mod bound;
mod connections;
mod counts;
mod drops;
mod intake;
mod options;
mod panics;
mod pieces;
mod reading;
mod streams;
mod tcp;
mod tls;
mod udp;
mod windows;
mod writer;

#[cfg(test)]
mod tests;

pub use bound::{Bound, Receivers};
pub use counts::{Counts, Seen};
pub use options::{Listener, Protocol, ReceiveError, ReceiveOptions, TlsFiles, Transport};
pub use pieces::{Piece, pieces, record_bytes_max};
pub use reading::{Feed, Received, cost_of};
pub use streams::{Process, StreamRules};
pub use windows::{WindowHeld, WindowRecord, Windows, WindowsStop, windows_held};
