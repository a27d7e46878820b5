//! How many connections the gRPC port holds, of all, of one address, and of guests.
//!
//! A guest is who has no certificate that holds where one is demanded: it may enroll or renew, and
//! nothing else. Guests have a part of the places of their own, so that whoever has no certificate
//! cannot keep those out who have one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::network::{network_of, network_text};

/// Of all places, guests get at most one in so many.
const GUESTS_PART: usize = 4;
/// How often it is said that there is no room.
const SAY_INTERVAL: Duration = Duration::from_secs(60);

/// Places for connections. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Places {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    max: usize,
    /// Of one IPv4 address, or one /64 of IPv6.
    address_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    guests: usize,
    by_network: HashMap<IpAddr, usize>,
    said: Option<Instant>,
}

/// One connection's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    network: IpAddr,
    guest: bool,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoPlace {
    /// `server.grpc_connections_max`.
    #[error("as many connections are open as `server.grpc_connections_max` lets")]
    All,
    /// `server.grpc_connections_per_address_max`.
    #[error("one address has as many connections open as `server.grpc_connections_per_address_max` lets")]
    Address,
    /// A bound on handshakes.
    #[error("as many handshakes are under way as are let be; the oldest of the address with most of them was given up")]
    Handshakes,
    /// A part of all.
    #[error("a quarter of `server.grpc_connections_max` is taken by machines without a certificate")]
    Guests,
}

impl Places {
    pub(super) fn new(max: usize, address_max: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                max: max.max(1),
                address_max: address_max.max(1),
                taken: Mutex::default(),
            }),
        }
    }

    /// A place for a connection from `address`.
    pub(super) fn take(&self, address: IpAddr) -> Result<Place, NoPlace> {
        let network = network_of(address);
        let mut taken = self.inner.taken.lock();
        let of_network = taken.by_network.get(&network).copied().unwrap_or(0);
        if of_network >= self.inner.address_max {
            return Err(NoPlace::Address);
        }
        if taken.all >= self.inner.max {
            return Err(NoPlace::All);
        }
        taken.all += 1;
        taken.by_network.insert(network, of_network + 1);
        Ok(Place {
            places: self.clone(),
            network,
            guest: false,
        })
    }

    /// Says in the log that somebody was turned away, now and then.
    pub(super) fn say(&self, address: IpAddr, why: NoPlace) {
        let mut taken = self.inner.taken.lock();
        let now = Instant::now();
        let due = taken.said.is_none_or(|said| now.duration_since(said) >= SAY_INTERVAL);
        if due {
            taken.said = Some(now);
            drop(taken);
            tracing::warn!(
                address = network_text(address),
                "a connection to the gRPC port was closed: {why}"
            );
        }
    }

    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        self.inner.taken.lock().all
    }
}

impl Place {
    /// Counts the connection among the guests.
    pub(super) fn of_guest(mut self) -> Result<Self, NoPlace> {
        let mut taken = self.places.inner.taken.lock();
        if taken.guests >= (self.places.inner.max / GUESTS_PART).max(1) {
            return Err(NoPlace::Guests);
        }
        taken.guests += 1;
        drop(taken);
        self.guest = true;
        Ok(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.inner.taken.lock();
        taken.all -= 1;
        taken.guests -= usize::from(self.guest);
        if let Some(of_network) = taken.by_network.get_mut(&self.network) {
            *of_network -= 1;
            if *of_network == 0 {
                taken.by_network.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_all_places_nor_can_one_network_of_ipv6() {
        let places = Places::new(10, 3);
        let held: Vec<_> = (0..3)
            .map(|n| places.take(address(&format!("2001:db8::{n}"))).unwrap())
            .collect();
        assert_eq!(places.take(address("2001:db8::ffff")).unwrap_err(), NoPlace::Address);
        let other = places.take(address("10.0.0.1")).unwrap();
        drop(held);
        places.take(address("2001:db8::ffff")).unwrap();
        drop(other);
        assert_eq!(places.open(), 0, "what is dropped is free again");
        assert!(places.inner.taken.lock().by_network.is_empty());
    }

    #[test]
    fn guests_leave_three_quarters_of_the_places_to_machines_with_a_certificate() {
        let places = Places::new(8, 8);
        let any = address("10.0.0.1");
        let guests: Vec<_> = (0..2).map(|_| places.take(any).unwrap().of_guest().unwrap()).collect();
        assert_eq!(places.take(any).unwrap().of_guest().unwrap_err(), NoPlace::Guests);
        let known: Vec<_> = (0..6).map(|_| places.take(any).unwrap()).collect();
        assert_eq!(places.take(any).unwrap_err(), NoPlace::Address);
        drop((guests, known));
        places.take(any).unwrap().of_guest().unwrap();
    }
}
