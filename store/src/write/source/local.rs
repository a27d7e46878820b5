//! The queue in this process.

use std::collections::BTreeSet;

use timberline_proto::id::IncarnationId;
use timberline_queue::{EraseError, Erased, Fetched, PartitionInfo, Queue, QueueError};

use super::{Batches, FetchFrom, GROUP, Source, SourceError, check, find};

/// Reads the [`Queue`] that the collector of this process appends to.
#[derive(Clone, Debug)]
pub struct LocalSource {
    queue: Queue,
}

impl LocalSource {
    /// Over an open queue.
    pub fn new(queue: Queue) -> Self {
        Self { queue }
    }

    fn read(&self, from: &FetchFrom<'_>) -> Result<Fetched, SourceError> {
        match self.queue.read(from.topic, from.partition, from.offset, from.bytes_max) {
            Ok(fetched) => Ok(fetched),
            Err(QueueError::NoPartition { topic, partition }) => Err(SourceError::NoPartition { topic, partition }),
            Err(error @ QueueError::OutOfRange { .. }) => {
                let found = find(self, from.topic, from.partition)?;
                // It may be back in range by now, or be another incarnation.
                check(from, found)?;
                Err(SourceError::Unavailable(error.to_string()))
            }
            Err(error) => Err(SourceError::Unavailable(error.to_string())),
        }
    }
}

impl Source for LocalSource {
    fn partitions(&self) -> Result<Vec<PartitionInfo>, SourceError> {
        Ok(self.queue.partitions())
    }

    /// An open queue keeps its incarnations, so the one expected is checked where nothing comes
    /// and at the start of each partition, not with each fetch.
    fn fetch(&self, from: &FetchFrom<'_>) -> Result<Batches, SourceError> {
        self.queue.note_read(GROUP, from.topic, from.partition, from.offset);
        let mut fetched = self.read(from)?;
        if fetched.batches.is_empty() && fetched.next_offset <= from.offset {
            check(from, find(self, from.topic, from.partition)?)?;
            self.queue.wait(from.topic, from.partition, from.offset, from.wait);
            fetched = self.read(from)?;
        }
        Ok(Batches {
            batches: fetched.batches,
            next_offset: fetched.next_offset,
            end_offset: fetched.end_offset,
        })
    }

    fn commit(&self, topic: &str, partition: u32, incarnation: IncarnationId, offset: u64) -> Result<(), SourceError> {
        match self.queue.commit(GROUP, topic, partition, incarnation, offset) {
            Ok(()) => Ok(()),
            Err(QueueError::NoPartition { topic, partition }) => Err(SourceError::NoPartition { topic, partition }),
            Err(QueueError::OtherIncarnation { .. }) => Err(SourceError::OtherIncarnation {
                partition: find(self, topic, partition)?,
            }),
            Err(error) => Err(SourceError::Unavailable(error.to_string())),
        }
    }

    fn erase(
        &self,
        topic: &str,
        partition: u32,
        incarnation: IncarnationId,
        gone: &BTreeSet<u64>,
    ) -> Result<Erased, SourceError> {
        match self.queue.erase(topic, partition, incarnation, gone) {
            Ok(erased) => Ok(erased),
            Err(EraseError::Queue(QueueError::NoPartition { topic, partition })) => {
                Err(SourceError::NoPartition { topic, partition })
            }
            Err(EraseError::Queue(QueueError::OtherIncarnation { .. })) => Err(SourceError::OtherIncarnation {
                partition: find(self, topic, partition)?,
            }),
            Err(error) => Err(SourceError::Unavailable(error.to_string())),
        }
    }
}
