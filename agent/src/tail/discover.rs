//! What a walk's findings mean.
//!
//! A file found is, in this order: one that is followed; one that the registry knows by place,
//! prefix and marker; the copy that a truncation left; a new generation. A new file that so far
//! equals another of its directory and stem may be a copy in the making (copy-truncate): it is not
//! read until they differ, or the other is truncated, or nothing happens for `rotate_wait`.

mod copies;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use timberline_proto::id::GenerationId;

use super::file::{Standing, Tail, real_path};
use super::{Refused, Tailer, Trouble, now_nanos};
use crate::config::StartAt;
use crate::identity::{Inode, PREFIX_BYTES_MAX, Print, Stat, read_at, read_marker, read_prefix, read_settled_prefix};
use crate::lines::{Encoding, Place};
use crate::scan::{Found, Scan, refuse_content, warn_if_mounted};
use crate::stream;
use crate::unpack;

/// Generations by directory and stem.
type Kin = HashMap<(PathBuf, String), Vec<GenerationId>>;

impl Tailer {
    /// Walks, and takes in what was found.
    pub(super) fn scan(&mut self, now: Instant) {
        let scan = self.walker.walk();
        self.paths = None;
        self.note_told(&scan);
        self.note_problems(&scan, now);
        self.packed_before.retain(|inode| scan.names.contains_key(inode));
        self.empty.clear();
        self.old.clear();
        let new = self.known_and_new(&scan, now);
        self.went_away(&scan, now);
        if self.pulse.first_scan {
            self.truncated_before_stop(now);
        }
        let new: Vec<&Found> = new.into_iter().filter(|found| !self.restore(found, now)).collect();
        if self.pulse.first_scan {
            self.search_rotated_away(now);
        }
        let mut kin = if new.is_empty() { Kin::new() } else { self.kin() };
        for found in new {
            self.discover(found, &mut kin, now);
        }
        self.judge_copies(now);
        if self.pulse.first_scan {
            self.missing_since_stop(now);
        }
        self.keep_house(now);
        self.counts.walks += 1;
        if self.pulse.first_scan {
            self.pulse.first_scan = false;
            self.save(now);
        }
    }

    /// Takes in what is followed already; gives back the others.
    fn known_and_new<'a>(&mut self, scan: &'a Scan, now: Instant) -> Vec<&'a Found> {
        let mut new = Vec::new();
        for found in &scan.files {
            let Some(generation) = self.live.get(&found.stat.inode).copied() else {
                new.push(found);
                continue;
            };
            let Some(tail) = self.tails.get_mut(&generation) else {
                continue;
            };
            // An open file keeps its place from being given away; a closed one does not.
            if tail.file.is_none() && !found.stat.same_inode(tail.inode, tail.btime) {
                self.vanished(generation, now);
                new.push(found);
                continue;
            }
            let names = scan.names.get(&found.stat.inode);
            if !names.is_some_and(|names| names.contains(&tail.path)) {
                tracing::debug!(from = %tail.path.display(), to = %found.path.display(), "renamed");
                tail.path = found.path.clone();
                tail.real_path = real_path(&tail.path);
                self.pulse.dirty = true;
            }
            tail.standing = Standing::Named;
            self.observe(generation, &found.stat, now);
        }
        new
    }

    /// Files that no glob finds any more.
    fn went_away(&mut self, scan: &Scan, now: Instant) {
        let gone = |tail: &&Tail| tail.standing == Standing::Named && !scan.names.contains_key(&tail.inode);
        let gone: Vec<GenerationId> = self.tails.values().filter(gone).map(|tail| tail.generation).collect();
        for generation in gone {
            let Some(tail) = self.tails.get_mut(&generation) else {
                continue;
            };
            if tail.file.is_none() {
                match find_file(&tail.path, &tail.real_path, tail.inode) {
                    Some(path) => {
                        tail.path = path;
                        if self.open(generation).is_err() {
                            self.vanished(generation, now);
                            continue;
                        }
                    }
                    None => {
                        self.vanished(generation, now);
                        continue;
                    }
                }
            }
            if let Some(tail) = self.tails.get_mut(&generation) {
                tail.standing = Standing::Away { since: now };
                tail.maybe_copy_since = None;
            }
        }
    }

    /// A file that nothing is known of.
    fn discover(&mut self, found: &Found, kin: &mut Kin, now: Instant) {
        if self.taken_as_copy(found.stat.inode) {
            return;
        }
        if found.stat.size == 0 {
            self.empty.push(found.path.clone());
            return;
        }
        if self
            .troubles
            .get(&found.path)
            .is_some_and(|trouble| trouble.retry_at > now)
        {
            return;
        }
        if self
            .refused
            .get(&found.stat.inode)
            .is_some_and(|refused| refused.still(&found.stat))
        {
            return;
        }
        if self.too_old(found) {
            self.old.push((found.path.clone(), found.stat.size));
            return;
        }
        match self.try_discover(found, kin, now) {
            Ok(()) => {
                // What was lost under this name stays counted there.
                let over = |trouble: &Trouble| trouble.lost_bytes == 0;
                if self.troubles.get(&found.path).is_some_and(over) {
                    self.troubles.remove(&found.path);
                    tracing::info!(path = %found.path.display(), "readable again");
                }
            }
            Err(error) => self.trouble(&found.path, error.to_string(), now),
        }
    }

    fn try_discover(&mut self, found: &Found, kin: &mut Kin, now: Instant) -> io::Result<()> {
        let file = File::open(&found.path)?;
        let prefix = read_settled_prefix(&file)?;
        // Between two looks at the prefix, so that the size is of the same life.
        let stat = Stat::from(&file.metadata()?);
        let settled = stat.size > 0 && !prefix.is_empty() && read_prefix(&file)?.starts_with(&prefix);
        // Else it is being truncated just now, and the next walk sees what became of it.
        if stat.inode != found.stat.inode || !settled {
            return Ok(());
        }
        if self.config.gzip && prefix.starts_with(&unpack::MAGIC) {
            return self.discover_packed(found, &file, &stat, now);
        }
        let encoding = self.input_of(&found.path).encoding.of_file(&prefix);
        let wide = encoding.is_some_and(|encoding| encoding.wide().is_some());
        if let Some(why) = refuse_content(&prefix).filter(|_| !wide) {
            if self
                .refused
                .get(&stat.inode)
                .is_none_or(|refused| refused.btime != stat.btime)
            {
                tracing::info!(path = %found.path.display(), why, "not followed");
            }
            self.refuse(found, &stat, why);
            return Ok(());
        }
        self.refused.remove(&stat.inode);
        let key = kin_of(&found.path);
        let maybe_copy = self.equals_kin(&file, kin.get(&key), now);
        if self.taken_as_copy(stat.inode) {
            return Ok(());
        }
        if self.pulse.first_scan && self.restore_copy(found, &file, now) {
            return Ok(());
        }
        if let Some(generation) = self.continues(&found.path, &file, &stat) {
            self.adopt(generation, found.path.clone(), file, &stat, Standing::Named, now);
            return Ok(());
        }
        warn_if_mounted(&found.path);
        let origin = self.origin(&found.path);
        let (start_at, encoding) = (origin.input.start_at, encoding.unwrap_or_default());
        let mut tail = Tail::new(found.path.clone(), &stat, Print::of(&prefix), origin, now);
        let generation = tail.generation;
        if maybe_copy {
            (tail.maybe_copy_since, tail.equalled) = (Some(now), true);
        } else {
            kin.entry(key).or_default().push(generation);
        }
        if self.pulse.first_start && self.pulse.first_scan && start_at == StartAt::Tail {
            let start = last_line_end(&file, stat.size, encoding)?;
            tail.go_to(Place { offset: start, part: 0 }, read_marker(&file, start)?);
            tail.acked_to_cut();
            tail.start = start;
        }
        tail.size = tail.cut.offset;
        self.live.insert(stat.inode, generation);
        self.tails.insert(generation, tail);
        if self.open.len() < self.config.open_files_max {
            self.hold_open(generation, file);
        }
        self.pulse.dirty = true;
        self.observe(generation, &stat, now);
        Ok(())
    }

    /// Does not look at a file again before it changes.
    pub(super) fn refuse(&mut self, found: &Found, stat: &Stat, why: &'static str) {
        let refused = Refused {
            path: found.path.clone(),
            why,
            btime: stat.btime,
            size: stat.size,
        };
        self.refused.insert(stat.inode, refused);
    }

    fn too_old(&self, found: &Found) -> bool {
        let age = i128::from(now_nanos()) - i128::from(found.stat.mtime);
        let older = self.input_of(&found.path).ignore_older;
        !older.is_zero() && age > older.as_nanos() as i128
    }

    fn note_problems(&mut self, scan: &Scan, now: Instant) {
        for (path, why) in &scan.problems {
            self.trouble(path, why.clone(), now);
        }
        let present = |path: &PathBuf| scan.problems.iter().any(|(problem, _)| problem == path);
        let found = |path: &PathBuf| scan.files.iter().any(|file| file.path == *path);
        self.troubles
            .retain(|path, trouble| trouble.lost_bytes > 0 || present(path) || found(path));
    }

    fn trouble(&mut self, path: &Path, why: String, now: Instant) {
        let first = Duration::from_millis(500);
        let trouble = self.troubles.entry(path.to_owned()).or_insert_with(|| Trouble {
            why: String::new(),
            retry_at: now,
            delay: first / 2,
            lost_bytes: 0,
        });
        trouble.delay = (trouble.delay * 2).clamp(first, Duration::from_secs(30));
        trouble.retry_at = now + trouble.delay;
        if trouble.why != why {
            tracing::warn!(path = %path.display(), why, "cannot read; tried again");
            trouble.why = why;
        }
    }
}

impl Refused {
    fn still(&self, stat: &Stat) -> bool {
        self.btime == stat.btime
            && (self.size >= PREFIX_BYTES_MAX as u64 && stat.size >= self.size || stat.size == self.size)
    }
}

pub(super) fn kin_of(path: &Path) -> (PathBuf, String) {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    (
        path.parent().map(Path::to_owned).unwrap_or_default(),
        stream::stem(&name).to_owned(),
    )
}

/// A file followed: open already, or found by its name or in its directory.
pub(super) fn open_place(tail: &Tail) -> Option<File> {
    if let Some(file) = &tail.file {
        return file.try_clone().ok();
    }
    let ours = |path: &Path| {
        let file = File::open(path).ok()?;
        let stat = Stat::from(&file.metadata().ok()?);
        stat.same_inode(tail.inode, tail.btime).then_some(file)
    };
    ours(&tail.path).or_else(|| ours(&find_file(&tail.path, &tail.real_path, tail.inode)?))
}

/// The path of a file in the directory where it was last seen, or in that of the file itself where it
/// was seen through a link.
pub(super) fn find_file(last: &Path, real: &Path, inode: Inode) -> Option<PathBuf> {
    find_inode(last, inode).or_else(|| find_inode(real, inode))
}

fn find_inode(last: &Path, inode: Inode) -> Option<PathBuf> {
    let entries = fs::read_dir(last.parent()?).ok()?;
    let same = |entry: &fs::DirEntry| {
        entry.ino() == inode.ino && fs::metadata(entry.path()).is_ok_and(|meta| Stat::from(&meta).inode == inode)
    };
    entries.filter_map(Result::ok).find(same).map(|entry| entry.path())
}

/// The end of the last whole line, looked for in the last 64 KiB; else the file's end.
fn last_line_end(file: &File, size: u64, encoding: Encoding) -> io::Result<u64> {
    // From an even place on, as characters of two bytes stand.
    let start = size.saturating_sub(64 << 10) & !1;
    let mut bytes = vec![0; (size - start) as usize];
    let n = read_at(file, &mut bytes, start)?;
    let end = match encoding.wide() {
        Some(endian) => endian.last_newline_end(&bytes[..n]),
        None => memchr::memrchr(b'\n', &bytes[..n]).map(|at| at + 1),
    };
    Ok(end.map_or(size, |end| start + end as u64))
}
