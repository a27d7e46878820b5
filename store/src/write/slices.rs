//! Cutting rows by time: a split holds the rows of one UTC day, as far as that is worth a file.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rows::{RowBlock, StreamRanks};

const DAY_NANOS: i64 = 86_400_000_000_000;

/// The UTC day of a time, counted from the epoch.
pub(super) fn day_of(time_nanos: i64) -> i64 {
    time_nanos.div_euclid(DAY_NANOS)
}

/// Where a row stands: which block, which row of it.
pub(super) type RowAt = (u32, u32);

/// The rows of `blocks`, one slice per UTC day, each in the order in which a split holds rows.
/// Beyond `slices_max` days the days with the fewest rows share the last slice, so that late and
/// stray rows do not make a file each.
pub(super) fn slices(blocks: &[Arc<RowBlock>], slices_max: usize) -> Vec<Vec<RowAt>> {
    let days = days(blocks, slices_max.max(1));
    let ranks = StreamRanks::new(blocks.iter().flat_map(|block| block.streams()));
    // Per slice and stream. A stream's rows come nearly in order, so sorting them is quick.
    let mut rows = BTreeMap::<(usize, u32), Vec<RowAt>>::new();
    for (number, block) in blocks.iter().enumerate() {
        let ranks: Vec<u32> = block.streams().iter().map(|stream| ranks.of(stream)).collect();
        let key = |row: usize| (day_of(block.times()[row]), block.stream_index(row));
        let mut start = 0;
        while start < block.len() {
            let (day, stream) = key(start);
            let same = (start + 1..block.len()).take_while(|&row| key(row) == (day, stream));
            let end = start + 1 + same.count();
            let run = (start..end).map(|row| (number as u32, row as u32));
            rows.entry((days[&day], ranks[stream])).or_default().extend(run);
            start = end;
        }
    }
    let mut slices: Vec<Vec<RowAt>> = vec![Vec::new(); days.values().max().map_or(0, |last| last + 1)];
    for ((slice, _), mut rows) in rows {
        rows.sort_by_key(|&(block, row)| blocks[block as usize].order_of(row as usize));
        slices[slice].append(&mut rows);
    }
    slices
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
        let blocks = [block(days)];
        let found: Vec<Vec<i64>> = slices(&blocks, slices_max)
            .iter()
            .map(|slice| {
                let times = slice.iter().map(|&(_, row)| blocks[0].times()[row as usize]);
                let days: BTreeSet<_> = times.map(day_of).collect();
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
