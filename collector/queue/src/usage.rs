//! How many bytes the queue holds, over all partitions, and whether more may come. Counted from the
//! files at each start; never below zero, never around the corner.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a commit waits just below the limit.
const THROTTLE_MAX: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(crate) struct Usage {
    bytes: AtomicU64,
    bytes_max: u64,
    /// Above it commits are slowed.
    high_water: u64,
}

impl Usage {
    pub(crate) fn new(bytes_max: u64, high_water_percent: u64) -> Self {
        let percent = u128::from(high_water_percent.min(100));
        Self {
            bytes: AtomicU64::new(0),
            bytes_max,
            high_water: (u128::from(bytes_max) * percent / 100) as u64,
        }
    }

    /// What a commit waits now: nothing up to the high-water mark, then in proportion to how much of
    /// what is left is used.
    pub(crate) fn throttle(&self) -> Duration {
        let over = self.bytes().saturating_sub(self.high_water);
        let room = self.bytes_max.saturating_sub(self.high_water);
        if over == 0 || room == 0 {
            return Duration::ZERO;
        }
        THROTTLE_MAX.mul_f64((over as f64 / room as f64).min(1.0))
    }

    /// Why commits are slowed, if so.
    pub(crate) fn pressure(&self) -> Option<String> {
        let bytes = self.bytes();
        let slowed = bytes > self.high_water && self.high_water < self.bytes_max;
        slowed.then(|| {
            format!(
                "the queue holds {bytes} of {} bytes and slows its senders; at the limit it refuses them",
                self.bytes_max
            )
        })
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
