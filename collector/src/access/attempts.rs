//! Failed tries, counted by account and by address (of IPv6, by the network of 64 bits): whoever guesses
//! is soon not listened to. Kept in memory: a restart forgets them, and nobody outside can cause one.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use parking_lot::Mutex;

use super::AccessOptions;
use crate::network::network_of;

/// Names or addresses remembered of each. At the bound those whose window is over go; if none is, only
/// accounts that exist are still counted.
const REMEMBERED_MAX: usize = 4096;

#[derive(Debug)]
pub(super) struct Attempts {
    window_s: i64,
    account_max: u32,
    address_max: u32,
    accounts: Mutex<HashMap<String, (i64, u32)>>,
    addresses: Mutex<HashMap<IpAddr, (i64, u32)>>,
}

impl Attempts {
    pub(super) fn new(options: &AccessOptions) -> Self {
        Self {
            window_s: i64::try_from(options.failures_window.as_secs())
                .unwrap_or(i64::MAX)
                .max(1),
            account_max: options.account_failures_max.max(1),
            address_max: options.address_failures_max.max(1),
            accounts: Mutex::default(),
            addresses: Mutex::default(),
        }
    }

    pub(super) fn may_try_from(&self, address: Option<IpAddr>, now_s: i64) -> bool {
        address.is_none_or(|address| self.is_below(&self.addresses, &network_of(address), self.address_max, now_s))
    }

    pub(super) fn may_try_account(&self, name: &str, now_s: i64) -> bool {
        self.is_below(&self.accounts, &name.to_owned(), self.account_max, now_s)
    }

    /// Gives whether this try locked an account that exists.
    pub(super) fn failed(&self, name: &str, exists: bool, address: Option<IpAddr>, now_s: i64) -> bool {
        if let Some(address) = address {
            self.count(&self.addresses, network_of(address), false, now_s);
        }
        exists && self.count(&self.accounts, name.to_owned(), exists, now_s) == self.account_max
    }

    /// The right password was given: earlier tries were its owner's.
    pub(super) fn succeeded(&self, name: &str) {
        self.accounts.lock().remove(name);
    }

    fn is_below<K: Eq + Hash>(&self, counts: &Mutex<HashMap<K, (i64, u32)>>, key: &K, max: u32, now_s: i64) -> bool {
        let counts = counts.lock();
        counts
            .get(key)
            .is_none_or(|(since_s, count)| now_s - since_s >= self.window_s || *count < max)
    }

    fn count<K: Eq + Hash>(&self, counts: &Mutex<HashMap<K, (i64, u32)>>, key: K, always: bool, now_s: i64) -> u32 {
        let mut counts = counts.lock();
        if counts.len() >= REMEMBERED_MAX && !counts.contains_key(&key) {
            counts.retain(|_, (since_s, _)| now_s - *since_s < self.window_s);
            if counts.len() >= REMEMBERED_MAX && !always {
                return 0;
            }
        }
        let entry = counts.entry(key).or_insert((now_s, 0));
        if now_s - entry.0 >= self.window_s {
            *entry = (now_s, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        entry.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts() -> Attempts {
        Attempts::new(&AccessOptions {
            account_failures_max: 3,
            address_failures_max: 5,
            failures_window: std::time::Duration::from_secs(60),
            ..AccessOptions::default()
        })
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_account_is_locked_for_a_while_whatever_address_the_guesses_come_from() {
        let attempts = attempts();
        for n in 0..3 {
            assert!(attempts.may_try_account("anna", 100));
            let locked = attempts.failed("anna", true, address(&format!("10.0.0.{n}")), 100);
            assert_eq!(locked, n == 2);
        }
        assert!(!attempts.may_try_account("anna", 159));
        assert!(attempts.may_try_account("bert", 159));
        assert!(attempts.may_try_account("anna", 160));
    }

    #[test]
    fn an_address_is_not_listened_to_whatever_names_it_tries() {
        let attempts = attempts();
        for n in 0..5 {
            assert!(attempts.may_try_from(address("2001:db8::1"), 100));
            attempts.failed(&format!("user{n}"), false, address("2001:db8::1"), 100);
        }
        assert!(!attempts.may_try_from(address("2001:db8::2"), 100));
        assert!(attempts.may_try_from(address("10.0.0.1"), 100));
    }

    #[test]
    fn names_and_addresses_without_end_take_no_memory_without_end_and_hide_no_account() {
        let attempts = attempts();
        for n in 0..20_000u32 {
            attempts.failed(&format!("user{n}"), false, Some(IpAddr::from(n.to_be_bytes())), 100);
        }
        assert!(attempts.accounts.lock().len() <= REMEMBERED_MAX && attempts.addresses.lock().len() <= REMEMBERED_MAX);
        for _ in 0..3 {
            attempts.failed("anna", true, None, 100);
        }
        assert!(!attempts.may_try_account("anna", 100));
    }

    #[test]
    fn the_right_password_forgives_earlier_tries() {
        let attempts = attempts();
        attempts.failed("anna", true, None, 100);
        attempts.failed("anna", true, None, 100);
        attempts.succeeded("anna");
        assert!(!attempts.failed("anna", true, None, 100));
    }
}
