//! The headers of the first record that hold for the whole batch: see the table in the module above.

use super::frame::{RawRecord, put_header, put_header_parts};
use super::{BatchError, BatchMeta, Chained, Dropped};
use crate::id::{AgentId, GenerationId};

const VERSION: u8 = 1;
const EOL_BYTES_USUAL: u8 = 1;

/// Appends the headers; gives their count.
pub(super) fn put(out: &mut Vec<u8>, meta: &BatchMeta, marker: Option<&str>) -> u32 {
    let mut count = 3;
    put_header(out, b"tb.v", &[VERSION]);
    put_header(
        out,
        b"tb.stream",
        &serde_json::to_vec(&meta.stream).expect("text to text is always JSON"),
    );
    put_header(out, b"tb.observed", &meta.observed_nanos.to_le_bytes());
    let mut optional = |name: &[u8], value: &[&[u8]]| {
        put_header_parts(out, &[name], value);
        count += 1;
    };
    if let Some(agent) = meta.agent {
        optional(b"tb.agent", &[&agent.0]);
    }
    if let Some(generation) = meta.generation {
        optional(b"tb.gen", &[&generation.0]);
        optional(b"tb.range", &[&meta.range.0.to_le_bytes(), &meta.range.1.to_le_bytes()]);
    }
    if meta.eol_bytes != EOL_BYTES_USUAL {
        optional(b"tb.eol", &[&[meta.eol_bytes]]);
    }
    if let Some(file) = &meta.file {
        optional(b"tb.file", &[file.to_string().as_bytes()]);
    }
    if !meta.dropped.is_empty() {
        optional(
            b"tb.dropped",
            &[&serde_json::to_vec(&meta.dropped).expect("numbers and text are always JSON")],
        );
    }
    if let Some(chained) = &meta.chain {
        optional(b"tb.chain", &[&chained.bytes()]);
    }
    if let Some(why) = marker {
        optional(b"tb.marker", &[why.as_bytes()]);
    }
    count
}

/// What the first record says of its batch.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) meta: BatchMeta,
    pub(super) marker: Option<String>,
    /// Not written by Timberline: it has none of these headers.
    pub(super) foreign: bool,
}

pub(super) fn read(first: &RawRecord<'_>) -> Result<Found, BatchError> {
    let mut found = Found {
        meta: BatchMeta {
            eol_bytes: EOL_BYTES_USUAL,
            ..BatchMeta::default()
        },
        marker: None,
        foreign: true,
    };
    match first.first_header() {
        Some(header) if header.name == b"tb.v" => {
            if header.value != [VERSION] {
                return Err(BatchError::Malformed("a newer program's headers (tb.v is not 1)"));
            }
            found.foreign = false;
        }
        _ => return Ok(found),
    }
    let mut range = None;
    first.headers(|header| {
        let value = header.value;
        let meta = &mut found.meta;
        match header.name {
            b"tb.stream" => meta.stream = json(value, "tb.stream is not an object of text")?,
            b"tb.observed" => meta.observed_nanos = i64::from_le_bytes(exact(value, "tb.observed is not 8 bytes")?),
            b"tb.agent" => meta.agent = Some(AgentId(exact(value, "tb.agent is not 16 bytes")?)),
            b"tb.gen" => meta.generation = Some(GenerationId(exact(value, "tb.gen is not 16 bytes")?)),
            b"tb.range" => range = Some(read_range(value)?),
            b"tb.eol" => meta.eol_bytes = read_eol(value)?,
            b"tb.file" => meta.file = Some(read_file(value)?),
            b"tb.dropped" => meta.dropped = json::<Vec<Dropped>>(value, "tb.dropped is not a list of ranges")?,
            b"tb.chain" => meta.chain = Some(Chained::read(value)?),
            b"tb.marker" => found.marker = Some(String::from_utf8_lossy(value).into_owned()),
            _ => {}
        }
        Ok(())
    })?;
    match (range, found.meta.generation) {
        (Some(range), Some(_)) => found.meta.range = range,
        (None, None) => {}
        _ => return Err(BatchError::Malformed("tb.gen and tb.range go together")),
    }
    Ok(found)
}

fn read_range(value: &[u8]) -> Result<(u64, u64), BatchError> {
    let both: [u8; 16] = exact(value, "tb.range is not 16 bytes")?;
    let (start, end) = (
        u128::from_le_bytes(both) as u64,
        (u128::from_le_bytes(both) >> 64) as u64,
    );
    if start > end {
        return Err(BatchError::Malformed("tb.range ends before it starts"));
    }
    Ok((start, end))
}

fn read_eol(value: &[u8]) -> Result<u8, BatchError> {
    match value {
        [eol @ 0..=2] => Ok(*eol),
        _ => Err(BatchError::Malformed("tb.eol is not 0, 1 or 2")),
    }
}

fn read_file(value: &[u8]) -> Result<serde_json::Value, BatchError> {
    json::<serde_json::Map<_, _>>(value, "tb.file is not an object").map(serde_json::Value::Object)
}

pub(super) fn exact<const N: usize>(value: &[u8], otherwise: &'static str) -> Result<[u8; N], BatchError> {
    value.try_into().map_err(|_| BatchError::Malformed(otherwise))
}

fn json<T: serde::de::DeserializeOwned>(value: &[u8], otherwise: &'static str) -> Result<T, BatchError> {
    serde_json::from_slice(value).map_err(|_| BatchError::Malformed(otherwise))
}
