//! How far each consumer group has taken the partition: the file `positions`, a JSON object of
//! group to next offset. Positions only move forward.
//!
//! Beside it, in memory only, how far each group has read: a group commits what it has made durable of
//! its own, which may be a while after it has it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::Disk;
use crate::error::{At, QueueError};
use crate::small_file::{self, Content};

const POSITIONS_NAME: &str = "positions";
/// More groups are refused.
const GROUPS_MAX: usize = 1024;
const GROUP_BYTES_MAX: usize = 255;

#[derive(Debug)]
pub(crate) struct Positions {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// As on disk. Locked while it is written, so that positions reach the disk in order.
    taken: Mutex<BTreeMap<String, u64>>,
    /// Where each group read on last, since the start; at most [`GROUPS_MAX`].
    read: Mutex<BTreeMap<String, u64>>,
}

impl Positions {
    pub(crate) fn load(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, QueueError> {
        let path = dir.join(POSITIONS_NAME);
        let taken = match small_file::read(&*disk, &path)? {
            Content::Missing => BTreeMap::new(),
            Content::Payload(payload) => serde_json::from_slice(&payload).unwrap_or_default(),
            Content::Damaged => {
                tracing::warn!(path = %path.display(), "positions of consumer groups are damaged; groups start anew");
                BTreeMap::new()
            }
        };
        Ok(Self {
            disk,
            dir: dir.to_owned(),
            taken: Mutex::new(taken),
            read: Mutex::default(),
        })
    }

    pub(crate) fn get(&self, group: &str) -> Option<u64> {
        self.taken.lock().get(group).copied()
    }

    pub(crate) fn all(&self) -> BTreeMap<String, u64> {
        self.taken.lock().clone()
    }

    /// The group asks for what stands from `offset` on: it has everything before. A group that began
    /// anew goes back.
    pub(crate) fn note_read(&self, group: &str, offset: u64) {
        let mut read = self.read.lock();
        if let Some(known) = read.get_mut(group) {
            *known = offset;
        } else if !group.is_empty() && read.len() < GROUPS_MAX && group.len() <= GROUP_BYTES_MAX {
            read.insert(group.to_owned(), offset);
        }
    }

    pub(crate) fn all_read(&self) -> BTreeMap<String, u64> {
        self.read.lock().clone()
    }

    /// Durable on return.
    pub(crate) fn advance(&self, group: &str, offset: u64) -> Result<(), QueueError> {
        let mut taken = self.taken.lock();
        match taken.get(group) {
            Some(held) if *held >= offset => return Ok(()),
            None if taken.len() >= GROUPS_MAX || group.len() > GROUP_BYTES_MAX => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "too many consumer groups, or too long a name",
                ))
                .at(&self.dir);
            }
            _ => {}
        }
        let mut next = taken.clone();
        next.insert(group.to_owned(), offset);
        let payload = serde_json::to_vec(&next).expect("text to number is always JSON");
        small_file::replace(&*self.disk, &self.dir, POSITIONS_NAME, &payload)?;
        *taken = next;
        Ok(())
    }

    /// The lowest position among `groups`; a group without one has taken nothing.
    pub(crate) fn lowest(&self, groups: &[String]) -> Option<u64> {
        let taken = self.taken.lock();
        groups.iter().map(|group| taken.get(group).copied().unwrap_or(0)).min()
    }

    pub(crate) fn highest(&self) -> u64 {
        self.taken.lock().values().copied().max().unwrap_or(0)
    }
}
