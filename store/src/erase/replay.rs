//! Erasures that a restored directory does not know of: a backup that was made before holds what they took.
//! They are carried out again by place, for what they were about is known to nobody any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use timberline_proto::api::access::Actor;
use timberline_proto::api::erasure::ErasureState;

use super::error::ErasureError;
use super::order::ErasureOrder;
use super::request::{About, Request};
use super::service::Shared;
use crate::catalog::{CatalogError, CatalogSplit, Guard, is_own_topic};
use crate::integrity::Removal;
use crate::integrity::verify::read_keys;
use crate::store::StoreError;
use crate::write::{FlushError, QueueRange, Rewrite, RewriteFor, SourceError};

/// First and last offsets by topic and partition.
pub(super) type Places = BTreeMap<(String, u32), Vec<(u64, u64)>>;

fn has(ranges: &[(u64, u64)], offset: u64) -> bool {
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&offset))
}

impl Shared {
    /// Carries out the orders beside the data that the catalog does not know of, and puts them on record.
    /// How many records in splits that were. Durable on return.
    ///
    /// # Errors
    /// [`ErasureError`]; nothing may be served then of what is to be gone.
    pub(super) fn replay(&self) -> Result<u64, ErasureError> {
        let dir = self.store.data_dir();
        let orders = ErasureOrder::all(dir).map_err(|source| ErasureError::Io {
            path: dir.join("erasures"),
            source,
        })?;
        let keys_path = dir.join("integrity/keys");
        let keys = match keys_path.exists() {
            true => read_keys(&[keys_path]).map_err(|error| ErasureError::Later(error.what))?,
            false => Vec::new(),
        };
        let mut records = 0;
        for order in orders {
            let known = self.catalog().erasure(&order.id)?;
            if known.is_some_and(|known| known.what.is_none()) {
                continue;
            }
            let is_ours = order.store == self.catalog().store_id() && (keys.is_empty() || order.is_signed_by(&keys));
            if !is_ours {
                tracing::error!(
                    erasure = order.id,
                    "an order beside the data is of another store, or signed by no key of this one: it is not carried out"
                );
                continue;
            }
            records += self.replay_one(&order)?;
        }
        Ok(records)
    }

    fn replay_one(&self, order: &ErasureOrder) -> Result<u64, ErasureError> {
        let mut places = Places::new();
        for erased in &order.erased {
            let of = places.entry((erased.topic.clone(), erased.partition)).or_default();
            of.extend(&erased.ranges);
        }
        let records = self.erase_places(&order.id, &places)?;
        self.scrub()?;
        tracing::info!(erasure = order.id, records, "carried out again in what was restored");
        let mut request = Request {
            id: order.id.clone(),
            state: ErasureState::Final,
            what: None,
            about: About {
                reason: "carried out again in what was restored".to_owned(),
                asked_by: "store".to_owned(),
                asked_at_nanos: self.clock.now_unix_nanos(),
                final_at_nanos: Some(self.clock.now_unix_nanos()),
                ..About::default()
            },
        };
        let act = self.act(
            &request,
            "erasure.replay",
            &Actor::new("store", None),
            serde_json::json!({ "records": records }),
        );
        // One that was asked for before the backup, and carried out after it, is on record without its end.
        if let Some(before) = self.catalog().erasure(&order.id)? {
            let state = before.state.clone();
            request.about = Request::read(before)?.about;
            request.about.final_at_nanos = Some(self.clock.now_unix_nanos());
            self.catalog().change_erasure(&request.stored(), &state, Some(&act))?;
        } else {
            self.catalog().add_erasure(&request.stored(), u64::MAX, &act)?;
        }
        Ok(records)
    }

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
        // What comes later has other records at such offsets, if the queue is older than the order.
        let ends: BTreeMap<(&str, u32), u64> = fixed
            .iter()
            .map(|range| ((range.topic.as_str(), range.partition), range.to))
            .collect();
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
                // Also what was merged or replaced meanwhile.
                self.wait_swept(&|is_none_left| is_none_left)?;
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
                        let end = ends.get(&(split.topic.as_str(), *partition));
                        ranges.is_some_and(|ranges| has(ranges, *offset)) && end.is_none_or(|end| offset < end)
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
