//! Walking the batches of one segment, and finding the way on behind a damaged one.
//!
//! A batch is good if its frame and CRC are, and if its base offset is the one expected: offsets in
//! a segment have no gaps, which checks the bytes that the CRC leaves out. Every length is bounded
//! by the segment before it is believed.

use std::io;

use bytes::Bytes;
use timberline_proto::batch::{BatchHeader, HEADER_BYTES};

use crate::disk::DiskFile;

const CHUNK_BYTES_MIN: u64 = 64 << 10;
const CHUNK_BYTES_MAX: u64 = 8 << 20;

pub(crate) struct Walk<'a> {
    file: &'a dyn DiskFile,
    /// Where the next batch begins.
    pub(crate) at: u64,
    /// One past the last byte to look at.
    end_bytes: u64,
    /// The next batch's base offset.
    pub(crate) expected: u64,
    /// No batch of this segment reaches beyond this offset.
    end_offset: u64,
    chunk: Bytes,
    chunk_at: u64,
    chunk_bytes: u64,
}

pub(crate) struct WalkedBatch {
    pub(crate) header: BatchHeader,
    pub(crate) bytes: Bytes,
    pub(crate) at: u64,
    pub(crate) base_offset: u64,
}

impl WalkedBatch {
    pub(crate) fn next_offset(&self) -> u64 {
        self.base_offset.saturating_add(self.header.record_count.into())
    }
}

pub(crate) enum Step {
    Batch(WalkedBatch),
    /// No good batch here; [`Walk::skip_damage`] goes on.
    Damaged,
    End,
}

impl<'a> Walk<'a> {
    /// From the batch with base offset `from.1` at byte `from.0`, up to byte `end.0` and offset `end.1`.
    pub(crate) fn new(file: &'a dyn DiskFile, from: (u64, u64), end: (u64, u64), chunk_bytes: u64) -> Self {
        Self {
            file,
            at: from.0,
            end_bytes: end.0,
            expected: from.1,
            end_offset: end.1,
            chunk: Bytes::new(),
            chunk_at: 0,
            chunk_bytes: chunk_bytes.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX),
        }
    }

    pub(crate) fn step(&mut self) -> io::Result<Step> {
        if self.at >= self.end_bytes {
            return Ok(Step::End);
        }
        match self.batch_at(self.at, self.expected, self.expected)? {
            Some(batch) => {
                self.go_behind(&batch);
                Ok(Step::Batch(batch))
            }
            None => Ok(Step::Damaged),
        }
    }

    /// Moves to the next good batch behind a damaged one, or to the end.
    pub(crate) fn skip_damage(&mut self) -> io::Result<()> {
        let (from, to) = (self.expected.saturating_add(1), self.end_offset);
        let head = self.window(self.at, HEADER_BYTES as u64)?;
        if let Ok(header) = BatchHeader::peek(&head) {
            let behind = self.at.saturating_add(header.total_bytes);
            if let Some(batch) = self.batch_at(behind, from, to)? {
                return self.resume(batch.at, batch.base_offset);
            }
        }
        let mut at = self.at + 1;
        while at + HEADER_BYTES as u64 <= self.end_bytes {
            let window = self.window(at, HEADER_BYTES as u64)?;
            if window.len() < HEADER_BYTES {
                break;
            }
            let starts = window.len() - HEADER_BYTES + 1;
            for i in 0..starts {
                // Byte 16 is the version: a quick sieve.
                if window[i + 16] == 2
                    && let Some(batch) = self.batch_at(at + i as u64, from, to)?
                {
                    return self.resume(batch.at, batch.base_offset);
                }
            }
            at += starts as u64;
        }
        self.resume(self.end_bytes, self.end_offset)
    }

    fn resume(&mut self, at: u64, expected: u64) -> io::Result<()> {
        self.at = at;
        self.expected = expected;
        Ok(())
    }

    fn go_behind(&mut self, batch: &WalkedBatch) {
        self.at = batch.at + batch.header.total_bytes;
        self.expected = batch.next_offset();
    }

    /// The good batch at `at`, if one is there with a base offset in `from..=to`.
    fn batch_at(&mut self, at: u64, from: u64, to: u64) -> io::Result<Option<WalkedBatch>> {
        let left = self.end_bytes.saturating_sub(at);
        if left < HEADER_BYTES as u64 {
            return Ok(None);
        }
        let head = self.window(at, HEADER_BYTES as u64)?;
        let Ok(header) = BatchHeader::peek(&head) else {
            return Ok(None);
        };
        let Ok(base_offset) = u64::try_from(header.base_offset) else {
            return Ok(None);
        };
        let last = base_offset.saturating_add(header.record_count.into());
        if header.total_bytes > left || !(from..=to).contains(&base_offset) || last > self.end_offset {
            return Ok(None);
        }
        let mut bytes = self.window(at, header.total_bytes)?;
        bytes.truncate(header.total_bytes as usize);
        let good = BatchHeader::parse_checked(&bytes).is_ok();
        Ok(good.then_some(WalkedBatch {
            header,
            bytes,
            at,
            base_offset,
        }))
    }

    /// Bytes from `at` on, at least `need` unless the file ends before.
    fn window(&mut self, at: u64, need: u64) -> io::Result<Bytes> {
        let chunk_end = self.chunk_at + self.chunk.len() as u64;
        if at < self.chunk_at || at.saturating_add(need) > chunk_end {
            let len = self.chunk_bytes.max(need).min(self.end_bytes.saturating_sub(at));
            let mut chunk = vec![0; len as usize];
            let read = self.file.read_at(&mut chunk, at)?;
            chunk.truncate(read);
            self.chunk = chunk.into();
            self.chunk_at = at;
        }
        Ok(self.chunk.slice((at - self.chunk_at) as usize..))
    }
}
