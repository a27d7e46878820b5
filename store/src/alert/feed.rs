//! Lines as they come, each once. Rows are taken where they are not published yet; those that were
//! published and dropped before they were looked at have to be read again from the store.

use std::collections::BTreeMap;

use timberline_proto::id::IncarnationId;

use crate::catalog::{Catalog, SeenTo, Snapshot};
use crate::live::LiveRows;
use crate::read::RowView;

/// Which topics are looked at.
pub(crate) type Wanted<'a> = &'a dyn Fn(&str) -> bool;

/// How far the partitions were looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Feed {
    next: BTreeMap<(String, u32), (IncarnationId, u64)>,
    /// Whether it moved since it was kept.
    pub(crate) moved: bool,
}

impl Feed {
    /// As it was kept.
    pub(crate) fn of(seen: Vec<SeenTo>) -> Self {
        let next = seen
            .into_iter()
            .map(|seen| ((seen.topic, seen.partition), (seen.incarnation, seen.next)));
        Self {
            next: next.collect(),
            moved: false,
        }
    }

    /// To keep.
    pub(crate) fn seen(&self) -> Vec<SeenTo> {
        let seen = self
            .next
            .iter()
            .map(|((topic, partition), (incarnation, next))| SeenTo {
                topic: topic.clone(),
                partition: *partition,
                incarnation: *incarnation,
                next: *next,
            });
        seen.collect()
    }

    /// The first offset of a partition that was not looked at.
    pub(crate) fn next(&self, topic: &str, partition: u32) -> u64 {
        self.next
            .get(&(topic.to_owned(), partition))
            .map_or(0, |(_, next)| *next)
    }

    /// Everything that is there now counts as looked at.
    pub(crate) fn skip_to_end(&mut self, live: &dyn LiveRows, catalog: &Catalog, wanted: Wanted<'_>) {
        let blocks = live.blocks();
        let snapshot = catalog.snapshot();
        for (key, position) in snapshot.positions.iter().filter(|(key, _)| wanted(&key.0)) {
            self.advance(key.clone(), position.incarnation, position.next_offset);
        }
        for block in blocks.into_iter().filter(|block| wanted(&block.topic)) {
            let key = (block.topic.clone(), block.partition);
            let incarnation = incarnation_of(&snapshot, &key);
            if let Some(last) = block.rows.offsets().last() {
                self.advance(key, incarnation, last + 1);
            }
        }
    }

    /// Gives the rows that were not looked at. Whether these are all: else some were published and
    /// dropped before.
    pub(crate) fn pull(
        &mut self,
        live: &dyn LiveRows,
        catalog: &Catalog,
        wanted: Wanted<'_>,
        each: &mut dyn FnMut(&RowView<'_>),
    ) -> bool {
        let mut blocks = live.blocks();
        blocks.retain(|block| wanted(&block.topic));
        let snapshot = catalog.snapshot();
        let mut first_live: BTreeMap<(String, u32), u64> = BTreeMap::new();
        for block in &blocks {
            if let Some(first) = block.rows.offsets().first() {
                let least = first_live
                    .entry((block.topic.clone(), block.partition))
                    .or_insert(*first);
                *least = (*least).min(*first);
            }
        }
        let mut whole = true;
        for (key, position) in snapshot.positions.iter().filter(|(key, _)| wanted(&key.0)) {
            let next = self.begin(key, position.incarnation);
            let is_held = first_live.get(key).is_some_and(|first| *first <= next);
            if position.next_offset > next && !is_held {
                let until = first_live.get(key).copied().unwrap_or(u64::MAX);
                let lost = holds_between(&snapshot, key, (next, until));
                whole &= !lost;
                if !lost && !first_live.contains_key(key) {
                    self.advance(key.clone(), position.incarnation, position.next_offset);
                }
            }
        }
        if !whole {
            return false;
        }
        for block in &blocks {
            let key = (block.topic.clone(), block.partition);
            let incarnation = incarnation_of(&snapshot, &key);
            let next = self.begin(&key, incarnation);
            let offsets = block.rows.offsets();
            let first = offsets.partition_point(|offset| *offset < next);
            for row in first..block.rows.len() {
                each(&RowView::new(block.rows.row(row), &block.topic));
            }
            if let Some(last) = offsets.last() {
                self.advance(key, incarnation, last + 1);
            }
        }
        true
    }

    /// Where a partition is looked at next; from its beginning if it began anew.
    fn begin(&mut self, key: &(String, u32), incarnation: IncarnationId) -> u64 {
        match self.next.get(key) {
            Some((known, next)) if *known == incarnation || incarnation == IncarnationId::default() => *next,
            // What is known of before its first publication has no incarnation yet.
            Some((known, next)) if *known == IncarnationId::default() => {
                let next = *next;
                self.next.insert(key.clone(), (incarnation, next));
                next
            }
            _ => 0,
        }
    }

    fn advance(&mut self, key: (String, u32), incarnation: IncarnationId, to: u64) {
        let held = self.next.entry(key).or_insert((incarnation, 0));
        if held.0 != incarnation && incarnation != IncarnationId::default() {
            if held.0 != IncarnationId::default() {
                held.1 = 0;
            }
            held.0 = incarnation;
        }
        if to > held.1 {
            held.1 = to;
            self.moved = true;
        }
    }
}

fn incarnation_of(snapshot: &Snapshot, key: &(String, u32)) -> IncarnationId {
    snapshot
        .positions
        .get(key)
        .map(|position| position.incarnation)
        .unwrap_or_default()
}

/// Whether a split holds rows of a partition from an offset on, and before another.
fn holds_between(snapshot: &Snapshot, (topic, partition): &(String, u32), (from, until): (u64, u64)) -> bool {
    let mut splits = snapshot.splits.iter().filter(|split| split.topic == *topic);
    splits.any(|split| {
        let mut offsets = split.meta.offsets.iter();
        offsets.any(|(other, first, last)| other == partition && *last >= from && *first < until)
    })
}
