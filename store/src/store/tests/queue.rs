//! A queue that tests can damage, shorten and lose. It forgets what the store says it has taken.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use timberline_proto::batch::{BatchBuilder, BatchMeta, LogBatch, NewRecord};
use timberline_proto::id::{AgentId, GenerationId, IncarnationId};
use timberline_queue::{Erased, PartitionInfo};

use super::Found;
use crate::write::{Batches, FetchFrom, Source, SourceError};

pub(super) const TOPIC: &str = "logs";

#[derive(Debug)]
pub(super) struct TestQueue {
    inner: Mutex<Inner>,
    grown: Condvar,
}

#[derive(Debug)]
struct Inner {
    partitions: Vec<Partition>,
    /// Every batch ever appended, by partition.
    history: Vec<(u32, u64, u64, Bytes)>,
    appended: Vec<Found>,
    is_down: bool,
    panics: bool,
}

#[derive(Debug)]
struct Partition {
    incarnation: IncarnationId,
    start: u64,
    end: u64,
    committed: u64,
    batches: Vec<Batch>,
}

#[derive(Debug)]
struct Batch {
    base: u64,
    end: u64,
    bytes: Bytes,
}

impl TestQueue {
    pub(super) fn new(partitions: u32) -> Self {
        let partition = |number: u32| Partition {
            incarnation: IncarnationId([number as u8 + 1; 16]),
            start: 0,
            end: 0,
            committed: 0,
            batches: Vec::new(),
        };
        Self {
            inner: Mutex::new(Inner {
                partitions: (0..partitions).map(partition).collect(),
                appended: Vec::new(),
                history: Vec::new(),
                is_down: false,
                panics: false,
            }),
            grown: Condvar::new(),
        }
    }

    pub(super) fn append(&self, partition: u32, lines: &[(i64, String)]) {
        let bytes = encode(lines);
        let mut inner = self.inner.lock();
        let base = inner.partitions[partition as usize].end;
        for (i, (time, line)) in lines.iter().enumerate() {
            inner
                .appended
                .push((partition, base + i as u64, *time, line.clone().into_bytes()));
        }
        let n = lines.len().max(1) as u64;
        inner.partitions[partition as usize].push(&bytes, n);
        inner.history.push((partition, base, base + n, bytes));
        self.grown.notify_all();
    }

    /// The queue as a power cut leaves it when it had been told that so much is taken: it holds
    /// nothing below.
    pub(super) fn cut_at(&self, told: &[u64]) -> Self {
        let inner = self.inner.lock();
        let cut = Self::new(inner.partitions.len() as u32);
        {
            let mut left = cut.inner.lock();
            left.appended = inner.appended.clone();
            for (partition, told) in told.iter().enumerate() {
                let kept = &mut left.partitions[partition];
                (kept.start, kept.end, kept.committed) = (*told, *told, *told);
            }
            for (partition, base, end, bytes) in &inner.history {
                let kept = &mut left.partitions[*partition as usize];
                if *end > told[*partition as usize] {
                    kept.start = kept.start.min(*base);
                    kept.end = *base;
                    kept.push(bytes, end - base);
                }
            }
        }
        cut
    }

    /// One batch as it is.
    pub(super) fn append_bytes(&self, partition: u32, bytes: &Bytes) {
        let n = timberline_proto::batch::BatchHeader::parse(bytes).unwrap().record_count;
        self.inner.lock().partitions[partition as usize].push(bytes, n.into());
        self.grown.notify_all();
    }

    /// Appends a batch with one bit turned.
    pub(super) fn append_damaged(&self, partition: u32, lines: &[(i64, String)]) {
        let mut bytes = encode(lines).to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        self.inner.lock().partitions[partition as usize].push(&bytes.into(), lines.len() as u64);
        self.grown.notify_all();
    }

    /// Leaves out offsets, as if their batches were damaged beyond finding.
    pub(super) fn skip(&self, partition: u32, n: u64) {
        self.inner.lock().partitions[partition as usize].end += n;
    }

    /// The directory is lost and made anew.
    pub(super) fn lose(&self, partition: u32) {
        let mut inner = self.inner.lock();
        let lost = &mut inner.partitions[partition as usize];
        lost.incarnation.0[0] = lost.incarnation.0[0].wrapping_add(100);
        (lost.start, lost.end, lost.committed) = (0, 0, 0);
        lost.batches.clear();
        self.grown.notify_all();
    }

    /// The tail is lost, and what is appended next gets its offsets.
    pub(super) fn truncate(&self, partition: u32, end: u64) {
        let mut inner = self.inner.lock();
        let cut = &mut inner.partitions[partition as usize];
        cut.batches.retain(|batch| batch.end <= end);
        cut.end = end;
        cut.start = cut.start.min(end);
        cut.committed = cut.committed.min(end);
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.inner.lock().is_down = is_down;
    }

    /// Lets whoever says how far it has come panic.
    pub(super) fn set_panics(&self, panics: bool) {
        self.inner.lock().panics = panics;
    }

    pub(super) fn committed(&self, partition: u32) -> u64 {
        self.inner.lock().partitions[partition as usize].committed
    }

    /// Every row appended, in order of partition and offset.
    pub(super) fn appended(&self) -> Vec<Found> {
        let mut appended = self.inner.lock().appended.clone();
        appended.sort();
        appended
    }
}

impl Partition {
    fn push(&mut self, bytes: &Bytes, n: u64) {
        let mut bytes = bytes.to_vec();
        timberline_proto::batch::assign_base_offset(&mut bytes, self.end as i64);
        self.batches.push(Batch {
            base: self.end,
            end: self.end + n,
            bytes: bytes.into(),
        });
        self.end += n;
    }

    fn info(&self, partition: u32) -> PartitionInfo {
        PartitionInfo {
            topic: TOPIC.into(),
            partition,
            incarnation: self.incarnation,
            start_offset: self.start,
            end_offset: self.end,
            bytes: 0,
            damaged_batches: 0,
            failed: None,
        }
    }
}

impl Inner {
    fn read(&self, from: &FetchFrom<'_>) -> Result<Batches, SourceError> {
        if self.is_down {
            return Err(SourceError::Unavailable("down".into()));
        }
        let found = &self.partitions[from.partition as usize];
        let info = found.info(from.partition);
        if found.incarnation != from.incarnation {
            return Err(SourceError::OtherIncarnation { partition: info });
        }
        if !(found.start..=found.end).contains(&from.offset) {
            return Err(SourceError::OutOfRange {
                offset: from.offset,
                partition: info,
            });
        }
        let (mut bytes, mut next_offset, mut batches) = (0, from.offset, Vec::new());
        for batch in found.batches.iter().filter(|batch| batch.end > from.offset) {
            if !batches.is_empty() && bytes + batch.bytes.len() as u64 > from.bytes_max {
                break;
            }
            debug_assert!(batch.base < batch.end);
            bytes += batch.bytes.len() as u64;
            next_offset = batch.end;
            batches.push(batch.bytes.clone());
        }
        Ok(Batches {
            batches,
            next_offset,
            end_offset: found.end,
        })
    }
}

impl Source for TestQueue {
    fn partitions(&self) -> Result<Vec<PartitionInfo>, SourceError> {
        let inner = self.inner.lock();
        if inner.is_down {
            return Err(SourceError::Unavailable("down".into()));
        }
        Ok(inner
            .partitions
            .iter()
            .enumerate()
            .map(|(n, one)| one.info(n as u32))
            .collect())
    }

    fn fetch(&self, from: &FetchFrom<'_>) -> Result<Batches, SourceError> {
        let mut inner = self.inner.lock();
        let fetched = inner.read(from)?;
        if !fetched.batches.is_empty() || from.wait == Duration::ZERO {
            return Ok(fetched);
        }
        self.grown.wait_for(&mut inner, from.wait);
        inner.read(from)
    }

    fn commit(&self, _: &str, partition: u32, incarnation: IncarnationId, offset: u64) -> Result<(), SourceError> {
        let mut inner = self.inner.lock();
        assert!(!inner.panics, "told to");
        let taken = &mut inner.partitions[partition as usize];
        if taken.incarnation != incarnation {
            return Err(SourceError::OtherIncarnation {
                partition: taken.info(partition),
            });
        }
        assert!(offset <= taken.end, "committed beyond the end");
        taken.committed = taken.committed.max(offset);
        taken.batches.retain(|batch| batch.end > offset);
        taken.start = taken.batches.first().map_or(taken.committed, |batch| batch.base);
        Ok(())
    }

    fn erase(
        &self,
        _: &str,
        partition: u32,
        incarnation: IncarnationId,
        gone: &BTreeSet<u64>,
    ) -> Result<Erased, SourceError> {
        let mut inner = self.inner.lock();
        let held = &mut inner.partitions[partition as usize];
        assert_eq!(held.incarnation, incarnation);
        let mut erased = Erased::default();
        for batch in &mut held.batches {
            let parsed = LogBatch::parse(&batch.bytes, u64::MAX).unwrap();
            if let Some(without) = parsed.without(|offset| gone.contains(&offset), 1).unwrap() {
                erased.records += without.records;
                batch.bytes = without.bytes;
            }
        }
        Ok(erased)
    }
}

/// Lines of a file, or, if there are none, a marker.
pub(super) fn encode(lines: &[(i64, String)]) -> Bytes {
    let mut builder = BatchBuilder::new();
    let mut at = 0;
    for (time_nanos, line) in lines {
        builder.push(&NewRecord {
            time_nanos: *time_nanos,
            time_parsed: true,
            line: line.as_bytes(),
            place: Some((at, line.len() as u32 + 1)),
            ..NewRecord::default()
        });
        at += line.len() as u64 + 1;
    }
    let meta = BatchMeta {
        stream: BTreeMap::from([("host.name".into(), "web-1".into())]),
        agent: Some(AgentId([1; 16])),
        generation: Some(GenerationId([2; 16])),
        range: (0, at),
        eol_bytes: 1,
        observed_nanos: super::NOW,
        ..BatchMeta::default()
    };
    builder.finish(&meta, 1)
}
