//! The frame of every file but the segments: `"TBQF"`, version u32, payload length u32, CRC-32C
//! u32 of the twelve bytes before and the payload, payload. Numbers are little-endian.
//!
//! A file is replaced whole: written beside, synced, renamed, directory synced.

use std::io;
use std::path::Path;

use timberline_proto::crash::{Point, reached};

use crate::disk::Disk;
use crate::error::{At, QueueError};

pub(crate) const FORMAT_VERSION: u32 = 1;
const MAGIC: [u8; 4] = *b"TBQF";
const FRAME_BYTES: usize = 16;
/// What a damaged length field could make us read.
const FILE_BYTES_MAX: u64 = 1 << 30;
pub(crate) const TEMPORARY_SUFFIX: &str = ".tmp";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Missing,
    Damaged,
    Payload(Vec<u8>),
}

/// Replaces the file. Durable on return.
pub(crate) fn replace(disk: &dyn Disk, dir: &Path, name: &str, payload: &[u8]) -> Result<(), QueueError> {
    let path = dir.join(name);
    let temporary = dir.join(format!("{name}{TEMPORARY_SUFFIX}"));
    let file = disk.create(&temporary).at(&temporary)?;
    file.write_all_at(&frame(payload), 0).at(&temporary)?;
    file.sync().at(&temporary)?;
    let points = crash_points(name);
    reached(points.0);
    disk.rename(&temporary, &path).at(&path)?;
    reached(points.1);
    disk.sync_dir(dir).at(dir)
}

/// Where a process may die: before and after the rename.
fn crash_points(name: &str) -> (Point, Point) {
    match name {
        "meta" => (Point::MetaSynced, Point::MetaRenamed),
        "clean" => (Point::CleanSynced, Point::CleanRenamed),
        "topic" => (Point::TopicSynced, Point::TopicRenamed),
        "partition" => (Point::PartitionSynced, Point::PartitionRenamed),
        "ends" => (Point::EndsSynced, Point::EndsRenamed),
        _ => (Point::PositionsSynced, Point::PositionsRenamed),
    }
}

/// Writes the file in place without syncing: for what can be made again.
pub(crate) fn write_rebuildable(disk: &dyn Disk, path: &Path, payload: &[u8]) -> io::Result<()> {
    let file = disk.create(path)?;
    reached(Point::IndexCreated);
    file.write_all_at(&frame(payload), 0)?;
    reached(Point::IndexWritten);
    Ok(())
}

/// Reads the file.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> Result<Content, QueueError> {
    let file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::Missing),
        Err(error) => return Err(error).at(path),
    };
    let len = file.len().at(path)?;
    if len < FRAME_BYTES as u64 || len > FILE_BYTES_MAX {
        return Ok(Content::Damaged);
    }
    let mut bytes = vec![0; len as usize];
    if file.read_at(&mut bytes, 0).at(path)? < bytes.len() {
        return Ok(Content::Damaged);
    }
    let (head, payload) = bytes.split_at(FRAME_BYTES);
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head[..12]), payload);
    if head[..4] != MAGIC || word(8) as usize != payload.len() || word(12) != crc {
        return Ok(Content::Damaged);
    }
    match word(4) {
        found if found > FORMAT_VERSION => Err(QueueError::NewerFormat {
            path: path.to_owned(),
            found,
            supported: FORMAT_VERSION,
        }),
        _ => Ok(Content::Payload(bytes.split_off(FRAME_BYTES))),
    }
}

pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    frame_with_version(payload, FORMAT_VERSION)
}

pub(crate) fn frame_with_version(payload: &[u8], version: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(FRAME_BYTES + payload.len());
    bytes.extend(MAGIC);
    bytes.extend(version.to_le_bytes());
    bytes.extend((payload.len() as u32).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes), payload);
    bytes.extend(crc.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}
