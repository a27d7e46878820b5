//! Reading: a batch's bytes in, records out. Bytes come from outside: no panic, no trust.

use bytes::Bytes;

use super::{AttributeValue, BatchMeta};

/// The fixed fields of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record, assigned by the queue.
    pub base_offset: i64,
    /// Bytes of the whole batch, the first 12 included.
    pub total_bytes: u64,
    /// Records.
    pub record_count: u32,
    /// Time of the first record, milliseconds.
    pub base_timestamp_ms: i64,
    /// Largest time, milliseconds.
    pub max_timestamp_ms: i64,
    /// Kafka producer id, −1 for none.
    pub producer_id: i64,
    /// Kafka producer epoch.
    pub producer_epoch: i16,
    /// Kafka sequence of the first record.
    pub base_sequence: i32,
    /// Kafka compression codec (0 none, 4 zstd; others are refused here).
    pub codec: u8,
    /// CRC-32C as stored.
    pub crc: u32,
}

impl BatchHeader {
    /// Reads the fixed fields and checks lengths, magic and codec; not the CRC.
    ///
    /// # Errors
    /// [`BatchError`] if the bytes are no batch.
    pub fn parse(_bytes: &[u8]) -> Result<Self, BatchError> {
        todo!()
    }
}

/// Why bytes are no batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Fewer bytes than the header says; more may follow.
    #[error("batch cut short: {have} of {need} bytes")]
    Short {
        /// Bytes there.
        have: u64,
        /// Bytes needed.
        need: u64,
    },
    /// The checksum does not fit.
    #[error("batch checksum {found:08x}, computed {computed:08x}")]
    Checksum {
        /// As stored.
        found: u32,
        /// As computed.
        computed: u32,
    },
    /// Something in it cannot be.
    #[error("malformed batch: {0}")]
    Malformed(&'static str),
    /// It unpacks to more than allowed.
    #[error("batch unpacks to more than {max} bytes")]
    TooLarge {
        /// The limit.
        max: u64,
    },
}

/// Checks a batch whole without keeping anything: lengths, CRC, decompression, every record's
/// framing and offset delta, and gives back its header and meta.
///
/// # Errors
/// [`BatchError`]
pub fn verify(_bytes: &[u8], _unpacked_bytes_max: u64) -> Result<(BatchHeader, BatchMeta), BatchError> {
    todo!()
}

/// A batch unpacked.
#[derive(Clone, Debug)]
pub struct LogBatch {
    /// Its fixed fields.
    pub header: BatchHeader,
    /// What holds for all records.
    pub meta: BatchMeta,
    /// Why it holds no log event, if it is a marker.
    pub marker: Option<String>,
    /// The stream id, the key of every record.
    pub stream_id: Bytes,
}

impl LogBatch {
    /// Checks and unpacks.
    ///
    /// # Errors
    /// [`BatchError`]
    pub fn parse(_bytes: &Bytes, _unpacked_bytes_max: u64) -> Result<Self, BatchError> {
        todo!()
    }
    /// Its records, in order; none for a marker.
    pub fn records(&self) -> LogRecords<'_> {
        todo!()
    }
}

/// Iterator over a batch's records.
#[derive(Debug)]
pub struct LogRecords<'a> {
    _batch: &'a LogBatch,
}

impl<'a> Iterator for LogRecords<'a> {
    type Item = LogRecord<'a>;
    fn next(&mut self) -> Option<LogRecord<'a>> {
        todo!()
    }
}

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord<'a> {
    /// Its offset: the batch's base offset and its place in it.
    pub offset: u64,
    /// Its time, nanoseconds.
    pub time_nanos: i64,
    /// Whether that was found in the line.
    pub time_parsed: bool,
    /// When it was read, nanoseconds.
    pub observed_nanos: i64,
    /// The line's bytes.
    pub line: &'a [u8],
    /// Start and source length in its file, if it comes from one.
    pub place: Option<(u64, u32)>,
    /// Part of a long line: index, last.
    pub part: Option<(u32, bool)>,
    /// Its own attributes; empty for most.
    pub attributes: Vec<(String, AttributeValue)>,
}
