//! Opening a partition: what a crash left is put in order before anyone reads.
//!
//! 1. Segments that a half-done deletion left below the log start are deleted, and indexes that it left
//!    without their segment.
//! 2. A last segment whose creation was cut short is removed.
//! 3. The last segment is walked from the recovery point. Good batches there are written once more
//!    and synced (after a failed fsync the page cache may hold what the disk does not); at the
//!    first bad one the file is cut.
//! 4. If offsets above the log's end were ever known durable, consumed or noted, the log goes on
//!    above them in a new segment: an acked offset never means another record.
//! 5. Ends of generations are completed from the batches since they were saved.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, RwLock};
use serde::{Deserialize, Serialize};
use timberline_proto::batch::verify;
use timberline_proto::id::IncarnationId;

use crate::disk::{Disk, DiskFile};
use crate::ends::{End, Ends};
use crate::error::{At, QueueError};
use crate::inbox::Inbox;
use crate::index::Index;
use crate::partition::{Common, Log, Partition, ReadingState};
use crate::positions::Positions;
use crate::segment::{
    HeaderFault, SEGMENT_HEADER_BYTES, Segment, SegmentHeader, index_name, log_name, parse_index_name, parse_log_name,
};
use crate::small_file::{self, Content, FORMAT_VERSION, TEMPORARY_SUFFIX};
use crate::synced::{SyncedFile, SyncedPoint};
use crate::walk::{Step, Walk};
use crate::writer::{Writer, create_segment};

const PARTITION_NAME: &str = "partition";
const REBUILD_READ_BYTES: u64 = 4 << 20;

#[derive(Serialize, Deserialize)]
struct PartitionFile {
    incarnation: IncarnationId,
}

/// Opens or creates the partition in `dir`, which is there.
pub(crate) fn open_partition(
    common: Common,
    dir: &Path,
    topic: &str,
    number: u32,
) -> Result<(Arc<Partition>, Writer), QueueError> {
    let disk = common.disk.clone();
    let names = disk.list(dir).at(dir)?;
    remove_temporary(&*disk, dir, &names)?;
    let mut bases: Vec<u64> = names.iter().filter_map(|name| parse_log_name(name)).collect();
    bases.sort_unstable();
    let incarnation = incarnation(&*disk, dir, &bases)?;
    let ends = Ends::load(&*disk, dir)?;
    let positions = Positions::load(disk.clone(), dir)?;
    let (synced_file, point) = SyncedFile::open(&*disk, dir).at(dir)?;
    remove_lone_indexes(&*disk, dir, &names, &bases)?;
    finish_deletion(&*disk, dir, &mut bases, ends.log_start)?;

    let header = |base_offset| SegmentHeader {
        topic: topic.to_owned(),
        partition: number,
        incarnation,
        base_offset,
    };
    let recovery = Recovery {
        disk: &*disk,
        dir,
        point,
        interval_bytes: common.options.index_interval_bytes,
    };
    let mut floor = point
        .map_or(0, |point| point.end_offset)
        .max(ends.offset_floor())
        .max(positions.highest());
    let tail = recovery.last_segment(&mut bases, &mut floor, &header)?;
    let mut segments = recovery.sealed_segments(&bases)?;
    let mut active = recovery.active_segment(tail, floor, &mut segments, &header)?;
    segments.push_back(active.segment);
    let log = Log {
        segments,
        active_index: std::mem::take(&mut active.index),
        end_offset: active.end_offset,
        failed: None,
    };
    let partition = Arc::new(Partition {
        common,
        topic: topic.to_owned(),
        number,
        dir: dir.to_owned(),
        incarnation,
        log: Mutex::new(log),
        grown: Condvar::new(),
        ends: Mutex::new(ends),
        ends_saving: Mutex::new(()),
        positions,
        inbox: Inbox::default(),
        reading: Mutex::new(ReadingState::default()),
        replacing: RwLock::new(()),
    });
    complete_ends(&partition)?;
    let writer = Writer::new(
        partition.clone(),
        active.file,
        active.segment,
        active.end_offset,
        synced_file,
    );
    Ok((partition, writer))
}

fn remove_temporary(disk: &dyn Disk, dir: &Path, names: &[String]) -> Result<(), QueueError> {
    for name in names.iter().filter(|name| name.ends_with(TEMPORARY_SUFFIX)) {
        disk.remove(&dir.join(name)).at(&dir.join(name))?;
    }
    Ok(())
}

/// A deletion takes the segment's file first, so a kill amid it leaves the index.
fn remove_lone_indexes(disk: &dyn Disk, dir: &Path, names: &[String], bases: &[u64]) -> Result<(), QueueError> {
    let lone = |name: &&String| parse_index_name(name).is_some_and(|base| bases.binary_search(&base).is_err());
    for name in names.iter().filter(lone) {
        disk.remove(&dir.join(name)).at(&dir.join(name))?;
    }
    Ok(())
}

/// The partition's incarnation: from its file, else from its segments, else a new one.
fn incarnation(disk: &dyn Disk, dir: &Path, bases: &[u64]) -> Result<IncarnationId, QueueError> {
    let path = dir.join(PARTITION_NAME);
    if let Content::Payload(payload) = small_file::read(disk, &path)?
        && let Ok(file) = serde_json::from_slice::<PartitionFile>(&payload)
    {
        return Ok(file.incarnation);
    }
    let mut incarnation = IncarnationId(rand::random());
    for base in bases {
        let path = dir.join(log_name(*base));
        let file = disk.open(&path).at(&path)?;
        if let Ok(header) = read_header(&*file).at(&path)? {
            incarnation = header.incarnation;
            break;
        }
    }
    let payload = serde_json::to_vec(&PartitionFile { incarnation }).expect("an id is always JSON");
    small_file::replace(disk, dir, PARTITION_NAME, &payload)?;
    Ok(incarnation)
}

fn read_header(file: &dyn DiskFile) -> io::Result<Result<SegmentHeader, HeaderFault>> {
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    let read = file.read_at(&mut bytes, 0)?;
    Ok(SegmentHeader::decode(&bytes[..read]))
}

fn finish_deletion(disk: &dyn Disk, dir: &Path, bases: &mut Vec<u64>, log_start: u64) -> Result<(), QueueError> {
    let first_kept = bases
        .partition_point(|base| *base < log_start)
        .min(bases.len().saturating_sub(1));
    // A segment below the start is kept if it may reach above it: only the next one's base tells.
    let below = (0..first_kept).filter(|i| bases[i + 1] <= log_start).count();
    for base in bases.drain(..below) {
        let path = dir.join(log_name(base));
        disk.remove(&path).at(&path)?;
        match disk.remove(&dir.join(index_name(base))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at(dir),
            _ => {}
        }
    }
    if below > 0 { disk.sync_dir(dir).at(dir) } else { Ok(()) }
}

/// The last segment, put in order.
struct Tail {
    file: Arc<dyn DiskFile>,
    segment: Segment,
    end_offset: u64,
    index: Index,
}

struct Recovery<'a> {
    disk: &'a dyn Disk,
    dir: &'a Path,
    point: Option<SyncedPoint>,
    interval_bytes: u64,
}

impl Recovery<'_> {
    /// The segment that is appended to: the last one, or where offsets beyond it were given already, a new
    /// one behind it.
    fn active_segment(
        &self,
        tail: Option<Tail>,
        floor: u64,
        segments: &mut VecDeque<Segment>,
        header: &dyn Fn(u64) -> SegmentHeader,
    ) -> Result<Tail, QueueError> {
        let end = match tail {
            Some(tail) if tail.end_offset >= floor => return Ok(tail),
            Some(old) => {
                let SegmentHeader { topic, partition, .. } = header(floor);
                let end = old.end_offset;
                tracing::warn!(topic, partition, end, floor, "log ends early; offsets have a gap");
                segments.push_back(old.segment);
                end
            }
            None => 0,
        };
        let base = floor.max(end);
        let file = create_segment(self.disk, self.dir, &header(base)).at(self.dir)?;
        let segment = Segment {
            base,
            bytes: SEGMENT_HEADER_BYTES,
            sealed_ms: 0,
            writing: 0,
        };
        Ok(Tail {
            file,
            segment,
            end_offset: base,
            index: Index::default(),
        })
    }

    /// Takes the last base and recovers its segment. One whose creation was cut short is removed: the
    /// one before it is sealed, and the log goes on where the removed one began.
    fn last_segment(
        &self,
        bases: &mut Vec<u64>,
        floor: &mut u64,
        header: &dyn Fn(u64) -> SegmentHeader,
    ) -> Result<Option<Tail>, QueueError> {
        if let Some(base) = bases.pop() {
            let path = self.dir.join(log_name(base));
            let file = self.disk.open(&path).at(&path)?;
            match read_header(&*file).at(&path)? {
                Ok(found) if found.incarnation != header(base).incarnation => {
                    let expected = header(base).incarnation;
                    return Err(QueueError::OtherIncarnation {
                        expected,
                        found: found.incarnation,
                    });
                }
                Err(HeaderFault::Newer(found)) => {
                    return Err(QueueError::NewerFormat {
                        path,
                        found,
                        supported: FORMAT_VERSION,
                    });
                }
                Ok(_) => {}
                Err(HeaderFault::Damaged) if self.holds_data(base, &*file).at(&path)? => {
                    tracing::warn!(path = %path.display(), "segment header was damaged; written anew");
                    file.write_all_at(&header(base).encode(), 0).at(&path)?;
                    file.sync().at(&path)?;
                }
                Err(HeaderFault::Damaged) => {
                    self.disk.remove(&path).at(&path)?;
                    self.disk.sync_dir(self.dir).at(self.dir)?;
                    *floor = base.max(*floor);
                    return Ok(None);
                }
            }
            return self.tail(base, file).at(&path).map(Some);
        }
        Ok(None)
    }

    /// Whether a segment with a bad header holds batches, so that it is damaged and not half made.
    fn holds_data(&self, base: u64, file: &dyn DiskFile) -> io::Result<bool> {
        let len = file.len()?;
        let mut walk = Walk::new(file, (SEGMENT_HEADER_BYTES, base), (len, u64::MAX), 0);
        let synced = self
            .point
            .is_some_and(|point| point.segment == base && point.bytes > SEGMENT_HEADER_BYTES);
        Ok(len > SEGMENT_HEADER_BYTES && (synced || matches!(walk.step()?, Step::Batch(_))))
    }

    fn tail(&self, base: u64, file: Arc<dyn DiskFile>) -> io::Result<Tail> {
        let len = file.len()?;
        let mut from = (SEGMENT_HEADER_BYTES, base);
        if let Some(point) = self.point.filter(|point| point.segment == base) {
            if point.bytes > len {
                // Synced bytes are gone: this is damage, left as it is. The log goes on elsewhere.
                let segment = Segment {
                    base,
                    bytes: len,
                    sealed_ms: 0,
                    writing: 0,
                };
                return Ok(Tail {
                    file,
                    segment,
                    end_offset: base,
                    index: Index::default(),
                });
            }
            from = (point.bytes, point.end_offset);
        }
        let mut index = Index::default();
        let mut walk = Walk::new(&*file, from, (len, u64::MAX), 1 << 20);
        let mut rewritten = false;
        while let Step::Batch(batch) = walk.step()? {
            file.write_all_at(&batch.bytes, batch.at)?;
            rewritten = true;
            index.add(batch.base_offset, batch.at, self.interval_bytes);
        }
        let (bytes, end_offset) = (walk.at, walk.expected);
        if bytes < len {
            tracing::info!(base, cut_bytes = len - bytes, "torn tail cut");
            file.truncate(bytes)?;
        }
        if rewritten || bytes < len {
            file.sync()?;
        }
        let segment = Segment {
            base,
            bytes,
            sealed_ms: 0,
            writing: 0,
        };
        Ok(Tail {
            file,
            segment,
            end_offset,
            index,
        })
    }

    fn sealed_segments(&self, bases: &[u64]) -> Result<VecDeque<Segment>, QueueError> {
        let mut segments = VecDeque::with_capacity(bases.len() + 1);
        for &base in bases {
            let path = self.dir.join(log_name(base));
            let bytes = self.disk.open(&path).and_then(|file| file.len()).at(&path)?;
            segments.push_back(Segment {
                base,
                bytes,
                sealed_ms: 0,
                writing: 0,
            });
        }
        Ok(segments)
    }
}

/// Reads the batches since the ends were saved.
fn complete_ends(partition: &Partition) -> Result<(), QueueError> {
    let (start, end) = partition.bounds();
    let mut offset = partition.ends.lock().up_to.max(start);
    let seen_s = partition.now_ms() / 1000;
    while offset < end {
        let fetched = partition.read(offset, REBUILD_READ_BYTES)?;
        let mut ends = partition.ends.lock();
        for batch in &fetched.batches {
            let Ok((header, meta)) = verify(batch, partition.common.options.unpacked_bytes_max) else {
                continue;
            };
            if let Some(generation) = meta.generation {
                let last_offset = header.base_offset.max(0) as u64;
                ends.advance(
                    generation,
                    End {
                        end: meta.range.1,
                        last_offset,
                        seen_s,
                    },
                );
            }
        }
        offset = fetched.next_offset;
    }
    let mut ends = partition.ends.lock();
    ends.up_to = end;
    ends.log_start = ends.log_start.max(start);
    Ok(())
}
