//! Which splits to join next.
//!
//! Splits of one topic, retention class and slice form a group; those that a hold touches form another. A group's splits are put into tiers by their bytes
//! of lines, each tier `merge_splits_min` times as large as the one before; a tier with so many
//! splits is joined, and the result belongs to a higher tier. So a row is rewritten once per tier,
//! and a group holds fewer than `merge_splits_min` splits per tier.
//!
//! While nothing waits to be taken in there is time for more: neighbours in time are joined as soon
//! as the largest of them is no more than half of the result. A row is then rewritten at most
//! log2(`merge_bytes_max` / a flush) times, and what is left of a group at rest are few splits.
//!
//! A slice is a UTC day. Splits over several days, and days past with little in them, form one
//! group per topic and are joined with their neighbours in time, as far as retention lets rows stand
//! apart ([`Spans`]). Those of the future are joined with what was published at about the same time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::slices::{Spans, day_of};
use crate::catalog::{CatalogSplit, Snapshot};
use crate::split::{FORMAT_VERSION, FORMAT_VERSION_MIN};
use crate::store::StoreOptions;

/// Everything smaller is in the lowest tier.
const TIER_BYTES_MIN: u64 = 16 << 10;
/// What a row costs beside its line.
const ROW_BYTES: u64 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slice {
    Day(i64),
    Mixed,
    /// Published within so many spans since the epoch.
    Future(i64),
}

/// Splits that may be joined with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group<'a> {
    topic: &'a str,
    /// A split holds streams of one retention class.
    class: &'a str,
    /// What a hold keeps does not keep others.
    is_held: bool,
    slice: Slice,
    tier: u32,
}

/// How eagerly splits are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eagerness {
    /// By tiers: the queue has more to take.
    Busy,
    /// By halves: there is time.
    Idle,
    /// Whatever the limits allow.
    All,
}

/// The next merge: at least two splits within the limits, or none.
pub(super) fn plan(
    splits: &[Arc<CatalogSplit>],
    options: &StoreOptions,
    snapshot: &Snapshot,
    now_nanos: i64,
    eagerness: Eagerness,
) -> Option<Vec<Arc<CatalogSplit>>> {
    let spans = Spans::of_classes(&snapshot.rules, now_nanos);
    let span_of = |class: &str| spans[snapshot.rules.number_of(class)].span_max;
    let mut groups = BTreeMap::<Group<'_>, Vec<&Arc<CatalogSplit>>>::new();
    for split in splits.iter().filter(|split| is_mergeable(split, options)) {
        // What is of several classes is divided first.
        let Some(class) = split.class.as_deref() else { continue };
        let is_held = snapshot.rules.is_held(split, &snapshot.streams);
        let span_max = span_of(class);
        let tier = match eagerness {
            Eagerness::Busy => tier(split, options.merge_splits_min),
            Eagerness::Idle | Eagerness::All => 0,
        };
        let key = Group {
            topic: &split.topic,
            class,
            is_held,
            slice: slice(split, options, now_nanos, span_max),
            tier,
        };
        groups.entry(key).or_default().push(split);
    }
    let enough = match eagerness {
        Eagerness::Busy => options.merge_splits_min.max(2),
        Eagerness::Idle | Eagerness::All => 2,
    };
    groups
        .into_iter()
        .filter(|(_, group)| group.len() >= enough)
        .find_map(|(key, mut group)| {
            let span_max = match key.slice {
                Slice::Day(_) | Slice::Mixed => span_of(key.class),
                Slice::Future(_) => i64::MAX,
            };
            group.sort_by(|a, b| (a.meta.time_max, &a.meta.id).cmp(&(b.meta.time_max, &b.meta.id)));
            match eagerness {
                Eagerness::Idle => longest_even_run(&group, options, span_max),
                Eagerness::Busy | Eagerness::All => first_run(&group, options, span_max),
            }
        })
}

/// The most neighbours in time that together keep the limits, none of them larger than the others
/// together.
fn longest_even_run(
    group: &[&Arc<CatalogSplit>],
    options: &StoreOptions,
    span_max: i64,
) -> Option<Vec<Arc<CatalogSplit>>> {
    let mut longest: &[&Arc<CatalogSplit>] = &[];
    for first in 0..group.len() {
        let (mut rows, mut bytes, mut sum, mut largest) = (0, 0, 0, 0);
        let mut time_min = i64::MAX;
        for (at, split) in group[first..].iter().enumerate() {
            rows += split.meta.rows;
            bytes += split.meta.raw_bytes;
            time_min = time_min.min(split.meta.time_min);
            let fits = rows <= options.merge_rows_max
                && bytes <= options.merge_bytes_max
                && split.meta.time_max.saturating_sub(time_min) <= span_max
                && at < options.merge_splits_max.max(2);
            if !fits {
                break;
            }
            sum += size(split);
            largest = largest.max(size(split));
            if at + 1 > longest.len().max(1) && largest <= sum - largest {
                longest = &group[first..=first + at];
            }
        }
    }
    (longest.len() >= 2).then(|| longest.iter().map(|&split| Arc::clone(split)).collect())
}

/// The first neighbours in time, two at least, that together keep the limits.
fn first_run(group: &[&Arc<CatalogSplit>], options: &StoreOptions, span_max: i64) -> Option<Vec<Arc<CatalogSplit>>> {
    let mut run: Vec<Arc<CatalogSplit>> = Vec::new();
    let (mut rows, mut bytes, mut time_min) = (0, 0, i64::MAX);
    for &split in group {
        let span = split.meta.time_max.saturating_sub(time_min.min(split.meta.time_min));
        let fits = rows + split.meta.rows <= options.merge_rows_max
            && bytes + split.meta.raw_bytes <= options.merge_bytes_max
            && span <= span_max
            && run.len() < options.merge_splits_max.max(2);
        if !fits {
            if run.len() >= 2 {
                return Some(run);
            }
            run.clear();
            (rows, bytes, time_min) = (0, 0, i64::MAX);
        }
        time_min = time_min.min(split.meta.time_min);
        rows += split.meta.rows;
        bytes += split.meta.raw_bytes;
        run.push(Arc::clone(split));
    }
    (run.len() >= 2).then_some(run)
}

fn is_mergeable(split: &CatalogSplit, options: &StoreOptions) -> bool {
    split.quarantined.is_none()
        && (FORMAT_VERSION_MIN..=FORMAT_VERSION).contains(&split.meta.format_version)
        && split.meta.rows < options.merge_rows_max
        && split.meta.raw_bytes < options.merge_bytes_max
}

fn slice(split: &CatalogSplit, options: &StoreOptions, now_nanos: i64, span_max: i64) -> Slice {
    let (first, last) = (day_of(split.meta.time_min), day_of(split.meta.time_max));
    if last > day_of(split.published_at_nanos).saturating_add(1) {
        return Slice::Future(split.published_at_nanos.div_euclid(span_max));
    }
    let is_recent = last >= day_of(now_nanos) - 1;
    if first == last && (is_recent || split.meta.raw_bytes >= options.slice_bytes_min) {
        Slice::Day(first)
    } else {
        Slice::Mixed
    }
}

/// What a split's rows weigh; never nothing.
fn size(split: &CatalogSplit) -> u64 {
    (split.meta.raw_bytes + split.meta.rows * ROW_BYTES).max(TIER_BYTES_MIN)
}

fn tier(split: &CatalogSplit, factor: usize) -> u32 {
    let bytes = split.meta.raw_bytes + split.meta.rows * ROW_BYTES;
    let factor = factor.max(2) as u64;
    (bytes / TIER_BYTES_MIN).max(1).ilog(factor) + u32::from(bytes >= TIER_BYTES_MIN)
}
