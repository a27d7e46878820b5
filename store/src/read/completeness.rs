//! Up to when answers are complete, and what they go without.

use std::sync::Arc;

use timberline_collector::fleet;
use timberline_proto::api::Completeness;

use super::Reader;
use super::running::Running;
use super::time::{now_nanos, rfc3339};

impl Reader {
    /// How complete everything stored is.
    pub fn status_completeness(&self) -> Completeness {
        let mut completeness = self.stored_completeness();
        let quarantined = self.inner.catalog.snapshot();
        let quarantined = quarantined.splits.iter().filter_map(|split| {
            let reason = split.quarantined.as_ref()?;
            Some(format!(
                "split {} ({} records) is left out: {reason}",
                split.meta.id, split.meta.rows
            ))
        });
        completeness.partial.extend(quarantined);
        completeness
    }

    pub(crate) fn completeness(&self, running: &Running) -> Completeness {
        let mut completeness = self.stored_completeness();
        completeness.partial.extend(running.partial());
        completeness
    }

    /// What the sources say, what is queued, and what the queue lost before it was stored.
    fn stored_completeness(&self) -> Completeness {
        let (sources, taken_to) = {
            let settled = self.inner.settled.lock();
            (Arc::clone(&settled.sources), settled.taken_to_nanos)
        };
        let mut completeness = fleet::completeness(&sources, now_nanos(), self.inner.options.lag_tolerance);
        completeness.taken_to = (taken_to > 0).then(|| rfc3339(taken_to));
        completeness.queued_records = self.inner.live.queued_records();
        completeness.partial.extend(self.gaps());
        completeness
    }

    /// The gaps on record, one sentence each; read again only when the catalog has changed.
    fn gaps(&self) -> Vec<String> {
        let snapshot = self.inner.catalog.snapshot();
        let mut known = self.inner.gaps.lock();
        if let Some((of, sentences)) = &*known
            && of.ptr_eq(&Arc::downgrade(&snapshot))
        {
            return sentences.clone();
        }
        let gaps = match self.inner.catalog.gaps() {
            Ok(gaps) => gaps,
            Err(error) => return vec![format!("whether records are missing cannot be said: {error}")],
        };
        let sentences: Vec<String> = gaps
            .iter()
            .map(|gap| {
                format!(
                    "offsets {}..{} of {}-{} are missing: {}",
                    gap.from, gap.to, gap.topic, gap.partition, gap.reason
                )
            })
            .collect();
        *known = Some((Arc::downgrade(&snapshot), sentences.clone()));
        sentences
    }
}
