//! What a plan means, for people.

use std::collections::{BTreeMap, BTreeSet};

use timberline_proto::api::retention::{HeldBack, PreviewAnswer, Removal, Stored};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::disk::DiskUse;
use super::plan::plan;
use super::rules::Rules;
use crate::catalog::{CatalogSplit, Snapshot};
use crate::rows::Stream;

/// Streams that are named.
const STREAMS_MAX: usize = 20;

/// Sums over splits.
pub fn summary<'a>(splits: impl IntoIterator<Item = &'a CatalogSplit>) -> Stored {
    let mut stored = Stored::default();
    let mut streams = BTreeSet::new();
    let mut times: Option<(i64, i64)> = None;
    for split in splits {
        let meta = &split.meta;
        stored.splits += 1;
        stored.records += meta.rows;
        stored.raw_bytes += meta.raw_bytes;
        stored.file_bytes += meta.file_bytes;
        streams.extend(meta.streams.iter().map(|id| (split.topic.as_str(), *id)));
        let (first, last) = times.unwrap_or((meta.time_min, meta.time_max));
        times = Some((first.min(meta.time_min), last.max(meta.time_max)));
    }
    stored.streams = streams.len() as u64;
    if let Some((first, last)) = times {
        stored.oldest = format_rfc3339_nanos(first);
        stored.newest = format_rfc3339_nanos(last);
    }
    stored
}

/// What `rules` would delete now of what is stored, and what is held back.
pub fn preview(snapshot: &Snapshot, rules: &Rules, now_nanos: i64, disk: Option<DiskUse>) -> PreviewAnswer {
    let plan = plan(rules, &snapshot.splits, &snapshot.streams, now_nanos, disk);
    let removals = plan
        .removals
        .chunk_by(|a, b| (a.policy, a.cause, &a.reason) == (b.policy, b.cause, &b.reason));
    let removals = removals.map(|same| Removal {
        class: rules.policies()[same[0].policy].name.clone(),
        cause: same[0].cause,
        reason: same[0].reason.clone(),
        stored: summary(same.iter().map(|one| &*one.split)),
    });
    let mut kept = BTreeMap::new();
    for one in &plan.held_back {
        let key = (one.keeping.by, one.keeping.name.clone());
        kept.entry(key).or_insert_with(Vec::new).push(one);
    }
    let held_back = kept.into_iter().map(|((by, name), same)| HeldBack {
        by,
        name,
        reason: same[0].keeping.to_string(),
        stored: summary(same.iter().map(|one| &*one.split)),
        until: same
            .iter()
            .filter_map(|one| one.keeping.until)
            .max()
            .map(format_rfc3339_nanos),
    });
    let is_mixed = |split: &&std::sync::Arc<CatalogSplit>| rules.policies_of(split, &snapshot.streams).len() > 1;
    let touched: BTreeSet<_> = plan.removals.iter().flat_map(|one| &one.split.meta.streams).collect();
    let names: BTreeSet<String> = touched
        .iter()
        .filter_map(|id| snapshot.streams.get(id))
        .map(|stream| name_of(stream))
        .collect();
    PreviewAnswer {
        at: format_rfc3339_nanos(now_nanos),
        removed: summary(plan.removals.iter().map(|one| &*one.split)),
        removals: removals.collect(),
        held_back: held_back.collect(),
        mixed: summary(snapshot.splits.iter().filter(is_mixed).map(|split| &**split)),
        streams: names.into_iter().take(STREAMS_MAX).collect(),
    }
}

/// What people know a stream by.
fn name_of(stream: &Stream) -> String {
    let known = ["service.name", "host.name", "log.file.path"].map(|name| stream.attributes.get(name));
    let named: Vec<&str> = known.into_iter().flatten().map(String::as_str).collect();
    match named.is_empty() {
        false => named.join(" "),
        true => stream
            .attributes
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" "),
    }
}
