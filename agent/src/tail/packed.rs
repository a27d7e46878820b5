//! Files packed with gzip: whose bytes are they? A packed file is mostly what rotation made of one
//! that was read before, so it is unpacked and compared with every generation that was last seen in
//! its directory. It then is that generation's file, of which only what was not read is read; or
//! another generation. While the plain file is there, too, that one is read and the packed one waits.
//!
//! One packed file is read at a time, for each takes its unpacked size of the agent's disk.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Instant;

use timberline_proto::id::GenerationId;

use super::file::{Standing, Tail, real_path};
use super::read::holds;
use super::{PackedWait, Tailer};
use crate::config::StartAt;
use crate::identity::{Inode, Print, Stat, read_marker, read_prefix};
use crate::lines::{Encoding, Place};
use crate::registry::Entry;
use crate::scan::{Found, refuse_content};
use crate::unpack::{Unpacked, unpack};

/// Generations without any file kept in case a packed one turns up; the oldest go first.
const GONE_MAX: usize = 1024;

/// A packed file as it was when it was unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    pub(crate) bytes: u64,
    /// Modification time, nanoseconds.
    pub(crate) mtime: i64,
    /// It ended too early, so a last line without its end may get one yet.
    pub(crate) cut_short: bool,
}

/// Whose bytes a packed file holds.
enum Owner {
    /// A generation that is read from a plain file, which is still there.
    Elsewhere(GenerationId),
    /// A generation whose file is gone.
    Gone(GenerationId),
    /// A generation of the registry, by its place there.
    Registry(usize),
    /// A generation of which more was read than the packed file has.
    More,
    New,
}

/// All that is packed now counts as read.
fn begin_at_end(tail: &mut Tail, unpacked: &Unpacked) -> io::Result<()> {
    let end = Place {
        offset: unpacked.bytes,
        part: 0,
    };
    tail.go_to(end, read_marker(&unpacked.file, unpacked.bytes)?);
    tail.acked_to_cut();
    tail.start = unpacked.bytes;
    Ok(())
}

impl Packed {
    fn of(stat: &Stat) -> Self {
        Self {
            bytes: stat.size,
            mtime: stat.mtime,
            cut_short: false,
        }
    }

    fn is_as(&self, stat: &Stat) -> bool {
        (self.bytes, self.mtime) == (stat.size, stat.mtime)
    }
}

impl Tailer {
    /// A packed file that nothing is known of.
    pub(super) fn discover_packed(&mut self, found: &Found, file: &File, stat: &Stat, now: Instant) -> io::Result<()> {
        self.note_packed_before(found, stat);
        if self.packed_waits(stat, now) || self.reads_packed() {
            return Ok(());
        }
        let unpacked = match self.unpack(file) {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                // It is left out until it is another, and says nothing of others.
                tracing::warn!(path = %found.path.display(), %error, "not read: raise agent.gzip_bytes_max to have it");
                self.refuse_packed(found, stat, "unpacks to more than gzip_bytes_max");
                return Ok(());
            }
            unpacked => unpacked?,
        };
        if unpacked.cut_short.is_some() && !self.waited(stat) {
            self.wait_packed(stat, None, now);
            return Ok(());
        }
        let prefix = read_prefix(&unpacked.file)?;
        let wide = self
            .input_of(&found.path)
            .encoding
            .of_file(&prefix)
            .and_then(Encoding::wide);
        let why = match refuse_content(&prefix).filter(|_| wide.is_none()) {
            None if prefix.is_empty() => Some("packed, with nothing in it"),
            why => why,
        };
        if let Some(why) = why {
            self.refuse_packed(found, stat, why);
            return Ok(());
        }
        match self.owner_of(&found.path, &prefix, &unpacked) {
            Owner::Elsewhere(owner) => self.wait_packed(stat, Some(owner), now),
            Owner::More => self.refuse_packed(found, stat, "packed and cut short; more of it was read before"),
            Owner::Gone(generation) => self.adopt_packed(generation, &found.path, stat, unpacked, now),
            Owner::Registry(at) => {
                let entry = self.dormant.remove(at);
                let origin = self.origin(&entry.first_path);
                let tail = Tail::restored(&entry, origin, now);
                self.take_packed(tail, &found.path, stat, unpacked, now);
            }
            Owner::New => {
                let origin = self.origin(&found.path);
                let mut tail = Tail::new(found.path.clone(), stat, Print::of(&prefix), origin, now);
                if self.packed_before.remove(&stat.inode) {
                    tracing::info!(path = %found.path.display(), "packed before this agent followed packed files, or before it began at the ends of files; read from its end on");
                    begin_at_end(&mut tail, &unpacked)?;
                }
                self.take_packed(tail, &found.path, stat, unpacked, now);
            }
        }
        Ok(())
    }

    /// What was packed before is not to be read: where files are begun at their ends, and where an agent
    /// comes to follow packed files that it may have read as plain ones, which it no longer knows.
    fn note_packed_before(&mut self, found: &Found, stat: &Stat) {
        let pulse = &self.pulse;
        let starts_at_end = pulse.first_start && self.input_of(&found.path).start_at == StartAt::Tail;
        if self.pulse.first_scan && (self.pulse.first_packed || starts_at_end) {
            self.packed_before.insert(stat.inode);
        }
    }

    /// A packed file that the registry knows by its place and that is as it was: it goes on, and is
    /// unpacked again when there is something to read.
    pub(super) fn restore_packed(&mut self, found: &Found, now: Instant) -> bool {
        let same = |entry: &Entry| {
            entry.packed_bytes == found.stat.size
                && entry.packed_bytes > 0
                && found.stat.same_inode(entry.inode, entry.btime)
        };
        let Some(at) = self.dormant.iter().position(same) else {
            return false;
        };
        let entry = self.dormant.remove(at);
        let origin = self.origin(&entry.first_path);
        let mut tail = Tail::restored(&entry, origin, now);
        tail.path = found.path.clone();
        tail.packed = Some(Packed::of(&found.stat));
        let generation = tail.generation;
        self.live.insert(found.stat.inode, generation);
        self.tails.insert(generation, tail);
        self.queue(generation, now);
        true
    }

    /// A packed file that is followed, as a walk found it.
    pub(super) fn observe_packed(&mut self, generation: GenerationId, packed: Packed, stat: &Stat, now: Instant) {
        if packed.is_as(stat) {
            if let Some(tail) = self.tails.get_mut(&generation).filter(|tail| tail.at_end()) {
                tail.read_to_end_at = super::now_nanos();
            }
            return self.queue(generation, now);
        }
        // Members are being appended, perhaps: once that is over.
        if !self.waited(stat) {
            return self.wait_packed(stat, None, now);
        }
        if self.packed_waits(stat, now) {
            return;
        }
        let Some(tail) = self.tails.get(&generation) else {
            return;
        };
        let unpacked = File::open(&tail.path).and_then(|file| self.unpack(&file));
        match unpacked {
            Ok(unpacked) if tail.is_held_by(&unpacked.file).unwrap_or(false) => {
                let path = tail.path.clone();
                self.adopt_packed(generation, &path, stat, unpacked, now);
            }
            Ok(_) => self.replaced(generation, now),
            Err(error) => {
                self.could_not_read(generation, &error, now);
            }
        }
    }

    /// Keeps a generation whose file is gone, in case it was packed.
    pub(super) fn keep_for_packed(&mut self, mut entry: Entry) {
        let gone = |entry: &Entry| entry.inode.ino == 0;
        if self.dormant.iter().filter(|entry| gone(entry)).count() >= GONE_MAX
            && let Some(oldest) = self.dormant.iter().position(gone)
        {
            self.dormant.remove(oldest);
        }
        entry.inode = Inode { dev: 0, ino: 0 };
        self.dormant.push(entry);
    }

    pub(super) fn unpack(&self, file: &File) -> io::Result<Unpacked> {
        unpack(file, self.store.dir(), self.config.gzip_bytes_max)
    }

    /// Whether a packed file is being read, which the next one waits for.
    pub(super) fn reads_packed(&self) -> bool {
        let reads = |tail: &Tail| tail.packed.is_some() && tail.file.is_some();
        self.open
            .iter()
            .filter_map(|generation| self.tails.get(generation))
            .any(reads)
    }

    /// The best owner is the one of which most was read.
    fn owner_of(&self, path: &Path, prefix: &[u8], unpacked: &Unpacked) -> Owner {
        // Behind a link a file may have been followed to another directory since.
        let here = |at: &Path| at.parent() == path.parent();
        let alike =
            |known: Print, at: &Path, first: &Path| known.len > 0 && (here(at) || here(first)) && known.begins(prefix);
        let cut_short = unpacked.cut_short.is_some();
        let tails = self
            .tails
            .values()
            .filter(|tail| alike(tail.prefix, &tail.path, &tail.first_path));
        let tails = tails.filter_map(|tail| {
            if cut_short && tail.cut.offset > unpacked.bytes {
                return Some((tail.cut.offset, Owner::More));
            }
            let held = tail.is_held_by(&unpacked.file).unwrap_or(false);
            let owner = match tail.standing {
                Standing::Replaced { .. } => Owner::Gone(tail.generation),
                Standing::Named | Standing::Away { .. } => Owner::Elsewhere(tail.generation),
            };
            held.then_some((tail.cut.offset, owner))
        });
        let entries = self.dormant.iter().enumerate();
        let entries = entries.filter(|(_, entry)| alike(entry.prefix, &entry.path, &entry.first_path));
        let entries = entries.filter_map(|(at, entry)| {
            if cut_short && entry.acked > unpacked.bytes {
                return Some((entry.acked, Owner::More));
            }
            let held = holds(&unpacked.file, entry.prefix, entry.acked, entry.marker).unwrap_or(false);
            held.then_some((entry.acked, Owner::Registry(at)))
        });
        tails
            .chain(entries)
            .max_by_key(|(read, _)| *read)
            .map_or(Owner::New, |(_, owner)| owner)
    }

    /// The generation lives on in a packed file.
    fn adopt_packed(&mut self, generation: GenerationId, path: &Path, stat: &Stat, unpacked: Unpacked, now: Instant) {
        self.close(generation);
        let Some(tail) = self.tails.remove(&generation) else {
            return;
        };
        if self.live.get(&tail.inode) == Some(&generation) {
            self.live.remove(&tail.inode);
        }
        self.take_packed(tail, path, stat, unpacked, now);
        self.continue_in_copy(generation, now);
    }

    fn take_packed(&mut self, mut tail: Tail, path: &Path, stat: &Stat, unpacked: Unpacked, now: Instant) {
        let generation = tail.generation;
        tracing::info!(path = %path.display(), read = tail.cut.offset, bytes = unpacked.bytes, "packed");
        let cut_short = unpacked.cut_short.is_some();
        if let Some(why) = unpacked.cut_short {
            tracing::warn!(path = %path.display(), why, "packed file ends too early; read as far as it goes");
        }
        self.packed_wait.remove(&stat.inode);
        self.packed_before.remove(&stat.inode);
        (tail.path, tail.real_path) = (path.to_owned(), real_path(path));
        (tail.inode, tail.btime) = (stat.inode, stat.btime);
        let packed = Packed {
            cut_short,
            ..Packed::of(stat)
        };
        (tail.packed, tail.standing) = (Some(packed), Standing::Named);
        (tail.size, tail.looked) = (unpacked.bytes, tail.cut.offset);
        (tail.grew_at, tail.maybe_copy_since, tail.mtime) = (now, None, stat.mtime);
        self.live.insert(stat.inode, generation);
        self.tails.insert(generation, tail);
        self.hold_open(generation, unpacked.file);
        self.pulse.dirty = true;
        self.queue(generation, now);
    }

    fn refuse_packed(&mut self, found: &Found, stat: &Stat, why: &'static str) {
        tracing::info!(path = %found.path.display(), why, "not followed");
        self.packed_wait.remove(&stat.inode);
        self.packed_before.remove(&stat.inode);
        self.refuse(found, stat, why);
    }

    /// Whether it was waited for at this size before.
    fn waited(&self, stat: &Stat) -> bool {
        self.packed_wait
            .get(&stat.inode)
            .is_some_and(|wait| wait.bytes == stat.size)
    }

    fn wait_packed(&mut self, stat: &Stat, owner: Option<GenerationId>, now: Instant) {
        let wait = PackedWait {
            bytes: stat.size,
            until: now + self.config.rotate_wait,
            owner,
        };
        self.packed_wait.insert(stat.inode, wait);
    }

    /// Whether it waits for its time, or for a plain file with the same bytes to go.
    fn packed_waits(&self, stat: &Stat, now: Instant) -> bool {
        let Some(wait) = self.packed_wait.get(&stat.inode).filter(|_| self.waited(stat)) else {
            return false;
        };
        let Some(owner) = wait.owner else {
            return now < wait.until;
        };
        let stands = |tail: &Tail| !matches!(tail.standing, Standing::Replaced { .. });
        self.tails.get(&owner).is_some_and(stands)
    }
}
