use std::sync::Arc;
use std::time::Duration;

use super::plan::Eagerness;
use crate::catalog::{CatalogSplit, Snapshot};
use crate::retain;
use crate::rows::StreamId;
use crate::split::{FORMAT_VERSION, SplitMeta};
use crate::store::{StoreOptions, WaitingMerges};

const DAY: i64 = 86_400_000_000_000;
const NOW: i64 = 100 * DAY + 7;

fn split(id: usize, day: i64, raw_bytes: u64) -> Arc<CatalogSplit> {
    Arc::new(CatalogSplit {
        topic: "logs".into(),
        meta: SplitMeta {
            id: format!("{id:032x}"),
            format_version: FORMAT_VERSION,
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
        published_at_nanos: NOW.max(day * DAY),
        published_first_nanos: 0,
        class: Some("default".into()),
        file: Default::default(),
    })
}

/// Nothing but the rules of the options.
fn snapshot(options: &StoreOptions) -> Snapshot {
    Snapshot {
        rules: Arc::new(retain::Rules::new(options.policies()).unwrap()),
        ..Snapshot::default()
    }
}

fn plan(
    splits: &[Arc<CatalogSplit>],
    options: &StoreOptions,
    now_nanos: i64,
    eagerness: Eagerness,
) -> Option<Vec<Arc<CatalogSplit>>> {
    super::plan::plan(splits, options, &snapshot(options), now_nanos, eagerness)
}

fn waiting(splits: Vec<Arc<CatalogSplit>>, options: &StoreOptions, now_nanos: i64) -> WaitingMerges {
    super::waiting::waiting(splits, options, &snapshot(options), now_nanos)
}

fn too_old(splits: &[Arc<CatalogSplit>], options: &StoreOptions, now_nanos: i64) -> Vec<Arc<CatalogSplit>> {
    let snapshot = snapshot(options);
    let plan = retain::plan(&snapshot.rules, splits, &snapshot.streams, now_nanos, None);
    plan.removals.into_iter().map(|planned| planned.split).collect()
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
        while let Some(inputs) = plan(&splits, &options, NOW, Eagerness::Busy) {
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
fn what_waits_is_counted_once_and_what_is_merged_waits_no_more() {
    let options = options();
    let even: Vec<_> = (0..4).map(|id| split(id, 100, 1 << 20)).collect();
    let waits = waiting(even.clone(), &options, NOW);
    assert_eq!((waits.merges, waits.splits, waits.raw_bytes), (1, 4, 4 << 20));
    // Another day's are another merge; one by itself waits for company.
    let mut more = even;
    more.extend([split(10, 99, 1 << 20), split(11, 99, 1 << 20), split(12, 98, 1 << 20)]);
    let waits = waiting(more, &options, NOW);
    assert!(waits.merges >= 2 && waits.splits >= 6, "{waits:?}");
    assert_eq!(waiting(vec![split(1, 100, 1 << 20)], &options, NOW).merges, 0);
    assert_eq!(
        waiting(vec![split(1, 100, 200 << 20), split(2, 100, 1 << 20)], &options, NOW).merges,
        0
    );
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

/// Two weeks of history taken in at one go: each flush holds rows of `days_each` days. How many
/// splits remain, and how often the average byte was rewritten.
fn play_history(n_flushes: usize, flush_bytes: u64, days_each: usize) -> (usize, f64) {
    let options = options();
    let mut splits = Vec::new();
    let mut rewritten = 0;
    let mut id = 0;
    let mut merge = |splits: &mut Vec<Arc<CatalogSplit>>, id: &mut usize, eagerness| {
        while let Some(inputs) = plan(splits, &options, NOW, eagerness) {
            let bytes: u64 = inputs.iter().map(|input| input.meta.raw_bytes).sum();
            assert!(bytes <= options.merge_bytes_max);
            rewritten += bytes;
            splits.retain(|split| !inputs.iter().any(|input| Arc::ptr_eq(split, input)));
            let time_min = inputs.iter().map(|input| input.meta.time_min).min().unwrap();
            let mut joined = CatalogSplit::clone(&split(*id, 0, bytes));
            joined.meta.time_min = time_min;
            joined.meta.time_max = inputs.iter().map(|input| input.meta.time_max).max().unwrap();
            splits.push(Arc::new(joined));
            *id += 1;
        }
    };
    for flush in 0..n_flushes {
        let first = 80 + flush * 14 / n_flushes;
        for day in first..first + days_each {
            splits.push(split(id, day as i64, flush_bytes / days_each as u64));
            id += 1;
        }
        merge(&mut splits, &mut id, Eagerness::Busy);
    }
    merge(&mut splits, &mut id, Eagerness::Idle);
    (splits.len(), rewritten as f64 / (n_flushes as u64 * flush_bytes) as f64)
}

#[test]
fn history_of_two_weeks_in_one_go_ends_in_few_splits() {
    for (n_flushes, flush_bytes, days_each, splits_max, rewrites_max) in [
        (50, 20 << 20, 1, 12, 3.0),
        (50, 20 << 20, 2, 12, 3.0),
        (500, 20 << 20, 2, 100, 3.0),
        (50, 20 << 20, 8, 12, 3.0),
        (50, 100_000, 8, 8, 4.0),
    ] {
        let (splits, rewrites) = play_history(n_flushes, flush_bytes, days_each);
        let case = format!("{n_flushes} × {flush_bytes} over {days_each} days");
        assert!(splits <= splits_max, "{case}: {splits} splits");
        assert!(rewrites <= rewrites_max, "{case}: {rewrites} rewrites");
    }
}

#[test]
fn with_time_to_spare_a_split_is_joined_with_no_less_than_itself() {
    let sizes = |sizes: &[u64]| -> Vec<Arc<CatalogSplit>> {
        let splits = sizes.iter().enumerate();
        splits.map(|(id, &bytes)| split(id, 100, bytes << 20)).collect()
    };
    let planned = |splits: &[Arc<CatalogSplit>]| plan(splits, &options(), NOW, Eagerness::Idle).map(|run| run.len());
    assert_eq!(planned(&sizes(&[100, 40, 10])), None);
    assert_eq!(planned(&sizes(&[100, 40, 10, 10])), Some(2));
    assert_eq!(planned(&sizes(&[100, 40, 20, 20])), Some(3));
    assert_eq!(planned(&sizes(&[10, 10])), Some(2));
    assert_eq!(planned(&sizes(&[180, 90, 90])), Some(2), "limits hold");
}

#[test]
fn splits_of_different_recent_days_are_not_joined() {
    let splits: Vec<_> = (0..12).map(|id| split(id, 99 + (id % 2) as i64, 1000)).collect();
    let planned = plan(&splits, &options(), NOW, Eagerness::Busy).unwrap();
    assert_eq!(planned.len(), 6);
    assert!(planned.iter().all(|s| s.meta.time_min == planned[0].meta.time_min));
}

#[test]
fn days_long_past_with_little_in_them_are_joined_across_days() {
    let splits: Vec<_> = (0..12).map(|id| split(id, id as i64, 1000)).collect();
    assert_eq!(plan(&splits, &options(), NOW, Eagerness::All).unwrap().len(), 12);
}

#[test]
fn quarantined_and_full_splits_are_left_alone() {
    let damaged = Arc::new(CatalogSplit {
        quarantined: Some("checksum".into()),
        ..CatalogSplit::clone(&split(1, 100, 1000))
    });
    let splits = [damaged, split(2, 100, 1000), split(3, 100, 300 << 20)];
    assert!(plan(&splits, &options(), NOW, Eagerness::All).is_none());
}

#[test]
fn limits_hold_when_everything_is_joined() {
    let splits: Vec<_> = (0..5).map(|id| split(id, 100, 90 << 20)).collect();
    assert_eq!(plan(&splits, &options(), NOW, Eagerness::All).unwrap().len(), 2);
}

/// Joins whatever is planned.
fn join_all(splits: &mut Vec<Arc<CatalogSplit>>, id: &mut usize, options: &StoreOptions, now: i64) {
    while let Some(inputs) = plan(splits, options, now, Eagerness::Idle) {
        splits.retain(|split| !inputs.iter().any(|input| Arc::ptr_eq(split, input)));
        let bytes = inputs.iter().map(|input| input.meta.raw_bytes).sum();
        let mut joined = CatalogSplit::clone(&split(*id, 0, bytes));
        joined.meta.time_min = inputs.iter().map(|input| input.meta.time_min).min().unwrap();
        joined.meta.time_max = inputs.iter().map(|input| input.meta.time_max).max().unwrap();
        joined.published_at_nanos = inputs.iter().map(|input| input.published_at_nanos).max().unwrap();
        splits.push(Arc::new(joined));
        *id += 1;
    }
}

/// A megabyte a day, falling to a tenth, with a row of the far future now and then.
#[test]
fn no_row_outlives_the_age_by_more_than_an_eighth_of_it_and_two_days_however_splits_are_joined() {
    for age_days in [3, 20, 90] {
        let mut options = options();
        options.retention_age = Some(Duration::from_secs(86_400 * age_days as u64));
        let slack = (age_days / 8).max(1) + 2;
        let (mut splits, mut id) = (Vec::new(), 0);
        let mut most = 0;
        for day in 0..5 * age_days {
            let now = (day + 1) * DAY;
            let bytes = if day < 2 * age_days { 1 << 20 } else { 100 << 10 };
            let mut add = |time: i64, bytes: u64| {
                let mut added = CatalogSplit::clone(&split(id, time, bytes));
                added.published_at_nanos = now;
                id += 1;
                splits.push(Arc::new(added));
            };
            add(day, bytes);
            if day % 5 == 0 {
                add(day + 20_000, 1000);
            }
            join_all(&mut splits, &mut id, &options, now);
            let gone = too_old(&splits, &options, now);
            splits.retain(|split| !gone.iter().any(|gone| Arc::ptr_eq(split, gone)));
            most = most.max(splits.len());
            for split in &splits {
                // A row of the future cannot have come before the age of those beside it.
                let first = split.meta.time_min.min(split.published_at_nanos);
                let age = (now - first) / DAY;
                assert!(age <= age_days + slack, "{age} days old, of {age_days}: {split:?}");
            }
        }
        assert!(most <= 40, "{most} splits");
    }
}
