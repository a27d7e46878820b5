//! One turn of the thread: mail, walks, reading, saving, until it is drained.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use timberline_proto::id::GenerationId;

use super::file::{Origin, Standing};
use super::paths::Paths;
use super::{HINT_PAUSE, Tailer, now_nanos};
use crate::identity::Stat;
use crate::input::Input;
use crate::stream;

impl Tailer {
    /// Runs until drained, or at once to the end if abandoned.
    pub(crate) fn run(mut self) {
        loop {
            let mail = self.inbox.wait(
                self.next_turn(),
                self.pulse.hints_from,
                self.pulse.drain_until.is_some(),
            );
            if mail.abandoned {
                return;
            }
            let now = Instant::now();
            self.pulse.is_news |= !mail.news.is_empty() || !self.ready.is_empty() || mail.shutdown;
            for news in mail.news {
                self.news(news, now);
            }
            if mail.shutdown && self.drained(now) {
                return;
            }
            if !mail.shutdown {
                self.look(&mail.hints, mail.hint_all, now);
                self.read_round(now);
            }
            self.send_questions();
            if self.pulse.dirty && now >= self.pulse.next_save {
                self.save(now);
                self.pulse.is_news = true;
            }
            self.publish_if_due(now);
        }
    }

    /// The moment by which something is to be done even without news.
    pub(super) fn next_turn(&self) -> Instant {
        let mut next = self.pulse.next_publish;
        if self.pulse.dirty {
            next = next.min(self.pulse.next_save);
        }
        if let Some(until) = self.pulse.drain_until {
            return next.min(until);
        }
        next = next.min(self.pulse.next_scan);
        match self.pulse.next_read {
            Some(at) if !self.window_full() => next.min(at),
            _ => next,
        }
    }

    /// Begins to drain; true when everything is acked or the deadline is over.
    pub(super) fn drained(&mut self, now: Instant) -> bool {
        let until = *self.pulse.drain_until.get_or_insert(now + self.config.drain_deadline);
        if self.counts.pending > 0 && now < until {
            return false;
        }
        if self.counts.pending > 0 {
            tracing::warn!(
                batches = self.counts.pending,
                "not acked within drain_deadline; sent again at the next start"
            );
        }
        self.save(now);
        self.publish();
        true
    }

    pub(super) fn look(&mut self, hints: &HashSet<PathBuf>, hint_all: bool, now: Instant) {
        if now >= self.pulse.next_scan || hint_all || self.is_new(hints) {
            self.pulse.is_news = true;
            self.scan(now);
            self.pace(now);
            self.pulse.hints_from = now + HINT_PAUSE.max(self.pulse.walk_took * 8);
        } else if !hints.is_empty() {
            self.pulse.is_news = true;
            self.look_at(hints);
            self.pulse.hints_from = now + HINT_PAUSE;
        }
    }

    /// Whether one of these paths is wanted and not known. What changes beside the files that are named is
    /// nothing to walk for.
    fn is_new(&mut self, hints: &HashSet<PathBuf>) -> bool {
        if hints.is_empty() {
            return false;
        }
        let paths = self.paths.get_or_insert_with(|| Paths::of(&self.tails));
        let is_known = |path: &PathBuf| paths.at(path, &self.tails).next().is_some();
        hints.iter().any(|path| self.walker.wants(path) && !is_known(path))
    }

    /// Looks at these files only.
    pub(super) fn look_at(&mut self, hints: &HashSet<PathBuf>) {
        let now = Instant::now();
        let paths = self.paths.get_or_insert_with(|| Paths::of(&self.tails));
        let all = hints.iter().flat_map(|path| paths.at(path, &self.tails));
        let hinted: Vec<GenerationId> = all
            .filter(|tail| !matches!(tail.standing, Standing::Replaced { .. }))
            .map(|tail| tail.generation)
            .collect();
        for generation in hinted {
            let Some(tail) = self.tails.get(&generation) else {
                continue;
            };
            let meta = match &tail.file {
                Some(file) => file.metadata(),
                None => std::fs::metadata(&tail.path),
            };
            if let Ok(meta) = meta {
                let stat = Stat::from(&meta);
                if stat.same_inode(tail.inode, tail.btime) {
                    self.observe(generation, &stat, now);
                }
            }
        }
    }

    /// Takes a file's present size, and queues it if there is something to cut.
    pub(super) fn observe(&mut self, generation: GenerationId, stat: &Stat, now: Instant) {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        if let Some(packed) = tail.packed {
            return self.observe_packed(generation, packed, stat, now);
        }
        tail.links = stat.links;
        let changed = stat.size != tail.size || stat.mtime != tail.mtime;
        if stat.size > tail.size {
            tail.grew_at = now;
        }
        let shrunk = stat.size < tail.size.max(tail.looked);
        let rewritten = changed && stat.size == tail.size && tail.mtime != 0;
        // What grew may be another life already, whose bytes would be counted to this one.
        let grew = stat.size > tail.size && tail.prefix.len > 0;
        if shrunk || rewritten || grew {
            return self.check_replaced(generation, stat, now);
        }
        (tail.size, tail.mtime) = (stat.size, stat.mtime);
        if tail.at_end() {
            tail.read_to_end_at = now_nanos();
        }
        self.queue(generation, now);
    }

    /// What is set for a file of this name.
    pub(super) fn input_of(&self, path: &Path) -> &Arc<Input> {
        let at = self.walker.input_of(path).unwrap_or(self.inputs.len() - 1);
        &self.inputs[at]
    }

    pub(super) fn origin(&self, path: &Path) -> Origin {
        let input = self.input_of(path);
        Origin {
            stream: Arc::new(stream::attributes(&self.config, input, path)),
            input: input.clone(),
        }
    }
}
