//! From the queue to splits.
//!
//! ```text
//! source ─► pull (a thread per partition) ─► live ─► flush (one thread) ─► splits ─► catalog
//!                                                     merge, retention, removal of files (one thread)
//! ```
//!
//! # What holds
//! - A flush takes a range of offsets, and does, in this order: split files durable, one catalog
//!   transaction (splits and position), live rows dropped, the queue told. A crash between any
//!   two leaves either files that no catalog names, removed at the next start, or rows that are
//!   published and taken from the queue no more. The catalog's position wins over the queue's.
//! - Every offset is either in a row, or in a marker, or in the catalog's gaps.
//! - A partition that comes back as another incarnation: what is live of the old one is published
//!   first (it is nowhere else), then the catalog is reset, with an alert, then the new one is read.
//! - Memory is bounded by `live_bytes_max`; at the bound nothing is pulled and the queue grows.
//!   A failed flush (a full disk) keeps its rows and is tried again.
//! - A panic on one of these threads is an error that is shown and tried again, not their end.
//! - One flush and one merge at a time. A file leaves the disk when the catalog has dropped it and
//!   no snapshot that names it is held any more.

mod context;
mod decode;
mod encode;
mod erase;
mod files;
mod flush;
mod memory;
mod merge;
mod net;
mod pull;
mod retention;
mod slices;
mod source;
mod writer;

pub(crate) use context::Context;
pub(crate) use erase::{Changed, QueueRange, Rewrite, RewriteFor};
pub(crate) use files::SplitFiles;
pub(crate) use flush::FlushError;
pub(crate) use source::Journal;
pub use source::{Batches, FetchFrom, GROUP, LocalSource, RemoteSource, Source, SourceError};
pub(crate) use writer::Writer;
