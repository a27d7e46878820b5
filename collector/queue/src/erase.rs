//! Taking what records said out of a partition, at equal offsets.
//!
//! A segment that holds such records is written anew beside its file: batches without them as they are, the
//! others as [`LogBatch::without`] leaves them. The new file is synced and takes the old one's name, and the
//! directory is synced; a start removes one that a crash left beside. Offsets, ranges of generations and what
//! counts as a duplicate stay as they were. Readers that have the old file open read on in it; what is looked
//! up from then on is of the new one.
//!
//! Of a damaged place that may hold such a record nothing can be told apart: its bytes become zero.
//!
//! The blocks of the old file are free then. What a file system does with them is its own affair.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use timberline_proto::batch::LogBatch;
use timberline_proto::crash::{Point, reached};
use timberline_proto::id::IncarnationId;

use crate::append::AppendError;
use crate::disk::{Disk, DiskFile};
use crate::error::{At, QueueError};
use crate::index::Index;
use crate::partition::Partition;
use crate::queue::Queue;
use crate::read::View;
use crate::segment::{SEGMENT_HEADER_BYTES, Segment, log_name};
use crate::small_file::TEMPORARY_SUFFIX;
use crate::walk::{Step, Walk};

/// Of batches that are packed anew.
const ZSTD_LEVEL: i32 = 3;
const READ_BYTES: u64 = 4 << 20;
/// So much is written at once.
const WRITE_BYTES: usize = 4 << 20;

/// What was taken out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Records that said something before.
    pub records: u64,
    /// Records that said nothing any more.
    pub already: u64,
    /// Offsets that are not held: deleted, lost, or not yet given.
    pub missing: u64,
    /// Segments that were written anew.
    pub segments: u64,
}

/// Why nothing, or not all, was taken out; what was stays out. Each is a decision for the caller.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Something copies the queue's files: try again when it is done.
    #[error("a backup copies the queue's files: erasing waits until it is done")]
    Held,
    /// The segment that is written to cannot be sealed: try again when appending works.
    #[error("the segment that is written to cannot be sealed: {0}")]
    Unsealed(#[from] AppendError),
    /// No such partition, or the disk said no.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Queue {
    /// Takes out of a partition what the records at these offsets said; offsets that are not held are counted
    /// and passed over. Durable on return: no file of the partition holds it. Blocks; one at a time.
    ///
    /// # Errors
    /// [`EraseError`]
    pub fn erase(
        &self,
        topic: &str,
        partition: u32,
        incarnation: IncarnationId,
        gone: &BTreeSet<u64>,
    ) -> Result<Erased, EraseError> {
        let partition = self.partition(topic, partition)?;
        let _one = self.erasing();
        if incarnation != partition.incarnation {
            return Err(EraseError::Queue(QueueError::OtherIncarnation {
                expected: incarnation,
                found: partition.incarnation,
            }));
        }
        if self.deletions_held().load(Ordering::SeqCst) > 0 {
            return Err(EraseError::Held);
        }
        let (start, end) = partition.bounds();
        let wanted: BTreeSet<u64> = gone.range(start..end.max(start)).copied().collect();
        let mut erased = Erased {
            missing: (gone.len() - wanted.len()) as u64,
            ..Erased::default()
        };
        let Some(&last) = wanted.last() else {
            return Ok(erased);
        };
        if partition.active_base() <= last {
            partition.seal_active()?;
        }
        for view in partition.sealed_views() {
            let (base, behind) = (view.segment.base, view.end_offset);
            let here = wanted.range(base..behind.max(base)).count() as u64;
            if here == 0 {
                continue;
            }
            let rewritten = partition.erase_in(view, &wanted)?;
            erased.records += rewritten.records;
            erased.missing += rewritten.missing;
            erased.already += here.saturating_sub(rewritten.records + rewritten.missing);
            erased.segments += u64::from(rewritten.is_new);
        }
        if erased.already > 0 {
            // Whoever erased these may have broken off behind the rename.
            let disk = &partition.common.disk;
            disk.sync_dir(&partition.dir).at(&partition.dir)?;
        }
        Ok(erased)
    }
}

/// What became of one segment.
#[derive(Default)]
struct Rewritten {
    records: u64,
    missing: u64,
    is_new: bool,
    index: Index,
}

impl Partition {
    fn active_base(&self) -> u64 {
        let log = self.log.lock();
        log.segments.back().map_or(log.end_offset, |segment| segment.base)
    }

    fn seal_active(&self) -> Result<(), AppendError> {
        let (sealed, waiting) = mpsc::sync_channel(1);
        let is_gone = || AppendError::Failed("its writer is gone".to_owned());
        if !self.inbox.put_seal(sealed) {
            return Err(is_gone());
        }
        waiting.recv().map_err(|_| is_gone())?
    }

    /// Every sealed segment.
    fn sealed_views(&self) -> Vec<View> {
        let log = self.log.lock();
        let pairs = log.segments.iter().zip(log.segments.iter().skip(1));
        let views = pairs.map(|(segment, next)| View {
            segment: *segment,
            end_offset: next.base,
            sealed: true,
        });
        views.collect()
    }

    /// Writes a segment anew without what these records said, if any of them is in it.
    fn erase_in(&self, view: View, gone: &BTreeSet<u64>) -> Result<Rewritten, QueueError> {
        let disk = &*self.common.disk;
        let path = self.dir.join(log_name(view.segment.base));
        let file = match disk.open(&path) {
            // Retention was here first.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Rewritten::default()),
            opened => opened.at(&path)?,
        };
        let mut copy = Copy::new(disk, &*file, &path);
        let done = self.copy_without(view, &*file, gone, &mut copy).at(&path);
        let mut rewritten = match done {
            Ok(rewritten) => rewritten,
            Err(error) => {
                copy.give_up();
                return Err(error);
            }
        };
        if copy.to.is_none() {
            return Ok(rewritten);
        }
        let sealed_ms = match view.segment.sealed_ms {
            0 => Index::load(disk, &self.dir, self.incarnation, &view.segment).map_or(0, |index| index.sealed_ms),
            known => known,
        };
        let bytes = copy.finish()?;
        rewritten.index.sealed_ms = sealed_ms;
        rewritten.is_new = self.put_in_place(view, &copy.temporary, &path, bytes)?;
        if let Some(segment) = self
            .segment(view.segment.base)
            .filter(|_| rewritten.is_new && sealed_ms > 0)
        {
            rewritten.index.save(disk, &self.dir, self.incarnation, &segment);
        }
        Ok(rewritten)
    }

    fn copy_without(
        &self,
        view: View,
        file: &dyn DiskFile,
        gone: &BTreeSet<u64>,
        copy: &mut Copy<'_>,
    ) -> io::Result<Rewritten> {
        let mut rewritten = Rewritten::default();
        let from = (SEGMENT_HEADER_BYTES, view.segment.base);
        let mut walk = Walk::new(file, from, (view.segment.bytes, view.end_offset), READ_BYTES);
        loop {
            match walk.step()? {
                Step::Batch(batch) => {
                    let of_batch = batch.base_offset..batch.next_offset();
                    let without = match gone.range(of_batch).next() {
                        None => None,
                        Some(_) => LogBatch::parse(&batch.bytes, self.common.options.unpacked_bytes_max)
                            .and_then(|parsed| parsed.without(|offset| gone.contains(&offset), ZSTD_LEVEL))
                            .map_err(io::Error::other)?,
                    };
                    let interval_bytes = self.common.options.index_interval_bytes;
                    let index = &mut rewritten.index;
                    index.add(batch.base_offset, copy.place_of(batch.at), interval_bytes);
                    match without {
                        None => copy.keep(&batch.bytes)?,
                        Some(without) => {
                            rewritten.records += without.records;
                            copy.change(batch.at, &without.bytes)?;
                        }
                    }
                }
                Step::Damaged => {
                    let (at, offset) = (walk.at, walk.expected);
                    walk.skip_damage()?;
                    let bytes = usize::try_from(walk.at - at).map_err(io::Error::other)?;
                    let lost = gone.range(offset..walk.expected.max(offset)).count() as u64;
                    rewritten.missing += lost;
                    let mut damaged = vec![0; bytes];
                    file.read_at(&mut damaged, at)?;
                    if lost > 0 && damaged.iter().any(|byte| *byte != 0) {
                        copy.change(at, &vec![0; bytes])?;
                    } else {
                        copy.keep(&damaged)?;
                    }
                }
                Step::End => return Ok(rewritten),
            }
        }
    }

    /// Lets the file at `temporary`, which is durable, be the segment. False if the segment is gone meanwhile.
    fn put_in_place(&self, view: View, temporary: &Path, path: &Path, bytes: u64) -> Result<bool, QueueError> {
        let disk = &*self.common.disk;
        let _alone = self.replacing.write();
        if self.segment(view.segment.base).is_none() {
            disk.remove(temporary).at(temporary)?;
            return Ok(false);
        }
        reached(Point::SegmentRewritten);
        disk.rename(temporary, path).at(path)?;
        reached(Point::SegmentReplaced);
        let mut log = self.log.lock();
        let mut segments = log.segments.iter_mut();
        if let Some(known) = segments.find(|segment| segment.base == view.segment.base) {
            known.bytes = bytes;
            known.writing += 1;
        }
        drop(log);
        self.common.usage.add(bytes);
        self.common.usage.release(view.segment.bytes);
        disk.sync_dir(&self.dir).at(&self.dir)?;
        Ok(true)
    }

    fn segment(&self, base: u64) -> Option<Segment> {
        let log = self.log.lock();
        log.segments.iter().find(|segment| segment.base == base).copied()
    }
}

/// The new file: nothing as long as all is as it was.
struct Copy<'a> {
    disk: &'a dyn Disk,
    from: &'a dyn DiskFile,
    path: &'a Path,
    temporary: PathBuf,
    to: Option<Arc<dyn DiskFile>>,
    /// Bytes written.
    bytes: u64,
    buffer: Vec<u8>,
}

impl<'a> Copy<'a> {
    fn new(disk: &'a dyn Disk, from: &'a dyn DiskFile, path: &'a Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(TEMPORARY_SUFFIX);
        Self {
            disk,
            from,
            path,
            temporary: PathBuf::from(name),
            to: None,
            bytes: 0,
            buffer: Vec::new(),
        }
    }

    /// Where what stood at `at` of the old file, and comes next, stands in the new one.
    fn place_of(&self, at: u64) -> u64 {
        match self.to {
            None => at,
            Some(_) => self.bytes + self.buffer.len() as u64,
        }
    }

    /// What follows is as in the old file.
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.to {
            None => Ok(()),
            Some(_) => self.put(bytes),
        }
    }

    /// What stands at `at` of the old file is these bytes now.
    fn change(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if self.to.is_none() {
            self.to = Some(self.disk.create(&self.temporary)?);
            let mut copied = 0;
            while copied < at {
                let mut piece = vec![0; (at - copied).min(WRITE_BYTES as u64) as usize];
                if self.from.read_at(&mut piece, copied)? < piece.len() {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                }
                copied += piece.len() as u64;
                self.put(&piece)?;
            }
        }
        self.put(bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        match self.buffer.len() >= WRITE_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(to) = &self.to {
            to.write_all_at(&self.buffer, self.bytes)?;
            self.bytes += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Makes it durable; its length.
    fn finish(&mut self) -> Result<u64, QueueError> {
        let synced = self.flush().and_then(|()| match &self.to {
            Some(to) => to.sync(),
            None => Ok(()),
        });
        if let Err(error) = synced {
            self.give_up();
            return Err(error).at(self.path);
        }
        Ok(self.bytes)
    }

    /// Takes away what was made of it; where that fails, the next start does.
    fn give_up(&self) {
        if self.to.is_some()
            && let Err(error) = self.disk.remove(&self.temporary)
        {
            tracing::warn!(path = %self.temporary.display(), %error, "left beside its segment until the next start");
        }
    }
}
