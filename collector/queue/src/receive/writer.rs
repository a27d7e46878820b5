//! The thread that makes batches of what came in and appends them, in order, until the queue has them.
//!
//! Where records are an agent's, a topic's records of one run are one generation: a file that exists in
//! the queue only, of which each record takes its line's length and one byte. So its batches have places
//! that a collector checks as it does those of files.

mod encode;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use timberline_proto::batch::{BatchBuilder, BatchMeta, Dropped};
use timberline_proto::crash::{Point, reached};
use timberline_proto::id::GenerationId;

use super::counts::{Counts, add};
use super::intake::{Intake, Room};
use super::options::ReceiveOptions;
use super::panics::PAUSE;
use super::reading::{Item, Received};
use super::streams::{Process, Stream, Streams};
use crate::{Append, AppendError, Queue};

/// Wait before a batch that the queue had no room for is tried again.
const RETRY: Duration = Duration::from_millis(200);

pub(super) struct Writer {
    pub(super) intake: Arc<Intake>,
    pub(super) queue: Queue,
    /// Bytes of a record that the queue takes in one piece.
    pub(super) record_bytes_max: usize,
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
    /// Of each listener: messages done with before those that are in hand, and how many these are.
    pub(super) in_hand: Vec<(u64, u64)>,
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
    /// Runs until the intake is closed and empty. After a panic it goes on with what came behind.
    pub(super) fn run(mut self) {
        while let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.take_all())) {
            self.panicked(&*panic);
            std::thread::sleep(PAUSE);
        }
    }

    fn take_all(&mut self) {
        let (interval, bytes_max) = (self.options.commit_interval, self.options.batch_bytes_max);
        while let Some(items) = self.intake.take(interval, bytes_max) {
            self.in_hand = (0..self.counts.len())
                .map(|listener| (self.counts(listener).taken(), 0))
                .collect();
            items.iter().for_each(|item| self.in_hand[item.listener].1 += 1);
            let mut pending = Vec::new();
            for group in self.group(items) {
                self.encode(group, &mut pending);
            }
            self.append(pending);
            self.in_hand.clear();
            (self.options.committed)();
        }
    }

    /// What was in hand and is not durable is lost, and counted. Places of batches that were not appended
    /// are not used again: a generation has no gap, so others begin.
    fn panicked(&mut self, panic: &(dyn std::any::Any + Send)) {
        for (listener, (taken, messages)) in std::mem::take(&mut self.in_hand).into_iter().enumerate() {
            let counts = self.counts(listener);
            if messages > 0 {
                counts.panicked("appending", panic);
                add(&counts.lost, (taken + messages).saturating_sub(counts.taken()));
            }
        }
        self.builder = BatchBuilder::new();
        self.origins.clear();
        self.window = None;
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
