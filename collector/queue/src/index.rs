//! The sparse index of a segment, `{base offset:020}.index`: made when the segment is sealed, made
//! again from the log when it is missing or does not fit. Nothing rests on it but speed.
//!
//! Payload: base offset u64, incarnation 16 bytes, bytes of the log u64, time of sealing u64
//! (milliseconds), then per entry base offset u64 and place in the file u64 of one batch.

use std::path::Path;

use timberline_proto::id::IncarnationId;

use crate::disk::Disk;
use crate::segment::{Segment, index_name};
use crate::small_file::{self, Content};

const FIXED_BYTES: usize = 40;
const ENTRY_BYTES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) offset: u64,
    pub(crate) at: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) entries: Vec<IndexEntry>,
    pub(crate) sealed_ms: u64,
}

impl Index {
    /// Adds a batch if it is far enough from the last entry.
    pub(crate) fn add(&mut self, offset: u64, at: u64, interval_bytes: u64) {
        if self.entries.last().is_none_or(|last| at - last.at >= interval_bytes) {
            self.entries.push(IndexEntry { offset, at });
        }
    }

    /// The last entry not behind `offset`.
    pub(crate) fn seek(&self, offset: u64) -> Option<IndexEntry> {
        let behind = self.entries.partition_point(|entry| entry.offset <= offset);
        behind.checked_sub(1).map(|i| self.entries[i])
    }

    /// Best effort: a segment without an index is only slower.
    pub(crate) fn save(&self, disk: &dyn Disk, dir: &Path, incarnation: IncarnationId, segment: &Segment) {
        let mut payload = Vec::with_capacity(FIXED_BYTES + ENTRY_BYTES * self.entries.len());
        payload.extend(segment.base.to_le_bytes());
        payload.extend(incarnation.0);
        payload.extend(segment.bytes.to_le_bytes());
        payload.extend(self.sealed_ms.to_le_bytes());
        for entry in &self.entries {
            payload.extend(entry.offset.to_le_bytes());
            payload.extend(entry.at.to_le_bytes());
        }
        let path = dir.join(index_name(segment.base));
        if let Err(error) = small_file::write_rebuildable(disk, &path, &payload) {
            tracing::debug!(path = %path.display(), %error, "index not written; it will be made again");
        }
    }

    /// The saved index, if it is whole and describes this segment.
    pub(crate) fn load(disk: &dyn Disk, dir: &Path, incarnation: IncarnationId, segment: &Segment) -> Option<Self> {
        let Ok(Content::Payload(payload)) = small_file::read(disk, &dir.join(index_name(segment.base))) else {
            return None;
        };
        let (fixed, entries) = payload.split_at_checked(FIXED_BYTES)?;
        let word = |bytes: &[u8], at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let fits = word(fixed, 0) == segment.base
            && fixed[8..24] == incarnation.0
            && word(fixed, 24) == segment.bytes
            && entries.len().is_multiple_of(ENTRY_BYTES);
        let entries: Vec<_> = entries
            .chunks_exact(ENTRY_BYTES)
            .map(|entry| IndexEntry {
                offset: word(entry, 0),
                at: word(entry, 8),
            })
            .collect();
        let ascending = entries
            .windows(2)
            .all(|pair| pair[0].offset < pair[1].offset && pair[0].at < pair[1].at);
        (fits && ascending).then(|| Self {
            entries,
            sealed_ms: word(fixed, 32),
        })
    }
}
