//! How full the file system is.

use std::fmt;
use std::io;
use std::path::Path;

/// A file system's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUse {
    /// All of it, in bytes.
    pub bytes: u64,
    /// What nobody but root can use any more, in bytes.
    pub used_bytes: u64,
}

/// Who says how full the file system is: the system, or a test.
pub trait DiskSpace: Send + Sync + fmt::Debug {
    /// Of the file system that holds `path`.
    ///
    /// # Errors
    /// What the system said.
    fn usage(&self, path: &Path) -> io::Result<DiskUse>;
}

/// The system.
#[derive(Clone, Copy, Debug)]
pub struct SystemDisk;

impl DiskSpace for SystemDisk {
    fn usage(&self, path: &Path) -> io::Result<DiskUse> {
        let found = rustix::fs::statvfs(path)?;
        let bytes = found.f_blocks.saturating_mul(found.f_frsize);
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        Ok(DiskUse {
            bytes,
            used_bytes: bytes.saturating_sub(free),
        })
    }
}
