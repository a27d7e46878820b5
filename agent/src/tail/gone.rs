//! Bytes that will never be read, because their file was truncated or deleted first.
//!
//! They are no mere count: a last batch of the generation, without a record, says which bytes are gone
//! and why. It goes the way of all batches, so that the fact is durable where the generation's records
//! are, in the place where these bytes would stand. Until it is acked the registry knows that they are
//! unread, and a start sends it again.
//!
//! A loss is not named before it is sure: not while a copy or the file itself may turn up
//! (`rotate_wait`), and not while only its directory's device is away. Once it is named, nothing of
//! that range is sent any more, wherever it might be found.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use timberline_proto::gap;
use timberline_proto::id::GenerationId;

use super::file::{End, Standing, Tail};
use super::{Tailer, Trouble, now_nanos};
use crate::identity::Print;
use crate::lines::Place;

/// Where packed files are read, so many times `rotate_wait` pass before a loss is named.
const PACKED_WAITS: u32 = 12;

impl Tailer {
    /// Stops hoping for a copy or for the file: names what was not read, and forgets the generation
    /// when its last batch has its verdict.
    pub(super) fn give_up(&mut self, generation: GenerationId, since: Instant, now: Instant) {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        if tail.end == End::Asked {
            return;
        }
        let truncated = matches!(tail.standing, Standing::Replaced { truncated: true, .. });
        let lost = tail.size.saturating_sub(tail.cut.offset.max(tail.held_to));
        // What was packed is read from there, one file at a time.
        let packing = self.config.gzip && lost > 0;
        let waits = if packing { PACKED_WAITS } else { 1 };
        let is_early = now < since + self.config.rotate_wait * waits || packing && self.reads_packed();
        if (lost > 0 || truncated) && is_early {
            return;
        }
        if lost > 0
            && truncated
            && let Some((path, file, stat, standing)) = self.find_copy(generation)
        {
            return self.adopt(generation, path, file, &stat, standing, now);
        }
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        let settled = tail.cuts.is_empty();
        if lost == 0 {
            tail.size = tail.cut.offset;
            if settled && self.chain_is_closed(generation) {
                self.forget(generation);
            }
            return;
        }
        if !(truncated || tail.expired || is_surely_gone(tail)) {
            // It keeps its size, so that it is looked for when it comes back, and at each start.
            if settled {
                tracing::warn!(path = %tail.path.display(), unread_bytes = lost, "the file is away with its device; read on if it comes back");
                self.forget(generation);
            }
            return;
        }
        let reason = match (truncated, tail.let_go) {
            (true, _) => gap::TRUNCATED_UNREAD,
            (false, true) => gap::OVER_LIMIT,
            (false, false) => gap::DELETED_UNREAD,
        };
        self.name_loss(generation, lost, reason, now);
    }

    /// Whether the chain of a generation that is over is closed, or has nothing to close; else its last
    /// batch is sent, which says so. If that cannot be now, the next walk tries again.
    pub(super) fn chain_is_closed(&mut self, generation: GenerationId) -> bool {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return true;
        };
        let is_chained = self.config.chain && tail.chain.lines > 0 && tail.durable && tail.confirmed;
        if !is_chained || tail.closed {
            return true;
        }
        if let Ok(room) = self.to_ship.clone().try_reserve_owned() {
            let batch = Box::new(self.reader.close(tail, now_nanos()));
            self.send(batch, room);
        }
        false
    }

    /// Sends the last batch. If that cannot be now, the next walk tries again.
    fn name_loss(&mut self, generation: GenerationId, lost: u64, reason: &str, now: Instant) {
        // Beyond the window: such batches are small, and there is one of a file.
        let Ok(room) = self.to_ship.clone().try_reserve_owned() else {
            return;
        };
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        tail.maybe_copy_since = None;
        if tail.end == End::ToAsk {
            tail.end = End::Asked;
            let topic = self.reader.topic(&tail.topic);
            self.to_ask.push((topic, generation));
            return;
        }
        if !tail.durable && !self.make_durable(now) {
            return;
        }
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        if tail.held_to > tail.cut.offset {
            if !tail.cuts.is_empty() {
                return;
            }
            let held_to = Place {
                offset: tail.held_to,
                part: 0,
            };
            tail.go_to(held_to, Print::of(b""));
            tail.acked_to_cut();
        }
        tail.given_up = true;
        let batch = tail
            .durable
            .then(|| Box::new(self.reader.gap(tail, reason, now_nanos())));
        if batch.is_none() {
            // Of a file whose first bytes were never seen nothing was promised.
            tail.size = tail.cut.offset;
        }
        self.lost(generation, lost, reason);
        if let Some(batch) = batch {
            self.send(batch, room);
        }
    }

    /// Counts bytes that were never read, and says so.
    fn lost(&mut self, generation: GenerationId, bytes: u64, reason: &str) {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        let path = tail.path.clone();
        tail.lost_bytes += bytes;
        self.counts.lost_bytes += bytes;
        tracing::error!(path = %path.display(), lost_bytes = bytes, up_to = tail.cut.offset, reason, "bytes of a file are gone that were not read");
        let now = Instant::now();
        let trouble = self.troubles.entry(path).or_insert_with(|| Trouble {
            why: String::new(),
            retry_at: now,
            delay: Duration::ZERO,
            lost_bytes: 0,
        });
        trouble.lost_bytes += bytes;
        if trouble.why.is_empty() {
            trouble.why = format!("bytes lost: {reason}");
        }
    }

    /// Files with unread bytes of which nothing was seen for `clean_after` do not come back.
    pub(super) fn expire_unread(&mut self, now: Instant) {
        let seconds = (now_nanos() / 1_000_000_000) as u64;
        let clean_before = seconds.saturating_sub(self.config.clean_after.as_secs());
        let is_over = |entry: &crate::registry::Entry| entry.seen < clean_before && entry.size > entry.acked;
        if !self.dormant.iter().any(is_over) {
            return;
        }
        let (over, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.dormant).into_iter().partition(is_over);
        self.dormant = others;
        self.pulse.dirty = true;
        // What the globs no longer name was given up by whoever changed them.
        for entry in over {
            if !self.wanted(&entry) {
                continue;
            }
            let origin = self.origin(&entry.first_path);
            let mut tail = Tail::restored(&entry, origin, now);
            tail.expired = true;
            tail.standing = Standing::Replaced {
                since: now,
                truncated: false,
            };
            self.ask(tail);
        }
    }
}

/// Whether the file itself is gone, and not the device on which it lay: that may come back.
fn is_surely_gone(tail: &Tail) -> bool {
    let lay_here = |path: &Path| {
        let mut directories = path.ancestors().skip(1);
        let standing = directories.find_map(|directory| fs::metadata(directory).ok());
        standing.is_some_and(|meta| meta.dev() == tail.inode.dev)
    };
    // A registry of a file that was gone already does not say where it lay.
    tail.inode.ino == 0 || lay_here(&tail.path) || (!tail.real_path.as_os_str().is_empty() && lay_here(&tail.real_path))
}
