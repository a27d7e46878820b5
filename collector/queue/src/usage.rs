//! How many bytes the queue holds, over all partitions, and whether more may come. Counted from the
//! files at each start; never below zero, never around the corner.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(crate) struct Usage {
    bytes: AtomicU64,
    bytes_max: u64,
}

impl Usage {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            bytes: AtomicU64::new(0),
            bytes_max,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts `more` bytes if they stay within the limit.
    pub(crate) fn reserve(&self, more: u64) -> bool {
        let within = |bytes: u64| bytes.checked_add(more).filter(|sum| *sum <= self.bytes_max);
        self.bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .is_ok()
    }

    /// Counts what is there already.
    pub(crate) fn add(&self, bytes: u64) {
        self.change(|held| held.saturating_add(bytes));
    }

    pub(crate) fn release(&self, bytes: u64) {
        self.change(|held| held.saturating_sub(bytes));
    }

    fn change(&self, change: impl Fn(u64) -> u64) {
        let updated = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| Some(change(held)));
        debug_assert!(updated.is_ok(), "the change is never none");
    }
}
