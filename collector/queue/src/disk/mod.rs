//! The disk as the queue sees it: few operations, each with a stated durability, so that tests can
//! put a disk below it that loses what was not synced.

#[cfg(test)]
pub(crate) mod memory;
mod real;

use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub(crate) use real::RealDisk;

/// Held as long as the value lives.
pub(crate) type Lock = Box<dyn Any + Send + Sync>;

pub(crate) trait Disk: Send + Sync + Debug {
    /// Locks a file against other processes and writes our pid into it; none if another has it.
    fn lock(&self, path: &Path) -> io::Result<Option<Lock>>;
    /// Makes one directory; nothing happens if it is there. Durable after `sync_dir` of its parent.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Opens what is there.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Makes or empties a file. Its name is durable after `sync_dir`.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Durable after `sync_dir`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Durable after `sync_dir`. Open handles stay good.
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// An open file. Positioned reads and writes, never a memory map: a file cut short by someone else
/// must be an error, not a signal.
pub(crate) trait DiskFile: Send + Sync + Debug {
    fn len(&self) -> io::Result<u64>;
    /// Reads up to `buffer.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
    /// On an error any part may have been written.
    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// What was written is durable on return. After an error nothing is known of what was written
    /// since the last success, and a second call may lie.
    fn sync(&self) -> io::Result<()>;
}
