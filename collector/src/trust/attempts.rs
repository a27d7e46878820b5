//! Wrong tokens, counted by address (of IPv6, by the network of 64 bits): whoever guesses is soon not
//! listened to.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;

use crate::network::network_of;

/// Wrong tokens of one address within a minute; more are refused unread.
const FAILURES_MAX: u32 = 10;
const WINDOW_S: i64 = 60;
/// Addresses remembered. At the bound those whose minute is over go; if none is, the newest is not
/// counted.
const ADDRESSES_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Attempts {
    failures: Mutex<HashMap<IpAddr, (i64, u32)>>,
}

impl Attempts {
    pub(super) fn may_try(&self, address: IpAddr, now_s: i64) -> bool {
        let failures = self.failures.lock();
        failures
            .get(&network_of(address))
            .is_none_or(|(since_s, count)| now_s - since_s >= WINDOW_S || *count < FAILURES_MAX)
    }

    pub(super) fn failed(&self, address: IpAddr, now_s: i64) {
        let address = network_of(address);
        let mut failures = self.failures.lock();
        if failures.len() >= ADDRESSES_MAX && !failures.contains_key(&address) {
            failures.retain(|_, (since_s, _)| now_s - *since_s < WINDOW_S);
            if failures.len() >= ADDRESSES_MAX {
                return;
            }
        }
        let entry = failures.entry(address).or_insert((now_s, 0));
        if now_s - entry.0 >= WINDOW_S {
            *entry = (now_s, 0);
        }
        entry.1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_tokens_close_an_address_for_a_minute_and_no_other() {
        let attempts = Attempts::default();
        let (bad, good) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..10 {
            assert!(attempts.may_try(bad, 100));
            attempts.failed(bad, 100);
        }
        assert!(!attempts.may_try(bad, 159));
        assert!(attempts.may_try(good, 159));
        assert!(attempts.may_try(bad, 160));
    }

    #[test]
    fn all_addresses_of_a_network_of_ipv6_are_one_guesser() {
        let attempts = Attempts::default();
        let of = |text: &str| text.parse::<IpAddr>().unwrap();
        for n in 0..10 {
            attempts.failed(of(&format!("2001:db8::{n}")), 100);
        }
        assert!(!attempts.may_try(of("2001:db8::ffff"), 100));
        assert!(attempts.may_try(of("2001:db8:0:1::1"), 100));
    }

    #[test]
    fn addresses_without_end_take_no_memory_without_end() {
        let attempts = Attempts::default();
        for n in 0..100_000u32 {
            attempts.failed(IpAddr::from(n.to_be_bytes()), 100);
        }
        assert!(attempts.failures.lock().len() <= ADDRESSES_MAX);
    }
}
