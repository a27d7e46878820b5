//! The way from the listeners to the writer: bounded by bytes, in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::reading::Item;

/// Room taken in the intake; given back when dropped.
pub(super) type Room = OwnedSemaphorePermit;

pub(super) struct Intake {
    room: Arc<Semaphore>,
    bytes_max: u32,
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Default)]
struct Waiting {
    items: Vec<Item>,
    bytes: usize,
    /// Nothing more comes; what cannot be appended by then is given up.
    closed: Option<Instant>,
}

impl Intake {
    pub(super) fn new(bytes_max: usize) -> Self {
        let bytes_max = u32::try_from(bytes_max).unwrap_or(u32::MAX).max(1);
        Self {
            room: Arc::new(Semaphore::new(bytes_max as usize)),
            bytes_max,
            waiting: Mutex::default(),
            filled: Condvar::new(),
        }
    }

    /// Waits for room. One item always fits.
    pub(super) async fn room(&self, bytes: usize) -> Option<Room> {
        let bytes = self.permits(bytes);
        self.room.clone().acquire_many_owned(bytes).await.ok()
    }

    /// Room, if there is some now.
    pub(super) fn try_room(&self, bytes: usize) -> Option<Room> {
        let bytes = self.permits(bytes);
        self.room.clone().try_acquire_many_owned(bytes).ok()
    }

    fn permits(&self, bytes: usize) -> u32 {
        u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bytes_max)
    }

    pub(super) fn put(&self, item: Item) {
        let mut waiting = self.waiting.lock();
        waiting.bytes += item.cost;
        waiting.items.push(item);
        self.filled.notify_one();
    }

    /// Waits for an item, then for more until `interval` is over or there are `bytes_max` of them.
    /// None once closed and empty.
    pub(super) fn take(&self, interval: Duration, bytes_max: usize) -> Option<Vec<Item>> {
        let mut waiting = self.waiting.lock();
        while waiting.items.is_empty() {
            if waiting.closed.is_some() {
                return None;
            }
            self.filled.wait(&mut waiting);
        }
        let until = Instant::now() + interval;
        while waiting.closed.is_none() && waiting.bytes < bytes_max {
            if self.filled.wait_until(&mut waiting, until).timed_out() {
                break;
            }
        }
        waiting.bytes = 0;
        Some(std::mem::take(&mut waiting.items))
    }

    /// Waits before another try. False once that is given up.
    pub(super) fn may_retry(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut waiting = self.waiting.lock();
        // A listener's messages wake it, too; it goes on waiting.
        while waiting.closed.is_none_or(|at| Instant::now() < at) {
            if self.filled.wait_until(&mut waiting, until).timed_out() {
                return true;
            }
        }
        false
    }

    /// Nothing more comes. What is here is appended by `deadline` or given up.
    pub(super) fn close(&self, deadline: Instant) {
        self.waiting.lock().closed = Some(deadline);
        self.filled.notify_all();
    }
}

impl std::fmt::Debug for Intake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").finish_non_exhaustive()
    }
}
