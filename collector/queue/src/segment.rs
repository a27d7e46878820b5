//! A segment: `{base offset:020}.log`, a header of 192 bytes, then record batches without gaps
//! between their bytes or their offsets. An offset gap begins a new segment.
//!
//! | at | bytes | |
//! |---|---|---|
//! | 0 | 8 | `TBSEGMNT` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | partition |
//! | 16 | 16 | incarnation |
//! | 32 | 8 | base offset |
//! | 40 | 1 | length of the topic's name |
//! | 41 | 127 | topic, zero-filled |
//! | 168 | 20 | zero |
//! | 188 | 4 | CRC-32C of the 188 bytes before |
//!
//! Numbers are little-endian (batches are Kafka's and big-endian).

use timberline_proto::id::IncarnationId;

use crate::small_file::FORMAT_VERSION;

pub(crate) const SEGMENT_HEADER_BYTES: u64 = 192;
const MAGIC: [u8; 8] = *b"TBSEGMNT";
const CRC_AT: usize = SEGMENT_HEADER_BYTES as usize - 4;
pub(crate) const TOPIC_BYTES_MAX: usize = 127;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) topic: String,
    pub(crate) partition: u32,
    pub(crate) incarnation: IncarnationId,
    pub(crate) base_offset: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    Damaged,
    Newer(u32),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES as usize);
        bytes.extend(MAGIC);
        bytes.extend(FORMAT_VERSION.to_le_bytes());
        bytes.extend(self.partition.to_le_bytes());
        bytes.extend(self.incarnation.0);
        bytes.extend(self.base_offset.to_le_bytes());
        bytes.push(self.topic.len() as u8);
        bytes.extend(self.topic.as_bytes());
        bytes.resize(CRC_AT, 0);
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let bytes: &[u8; SEGMENT_HEADER_BYTES as usize] = bytes.first_chunk().ok_or(HeaderFault::Damaged)?;
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        if bytes[..8] != MAGIC || word(CRC_AT) != crc32c::crc32c(&bytes[..CRC_AT]) {
            return Err(HeaderFault::Damaged);
        }
        if word(8) > FORMAT_VERSION {
            return Err(HeaderFault::Newer(word(8)));
        }
        let topic = bytes.get(41..41 + usize::from(bytes[40])).ok_or(HeaderFault::Damaged)?;
        Ok(Self {
            topic: String::from_utf8(topic.to_vec()).map_err(|_| HeaderFault::Damaged)?,
            partition: word(12),
            incarnation: IncarnationId(std::array::from_fn(|i| bytes[16 + i])),
            base_offset: u64::from_le_bytes(std::array::from_fn(|i| bytes[32 + i])),
        })
    }
}

/// A segment as readers know it. It covers the offsets up to the next one's base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) base: u64,
    /// Durable bytes, the header included.
    pub(crate) bytes: u64,
    /// When it was sealed, milliseconds; 0 as long as that was not looked up.
    pub(crate) sealed_ms: u64,
    /// How often it was written anew since the queue was opened: what is known of places in it holds of one
    /// writing alone.
    pub(crate) writing: u32,
}

impl Segment {
    /// Which file it is.
    pub(crate) fn writing(&self) -> (u64, u32) {
        (self.base, self.writing)
    }
}

pub(crate) fn log_name(base: u64) -> String {
    format!("{base:020}.log")
}

pub(crate) fn index_name(base: u64) -> String {
    format!("{base:020}.index")
}

pub(crate) fn parse_log_name(name: &str) -> Option<u64> {
    parse_name(name, ".log")
}

pub(crate) fn parse_index_name(name: &str) -> Option<u64> {
    parse_name(name, ".index")
}

fn parse_name(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}
