//! The streams of splits. A change of a few copies a part of them, for snapshots share the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rows::{Stream, StreamId};

/// By the first bits of the id.
const SHARDS: usize = 256;

/// Streams by their id. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Streams {
    /// Ascending.
    shards: Vec<Arc<BTreeMap<StreamId, Arc<Stream>>>>,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            shards: vec![Arc::default(); SHARDS],
        }
    }
}

impl Streams {
    /// The stream of this id.
    pub fn get(&self, id: &StreamId) -> Option<&Arc<Stream>> {
        self.shards[shard(*id)].get(id)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.is_empty())
    }

    /// All of them, in order of their ids.
    pub fn values(&self) -> impl Iterator<Item = &Arc<Stream>> {
        self.shards.iter().flat_map(|shard| shard.values())
    }

    /// Adds one, unless its id is known.
    pub(crate) fn add(&mut self, stream: &Arc<Stream>) {
        let shard = &mut self.shards[shard(stream.id)];
        if !shard.contains_key(&stream.id) {
            Arc::make_mut(shard).insert(stream.id, Arc::clone(stream));
        }
    }

    pub(super) fn remove(&mut self, id: StreamId) {
        let shard = &mut self.shards[shard(id)];
        if shard.contains_key(&id) {
            Arc::make_mut(shard).remove(&id);
        }
    }
}

impl FromIterator<Arc<Stream>> for Streams {
    fn from_iter<T: IntoIterator<Item = Arc<Stream>>>(streams: T) -> Self {
        let mut all = Self::default();
        streams.into_iter().for_each(|stream| all.add(&stream));
        all
    }
}

fn shard(id: StreamId) -> usize {
    (id.0 >> 56) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(id: u64) -> Arc<Stream> {
        Arc::new(Stream {
            id: StreamId(id),
            ..Stream::default()
        })
    }

    #[test]
    fn a_change_copies_the_part_that_it_is_in_and_no_other() {
        let ids = (0..2000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let before: Streams = ids.clone().map(stream).collect();
        assert_eq!(before.len(), 2000);
        assert!(ids.clone().all(|id| before.get(&StreamId(id)).is_some()));
        assert!(before.values().map(|stream| stream.id).is_sorted());
        let shared = |other: &Streams| {
            let pairs = before.shards.iter().zip(&other.shards);
            pairs.filter(|(a, b)| Arc::ptr_eq(a, b)).count()
        };
        let mut after = before.clone();
        after.add(&stream(7));
        assert_eq!((shared(&after), after.len()), (SHARDS - 1, 2001));
        after.remove(StreamId(7));
        after.remove(StreamId(8));
        assert_eq!(after, before);
        let mut same = before.clone();
        ids.for_each(|id| same.add(&stream(id)));
        assert_eq!(shared(&same), SHARDS);
    }
}
