//! A queue on a disk in memory, and batches for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use timberline_proto::batch::{BatchBuilder, BatchHeader, BatchMeta, LogBatch, NewRecord};
use timberline_proto::id::GenerationId;

use crate::disk::memory::MemoryDisk;
use crate::partition::Clock;
use crate::{Append, AppendError, Appended, Queue, QueueError, QueueOptions};

pub(super) const TOPIC: &str = "logs";
pub(super) const UNPACKED_MAX: u64 = 1 << 20;

pub(super) struct Bench {
    pub(super) disk: MemoryDisk,
    pub(super) options: QueueOptions,
    pub(super) now_s: Arc<AtomicU64>,
}

pub(super) fn options() -> QueueOptions {
    QueueOptions {
        partitions: 1,
        segment_bytes_max: 2048,
        batch_bytes_max: 64 << 10,
        unpacked_bytes_max: UNPACKED_MAX,
        retention_bytes: 0,
        bytes_max: 1 << 20,
        index_interval_bytes: 256,
        ..QueueOptions::default()
    }
}

impl Bench {
    pub(super) fn new(options: QueueOptions) -> Self {
        Self {
            disk: MemoryDisk::default(),
            options,
            now_s: Arc::new(AtomicU64::new(1_000_000)),
        }
    }

    pub(super) fn open(&self) -> Queue {
        self.try_open().unwrap()
    }

    pub(super) fn try_open(&self) -> Result<Queue, QueueError> {
        let now_s = self.now_s.clone();
        let clock: Clock = Arc::new(move || UNIX_EPOCH + Duration::from_secs(now_s.load(Ordering::SeqCst)));
        Queue::open_on(
            Arc::new(self.disk.clone()),
            Path::new("/q"),
            self.options.clone(),
            clock,
        )
    }

    pub(super) fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.now_s.load(Ordering::SeqCst))
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        Path::new("/q/topics/logs/0").join(name)
    }

    /// The segments, by name.
    pub(super) fn logs(&self) -> Vec<PathBuf> {
        self.disk
            .files()
            .into_iter()
            .filter(|path| path.extension().is_some_and(|end| end == "log"))
            .collect()
    }
}

pub(super) fn generation(i: u8) -> GenerationId {
    GenerationId([i; 16])
}

/// Bytes `start..end` of a generation as one batch, a record for every four bytes.
pub(super) fn piece(i: u8, start: u64, end: u64) -> Append {
    let meta = BatchMeta {
        generation: Some(generation(i)),
        range: (start, end),
        eol_bytes: 1,
        ..BatchMeta::default()
    };
    let mut builder = BatchBuilder::new();
    let mut at = start;
    while at < end {
        let len = (end - at).min(4) as u32;
        let line = format!("{at:03}");
        let line = &line.as_bytes()[..(len as usize).saturating_sub(1).min(line.len())];
        builder.push(&NewRecord {
            line,
            place: Some((at, len)),
            time_parsed: true,
            ..NewRecord::default()
        });
        at += u64::from(len);
    }
    let batch = builder.finish(&meta, 1);
    Append {
        batch,
        origin: Some((generation(i), start, end)),
        key: Bytes::copy_from_slice(&[i; 16]),
    }
}

/// A batch without identity.
pub(super) fn anonymous(line: &[u8]) -> Append {
    let mut builder = BatchBuilder::new();
    builder.push(&NewRecord {
        line,
        ..NewRecord::default()
    });
    let batch = builder.finish(
        &BatchMeta {
            eol_bytes: 1,
            ..BatchMeta::default()
        },
        1,
    );
    Append {
        batch,
        origin: None,
        key: Bytes::from_static(b"key"),
    }
}

/// A batch of about so many bytes that do not compress.
pub(super) fn bulky(bytes: usize, seed: u64) -> Append {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let line: Vec<u8> = (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect();
    anonymous(&line)
}

pub(super) fn base_of(answer: &Result<Appended, AppendError>) -> u64 {
    match answer {
        Ok(Appended::At { base_offset, .. }) => *base_offset,
        other => panic!("not appended: {other:?}"),
    }
}

pub(super) fn append(queue: &Queue, append: Append) -> u64 {
    base_of(&queue.append(TOPIC, append))
}

/// Everything from `offset` on: base offset and batch.
pub(super) fn read_from(queue: &Queue, mut offset: u64) -> Vec<(u64, Bytes)> {
    let mut all = Vec::new();
    loop {
        let fetched = queue.read(TOPIC, 0, offset, 700).unwrap();
        for batch in fetched.batches {
            let base = BatchHeader::parse_checked(&batch).unwrap().base_offset as u64;
            all.push((base, batch));
        }
        if fetched.next_offset == fetched.end_offset {
            return all;
        }
        assert!(fetched.next_offset > offset, "reading stands still at {offset}");
        offset = fetched.next_offset;
    }
}

/// Everything held: base offset, generation's first byte of id, range.
pub(super) fn held(queue: &Queue) -> Vec<(u64, u8, (u64, u64))> {
    let Some(info) = queue.partitions().into_iter().find(|info| info.partition == 0) else {
        return vec![];
    };
    let parse = |(base, batch): (u64, Bytes)| {
        let meta = LogBatch::parse(&batch, UNPACKED_MAX).unwrap().meta;
        (
            base,
            meta.generation.map_or(0, |generation| generation.0[0]),
            meta.range,
        )
    };
    read_from(queue, info.start_offset).into_iter().map(parse).collect()
}

/// The same batch as sent, whatever offset it was given.
pub(super) fn same_but_offset(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a[8..] == b[8..]
}
