//! Batches of the outbox that a collector does not take as they are: of which it holds a part, or that
//! are larger than it takes.

use bytes::Bytes;
use timberline_proto::batch::{BatchBuilder, BatchMeta, Dropped, LogBatch, LogRecord, NewRecord};
use timberline_proto::gap;

/// A part of a batch, made anew.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) meta: BatchMeta,
    pub(super) records: u32,
    pub(super) bytes: Bytes,
}

/// The batch from the byte `from` of its generation on, in parts of at most `bytes_max`. A record that
/// is larger alone becomes a dropped range.
pub(super) fn recut(batch: &LogBatch, from: u64, bytes_max: u64, level: i32) -> Vec<Part> {
    let end = batch.meta.range.1;
    let records: Vec<LogRecord<'_>> = batch
        .records()
        .filter(|record| record.place.is_some_and(|(start, _)| start >= from))
        .collect();
    let mut parts = Vec::new();
    cut(batch, &records, (from.min(end), end), bytes_max, level, &mut parts);
    parts
}

fn cut(
    batch: &LogBatch,
    records: &[LogRecord<'_>],
    range: (u64, u64),
    bytes_max: u64,
    level: i32,
    parts: &mut Vec<Part>,
) {
    let mut meta = batch.meta.clone();
    meta.range = range;
    meta.dropped = within(&batch.meta.dropped, range);
    let mut builder = BatchBuilder::new();
    for record in records {
        builder.push(&NewRecord {
            time_nanos: record.time_nanos,
            time_parsed: record.time_parsed,
            observed_nanos: Some(record.observed_nanos),
            line: record.line,
            place: record.place,
            part: record.part,
            attributes: &record.attributes,
        });
    }
    let bytes = builder.finish(&meta, level);
    if bytes.len() as u64 <= bytes_max || (records.is_empty() && meta.dropped.is_empty()) {
        let records = records.len() as u32;
        return parts.push(Part { meta, records, bytes });
    }
    if let [_, .., _] = records {
        let (first, second) = records.split_at(records.len() / 2);
        let middle = second[0].place.map_or(range.1, |(start, _)| start);
        cut(batch, first, (range.0, middle), bytes_max, level, parts);
        cut(batch, second, (middle, range.1), bytes_max, level, parts);
        return;
    }
    meta.dropped = vec![Dropped {
        start: range.0,
        end: range.1,
        reason: gap::TOO_LARGE.to_owned(),
    }];
    let bytes = BatchBuilder::new().finish(&meta, level);
    parts.push(Part {
        meta,
        records: 0,
        bytes,
    });
}

/// What of these ranges lies within `range`.
fn within(dropped: &[Dropped], range: (u64, u64)) -> Vec<Dropped> {
    let clamped = dropped.iter().map(|dropped| Dropped {
        start: dropped.start.max(range.0),
        end: dropped.end.min(range.1),
        reason: dropped.reason.clone(),
    });
    clamped.filter(|dropped| dropped.start < dropped.end).collect()
}
