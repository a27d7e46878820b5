//! What the tail thread is told, by the shipper and by the watcher.
//!
//! Bounded by what it holds: verdicts by the window, ends by the generations, hints by
//! [`HINTS_MAX`], beyond which they become one hint to look at everything.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use timberline_proto::id::GenerationId;

const HINTS_MAX: usize = 1024;

/// News from the shipper.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum News {
    /// A batch is durable in the collector's queue.
    Acked {
        generation: GenerationId,
        epoch: u64,
        start: u64,
        end: u64,
        records: u64,
        dead_letter: u64,
    },
    /// The collector holds the generation to `end`: cut anew from there. The shipper has dropped
    /// every batch of this epoch.
    Rewind {
        generation: GenerationId,
        epoch: u64,
        end: u64,
    },
    /// Where the collector's queue ends for a generation; none: it knows none.
    End { generation: GenerationId, end: Option<u64> },
    /// Batches encode to at most so many bytes.
    Limit { batch_bytes_max: u64 },
    /// Whether a collector answers.
    Connected(Result<(), String>),
}

/// What came since the last look.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    pub(crate) news: VecDeque<News>,
    /// Files that changed.
    pub(crate) hints: HashSet<PathBuf>,
    /// Anything may have changed: walk.
    pub(crate) hint_all: bool,
    /// Drain and end.
    pub(crate) shutdown: bool,
    /// End at once, as if killed: nobody waits any more.
    pub(crate) abandoned: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    mail: Mutex<Mail>,
    arrived: Condvar,
}

impl Inbox {
    pub(crate) fn tell(&self, news: News) {
        self.mail.lock().news.push_back(news);
        self.arrived.notify_one();
    }

    pub(crate) fn hint(&self, path: PathBuf) {
        let mut mail = self.mail.lock();
        if mail.hints.len() >= HINTS_MAX {
            mail.hints.clear();
            mail.hint_all = true;
        } else if !mail.hint_all {
            mail.hints.insert(path);
        }
        drop(mail);
        self.arrived.notify_one();
    }

    pub(crate) fn hint_all(&self) {
        self.mail.lock().hint_all = true;
        self.arrived.notify_one();
    }

    pub(crate) fn shutdown(&self) {
        self.mail.lock().shutdown = true;
        self.arrived.notify_one();
    }

    pub(crate) fn abandon(&self) {
        self.mail.lock().abandoned = true;
        self.arrived.notify_one();
    }

    /// Waits until `deadline`, or until there is news; with hints alone, until `hints_from`, so
    /// that a busy file does not keep the thread awake.
    pub(crate) fn wait(&self, deadline: Instant, hints_from: Instant, shutdown_seen: bool) -> Mail {
        let mut mail = self.mail.lock();
        loop {
            let hinted = mail.hint_all || !mail.hints.is_empty();
            let until = if hinted { deadline.min(hints_from) } else { deadline };
            let urgent = !mail.news.is_empty() || mail.abandoned || (mail.shutdown && !shutdown_seen);
            if urgent || Instant::now() >= until {
                let (shutdown, abandoned) = (mail.shutdown, mail.abandoned);
                let taken = std::mem::take(&mut *mail);
                (mail.shutdown, mail.abandoned) = (shutdown, abandoned);
                return taken;
            }
            self.arrived.wait_until(&mut mail, until);
        }
    }
}
