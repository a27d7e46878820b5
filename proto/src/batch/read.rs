//! Reading: a batch's bytes in, records out. Bytes come from outside: no panic, no trust.

use bytes::Bytes;

use super::erase::ERASED;
use super::frame::Cursor;
use super::header::{CODEC_ZSTD, HEADER_BYTES};
use super::own::{self, NANOS_PER_MS, NextPlace, Own};
use super::stream::{stream_id, stream_key};
use super::unpack::unpack_zstd;
use super::verify::check_records;
use super::{AttributeValue, BatchError, BatchHeader, BatchMeta};

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
    /// Not written by Timberline.
    pub(super) foreign: bool,
    /// Unpacked and checked.
    pub(super) records: Bytes,
}

impl LogBatch {
    /// Checks as [`verify`](super::verify) does, and unpacks.
    ///
    /// # Errors
    /// [`BatchError`]
    pub fn parse(bytes: &Bytes, unpacked_bytes_max: u64) -> Result<Self, BatchError> {
        let header = BatchHeader::parse_checked(bytes)?;
        let records = bytes.slice(HEADER_BYTES..);
        let records = if header.codec == CODEC_ZSTD {
            Bytes::from(unpack_zstd(&records, unpacked_bytes_max)?)
        } else if records.len() as u64 > unpacked_bytes_max {
            return Err(BatchError::TooLarge {
                max: unpacked_bytes_max,
            });
        } else {
            records
        };
        let found = check_records(&header, &records)?;
        let stream_id = Bytes::copy_from_slice(&stream_key(stream_id(&found.meta.stream)));
        Ok(Self {
            header,
            meta: found.meta,
            marker: found.marker,
            stream_id,
            foreign: found.foreign,
            records,
        })
    }

    /// Its records, in order; none for a marker.
    pub fn records(&self) -> LogRecords<'_> {
        let records: &[u8] = if self.marker.is_some() { &[] } else { &self.records };
        let (start, eol_bytes) = (self.meta.range.0, self.meta.eol_bytes);
        LogRecords {
            batch: self,
            cursor: Cursor { rest: records },
            next_place: NextPlace { start, eol_bytes },
        }
    }
}

/// Iterator over a batch's records.
#[derive(Clone, Debug)]
pub struct LogRecords<'a> {
    batch: &'a LogBatch,
    cursor: Cursor<'a>,
    next_place: NextPlace,
}

impl<'a> Iterator for LogRecords<'a> {
    type Item = LogRecord<'a>;

    fn next(&mut self) -> Option<LogRecord<'a>> {
        if self.cursor.rest.is_empty() {
            return None;
        }
        // Parsing checked every record, so neither of these fails.
        let record = self.cursor.record().ok()?;
        let mut attributes = Vec::new();
        let own = if self.batch.foreign {
            let mut erased = false;
            record
                .headers(|header| {
                    if header.name == ERASED && record.value.is_none() {
                        erased = true;
                        return Ok(());
                    }
                    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                    attributes.push((text(header.name), AttributeValue::Text(text(header.value))));
                    Ok(())
                })
                .ok()?;
            Own {
                time_missing: true,
                erased,
                ..Own::default()
            }
        } else {
            Own::read(&record, |header| {
                attributes.push(own::attribute(header));
                Ok(())
            })
            .ok()?
        };
        let header = &self.batch.header;
        let meta = &self.batch.meta;
        let line = record.value.unwrap_or_default();
        let time_ms = header.base_timestamp_ms.saturating_add(record.timestamp_delta);
        let time_nanos = time_ms
            .saturating_mul(NANOS_PER_MS)
            .saturating_add(own.sub_ms_nanos.into());
        let observed_batch = if self.batch.foreign {
            time_nanos
        } else {
            meta.observed_nanos
        };
        let place = meta
            .generation
            .map(|_| own.place.unwrap_or_else(|| self.next_place.of_line(line)));
        if let Some(place) = place {
            self.next_place.advance(place);
        }
        Some(LogRecord {
            offset: header.base_offset.saturating_add(record.offset_delta).max(0) as u64,
            time_nanos,
            time_parsed: !own.time_missing,
            observed_nanos: own.observed_nanos.unwrap_or(observed_batch),
            line,
            place,
            part: own.part,
            attributes,
            erased: own.erased,
        })
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
    /// What it said was taken out: it is no log event any more, only a place.
    pub erased: bool,
}
