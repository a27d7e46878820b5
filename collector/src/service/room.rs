//! Memory for batches that are on their way into the queue, of all streams together.
//!
//! Who finds no room reads no further from its stream, and HTTP/2 flow control holds the agent back. A
//! batch is read before its size is known, so each stream may hold one more.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one permit is for.
const UNIT_BYTES: usize = 1024;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Room {
    free: Arc<Semaphore>,
    units: u32,
}

impl Room {
    /// For so many bytes: `server.in_flight_bytes_max`.
    pub(super) fn new(bytes_max: u64) -> Self {
        let units = u32::try_from(bytes_max / UNIT_BYTES as u64).unwrap_or(u32::MAX).max(1);
        Self {
            free: Arc::new(Semaphore::new(units as usize)),
            units,
        }
    }

    /// Waits for room for a batch of so many bytes. One that is larger than all the room has it alone.
    pub(super) async fn take(&self, bytes: usize) -> OwnedSemaphorePermit {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.free)
            .acquire_many_owned(units.clamp(1, self.units))
            .await;
        permit.expect("it is never closed")
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn batches_wait_while_others_fill_the_room_and_one_that_is_larger_goes_alone() {
        let room = Room::new(10 * 1024);
        let first = room.take(6 * 1024).await;
        let second = room.take(4000).await;
        assert!(room.take(1).now_or_never().is_none(), "the room is full");
        drop(second);
        drop(room.take(4000).now_or_never().expect("there is room again"));
        assert!(room.take(1 << 30).now_or_never().is_none(), "not beside another one");
        drop(first);
        drop(room.take(1 << 30).now_or_never().expect("alone it has all of it"));
    }
}
