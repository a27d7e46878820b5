//! The headers that a record has of its own: see the table in the module above.

use super::erase::ERASED;
use super::frame::{RawHeader, RawRecord, put_header, put_header_parts};
use super::meta::exact;
use super::{AttributeValue, BatchError};

pub(super) const NANOS_PER_MS: i64 = 1_000_000;

/// A record's own headers, attributes left out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Own {
    /// Nanoseconds below the millisecond.
    pub(super) sub_ms_nanos: u32,
    /// Its time is the time of observation.
    pub(super) time_missing: bool,
    pub(super) observed_nanos: Option<i64>,
    pub(super) place: Option<(u64, u32)>,
    pub(super) part: Option<(u32, bool)>,
    /// What it said was taken out.
    pub(super) erased: bool,
}

impl Own {
    /// Appends the headers; gives their count.
    pub(super) fn put(&self, out: &mut Vec<u8>) -> u32 {
        let mut count = 0;
        if self.sub_ms_nanos != 0 {
            put_header(out, b"t", &self.sub_ms_nanos.to_le_bytes());
            count += 1;
        }
        if self.time_missing {
            put_header(out, b"n", b"");
            count += 1;
        }
        if let Some(observed) = self.observed_nanos {
            put_header(out, b"o", &observed.to_le_bytes());
            count += 1;
        }
        if let Some((start, len)) = self.place {
            put_header_parts(out, &[b"p"], &[&start.to_le_bytes(), &len.to_le_bytes()]);
            count += 1;
        }
        if let Some((index, last)) = self.part {
            put_header_parts(out, &[b"part"], &[&index.to_le_bytes(), &[u8::from(last)]]);
            count += 1;
        }
        count
    }

    /// Reads what is known and gives attributes (name without `a:`, value with its type byte) to
    /// `attribute`. Unknown names are passed over.
    pub(super) fn read<'a>(
        record: &RawRecord<'a>,
        mut attribute: impl FnMut(RawHeader<'a>) -> Result<(), BatchError>,
    ) -> Result<Self, BatchError> {
        let mut own = Self::default();
        record.headers(|header| {
            match header.name {
                b"t" => own.sub_ms_nanos = read_sub_ms(header.value)?,
                b"n" => own.time_missing = true,
                b"o" => own.observed_nanos = Some(i64::from_le_bytes(exact(header.value, "o is not 8 bytes")?)),
                b"p" => own.place = Some(read_place(header.value)?),
                ERASED => own.erased = true,
                b"part" => own.part = Some(read_part(header.value)?),
                name => {
                    if let Some(name) = name.strip_prefix(b"a:") {
                        attribute(RawHeader {
                            name,
                            value: header.value,
                        })?;
                    }
                }
            }
            Ok(())
        })?;
        Ok(own)
    }
}

fn read_sub_ms(value: &[u8]) -> Result<u32, BatchError> {
    let nanos = u32::from_le_bytes(exact(value, "t is not 4 bytes")?);
    if i64::from(nanos) < NANOS_PER_MS {
        Ok(nanos)
    } else {
        Err(BatchError::Malformed("t is a millisecond or more"))
    }
}

fn read_place(value: &[u8]) -> Result<(u64, u32), BatchError> {
    let [s0, s1, s2, s3, s4, s5, s6, s7, len @ ..] = exact::<12>(value, "p is not 12 bytes")?;
    Ok((
        u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
        u32::from_le_bytes(len),
    ))
}

fn read_part(value: &[u8]) -> Result<(u32, bool), BatchError> {
    let [index @ .., last] = exact::<5>(value, "part is not 5 bytes")?;
    Ok((u32::from_le_bytes(index), last == 1))
}

/// Where a record lies when it says nothing: right behind the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct NextPlace {
    pub(super) start: u64,
    pub(super) eol_bytes: u8,
}

impl NextPlace {
    pub(super) fn of_line(&self, line: &[u8]) -> (u64, u32) {
        (self.start, (line.len() as u32).saturating_add(self.eol_bytes.into()))
    }

    pub(super) fn advance(&mut self, place: (u64, u32)) {
        self.start = place.0.saturating_add(place.1.into());
    }
}

/// Appends an attribute as a header.
pub(super) fn put_attribute(out: &mut Vec<u8>, name: &str, value: &AttributeValue) {
    let name: &[&[u8]] = &[b"a:", name.as_bytes()];
    match value {
        AttributeValue::Text(text) => put_header_parts(out, name, &[b"s", text.as_bytes()]),
        AttributeValue::Integer(number) => put_header_parts(out, name, &[b"i", &number.to_le_bytes()]),
        AttributeValue::Number(number) => put_header_parts(out, name, &[b"f", &number.to_le_bytes()]),
        AttributeValue::Bool(truth) => put_header_parts(out, name, &[b"b", &[u8::from(*truth)]]),
        AttributeValue::Json(json) => put_header_parts(out, name, &[b"j", json.to_string().as_bytes()]),
    }
}

/// Checks what [`attribute`] will be asked to read, and keeps nothing.
pub(super) fn check_attribute(header: RawHeader<'_>) -> Result<(), BatchError> {
    let fits = std::str::from_utf8(header.name).is_ok()
        && match header.value.split_first() {
            Some((b's', text)) => std::str::from_utf8(text).is_ok(),
            Some((b'i' | b'f', number)) => number.len() == 8,
            Some((b'b', truth)) => matches!(truth, [0 | 1]),
            Some((b'j', json)) => serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok(),
            _ => false,
        };
    if fits {
        Ok(())
    } else {
        Err(BatchError::Malformed("an attribute is not what its type byte says"))
    }
}

/// Reads an attribute. What is not as it should be becomes text rather than nothing.
pub(super) fn attribute(header: RawHeader<'_>) -> (String, AttributeValue) {
    let typed = match header.value.split_first() {
        Some((b's', text)) => Some(AttributeValue::Text(String::from_utf8_lossy(text).into_owned())),
        Some((b'i', number)) => number
            .try_into()
            .ok()
            .map(i64::from_le_bytes)
            .map(AttributeValue::Integer),
        Some((b'f', number)) => number
            .try_into()
            .ok()
            .map(f64::from_le_bytes)
            .map(AttributeValue::Number),
        Some((b'b', [truth])) => Some(AttributeValue::Bool(*truth == 1)),
        Some((b'j', json)) => serde_json::from_slice(json).ok().map(AttributeValue::Json),
        _ => None,
    };
    let value = typed.unwrap_or_else(|| {
        let text = header.value.get(1..).unwrap_or_default();
        AttributeValue::Text(String::from_utf8_lossy(text).into_owned())
    });
    (String::from_utf8_lossy(header.name).into_owned(), value)
}
