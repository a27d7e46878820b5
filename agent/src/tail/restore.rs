//! What a start makes of the registry: files that are where they were, were renamed, truncated or
//! deleted meanwhile, or are no longer wanted.

use std::fs::File;
use std::time::Instant;

use super::Tailer;
use super::discover::{find_file, kin_of};
use super::file::{End, Standing, Tail, real_path};
use super::read::holds;
use crate::identity::Stat;
use crate::registry::Entry;
use crate::scan::{Found, warn_if_mounted};

impl Tailer {
    /// A file that the registry knows. False if it knows none, or the file holds other bytes.
    pub(super) fn restore(&mut self, found: &Found, now: Instant) -> bool {
        if self.restore_packed(found, now) {
            return true;
        }
        // One that is packed and has changed is compared by its unpacked bytes.
        let same = |entry: &Entry| entry.packed_bytes == 0 && found.stat.same_inode(entry.inode, entry.btime);
        if !self.dormant.iter().any(same) {
            return self.restore_renumbered(found, now);
        }
        let Ok(file) = File::open(&found.path) else {
            return false;
        };
        // Renamed since the walk saw it, so that another file has its name: what is there now says
        // nothing of the one that the registry knows, which is looked for by its inode.
        if !file
            .metadata()
            .is_ok_and(|meta| Stat::from(&meta).same_inode(found.stat.inode, found.stat.btime))
        {
            return true;
        }
        let (candidates, others) = std::mem::take(&mut self.dormant).into_iter().partition(same);
        self.dormant = others;
        let mut restored = false;
        for entry in candidates {
            let origin = self.origin(&entry.first_path);
            let tail = Tail::restored(&entry, origin, now);
            let sound = !restored && holds(&file, entry.prefix, entry.acked, entry.marker).unwrap_or(false);
            if sound {
                restored = true;
                self.resume(tail, found, now);
            } else {
                self.hope_for_copy(tail, now);
            }
        }
        restored
    }

    /// A file that the registry knows under another number of its device.
    fn restore_renumbered(&mut self, found: &Found, now: Instant) -> bool {
        let may_be = |entry: &Entry| {
            entry.prefix.len > 0
                && found
                    .stat
                    .device_renumbered(&found.path, &entry.path, entry.inode, entry.btime)
        };
        if !self.dormant.iter().any(may_be) {
            return false;
        }
        let Ok(file) = File::open(&found.path) else {
            return false;
        };
        let held =
            |entry: &Entry| may_be(entry) && holds(&file, entry.prefix, entry.acked, entry.marker).unwrap_or(false);
        let Some(at) = self.dormant.iter().position(held) else {
            return false;
        };
        let entry = self.dormant.swap_remove(at);
        tracing::info!(path = %found.path.display(), "known, on a device that has another number now");
        let origin = self.origin(&entry.first_path);
        self.resume(Tail::restored(&entry, origin, now), found, now);
        true
    }

    /// The copy of a file that was copied and truncated while the agent was stopped, and is gone by
    /// now, which `find_file` has shown. Under its own name it would be a file made again, with the
    /// same lines.
    pub(super) fn restore_copy(&mut self, found: &Found, file: &File, now: Instant) -> bool {
        let copied = |entry: &Entry| {
            entry.prefix.len > 0
                && entry.packed_bytes == 0
                && entry.inode.ino != 0
                && entry.path != found.path
                && kin_of(&entry.path) == kin_of(&found.path)
                && holds(file, entry.prefix, entry.acked, entry.marker).unwrap_or(false)
                && find_file(&entry.path, &entry.real_path, entry.inode).is_none()
        };
        let Some(at) = self.dormant.iter().position(copied) else {
            return false;
        };
        let entry = self.dormant.remove(at);
        let origin = self.origin(&entry.first_path);
        self.resume(Tail::restored(&entry, origin, now), found, now);
        true
    }

    /// A generation of the registry goes on in the file found.
    fn resume(&mut self, mut tail: Tail, found: &Found, now: Instant) {
        warn_if_mounted(&found.path);
        let generation = tail.generation;
        tail.path = found.path.clone();
        tail.real_path = real_path(&tail.path);
        (tail.inode, tail.btime) = (found.stat.inode, found.stat.btime);
        tail.size = tail.cut.offset;
        self.live.insert(tail.inode, generation);
        self.tails.insert(generation, tail);
        self.pulse.dirty = true;
        self.observe(generation, &found.stat, now);
    }

    /// Generations whose file was seen truncated before the agent was stopped or killed, but not
    /// yet their copy.
    pub(super) fn truncated_before_stop(&mut self, now: Instant) {
        let (truncated, others) = std::mem::take(&mut self.dormant)
            .into_iter()
            .partition(|entry| entry.truncated);
        self.dormant = others;
        for entry in truncated {
            let origin = self.origin(&entry.first_path);
            self.hope_for_copy(Tail::restored(&entry, origin, now), now);
        }
    }

    /// A generation of the registry whose file holds other bytes now.
    fn hope_for_copy(&mut self, mut tail: Tail, now: Instant) {
        tail.standing = Standing::Replaced {
            since: now,
            truncated: true,
        };
        self.ask(tail);
    }

    /// Files of the registry that were renamed out of the globs while the agent was stopped.
    pub(super) fn search_rotated_away(&mut self, now: Instant) {
        for entry in std::mem::take(&mut self.dormant) {
            if !self.wanted(&entry) || entry.packed_bytes > 0 {
                self.dormant.push(entry);
                continue;
            }
            let sound = find_file(&entry.path, &entry.real_path, entry.inode).and_then(|path| {
                let file = File::open(&path).ok()?;
                let stat = Stat::from(&file.metadata().ok()?);
                let same = stat.same_inode(entry.inode, entry.btime) && !self.live.contains_key(&entry.inode);
                let held = holds(&file, entry.prefix, entry.acked, entry.marker).ok()?;
                same.then_some((path, file, stat, held))
            });
            let Some((path, file, stat, held)) = sound else {
                self.dormant.push(entry);
                continue;
            };
            if held && stat.size == entry.acked {
                self.dormant.push(entry);
                continue;
            }
            let origin = self.origin(&entry.first_path);
            let mut tail = Tail::restored(&entry, origin, now);
            if !held {
                self.hope_for_copy(tail, now);
                continue;
            }
            let generation = tail.generation;
            (tail.path, tail.size) = (path, tail.cut.offset);
            tail.standing = Standing::Away { since: now };
            self.live.insert(tail.inode, generation);
            self.tails.insert(generation, tail);
            self.hold_open(generation, file);
            self.observe(generation, &stat, now);
        }
    }

    /// Files of the registry that had unread bytes and are nowhere: the collector is asked whether
    /// it has them, then they are counted as lost.
    pub(super) fn missing_since_stop(&mut self, now: Instant) {
        let (missing, read): (Vec<_>, Vec<_>) = std::mem::take(&mut self.dormant)
            .into_iter()
            .partition(|entry| entry.size > entry.acked);
        self.dormant = read;
        for entry in missing {
            if !self.wanted(&entry) {
                self.dormant.push(entry);
                continue;
            }
            let origin = self.origin(&entry.first_path);
            let mut tail = Tail::restored(&entry, origin, now);
            tail.standing = Standing::Replaced {
                since: now,
                truncated: false,
            };
            self.ask(tail);
        }
    }

    /// Whether the globs still name it. A file that was taken out of them keeps its entry, and is read
    /// on from there if it comes back.
    pub(super) fn wanted(&self, entry: &Entry) -> bool {
        self.walker.wants(&entry.path) || self.walker.wants(&entry.first_path)
    }

    pub(super) fn ask(&mut self, mut tail: Tail) {
        tail.end = End::Asked;
        self.to_ask.push((self.reader.topic(&tail.topic), tail.generation));
        self.tails.insert(tail.generation, tail);
    }
}
