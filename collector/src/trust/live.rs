//! Connections that are open, by who is at the other end: what revoking cuts.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use timberline_proto::tls::Peer;
use tokio_util::sync::CancellationToken;

#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, (Peer, CancellationToken)>,
}

/// One connection; forgotten when dropped.
#[derive(Debug)]
pub(crate) struct LiveConnection {
    live: Live,
    number: u64,
    cut: CancellationToken,
}

impl Live {
    pub(super) fn add(&self, peer: Peer) -> LiveConnection {
        let cut = CancellationToken::new();
        let mut open = self.open.lock();
        let number = open.next;
        open.next += 1;
        open.connections.insert(number, (peer, cut.clone()));
        drop(open);
        LiveConnection {
            live: self.clone(),
            number,
            cut,
        }
    }

    /// Cuts every connection of `peer`; how many there were.
    pub(super) fn cut(&self, peer: Peer) -> usize {
        let open = self.open.lock();
        let of_peer = open.connections.values().filter(|(of, _)| *of == peer);
        of_peer.map(|(_, cut)| cut.cancel()).count()
    }

    pub(super) fn count(&self, peer: Peer) -> usize {
        let open = self.open.lock();
        open.connections.values().filter(|(of, _)| *of == peer).count()
    }
}

impl LiveConnection {
    /// Ends when the connection is to be cut.
    pub(crate) fn cut(&self) -> CancellationToken {
        self.cut.clone()
    }
}

impl Drop for LiveConnection {
    fn drop(&mut self) {
        self.live.open.lock().connections.remove(&self.number);
    }
}
