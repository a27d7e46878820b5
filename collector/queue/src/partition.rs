//! One partition: what its readers, its writer and retention share.
//!
//! Files in its directory: `partition` (JSON, the incarnation id), segments and their indexes,
//! `synced`, `ends`, `positions`. The writer alone appends; readers see only what is durable.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::{Condvar, Mutex, RwLock};
use timberline_proto::id::{GenerationId, IncarnationId};

use crate::disk::{Disk, Lock};
use crate::ends::{ENDS_NAME, Ends};
use crate::error::QueueError;
use crate::inbox::Inbox;
use crate::index::Index;
use crate::info::PartitionInfo;
use crate::options::QueueOptions;
use crate::positions::Positions;
use crate::segment::Segment;
use crate::small_file;
use crate::usage::Usage;

/// The time of day, so that tests can set it.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What all partitions of a queue have in common.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) options: Arc<QueueOptions>,
    pub(crate) usage: Arc<Usage>,
    pub(crate) clock: Clock,
    /// Goes with the last partition, so that no other process comes in while a writer ends.
    pub(crate) _lock: Arc<Lock>,
}

pub(crate) struct Partition {
    pub(crate) common: Common,
    pub(crate) topic: String,
    pub(crate) number: u32,
    pub(crate) dir: PathBuf,
    pub(crate) incarnation: IncarnationId,
    pub(crate) log: Mutex<Log>,
    /// Told when the durable end moves.
    pub(crate) grown: Condvar,
    /// Durable ends only. Locked before `log` where both are.
    pub(crate) ends: Mutex<Ends>,
    /// One save of the ends at a time, so that an older one never replaces a newer.
    pub(crate) ends_saving: Mutex<()>,
    pub(crate) positions: Positions,
    pub(crate) inbox: Inbox,
    pub(crate) reading: Mutex<ReadingState>,
    /// Held by whoever puts a file in another's place or takes one away, and shared by whoever looks a segment
    /// up and opens it: so what was looked up is of the file that was opened. Locked before the others.
    pub(crate) replacing: RwLock<()>,
}

/// The durable log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Ascending; the last one is active.
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) active_index: Index,
    pub(crate) end_offset: u64,
    pub(crate) failed: Option<String>,
}

/// What makes reading on cheap, and damage counted once.
#[derive(Debug, Default)]
pub(crate) struct ReadingState {
    /// Where recent readers stopped: offset, writing of a segment, place.
    pub(crate) hints: VecDeque<(u64, Writing, u64)>,
    /// The index of the sealed segment read last.
    pub(crate) index: Option<(Writing, Arc<Index>)>,
    /// Writing of a segment and place of damaged batches met.
    pub(crate) damaged: HashSet<(Writing, u64)>,
    pub(crate) damaged_batches: u64,
}

/// A segment's base, and which of its writings is meant.
pub(crate) type Writing = (u64, u32);

impl Partition {
    pub(crate) fn info(&self) -> PartitionInfo {
        let log = self.log.lock();
        PartitionInfo {
            topic: self.topic.clone(),
            partition: self.number,
            incarnation: self.incarnation,
            start_offset: log.start_offset(),
            end_offset: log.end_offset,
            bytes: log.segments.iter().map(|segment| segment.bytes).sum(),
            failed: log.failed.clone(),
            damaged_batches: self.reading.lock().damaged_batches,
        }
    }

    pub(crate) fn wait(&self, offset: u64, deadline: Instant) {
        let mut log = self.log.lock();
        while log.end_offset <= offset && !self.grown.wait_until(&mut log, deadline).timed_out() {}
    }

    pub(crate) fn generation_end(&self, generation: GenerationId) -> Option<u64> {
        self.ends.lock().get(generation)
    }

    pub(crate) fn generation_last(&self, generation: GenerationId) -> Option<u64> {
        self.ends.lock().last_offset(generation)
    }

    pub(crate) fn commit(&self, group: &str, incarnation: IncarnationId, offset: u64) -> Result<(), QueueError> {
        if incarnation != self.incarnation {
            return Err(QueueError::OtherIncarnation {
                expected: incarnation,
                found: self.incarnation,
            });
        }
        let (start, end) = self.bounds();
        if offset > end {
            return Err(QueueError::OutOfRange { offset, start, end });
        }
        self.positions.advance(group, offset)
    }

    /// First offset held, and one past the last.
    pub(crate) fn bounds(&self) -> (u64, u64) {
        let log = self.log.lock();
        (log.start_offset(), log.end_offset)
    }

    /// Saves the ends of generations. Durable on return.
    pub(crate) fn save_ends(&self, change: impl FnOnce(&mut Ends)) -> Result<(), QueueError> {
        let _one = self.ends_saving.lock();
        let payload = {
            let mut ends = self.ends.lock();
            change(&mut ends);
            ends.encode()
        };
        small_file::replace(&*self.common.disk, &self.dir, ENDS_NAME, &payload)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        unix_ms((self.common.clock)())
    }
}

impl Log {
    pub(crate) fn start_offset(&self) -> u64 {
        self.segments.front().map_or(self.end_offset, |segment| segment.base)
    }
}

impl std::fmt::Debug for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Partition")
            .field("topic", &self.topic)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

pub(crate) fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
