//! Zigzag varints and the framing of one record:
//!
//! `length, attributes i8, timestamp delta, offset delta, key length, key, value length, value,
//! header count, (name length, name, value length, value)*`, where every number without a type is
//! a zigzag varint, lengths count bytes, and −1 is null.

use super::BatchError;

pub(super) fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut bits = zigzag(value);
    while bits >= 0x80 {
        out.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    out.push(bits as u8);
}

pub(super) fn varint_len(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(super) fn put_header(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    put_header_parts(out, &[name], &[value]);
}

/// A header whose name and value come in pieces.
pub(super) fn put_header_parts(out: &mut Vec<u8>, name: &[&[u8]], value: &[&[u8]]) {
    for pieces in [name, value] {
        put_varint(out, pieces.iter().map(|piece| piece.len() as i64).sum());
        pieces.iter().for_each(|piece| out.extend_from_slice(piece));
    }
}

/// What a record is made of, before it is framed.
pub(super) struct FrameParts<'a> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: u32,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    pub(super) header_count: u32,
    /// The headers, encoded, in up to three pieces.
    pub(super) headers: [&'a [u8]; 3],
}

impl FrameParts<'_> {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let key_len = self.key.map_or(-1, |key| key.len() as i64);
        let value_len = self.value.map_or(-1, |value| value.len() as i64);
        let body_len = 1
            + varint_len(self.timestamp_delta)
            + varint_len(self.offset_delta.into())
            + varint_len(key_len)
            + self.key.map_or(0, <[u8]>::len)
            + varint_len(value_len)
            + self.value.map_or(0, <[u8]>::len)
            + varint_len(self.header_count.into())
            + self.headers.iter().map(|piece| piece.len()).sum::<usize>();
        put_varint(out, body_len as i64);
        out.push(0);
        put_varint(out, self.timestamp_delta);
        put_varint(out, self.offset_delta.into());
        put_varint(out, key_len);
        out.extend_from_slice(self.key.unwrap_or_default());
        put_varint(out, value_len);
        out.extend_from_slice(self.value.unwrap_or_default());
        put_varint(out, self.header_count.into());
        self.headers.iter().for_each(|piece| out.extend_from_slice(piece));
    }
}

/// Bytes still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], BatchError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(BatchError::Malformed("a record ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn varint(&mut self) -> Result<i64, BatchError> {
        let mut bits = 0u64;
        for (i, &byte) in self.rest.iter().take(10).enumerate() {
            bits |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.rest = &self.rest[i + 1..];
                return Ok((bits >> 1) as i64 ^ -((bits & 1) as i64));
            }
        }
        Err(BatchError::Malformed("a number has no end"))
    }

    /// A length and so many bytes; none for −1.
    pub(super) fn nullable(&mut self) -> Result<Option<&'a [u8]>, BatchError> {
        match self.varint()? {
            -1 => Ok(None),
            len => {
                let len = usize::try_from(len).map_err(|_| BatchError::Malformed("a length is negative"))?;
                self.take(len).map(Some)
            }
        }
    }

    /// The next header.
    pub(super) fn header(&mut self) -> Result<RawHeader<'a>, BatchError> {
        let name = self.nullable()?.ok_or(BatchError::Malformed("a header has no name"))?;
        let value = self.nullable()?.unwrap_or_default();
        Ok(RawHeader { name, value })
    }

    /// The next record.
    pub(super) fn record(&mut self) -> Result<RawRecord<'a>, BatchError> {
        let body = self
            .nullable()?
            .ok_or(BatchError::Malformed("a record has no length"))?;
        let mut body = Cursor { rest: body };
        body.take(1)?;
        Ok(RawRecord {
            timestamp_delta: body.varint()?,
            offset_delta: body.varint()?,
            key: body.nullable()?,
            value: body.nullable()?,
            header_count: u32::try_from(body.varint()?)
                .map_err(|_| BatchError::Malformed("the count of headers cannot be"))?,
            headers: body,
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct RawHeader<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

/// A record as framed; its headers not yet walked.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawRecord<'a> {
    pub(super) timestamp_delta: i64,
    pub(super) offset_delta: i64,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: Option<&'a [u8]>,
    header_count: u32,
    headers: Cursor<'a>,
}

impl<'a> RawRecord<'a> {
    /// Gives every header to `each`, and checks that they fill the record.
    pub(super) fn headers(
        &self,
        mut each: impl FnMut(RawHeader<'a>) -> Result<(), BatchError>,
    ) -> Result<(), BatchError> {
        let mut cursor = self.headers;
        for _ in 0..self.header_count {
            each(cursor.header()?)?;
        }
        if cursor.rest.is_empty() {
            Ok(())
        } else {
            Err(BatchError::Malformed("a record is longer than its content"))
        }
    }

    /// The first header, if there is one that can be read.
    pub(super) fn first_header(&self) -> Option<RawHeader<'a>> {
        let mut cursor = self.headers;
        (self.header_count > 0).then(|| cursor.header().ok()).flatten()
    }
}
