//! Counts of rows by what they have in common, without reading lines where that can be.
//!
//! A split is counted, cheapest way first:
//! 1. from its timeline, if neither filter nor keys ask for a template;
//! 2. from its pages' cells (template, stream, severity, rows), where a page lies within the range and
//!    in one bin of time;
//! 3. from the core columns of a page, row by row;
//! 4. rows of which none of these decides whether they match, or what they are counted by, are
//!    rebuilt and tested: only those that have the tokens that the filter needs.
//!
//! What was counted of a split is kept (`cache`), since splits never change. Live rows are tested
//! one by one.
//!
//! | module | what it does |
//! |---|---|
//! | [`keys`] | what rows are counted by |
//! | [`tally`] | one split's counts |
//! | [`rows`] | rows of a page, counted by their own values |
//! | [`ends`] | the first and the last time of matching rows |
//! | [`table`] | counts as a table for DataFusion |
//! | [`rule`] | puts that table in place of an aggregate over `logs` |
//! | [`condition`] | conditions of SQL that are decided here |

mod condition;
mod ends;
mod keys;
mod rows;
mod rule;
mod table;
mod tally;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use super::ReadError;
use super::cache::{Cache, CacheKey};
use super::decide::{Decider, SplitDecider};
use super::row::RowView;
use super::running::{Running, add};
use super::scan::{Selection, splits_in_range};
use super::time::TimeRange;
use super::view::View;
use crate::catalog::CatalogSplit;
use crate::split::summary::Summary;
use crate::split::{PageQuery, Split, SplitError};

pub(crate) use keys::{Key, Value};
pub(crate) use rule::CountsRule;
use tally::Tally;

/// Rows by the values of the keys.
pub(crate) type Groups = HashMap<Box<[Value]>, u64>;

/// What to count, and by what.
#[derive(Clone, Debug)]
pub(crate) struct Counting {
    pub(crate) selection: Selection,
    pub(crate) keys: Vec<Key>,
}

/// What counting works with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means<'a> {
    pub(crate) view: &'a View,
    pub(crate) cache: &'a Arc<Cache>,
    pub(crate) running: &'a Running,
    pub(crate) threads: usize,
}

impl Counting {
    /// Counts. Blocks.
    pub(crate) fn run(&self, means: Means<'_>) -> Result<Groups, ReadError> {
        let splits: Vec<_> = splits_in_range(means.view, &self.selection.range, means.running)
            .cloned()
            .collect();
        let index = self.selection.page_query(means.view);
        let next = AtomicUsize::new(0);
        let sum = Mutex::new((Groups::new(), Ok(())));
        let work = || {
            while let Some(split) = splits.get(next.fetch_add(1, Relaxed)) {
                let counted = self.count_split(means, split, &index);
                let mut sum = sum.lock();
                match counted {
                    Ok(Some(groups)) => {
                        merge(&mut sum.0, &groups);
                        let held = sum.0.len() as u64;
                        means.running.meter.groups.fetch_max(held, Relaxed);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        sum.1 = Err(error);
                        next.store(splits.len(), Relaxed);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            // The first splits tell whether a second thread pays: what is held costs nothing.
            let helpers = means.threads.min(splits.len()).saturating_sub(1);
            if helpers > 0 && !self.is_held(means, &splits) {
                for _ in 0..helpers {
                    scope.spawn(work);
                }
            }
            work();
        });
        let (mut groups, outcome) = sum.into_inner();
        outcome?;
        self.count_live(means, &mut groups)?;
        means.running.check()?;
        let rows: u64 = groups.values().sum();
        add(&means.running.meter.rows_matched, rows as usize);
        Ok(groups)
    }

    fn is_held(&self, means: Means<'_>, splits: &[Arc<CatalogSplit>]) -> bool {
        let held = |split: &Arc<CatalogSplit>| {
            let question = self.question(split);
            question.is_some_and(|question| {
                let key = CacheKey {
                    split: split.meta.id.clone(),
                    question,
                };
                means.cache.get::<Groups>(&key).is_some()
            })
        };
        splits.iter().all(held)
    }

    /// What tells this count of a split from others; none if it means something else tomorrow.
    fn question(&self, split: &CatalogSplit) -> Option<String> {
        let signature = self.selection.decider.signature.as_ref()?;
        let range = self.of_split(split);
        let keys = &self.keys;
        Some(format!("count {keys:?} {}..{} {signature}", range.first, range.last))
    }

    /// The range, as far as it matters for a split.
    fn of_split(&self, split: &CatalogSplit) -> TimeRange {
        let range = self.selection.range;
        match range.covers(split.meta.time_min, split.meta.time_max) {
            true => TimeRange::ALL,
            false => range,
        }
    }

    /// A split's counts; `None` if it cannot be read, which the answer then says.
    fn count_split(
        &self,
        means: Means<'_>,
        entry: &CatalogSplit,
        index: &PageQuery,
    ) -> Result<Option<Arc<Groups>>, ReadError> {
        means.running.check()?;
        let key = self.question(entry).map(|question| CacheKey {
            split: entry.meta.id.clone(),
            question,
        });
        // Damage found since is in the catalog, and named by `open`.
        let Some(split) = means.view.open(entry, means.running) else {
            return Ok(None);
        };
        add(&means.running.meter.pages_total, split.pages().len());
        if let Some(key) = &key
            && let Some(held) = means.cache.get::<Groups>(key)
        {
            add(&means.running.meter.splits_cached, 1);
            return Ok(Some(held));
        }
        let counted = decider_of(means.cache, &self.selection.decider, &split, &entry.topic).and_then(|decider| {
            let topic: Arc<str> = Arc::from(entry.topic.as_str());
            Tally::new(self, &decider, topic, means).count(index)
        });
        match counted {
            Ok(Some(groups)) => {
                let groups = Arc::new(groups);
                if let Some(key) = key {
                    means.cache.put(key, &groups, bytes_of(&groups));
                }
                Ok(Some(groups))
            }
            // It was stopped on the way.
            Ok(None) => {
                means.running.check()?;
                Err(ReadError::Cancelled)
            }
            Err(error) => {
                means
                    .view
                    .failed(&entry.meta.id, entry.meta.rows, &error, means.running);
                Ok(None)
            }
        }
    }

    fn count_live(&self, means: Means<'_>, groups: &mut Groups) -> Result<(), ReadError> {
        let range = &self.selection.range;
        let parts = means.view.live.iter();
        for part in parts.filter(|part| range.overlaps(part.time_min, part.time_max)) {
            means.running.meter.groups.fetch_max(groups.len() as u64, Relaxed);
            means.running.check()?;
            add(&means.running.meter.rows_scanned, part.rows.len() - part.first);
            for at in part.first..part.rows.len() {
                let view = RowView::new(part.rows.row(at), &part.topic);
                if self.selection.matches(&view) {
                    let values = self.keys.iter().map(|key| key.of_row(&view)).collect();
                    *groups.entry(values).or_default() += 1;
                }
            }
        }
        Ok(())
    }
}

fn merge(sum: &mut Groups, more: &Groups) {
    for (key, rows) in more {
        match sum.get_mut(key) {
            Some(sum) => *sum += rows,
            None => {
                sum.insert(key.clone(), *rows);
            }
        }
    }
}

/// About what groups take in memory.
pub(crate) fn bytes_of(groups: &Groups) -> usize {
    let keys: usize = groups.keys().flat_map(|values| values.iter().map(Value::bytes)).sum();
    keys + groups.len() * 48
}

/// A split's summary, held if it was read before.
pub(crate) fn summary_of(cache: &Cache, split: &Split) -> Result<Option<Arc<Summary>>, SplitError> {
    let key = CacheKey {
        split: split.meta().id.clone(),
        question: "summary".to_owned(),
    };
    if let Some(held) = cache.get::<Summary>(&key) {
        return Ok(Some(held));
    }
    let Some(summary) = split.summary()? else {
        return Ok(None);
    };
    let summary = Arc::new(summary);
    cache.put(key, &summary, summary.bytes());
    Ok(Some(summary))
}

/// A filter asked of a split, with what was asked before.
pub(crate) fn decider_of(
    cache: &Arc<Cache>,
    decider: &Arc<Decider>,
    split: &Arc<Split>,
    topic: &str,
) -> Result<Arc<SplitDecider>, SplitError> {
    let key = decider.signature.as_ref().map(|signature| CacheKey {
        split: split.meta().id.clone(),
        question: format!("decider {signature}"),
    });
    if let Some(key) = &key
        && let Some(held) = cache.get::<SplitDecider>(key)
        // One of a split that was opened anew since would keep the old file open.
        && Arc::ptr_eq(&held.split, split)
    {
        return Ok(held);
    }
    let summary = summary_of(cache, split)?;
    let made = Arc::new(SplitDecider::new(decider, split, summary, topic, cache));
    if let Some(key) = key {
        cache.put(key, &made, made.bytes());
    }
    Ok(made)
}
