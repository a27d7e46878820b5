//! Deleting old segments: sealed ones only, from the oldest on, and only what every required group
//! has taken. The ends of generations and the new log start are durable before the first unlink.

use std::io;
use std::sync::Arc;

use timberline_proto::crash::{Point, reached};

use crate::error::{At, QueueError};
use crate::index::Index;
use crate::partition::Partition;
use crate::segment::{Segment, index_name, log_name};

/// Deletes what age and size allow; gives the bytes freed. The oldest sealed segment of any
/// partition goes first.
pub(crate) fn enforce(partitions: &[Arc<Partition>], now_ms: u64) -> Result<u64, QueueError> {
    let mut freed_bytes = 0;
    loop {
        let sealed_bytes: u64 = partitions.iter().map(|partition| partition.sealed_bytes()).sum();
        let oldest = partitions
            .iter()
            .filter_map(|partition| Some((partition, partition.first_deletable()?)))
            .min_by_key(|(_, segment)| segment.sealed_ms);
        let Some((partition, segment)) = oldest else {
            break;
        };
        let options = &partition.common.options;
        let aged = u128::from(now_ms.saturating_sub(segment.sealed_ms)) > options.retention_age.as_millis();
        if !aged && sealed_bytes <= options.retention_bytes {
            break;
        }
        freed_bytes += partition.delete_first(segment, now_ms)?;
    }
    Ok(freed_bytes)
}

impl Partition {
    fn sealed_bytes(&self) -> u64 {
        let log = self.log.lock();
        let sealed = log.segments.len().saturating_sub(1);
        log.segments.iter().take(sealed).map(|segment| segment.bytes).sum()
    }

    /// The oldest segment, if it is sealed and all required groups are beyond it.
    fn first_deletable(&self) -> Option<Segment> {
        let (mut first, next_base) = {
            let log = self.log.lock();
            (*log.segments.front()?, log.segments.get(1)?.base)
        };
        let taken = self.positions.lowest(&self.common.options.required_groups);
        if taken.is_some_and(|taken| taken < next_base) {
            return None;
        }
        if first.sealed_ms == 0 {
            let saved = Index::load(&*self.common.disk, &self.dir, self.incarnation, &first);
            // Without a time of sealing its age counts from now on.
            first.sealed_ms = saved.map_or_else(|| self.now_ms(), |index| index.sealed_ms).max(1);
            if let Some(known) = self
                .log
                .lock()
                .segments
                .front_mut()
                .filter(|known| known.base == first.base)
            {
                known.sealed_ms = first.sealed_ms;
            }
        }
        Some(first)
    }

    fn delete_first(&self, segment: Segment, now_ms: u64) -> Result<u64, QueueError> {
        let next_base = self.log.lock().segments.get(1).map_or(segment.base, |next| next.base);
        let ttl = self.common.options.generation_ttl;
        self.save_ends(|ends| {
            ends.log_start = ends.log_start.max(next_base);
            ends.expire(now_ms / 1000, ttl);
        })?;
        reached(Point::DeletionNoted);
        let _alone = self.replacing.write();
        // Readers stop finding it before it goes; those that have it open read on.
        let Some(segment) = self.log.lock().segments.pop_front() else {
            return Ok(0);
        };
        self.common.usage.release(segment.bytes);
        let disk = &self.common.disk;
        for (name, point) in [
            (log_name(segment.base), Point::LogRemoved),
            (index_name(segment.base), Point::IndexRemoved),
        ] {
            match disk.remove(&self.dir.join(&name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at(&self.dir.join(name)),
                _ => reached(point),
            }
        }
        disk.sync_dir(&self.dir).at(&self.dir)?;
        Ok(segment.bytes)
    }
}
