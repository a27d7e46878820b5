//! What is asked of each split by itself and joined: found by several threads, and kept of each split,
//! since splits never change. Live rows are looked at one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use super::ReadError;
use super::cache::{Cache, CacheKey};
use super::decide::{Decider, Found, SplitDecider};
use super::row::RowView;
use super::running::{Running, add};
use super::scan::{Selection, all_units, splits_in_range};
use super::time::TimeRange;
use super::view::{LivePart, View};
use crate::catalog::CatalogSplit;
use crate::split::summary::Summary;
use crate::split::{PageQuery, Split, SplitError};

/// What finding works with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means<'a> {
    pub(crate) view: &'a View,
    pub(crate) running: &'a Arc<Running>,
    pub(crate) threads: usize,
}

/// A question that each split answers by itself.
pub(crate) trait PerSplit: Sync {
    /// An answer; its default is that of no rows.
    type Found: Default + Send + Sync + 'static;

    /// Which rows it is about.
    fn selection(&self) -> &Selection;

    /// What tells it from other questions about the same rows.
    fn question(&self) -> String;

    /// A split's answer; `None` if the query was stopped.
    fn of_split(
        &self,
        means: Means<'_>,
        decider: &SplitDecider,
        topic: Arc<str>,
        index: &PageQuery,
    ) -> Result<Option<Self::Found>, SplitError>;

    /// Adds a live row that matches.
    fn add_live(&self, part: &LivePart, row: usize, view: &RowView<'_>, found: &mut Self::Found);

    /// Lets go of rows that it does not need, where they would be held for its sake alone.
    fn settle(_: &mut Self::Found) {}

    /// Adds one answer to another.
    fn join(sum: &mut Self::Found, more: &Self::Found);

    /// Entries of an answer.
    fn len(found: &Self::Found) -> usize;

    /// Rows that matched.
    fn rows(found: &Self::Found) -> u64;

    /// About what an answer takes in memory.
    fn bytes(found: &Self::Found) -> usize;
}

/// The answer of all splits and of what is live. Blocks.
///
/// # Errors
/// Why it was stopped. A split that cannot be read is named in the answer instead.
pub(crate) fn of_all<Q: PerSplit>(asked: &Q, means: Means<'_>) -> Result<Q::Found, ReadError> {
    if means.view.limits.hides() {
        return of_masked(asked, means);
    }
    let selection = asked.selection();
    let splits: Vec<_> = splits_in_range(means.view, &selection.range, means.running)
        .cloned()
        .collect();
    let index = selection.page_query(means.view);
    let groups = &means.running.meter.groups;
    let next = AtomicUsize::new(0);
    let sum = Mutex::new((Q::Found::default(), Ok(())));
    let work = || {
        while let Some(split) = splits.get(next.fetch_add(1, Relaxed)) {
            let found = of_entry(asked, means, split, &index);
            let mut sum = sum.lock();
            match found {
                Ok(Some(found)) => {
                    Q::join(&mut sum.0, &found);
                    groups.fetch_max(Q::len(&sum.0) as u64, Relaxed);
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
        // What is held costs nothing; a second thread would.
        let helpers = means.threads.min(splits.len()).saturating_sub(1);
        if helpers > 0 && !splits.iter().all(|split| held(asked, means, split).is_some()) {
            for _ in 0..helpers {
                scope.spawn(work);
            }
        }
        work();
    });
    let (mut found, outcome) = sum.into_inner();
    outcome?;
    let range = &selection.range;
    let parts = means.view.live.iter();
    for part in parts.filter(|part| range.overlaps(part.time_min, part.time_max)) {
        means.running.check()?;
        add(&means.running.meter.rows_scanned, part.rows.len() - part.first);
        for row in part.first..part.rows.len() {
            let view = RowView::new(part.rows.row(row), &part.topic);
            if selection.matches(&view) {
                asked.add_live(part, row, &view, &mut found);
            }
        }
        groups.fetch_max(Q::len(&found) as u64, Relaxed);
    }
    means.running.check()?;
    add(&means.running.meter.rows_matched, Q::rows(&found) as usize);
    Ok(found)
}

/// The same of masked rows: of each by itself, and nothing of it is kept, since what is kept is of whole rows.
fn of_masked<Q: PerSplit>(asked: &Q, means: Means<'_>) -> Result<Q::Found, ReadError> {
    let selection = asked.selection();
    let index = selection.page_query(means.view);
    let units = all_units(means.view, &index, &selection.range, means.running)?;
    let groups = &means.running.meter.groups;
    let next = AtomicUsize::new(0);
    let sum = Mutex::new(Q::Found::default());
    let work = || {
        while let Some(unit) = units.get(next.fetch_add(1, Relaxed)) {
            if means.running.check().is_err() {
                return;
            }
            let Some(rows) = means.view.shown(unit, means.running) else {
                continue;
            };
            let (time_min, time_max) = unit.times();
            let part = LivePart {
                topic: rows.topic,
                rows: rows.block,
                first: rows.first,
                time_min,
                time_max,
            };
            let mut found = Q::Found::default();
            for row in part.first..part.rows.len() {
                let view = RowView::new(part.rows.row(row), &part.topic);
                if selection.matches(&view) {
                    asked.add_live(&part, row, &view, &mut found);
                }
            }
            Q::settle(&mut found);
            let mut sum = sum.lock();
            Q::join(&mut sum, &found);
            groups.fetch_max(Q::len(&sum) as u64, Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..means.threads.min(units.len()) {
            scope.spawn(work);
        }
        work();
    });
    means.running.check()?;
    let found = sum.into_inner();
    add(&means.running.meter.rows_matched, Q::rows(&found) as usize);
    Ok(found)
}

/// Under what an answer of a split is kept; nowhere if it means something else tomorrow.
fn key_of<Q: PerSplit>(asked: &Q, entry: &CatalogSplit) -> Option<CacheKey> {
    let selection = asked.selection();
    let signature = selection.decider.signature.as_ref()?;
    // The range, as far as it matters for this split.
    let range = match selection.range.covers(entry.meta.time_min, entry.meta.time_max) {
        true => TimeRange::ALL,
        false => selection.range,
    };
    let question = asked.question();
    Some(CacheKey {
        split: entry.meta.id.clone(),
        question: format!("{question} {}..{} {signature}", range.first, range.last),
    })
}

fn held<Q: PerSplit>(asked: &Q, means: Means<'_>, entry: &CatalogSplit) -> Option<Arc<Q::Found>> {
    means.view.cache.get(&key_of(asked, entry)?)
}

/// A split's answer, held if it was found before; `None` if it cannot be read, which the answer then
/// says.
fn of_entry<Q: PerSplit>(
    asked: &Q,
    means: Means<'_>,
    entry: &CatalogSplit,
    index: &PageQuery,
) -> Result<Option<Arc<Q::Found>>, ReadError> {
    means.running.check()?;
    // Damage found since is in the catalog, and named by `open`.
    let Some(split) = means.view.open(entry, means.running) else {
        return Ok(None);
    };
    add(&means.running.meter.pages_total, split.pages().len());
    let key = key_of(asked, entry);
    if let Some(key) = &key
        && let Some(held) = means.view.cache.get::<Q::Found>(key)
    {
        add(&means.running.meter.splits_cached, 1);
        return Ok(Some(held));
    }
    let topic: Arc<str> = Arc::from(entry.topic.as_str());
    let found = decider_of(
        &means.view.cache,
        &asked.selection().decider,
        &split,
        &topic,
        means.running,
    )
    .and_then(|decider| asked.of_split(means, &decider, topic, index));
    match found {
        Ok(Some(found)) => {
            let found = Arc::new(found);
            if let Some(key) = key {
                means.view.cache.put(key, &found, Q::bytes(&found));
            }
            Ok(Some(found))
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
    running: &Arc<Running>,
) -> Result<Arc<SplitDecider>, SplitError> {
    let key = decider.signature.as_ref().map(|signature| CacheKey {
        split: split.meta().id.clone(),
        question: format!("decider {signature}"),
    });
    let held = key.as_ref().and_then(|key| cache.get::<Found>(key));
    let found = held.unwrap_or_else(|| {
        let found = Arc::new(Found::new(decider, split, topic));
        if let Some(key) = key {
            cache.put(key, &found, found.bytes(split));
        }
        found
    });
    let summary = summary_of(cache, split)?;
    Ok(Arc::new(SplitDecider::new(
        decider, split, summary, found, cache, running,
    )))
}
