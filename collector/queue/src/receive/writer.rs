//! The thread that makes batches of what came in and appends them, in order, until the queue has them.
//!
//! Where records are an agent's, a topic's records of one run are one generation: a file that exists in
//! the queue only, of which each record takes its line's length and one byte. So its batches have places
//! that a collector checks as it does those of files.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use timberline_proto::batch::{BatchBuilder, BatchMeta, Dropped, NewRecord};
use timberline_proto::crash::{Point, reached};
use timberline_proto::id::{AgentId, GenerationId};

use super::counts::{Counts, add};
use super::intake::{Intake, Room};
use super::options::ReceiveOptions;
use super::reading::{Item, Received, now_nanos};
use super::streams::{Process, Stream, Streams};
use crate::{Append, AppendError, Queue};

/// Wait before a batch that the queue had no room for is tried again.
const RETRY: Duration = Duration::from_millis(200);

pub(super) struct Writer {
    pub(super) intake: Arc<Intake>,
    pub(super) queue: Queue,
    pub(super) options: ReceiveOptions,
    pub(super) process: Option<Box<dyn Process>>,
    pub(super) streams: Streams,
    pub(super) counts: Arc<[Arc<super::reading::Shared>]>,
    pub(super) builder: BatchBuilder,
    /// The generation of each topic, and its end.
    pub(super) origins: HashMap<Arc<str>, (GenerationId, u64)>,
    /// Why the queue takes nothing, as it was logged.
    pub(super) refused: Option<String>,
    /// What the batches of a window say of it.
    pub(super) window: Option<Window>,
}

/// A window whose batches are encoded.
pub(super) struct Window {
    pub(super) tag: serde_json::Value,
    /// The next batch's place in it.
    pub(super) batch: u64,
    /// No group comes behind the present one.
    pub(super) is_last_group: bool,
}

/// Records of one stream.
pub(super) struct Group {
    stream: Arc<Stream>,
    records: Vec<(Received, Room)>,
}

/// A batch that the queue does not have yet.
pub(super) struct Pending {
    listener: usize,
    pub(super) topic: Arc<str>,
    append: Append,
    meta: BatchMeta,
    messages: u64,
    bytes: u64,
    _rooms: Vec<Room>,
}

impl Writer {
    /// Runs until the intake is closed and empty.
    pub(super) fn run(mut self) {
        let (interval, bytes_max) = (self.options.commit_interval, self.options.batch_bytes_max);
        while let Some(items) = self.intake.take(interval, bytes_max) {
            let mut pending = Vec::new();
            for group in self.group(items) {
                self.encode(group, &mut pending);
            }
            self.append(pending);
            (self.options.committed)();
        }
    }

    /// By stream, in the order in which they came.
    pub(super) fn group(&mut self, items: Vec<Item>) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut places: HashMap<*const Stream, usize> = HashMap::new();
        for mut item in items {
            let stream = self.streams.of(&mut item, &mut self.process);
            let place = *places.entry(Arc::as_ptr(&stream)).or_insert_with(|| {
                groups.push(Group {
                    stream,
                    records: Vec::new(),
                });
                groups.len() - 1
            });
            groups[place].records.push((item.record, item._room));
        }
        groups
    }

    pub(super) fn encode(&mut self, group: Group, pending: &mut Vec<Pending>) {
        let stream = group.stream;
        let mut open = self.begin(&stream);
        for (record, room) in group.records {
            let cost = room.num_permits();
            let full = open.bytes + cost > self.options.batch_bytes_max
                || self.builder.len() >= self.options.batch_records_max;
            if full && open.messages > 0 {
                pending.push(self.finish(&stream, open, false));
                open = self.begin(&stream);
            }
            self.push(&stream, &mut open, record);
            open.bytes += cost;
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

    fn push(&mut self, stream: &Stream, open: &mut Open, mut record: Received) {
        let source_len = record.source_len();
        let (generation, start) = open
            .origin
            .map_or((GenerationId::default(), 0), |o| (o.generation, o.end));
        open.messages += 1;
        open.line_bytes += record.line.len() as u64;
        if let Some(origin) = &mut open.origin {
            origin.end += u64::from(source_len);
        }
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
            return;
        }
        self.builder.push(&NewRecord {
            time_nanos: record.time.0,
            time_parsed: record.time.1,
            line: &record.line,
            place: open.origin.map(|_| (start, source_len)),
            part: record.part,
            attributes: &record.attributes,
            ..NewRecord::default()
        });
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

    /// Appends until the queue has all of them; false if the stop's deadline is over before.
    pub(super) fn append(&mut self, mut pending: Vec<Pending>) -> bool {
        while !pending.is_empty() {
            let answers = self.offer(&pending);
            if answers.iter().any(Result::is_ok) {
                reached(Point::ReceivedAppended);
            }
            let mut left = Vec::new();
            let mut why = None;
            for (batch, answer) in pending.into_iter().zip(answers) {
                match answer {
                    Ok(crate::Appended::At { .. } | crate::Appended::Duplicate { .. }) => {
                        let counts = self.counts(batch.listener);
                        add(&counts.durable_messages, batch.messages);
                        add(&counts.durable_bytes, batch.bytes);
                    }
                    // One before it was not taken.
                    Ok(crate::Appended::Refused { .. }) => left.push(batch),
                    Err(AppendError::Rejected(reason)) => left.extend(self.rejected(batch, &reason)),
                    Err(error) => {
                        why = Some(error.to_string());
                        left.push(batch);
                    }
                }
            }
            pending = left;
            self.say(why);
            if !pending.is_empty() && !self.intake.may_retry(RETRY) {
                for batch in &pending {
                    add(&self.counts(batch.listener).lost, batch.messages);
                }
                tracing::error!(
                    batches = pending.len(),
                    "messages that the queue did not take before the stop are lost"
                );
                return false;
            }
        }
        true
    }

    fn offer(&self, pending: &[Pending]) -> Vec<Result<crate::Appended, AppendError>> {
        let (answers, answered) = mpsc::sync_channel(pending.len());
        for (at, batch) in pending.iter().enumerate() {
            let answers = answers.clone();
            let done = move |answer| {
                // Received below, and there is room for all.
                answers.send((at, answer)).ok();
            };
            self.queue
                .append_then(&batch.topic, batch.append.clone(), Box::new(done));
        }
        drop(answers);
        let gone = || Err(AppendError::Failed("its writer is gone".to_owned()));
        let mut all: Vec<_> = pending.iter().map(|_| gone()).collect();
        for (at, answer) in answered {
            all[at] = answer;
        }
        all
    }

    /// The queue will never take it: its place is kept, so that its generation goes on.
    fn rejected(&mut self, mut batch: Pending, reason: &str) -> Option<Pending> {
        tracing::error!(
            topic = &*batch.topic,
            messages = batch.messages,
            reason,
            "the queue does not take a batch; its messages are lost"
        );
        add(&self.counts(batch.listener).lost, batch.messages);
        batch.meta.generation?;
        let (start, end) = batch.meta.range;
        batch.meta.dropped = vec![Dropped {
            start,
            end,
            reason: "rejected".to_owned(),
        }];
        batch.append.batch = BatchBuilder::new().finish(&batch.meta, self.options.zstd_level);
        batch.messages = 0;
        batch.bytes = 0;
        Some(batch)
    }

    fn counts(&self, listener: usize) -> &Counts {
        &self.counts[listener].counts
    }

    /// Says once that the queue takes nothing, and once that it does again.
    fn say(&mut self, why: Option<String>) {
        match (&self.refused, why) {
            (None, Some(why)) => {
                tracing::warn!(
                    why,
                    "the queue takes no messages now; connections wait, datagrams are dropped once the memory for them is full"
                );
                self.refused = Some(why);
            }
            (Some(_), None) => {
                tracing::info!("the queue takes messages again");
                self.refused = None;
            }
            _ => {}
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
