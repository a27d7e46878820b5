//! Who is connected: no peer has more than its share of the places, and where all are taken the
//! connection on which nothing has come for longest makes room.
//!
//! A connection that makes room is read to its end as at a stop, so nothing that was sent is lost.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::options::Listener;

/// One that has sent nothing at all makes room after so long, or sooner if the others do.
const SILENT_MAX: Duration = Duration::from_secs(10);
/// Looked at so often whether one has been idle for long enough.
const LOOK: Duration = Duration::from_millis(500);
/// So long one that was told to make room keeps others from being told.
const MAKES_ROOM_MAX: Duration = Duration::from_secs(2);
/// A connection's time while its messages wait for room: it is not idle.
const BUSY: u64 = u64::MAX;

pub(super) struct Connections {
    connections_max: usize,
    per_peer_max: usize,
    idle_close_after: Duration,
    began: Instant,
    open: Mutex<Open>,
    freed: Notify,
}

#[derive(Default)]
struct Open {
    all: HashMap<u64, Known>,
    number: u64,
}

struct Known {
    peer: IpAddr,
    heard: Arc<Heard>,
    close: CancellationToken,
    /// When it was told to make room.
    told: Option<u64>,
}

/// When a connection was accepted or something last came on it, milliseconds since the listener began.
struct Heard {
    at: AtomicU64,
    bytes: AtomicU64,
}

/// A connection's place; given back when dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    heard: Arc<Heard>,
    /// It is to make room.
    pub(super) close: CancellationToken,
}

/// What becomes of one that comes.
enum Answer {
    Place(Place),
    /// Its peer has its share, and none of it is idle.
    Refused,
    /// It waits.
    Full,
}

impl Connections {
    pub(super) fn new(listener: &Listener) -> Self {
        Self {
            connections_max: listener.connections_max.max(1),
            per_peer_max: listener.connections_per_peer_max.max(1),
            idle_close_after: listener.idle_close_after,
            began: Instant::now(),
            open: Mutex::default(),
            freed: Notify::new(),
        }
    }

    /// Whether all places are taken.
    pub(super) fn is_full(&self) -> bool {
        self.open.lock().all.len() >= self.connections_max
    }

    /// Waits for a place. None if the peer has its share.
    pub(super) async fn place(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        loop {
            let freed = self.freed.notified();
            match self.try_place(share_of(peer)) {
                Answer::Place(place) => return Some(place),
                Answer::Refused => return None,
                Answer::Full => {
                    // Whether it was told or not, it is looked again.
                    tokio::time::timeout(LOOK, freed).await.ok();
                }
            }
        }
    }

    fn try_place(self: &Arc<Self>, peer: IpAddr) -> Answer {
        let mut open = self.open.lock();
        let is_its = |known: &Known| known.peer == peer && known.told.is_none();
        if open.all.values().filter(|known| is_its(known)).count() >= self.per_peer_max
            && !self.close_idle(&mut open, is_its)
        {
            return Answer::Refused;
        }
        if open.all.len() >= self.connections_max {
            let lately = self.now().saturating_sub(MAKES_ROOM_MAX.as_millis() as u64);
            let makes_room = |known: &Known| known.told.is_some_and(|told| told >= lately);
            if !open.all.values().any(makes_room) {
                self.close_idle(&mut open, |known| known.told.is_none());
            }
            return Answer::Full;
        }
        open.number += 1;
        let number = open.number;
        let heard = Arc::new(Heard {
            at: AtomicU64::new(self.now()),
            bytes: AtomicU64::new(0),
        });
        let close = CancellationToken::new();
        let known = Known {
            peer,
            heard: heard.clone(),
            close: close.clone(),
            told: None,
        };
        open.all.insert(number, known);
        Answer::Place(Place {
            connections: self.clone(),
            number,
            heard,
            close,
        })
    }

    /// Lets the one of these that has been idle for longest make room, if it has been for long enough.
    fn close_idle(&self, open: &mut Open, is_one: impl Fn(&Known) -> bool) -> bool {
        let now = self.now();
        let idle = |known: &Known| {
            let at = known.heard.at.load(Ordering::Relaxed);
            let is_silent = known.heard.bytes.load(Ordering::Relaxed) == 0;
            let wait = match is_silent {
                true => self.idle_close_after.min(SILENT_MAX),
                false => self.idle_close_after,
            };
            at != BUSY && now.saturating_sub(at) >= wait.as_millis() as u64
        };
        let all = open.all.values_mut().filter(|known| is_one(known) && idle(known));
        let longest = all.min_by_key(|known| known.heard.at.load(Ordering::Relaxed));
        let Some(known) = longest else {
            return false;
        };
        tracing::debug!(peer = %known.peer, "a connection on which nothing came makes room");
        known.told = Some(now);
        known.close.cancel();
        true
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }
}

impl Place {
    /// Bytes have come and wait for room.
    pub(super) fn busy(&self, bytes: usize) {
        self.heard.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.heard.at.store(BUSY, Ordering::Relaxed);
    }

    /// They have found room.
    pub(super) fn idle(&self) {
        self.heard.at.store(self.connections.now(), Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open.lock().all.remove(&self.number);
        self.connections.freed.notify_waiters();
    }
}

/// Whose share a connection is of: an address, of IPv6 what one site is usually given.
fn share_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        address => address,
    }
}
