//! Encoding: records in, one batch's bytes out.

use std::collections::BTreeMap;

use bytes::Bytes;
use zstd::bulk::Compressor;

use super::chain::UnitHasher;
use super::frame::FrameParts;
use super::header::{CODEC_NONE, CODEC_ZSTD, HEADER_BYTES};
use super::own::{NANOS_PER_MS, NextPlace, Own, put_attribute};
use super::stream::{stream_id, stream_key};
use super::{AttributeValue, BatchHeader, ChainSalt, ChainState, Chained, Dropped, meta};
use crate::id::{AgentId, GenerationId};

/// What holds for every record of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchMeta {
    /// The stream's attributes; its id is derived from them.
    pub stream: BTreeMap<String, String>,
    /// The agent, if the sender has an identity.
    pub agent: Option<AgentId>,
    /// The generation, if the lines come from a file.
    pub generation: Option<GenerationId>,
    /// Bytes `start..end` of that file.
    pub range: (u64, u64),
    /// Length of the usual line end, 1 or 2.
    pub eol_bytes: u8,
    /// When the batch was read, nanoseconds since the epoch.
    pub observed_nanos: i64,
    /// What identifies the file, as a JSON object; with the first batch of a generation.
    pub file: Option<serde_json::Value>,
    /// Bytes of the range that became no record.
    pub dropped: Vec<Dropped>,
    /// What the agent chained.
    pub chain: Option<Chained>,
}

/// Collects records into one batch. Reusable: [`finish`](Self::finish) leaves it empty and keeps
/// its buffers.
#[derive(Default)]
pub struct BatchBuilder {
    pending: Vec<Pending>,
    /// Lines and encoded attributes, as `pending` says.
    arena: Vec<u8>,
    line_bytes: usize,
    body: Vec<u8>,
    batch: Vec<u8>,
    compressor: Option<(i32, Compressor<'static>)>,
}

/// A record added. What it takes in the batch is known only with the meta, at the end.
#[derive(Clone, Copy, Debug)]
struct Pending {
    line_start: usize,
    line_end: usize,
    /// Attributes lie between the line's end and here.
    attributes_end: usize,
    attribute_count: u32,
    time_nanos: i64,
    own: Own,
}

impl BatchBuilder {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line. `place` is its start and source length in the file (line end included), and
    /// costs bytes only where it does not follow from the record before. `parsed` says whether
    /// `time_nanos` was found in the line; `observed_nanos` only if other than the batch's. In a
    /// batch of a generation, a record without a place gets the one that follows.
    pub fn push(&mut self, record: &NewRecord<'_>) {
        let line_start = self.arena.len();
        self.arena.extend_from_slice(record.line);
        let line_end = self.arena.len();
        for (name, value) in record.attributes {
            put_attribute(&mut self.arena, name, value);
        }
        self.line_bytes += record.line.len();
        self.pending.push(Pending {
            line_start,
            line_end,
            attributes_end: self.arena.len(),
            attribute_count: record.attributes.len() as u32,
            time_nanos: record.time_nanos,
            own: Own {
                sub_ms_nanos: record.time_nanos.rem_euclid(NANOS_PER_MS) as u32,
                time_missing: !record.time_parsed,
                observed_nanos: record.observed_nanos,
                place: record.place,
                part: record.part,
                erased: false,
            },
        });
    }

    /// Records so far.
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Bytes of lines so far.
    pub fn line_bytes(&self) -> usize {
        self.line_bytes
    }

    /// What is to stand in the `chain` of `meta` if the lines so far, with `meta`, are the unit behind
    /// `from`. `salt` is random, and used for nothing else.
    pub fn chained(&self, meta: &BatchMeta, from: ChainState, salt: ChainSalt) -> Chained {
        if self.pending.is_empty() {
            return Chained::empty(from, false);
        }
        let lines = self.pending.len() as u32;
        let mut hasher = UnitHasher::new(meta, from, lines, &salt);
        let mut next_place = NextPlace {
            start: meta.range.0,
            eol_bytes: meta.eol_bytes,
        };
        for pending in &self.pending {
            let line = &self.arena[pending.line_start..pending.line_end];
            let place = pending.own.place.unwrap_or_else(|| next_place.of_line(line));
            next_place.advance(place);
            // As it is read again, also at the ends of what a time can be.
            let time_nanos = (pending.time_nanos.div_euclid(NANOS_PER_MS).saturating_mul(NANOS_PER_MS))
                .saturating_add(pending.own.sub_ms_nanos.into());
            let attributes = &self.arena[pending.line_end..pending.attributes_end];
            hasher.line(&pending.own, place, time_nanos, line, attributes);
        }
        Chained {
            closes: false,
            first: from.lines,
            lines,
            salt,
            previous: from.value,
            value: hasher.value(),
        }
    }

    /// The batch: zstd at `level` (not compressed where that would not be smaller), CRC-32C, base
    /// offset 0, producer id −1. A builder without records gives a marker batch (one record, null
    /// value) that carries the range. Places count only if `meta` has a generation.
    pub fn finish(&mut self, meta: &BatchMeta, level: i32) -> Bytes {
        self.body.clear();
        let (base_timestamp_ms, max_timestamp_ms) = if self.pending.is_empty() {
            self.put_marker(meta)
        } else {
            self.put_records(meta)
        };
        let record_count = self.pending.len().max(1) as u32;
        let codec = self.pack(level);
        let header = BatchHeader {
            base_offset: 0,
            total_bytes: self.batch.len() as u64,
            record_count,
            base_timestamp_ms,
            max_timestamp_ms,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            codec,
            crc: 0,
        };
        header.seal(&mut self.batch);
        self.pending.clear();
        self.arena.clear();
        self.line_bytes = 0;
        Bytes::copy_from_slice(&self.batch)
    }

    /// A batch of these framed records, with a header that says of them what holds; of it, length and codec
    /// are set here.
    pub(super) fn sealed(mut self, body: Vec<u8>, mut header: BatchHeader, level: i32) -> Bytes {
        self.body = body;
        header.codec = self.pack(level);
        header.total_bytes = self.batch.len() as u64;
        header.seal(&mut self.batch);
        Bytes::from(self.batch)
    }

    /// Frames every record; gives the first and the largest time, milliseconds.
    fn put_records(&mut self, meta: &BatchMeta) -> (i64, i64) {
        let key = stream_key(stream_id(&meta.stream));
        let base_ms = self.pending[0].time_nanos.div_euclid(NANOS_PER_MS);
        let mut max_ms = base_ms;
        let mut next_place = NextPlace {
            start: meta.range.0,
            eol_bytes: meta.eol_bytes,
        };
        let mut batch_headers = Vec::new();
        let mut batch_header_count = meta::put(&mut batch_headers, meta, None);
        let mut own_headers = Vec::new();
        for (i, pending) in self.pending.iter().enumerate() {
            let line = &self.arena[pending.line_start..pending.line_end];
            let own = pending.own.without_what_follows(meta, line, &mut next_place);
            own_headers.clear();
            let own_header_count = own.put(&mut own_headers);
            let ms = pending.time_nanos.div_euclid(NANOS_PER_MS);
            max_ms = max_ms.max(ms);
            FrameParts {
                timestamp_delta: ms - base_ms,
                offset_delta: i as u32,
                key: Some(&key),
                value: Some(line),
                header_count: batch_header_count + own_header_count + pending.attribute_count,
                headers: [
                    &batch_headers,
                    &own_headers,
                    &self.arena[pending.line_end..pending.attributes_end],
                ],
            }
            .put(&mut self.body);
            batch_headers.clear();
            batch_header_count = 0;
        }
        (base_ms, max_ms)
    }

    fn put_marker(&mut self, meta: &BatchMeta) -> (i64, i64) {
        let why = if meta.dropped.is_empty() { "empty" } else { "dropped" };
        let mut headers = Vec::new();
        let header_count = meta::put(&mut headers, meta, Some(why));
        FrameParts {
            timestamp_delta: 0,
            offset_delta: 0,
            key: Some(&stream_key(stream_id(&meta.stream))),
            value: None,
            header_count,
            headers: [&headers, &[], &[]],
        }
        .put(&mut self.body);
        let ms = meta.observed_nanos.div_euclid(NANOS_PER_MS);
        (ms, ms)
    }

    /// Puts room for the header and the records, packed if that is smaller, into `batch`; gives the codec.
    fn pack(&mut self, level: i32) -> u8 {
        if self.compressor.as_ref().is_none_or(|(has, _)| *has != level) {
            self.compressor = Compressor::new(level).ok().map(|compressor| (level, compressor));
        }
        self.batch.clear();
        self.batch
            .resize(HEADER_BYTES + zstd::zstd_safe::compress_bound(self.body.len()), 0);
        let packed = self.compressor.as_mut().and_then(|(_, compressor)| {
            compressor
                .compress_to_buffer(&self.body, &mut self.batch[HEADER_BYTES..])
                .ok()
        });
        match packed.filter(|len| *len < self.body.len()) {
            Some(len) => {
                self.batch.truncate(HEADER_BYTES + len);
                CODEC_ZSTD
            }
            // Smaller as it is, or no memory for a context: sending it unpacked loses nothing.
            None => {
                self.batch.truncate(HEADER_BYTES);
                self.batch.extend_from_slice(&self.body);
                CODEC_NONE
            }
        }
    }
}

impl Own {
    /// Leaves out what the reader finds by itself.
    fn without_what_follows(mut self, meta: &BatchMeta, line: &[u8], next_place: &mut NextPlace) -> Self {
        self.observed_nanos = self.observed_nanos.filter(|observed| *observed != meta.observed_nanos);
        let follows = next_place.of_line(line);
        self.place = self
            .place
            .filter(|place| meta.generation.is_some() && *place != follows);
        next_place.advance(self.place.unwrap_or(follows));
        self
    }
}

impl std::fmt::Debug for BatchBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (records, line_bytes) = (self.pending.len(), self.line_bytes);
        f.debug_struct("BatchBuilder")
            .field("records", &records)
            .field("line_bytes", &line_bytes)
            .finish_non_exhaustive()
    }
}

/// One record to add.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewRecord<'a> {
    /// Its time, nanoseconds since the epoch.
    pub time_nanos: i64,
    /// Whether the time was found in the line (else it is the time of observation).
    pub time_parsed: bool,
    /// When it was read, if other than the batch's.
    pub observed_nanos: Option<i64>,
    /// The line, without its end.
    pub line: &'a [u8],
    /// First byte in the file and bytes there, line end included.
    pub place: Option<(u64, u32)>,
    /// Index, and whether it is the last, of a part of a long line.
    pub part: Option<(u32, bool)>,
    /// Attributes that are not in the line.
    pub attributes: &'a [(String, AttributeValue)],
}
