//! What queries found out about splits, kept for the next one. Splits never change, so nothing here
//! grows stale.
//!
//! Beyond the bound the entry of least worth goes: GreedyDual-Size (Cao and Irani, "Cost-Aware WWW
//! Proxy Caching Algorithms", 1997) with a cost of its own for each byte's finding and one for the
//! finding itself. So a query over more splits than the bound holds in large entries (templates,
//! summaries) does not push out the small ones (answers), as the order of use alone would: that one
//! finds nothing again where the same splits are gone through in the same order.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

/// What an entry is about: a split, and a question of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey {
    pub(crate) split: String,
    pub(crate) question: String,
}

type Value = Arc<dyn Any + Send + Sync>;

/// Bounded by `query.cache_bytes_max`.
#[derive(Debug)]
pub(crate) struct Cache {
    bytes_max: usize,
    entries: Mutex<Entries>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Default)]
struct Entries {
    by_key: HashMap<CacheKey, Entry>,
    /// Keys by their worth, and among equals by when they were used last.
    by_worth: BTreeMap<Rank, CacheKey>,
    /// The worth of what went last: what comes later starts from here, so nothing stays for ever.
    floor: u64,
    uses: u64,
    bytes: usize,
}

/// Worth, then use.
type Rank = (u64, u64);

/// What the finding of an entry costs, shared by its bytes: an entry ten times as large as another is
/// worth a tenth as much. Entries below [`SMALL_BYTES`] count alike.
const COST: u64 = 1 << 32;
const SMALL_BYTES: usize = 1 << 10;

struct Entry {
    value: Value,
    bytes: usize,
    rank: Rank,
}

impl std::fmt::Debug for Entries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} entries of {} bytes", self.by_key.len(), self.bytes)
    }
}

/// A cache in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Bytes held, about.
    pub bytes: u64,
    /// Questions whose answer was held.
    pub hits: u64,
    /// Questions whose answer was not.
    pub misses: u64,
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            entries: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// What is held under a key, if it is a `T`.
    pub(crate) fn get<T: Any + Send + Sync>(&self, key: &CacheKey) -> Option<Arc<T>> {
        let found = self.entries.lock().find(key);
        let found = found.and_then(|value| value.downcast::<T>().ok());
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Relaxed);
        found
    }

    /// Holds a value of about so many bytes; one that alone is above the bound is not held.
    pub(crate) fn put<T: Any + Send + Sync>(&self, key: CacheKey, value: &Arc<T>, bytes: usize) {
        let bytes = bytes + key.split.len() + 2 * key.question.len() + 128;
        if bytes <= self.bytes_max {
            let value: Value = Arc::clone(value) as Value;
            self.entries.lock().keep(key, value, bytes, self.bytes_max);
        }
    }

    /// Forgets what is about splits that `exists` says are gone.
    pub(crate) fn retain(&self, exists: impl Fn(&str) -> bool) {
        let mut entries = self.entries.lock();
        let Entries {
            by_key,
            by_worth,
            bytes,
            ..
        } = &mut *entries;
        by_key.retain(|key, entry| {
            let kept = exists(&key.split);
            if !kept {
                by_worth.remove(&entry.rank);
                *bytes -= entry.bytes;
            }
            kept
        });
    }

    pub(crate) fn stats(&self) -> CacheStats {
        CacheStats {
            bytes: self.entries.lock().bytes as u64,
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
        }
    }
}

impl Entries {
    /// The worth of an entry that is used now.
    fn rank(&mut self, bytes: usize) -> Rank {
        self.uses += 1;
        (self.floor + COST / bytes.max(SMALL_BYTES) as u64, self.uses)
    }

    fn find(&mut self, key: &CacheKey) -> Option<Value> {
        let rank = self.rank(self.by_key.get(key)?.bytes);
        let entry = self.by_key.get_mut(key)?;
        let key = self.by_worth.remove(&entry.rank)?;
        entry.rank = rank;
        self.by_worth.insert(rank, key);
        Some(Arc::clone(&entry.value))
    }

    fn keep(&mut self, key: CacheKey, value: Value, bytes: usize, bytes_max: usize) {
        let rank = self.rank(bytes);
        self.by_worth.insert(rank, key.clone());
        if let Some(old) = self.by_key.insert(key, Entry { value, bytes, rank }) {
            self.by_worth.remove(&old.rank);
            self.bytes -= old.bytes;
        }
        self.bytes += bytes;
        while self.bytes > bytes_max {
            let Some(((worth, _), least)) = self.by_worth.pop_first() else {
                break;
            };
            self.floor = worth;
            if let Some(entry) = self.by_key.remove(&least) {
                self.bytes -= entry.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(question: &str) -> CacheKey {
        CacheKey {
            split: "s".to_owned(),
            question: question.to_owned(),
        }
    }

    #[test]
    fn at_the_bound_of_equals_the_entry_unused_longest_goes() {
        let cache = Cache::new(2 * 1000);
        for name in ["a", "b"] {
            cache.put(key(name), &Arc::new(name.to_owned()), 700);
        }
        assert!(cache.get::<String>(&key("a")).is_some());
        cache.put(key("c"), &Arc::new(1_u32), 700);
        assert!(cache.get::<String>(&key("a")).is_some());
        assert!(cache.get::<String>(&key("b")).is_none());
        assert!(cache.get::<String>(&key("c")).is_none(), "of another type");
        cache.put(key("d"), &Arc::new(1_u32), 2000);
        assert!(cache.get::<u32>(&key("d")).is_none());
        let stats = cache.stats();
        assert!(stats.bytes <= 2000 && stats.hits == 2, "{stats:?}");
    }

    #[test]
    fn answers_stay_though_more_large_entries_pass_than_the_bound_holds() {
        let cache = Cache::new(1_000_000);
        let answers = || (0..50).map(|n| key(&format!("answer {n}")));
        for round in 0..3 {
            for (n, answer) in answers().enumerate() {
                assert!(round == 0 || cache.get::<usize>(&answer).is_some(), "{round}: {n}");
                cache.put(key(&format!("large {n}")), &Arc::new(n), 100_000);
                cache.put(answer, &Arc::new(n), 500);
            }
        }
        assert!(cache.stats().bytes <= 1_000_000);
    }

    #[test]
    fn what_is_never_asked_again_does_not_stay_for_ever() {
        let cache = Cache::new(100_000);
        cache.put(key("old"), &Arc::new(0), 500);
        for n in 0..10_000 {
            cache.put(key(&format!("new {n}")), &Arc::new(n), 5_000);
        }
        assert!(cache.get::<i32>(&key("old")).is_none());
    }
}
