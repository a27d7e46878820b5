//! What a summary says is what a count of the rows says.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::summary::{Summary, TIMELINE_ENTRIES_MAX, WIDTHS};
use super::tests::{Owned, any_rows, stream, written};
use super::*;

/// What a summary must say, counted from the rows that are read.
fn check(split: &Split, summary: &Summary) {
    let mut timeline: BTreeMap<(u64, i64, u8), u64> = BTreeMap::new();
    let mut spans: BTreeMap<u64, (i64, i64)> = BTreeMap::new();
    for page in 0..split.meta().pages {
        let rows = split.read_page(page, Columns::ALL).unwrap();
        let mut cells: BTreeMap<(u64, u64, u8), u32> = BTreeMap::new();
        for row in rows.rows() {
            let (stream, severity) = (row.stream.id.0, row.severity as u8);
            *cells.entry((stream, row.template, severity)).or_default() += 1;
            if let Some(width) = summary.width {
                *timeline
                    .entry((stream, row.time_nanos.div_euclid(width), severity))
                    .or_default() += 1;
            }
            let span = spans.entry(row.template).or_insert((i64::MAX, i64::MIN));
            *span = (span.0.min(row.time_nanos), span.1.max(row.time_nanos));
        }
        let templates = split.templates(page).unwrap();
        let told = summary.cells(page).iter().map(|cell| {
            let stream = split.streams()[cell.stream as usize].id.0;
            ((stream, templates.id(cell.template), cell.severity), cell.rows)
        });
        assert_eq!(told.collect::<BTreeMap<_, _>>(), cells);
    }
    let told = summary.timeline.iter().map(|entry| {
        let stream = split.streams()[entry.stream as usize].id.0;
        ((stream, entry.bucket, entry.severity), entry.rows)
    });
    assert_eq!(told.collect::<BTreeMap<_, _>>(), timeline);
    let mut told = summary.spans.clone();
    told.sort_unstable();
    let mut counted: Vec<_> = spans.into_values().collect();
    counted.sort_unstable();
    assert_eq!(told, counted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_summary_says_what_counting_the_rows_says(rows in any_rows(120)) {
        let dir = tempfile::tempdir().unwrap();
        let split = written(dir.path(), &rows);
        check(&split, &split.summary().unwrap().unwrap());
    }
}

fn spread(rows: u64, step_nanos: i64, streams: u64) -> Vec<Owned> {
    let row = |n: u64| {
        let mut row = Owned::plain(n, format!("tick {n}"));
        row.time_nanos = n as i64 * step_nanos;
        let mut of = (*stream(0)).clone();
        of.id = crate::rows::StreamId(n % streams);
        row.stream = std::sync::Arc::new(of);
        row
    };
    (0..rows).map(row).collect()
}

#[test]
fn a_timelines_buckets_grow_until_few_enough_remain() {
    let dir = tempfile::tempdir().unwrap();
    let rows = TIMELINE_ENTRIES_MAX as u64 + 1;
    let fine = written(dir.path(), &spread(rows - 1, WIDTHS[0], 1));
    assert_eq!(fine.summary().unwrap().unwrap().width, Some(WIDTHS[0]));
    let coarse = written(dir.path(), &spread(rows, WIDTHS[4], 1));
    let summary = coarse.summary().unwrap().unwrap();
    assert_eq!(summary.width, Some(WIDTHS[5]));
    check(&coarse, &summary);
}

#[test]
fn a_split_of_too_many_streams_has_no_timeline() {
    let dir = tempfile::tempdir().unwrap();
    let rows = TIMELINE_ENTRIES_MAX as u64 + 1;
    let split = written(dir.path(), &spread(rows, 1, rows));
    let summary = split.summary().unwrap().unwrap();
    assert_eq!((summary.width, summary.timeline.len()), (None, 0));
    check(&split, &summary);
}
