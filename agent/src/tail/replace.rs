//! Files whose bytes are gone, and files that are no longer named.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Instant;

use timberline_proto::id::GenerationId;

use super::discover::open_place;
use super::file::{End, Standing, Tail, real_path};
use super::{Tailer, now_nanos};
use crate::identity::{Inode, Stat};
use crate::lines::Flush;
use crate::stream;

/// Files of a directory looked at when a copy is searched.
const COPY_SEARCH_MAX: usize = 1024;

impl Tailer {
    /// A file changed: are the generation's bytes still there?
    pub(super) fn check_replaced(&mut self, generation: GenerationId, stat: &Stat, now: Instant) {
        if let Err(error) = self.open(generation) {
            self.could_not_read(generation, &error, now);
            return;
        }
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        let Some(file) = &tail.file else { return };
        match tail.is_held_by(file) {
            Ok(true) => {
                if stat.size <= tail.size {
                    tail.looked = tail.cut.offset;
                }
                (tail.size, tail.mtime) = (stat.size, stat.mtime);
                if tail.at_end() {
                    tail.read_to_end_at = now_nanos();
                }
                self.queue(generation, now);
            }
            Ok(false) => self.seems_replaced(generation, now),
            Err(error) => {
                self.could_not_read(generation, &error, now);
            }
        }
    }

    /// The open file does not show the generation's bytes. A network filesystem may answer from what
    /// it knew of the file, so nothing is concluded before it was opened anew, which asks the server.
    pub(super) fn seems_replaced(&mut self, generation: GenerationId, now: Instant) {
        let fresh = self.tails.get(&generation).and_then(|tail| {
            let file = File::open(&tail.path).ok()?;
            let stat = Stat::from(&file.metadata().ok()?);
            let ours = stat.same_inode(tail.inode, tail.btime) && tail.is_held_by(&file).ok()?;
            ours.then_some((file, stat))
        });
        let Some((file, stat)) = fresh else {
            return self.replaced(generation, now);
        };
        self.hold_open(generation, file);
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        (tail.size, tail.mtime) = (stat.size.max(tail.cut.offset), stat.mtime);
        tail.looked = tail.cut.offset;
        self.queue(generation, now);
    }

    /// The file was truncated, perhaps filled again: the generation's bytes live on in a copy, or
    /// nowhere. The file itself begins another generation at the next walk.
    pub(super) fn replaced(&mut self, generation: GenerationId, now: Instant) {
        self.close(generation);
        if self.was_mere_copy(generation) {
            self.pulse.next_scan = now;
            return self.drop_unread(generation);
        }
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        tracing::info!(path = %tail.path.display(), read = tail.cut.offset, size = tail.size, "truncated");
        tail.standing = Standing::Replaced {
            since: now,
            truncated: true,
        };
        tail.size = tail.size.max(tail.looked);
        if self.live.get(&tail.inode) == Some(&generation) {
            self.live.remove(&tail.inode);
        }
        self.pulse.dirty = true;
        self.pulse.next_scan = now;
        if let Some((path, file, stat, standing)) = self.find_copy(generation) {
            self.adopt(generation, path, file, &stat, standing, now);
        }
    }

    /// Whether a file of which nothing was read held what another generation reads: then nothing is
    /// gone with it. So it is where the copy was seen before the file it was made from. Only its first
    /// bytes are still known: they decide if they were all, or if both were seen to be equal.
    fn was_mere_copy(&self, generation: GenerationId) -> bool {
        let unread = |tail: &&Tail| {
            let known = tail.equalled || u64::from(tail.prefix.len) >= tail.size;
            // Nor does the collector hold any of it, of an earlier run.
            let sent = tail.cut.offset > 0 || !tail.cuts.is_empty() || tail.confirmed || tail.end != End::Known;
            known && !sent && tail.prefix.len > 0
        };
        let Some(tail) = self.tails.get(&generation).filter(unread) else {
            return false;
        };
        let others = self.tails.values().filter(|other| {
            other.generation != generation
                && other.standing == Standing::Named
                && other.maybe_copy_since.is_none()
                && other.path.parent() == tail.path.parent()
                && other.size >= tail.size
        });
        others
            .filter_map(open_place)
            .any(|file| tail.is_held_by(&file).unwrap_or(false))
    }

    /// Forgets a generation of which nothing was read and nothing is to be.
    fn drop_unread(&mut self, generation: GenerationId) {
        self.close(generation);
        if let Some(tail) = self.tails.remove(&generation)
            && self.live.get(&tail.inode) == Some(&generation)
        {
            self.live.remove(&tail.inode);
        }
        self.pulse.dirty = true;
    }

    /// The file is nowhere to be found.
    pub(super) fn vanished(&mut self, generation: GenerationId, now: Instant) {
        self.close(generation);
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        tail.standing = Standing::Replaced {
            since: now,
            truncated: false,
        };
        if self.live.get(&tail.inode) == Some(&generation) {
            self.live.remove(&tail.inode);
        }
        self.pulse.dirty = true;
    }

    /// A file that holds a truncated generation's bytes: one that waits to be told apart, or,
    /// while bytes are unread, any of the directory.
    pub(super) fn find_copy(&self, generation: GenerationId) -> Option<(PathBuf, File, Stat, Standing)> {
        let tail = self.tails.get(&generation).filter(|tail| tail.prefix.len > 0)?;
        let open = |path: PathBuf, standing| {
            let file = File::open(&path).ok()?;
            let stat = Stat::from(&file.metadata().ok()?);
            let same = stat.inode != tail.inode && stat.size >= tail.held_to && tail.is_held_by(&file).ok()?;
            same.then_some((path, file, stat, standing))
        };
        let untouched =
            |other: &&Tail| other.cut.offset == 0 && other.cuts.is_empty() && other.standing == Standing::Named;
        let waiting = self
            .tails
            .values()
            .filter(untouched)
            .filter(|other| other.path.parent() == tail.path.parent());
        if let Some(found) = waiting
            .filter_map(|other| open(other.path.clone(), Standing::Named))
            .next()
        {
            return Some(found);
        }
        if tail.size <= tail.cut.offset {
            return None;
        }
        let entries = fs::read_dir(tail.path.parent()?)
            .ok()?
            .filter_map(Result::ok)
            .take(COPY_SEARCH_MAX);
        let free = |meta: &fs::Metadata| {
            meta.is_file() && meta.len() >= tail.cut.offset && !self.live.contains_key(&Stat::from(meta).inode)
        };
        entries
            .filter(|entry| entry.metadata().is_ok_and(|meta| free(&meta)))
            .find_map(|entry| open(entry.path(), Standing::Away { since: Instant::now() }))
    }

    /// The generation lives on in another file.
    pub(super) fn adopt(
        &mut self,
        generation: GenerationId,
        path: PathBuf,
        file: File,
        stat: &Stat,
        standing: Standing,
        now: Instant,
    ) {
        self.close(generation);
        if let Some(tail) = self.tails.get(&generation)
            && self.live.get(&tail.inode) == Some(&generation)
        {
            self.live.remove(&tail.inode);
        }
        if let Some(other) = self.live.insert(stat.inode, generation)
            && other != generation
        {
            self.close(other);
            self.tails.remove(&other);
        }
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        tracing::info!(from = %tail.path.display(), to = %path.display(), "the file's bytes are read on where they live now");
        (tail.real_path, tail.path, tail.standing) = (real_path(&path), path, standing);
        (tail.inode, tail.btime) = (stat.inode, stat.btime);
        (tail.looked, tail.size, tail.mtime) = (tail.cut.offset, tail.cut.offset, 0);
        tail.grew_at = now;
        tail.maybe_copy_since = None;
        self.hold_open(generation, file);
        self.pulse.dirty = true;
        self.observe(generation, stat, now);
        self.continue_in_copy(generation, now);
    }

    /// What is to be done with files that are not simply there, at every walk.
    pub(super) fn keep_house(&mut self, now: Instant) {
        let generations: Vec<GenerationId> = self.tails.keys().copied().collect();
        for generation in generations {
            match self.tails.get(&generation).map(|tail| tail.standing) {
                Some(Standing::Named) => {
                    self.flush_if_silent(generation, now);
                    self.close_read_packed(generation);
                }
                Some(Standing::Away { since }) => self.follow_away(generation, since, now),
                Some(Standing::Replaced { since, .. }) => self.give_up(generation, since, now),
                None => {}
            }
        }
        self.bound_deleted(now);
        self.expire_unread(now);
        let grew = |tail: &Tail| tail.durable && tail.size != tail.saved_size;
        if now >= self.pulse.next_size_save && self.tails.values().any(grew) {
            self.pulse.dirty = true;
        }
    }

    fn flush_if_silent(&mut self, generation: GenerationId, now: Instant) {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        let cut_short = tail.packed.is_some_and(|packed| packed.cut_short);
        let held = tail.size > tail.cut.offset && tail.looked >= tail.size && !cut_short;
        if !held {
            return;
        }
        // A file that was rotated gets no more bytes: its last line ends there.
        let rotated = tail.packed.is_some() || tail.path != tail.first_path || stream::is_rotated_name(&tail.path);
        let timeout = if rotated {
            self.config.rotate_wait
        } else {
            self.config.partial_line_timeout
        };
        if !timeout.is_zero() && now >= tail.grew_at + timeout {
            tail.flush = Flush::All;
        } else if tail.waiting && now >= tail.grew_at + tail.input.timeout {
            tail.flush = Flush::Events;
        } else {
            return;
        }
        self.queue(generation, now);
    }

    /// Unpacked bytes take space: they go as soon as they are not needed.
    fn close_read_packed(&mut self, generation: GenerationId) {
        let read = |tail: &Tail| tail.packed.is_some() && tail.file.is_some() && tail.idle();
        if self.tails.get(&generation).is_some_and(read) {
            self.close(generation);
        }
    }

    /// Follows a file through its open descriptor until it is silent at its end, sends a last line
    /// without its end, and closes it.
    fn follow_away(&mut self, generation: GenerationId, since: Instant, now: Instant) {
        let tail = self.tails.get(&generation);
        let packed = tail.is_some_and(|tail| tail.packed.is_some());
        let stat = tail
            .and_then(|tail| tail.file.as_ref())
            .and_then(|file| file.metadata().ok());
        match stat {
            None => return self.vanished(generation, now),
            // What is open are its unpacked bytes, which do not change.
            Some(_) if packed => self.queue(generation, now),
            Some(stat) => self.observe(generation, &Stat::from(&stat), now),
        }
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        let silent = now >= since.max(tail.grew_at) + self.config.rotate_wait;
        if !matches!(tail.standing, Standing::Away { .. }) || !silent || tail.end == End::Asked {
            return;
        }
        if tail.size > tail.cut.offset {
            if tail.looked >= tail.size {
                tail.flush = Flush::All;
                self.queue(generation, now);
            }
        } else if tail.cuts.is_empty() && self.chain_is_closed(generation) {
            self.forget(generation);
        }
    }

    /// Ends following a generation. Its entry stays for `clean_after`, if its file may come back.
    pub(super) fn forget(&mut self, generation: GenerationId) {
        self.close(generation);
        let Some(tail) = self.tails.remove(&generation) else {
            return;
        };
        let owns_place = self.live.get(&tail.inode) == Some(&generation);
        if owns_place {
            self.live.remove(&tail.inode);
        }
        let elsewhere = self.live.contains_key(&tail.inode);
        let truncated = matches!(tail.standing, Standing::Replaced { truncated: true, .. });
        let mut entry = tail.entry((now_nanos() / 1_000_000_000) as u64);
        entry.inode = tail.inode;
        if tail.durable && tail.links > 0 && !elsewhere && !truncated {
            self.dormant.push(entry);
        } else if tail.durable && self.config.gzip && !truncated && tail.prefix.len > 0 {
            self.keep_for_packed(entry);
        }
        self.pulse.dirty = true;
    }

    /// Deleted files are kept alive only up to `deleted_bytes_held_max`.
    fn bound_deleted(&mut self, now: Instant) {
        let max = self.config.deleted_bytes_held_max;
        let held = |tail: &&Tail| tail.links == 0 && tail.file.is_some() && tail.size > tail.cut.offset;
        let mut deleted: Vec<(Instant, GenerationId, u64)> = self
            .tails
            .values()
            .filter(held)
            .filter_map(|tail| match tail.standing {
                Standing::Away { since } => Some((since, tail.generation, tail.size - tail.cut.offset)),
                _ => None,
            })
            .collect();
        let mut total: u64 = deleted.iter().map(|(_, _, bytes)| bytes).sum();
        deleted.sort();
        for (_, generation, bytes) in deleted {
            if max == 0 || total <= max {
                return;
            }
            total -= bytes;
            if let Some(tail) = self.tails.get_mut(&generation) {
                tail.let_go = true;
            }
            self.vanished(generation, now);
        }
    }

    /// Whether a generation's place is another's now.
    pub(super) fn place_taken(&self, inode: Inode, generation: GenerationId) -> bool {
        self.live.get(&inode).is_some_and(|owner| *owner != generation)
    }
}
