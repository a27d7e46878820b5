//! One thread per partition: fetch, decode, make visible.

use std::sync::Arc;
use std::time::Duration;

use timberline_proto::batch::{BatchHeader, ChainCheck, LogBatch};
use timberline_proto::gap;
use timberline_proto::id::IncarnationId;
use timberline_queue::PartitionInfo;

use super::context::{Context, Phase, add};
use super::decode::Decoder;
use super::source::{Batches, FetchFrom, SourceError};
use crate::catalog::{CatalogError, Gap, Hole, Position, Snapshot};
use crate::live::SourceRange;
use crate::rows::RowBlock;

/// Rows become visible at the latest when so many are decoded, not only when the fetch is through.
const BLOCK_ROWS: usize = 8192;
/// How long one look for room in memory lasts.
const ROOM_WAIT: Duration = Duration::from_millis(100);
/// No file is longer; sums over many of this length still fit the catalog's integers.
const FILE_BYTES_MAX: u64 = 1 << 50;
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

pub(super) struct Puller {
    context: Arc<Context>,
    topic: String,
    partition: u32,
    incarnation: IncarnationId,
    /// Every offset below is live, published, or known to hold no row.
    next: u64,
    decoder: Decoder,
    retry: Duration,
}

/// Whether a puller goes on.
enum Step {
    Again,
    End,
}

/// Pulls one partition until told to stop. `info` is the partition as it was just found.
pub(super) fn run(context: Arc<Context>, info: &PartitionInfo) {
    let mut puller = Puller {
        context,
        topic: info.topic.clone(),
        partition: info.partition,
        incarnation: info.incarnation,
        next: 0,
        decoder: Decoder::default(),
        retry: RETRY_MIN,
    };
    if puller.begin_until_done(info) {
        while let Step::Again = puller.step() {}
    }
}

impl Puller {
    fn step(&mut self) -> Step {
        let phase = self.context.phase();
        if phase == Phase::Stop {
            return Step::End;
        }
        if self.context.is_stuck() {
            self.context.pause(ROOM_WAIT);
            return if phase == Phase::Run { Step::Again } else { Step::End };
        }
        if !self
            .context
            .live
            .wait_for_room(self.context.options.live_bytes_max, ROOM_WAIT)
        {
            return Step::Again;
        }
        let wait = match phase {
            Phase::Run => self.context.options.fetch_wait,
            Phase::Drain | Phase::Stop => Duration::ZERO,
        };
        match self.fetch(wait) {
            Ok(fetched) => self.fetched(&fetched, phase),
            Err(error) => self.recover(error, phase),
        }
    }

    fn fetch(&self, wait: Duration) -> Result<Batches, SourceError> {
        self.context.source.fetch(&FetchFrom {
            topic: &self.topic,
            partition: self.partition,
            incarnation: self.incarnation,
            offset: self.next,
            bytes_max: self.context.options.fetch_bytes_max,
            wait,
        })
    }

    fn fetched(&mut self, fetched: &Batches, phase: Phase) -> Step {
        if self.context.counters.source_error.lock().take().is_some() {
            tracing::info!(
                topic = self.topic,
                partition = self.partition,
                "the queue can be read again"
            );
        }
        let before = self.next;
        match self.take(fetched) {
            Ok(()) => self.retry = RETRY_MIN,
            Err(error) => {
                tracing::warn!(topic = self.topic, partition = self.partition, %error, "cannot record a gap: pulling waits");
                self.back_off();
                return Step::Again;
            }
        }
        let is_at_end = self.next == before;
        if phase == Phase::Drain && is_at_end {
            Step::End
        } else {
            Step::Again
        }
    }

    /// Makes the fetched rows visible; offsets that hold none are covered, and gaps recorded.
    fn take(&mut self, fetched: &Batches) -> Result<(), CatalogError> {
        let known = self.context.catalog.snapshot();
        let mut rows = RowBlock::new();
        let mut ranges = Vec::new();
        let mut at = self.next;
        for bytes in &fetched.batches {
            let Ok(header) = BatchHeader::parse(bytes) else {
                add(&self.context.counters.batches_damaged, 1);
                continue; // where it ended is seen by what follows it
            };
            let base = header.base_offset as u64;
            let end = base.saturating_add(u64::from(header.record_count));
            if end <= at {
                continue;
            }
            if base > at {
                self.note_gap(at, base, "the queue has no readable batch for these offsets")?;
                at = base;
            }
            add(&self.context.counters.batches, 1);
            match LogBatch::parse(bytes, self.context.options.unpacked_bytes_max) {
                Ok(batch) if batch.marker.is_some() => {
                    self.note_holes(&batch)?;
                    ranges.extend(self.range_of(&batch, &known, end));
                    add(&self.context.counters.batches_marker, 1);
                }
                Ok(batch) => {
                    self.note_holes(&batch)?;
                    ranges.extend(self.range_of(&batch, &known, end));
                    let n = self.decoder.decode(&batch, self.partition, at, &known, &mut rows);
                    add(&self.context.counters.records, n);
                }
                Err(error) => {
                    add(&self.context.counters.batches_damaged, 1);
                    self.note_gap(at, end, &error.to_string())?;
                }
            }
            at = end;
            if rows.len() >= BLOCK_ROWS {
                self.show(
                    std::mem::take(&mut rows),
                    std::mem::take(&mut ranges),
                    at,
                    fetched.end_offset,
                );
            }
        }
        if fetched.next_offset > at {
            self.note_gap(at, fetched.next_offset, "the queue passed over damaged batches")?;
            at = fetched.next_offset;
        }
        self.show(rows, ranges, at, fetched.end_offset);
        Ok(())
    }

    /// What the agent says became no record: on record before the records beside it are seen.
    fn note_holes(&self, batch: &LogBatch) -> Result<(), CatalogError> {
        let Some(generation) = batch.meta.generation else {
            return Ok(());
        };
        let dropped = batch.meta.dropped.iter().map(|dropped| Hole {
            generation,
            start: dropped.start,
            end: dropped.end,
            reason: dropped.reason.clone(),
        });
        let erased = batch.records().filter(|record| record.erased);
        let erased = erased.filter_map(|record| record.place).map(|(start, bytes)| Hole {
            generation,
            start,
            end: start.saturating_add(bytes.into()),
            reason: gap::ERASED.to_owned(),
        });
        let holes: Vec<Hole> = dropped.chain(erased).collect();
        self.context.catalog.note_holes(&holes)
    }

    /// Which bytes of its file a batch covers, for the ledger; none if it comes from no file.
    fn range_of(&mut self, batch: &LogBatch, known: &Snapshot, offset_end: u64) -> Option<SourceRange> {
        let (start, end) = batch.meta.range;
        // Without a byte is the last word of a generation, which closes its chain.
        let is_last_word = start == end && batch.meta.chain.is_some_and(|chained| chained.closes);
        if (start >= end && !is_last_word) || end > FILE_BYTES_MAX {
            return None;
        }
        let chain = batch.meta.chain.zip(batch.check_chain());
        if let Some((_, ChainCheck::Broken)) = chain {
            add(&self.context.counters.chains_broken, 1);
            tracing::error!(
                topic = self.topic,
                partition = self.partition,
                offset = batch.header.base_offset,
                generation = ?batch.meta.generation,
                start,
                end,
                "the lines of a batch are not those that its agent shipped: `timberline verify agent` names them"
            );
        }
        Some(SourceRange {
            generation: batch.meta.generation?,
            agent: batch.meta.agent?,
            stream: self.decoder.stream(batch, known),
            start,
            end,
            offset_start: batch.header.base_offset.max(0) as u64,
            offset_end,
            records: if batch.marker.is_some() {
                0
            } else {
                batch.records().filter(|record| !record.erased).count() as u32
            },
            chain,
        })
    }

    fn show(&mut self, mut rows: RowBlock, ranges: Vec<SourceRange>, covered: u64, queue_end: u64) {
        rows.shrink_to_fit();
        self.context.live.note_ranges(&self.topic, self.partition, ranges);
        self.context
            .live
            .append(&self.topic, self.partition, rows, covered, queue_end);
        self.next = covered;
    }

    fn note_gap(&self, from: u64, to: u64, reason: &str) -> Result<(), CatalogError> {
        tracing::warn!(
            topic = self.topic,
            partition = self.partition,
            from,
            to,
            reason,
            "offsets are missing"
        );
        self.context.catalog.note_gap(&Gap {
            topic: self.topic.clone(),
            partition: self.partition,
            incarnation: self.incarnation,
            from,
            to,
            reason: reason.to_owned(),
        })
    }

    fn recover(&mut self, error: SourceError, phase: Phase) -> Step {
        match error {
            SourceError::OtherIncarnation { partition } | SourceError::OutOfRange { partition, .. } => {
                if self.begin_until_done(&partition) {
                    Step::Again
                } else {
                    Step::End
                }
            }
            SourceError::NoPartition { .. } => {
                tracing::warn!(
                    topic = self.topic,
                    partition = self.partition,
                    "partition is gone from the queue"
                );
                Step::End
            }
            SourceError::Unavailable(_) if phase == Phase::Drain => Step::End,
            SourceError::Unavailable(what) => {
                let before = self.context.counters.source_error.lock().replace(what.clone());
                if before.is_none() {
                    tracing::warn!(
                        topic = self.topic,
                        partition = self.partition,
                        what,
                        "cannot read the queue, trying again"
                    );
                }
                self.back_off();
                Step::Again
            }
        }
    }

    /// Begins the partition as found; tries until it is done. `false`: told to stop first.
    fn begin_until_done(&mut self, info: &PartitionInfo) -> bool {
        while self.context.phase() != Phase::Stop {
            match self.begin(info) {
                Ok(()) => {
                    self.retry = RETRY_MIN;
                    return true;
                }
                Err(error) => {
                    tracing::warn!(
                        topic = self.topic,
                        partition = self.partition,
                        error,
                        "cannot begin the partition, trying again"
                    );
                    self.back_off();
                }
            }
        }
        false
    }

    /// Where to read on, with the reason on record if that is not where the catalog stopped. Rows
    /// still live are published first: the queue may not hold them any more.
    fn begin(&mut self, info: &PartitionInfo) -> Result<(), String> {
        let flushed = self.context.flush_partition_whole(&self.topic, self.partition);
        flushed.map_err(|error| error.to_string())?;
        self.incarnation = info.incarnation;
        let stored = self.context.catalog.position(&self.topic, self.partition);
        let next = match stored {
            None => self.begin_at(0, info),
            Some(position) if position.incarnation != info.incarnation => self.start_over(position, info),
            Some(position) if position.next_offset > info.end_offset => self.go_back(position, info),
            Some(position) => self.begin_at(position.next_offset, info),
        };
        self.next = next.map_err(|error| error.to_string())?;
        self.context
            .live
            .start(&self.topic, self.partition, self.incarnation, self.next);
        self.context
            .live
            .note_queue_end(&self.topic, self.partition, info.end_offset);
        self.tell_position();
        Ok(())
    }

    fn begin_at(&self, offset: u64, info: &PartitionInfo) -> Result<u64, CatalogError> {
        if info.start_offset > offset {
            self.note_gap(offset, info.start_offset, "the queue no longer held these offsets")?;
        }
        Ok(offset.max(info.start_offset))
    }

    /// The directory was lost or made anew (Q17): its offsets are others.
    fn start_over(&self, stored: Position, info: &PartitionInfo) -> Result<u64, CatalogError> {
        let why = format!(
            "partition {}-{} is incarnation {} now; {} was published up to offset {}: taken from its start",
            self.topic, self.partition, info.incarnation, stored.incarnation, stored.next_offset
        );
        self.reset(0, &why)?;
        self.begin_at(0, info)
    }

    /// The queue lost its tail (Q18): what it appends next must not be taken for published.
    fn go_back(&self, stored: Position, info: &PartitionInfo) -> Result<u64, CatalogError> {
        let why = format!(
            "partition {}-{} ends at offset {} but was published up to {}: taken from its end",
            self.topic, self.partition, info.end_offset, stored.next_offset
        );
        self.reset(info.end_offset, &why)?;
        Ok(info.end_offset)
    }

    fn reset(&self, next_offset: u64, why: &str) -> Result<(), CatalogError> {
        tracing::error!(
            topic = self.topic,
            partition = self.partition,
            why,
            "the queue is not the one it was"
        );
        let position = Position {
            incarnation: self.incarnation,
            next_offset,
        };
        self.context.catalog.reset(&self.topic, self.partition, position, why)
    }

    /// The catalog's position wins over the queue's watermark.
    fn tell_position(&self) {
        let Some(position) = self.context.catalog.position(&self.topic, self.partition) else {
            return;
        };
        let told = self
            .context
            .source
            .commit(&self.topic, self.partition, position.incarnation, position.next_offset);
        if let Err(error) = told {
            tracing::debug!(topic = self.topic, partition = self.partition, %error, "queue not told how far the store is");
        }
    }

    fn back_off(&mut self) {
        self.context.pause(self.retry);
        self.retry = (self.retry * 2).min(RETRY_MAX);
    }
}
