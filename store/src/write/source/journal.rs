//! What the store tells of itself, beside what the queue holds.
//!
//! The journal is a few tables of the catalog, so that what is done and what is told of it are one
//! transaction. Seen from here each of its topics is a partition like any: an entry's id is its offset, and
//! what is published of it is forgotten with the commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use timberline_proto::batch::{BatchBuilder, BatchMeta, NewRecord};
use timberline_proto::id::IncarnationId;
use timberline_queue::{Erased, PartitionInfo};

use super::{Batches, FetchFrom, Source, SourceError, check};
use crate::catalog::{Catalog, CatalogError, JournalEntry, OWN_TOPICS, is_own_topic};

/// Records of one batch.
const BATCH_ENTRIES_MAX: usize = 1_000;
/// How often it is looked for new entries.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
const ZSTD_LEVEL: i32 = 1;

/// The queue, and the journal beside it.
#[derive(Debug)]
pub(crate) struct Journal {
    catalog: Catalog,
    incarnation: IncarnationId,
    queue: Arc<dyn Source>,
}

impl Journal {
    /// # Errors
    /// [`CatalogError`]
    pub(crate) fn beside(queue: Arc<dyn Source>, catalog: Catalog) -> Result<Self, CatalogError> {
        Ok(Self {
            incarnation: catalog.journal_incarnation()?,
            catalog,
            queue,
        })
    }

    fn own(&self) -> Result<Vec<PartitionInfo>, SourceError> {
        let ends = self.catalog.journal_ends().map_err(|error| unavailable(&error))?;
        let info = |(topic, start_offset, end_offset): (&str, u64, u64)| PartitionInfo {
            topic: topic.to_owned(),
            partition: 0,
            incarnation: self.incarnation,
            start_offset,
            end_offset,
            bytes: 0,
            damaged_batches: 0,
            failed: None,
        };
        Ok(ends.into_iter().map(info).collect())
    }

    fn fetch_own(&self, from: &FetchFrom<'_>) -> Result<Batches, SourceError> {
        let until = Instant::now() + from.wait;
        loop {
            let found = self
                .own()?
                .into_iter()
                .find(|info| info.topic == from.topic && from.partition == 0);
            let found = found.ok_or_else(|| SourceError::NoPartition {
                topic: from.topic.to_owned(),
                partition: from.partition,
            })?;
            let found = check(from, found)?;
            let entries = self
                .catalog
                .journal_from(from.topic, from.offset, BATCH_ENTRIES_MAX, from.bytes_max)
                .map_err(|error| unavailable(&error))?;
            if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
                return Ok(Batches {
                    next_offset: last.id + 1,
                    batches: vec![batch(from.topic, first.id, &entries)],
                    end_offset: found.end_offset,
                });
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Batches {
                    batches: Vec::new(),
                    next_offset: from.offset,
                    end_offset: found.end_offset,
                });
            }
            std::thread::sleep(left.min(LOOK_INTERVAL));
        }
    }
}

impl Source for Journal {
    fn partitions(&self) -> Result<Vec<PartitionInfo>, SourceError> {
        let mut all = self.own()?;
        match self.queue.partitions() {
            // Names of ours are nobody else's: a queue that has them all the same is not read there.
            Ok(theirs) => all.extend(theirs.into_iter().filter(|info| !is_own_topic(&info.topic))),
            Err(error) => {
                tracing::debug!(%error, "only the store's own topics are to be had");
                return Err(error);
            }
        }
        Ok(all)
    }

    fn fetch(&self, from: &FetchFrom<'_>) -> Result<Batches, SourceError> {
        match is_own_topic(from.topic) {
            true => self.fetch_own(from),
            false => self.queue.fetch(from),
        }
    }

    fn commit(&self, topic: &str, partition: u32, incarnation: IncarnationId, offset: u64) -> Result<(), SourceError> {
        match is_own_topic(topic) {
            true => self
                .catalog
                .journal_forget(topic, offset)
                .map_err(|error| unavailable(&error)),
            false => self.queue.commit(topic, partition, incarnation, offset),
        }
    }

    /// What the store tells of itself is no part of the queue: the catalog has it.
    fn erase(
        &self,
        topic: &str,
        partition: u32,
        incarnation: IncarnationId,
        gone: &BTreeSet<u64>,
    ) -> Result<Erased, SourceError> {
        match is_own_topic(topic) {
            true => Ok(Erased::default()),
            false => self.queue.erase(topic, partition, incarnation, gone),
        }
    }
}

fn unavailable(error: &CatalogError) -> SourceError {
    SourceError::Unavailable(error.to_string())
}

/// Entries as a record batch; their ids have no gaps.
fn batch(topic: &str, first: u64, entries: &[JournalEntry]) -> Bytes {
    let mut builder = BatchBuilder::new();
    for entry in entries {
        builder.push(&NewRecord {
            time_nanos: entry.at_nanos,
            time_parsed: true,
            line: entry.line.as_bytes(),
            observed_nanos: Some(entry.at_nanos),
            ..NewRecord::default()
        });
    }
    let of = topic.strip_prefix(OWN_TOPICS).unwrap_or(topic);
    let meta = BatchMeta {
        stream: BTreeMap::from([
            ("service.name".to_owned(), "timberline".to_owned()),
            ("timberline.journal".to_owned(), of.to_owned()),
        ]),
        observed_nanos: entries.last().map_or(0, |entry| entry.at_nanos),
        eol_bytes: 1,
        ..BatchMeta::default()
    };
    let mut bytes = builder.finish(&meta, ZSTD_LEVEL).to_vec();
    // The base offset is not under the checksum.
    bytes[..8].copy_from_slice(&first.to_be_bytes());
    Bytes::from(bytes)
}

#[cfg(test)]
mod tests;
