//! Cutting rows by time: a split holds the rows of one UTC day, as far as that is worth a file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rows::RowBlock;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// The UTC day of a time, counted from the epoch.
pub(super) fn day_of(time_nanos: i64) -> i64 {
    time_nanos.div_euclid(DAY_NANOS)
}

/// The rows of `blocks`, one block per UTC day. Beyond `slices_max` days the days with the fewest
/// rows share the last block, so that late and stray rows do not make a file each.
pub(super) fn slices(blocks: &[Arc<RowBlock>], slices_max: usize) -> Vec<Arc<RowBlock>> {
    let days = days(blocks, slices_max.max(1));
    let n_slices = days.values().max().map_or(0, |last| last + 1);
    if let ([block], 1) = (blocks, n_slices) {
        return vec![Arc::clone(block)];
    }
    let mut slices: Vec<RowBlock> = (0..n_slices).map(|_| RowBlock::new()).collect();
    for row in blocks.iter().flat_map(|block| block.rows()) {
        slices[days[&day_of(row.time_nanos)]].push(&row);
    }
    slices.into_iter().map(Arc::new).collect()
}

/// Which slice each day goes to.
fn days(blocks: &[Arc<RowBlock>], slices_max: usize) -> BTreeMap<i64, usize> {
    let mut rows_per_day = BTreeMap::<i64, u64>::new();
    for &time in blocks.iter().flat_map(|block| block.times()) {
        *rows_per_day.entry(day_of(time)).or_default() += 1;
    }
    let mut by_rows: Vec<(i64, u64)> = rows_per_day.into_iter().collect();
    by_rows.sort_by_key(|&(day, rows)| (std::cmp::Reverse(rows), day));
    let slice_of = |(place, (day, _)): (usize, (i64, u64))| (day, place.min(slices_max - 1));
    by_rows.into_iter().enumerate().map(slice_of).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use timberline_proto::line::Severity;

    use super::*;
    use crate::rows::{Row, Stream};

    fn block(days: &[i64]) -> Arc<RowBlock> {
        let stream = Arc::new(Stream::default());
        let mut rows = RowBlock::new();
        for (offset, day) in days.iter().enumerate() {
            rows.push(&Row {
                time_nanos: day * DAY_NANOS + 5,
                time_parsed: true,
                observed_nanos: 0,
                partition: 0,
                offset: offset as u64,
                severity: Severity::None,
                template: 0,
                stream: &stream,
                line: b"x",
                place: None,
                part: None,
                attributes: &[],
            });
        }
        Arc::new(rows)
    }

    #[track_caller]
    fn check(days: &[i64], slices_max: usize, expected: &[&[i64]]) {
        let found = slices(&[block(days)], slices_max);
        let found: Vec<Vec<i64>> = found
            .iter()
            .map(|slice| {
                let days: BTreeSet<_> = slice.times().iter().map(|&time| day_of(time)).collect();
                days.into_iter().collect()
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_day_gets_its_slice_and_stray_days_share_the_last() {
        check(&[], 8, &[]);
        check(&[3, 3], 8, &[&[3]]);
        check(&[3, 4, 3], 8, &[&[3], &[4]]);
        check(&[-1, 0, 0], 8, &[&[0], &[-1]]);
        check(&[9, 9, 9, 7, 7, 1, 2, 3], 3, &[&[9], &[7], &[1, 2, 3]]);
        check(&[1, 2], 1, &[&[1, 2]]);
    }
}
