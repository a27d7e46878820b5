//! Taking out of a batch what some of its records said, at equal offsets.
//!
//! An erased record has the null value, the header `tb.erased`, and of its other headers those alone that say
//! where and when it was: `t`, `n`, `o`, `part`, and always `p` in a batch of a generation, since its place
//! follows from no line any more. What the first record says of the whole batch stays. Its chain keeps its
//! value; the salt, with which lines could be guessed from it, goes.

use bytes::Bytes;

use super::frame::{Cursor, FrameParts, RawRecord, put_header};
use super::own::{NextPlace, Own};
use super::write::BatchBuilder;
use super::{BatchError, BatchHeader, ChainSalt, Chained, LogBatch};

/// The header of an erased record.
pub(super) const ERASED: &[u8] = b"tb.erased";
const CHAIN: &[u8] = b"tb.chain";

/// A batch without what some of its records said.
#[derive(Clone, Debug)]
pub struct ErasedBatch {
    /// Its bytes: the same base offset, records, times and producer.
    pub bytes: Bytes,
    /// Records that said something before.
    pub records: u64,
}

impl LogBatch {
    /// The batch without what the records at these offsets said; `None` if none of them says anything.
    /// Compressed with zstd at `level`.
    ///
    /// # Errors
    /// [`BatchError`]; never for a batch that was parsed.
    pub fn without(&self, gone: impl Fn(u64) -> bool, level: i32) -> Result<Option<ErasedBatch>, BatchError> {
        if self.marker.is_some() {
            return Ok(None);
        }
        let mut cursor = Cursor { rest: &self.records };
        let mut next_place = NextPlace {
            start: self.meta.range.0,
            eol_bytes: self.meta.eol_bytes,
        };
        let (mut body, mut first, mut erased) = (Vec::with_capacity(self.records.len()), 0, 0_u64);
        let mut is_first = true;
        while !cursor.rest.is_empty() {
            let before = cursor.rest;
            let record = cursor.record()?;
            let framed = &before[..before.len() - cursor.rest.len()];
            let offset = self.header.base_offset.saturating_add(record.offset_delta).max(0) as u64;
            let own = match self.foreign {
                true => Own::default(),
                false => Own::read(&record, |_| Ok(()))?,
            };
            let place = own
                .place
                .unwrap_or_else(|| next_place.of_line(record.value.unwrap_or_default()));
            next_place.advance(place);
            if gone(offset) && record.value.is_some() {
                self.put_erased(&record, own, place, &mut body)?;
                erased += 1;
            } else {
                body.extend_from_slice(framed);
            }
            if std::mem::take(&mut is_first) {
                first = body.len();
            }
        }
        if erased == 0 {
            return Ok(None);
        }
        let body = match self.meta.chain {
            Some(chained) if chained.salt != ChainSalt::default() => without_salt(&body, first, &chained)?,
            _ => body,
        };
        let header = BatchHeader { crc: 0, ..self.header };
        Ok(Some(ErasedBatch {
            bytes: BatchBuilder::new().sealed(body, header, level),
            records: erased,
        }))
    }

    fn put_erased(
        &self,
        record: &RawRecord<'_>,
        own: Own,
        place: (u64, u32),
        body: &mut Vec<u8>,
    ) -> Result<(), BatchError> {
        let (mut headers, mut count) = (Vec::new(), 0);
        if !self.foreign {
            record.headers(|header| {
                if header.name.starts_with(b"tb.") {
                    put_header(&mut headers, header.name, header.value);
                    count += 1;
                }
                Ok(())
            })?;
            let own = Own {
                place: self.meta.generation.map(|_| place),
                ..own
            };
            count += own.put(&mut headers);
        }
        put_header(&mut headers, ERASED, b"");
        FrameParts {
            timestamp_delta: record.timestamp_delta,
            offset_delta: record.offset_delta as u32,
            // A foreign key may say as much as the value.
            key: record.key.filter(|_| !self.foreign),
            value: None,
            header_count: count + 1,
            headers: [&headers, &[], &[]],
        }
        .put(body);
        Ok(())
    }
}

/// The records with the first one framed anew, whose end is given: its chain has no salt.
fn without_salt(body: &[u8], first_end: usize, chained: &Chained) -> Result<Vec<u8>, BatchError> {
    let record = Cursor { rest: body }.record()?;
    let unsalted = Chained {
        salt: ChainSalt::default(),
        ..*chained
    };
    let (mut headers, mut count) = (Vec::new(), 0);
    record.headers(|header| {
        match header.name == CHAIN {
            true => put_header(&mut headers, CHAIN, &unsalted.bytes()),
            false => put_header(&mut headers, header.name, header.value),
        }
        count += 1;
        Ok(())
    })?;
    let mut out = Vec::with_capacity(body.len());
    FrameParts {
        timestamp_delta: record.timestamp_delta,
        offset_delta: record.offset_delta as u32,
        key: record.key,
        value: record.value,
        header_count: count,
        headers: [&headers, &[], &[]],
    }
    .put(&mut out);
    out.extend_from_slice(&body[first_end..]);
    Ok(out)
}
