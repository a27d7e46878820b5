//! Kafka record batches, version 2, and what Timberline writes into them.
//!
//! Source of the format: Apache Kafka, "Implementation: Message Format", Record Batch (magic 2).
//! One record per log event: key = stream id, value = the line's bytes without its line end,
//! timestamp = the record's time in milliseconds. A batch holds one stream and, from a file, one
//! range of one generation. What holds for all of it stands once, as headers of its first record:
//!
//! | header | value |
//! |---|---|
//! | `tb.v` | 1 byte: version of this table, 1 |
//! | `tb.stream` | JSON object, text to text: the stream's attributes |
//! | `tb.agent` | 16 bytes |
//! | `tb.gen` | 16 bytes: the generation |
//! | `tb.range` | 2 × u64 little-endian: first byte and end in the file |
//! | `tb.eol` | 1 byte: length of the usual line end (1: `\n`; 2: `\r\n`); 1 if absent |
//! | `tb.observed` | i64 little-endian, nanoseconds: when the batch was read |
//! | `tb.file` | JSON object: what identifies the file; with a generation's first batch |
//! | `tb.chain` | 93 bytes: what the agent chained (`chain.rs`) |
//! | `tb.dropped` | JSON array of `{start, end, reason}`: bytes of the range that became no record |
//! | `tb.marker` | UTF-8: the batch's one record is no log event (its value is null); why |
//!
//! What a record has of its own stands in its own headers:
//!
//! | header | value |
//! |---|---|
//! | `t` | u32 little-endian: nanoseconds below the millisecond of its time; 0 if absent |
//! | `n` | empty: its time is the time of observation, none was found in it |
//! | `o` | i64 little-endian, nanoseconds: observed, if other than `tb.observed` |
//! | `p` | u64 start, u32 source length, little-endian: its place, where it does not follow from the record before it (end of that one, and line length + `tb.eol`) |
//! | `part` | u32 little-endian index, u8 1 if last: a part of a line above `line_bytes_max` |
//! | `tb.erased` | empty: what the record said was taken out (`erase.rs`); its value is null |
//! | `a:NAME` | an attribute that is not in the line: 1 type byte (`s` text, `i` i64 LE, `f` f64 LE, `b` u8, `j` JSON), then the value |
//!
//! A batch whose first record does not begin with `tb.v` is a foreign one (a Kafka client's): its
//! values are lines, its times are not from the line, its headers are text attributes.
//!
//! On the wire a batch is, big-endian: base offset i64, length of what follows i32, leader epoch
//! i32, magic 2, CRC-32C u32 of everything after it, attributes i16 (codec), last offset delta i32,
//! base and max timestamp i64, producer id i64, epoch i16, sequence i32, count i32, then the
//! records, as one zstd frame where that is smaller. The CRC leaves out base offset and epoch, so
//! that the queue assigns offsets without encoding anew.
//!
//! Encoding and walking are the hot path: no allocation per record.

mod chain;
mod erase;
mod frame;
mod header;
mod message;
mod meta;
mod own;
mod part;
mod read;
mod stream;
mod unpack;
mod verify;
mod write;

#[cfg(test)]
mod tests;

pub use chain::{CHAIN_SALT_BYTES, CHAIN_VALUE_BYTES, ChainCheck, ChainSalt, ChainState, ChainValue, Chained};
pub use erase::ErasedBatch;
pub use header::{BatchError, BatchHeader, HEADER_BYTES, assign_base_offset};
pub use message::RawMessage;
pub use read::{LogBatch, LogRecord, LogRecords};
pub use stream::{stream_id, stream_key};
pub use verify::verify;
pub use write::{BatchBuilder, BatchMeta, NewRecord};

use serde::{Deserialize, Serialize};

/// Bytes of a file that became no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The first byte.
    pub start: u64,
    /// One past the last.
    pub end: u64,
    /// Why: `rule:NAME`, `nul_hole`, `empty`, …
    pub reason: String,
}

/// A record's attribute with its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Number(f64),
    /// Text.
    Text(String),
    /// Anything else, as JSON.
    Json(serde_json::Value),
}
