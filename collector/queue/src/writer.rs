//! The one thread that appends to a partition, and group commit: it takes all waiting appends,
//! writes them with one write, fsyncs once, publishes them to readers, then answers everyone.
//!
//! - Order is decided against the ends that are durable *and* those staged, so that batches in
//!   flight may follow each other; an answer goes out only after the fsync that it rests on.
//! - A generation whose very first batch failed may not begin behind it: `failed_firsts`.
//! - No space: the partial bytes are cut off, the group is refused as full, the next one may
//!   succeed. Any other failed write, and every failed fsync, stops the partition: what the disk
//!   holds is unknown until a restart reads it.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use timberline_proto::batch::assign_base_offset;
use timberline_proto::crash::{Point, reached};
use timberline_proto::id::GenerationId;

use crate::append::{AppendError, Appended};
use crate::disk::{Disk, DiskFile};
use crate::ends::End;
use crate::error::{At, QueueError, is_retryable};
use crate::inbox::{Done, Request};
use crate::partition::Partition;
use crate::segment::{SEGMENT_HEADER_BYTES, Segment, SegmentHeader, log_name};
use crate::synced::{SyncedFile, SyncedPoint};

/// Beyond so many generations with a failed first batch, the oldest knowledge is dropped.
const FAILED_FIRSTS_MAX: usize = 65_536;
/// The write buffer keeps so much between groups.
const BUFFER_BYTES_KEPT: usize = 16 << 20;

pub(crate) struct Writer {
    partition: Arc<Partition>,
    file: Arc<dyn DiskFile>,
    segment: Segment,
    /// One past the last durable record.
    end_offset: u64,
    synced: SyncedFile,
    /// Batches not yet written, offsets assigned.
    buffer: Vec<u8>,
    staged: Vec<Staged>,
    staged_records: u64,
    staged_ends: HashMap<GenerationId, u64>,
    failed_firsts: HashMap<GenerationId, u64>,
    last_commit: Instant,
}

struct Staged {
    done: Done,
    origin: Option<(GenerationId, u64, u64)>,
    outcome: Outcome,
}

enum Outcome {
    /// In the buffer.
    Written {
        base_offset: u64,
        at: u64,
    },
    Duplicate {
        end: u64,
    },
    Refused {
        end: u64,
    },
    Failed(AppendError),
}

/// Makes a segment file with its header. Durable on return. Where that fails, it is as durably gone
/// again: power may go after batches were acked at its offsets in the segment before, and a start
/// would take what came back for the one after these.
///
/// # Errors
/// Why it was not made; no [`is_retryable`] one if something of it may be left.
pub(crate) fn create_segment(disk: &dyn Disk, dir: &Path, header: &SegmentHeader) -> io::Result<Arc<dyn DiskFile>> {
    let path = dir.join(log_name(header.base_offset));
    let make = || {
        let file = disk.create(&path)?;
        reached(Point::SegmentCreated);
        file.write_all_at(&header.encode(), 0)?;
        reached(Point::SegmentHeaderWritten);
        file.sync()?;
        reached(Point::SegmentSynced);
        disk.sync_dir(dir)?;
        reached(Point::SegmentMade);
        Ok(file)
    };
    make().map_err(
        |error: io::Error| match disk.remove(&path).and_then(|()| disk.sync_dir(dir)) {
            Ok(()) => error,
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => error,
            Err(left) => io::Error::other(format!("{error}; what was made of it cannot be removed: {left}")),
        },
    )
}

impl Writer {
    pub(crate) fn new(
        partition: Arc<Partition>,
        file: Arc<dyn DiskFile>,
        segment: Segment,
        end_offset: u64,
        synced: SyncedFile,
    ) -> Self {
        Self {
            partition,
            file,
            segment,
            end_offset,
            synced,
            buffer: Vec::new(),
            staged: Vec::new(),
            staged_records: 0,
            staged_ends: HashMap::new(),
            failed_firsts: HashMap::new(),
            last_commit: Instant::now(),
        }
    }

    /// Serves the inbox until it is closed, then saves what makes the next start quick.
    pub(crate) fn run(mut self) -> Result<(), QueueError> {
        let partition = self.partition.clone();
        let _closer = AbandonOnExit(partition.clone());
        let commit_interval = partition.common.options.commit_interval;
        self.record_synced(0);
        let mut last_group = 1;
        while let Some(group) = partition
            .inbox
            .take_group(self.last_commit + commit_interval, last_group)
        {
            last_group = group.requests.len().max(1);
            // Appends gather meanwhile, and callers wait once the inbox is full.
            std::thread::sleep(partition.common.usage.throttle());
            self.last_commit = Instant::now();
            for request in group.requests {
                self.stage(request);
            }
            self.commit();
            if !group.seals.is_empty() {
                let sealed = self.seal();
                for waiting in group.seals {
                    // Whoever left needs no answer.
                    waiting.try_send(sealed.clone()).ok();
                }
            }
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<(), QueueError> {
        if let Some(why) = self.failed() {
            let source = io::Error::other(why);
            return Err(QueueError::Io {
                path: self.partition.dir.clone(),
                source,
            });
        }
        self.partition.save_ends(|_| {})?;
        self.record_synced(0);
        self.synced.sync().at(&self.partition.dir)
    }

    fn failed(&self) -> Option<String> {
        self.partition.log.lock().failed.clone()
    }

    /// Decides on a request and puts it behind those staged before it.
    fn stage(&mut self, request: Request) {
        let Request {
            batch,
            record_count,
            origin,
            done,
        } = request;
        let outcome = loop {
            if let Some(why) = self.failed() {
                break Outcome::Failed(AppendError::Failed(why));
            }
            if let Some(outcome) = self.out_of_order(origin) {
                break outcome;
            }
            let bytes = batch.len() as u64;
            let at = self.segment.bytes + self.buffer.len() as u64;
            if at > SEGMENT_HEADER_BYTES && at + bytes > self.partition.common.options.segment_bytes_max {
                // What is staged is decided first; if that fails, this one is looked at anew.
                self.commit();
                match self.roll() {
                    Ok(()) => continue,
                    Err(error) => break self.fail_first(origin, error),
                }
            }
            if !self.partition.common.usage.reserve(bytes) {
                let error = self.full();
                break self.fail_first(origin, error);
            }
            break self.put(&batch, record_count, origin, at);
        };
        self.staged.push(Staged { done, origin, outcome });
    }

    fn put(&mut self, batch: &[u8], record_count: u32, origin: Option<(GenerationId, u64, u64)>, at: u64) -> Outcome {
        let base_offset = self.end_offset + self.staged_records;
        let start = self.buffer.len();
        self.buffer.extend_from_slice(batch);
        assign_base_offset(&mut self.buffer[start..], base_offset as i64);
        self.staged_records += u64::from(record_count);
        if let Some((generation, _, end)) = origin {
            self.staged_ends.insert(generation, end);
        }
        Outcome::Written { base_offset, at }
    }

    /// The promise that nothing is doubled and no gap is closed: see `Appended`.
    fn out_of_order(&self, origin: Option<(GenerationId, u64, u64)>) -> Option<Outcome> {
        let (generation, start, end) = origin?;
        let held = self
            .staged_ends
            .get(&generation)
            .copied()
            .or_else(|| self.partition.generation_end(generation));
        match (held, self.failed_firsts.get(&generation)) {
            // The last word of a generation: no byte, and so none that is there twice if it comes again.
            (Some(held), _) if start == end && end == held => None,
            (Some(held), _) if end <= held => Some(Outcome::Duplicate { end: held }),
            (Some(held), _) if start != held => Some(Outcome::Refused { end: held }),
            (None, Some(first)) if start > *first => Some(Outcome::Refused { end: *first }),
            _ => None,
        }
    }

    /// A first batch that fails must come again before any later one of its generation.
    fn fail_first(&mut self, origin: Option<(GenerationId, u64, u64)>, error: AppendError) -> Outcome {
        if let Some((generation, start, _)) = origin
            && self.partition.generation_end(generation).is_none()
            && !self.staged_ends.contains_key(&generation)
        {
            if self.failed_firsts.len() >= FAILED_FIRSTS_MAX {
                self.failed_firsts.clear();
            }
            let first = self.failed_firsts.entry(generation).or_insert(start);
            *first = start.min(*first);
        }
        Outcome::Failed(error)
    }

    /// The queue is at its limit: seals the segment, so that retention can take it once consumed.
    fn full(&mut self) -> AppendError {
        self.commit();
        if self.segment.bytes > SEGMENT_HEADER_BYTES
            && self.failed().is_none()
            && let Err(error) = self.roll()
        {
            return error;
        }
        let options = &self.partition.common.options;
        AppendError::Full(format!(
            "{} of {} bytes used",
            self.partition.common.usage.bytes(),
            options.bytes_max
        ))
    }

    /// Makes all that is staged durable and answers it.
    fn commit(&mut self) {
        let staged = std::mem::take(&mut self.staged);
        let staged_ends = std::mem::take(&mut self.staged_ends);
        let result = if self.buffer.is_empty() { Ok(()) } else { self.write() };
        match result {
            Ok(()) => {
                self.publish(&staged, &staged_ends);
                reached(Point::GroupPublished);
            }
            Err(_) => self.partition.common.usage.release(self.buffer.len() as u64),
        }
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        self.staged_records = 0;
        for Staged { done, origin, outcome } in staged {
            let answer = match (&result, outcome) {
                (_, Outcome::Failed(error)) => Err(error),
                (Ok(()), Outcome::Written { base_offset, .. }) => Ok(Appended::At {
                    partition: self.partition.number,
                    base_offset,
                }),
                (Ok(()), Outcome::Duplicate { end }) => Ok(Appended::Duplicate { end }),
                (Ok(()), Outcome::Refused { end }) => Ok(Appended::Refused { end }),
                (Err(failure), _) => self.answer_without_group(origin, failure),
            };
            done(answer);
        }
    }

    /// The answer to one of a group that was not written: what was durable before still counts.
    fn answer_without_group(
        &mut self,
        origin: Option<(GenerationId, u64, u64)>,
        failure: &WriteFailure,
    ) -> Result<Appended, AppendError> {
        let outcome = self
            .out_of_order(origin)
            .unwrap_or_else(|| self.fail_first(origin, failure.to_append_error()));
        match outcome {
            Outcome::Duplicate { end } => Ok(Appended::Duplicate { end }),
            Outcome::Refused { end } => Ok(Appended::Refused { end }),
            Outcome::Failed(error) => Err(error),
            Outcome::Written { .. } => Err(failure.to_append_error()),
        }
    }

    /// One write, one fsync.
    fn write(&mut self) -> Result<(), WriteFailure> {
        reached(Point::GroupUnwritten);
        if let Err(error) = self.file.write_all_at(&self.buffer, self.segment.bytes) {
            let cut = if is_retryable(&error) {
                self.file.truncate(self.segment.bytes)
            } else {
                Err(error)
            };
            return match cut {
                Ok(()) => Err(WriteFailure::Full("the disk has no space".to_owned())),
                Err(error) => Err(WriteFailure::Failed(self.stop("write", &error))),
            };
        }
        reached(Point::GroupWritten);
        self.file
            .sync()
            .map_err(|error| WriteFailure::Failed(self.stop("fsync", &error)))?;
        reached(Point::GroupSynced);
        Ok(())
    }

    /// Shows readers and duplicates what is durable now.
    fn publish(&mut self, staged: &[Staged], staged_ends: &HashMap<GenerationId, u64>) {
        let written_bytes = self.buffer.len() as u64;
        self.segment.bytes += written_bytes;
        self.end_offset += self.staged_records;
        for generation in staged_ends.keys() {
            self.failed_firsts.remove(generation);
        }
        let partition = &self.partition;
        let seen_s = partition.now_ms() / 1000;
        let mut ends = partition.ends.lock();
        let mut log = partition.log.lock();
        for Staged { origin, outcome, .. } in staged {
            if let Outcome::Written { base_offset, at } = *outcome {
                log.active_index
                    .add(base_offset, at, partition.common.options.index_interval_bytes);
                if let Some((generation, _, end)) = *origin {
                    ends.advance(
                        generation,
                        End {
                            end,
                            last_offset: base_offset,
                            seen_s,
                        },
                    );
                }
            }
        }
        ends.up_to = self.end_offset;
        log.end_offset = self.end_offset;
        if let Some(active) = log.segments.back_mut() {
            active.bytes = self.segment.bytes;
        }
        drop((log, ends));
        partition.grown.notify_all();
        if written_bytes > 0 {
            self.record_synced(written_bytes);
        }
    }

    /// Seals the active segment, unless it is empty.
    fn seal(&mut self) -> Result<(), AppendError> {
        match self.segment.bytes > SEGMENT_HEADER_BYTES {
            true => self.roll(),
            false => Ok(()),
        }
    }

    /// Seals the active segment, all of it durable, and begins another.
    fn roll(&mut self) -> Result<(), AppendError> {
        if let Some(why) = self.failed() {
            return Err(AppendError::Failed(why));
        }
        let partition = self.partition.clone();
        let header = SegmentHeader {
            topic: partition.topic.clone(),
            partition: partition.number,
            incarnation: partition.incarnation,
            base_offset: self.end_offset,
        };
        let disk = &*partition.common.disk;
        self.file = match create_segment(disk, &partition.dir, &header) {
            Ok(file) => file,
            Err(error) if is_retryable(&error) => return Err(AppendError::Full(format!("no new segment: {error}"))),
            Err(error) => return Err(AppendError::Failed(self.stop("making a segment", &error))),
        };
        self.segment = Segment {
            base: self.end_offset,
            bytes: SEGMENT_HEADER_BYTES,
            sealed_ms: 0,
            writing: 0,
        };
        partition.common.usage.add(SEGMENT_HEADER_BYTES);
        self.seal_previous();
        self.record_synced(0);
        if let Err(error) = self
            .synced
            .sync()
            .at(&partition.dir)
            .and_then(|()| partition.save_ends(|_| {}))
        {
            // Both are only needed to be new before a deletion, which saves them again.
            tracing::warn!(%error, "state beside the log not saved; the next start reads more of the log");
        }
        Ok(())
    }

    fn seal_previous(&self) {
        let partition = &self.partition;
        let mut log = partition.log.lock();
        // A clock that is set back does not make a later segment older.
        let sealed_ms = log
            .segments
            .iter()
            .map(|segment| segment.sealed_ms)
            .max()
            .unwrap_or(0)
            .max(partition.now_ms());
        let mut index = std::mem::take(&mut log.active_index);
        index.sealed_ms = sealed_ms;
        let sealed = log.segments.back_mut().map(|previous| {
            previous.sealed_ms = sealed_ms;
            *previous
        });
        log.segments.push_back(self.segment);
        drop(log);
        reached(Point::SegmentSealed);
        if let Some(sealed) = sealed {
            index.save(&*partition.common.disk, &partition.dir, partition.incarnation, &sealed);
        }
    }

    fn record_synced(&mut self, written_bytes: u64) {
        let point = SyncedPoint {
            segment: self.segment.base,
            bytes: self.segment.bytes,
            end_offset: self.end_offset,
        };
        self.synced.record(point, written_bytes);
    }

    /// Fail-stop: what the disk holds is unknown.
    fn stop(&self, doing: &str, error: &io::Error) -> String {
        let why = format!(
            "{doing} in {} failed ({error}); restart to read the disk again",
            self.partition.dir.display()
        );
        tracing::error!(
            topic = self.partition.topic,
            partition = self.partition.number,
            why,
            "partition has stopped"
        );
        self.partition.log.lock().failed = Some(why.clone());
        why
    }
}

enum WriteFailure {
    Full(String),
    Failed(String),
}

impl WriteFailure {
    fn to_append_error(&self) -> AppendError {
        match self {
            Self::Full(why) => AppendError::Full(why.clone()),
            Self::Failed(why) => AppendError::Failed(why.clone()),
        }
    }
}

/// Nobody waits for a writer that is gone, however it went.
struct AbandonOnExit(Arc<Partition>);

impl Drop for AbandonOnExit {
    fn drop(&mut self) {
        for request in self.0.inbox.abandon() {
            (request.done)(Err(AppendError::Failed("its writer is gone".to_owned())));
        }
        self.0.grown.notify_all();
    }
}
