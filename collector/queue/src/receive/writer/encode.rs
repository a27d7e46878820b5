//! From records to batches: places, rules, and pieces of what is too large.

use timberline_proto::batch::{AttributeValue, BatchMeta, Dropped, NewRecord};
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::receive::PARTIAL;

use super::super::intake::Room;
use super::super::pieces::{bound_attributes, pieces};
use super::super::reading::{Received, now_nanos};
use super::super::streams::Stream;
use super::{Group, Pending, Writer};
use crate::Append;

impl Writer {
    pub(in crate::receive) fn encode(&mut self, group: Group, pending: &mut Vec<Pending>) {
        let stream = group.stream;
        let mut open = self.begin(&stream);
        for (record, room) in group.records {
            // The room is bounded, what the record takes is not.
            let cost = record.cost();
            if self.is_full(&open, cost) {
                open = self.next(&stream, open, pending);
            }
            if let Some(record) = self.take(&stream, &mut open, record) {
                match cost > self.record_bytes_max {
                    true => open = self.push_pieces(&stream, open, record, pending),
                    false => self.push(&mut open, &record.record, (record.start, record.source_len)),
                }
            }
            open.messages += 1;
            open.bytes += cost.min(self.record_bytes_max);
            open.rooms.push(room);
        }
        if open.messages > 0 {
            pending.push(self.finish(&stream, open, true));
        }
    }

    fn begin(&mut self, stream: &Stream) -> Open {
        let origin = self.options.agent.map(|agent| {
            let new = || (GenerationId(rand::random()), 0);
            let (generation, end) = *self.origins.entry(stream.topic.clone()).or_insert_with(new);
            Origin { agent, generation, end }
        });
        Open {
            start: origin.map_or(0, |origin| origin.end),
            origin,
            dropped: Vec::new(),
            messages: 0,
            line_bytes: 0,
            bytes: 0,
            rooms: Vec::new(),
        }
    }

    /// Whether something of this cost begins another batch.
    fn is_full(&self, open: &Open, cost: usize) -> bool {
        let bytes_max = self.options.batch_bytes_max.min(self.record_bytes_max);
        let is_over = open.bytes + cost > bytes_max || self.builder.len() >= self.options.batch_records_max;
        is_over && (open.messages > 0 || !self.builder.is_empty())
    }

    /// Ends the batch under way and begins the next one of the group.
    fn next(&mut self, stream: &Stream, open: Open, pending: &mut Vec<Pending>) -> Open {
        pending.push(self.finish(stream, open, false));
        self.begin(stream)
    }

    /// Gives a record its place and takes it through the rules; none if one of them drops it.
    fn take(&mut self, stream: &Stream, open: &mut Open, mut record: Received) -> Option<Placed> {
        let source_len = record.source_len();
        let (generation, start) = open
            .origin
            .map_or((GenerationId::default(), 0), |o| (o.generation, o.end));
        open.line_bytes += record.line.len() as u64;
        let reason = match (&mut self.process, stream.rules) {
            (Some(process), Some(rules)) => process.apply(rules, &stream.attributes, generation, start, &mut record),
            _ => None,
        };
        if let Some(reason) = reason {
            let end = start + u64::from(source_len);
            match open
                .dropped
                .last_mut()
                .filter(|last| last.end == start && last.reason == reason)
            {
                Some(last) => last.end = end,
                None => open.dropped.push(Dropped { start, end, reason }),
            }
            if let Some(origin) = &mut open.origin {
                origin.end = end;
            }
            return None;
        }
        Some(Placed {
            record,
            start,
            source_len,
        })
    }

    fn push(&mut self, open: &mut Open, record: &Received, (start, source_len): (u64, u32)) {
        self.builder.push(&NewRecord {
            time_nanos: record.time.0,
            time_parsed: record.time.1,
            line: &record.line,
            place: open.origin.map(|_| (start, source_len)),
            part: record.part,
            attributes: &record.attributes,
            ..NewRecord::default()
        });
        if let Some(origin) = &mut open.origin {
            origin.end = start + u64::from(source_len);
        }
    }

    /// A record that the queue does not take in one piece: numbered parts of one line where it has a
    /// place, as those of a file; else messages of which each but the last says that it is not whole.
    fn push_pieces(&mut self, stream: &Stream, mut open: Open, placed: Placed, pending: &mut Vec<Pending>) -> Open {
        let Placed {
            mut record,
            start,
            source_len,
        } = placed;
        let attributes = bound_attributes(&mut record.attributes, self.record_bytes_max);
        let piece_bytes = self.record_bytes_max.saturating_sub(attributes).max(1);
        let line = std::mem::take(&mut record.line);
        let (part, has_place) = (record.part, open.origin.is_some());
        let was_partial = record.attributes.iter().any(|(name, _)| name == PARTIAL);
        let count = line.len().div_ceil(piece_bytes).max(1);
        for (index, piece) in pieces(line.len(), (start, source_len), piece_bytes).enumerate() {
            if index > 0 {
                open = self.next(stream, open, pending);
            }
            let is_last = index + 1 == count;
            match part {
                _ if count == 1 => {}
                // The parts behind it have their numbers already.
                Some((number, last)) => record.part = Some((number, last && is_last)),
                None if has_place => record.part = Some((index as u32, is_last)),
                None if was_partial => {}
                None if index == 0 => record.attributes.push((PARTIAL.to_owned(), AttributeValue::Bool(true))),
                None if is_last => record.attributes.retain(|(name, _)| name != PARTIAL),
                None => {}
            }
            record.line = line[piece.line].to_vec();
            self.push(&mut open, &record, (piece.start, piece.source_len));
        }
        open
    }

    fn finish(&mut self, stream: &Stream, open: Open, ends_group: bool) -> Pending {
        let mut meta = BatchMeta {
            stream: stream.attributes.clone(),
            observed_nanos: now_nanos(),
            eol_bytes: 1,
            ..BatchMeta::default()
        };
        if let Some(origin) = open.origin {
            meta.agent = Some(origin.agent);
            meta.generation = Some(origin.generation);
            meta.range = (open.start, origin.end);
            // The first batch of a generation says what it is of.
            meta.file = (open.start == 0).then(|| serde_json::json!({"outbox": &*stream.topic}));
            if let Some(window) = &mut self.window {
                let is_last = ends_group && window.is_last_group;
                meta.file = Some(serde_json::json!({
                    "outbox": &*stream.topic,
                    "window": window.tag,
                    "batch": window.batch,
                    "last": is_last,
                }));
                window.batch += 1;
            }
            meta.dropped = open.dropped;
            self.origins
                .insert(stream.topic.clone(), (origin.generation, origin.end));
        }
        let append = Append {
            batch: self.builder.finish(&meta, self.options.zstd_level),
            origin: meta
                .generation
                .map(|generation| (generation, meta.range.0, meta.range.1)),
            key: stream.key.clone(),
        };
        Pending {
            listener: stream.listener,
            topic: stream.topic.clone(),
            append,
            meta,
            messages: open.messages,
            bytes: open.line_bytes,
            _rooms: open.rooms,
        }
    }
}

#[derive(Clone, Copy)]
struct Origin {
    agent: AgentId,
    generation: GenerationId,
    /// One past the last byte of what is in the batch so far.
    end: u64,
}

/// A record that rules have let through, and its place.
struct Placed {
    record: Received,
    start: u64,
    source_len: u32,
}

/// A batch under way.
struct Open {
    origin: Option<Origin>,
    start: u64,
    dropped: Vec<Dropped>,
    messages: u64,
    line_bytes: u64,
    bytes: usize,
    rooms: Vec<Room>,
}
