//! Handshakes under way. Accepting never waits for them: where there are as many as are let be, the oldest
//! one of the address that has most of them is given up for the one that comes. So whoever opens
//! connections and says nothing on them is in nobody's way but its own.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::network::network_of;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Handshakes {
    max: usize,
    /// Of one IPv4 address, or one /64 of IPv6.
    address_max: usize,
    under_way: Arc<Mutex<UnderWay>>,
}

#[derive(Debug, Default)]
struct UnderWay {
    /// The oldest first.
    all: BTreeMap<u64, (IpAddr, CancellationToken)>,
    begun: u64,
}

/// One of them; over when dropped.
#[derive(Debug)]
pub(super) struct Handshake {
    all: Handshakes,
    number: u64,
    /// It is given up for another one.
    pub(super) given_up: CancellationToken,
}

impl Handshakes {
    pub(super) fn new(max: usize, address_max: usize) -> Self {
        Self {
            max: max.max(1),
            address_max: address_max.max(1),
            under_way: Arc::default(),
        }
    }

    /// Begins one, for which another one may be given up; whether that was so.
    pub(super) fn begin(&self, address: IpAddr) -> (Handshake, bool) {
        let network = network_of(address);
        let mut under_way = self.under_way.lock();
        let crowded = under_way.crowded(network, self);
        if let Some(crowded) = crowded {
            under_way.give_up_oldest(crowded);
        }
        under_way.begun += 1;
        let (number, given_up) = (under_way.begun, CancellationToken::new());
        under_way.all.insert(number, (network, given_up.clone()));
        let handshake = Handshake {
            all: self.clone(),
            number,
            given_up,
        };
        (handshake, crowded.is_some())
    }
}

impl UnderWay {
    /// Of which network one has to go, if one has to.
    fn crowded(&self, comes: IpAddr, limits: &Handshakes) -> Option<IpAddr> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for (network, _) in self.all.values() {
            *counts.entry(*network).or_default() += 1;
        }
        if counts.get(&comes).is_some_and(|count| *count >= limits.address_max) {
            return Some(comes);
        }
        if self.all.len() < limits.max {
            return None;
        }
        counts
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map(|(network, _)| network)
    }

    fn give_up_oldest(&mut self, of: IpAddr) {
        let oldest = self.all.iter().find(|(_, (network, _))| *network == of);
        if let Some(number) = oldest.map(|(number, _)| *number)
            && let Some((_, given_up)) = self.all.remove(&number)
        {
            given_up.cancel();
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.all.under_way.lock().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn whoever_has_most_handshakes_under_way_loses_its_oldest_to_one_that_comes() {
        let all = Handshakes::new(10, 6);
        let silent: Vec<Handshake> = (0..6).map(|_| all.begin(address(1)).0).collect();
        let other: Vec<Handshake> = (0..4).map(|_| all.begin(address(2)).0).collect();
        let (comes, crowded) = all.begin(address(3));
        assert!(crowded);
        let given_up = |handshakes: &[Handshake]| -> Vec<bool> {
            handshakes.iter().map(|one| one.given_up.is_cancelled()).collect()
        };
        assert_eq!(given_up(&silent), [true, false, false, false, false, false]);
        assert_eq!(given_up(&other), [false; 4]);
        // Beyond its share an address is in its own way, though there is room.
        drop(other);
        let more: Vec<Handshake> = (0..3).map(|_| all.begin(address(1)).0).collect();
        assert_eq!(given_up(&silent), [true, true, true, false, false, false]);
        assert_eq!(given_up(&more), [false; 3]);
        assert!(!comes.given_up.is_cancelled());
        drop((silent, more, comes));
        assert!(all.under_way.lock().all.is_empty());
    }
}
