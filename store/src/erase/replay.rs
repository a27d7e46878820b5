//! Erasures that a restored directory does not know of: a backup that was made before holds what they took.
//! They are carried out again by place, for what they were about is known to nobody any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::ErasureError;
use super::service::Shared;
use crate::catalog::{CatalogError, CatalogSplit, Guard, is_own_topic};
use crate::integrity::Removal;
use crate::store::StoreError;
use crate::write::{FlushError, QueueRange, Rewrite, RewriteFor, SourceError};

/// First and last offsets by topic and partition.
pub(super) type Places = BTreeMap<(String, u32), Vec<(u64, u64)>>;

fn has(ranges: &[(u64, u64)], offset: u64) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&offset))
}

impl Shared {
    /// Erases what stands at these places, in the queue and in splits, whatever keeps it: it was erased by
    /// right before. Durable on return; doing it again changes nothing.
    ///
    /// # Errors
    /// [`ErasureError`]; some of it may be done then.
    pub(super) fn erase_places(&self, id: &str, places: &Places) -> Result<u64, ErasureError> {
        let context = self.store.context();
        let fixed: Vec<QueueRange> = context
            .queue_ranges()?
            .into_iter()
            .filter(|range| places.contains_key(&(range.topic.clone(), range.partition)))
            .collect();
        for range in &fixed {
            let ranges = &places[&(range.topic.clone(), range.partition)];
            let offsets: BTreeSet<u64> = ranges
                .iter()
                .flat_map(|&(first, last)| first..=last.min(range.to))
                .collect();
            match context.erase_in_queue(range, &offsets) {
                // The store's own topics are in the catalog.
                Err(SourceError::NoPartition { .. }) => {}
                outcome => outcome?,
            }
        }
        self.wait_published(&fixed)?;
        let removal = Removal {
            reason: "erased before the backup was restored that held it".to_owned(),
            policy: Some(format!("erasure {id}")),
            actor: "store".to_owned(),
        };
        let mut done = BTreeSet::new();
        let mut records = 0;
        loop {
            let snapshot = self.catalog().snapshot();
            let is_new = |split: &&Arc<CatalogSplit>| {
                split.quarantined.is_none()
                    && !is_own_topic(&split.topic)
                    && !done.contains(&split.meta.id)
                    && touches(split, places)
            };
            let splits: Vec<Arc<CatalogSplit>> = snapshot.splits.iter().filter(is_new).cloned().collect();
            drop(snapshot);
            if splits.is_empty() {
                return Ok(records);
            }
            for split in splits {
                self.go_on()?;
                let mut rewrite = Rewrite::default();
                let open = self.store.split(&split)?;
                for page in 0..open.pages().len() as u32 {
                    let core = open.page_core(page)?;
                    open.forget_templates();
                    let at = core.partitions().iter().copied().zip(core.offsets().iter().copied());
                    rewrite.gone.extend(at.filter(|(partition, offset)| {
                        let ranges = places.get(&(split.topic.clone(), *partition));
                        ranges.is_some_and(|ranges| has(ranges, *offset))
                    }));
                }
                drop(open);
                if rewrite.gone.is_empty() {
                    done.insert(split.meta.id.clone());
                    continue;
                }
                let why = RewriteFor {
                    removal: &removal,
                    guard: Guard::Nothing,
                    request: None,
                };
                match context.rewrite_rows(&split, &rewrite, &why) {
                    Ok(fresh) => {
                        records += rewrite.gone.len() as u64;
                        done.extend(fresh.map(|meta| meta.id));
                    }
                    Err(FlushError::Catalog(CatalogError::NotThere { .. })) => {}
                    Err(error) => return Err(StoreError::from(error).into()),
                }
            }
        }
    }
}

fn touches(split: &CatalogSplit, places: &Places) -> bool {
    split.meta.offsets.iter().any(|&(partition, from, to)| {
        let ranges = places.get(&(split.topic.clone(), partition));
        ranges.is_some_and(|ranges| ranges.iter().any(|&(first, last)| first <= to && last >= from))
    })
}
