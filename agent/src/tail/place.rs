//! Where an offset stands among a file's lines.

use std::fs::File;
use std::io;

use crate::identity::read_at;
use crate::lines::{Encoding, Endian, HOLE_INSIDE_BYTES_MIN, Place};

/// The state of the cutter at `offset`, which may lie inside a long line: counts its parts by
/// reading back to the line's start, which may be the end of a hole, at most to `floor`.
pub(crate) fn place_at(
    file: &File,
    offset: u64,
    floor: Place,
    part_bytes: u64,
    encoding: Encoding,
) -> io::Result<Place> {
    if let Some(endian) = encoding.wide() {
        return wide_place_at(file, offset, floor, part_bytes, endian);
    }
    // As the reader cuts them.
    let part_bytes = if encoding.is_plain() {
        part_bytes
    } else {
        part_bytes / 2
    };
    let mut at = offset;
    let mut bytes = vec![0; 64 << 10];
    while at > floor.offset {
        let len = (at - floor.offset).min(bytes.len() as u64) as usize;
        let n = read_at(file, &mut bytes[..len], at - len as u64)?;
        let newline = memchr::memrchr(b'\n', &bytes[..n]);
        if let Some(before) = newline.max(hole_end(&bytes[..n])) {
            let line_start = at - len as u64 + before as u64 + 1;
            return Ok(Place {
                offset,
                part: ((offset - line_start) / part_bytes) as u32,
            });
        }
        at -= len as u64;
    }
    let parts = (offset - floor.offset.min(offset)) / part_bytes;
    Ok(Place {
        offset,
        part: floor.part + parts as u32,
    })
}

/// The last byte of the last run of NULs that is no part of a line.
fn hole_end(bytes: &[u8]) -> Option<usize> {
    let mut end = memchr::memrchr(0, bytes)?;
    loop {
        let run = bytes[..=end].iter().rev().take_while(|byte| **byte == 0).count();
        if run >= HOLE_INSIDE_BYTES_MIN {
            return Some(end);
        }
        end = memchr::memrchr(0, &bytes[..end + 1 - run])?;
    }
}

/// As [`place_at`], in UTF-16. A part may be a character shorter than the others.
fn wide_place_at(file: &File, offset: u64, floor: Place, part_bytes: u64, endian: Endian) -> io::Result<Place> {
    let part_bytes = (part_bytes / 2) & !1;
    let mut at = offset;
    let mut bytes = vec![0; 64 << 10];
    let mut line = floor;
    while at > floor.offset {
        let start = at.saturating_sub(bytes.len() as u64 - 1).max(floor.offset);
        let start = start + start % 2;
        if start >= at {
            break;
        }
        let n = read_at(file, &mut bytes[..(at - start) as usize], start)?;
        if let Some(end) = endian.last_newline_end(&bytes[..n]) {
            line = Place {
                offset: start + end as u64,
                part: 0,
            };
            break;
        }
        at = start;
    }
    let parts = (offset - line.offset.min(offset)).div_ceil(part_bytes.max(2));
    let within = offset > line.offset;
    Ok(Place {
        offset,
        part: if within { line.part + parts as u32 } else { line.part },
    })
}
