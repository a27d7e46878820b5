//! The recovery point, file `synced`: up to where the log is known to be on disk. Below it a bad
//! batch is damage; above it, a torn tail.
//!
//! Two slots, at bytes 0 and 512, written in turn after each commit: sequence u64, segment's base
//! offset u64, synced bytes u64, end offset u64, CRC-32C u32 of these. The valid slot with the
//! higher sequence counts. It is written after the fsync that it speaks of, so it is true whenever
//! it is there; it is itself synced only now and then, so it may be behind.

use std::io;
use std::path::Path;
use std::sync::Arc;

use timberline_proto::crash::{Point, reached};

use crate::disk::{Disk, DiskFile};

const SYNCED_NAME: &str = "synced";
const SLOT_DISTANCE: u64 = 512;
const SLOT_BYTES: usize = 36;
/// After so many bytes of log the file is synced too: what a start reads again after a power cut.
const SYNC_INTERVAL_BYTES: u64 = 16 << 20;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SyncedPoint {
    pub(crate) segment: u64,
    pub(crate) bytes: u64,
    pub(crate) end_offset: u64,
}

#[derive(Debug)]
pub(crate) struct SyncedFile {
    file: Arc<dyn DiskFile>,
    sequence: u64,
    since_sync_bytes: u64,
}

impl SyncedFile {
    pub(crate) fn open(disk: &dyn Disk, dir: &Path) -> io::Result<(Self, Option<SyncedPoint>)> {
        let path = dir.join(SYNCED_NAME);
        let file = match disk.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = disk.create(&path)?;
                file.write_all_at(&[0; SLOT_DISTANCE as usize * 2], 0)?;
                file.sync()?;
                disk.sync_dir(dir)?;
                file
            }
            Err(error) => return Err(error),
        };
        let mut best = None;
        for slot in 0..2 {
            let mut bytes = [0; SLOT_BYTES];
            if file.read_at(&mut bytes, slot * SLOT_DISTANCE)? == SLOT_BYTES {
                best = best.max(decode(&bytes));
            }
        }
        let sequence = best.map_or(0, |(sequence, ..)| sequence);
        let point = best.map(|(_, segment, bytes, end_offset)| SyncedPoint {
            segment,
            bytes,
            end_offset,
        });
        Ok((
            Self {
                file,
                sequence,
                since_sync_bytes: 0,
            },
            point,
        ))
    }

    /// Notes what an fsync has made durable. A failure costs only time at the next start.
    pub(crate) fn record(&mut self, point: SyncedPoint, written_bytes: u64) {
        self.sequence += 1;
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        for word in [self.sequence, point.segment, point.bytes, point.end_offset] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        self.since_sync_bytes += written_bytes;
        let due = self.since_sync_bytes >= SYNC_INTERVAL_BYTES;
        let written = self.file.write_all_at(&bytes, self.sequence % 2 * SLOT_DISTANCE);
        reached(Point::RecoveryPointWritten);
        if let Err(error) = written.and_then(|()| if due { self.sync() } else { Ok(()) }) {
            tracing::warn!(%error, "recovery point not written; the next start reads more of the log");
        }
    }

    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.since_sync_bytes = 0;
        self.file.sync()?;
        reached(Point::RecoveryPointSynced);
        Ok(())
    }
}

fn decode(bytes: &[u8; SLOT_BYTES]) -> Option<(u64, u64, u64, u64)> {
    let word = |i: usize| u64::from_le_bytes(std::array::from_fn(|k| bytes[i * 8 + k]));
    let crc = u32::from_le_bytes(std::array::from_fn(|k| bytes[32 + k]));
    (crc == crc32c::crc32c(&bytes[..32]) && word(0) > 0).then(|| (word(0), word(1), word(2), word(3)))
}
