//! To where the partition holds each generation: what makes a resent batch a duplicate.
//!
//! Kept in memory, saved as the file `ends` when a segment is sealed, on close, and before a
//! segment is deleted; after a crash the batches since then are read again. The file also says
//! where the log starts, so that a half-done deletion is finished at the next start.
//!
//! Payload: log start u64, complete up to offset u64, then per generation its id 16 bytes, end u64,
//! offset of its last batch u64, last seen u64 (seconds).

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use timberline_proto::id::GenerationId;

use crate::disk::Disk;
use crate::error::QueueError;
use crate::small_file::{self, Content};

pub(crate) const ENDS_NAME: &str = "ends";
const FIXED_BYTES: usize = 16;
const ENTRY_BYTES: usize = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    /// One past the last byte held.
    pub(crate) end: u64,
    /// Base offset of its last batch: it is not forgotten before that batch is.
    pub(crate) last_offset: u64,
    pub(crate) seen_s: u64,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    held: HashMap<GenerationId, End>,
    /// Every batch below this offset is in it.
    pub(crate) up_to: u64,
    pub(crate) log_start: u64,
}

impl Ends {
    pub(crate) fn get(&self, generation: GenerationId) -> Option<u64> {
        self.held.get(&generation).map(|end| end.end)
    }

    /// The base offset of its last batch.
    pub(crate) fn last_offset(&self, generation: GenerationId) -> Option<u64> {
        self.held.get(&generation).map(|end| end.last_offset)
    }

    /// Takes in a durable batch. Ends never move back, nor does time.
    pub(crate) fn advance(&mut self, generation: GenerationId, new: End) {
        let held = self.held.entry(generation).or_insert(new);
        held.end = held.end.max(new.end);
        held.last_offset = held.last_offset.max(new.last_offset);
        held.seen_s = held.seen_s.max(new.seen_s);
    }

    /// Forgets generations not seen for `ttl` of which the log holds nothing any more.
    pub(crate) fn expire(&mut self, now_s: u64, ttl: Duration) {
        let log_start = self.log_start;
        self.held
            .retain(|_, end| end.last_offset >= log_start || now_s.saturating_sub(end.seen_s) <= ttl.as_secs());
    }

    /// One past the highest offset that it has seen.
    pub(crate) fn offset_floor(&self) -> u64 {
        let last = self.held.values().map(|end| end.last_offset.saturating_add(1)).max();
        last.unwrap_or(0).max(self.up_to).max(self.log_start)
    }

    /// The file's payload.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(FIXED_BYTES + ENTRY_BYTES * self.held.len());
        payload.extend(self.log_start.to_le_bytes());
        payload.extend(self.up_to.to_le_bytes());
        for (generation, end) in &self.held {
            payload.extend(generation.0);
            payload.extend(end.end.to_le_bytes());
            payload.extend(end.last_offset.to_le_bytes());
            payload.extend(end.seen_s.to_le_bytes());
        }
        payload
    }

    /// What was saved; empty, so that all of the log is read again, if that is missing or damaged.
    pub(crate) fn load(disk: &dyn Disk, dir: &Path) -> Result<Self, QueueError> {
        let path = dir.join(ENDS_NAME);
        let payload = match small_file::read(disk, &path)? {
            Content::Payload(payload) => payload,
            Content::Missing => return Ok(Self::default()),
            Content::Damaged => {
                tracing::warn!(path = %path.display(), "ends of generations are damaged; reading the log for them");
                return Ok(Self::default());
            }
        };
        let word = |bytes: &[u8], at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let Some((fixed, entries)) = payload.split_at_checked(FIXED_BYTES) else {
            return Ok(Self::default());
        };
        let held = entries.chunks_exact(ENTRY_BYTES).map(|entry| {
            let end = End {
                end: word(entry, 16),
                last_offset: word(entry, 24),
                seen_s: word(entry, 32),
            };
            (GenerationId(std::array::from_fn(|i| entry[i])), end)
        });
        Ok(Self {
            held: held.collect(),
            log_start: word(fixed, 0),
            up_to: word(fixed, 8),
        })
    }
}
