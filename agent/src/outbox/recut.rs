//! Batches of the outbox that a collector does not take as they are: of which it holds a part, or that
//! are larger than it takes.

use bytes::Bytes;
use timberline_proto::batch::{BatchBuilder, BatchMeta, Dropped, LogBatch, LogRecord, NewRecord};
use timberline_proto::gap;
use timberline_queue::receive::{Piece, pieces, record_bytes_max};

/// Of a record that is larger than a batch may be, no smaller parts are made.
const PIECE_BYTES_MIN: usize = 64;

/// A part of a batch, made anew.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) meta: BatchMeta,
    pub(super) records: u32,
    pub(super) bytes: Bytes,
}

/// The batch from the byte `from` of its generation on, in parts of at most `bytes_max`. A record that
/// is larger alone becomes numbered parts of a line, each in a batch; `from` may be the end of one.
pub(super) fn recut(batch: &LogBatch, from: u64, bytes_max: u64, level: i32) -> Vec<Part> {
    let end = batch.meta.range.1;
    let from = from.min(end);
    let ends_behind = |record: &LogRecord<'_>| {
        let (start, len) = record.place.unwrap_or_default();
        record.place.is_some() && (start >= from || start + u64::from(len) > from)
    };
    let records: Vec<LogRecord<'_>> = batch.records().filter(ends_behind).collect();
    let mut recut = Recut {
        batch,
        from,
        bytes_max,
        level,
        parts: Vec::new(),
    };
    match records.split_first() {
        // The collector holds parts of the first one.
        Some((first, others)) if first.place.is_some_and(|(start, _)| start < from) => {
            let next = others
                .first()
                .and_then(|next| next.place)
                .map_or(end, |(start, _)| start);
            recut.in_pieces(first, (from, next));
            if next < end || !others.is_empty() {
                recut.cut(others, (next, end));
            }
        }
        _ => recut.cut(&records, (from, end)),
    }
    recut.parts
}

struct Recut<'a> {
    batch: &'a LogBatch,
    from: u64,
    bytes_max: u64,
    level: i32,
    parts: Vec<Part>,
}

impl Recut<'_> {
    fn cut(&mut self, records: &[LogRecord<'_>], range: (u64, u64)) {
        let meta = self.batch.meta_of(range);
        let mut builder = BatchBuilder::new();
        for record in records {
            builder.push(&record.into());
        }
        let bytes = builder.finish(&meta, self.level);
        if bytes.len() as u64 <= self.bytes_max || (records.is_empty() && meta.dropped.is_empty()) {
            let records = records.len() as u32;
            return self.parts.push(Part { meta, records, bytes });
        }
        match records {
            [_, .., _] => {
                let (first, second) = records.split_at(records.len() / 2);
                let middle = second[0].place.map_or(range.1, |(start, _)| start);
                self.cut(first, (range.0, middle));
                self.cut(second, (middle, range.1));
            }
            [record] => self.in_pieces(record, range),
            [] => self.too_large(range),
        }
    }

    /// A record in numbered parts, each in a batch of its own. What stands beside it in `range`, which
    /// was dropped, goes with the first and the last of them.
    fn in_pieces(&mut self, record: &LogRecord<'_>, range: (u64, u64)) {
        let attributes: usize = record.attributes.iter().map(timberline_queue::receive::cost_of).sum();
        let piece_bytes = record_bytes_max(self.bytes_max).saturating_sub(attributes);
        let Some(place) = record.place.filter(|_| piece_bytes >= PIECE_BYTES_MIN) else {
            return self.too_large(range);
        };
        let all: Vec<Piece> = pieces(record.line.len(), place, piece_bytes).collect();
        let count = all.len();
        // A rule has made the line so much longer than what it was made from that there is not a byte of
        // its place for each piece.
        if count > 1 && all.iter().any(|piece| piece.source_len == 0) {
            return self.too_large(range);
        }
        let mut start = range.0;
        for (index, piece) in all.into_iter().enumerate() {
            let is_last = index + 1 == count;
            let end = match is_last {
                true => range.1,
                false => piece.start + u64::from(piece.source_len),
            };
            if end <= self.from && !is_last {
                continue;
            }
            // With another limit it was cut elsewhere, so the collector may hold a part of this one.
            let held = self.from.saturating_sub(piece.start).min(u64::from(piece.source_len)) as u32;
            let skip = match record.line.len() as u64 <= u64::from(place.1) {
                true => (held as usize).min(piece.line.len()),
                false => 0,
            };
            let line = piece.line.start + skip..piece.line.end;
            let new = NewRecord {
                line: &record.line[line],
                place: Some((piece.start + u64::from(held), piece.source_len - held)),
                part: match record.part {
                    _ if count == 1 => record.part,
                    // Those behind it have their numbers already.
                    Some((number, last)) => Some((number, last && is_last)),
                    None => Some((index as u32, is_last)),
                },
                ..record.into()
            };
            let meta = self.batch.meta_of((start, end));
            let mut builder = BatchBuilder::new();
            builder.push(&new);
            let bytes = builder.finish(&meta, self.level);
            if bytes.len() as u64 > self.bytes_max {
                self.too_large((start, end));
            } else {
                self.parts.push(Part {
                    meta,
                    records: 1,
                    bytes,
                });
            }
            start = end;
        }
    }

    /// A range of which the collector takes nothing however it is cut.
    fn too_large(&mut self, range: (u64, u64)) {
        tracing::error!(
            from = range.0,
            to = range.1,
            bytes_max = self.bytes_max,
            "a record of the outbox is larger than the collector takes, and its attributes leave no room for parts of it; the gap is told"
        );
        let mut meta = self.batch.meta_of(range);
        meta.dropped = vec![Dropped {
            start: range.0,
            end: range.1,
            reason: gap::TOO_LARGE.to_owned(),
        }];
        let bytes = BatchBuilder::new().finish(&meta, self.level);
        self.parts.push(Part {
            meta,
            records: 0,
            bytes,
        });
    }
}

#[cfg(test)]
mod tests;
