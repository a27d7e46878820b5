//! A disk in memory that loses what was not synced: at a power cut each dirty page and each
//! directory entry made since the last sync is kept or lost by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Disk, DiskFile, Lock};

/// Smaller than a real page, so that one batch spans several.
const PAGE_BYTES: usize = 64;

#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryDisk {
    world: Arc<Mutex<World>>,
}

#[derive(Debug, Default)]
struct World {
    inodes: Vec<Inode>,
    live: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    /// Changes of directories since each one's last sync.
    pending: Vec<(PathBuf, DirectoryChange)>,
    /// Handles of an earlier life are dead.
    life: u64,
    locked: BTreeSet<PathBuf>,
    faults: Faults,
    read_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    Directory,
    File(usize),
}

#[derive(Clone, Debug)]
enum DirectoryChange {
    Put(PathBuf, Node),
    Rename(PathBuf, PathBuf, Node),
    Remove(PathBuf),
}

#[derive(Debug, Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

/// What goes wrong from now on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// Every sync of a file whose name ends so fails.
    pub(crate) sync_of: Option<&'static str>,
    /// Every write to a file whose name ends so fails with EIO.
    pub(crate) write_of: Option<&'static str>,
    /// Bytes that can still be written before the disk is full.
    pub(crate) space_bytes: Option<u64>,
    /// Changes of the disk until the process dies amid one: a write is done by half, and whatever
    /// comes after fails.
    pub(crate) steps: Option<u64>,
}

impl Faults {
    /// Takes a step; true if the process dies in it.
    fn step(&mut self) -> io::Result<bool> {
        match &mut self.steps {
            None => Ok(false),
            Some(0) => Err(io::Error::other("the process is dead")),
            Some(left) => {
                *left -= 1;
                Ok(*left == 0)
            }
        }
    }

    /// A step that is done whole or not at all.
    fn whole_step(&mut self) -> io::Result<()> {
        match self.step()? {
            true => Err(io::Error::other("the process dies")),
            false => Ok(()),
        }
    }
}

impl MemoryDisk {
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.world.lock().faults = faults;
    }

    /// Power off: what was not synced is kept in part, as the seed says. Open handles die.
    pub(crate) fn cut_power(&self, seed: u64) {
        let world = &mut *self.world.lock();
        let mut rng = StdRng::seed_from_u64(seed);
        world.die();
        for (_, change) in std::mem::take(&mut world.pending) {
            if rng.random_bool(0.5) {
                change.apply(&mut world.durable);
            }
        }
        // An entry of a directory that is itself lost is lost.
        let kept: BTreeSet<PathBuf> = world.durable.keys().cloned().collect();
        world.durable.retain(|path, _| {
            path.ancestors()
                .skip(1)
                .all(|up| up.parent().is_none() || up.as_os_str().is_empty() || kept.contains(up))
        });
        world.live = world.durable.clone();
        world.inodes.iter_mut().for_each(|inode| inode.settle(&mut rng));
    }

    /// The process dies, the machine does not: all that was written is there.
    pub(crate) fn kill(&self) {
        self.world.lock().die();
    }

    /// Changes a file behind everyone's back.
    pub(crate) fn edit(&self, path: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
        let world = &mut *self.world.lock();
        let Some(Node::File(i)) = world.live.get(path).copied() else {
            panic!("no file {}", path.display())
        };
        edit(&mut world.inodes[i].live);
        let live = world.inodes[i].live.clone();
        world.inodes[i].durable = live;
    }

    pub(crate) fn bytes_of(&self, path: &Path) -> Option<Vec<u8>> {
        let world = self.world.lock();
        match world.live.get(path)? {
            Node::File(i) => Some(world.inodes[*i].live.clone()),
            Node::Directory => None,
        }
    }

    /// Steps left before the process dies; see [`Faults::steps`].
    pub(crate) fn steps_left(&self) -> Option<u64> {
        self.world.lock().faults.steps
    }

    /// Bytes read since the last call.
    pub(crate) fn take_read_bytes(&self) -> u64 {
        std::mem::take(&mut self.world.lock().read_bytes)
    }

    /// Every file, sorted.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let world = self.world.lock();
        world
            .live
            .iter()
            .filter(|(_, node)| matches!(node, Node::File(_)))
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// Removes a directory and all in it, behind everyone's back.
    pub(crate) fn lose(&self, dir: &Path) {
        let world = &mut *self.world.lock();
        world.live.retain(|path, _| !path.starts_with(dir));
        world.durable.retain(|path, _| !path.starts_with(dir));
    }
}

impl World {
    fn die(&mut self) {
        self.life += 1;
        self.locked.clear();
        self.faults = Faults::default();
    }

    fn change(&mut self, change: DirectoryChange) {
        change.apply(&mut self.live);
        let (DirectoryChange::Put(path, _) | DirectoryChange::Rename(_, path, _) | DirectoryChange::Remove(path)) =
            &change;
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        self.pending.push((dir, change));
    }
}

impl DirectoryChange {
    fn apply(&self, entries: &mut BTreeMap<PathBuf, Node>) {
        match self {
            Self::Put(path, node) => {
                entries.insert(path.clone(), *node);
            }
            Self::Rename(from, to, node) => {
                entries.remove(from);
                entries.insert(to.clone(), *node);
            }
            Self::Remove(path) => {
                entries.remove(path);
            }
        }
    }
}

impl Inode {
    /// What the platter holds after the cut.
    fn settle(&mut self, rng: &mut StdRng) {
        let mut kept = self.durable.clone();
        if self.live.len() != kept.len() && rng.random_bool(0.7) {
            kept.resize(self.live.len(), 0);
        }
        for page in std::mem::take(&mut self.dirty) {
            let range = page * PAGE_BYTES..((page + 1) * PAGE_BYTES).min(kept.len()).min(self.live.len());
            if !range.is_empty() && rng.random_bool(0.6) {
                kept[range.clone()].copy_from_slice(&self.live[range]);
            }
        }
        self.live.clone_from(&kept);
        self.durable = kept;
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for MemoryDisk {
    fn lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let mut world = self.world.lock();
        if !world.locked.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(MemoryLock {
            disk: self.clone(),
            path: path.to_owned(),
            life: world.life,
        })))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        if !world.live.contains_key(path) {
            world.faults.whole_step()?;
            world.change(DirectoryChange::Put(path.to_owned(), Node::Directory));
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let world = self.world.lock();
        let inside = world.live.keys().filter(|entry| entry.parent() == Some(path));
        Ok(inside
            .filter_map(|entry| Some(entry.file_name()?.to_str()?.to_owned()))
            .collect())
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let world = self.world.lock();
        let Some(Node::File(inode)) = world.live.get(path).copied() else {
            return Err(not_found());
        };
        let life = world.life;
        Ok(Arc::new(MemoryFile {
            disk: self.clone(),
            inode,
            life,
            path: path.to_owned(),
        }))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        if let Ok(file) = self.open(path) {
            file.truncate(0)?;
            return Ok(file);
        }
        let world = &mut *self.world.lock();
        if world.faults.space_bytes == Some(0) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        world.faults.whole_step()?;
        world.inodes.push(Inode::default());
        let inode = world.inodes.len() - 1;
        world.change(DirectoryChange::Put(path.to_owned(), Node::File(inode)));
        Ok(Arc::new(MemoryFile {
            disk: self.clone(),
            inode,
            life: world.life,
            path: path.to_owned(),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        let node = world.live.get(from).copied().ok_or_else(not_found)?;
        world.faults.whole_step()?;
        world.change(DirectoryChange::Rename(from.to_owned(), to.to_owned(), node));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        if !world.live.contains_key(path) {
            return Err(not_found());
        }
        world.faults.whole_step()?;
        world.change(DirectoryChange::Remove(path.to_owned()));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let world = &mut *self.world.lock();
        world.faults.whole_step()?;
        let (now, later) = std::mem::take(&mut world.pending)
            .into_iter()
            .partition(|(dir, _)| dir == path);
        world.pending = later;
        let now: Vec<(PathBuf, DirectoryChange)> = now;
        now.iter().for_each(|(_, change)| change.apply(&mut world.durable));
        Ok(())
    }
}

struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
    life: u64,
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut world = self.disk.world.lock();
        if world.life == self.life {
            world.locked.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    inode: usize,
    life: u64,
    path: PathBuf,
}

impl MemoryFile {
    fn with<T>(&self, act: impl FnOnce(&mut Inode, &mut Faults) -> io::Result<T>) -> io::Result<T> {
        let world = &mut *self.disk.world.lock();
        if world.life != self.life {
            return Err(io::Error::other("this handle's process is dead"));
        }
        act(&mut world.inodes[self.inode], &mut world.faults)
    }

    fn is_named(&self, suffix: Option<&str>) -> bool {
        suffix.is_some_and(|suffix| self.path.to_string_lossy().ends_with(suffix))
    }
}

impl DiskFile for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|inode, _| Ok(inode.live.len() as u64))
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.disk.world.lock().read_bytes += buffer.len() as u64;
        self.with(|inode, _| {
            let rest = inode.live.get(at as usize..).unwrap_or_default();
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            Ok(len)
        })
    }

    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.with(|inode, faults| {
            if self.is_named(faults.write_of) {
                return Err(io::Error::from_raw_os_error(5));
            }
            let dies = faults.step()?;
            let bytes = if dies { &bytes[..bytes.len() / 2] } else { bytes };
            let at = at as usize;
            let more = (at + bytes.len()).saturating_sub(inode.live.len()) as u64;
            let short = faults
                .space_bytes
                .map_or(0, |space| more.saturating_sub(space))
                .min(bytes.len() as u64) as usize;
            faults.space_bytes = faults.space_bytes.map(|space| space.saturating_sub(more));
            let bytes = &bytes[..bytes.len() - short];
            if inode.live.len() < at + bytes.len() {
                inode.live.resize(at + bytes.len(), 0);
            }
            inode.live[at..at + bytes.len()].copy_from_slice(bytes);
            inode
                .dirty
                .extend(at / PAGE_BYTES..(at + bytes.len()).div_ceil(PAGE_BYTES));
            if dies {
                Err(io::Error::other("the process dies"))
            } else if short > 0 {
                Err(io::ErrorKind::StorageFull.into())
            } else {
                Ok(())
            }
        })
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.with(|inode, faults| {
            faults.whole_step()?;
            let freed = (inode.live.len() as u64).saturating_sub(len);
            faults.space_bytes = faults.space_bytes.map(|space| space + freed);
            inode.live.resize(len as usize, 0);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|inode, faults| {
            if self.is_named(faults.sync_of) {
                return Err(io::Error::from_raw_os_error(5));
            }
            faults.whole_step()?;
            inode.dirty.clear();
            inode.durable.clone_from(&inode.live);
            Ok(())
        })
    }
}
