//! Copies of files: one in the making, and one that a truncation left.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Instant;

use timberline_proto::id::GenerationId;

use super::super::Tailer;
use super::super::file::{Standing, Tail};
use super::{Kin, kin_of, open_place};
use crate::identity::{Inode, MARKER_BYTES_MAX, PREFIX_BYTES_MAX, Stat, read_at, read_prefix};

/// Files compared with a new one to see whether it is a copy.
const COPY_CANDIDATES_MAX: usize = 32;
/// A file that goes on equalling another is held back for so many times `rotate_wait` at most.
const COPY_WAITS_MAX: u32 = 12;

impl Tailer {
    pub(super) fn kin(&self) -> Kin {
        let mut kin = Kin::new();
        let named =
            |tail: &&Tail| tail.standing == Standing::Named && tail.maybe_copy_since.is_none() && tail.packed.is_none();
        for tail in self.tails.values().filter(named) {
            kin.entry(kin_of(&tail.path)).or_default().push(tail.generation);
        }
        kin
    }

    /// Whether a truncated generation has found this new file since the walk, and lives on in it.
    pub(super) fn taken_as_copy(&mut self, inode: Inode) -> bool {
        let tail = self.live.get(&inode).and_then(|owner| self.tails.get_mut(owner));
        let taken = tail.is_some();
        if let Some(tail) = tail {
            tail.standing = Standing::Named;
        }
        taken
    }

    /// The generation without a file whose bytes `file` holds: one whose file was truncated, of
    /// which this is the copy, or one whose file a walk missed while it was renamed or its device was
    /// mounted anew.
    pub(super) fn continues(&self, path: &Path, file: &File, stat: &Stat) -> Option<GenerationId> {
        let fits = |tail: &&Tail| match tail.standing {
            Standing::Replaced { truncated: true, .. } => {
                tail.inode != stat.inode && tail.path.parent() == path.parent() && stat.size >= tail.held_to
            }
            Standing::Replaced { truncated: false, .. } => {
                stat.same_inode(tail.inode, tail.btime)
                    || stat.device_renumbered(path, &tail.path, tail.inode, tail.btime)
            }
            Standing::Away { .. } => stat.device_renumbered(path, &tail.path, tail.inode, tail.btime),
            Standing::Named => false,
        };
        self.tails
            .values()
            .filter(|tail| tail.prefix.len > 0)
            .filter(fits)
            .find(|tail| tail.is_held_by(file).unwrap_or(false))
            .map(|tail| tail.generation)
    }

    /// Whether a new file so far equals one that is followed. One that turns out to be truncated,
    /// with its bytes in the new file, is noticed as such: it was whole when the walk saw it, and
    /// to compare what it holds now would let its copy pass for another file.
    pub(super) fn equals_kin(&mut self, file: &File, kin: Option<&Vec<GenerationId>>, now: Instant) -> bool {
        let Ok(prefix) = read_prefix(file) else { return false };
        let mut candidates: Vec<&Tail> = kin
            .into_iter()
            .flatten()
            .filter_map(|generation| self.tails.get(generation))
            .filter(|other| other.prefix.begins(&prefix) || prefix.len() < other.prefix.len as usize)
            .collect();
        candidates.sort_by_key(|other| std::cmp::Reverse(other.mtime));
        let candidates: Vec<GenerationId> = candidates.iter().map(|other| other.generation).collect();
        for generation in candidates.into_iter().take(COPY_CANDIDATES_MAX) {
            let Some(other) = self.tails.get(&generation) else {
                continue;
            };
            let Some(other_file) = open_place(other) else { continue };
            if equal_so_far(file, &other_file).unwrap_or(false) {
                return true;
            }
            let moved = other.is_held_by(file).unwrap_or(false) && !other.is_held_by(&other_file).unwrap_or(true);
            if moved {
                self.replaced(generation, now);
            }
        }
        false
    }

    /// Releases files that turned out to be no copy.
    pub(super) fn judge_copies(&mut self, now: Instant) {
        let waiting: Vec<GenerationId> = self
            .tails
            .values()
            .filter(|tail| tail.maybe_copy_since.is_some())
            .map(|tail| tail.generation)
            .collect();
        if waiting.is_empty() {
            return;
        }
        let kin = self.kin();
        for generation in waiting {
            let Some(tail) = self.tails.get(&generation) else {
                continue;
            };
            let Some(since) = tail.maybe_copy_since else { continue };
            let wait = self.config.rotate_wait;
            let over = now >= since.max(tail.grew_at) + wait || now >= since + wait * COPY_WAITS_MAX;
            let key = kin_of(&tail.path);
            let file = open_place(tail);
            let still = file.is_some_and(|file| self.equals_kin(&file, kin.get(&key), now)) && !over;
            if !still && let Some(tail) = self.tails.get_mut(&generation) {
                tail.maybe_copy_since = None;
                self.queue(generation, now);
            }
        }
    }
}

/// Whether two files agree in their first bytes and in those before the end of the shorter one.
fn equal_so_far(file: &File, other: &File) -> io::Result<bool> {
    let common = file.metadata()?.len().min(other.metadata()?.len());
    let same = |at: u64, len: usize| -> io::Result<bool> {
        let (mut a, mut b) = ([0; PREFIX_BYTES_MAX], [0; PREFIX_BYTES_MAX]);
        let (n, m) = (read_at(file, &mut a[..len], at)?, read_at(other, &mut b[..len], at)?);
        Ok(n == len && m == len && a[..len] == b[..len])
    };
    let head = common.min(PREFIX_BYTES_MAX as u64) as usize;
    let end = common.min(MARKER_BYTES_MAX as u64) as usize;
    Ok(common > 0 && same(0, head)? && same(common - end as u64, end)?)
}
