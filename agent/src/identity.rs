//! Is this still the file that was read before?
//!
//! Three things are kept and all are checked before an offset is used again:
//! 1. `(dev, ino, birth time)`, where the filesystem gives a birth time;
//! 2. the *prefix*: length (up to 1,024) and hash of the file's first bytes; it grows with the
//!    file, so that files of any size are told apart from their first byte on;
//! 3. the *marker*: hash of the up to 64 bytes before the offset. Only it sees a file that was
//!    truncated and filled again beyond the offset.
//!
//! Any difference means another generation, but for one: a device may be numbered anew when it is
//! mounted again (network and overlay filesystems, a restart of the machine). A file with the same
//! inode and birth time on another device, or, without birth times, under the same path, is the
//! same if prefix and marker say so ([`Stat::device_renumbered`]).

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

pub(crate) const PREFIX_BYTES_MAX: usize = 1024;
pub(crate) const MARKER_BYTES_MAX: usize = 64;
/// A file that is written anew faster than it can be read is left for later.
const SETTLE_TRIES_MAX: usize = 8;

/// The place of a file in its filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Inode {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
}

/// What the filesystem says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) inode: Inode,
    /// Birth time, nanoseconds; 0 where the filesystem has none.
    pub(crate) btime: i64,
    pub(crate) size: u64,
    /// Modification time, nanoseconds.
    pub(crate) mtime: i64,
    pub(crate) links: u64,
}

impl From<&Metadata> for Stat {
    fn from(meta: &Metadata) -> Self {
        let btime = meta
            .created()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            inode: Inode {
                dev: meta.dev(),
                ino: meta.ino(),
            },
            btime: btime.map_or(0, |time| time.as_nanos() as i64),
            size: meta.size(),
            mtime: meta
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(meta.mtime_nsec()),
            links: meta.nlink(),
        }
    }
}

impl Stat {
    /// Whether this may be the file that was `(inode, btime)` under `known`, before its device was
    /// numbered anew. Its bytes decide.
    pub(crate) fn device_renumbered(&self, path: &Path, known: &Path, inode: Inode, btime: i64) -> bool {
        let same_birth = if self.btime == 0 || btime == 0 {
            path == known
        } else {
            self.btime == btime
        };
        self.inode.ino == inode.ino && self.inode.dev != inode.dev && same_birth
    }

    /// Whether both can be the same file, as far as the filesystem knows.
    pub(crate) fn same_inode(&self, inode: Inode, btime: i64) -> bool {
        self.inode == inode && (self.btime == btime || self.btime == 0 || btime == 0)
    }
}

/// A hash of some bytes and how many they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Print {
    #[serde(rename = "n")]
    pub(crate) len: u32,
    #[serde(rename = "h")]
    pub(crate) hash: u64,
}

impl Print {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            len: bytes.len() as u32,
            hash: fnv1a(bytes),
        }
    }

    /// The marker for a position: of the last bytes of what stands before it.
    pub(crate) fn marker(before: &[u8]) -> Self {
        Self::of(&before[before.len().saturating_sub(MARKER_BYTES_MAX)..])
    }

    /// Whether `bytes` begin with what was hashed.
    pub(crate) fn begins(&self, bytes: &[u8]) -> bool {
        bytes
            .get(..self.len as usize)
            .is_some_and(|head| fnv1a(head) == self.hash)
    }

    /// Whether the file still holds the hashed bytes directly before `position`.
    pub(crate) fn stands_before(&self, file: &File, position: u64) -> io::Result<bool> {
        let Some(start) = position.checked_sub(u64::from(self.len)) else {
            return Ok(false);
        };
        let mut bytes = [0; MARKER_BYTES_MAX];
        let Some(bytes) = bytes.get_mut(..self.len as usize) else {
            return Ok(false);
        };
        Ok(read_at(file, bytes, start)? == bytes.len() && fnv1a(bytes) == self.hash)
    }
}

/// The first bytes of a file, read so that they are of one life of it. A file that is truncated and
/// filled again amid a read gives bytes of both lives, which identify neither.
///
/// # Errors
/// [`io::ErrorKind::ResourceBusy`] if it changed each time; try again later.
pub(crate) fn read_settled_prefix(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = read_prefix(file)?;
    for _ in 0..SETTLE_TRIES_MAX {
        let again = read_prefix(file)?;
        // Bytes of two lives would not be found a second time: the first one does not come back.
        if again.starts_with(&bytes) {
            return Ok(bytes);
        }
        bytes = again;
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// The first bytes of a file, up to [`PREFIX_BYTES_MAX`], to be compared with what is known.
pub(crate) fn read_prefix(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; PREFIX_BYTES_MAX];
    let n = read_at(file, &mut bytes, 0)?;
    bytes.truncate(n);
    Ok(bytes)
}

/// The marker of a position, read from the file.
pub(crate) fn read_marker(file: &File, position: u64) -> io::Result<Print> {
    let mut bytes = [0; MARKER_BYTES_MAX];
    let len = position.min(MARKER_BYTES_MAX as u64) as usize;
    let n = read_at(file, &mut bytes[..len], position - len as u64)?;
    Ok(Print::of(&bytes[..n]))
}

/// Reads until `bytes` is full or the file ends.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_recognised_in_a_longer_file_only() {
        let print = Print::of(b"abc");
        assert!(print.begins(b"abcdef"));
        assert!(!print.begins(b"ab"));
        assert!(!print.begins(b"abd"));
        assert!(Print::default().begins(b"") || Print::of(b"").begins(b""));
    }

    #[test]
    fn a30_a_file_may_be_the_same_on_a_device_numbered_anew() {
        let stat = |dev, ino, btime| Stat {
            inode: Inode { dev, ino },
            btime,
            size: 1,
            mtime: 0,
            links: 1,
        };
        let known = Inode { dev: 1, ino: 5 };
        let (here, there) = (Path::new("/l/a.log"), Path::new("/l/a.log.1"));
        let may = |stat: Stat, path, btime| stat.device_renumbered(path, here, known, btime);
        assert!(may(stat(2, 5, 7), there, 7));
        assert!(may(stat(2, 5, 0), here, 7));
        assert!(
            !may(stat(2, 5, 0), there, 7),
            "without a birth time only the path tells"
        );
        assert!(!may(stat(2, 5, 8), here, 7), "born at another time");
        assert!(!may(stat(2, 6, 7), here, 7), "another inode");
        assert!(!may(stat(1, 5, 7), here, 7), "the same device is no new number");
    }

    #[test]
    fn a07_a_marker_sees_other_bytes_before_the_same_offset() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, [b'a'; 200]).unwrap();
        let marker = read_marker(&File::open(&path).unwrap(), 100).unwrap();
        assert!(marker.stands_before(&File::open(&path).unwrap(), 100).unwrap());
        std::fs::write(&path, [b'b'; 300]).unwrap();
        assert!(!marker.stands_before(&File::open(&path).unwrap(), 100).unwrap());
        std::fs::write(&path, [b'a'; 10]).unwrap();
        assert!(!marker.stands_before(&File::open(&path).unwrap(), 100).unwrap());
    }
}
