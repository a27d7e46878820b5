//! From a record batch to rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use timberline_proto::batch::{AttributeValue, LogBatch, LogRecord, stream_id};
use timberline_proto::line::{Severity, severity};

use crate::catalog::Snapshot;
use crate::rows::{Place, Row, RowBlock, Stream, StreamId};

/// Streams remembered per partition; beyond it the memory begins anew.
const STREAMS_MAX: usize = 10_000;

/// Attributes that say how bad a record is, where the sender knew better than its line.
const SEVERITY_ATTRIBUTES: [&str; 3] = ["severity_text", "severity", "level"];

/// Turns batches into rows, with one `Arc` per stream.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    streams: HashMap<StreamId, Arc<Stream>>,
}

impl Decoder {
    /// Adds the batch's records from `offset` on to `rows`, but for those that were erased. Returns how many that were.
    pub(super) fn decode(
        &mut self,
        batch: &LogBatch,
        partition: u32,
        offset: u64,
        known: &Snapshot,
        rows: &mut RowBlock,
    ) -> u64 {
        let stream = self.stream(batch, known);
        let mut n_rows = 0;
        let is_here = |record: &LogRecord<'_>| record.offset >= offset && !record.erased;
        for record in batch.records().filter(is_here) {
            rows.push(&row(batch, partition, &stream, &record));
            n_rows += 1;
        }
        n_rows
    }

    /// The records' key is the stream's id; where it is not, or belongs to other attributes, the
    /// id is derived from the attributes.
    pub(super) fn stream(&mut self, batch: &LogBatch, known: &Snapshot) -> Arc<Stream> {
        let attributes = &batch.meta.stream;
        let id = id_of_key(&batch.stream_id).unwrap_or_else(|| id_of(attributes));
        if let Some(stream) = self.find(id, known) {
            if stream.attributes == *attributes {
                return stream;
            }
            let derived = id_of(attributes);
            return match self.find(derived, known) {
                Some(stream) => stream,
                None => self.remember(derived, attributes),
            };
        }
        self.remember(id, attributes)
    }

    fn find(&mut self, id: StreamId, known: &Snapshot) -> Option<Arc<Stream>> {
        if let Some(stream) = self.streams.get(&id) {
            return Some(Arc::clone(stream));
        }
        let stream = known.streams.get(&id)?;
        self.insert(Arc::clone(stream));
        Some(Arc::clone(stream))
    }

    fn remember(&mut self, id: StreamId, attributes: &BTreeMap<String, String>) -> Arc<Stream> {
        let stream = Arc::new(Stream {
            id,
            attributes: attributes.clone(),
        });
        self.insert(Arc::clone(&stream));
        stream
    }

    fn insert(&mut self, stream: Arc<Stream>) {
        if self.streams.len() >= STREAMS_MAX {
            self.streams.clear();
        }
        self.streams.insert(stream.id, stream);
    }
}

fn row<'a>(batch: &LogBatch, partition: u32, stream: &'a Arc<Stream>, record: &'a LogRecord<'a>) -> Row<'a> {
    Row {
        time_nanos: record.time_nanos,
        time_parsed: record.time_parsed,
        observed_nanos: record.observed_nanos,
        partition,
        offset: record.offset,
        severity: severity_of(record),
        template: 0,
        stream,
        line: record.line,
        place: place(batch, record),
        part: record.part,
        attributes: &record.attributes,
    }
}

fn place(batch: &LogBatch, record: &LogRecord<'_>) -> Option<Place> {
    let (start, source_bytes) = record.place?;
    Some(Place {
        agent: batch.meta.agent?,
        generation: batch.meta.generation?,
        start,
        source_bytes,
    })
}

fn severity_of(record: &LogRecord<'_>) -> Severity {
    let named = record.attributes.iter().find_map(|(name, value)| match value {
        AttributeValue::Text(word) if SEVERITY_ATTRIBUTES.contains(&name.as_str()) => Severity::from_word(word),
        _ => None,
    });
    named.unwrap_or_else(|| severity(record.line))
}

fn id_of_key(key: &[u8]) -> Option<StreamId> {
    let digits = std::str::from_utf8(key).ok().filter(|text| text.len() == 16)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    u64::from_str_radix(digits, 16).ok().map(StreamId)
}

fn id_of(attributes: &BTreeMap<String, String>) -> StreamId {
    StreamId(stream_id(attributes))
}
