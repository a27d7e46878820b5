//! A collector that holds another end of a generation than was thought: what is shipped again from where.

use timberline_proto::batch::{BatchBuilder, BatchMeta, Dropped};
use timberline_proto::gap;
use timberline_proto::id::GenerationId;
use timberline_queue::Queue;

use super::super::recut::Part;
use super::{Cut, PARTITION, Sink, Topic, Waiting};
use crate::tail::now_nanos;

/// Generations for which the outbox was read from its start that are remembered.
const WENT_BACK_MAX: usize = 1000;

impl Topic {
    /// The collector holds the generation to `end`, and the shipper has dropped its batches.
    pub(in crate::outbox) fn rewind(
        &mut self,
        queue: &Queue,
        (generation, epoch): (GenerationId, u64),
        end: u64,
        sink: &Sink<'_>,
    ) {
        let is_its = |cut: &Cut| (cut.generation, cut.epoch, cut.acked) == (generation, epoch, false);
        let Some(at) = self.cuts.iter().position(is_its) else {
            return;
        };
        let from = self.cuts[at].start;
        if end >= from {
            // Read again from there; what the collector holds of it is left out.
            return self.again(at, generation, end);
        }
        // It had acked what it does not hold now: it was restored. What is shipped is deleted segment by
        // segment, so some of what it lacks may still be here.
        let oldest = self.oldest(queue);
        if oldest < self.cuts[at].offset && self.went_back.get(&generation) != Some(&end) {
            tracing::warn!(topic = &*self.name, %generation, end, from, "the collector holds less than it had acked; what the outbox still holds is shipped again");
            if self.went_back.len() >= WENT_BACK_MAX {
                self.went_back.clear();
            }
            self.went_back.insert(generation, end);
            self.held = Some((generation, end));
            self.cuts.clear();
            return self.read_from(oldest);
        }
        tracing::error!(topic = &*self.name, %generation, end, from, "the collector holds less than it had acked, and the outbox no longer has it; the gap is told");
        self.shipped.lost_bytes += from - end;
        self.gap((end, at), sink);
    }

    /// The first offset that the outbox holds.
    fn oldest(&self, queue: &Queue) -> u64 {
        let mut partitions = queue.partitions().into_iter();
        let own = partitions.find(|partition| *partition.topic == *self.name && partition.partition == PARTITION);
        own.map_or(self.next, |partition| partition.start_offset)
    }

    /// Everything from this cut on is read and shipped again; of its generation what begins at `end`.
    fn again(&mut self, at: usize, generation: GenerationId, end: u64) {
        self.read_from(self.cuts[at].offset);
        self.held = Some((generation, end));
        // An earlier part of the same batch is acked and comes again as part of it.
        let keep = self.cuts.iter().position(|cut| cut.offset == self.next).unwrap_or(at);
        self.cuts.truncate(keep);
    }

    fn read_from(&mut self, offset: u64) {
        self.next = offset;
        self.fetch_at = offset;
        self.fetched.clear();
        self.waiting.clear();
    }

    /// Tells the collector that `end` to the cut's first byte is lost, and ships on from the cut.
    fn gap(&mut self, (end, at): (u64, usize), sink: &Sink<'_>) {
        let Cut {
            generation,
            start,
            offset,
            ..
        } = self.cuts[at];
        let meta = BatchMeta {
            agent: Some(self.agent),
            generation: Some(generation),
            range: (end, start),
            eol_bytes: 1,
            observed_nanos: now_nanos(),
            dropped: vec![Dropped {
                start: end,
                end: start,
                reason: gap::LOST_BY_COLLECTOR.to_owned(),
            }],
            ..Default::default()
        };
        self.cuts.truncate(at);
        self.read_from(offset);
        let part = Part {
            bytes: BatchBuilder::new().finish(&meta, sink.level),
            records: 0,
            meta,
        };
        self.waiting.push_back(Waiting {
            generation,
            part,
            offsets: (offset, offset),
        });
        self.hand_over(sink);
    }
}
