//! What the shipper tells: verdicts move checkpoints or rewind.

use std::time::Instant;

use timberline_proto::batch::ChainState;
use timberline_proto::crash::{Point, reached};
use timberline_proto::id::GenerationId;

use super::file::{End, Standing};
use super::place::place_at;
use super::read::holds;
use super::{Tailer, now_nanos};
use crate::identity::{Print, read_marker};
use crate::inbox::News;
use crate::lines::Place;

/// A place, the bytes before it, and the chain of the lines before it.
type Known = (Place, Print, ChainState);

impl Tailer {
    pub(super) fn news(&mut self, news: News, now: Instant) {
        match news {
            News::Acked {
                generation,
                epoch,
                start,
                end,
                records,
                dead_letter,
            } => {
                self.counts.records_acked += records;
                self.counts.dead_letter_records += dead_letter;
                self.acked(generation, epoch, (start, end));
            }
            News::Rewind { generation, epoch, end } => self.rewind(generation, epoch, end, now),
            News::End { generation, end } => self.end_known(generation, end, now),
            News::Limit { batch_bytes_max } => self.reader.limit(batch_bytes_max),
            News::Connected(state) => {
                self.counts.connected = state.is_ok();
                self.counts.collector_error = state.err();
            }
        }
    }

    /// Moves the checkpoint over every acked batch up to the first that is not.
    fn acked(&mut self, generation: GenerationId, epoch: u64, range: (u64, u64)) {
        let Some(tail) = self.tails.get_mut(&generation).filter(|tail| tail.epoch == epoch) else {
            return;
        };
        let Some(cut) = tail
            .cuts
            .iter_mut()
            .find(|cut| (cut.start, cut.end.offset) == range && !cut.acked)
        else {
            return;
        };
        reached(Point::BatchAcked);
        cut.acked = true;
        tail.confirmed = true;
        while let Some(cut) = tail.cuts.front().filter(|cut| cut.acked) {
            (tail.acked, tail.acked_marker, tail.acked_chain) = (cut.end, cut.marker, cut.chain);
            tail.cuts.pop_front();
            self.counts.pending -= 1;
            self.pulse.dirty = true;
        }
    }

    /// The collector holds the generation to `end` and refuses what was cut beyond.
    fn rewind(&mut self, generation: GenerationId, epoch: u64, end: u64, now: Instant) {
        let Some(tail) = self.tails.get_mut(&generation).filter(|tail| tail.epoch == epoch) else {
            return;
        };
        tracing::debug!(path = %tail.path.display(), end, acked = tail.acked.offset, "refused; cut anew");
        let known = tail.cuts.iter().map(|cut| (cut.end, cut.marker, cut.chain));
        let known = known
            .chain([(tail.acked, tail.acked_marker, tail.acked_chain)])
            .find(|(place, ..)| place.offset == end);
        self.counts.pending -= tail.cuts.len();
        tail.cuts.clear();
        tail.epoch += 1;
        if end < tail.acked.offset {
            tracing::warn!(path = %tail.path.display(), acked = tail.acked.offset, end, "the collector holds less than it had acked; sent again");
        }
        self.continue_at(generation, end, known, now);
    }

    /// Answer to a question asked for a generation from the registry.
    fn end_known(&mut self, generation: GenerationId, end: Option<u64>, now: Instant) {
        let Some(tail) = self.tails.get_mut(&generation).filter(|tail| tail.end == End::Asked) else {
            return;
        };
        tail.end = End::Known;
        tail.confirmed = end.is_some();
        match end {
            Some(end) if end > tail.acked.offset => self.continue_at(generation, end, None, now),
            _ => self.queue(generation, now),
        }
    }

    /// What the collector holds ends at `end`: reading goes on from there.
    fn continue_at(&mut self, generation: GenerationId, end: u64, known: Option<Known>, now: Instant) {
        self.pulse.dirty = true;
        let Some(tail) = self.tails.get(&generation) else {
            return;
        };
        if let Standing::Replaced { .. } = tail.standing {
            return self.continue_gone(generation, end, known);
        }
        let found = match known {
            Some(known) => Ok(known),
            None => self
                .place_in_file(generation, end)
                .map(|(place, marker)| (place, marker, ChainState::default())),
        };
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        match found {
            Ok((place, marker, chain)) => {
                tail.go_to(place, marker);
                tail.chain = chain;
                tail.acked_to_cut();
                self.queue(generation, now);
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => self.begin_again(generation, end, now),
            Err(error) => {
                // Where it stands is uncertain, so the collector is asked again once it can be read.
                tail.end = End::ToAsk;
                self.could_not_read(generation, &error, now);
            }
        }
    }

    /// The bytes are not at hand. If the collector has more than was known, that is less to lose;
    /// if it has less, bytes of batches that are dropped now are lost unless a copy has them.
    fn continue_gone(&mut self, generation: GenerationId, end: u64, known: Option<Known>) {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        tail.held_to = end;
        if end >= tail.cut.offset {
            return;
        }
        tail.size = tail.size.max(tail.cut.offset);
        match (known, tail.standing) {
            (Some((place, marker, chain)), _) => {
                tail.go_to(place, marker);
                tail.chain = chain;
            }
            (None, Standing::Replaced { since, .. }) => {
                // The bytes before `end` are not known, so no copy can be recognised.
                tail.standing = Standing::Replaced {
                    since,
                    truncated: false,
                };
                tail.go_to(Place { offset: end, part: 0 }, Print::of(b""));
            }
            _ => {}
        }
        tail.acked_to_cut();
    }

    /// A copy was found: reading goes on where the collector's end is.
    pub(super) fn continue_in_copy(&mut self, generation: GenerationId, now: Instant) {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        let held_to = std::mem::take(&mut tail.held_to);
        if held_to > tail.cut.offset && tail.cuts.is_empty() {
            self.continue_at(generation, held_to, None, now);
        }
    }

    fn place_in_file(&mut self, generation: GenerationId, end: u64) -> std::io::Result<(Place, Print)> {
        self.open(generation)?;
        let tail = self.tails.get_mut(&generation).ok_or(std::io::ErrorKind::NotFound)?;
        let file = tail.file.take().ok_or(std::io::ErrorKind::NotFound)?;
        let learned = tail.learn_how_to_read(&file);
        let file = tail.file.insert(file);
        learned?;
        let floor = if tail.acked.offset <= end {
            tail.acked
        } else {
            Place::default()
        };
        let encoding = tail.read_as.map_or(tail.input.encoding, |(encoding, _)| encoding);
        let place = place_at(file, end, floor, self.config.part_bytes_max(), encoding)?;
        let marker = read_marker(file, end)?;
        // Last, so that what was read above were the generation's bytes: the file may have been
        // truncated and filled again beyond `end` since it was last looked at.
        let ours = holds(file, tail.prefix, tail.acked.offset, tail.acked_marker)?;
        if !ours || file.metadata()?.len() < end {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok((place, marker))
    }

    /// The collector holds more of the generation than the file has: the file was truncated, or
    /// the generation is not ours alone (a copied data directory). Another one begins.
    fn begin_again(&mut self, generation: GenerationId, end: u64, now: Instant) {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        tracing::warn!(path = %tail.path.display(), end, size = tail.size, "the collector holds other bytes than the file; it is begun as a new one");
        tail.held_to = end;
        let inode = tail.inode;
        if !self.place_taken(inode, generation) {
            self.replaced(generation, now);
        }
        if let Some(tail) = self.tails.get_mut(&generation) {
            tail.read_to_end_at = now_nanos();
        }
    }
}
