//! Reading a partition from any offset, past what is damaged.

use std::io;
use std::sync::Arc;

use crate::disk::DiskFile;
use crate::error::{At, QueueError};
use crate::index::{Index, IndexEntry};
use crate::info::Fetched;
use crate::partition::{Partition, Writing};
use crate::segment::{SEGMENT_HEADER_BYTES, Segment, log_name};
use crate::walk::{Step, Walk};

/// So many readers go on without a look into an index.
const HINTS_MAX: usize = 16;
/// Beyond so many damaged places, each meeting counts.
const DAMAGED_PLACES_MAX: usize = 1024;

/// A segment to read: its durable bytes, and the offset where the next one begins or the log ends.
#[derive(Clone, Copy)]
pub(crate) struct View {
    pub(crate) segment: Segment,
    pub(crate) end_offset: u64,
    pub(crate) sealed: bool,
}

impl Partition {
    pub(crate) fn read(&self, offset: u64, bytes_max: u64) -> Result<Fetched, QueueError> {
        let mut fetched = Fetched {
            batches: Vec::new(),
            next_offset: offset,
            end_offset: 0,
        };
        loop {
            let (view, path, file) = {
                let _as_it_is = self.replacing.read();
                let Some(view) = self.view(fetched.next_offset, &mut fetched.end_offset)? else {
                    return Ok(fetched);
                };
                let path = self.dir.join(log_name(view.segment.base));
                let file = self.common.disk.open(&path).at(&path)?;
                (view, path, file)
            };
            self.read_segment(&*file, view, bytes_max, &mut fetched).at(&path)?;
            if !fetched.batches.is_empty() {
                return Ok(fetched);
            }
        }
    }

    /// The segment that holds `offset`; none at the end of the log.
    fn view(&self, offset: u64, end_offset: &mut u64) -> Result<Option<View>, QueueError> {
        let log = self.log.lock();
        let (start, end) = (log.start_offset(), log.end_offset);
        *end_offset = end;
        if offset < start || offset > end {
            return Err(QueueError::OutOfRange { offset, start, end });
        }
        if offset == end {
            return Ok(None);
        }
        let i = log.segments.partition_point(|segment| segment.base <= offset) - 1;
        let next = log.segments.get(i + 1);
        let end_offset = next.map_or(end, |next| next.base);
        Ok(Some(View {
            segment: log.segments[i],
            end_offset,
            sealed: next.is_some(),
        }))
    }

    /// Adds what one segment has from `fetched.next_offset` on.
    fn read_segment(&self, file: &dyn DiskFile, view: View, bytes_max: u64, fetched: &mut Fetched) -> io::Result<()> {
        let wanted = fetched.next_offset;
        let from = self.seek(file, view, wanted)?;
        let end = (view.segment.bytes, view.end_offset);
        let mut walk = Walk::new(file, (from.at, from.offset), end, bytes_max);
        let mut taken_bytes = 0;
        loop {
            match walk.step()? {
                Step::Batch(batch) if batch.next_offset() <= wanted => {}
                Step::Batch(batch) => {
                    let batch_bytes = batch.header.total_bytes;
                    if !fetched.batches.is_empty() && taken_bytes + batch_bytes > bytes_max {
                        break;
                    }
                    taken_bytes += batch_bytes;
                    fetched.next_offset = batch.next_offset();
                    self.remember(fetched.next_offset, view.segment.writing(), walk.at);
                    fetched.batches.push(batch.bytes);
                }
                Step::Damaged => {
                    self.count_damage(view.segment.writing(), walk.at);
                    walk.skip_damage()?;
                    fetched.next_offset = fetched.next_offset.max(walk.expected);
                }
                Step::End => {
                    fetched.next_offset = view.end_offset;
                    break;
                }
            }
        }
        Ok(())
    }

    /// A batch at or before `offset` to begin with.
    fn seek(&self, file: &dyn DiskFile, view: View, offset: u64) -> io::Result<IndexEntry> {
        let (base, writing) = (view.segment.base, view.segment.writing());
        let hint = self
            .reading
            .lock()
            .hints
            .iter()
            .find(|hint| (hint.0, hint.1) == (offset, writing))
            .copied();
        if let Some((offset, _, at)) = hint {
            return Ok(IndexEntry { offset, at });
        }
        let start = IndexEntry {
            offset: base,
            at: SEGMENT_HEADER_BYTES,
        };
        if !view.sealed {
            return Ok(self
                .log
                .lock()
                .active_index
                .seek(offset)
                .filter(|entry| entry.offset >= base)
                .unwrap_or(start));
        }
        let index = self.sealed_index(file, view)?;
        let Some(entry) = index.seek(offset) else {
            return Ok(start);
        };
        let end = (view.segment.bytes, view.end_offset);
        if matches!(
            Walk::new(file, (entry.at, entry.offset), end, 0).step()?,
            Step::Batch(_)
        ) {
            return Ok(entry);
        }
        // The entry's batch is damaged or the index is wrong; the log itself decides.
        let index = self.rebuild_index(file, view)?;
        Ok(index.seek(offset).unwrap_or(start))
    }

    fn sealed_index(&self, file: &dyn DiskFile, view: View) -> io::Result<Arc<Index>> {
        let cached = self
            .reading
            .lock()
            .index
            .clone()
            .filter(|(writing, _)| *writing == view.segment.writing());
        if let Some((_, index)) = cached {
            return Ok(index);
        }
        match Index::load(&*self.common.disk, &self.dir, self.incarnation, &view.segment) {
            Some(index) => Ok(self.cache_index(view.segment.writing(), index)),
            None => self.rebuild_index(file, view),
        }
    }

    fn rebuild_index(&self, file: &dyn DiskFile, view: View) -> io::Result<Arc<Index>> {
        let mut index = Index {
            entries: Vec::new(),
            sealed_ms: self.now_ms(),
        };
        let from = (SEGMENT_HEADER_BYTES, view.segment.base);
        let mut walk = Walk::new(file, from, (view.segment.bytes, view.end_offset), 1 << 20);
        loop {
            match walk.step()? {
                Step::Batch(batch) => {
                    index.add(batch.base_offset, batch.at, self.common.options.index_interval_bytes);
                }
                Step::Damaged => {
                    self.count_damage(view.segment.writing(), walk.at);
                    walk.skip_damage()?;
                }
                Step::End => break,
            }
        }
        index.save(&*self.common.disk, &self.dir, self.incarnation, &view.segment);
        Ok(self.cache_index(view.segment.writing(), index))
    }

    fn cache_index(&self, writing: Writing, index: Index) -> Arc<Index> {
        let index = Arc::new(index);
        self.reading.lock().index = Some((writing, index.clone()));
        index
    }

    fn remember(&self, offset: u64, writing: Writing, at: u64) {
        let hints = &mut self.reading.lock().hints;
        hints.retain(|hint| hint.0 != offset);
        if hints.len() == HINTS_MAX {
            hints.pop_front();
        }
        hints.push_back((offset, writing, at));
    }

    fn count_damage(&self, writing: Writing, at: u64) {
        let reading = &mut *self.reading.lock();
        if reading.damaged.len() >= DAMAGED_PLACES_MAX || reading.damaged.insert((writing, at)) {
            reading.damaged_batches = reading.damaged_batches.saturating_add(1);
            let (topic, partition) = (&self.topic, self.number);
            tracing::error!(
                topic,
                partition,
                segment = writing.0,
                at,
                "damaged batch skipped; its records are lost"
            );
        }
    }
}
