//! Cutting rows by time: a split holds the rows of one UTC day, as far as that is worth a file.
//! Rows of several days share one only within what retention allows, so that no row keeps much
//! older ones; and those that claim to be of the future stand by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::retain::Rules;
use crate::rows::{RowBlock, Stream, StreamRanks};

pub(super) const DAY_NANOS: i64 = 86_400_000_000_000;

/// A split spans no more than such a part of the age at which rows are deleted.
const SPANS_PER_AGE: i64 = 8;

/// How far rows of one split may stand apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spans {
    /// Nanoseconds; a day at least.
    pub(super) span_max: i64,
    /// Later days are of the future.
    tomorrow: i64,
    /// Earlier days go with the next retention.
    expired_before: i64,
}

impl Spans {
    /// Within an age, if there is one.
    pub(super) fn new(age: Option<Duration>, now_nanos: i64) -> Self {
        let today = day_of(now_nanos);
        let age = age.map(|age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX));
        Self {
            span_max: age.map_or(i64::MAX, |age| (age / SPANS_PER_AGE).max(DAY_NANOS)),
            tomorrow: today + 1,
            expired_before: age.map_or(i64::MIN, |age| today - age / DAY_NANOS - 1),
        }
    }

    /// Of each class, in the order of the policies.
    pub(super) fn of_classes(rules: &Rules, now_nanos: i64) -> Vec<Self> {
        let ages = rules
            .policies()
            .iter()
            .map(|policy| policy.age_seconds.map(Duration::from_secs));
        ages.map(|age| Self::new(age, now_nanos)).collect()
    }
}

/// Which class a stream is of: the number of its policy.
pub(super) type ClassOf<'a> = &'a dyn Fn(&Stream) -> usize;

/// The UTC day of a time, counted from the epoch.
pub(super) fn day_of(time_nanos: i64) -> i64 {
    time_nanos.div_euclid(DAY_NANOS)
}

/// Where a row stands: which block, which row of it.
pub(super) type RowAt = (u32, u32);

/// The rows of `blocks`, one slice per class and UTC day, each in the order in which a split holds rows.
/// Beyond `slices_max` days of a class the days with the fewest rows share the last slice, or as many as
/// its span needs, so that late and stray rows do not make a file each. All of the future share one. Rows
/// of different classes never share a slice. `spans` has one entry per class.
pub(super) fn slices(
    blocks: &[Arc<RowBlock>],
    slices_max: usize,
    spans: &[Spans],
    class_of: ClassOf<'_>,
) -> Vec<Vec<RowAt>> {
    let classes: Vec<Vec<usize>> = blocks
        .iter()
        .map(|block| block.streams().iter().map(|stream| class_of(stream)).collect())
        .collect();
    let mut rows_per_day = BTreeMap::<usize, BTreeMap<i64, u64>>::new();
    for (block, classes) in blocks.iter().zip(&classes) {
        let key = |row: usize| (classes[block.stream_index(row)], day_of(block.times()[row]));
        let mut start = 0;
        while start < block.len() {
            let (class, day) = key(start);
            let same = (start + 1..block.len()).take_while(|&row| key(row) == (class, day));
            let rows = 1 + same.count();
            *rows_per_day.entry(class).or_default().entry(day).or_default() += rows as u64;
            start += rows;
        }
    }
    let mut first = 0;
    let mut slice_of = BTreeMap::<(usize, i64), usize>::new();
    for (class, rows_per_day) in rows_per_day {
        let days = days(rows_per_day, slices_max.max(1), &spans[class]);
        let count = days.values().max().map_or(0, |last| last + 1);
        slice_of.extend(days.into_iter().map(|(day, slice)| ((class, day), first + slice)));
        first += count;
    }
    let ranks = StreamRanks::new(blocks.iter().flat_map(|block| block.streams()));
    // Per slice and stream. A stream's rows come nearly in order, so sorting them is quick.
    let mut rows = BTreeMap::<(usize, u32), Vec<RowAt>>::new();
    for (number, (block, classes)) in blocks.iter().zip(&classes).enumerate() {
        let ranks: Vec<u32> = block.streams().iter().map(|stream| ranks.of(stream)).collect();
        let key = |row: usize| (day_of(block.times()[row]), block.stream_index(row));
        let mut start = 0;
        while start < block.len() {
            let (day, stream) = key(start);
            let same = (start + 1..block.len()).take_while(|&row| key(row) == (day, stream));
            let end = start + 1 + same.count();
            let run = (start..end).map(|row| (number as u32, row as u32));
            let slice = slice_of[&(classes[stream], day)];
            rows.entry((slice, ranks[stream])).or_default().extend(run);
            start = end;
        }
    }
    let mut slices: Vec<Vec<RowAt>> = vec![Vec::new(); first];
    for ((slice, _), mut rows) in rows {
        rows.sort_by_key(|&(block, row)| blocks[block as usize].order_of(row as usize));
        slices[slice].append(&mut rows);
    }
    slices
}

/// Which slice each day of a class goes to.
fn days(mut rows_per_day: BTreeMap<i64, u64>, slices_max: usize, spans: &Spans) -> BTreeMap<i64, usize> {
    let future = rows_per_day.split_off(&(spans.tomorrow + 1));
    let mut by_rows: Vec<(i64, u64)> = rows_per_day.into_iter().collect();
    by_rows.sort_by_key(|&(day, rows)| (std::cmp::Reverse(rows), day));
    let mut strays = by_rows.split_off(by_rows.len().min(slices_max - 1));
    strays.sort_unstable();
    let mut next = by_rows.len();
    let mut slices: BTreeMap<i64, usize> = by_rows.iter().map(|(day, _)| *day).zip(0..).collect();
    let mut first = None;
    for (day, _) in strays {
        let first = first.get_or_insert(day);
        let fits = day - *first < spans.span_max / DAY_NANOS || day < spans.expired_before;
        if !fits {
            *first = day;
            next += 1;
        }
        slices.insert(day, next);
    }
    next += usize::from(first.is_some());
    slices.extend(future.into_keys().map(|day| (day, next)));
    slices
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
        let spans = Spans {
            span_max: i64::MAX,
            tomorrow: 50,
            expired_before: i64::MIN,
        };
        check_within(&spans, days, slices_max, expected);
    }

    #[track_caller]
    fn check_within(spans: &Spans, days: &[i64], slices_max: usize, expected: &[&[i64]]) {
        let blocks = [block(days)];
        let found: Vec<Vec<i64>> = slices(&blocks, slices_max, &[*spans], &|_| 0)
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

    #[test]
    fn rows_of_different_classes_never_share_a_slice() {
        let stream = |service: &str| {
            let attributes = BTreeMap::from([("service.name".to_owned(), service.to_owned())]);
            Arc::new(Stream::new(attributes))
        };
        let (audit, web) = (stream("audit"), stream("web"));
        let mut rows = RowBlock::new();
        for (offset, (stream, day)) in [(&audit, 3), (&web, 3), (&web, 9), (&audit, 3), (&audit, 9), (&web, 1)]
            .into_iter()
            .enumerate()
        {
            rows.push(&Row {
                time_nanos: day * DAY_NANOS + 5,
                time_parsed: true,
                observed_nanos: 0,
                partition: 0,
                offset: offset as u64,
                severity: Severity::None,
                template: 0,
                stream,
                line: b"x",
                place: None,
                part: None,
                attributes: &[],
            });
        }
        let blocks = [Arc::new(rows)];
        let spans = [Spans::new(None, 50 * DAY_NANOS); 2];
        let of = |stream: &Stream| usize::from(stream.attributes["service.name"] == "web");
        // A single slice each holds all days of a class, and no row of the other.
        let mut offsets: Vec<Vec<u64>> = slices(&blocks, 1, &spans, &of)
            .iter()
            .map(|slice| {
                slice
                    .iter()
                    .map(|&(_, row)| blocks[0].offsets()[row as usize])
                    .collect()
            })
            .collect();
        offsets.iter_mut().for_each(|offsets| offsets.sort_unstable());
        assert_eq!(offsets, [vec![0, 3, 4], vec![1, 2, 5]]);
    }

    #[test]
    fn days_of_the_future_stand_by_themselves() {
        check(&[49, 50, 51], 8, &[&[49], &[50], &[51]]);
        check(&[50, 60, 40, 70], 1, &[&[40, 50], &[60, 70]]);
        check(&[60, 70], 2, &[&[60, 70]]);
    }

    #[test]
    fn stray_days_share_a_slice_only_within_the_span_or_if_all_are_expired() {
        let spans = Spans {
            span_max: 3 * DAY_NANOS,
            tomorrow: 50,
            expired_before: 10,
        };
        let days = [49, 49, 1, 5, 9, 10, 12, 13, 14, 20, 90];
        let expected: &[&[i64]] = &[&[49], &[1, 5, 9], &[10, 12], &[13, 14], &[20], &[90]];
        check_within(&spans, &days, 2, expected);
    }
}
