use std::sync::Arc;

use super::plan::plan;
use crate::catalog::CatalogSplit;
use crate::rows::StreamId;
use crate::split::SplitMeta;
use crate::store::StoreOptions;

const DAY: i64 = 86_400_000_000_000;
const NOW: i64 = 100 * DAY + 7;

fn split(id: usize, day: i64, raw_bytes: u64) -> Arc<CatalogSplit> {
    Arc::new(CatalogSplit {
        topic: "logs".into(),
        meta: SplitMeta {
            id: format!("{id:032x}"),
            format_version: 1,
            rows: raw_bytes / 100,
            raw_bytes,
            file_bytes: raw_bytes / 10,
            time_min: day * DAY,
            time_max: day * DAY + 1 + id as i64,
            pages: 1,
            streams: vec![StreamId(1)],
            severity_rows: [0; 7],
            offsets: vec![],
            footer_crc: 0,
            level: 0,
        },
        quarantined: None,
    })
}

fn options() -> StoreOptions {
    StoreOptions::new("unused")
}

/// Plays flushes and merges against each other by their sizes alone; how many splits remain, and
/// how often the average byte was rewritten.
fn play(n_flushes: usize, flush_bytes: u64) -> (usize, f64) {
    let options = options();
    let mut splits = Vec::new();
    let mut rewritten = 0;
    for id in 0..n_flushes {
        splits.push(split(id, 100, flush_bytes));
        while let Some(inputs) = plan(&splits, &options, NOW, false) {
            assert!(inputs.len() >= 2 && inputs.len() <= options.merge_splits_max);
            let bytes: u64 = inputs.iter().map(|input| input.meta.raw_bytes).sum();
            assert!(bytes <= options.merge_bytes_max);
            rewritten += bytes;
            splits.retain(|split| !inputs.iter().any(|input| Arc::ptr_eq(split, input)));
            splits.push(split(id, 100, bytes));
        }
    }
    (splits.len(), rewritten as f64 / (n_flushes as u64 * flush_bytes) as f64)
}

#[test]
fn the_number_of_splits_grows_with_the_logarithm_and_so_does_the_rewriting() {
    for (n_flushes, flush_bytes, splits_max, rewrites_max) in [
        (3000, 4_000, 40, 8.0),
        (3000, 100_000, 40, 6.0),
        (300, 8 << 20, 40, 4.0),
    ] {
        let (splits, rewrites) = play(n_flushes, flush_bytes);
        assert!(splits <= splits_max, "{n_flushes} × {flush_bytes}: {splits} splits");
        assert!(
            rewrites <= rewrites_max,
            "{n_flushes} × {flush_bytes}: {rewrites} rewrites"
        );
    }
}

#[test]
fn splits_of_different_recent_days_are_not_joined() {
    let splits: Vec<_> = (0..12).map(|id| split(id, 99 + (id % 2) as i64, 1000)).collect();
    let planned = plan(&splits, &options(), NOW, false).unwrap();
    assert_eq!(planned.len(), 6);
    assert!(planned.iter().all(|s| s.meta.time_min == planned[0].meta.time_min));
}

#[test]
fn days_long_past_with_little_in_them_are_joined_across_days() {
    let splits: Vec<_> = (0..12).map(|id| split(id, id as i64, 1000)).collect();
    assert_eq!(plan(&splits, &options(), NOW, true).unwrap().len(), 12);
}

#[test]
fn quarantined_and_full_splits_are_left_alone() {
    let damaged = Arc::new(CatalogSplit {
        quarantined: Some("checksum".into()),
        ..CatalogSplit::clone(&split(1, 100, 1000))
    });
    let splits = [damaged, split(2, 100, 1000), split(3, 100, 300 << 20)];
    assert!(plan(&splits, &options(), NOW, true).is_none());
}

#[test]
fn limits_hold_when_everything_is_joined() {
    let splits: Vec<_> = (0..5).map(|id| split(id, 100, 90 << 20)).collect();
    assert_eq!(plan(&splits, &options(), NOW, true).unwrap().len(), 2);
}
