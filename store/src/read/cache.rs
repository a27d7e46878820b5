//! What queries found out about splits, kept for the next one. Splits never change, so nothing here
//! grows stale; beyond the bound the entry unused longest goes.

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
    /// Keys by when they were used last.
    by_use: BTreeMap<u64, CacheKey>,
    uses: u64,
    bytes: usize,
}

struct Entry {
    value: Value,
    bytes: usize,
    used: u64,
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
            by_key, by_use, bytes, ..
        } = &mut *entries;
        by_key.retain(|key, entry| {
            let kept = exists(&key.split);
            if !kept {
                by_use.remove(&entry.used);
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
    fn find(&mut self, key: &CacheKey) -> Option<Value> {
        let entry = self.by_key.get_mut(key)?;
        self.uses += 1;
        let key = self.by_use.remove(&entry.used)?;
        entry.used = self.uses;
        self.by_use.insert(self.uses, key);
        Some(Arc::clone(&entry.value))
    }

    fn keep(&mut self, key: CacheKey, value: Value, bytes: usize, bytes_max: usize) {
        self.uses += 1;
        let used = self.uses;
        self.by_use.insert(used, key.clone());
        if let Some(old) = self.by_key.insert(key, Entry { value, bytes, used }) {
            self.by_use.remove(&old.used);
            self.bytes -= old.bytes;
        }
        self.bytes += bytes;
        while self.bytes > bytes_max {
            let Some((_, oldest)) = self.by_use.pop_first() else {
                break;
            };
            if let Some(entry) = self.by_key.remove(&oldest) {
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
    fn at_the_bound_the_entry_unused_longest_goes() {
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
}
