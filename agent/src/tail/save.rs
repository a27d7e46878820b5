//! Checkpoints on their way to the disk.

use std::time::{Duration, Instant};

use super::file::Tail;
use super::{SIZE_SAVES, Tailer, now_nanos};
use crate::registry::Registry;

impl Tailer {
    /// New generations stand in the registry before their first batch is cut.
    pub(super) fn make_durable(&mut self, now: Instant) -> bool {
        if self.counts.registry_error.is_some() && now < self.pulse.next_save {
            return false;
        }
        self.save(now)
    }

    /// Writes the registry; true when it is durable.
    pub(super) fn save(&mut self, now: Instant) -> bool {
        let begin = Instant::now();
        let seconds = (now_nanos() / 1_000_000_000) as u64;
        let clean_before = seconds.saturating_sub(self.config.clean_after.as_secs());
        self.dormant
            .retain(|entry| entry.seen >= clean_before || entry.size > entry.acked);
        let saved = |tail: &&mut Tail| tail.prefix.len > 0 && tail.maybe_copy_since.is_none();
        for tail in self.tails.values_mut().filter(|tail| !tail.durable) {
            tail.topic = self.reader.route(&tail.stream);
        }
        let live = &self.live;
        let generations = self.tails.values_mut().filter(saved).map(|tail| {
            let mut entry = tail.entry(seconds);
            // One that is gone may come back, as long as nothing else stands in its place.
            if !live.contains_key(&tail.inode) && !entry.truncated {
                entry.inode = tail.inode;
            }
            entry
        });
        let generations = generations.chain(self.dormant.iter().cloned()).collect();
        // One beside its plain file (`gzip -k`) may stay for ever. It is no riddle: it is a copy of that.
        let is_copy = |inode| self.packed_wait.get(inode).is_some_and(|wait| wait.owner.is_some());
        let result = self.store.save(&Registry {
            agent: self.agent,
            generations,
            // One that is still to be unpacked is one of before at the next start, too.
            packed: self.config.gzip && self.packed_before.iter().all(is_copy),
        });
        let took = begin.elapsed();
        match result {
            Ok(()) => {
                for tail in self.tails.values_mut().filter(saved) {
                    (tail.durable, tail.saved_size) = (true, tail.size);
                }
                self.pulse.dirty = false;
                self.pulse.next_size_save = now + self.config.checkpoint_interval * SIZE_SAVES;
                self.pulse.next_save = begin.max(now) + self.config.checkpoint_interval.max(took * 20);
                if self.counts.registry_error.take().is_some() {
                    tracing::info!("checkpoints can be written again");
                }
                true
            }
            Err(error) => {
                self.pulse.next_save = now + Duration::from_secs(1);
                let dir = self.store.dir().display().to_string();
                if self.counts.registry_error.is_none() {
                    tracing::error!(dir, %error, "checkpoints cannot be written; no new file is begun until they can");
                }
                self.counts.registry_error = Some(format!("{dir}: {error}"));
                false
            }
        }
    }
}
