//! Who was refused, counted: attempts without end leave few entries, and push out no acts.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::network::network_text;

/// Entries at most; the one that was met last longest ago gives way, and its count goes to the others'.
const ENTRIES_MAX: usize = 100;
/// From where, if it is not known any more.
const ELSEWHERE: &str = "elsewhere";

/// Counts by address and reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusals {
    pub(crate) entries: Vec<Refused>,
}

/// What one address, or one network of IPv6, was refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) origin: String,
    pub(crate) why: String,
    pub(crate) count: u64,
    pub(crate) first_s: i64,
    pub(crate) last_s: i64,
}

impl Refusals {
    pub(crate) fn count(&mut self, from: Option<IpAddr>, why: &str, now_s: i64) {
        let origin = from.map_or_else(|| ELSEWHERE.to_owned(), network_text);
        self.add(Refused {
            origin,
            why: why.to_owned(),
            count: 1,
            first_s: now_s,
            last_s: now_s,
        });
        // Beyond the bound by the two that a reason may have for what is not told apart.
        while self.entries.len() > ENTRIES_MAX && self.forget_one() {}
    }

    /// What came since `before`, by address and reason, as it goes on record.
    pub(crate) fn since(&self, before: &Self) -> serde_json::Value {
        let count_before = |now: &Refused| {
            let same = |entry: &&Refused| entry.origin == now.origin && entry.why == now.why;
            before.entries.iter().find(same).map_or(0, |entry| entry.count)
        };
        let news = self.entries.iter().filter_map(|entry| {
            let count = entry.count.saturating_sub(count_before(entry));
            (count > 0).then(|| serde_json::json!({ "origin": entry.origin, "why": entry.why, "count": count }))
        });
        serde_json::json!({ "refused": news.collect::<Vec<_>>() })
    }

    fn add(&mut self, new: Refused) {
        let same = |entry: &&mut Refused| entry.origin == new.origin && entry.why == new.why;
        match self.entries.iter_mut().find(same) {
            Some(entry) => {
                entry.count = entry.count.saturating_add(new.count);
                entry.first_s = entry.first_s.min(new.first_s);
                entry.last_s = entry.last_s.max(new.last_s);
            }
            None => self.entries.push(new),
        }
    }

    /// False if nothing can be put together any more.
    fn forget_one(&mut self) -> bool {
        let named = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.origin != ELSEWHERE);
        let Some((at, _)) = named.min_by_key(|(_, entry)| entry.last_s) else {
            return false;
        };
        let mut entry = self.entries.swap_remove(at);
        ELSEWHERE.clone_into(&mut entry.origin);
        self.add(entry);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_from_addresses_without_end_are_counted_in_few_entries_and_none_is_lost() {
        let mut refusals = Refusals::default();
        for n in 0..5000u32 {
            refusals.count(Some(IpAddr::from(n.to_be_bytes())), "unknown token", i64::from(n));
        }
        let same: IpAddr = "10.0.0.9".parse().unwrap();
        for n in 0..7 {
            refusals.count(Some(same), "token used up", 6000 + n);
        }
        assert!(refusals.entries.len() <= ENTRIES_MAX, "{}", refusals.entries.len());
        assert_eq!(refusals.entries.iter().map(|entry| entry.count).sum::<u64>(), 5007);
        let of_same = refusals
            .entries
            .iter()
            .find(|entry| entry.origin == "10.0.0.9")
            .unwrap();
        assert_eq!((of_same.count, of_same.first_s, of_same.last_s), (7, 6000, 6006));
    }
}
