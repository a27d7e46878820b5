//! The fixed fields of a batch.

/// Bytes before the records: base offset, length, leader epoch, magic, CRC, attributes, last
/// offset delta, timestamps, producer id, epoch, sequence, count.
pub const HEADER_BYTES: usize = 61;

/// Base offset and length: not counted by the length field.
pub(super) const PREFIX_BYTES: usize = 12;
/// The CRC covers everything from here on.
pub(super) const CRC_START: usize = 21;
pub(super) const MAGIC: u8 = 2;
pub(super) const CODEC_NONE: u8 = 0;
pub(super) const CODEC_ZSTD: u8 = 4;

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

impl BatchHeader {
    /// Reads the fixed fields and checks lengths, magic and codec; not the CRC. More bytes may
    /// follow the batch.
    ///
    /// # Errors
    /// [`BatchError`] if the bytes are no batch.
    pub fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let header = Self::peek(bytes)?;
        let have = bytes.len() as u64;
        if have < header.total_bytes {
            return Err(BatchError::Short {
                have,
                need: header.total_bytes,
            });
        }
        Ok(header)
    }

    /// As [`parse`](Self::parse), with the first [`HEADER_BYTES`] bytes only: whether the rest is
    /// there is not checked.
    ///
    /// # Errors
    /// [`BatchError`] if the bytes begin no batch.
    pub fn peek(bytes: &[u8]) -> Result<Self, BatchError> {
        let have = bytes.len() as u64;
        let head: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(BatchError::Short {
            have,
            need: HEADER_BYTES as u64,
        })?;
        if head[16] != MAGIC {
            return Err(BatchError::Malformed("its version (magic) is not 2"));
        }
        let total = i64::from(i32::from_be_bytes(field(head, 8))) + PREFIX_BYTES as i64;
        let total_bytes = u64::try_from(total)
            .ok()
            .filter(|total| *total > HEADER_BYTES as u64)
            .ok_or(BatchError::Malformed("its length cannot be"))?;
        let attributes = u16::from_be_bytes(field(head, 21));
        let codec = match attributes {
            0 => CODEC_NONE,
            4 => CODEC_ZSTD,
            1..=7 => return Err(BatchError::Malformed("its compression is neither none nor zstd")),
            _ => return Err(BatchError::Malformed("its attributes ask for more than compression")),
        };
        let last_offset_delta = i32::from_be_bytes(field(head, 23));
        let record_count = u32::try_from(i32::from_be_bytes(field(head, 57)))
            .ok()
            .filter(|count| *count > 0 && i64::from(*count) == i64::from(last_offset_delta) + 1)
            .ok_or(BatchError::Malformed("its count of records cannot be"))?;
        Ok(Self {
            base_offset: i64::from_be_bytes(field(head, 0)),
            total_bytes,
            record_count,
            base_timestamp_ms: i64::from_be_bytes(field(head, 27)),
            max_timestamp_ms: i64::from_be_bytes(field(head, 35)),
            producer_id: i64::from_be_bytes(field(head, 43)),
            producer_epoch: i16::from_be_bytes(field(head, 51)),
            base_sequence: i32::from_be_bytes(field(head, 53)),
            codec,
            crc: u32::from_be_bytes(field(head, 17)),
        })
    }

    /// Reads the fixed fields of exactly one batch and checks its CRC; not what it holds.
    ///
    /// # Errors
    /// [`BatchError`] if the bytes are no batch, are damaged, or are more than one batch.
    pub fn parse_checked(bytes: &[u8]) -> Result<Self, BatchError> {
        let header = Self::parse(bytes)?;
        if bytes.len() as u64 != header.total_bytes {
            return Err(BatchError::Malformed("bytes follow it"));
        }
        let computed = crc32c::crc32c(&bytes[CRC_START..]);
        if computed != header.crc {
            return Err(BatchError::Checksum {
                found: header.crc,
                computed,
            });
        }
        Ok(header)
    }

    /// Writes the fixed fields into the first [`HEADER_BYTES`] of a whole batch, the CRC last.
    pub(super) fn seal(mut self, batch: &mut [u8]) {
        let body_len = (batch.len() - PREFIX_BYTES) as i32;
        let count = self.record_count as i32;
        batch[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        batch[8..12].copy_from_slice(&body_len.to_be_bytes());
        batch[12..16].copy_from_slice(&(-1i32).to_be_bytes());
        batch[16] = MAGIC;
        batch[21..23].copy_from_slice(&u16::from(self.codec).to_be_bytes());
        batch[23..27].copy_from_slice(&(count - 1).to_be_bytes());
        batch[27..35].copy_from_slice(&self.base_timestamp_ms.to_be_bytes());
        batch[35..43].copy_from_slice(&self.max_timestamp_ms.to_be_bytes());
        batch[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        batch[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        batch[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        batch[57..61].copy_from_slice(&count.to_be_bytes());
        self.crc = crc32c::crc32c(&batch[CRC_START..]);
        batch[17..21].copy_from_slice(&self.crc.to_be_bytes());
    }
}

/// Sets the offset of a batch's first record. The CRC does not cover it. Bytes too few for a batch
/// stay as they are.
pub fn assign_base_offset(batch: &mut [u8], base_offset: i64) {
    if let Some(head) = batch.first_chunk_mut::<8>() {
        *head = base_offset.to_be_bytes();
    }
}

fn field<const N: usize>(head: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|i| head[at + i])
}
