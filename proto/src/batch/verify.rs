//! Checking a batch whole: its frame, its CRC, every record, and that places agree with the range.

use std::borrow::Cow;

use super::frame::{Cursor, RawRecord};
use super::header::{CODEC_ZSTD, HEADER_BYTES};
use super::meta::{self, Found};
use super::own::{NextPlace, Own, check_attribute};
use super::stream::{stream_id, stream_key};
use super::unpack::unpack_zstd;
use super::{BatchError, BatchHeader, BatchMeta, Dropped};

/// Checks a batch whole without keeping anything: lengths, CRC, decompression, every record's
/// framing, key and offset delta, the largest time, and, for a batch of a generation, that places
/// ascend within its range and meet no dropped bytes. Gives back its header and meta.
///
/// # Errors
/// [`BatchError`]
pub fn verify(bytes: &[u8], unpacked_bytes_max: u64) -> Result<(BatchHeader, BatchMeta), BatchError> {
    let header = BatchHeader::parse_checked(bytes)?;
    let records = &bytes[HEADER_BYTES..];
    let records = if header.codec == CODEC_ZSTD {
        Cow::Owned(unpack_zstd(records, unpacked_bytes_max)?)
    } else if records.len() as u64 > unpacked_bytes_max {
        return Err(BatchError::TooLarge {
            max: unpacked_bytes_max,
        });
    } else {
        Cow::Borrowed(records)
    };
    let found = check_records(&header, &records)?;
    Ok((header, found.meta))
}

/// Walks the unpacked records and checks all that they promise.
pub(super) fn check_records(header: &BatchHeader, records: &[u8]) -> Result<Found, BatchError> {
    let mut cursor = Cursor { rest: records };
    let mut lookahead = cursor;
    let found = meta::read(&lookahead.record()?)?;
    let key = stream_key(stream_id(&found.meta.stream));
    let mut places = Places::new(&found.meta)?;
    let mut max_timestamp_ms = i64::MIN;
    for delta in 0..i64::from(header.record_count) {
        let record = cursor.record()?;
        if record.offset_delta != delta {
            return Err(BatchError::Malformed("offsets of its records have a gap"));
        }
        let timestamp = header.base_timestamp_ms.checked_add(record.timestamp_delta);
        max_timestamp_ms = max_timestamp_ms.max(timestamp.ok_or(BatchError::Malformed("a record's time overflows"))?);
        if found.foreign {
            record.headers(|_| Ok(()))?;
        } else {
            check_own(&record, &key, &found, &mut places)?;
        }
    }
    if !cursor.rest.is_empty() {
        return Err(BatchError::Malformed("bytes follow its last record"));
    }
    if max_timestamp_ms != header.max_timestamp_ms {
        return Err(BatchError::Malformed("its largest time is not that of its records"));
    }
    if found.marker.is_some() && header.record_count != 1 {
        return Err(BatchError::Malformed("a marker has more than one record"));
    }
    Ok(found)
}

fn check_own(record: &RawRecord<'_>, key: &[u8], found: &Found, places: &mut Places<'_>) -> Result<(), BatchError> {
    if record.key != Some(key) {
        return Err(BatchError::Malformed("a record's key is not its stream's id"));
    }
    let own = Own::read(record, check_attribute)?;
    match (record.value, &found.marker) {
        (None, Some(_)) => Ok(()),
        (Some(line), None) if !own.erased => places.check(&own, line),
        // Its place stands there, if it has one.
        (None, None) if own.erased && (own.place.is_some() || found.meta.generation.is_none()) => {
            places.check(&own, b"")
        }
        _ => Err(BatchError::Malformed("a marker has no line, a record has one")),
    }
}

/// Where the next record may lie.
struct Places<'a> {
    /// None for a batch that comes from no file.
    next: Option<NextPlace>,
    end: u64,
    /// Not yet passed, ascending.
    dropped: &'a [Dropped],
}

impl<'a> Places<'a> {
    fn new(meta: &'a BatchMeta) -> Result<Self, BatchError> {
        let (start, end) = meta.range;
        let mut at = start;
        for dropped in meta.dropped.iter().filter(|_| meta.generation.is_some()) {
            if dropped.start < at || dropped.end < dropped.start || dropped.end > end {
                return Err(BatchError::Malformed(
                    "dropped bytes overlap, descend or lie outside the range",
                ));
            }
            at = dropped.end;
        }
        let next = meta.generation.map(|_| NextPlace {
            start,
            eol_bytes: meta.eol_bytes,
        });
        Ok(Self {
            next,
            end,
            dropped: &meta.dropped,
        })
    }

    fn check(&mut self, own: &Own, line: &[u8]) -> Result<(), BatchError> {
        let Some(next) = &mut self.next else {
            return Ok(());
        };
        let place = own.place.unwrap_or_else(|| next.of_line(line));
        let end = place.0.checked_add(place.1.into()).filter(|end| *end <= self.end);
        let (true, Some(end)) = (place.0 >= next.start, end) else {
            return Err(BatchError::Malformed(
                "places overlap, descend or lie outside the range",
            ));
        };
        while let [first, rest @ ..] = self.dropped
            && first.end <= place.0
        {
            self.dropped = rest;
        }
        if self.dropped.first().is_some_and(|dropped| dropped.start < end) {
            return Err(BatchError::Malformed("a record lies in dropped bytes"));
        }
        next.advance(place);
        Ok(())
    }
}
