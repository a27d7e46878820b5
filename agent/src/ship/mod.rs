//! The way to the collector: a window of batches, one verdict each, over one gRPC stream.
//!
//! Order is kept per generation: a batch is sent only when those before it have been, and until
//! the collector has acked one batch of a generation on this connection, only one of it is under
//! way. Otherwise a later batch could be taken as the generation's first and close the gap over an
//! earlier one that failed.
//!
//! Encoded bytes stay here until their verdict, so that after a lost connection the same batches
//! are sent again and the collector recognises them. What the collector does not take as it is, is
//! divided here (`refused`).

mod backoff;
mod dead_letter;
mod refused;
mod retry_info;
mod session;
mod shipper;
mod window;

use std::sync::Arc;

use bytes::Bytes;
use timberline_proto::batch::BatchMeta;
use timberline_proto::id::GenerationId;

pub(crate) use shipper::Shipper;

/// A batch unpacks to no more.
pub(crate) const UNPACKED_BYTES_MAX: u64 = 256 << 20;

/// A batch cut from a file.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) generation: GenerationId,
    pub(crate) topic: Arc<str>,
    /// The generation's epoch when it was cut.
    pub(crate) epoch: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Log events; a batch without any is a marker of one record.
    pub(crate) records: u32,
    /// Ends of records amid it behind which reading cannot begin, ascending: it is not divided there.
    pub(crate) bound: Vec<u64>,
    pub(crate) bytes: Bytes,
    pub(crate) meta: BatchMeta,
}

/// What the tail thread asks for.
#[derive(Debug)]
pub(crate) enum ToShip {
    Batch(Box<Batch>),
    /// To where does the collector hold these, each in its topic?
    AskEnds(Vec<(Arc<str>, GenerationId)>),
}
