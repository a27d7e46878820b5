//! What waits for a partition's writer: bounded, in order.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use timberline_proto::id::GenerationId;

use crate::append::{AppendError, Appended};

/// Appenders wait beyond this many bytes (one batch always fits).
const INBOX_BYTES_MAX: usize = 32 << 20;
/// The writer takes so many at once, and does not wait for more once so many are there.
const GROUP_BYTES_MAX: usize = 8 << 20;

pub(crate) type Done = Box<dyn FnOnce(Result<Appended, AppendError>) + Send>;

/// Told when the segment that was written to is sealed.
pub(crate) type Sealed = SyncSender<Result<(), AppendError>>;

/// What the writer takes at once.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) requests: Vec<Request>,
    /// Who wants the segment sealed behind these.
    pub(crate) seals: Vec<Sealed>,
}

pub(crate) struct Request {
    pub(crate) batch: Bytes,
    pub(crate) record_count: u32,
    pub(crate) origin: Option<(GenerationId, u64, u64)>,
    pub(crate) done: Done,
}

#[derive(Default)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Request>,
    seals: Vec<Sealed>,
    bytes: usize,
    closed: bool,
}

impl Inbox {
    /// Waits for room. Gives the request back if the inbox is closed.
    pub(crate) fn put(&self, request: Request) -> Result<(), Request> {
        let mut waiting = self.waiting.lock();
        while !waiting.closed && waiting.bytes > 0 && waiting.bytes + request.batch.len() > INBOX_BYTES_MAX {
            self.emptied.wait(&mut waiting);
        }
        if waiting.closed {
            return Err(request);
        }
        waiting.bytes += request.batch.len();
        waiting.requests.push_back(request);
        self.filled.notify_one();
        Ok(())
    }

    /// Asks for the segment to be sealed that is written to. False if the inbox is closed.
    pub(crate) fn put_seal(&self, sealed: Sealed) -> bool {
        let mut waiting = self.waiting.lock();
        if !waiting.closed {
            waiting.seals.push(sealed);
            self.filled.notify_one();
        }
        !waiting.closed
    }

    /// Waits for a request, and until `not_before` for more of them, but for no more than `enough`: as
    /// many as the last group had are likely all that come before someone is answered. None once closed
    /// and empty.
    pub(crate) fn take_group(&self, not_before: Instant, enough: usize) -> Option<Group> {
        let mut waiting = self.waiting.lock();
        while waiting.requests.is_empty() && waiting.seals.is_empty() {
            if waiting.closed {
                return None;
            }
            self.filled.wait(&mut waiting);
        }
        while !waiting.closed
            && waiting.seals.is_empty()
            && waiting.bytes < GROUP_BYTES_MAX
            && waiting.requests.len() < enough
        {
            if self.filled.wait_until(&mut waiting, not_before).timed_out() {
                break;
            }
        }
        let mut taken_bytes = 0;
        let mut requests = Vec::new();
        while taken_bytes < GROUP_BYTES_MAX
            && let Some(request) = waiting.requests.pop_front()
        {
            taken_bytes += request.batch.len();
            requests.push(request);
        }
        waiting.bytes -= taken_bytes;
        self.emptied.notify_all();
        Some(Group {
            requests,
            seals: std::mem::take(&mut waiting.seals),
        })
    }

    /// Nothing more comes in; what is there is still taken.
    pub(crate) fn close(&self) {
        self.waiting.lock().closed = true;
        self.filled.notify_all();
        self.emptied.notify_all();
    }

    /// Closes and gives back what nobody will take.
    pub(crate) fn abandon(&self) -> Vec<Request> {
        self.close();
        let mut waiting = self.waiting.lock();
        waiting.bytes = 0;
        waiting.seals.clear();
        waiting.requests.drain(..).collect()
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}
