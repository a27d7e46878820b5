//! Instants as text, and round widths of bins.

use jiff::Timestamp;

/// RFC 3339, UTC, with nanoseconds.
pub(crate) fn rfc3339(nanos: i64) -> String {
    format!("{:.9}", timestamp(nanos))
}

/// RFC 3339, UTC, with as many digits of the second as it has.
pub(crate) fn rfc3339_short(nanos: i64) -> String {
    timestamp(nanos).to_string()
}

fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).expect("64 bits of nanoseconds lie within jiff's range")
}

/// The present, nanoseconds since the epoch.
pub(crate) fn now_nanos() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Rows with `first <= time <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeRange {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl TimeRange {
    pub(crate) const ALL: Self = Self {
        first: i64::MIN,
        last: i64::MAX,
    };

    /// From an instant on, up to and without another.
    pub(crate) fn new(from: Option<i64>, to: Option<i64>) -> Self {
        match to {
            Some(i64::MIN) => Self { first: 0, last: -1 },
            _ => Self {
                first: from.unwrap_or(i64::MIN),
                last: to.map_or(i64::MAX, |to| to - 1),
            },
        }
    }

    pub(crate) fn holds(&self, time: i64) -> bool {
        self.first <= time && time <= self.last
    }

    pub(crate) fn overlaps(&self, min: i64, max: i64) -> bool {
        self.first <= max && min <= self.last
    }

    /// Whether all of `min..=max` lies within.
    pub(crate) fn covers(&self, min: i64, max: i64) -> bool {
        self.first <= min && max <= self.last
    }

    pub(crate) fn intersect(&self, other: &Self) -> Self {
        Self {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        }
    }
}

const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const WIDTHS: [i64; 31] = [
    MS,
    2 * MS,
    5 * MS,
    10 * MS,
    20 * MS,
    50 * MS,
    100 * MS,
    200 * MS,
    500 * MS,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
];

/// The smallest round width, in nanoseconds, that cuts `first..=last` into about `bins` at most.
pub(crate) fn round_width(first: i64, last: i64, bins: u32) -> i64 {
    let length = i128::from(last) - i128::from(first) + 1;
    let least = length / i128::from(bins.max(1));
    let found = WIDTHS.into_iter().find(|&width| i128::from(width) >= least);
    found.unwrap_or_else(|| {
        let year = i128::from(364 * DAY);
        i64::try_from((least + year - 1) / year * year).unwrap_or(i64::MAX)
    })
}

/// The start of the bin that `time` lies in; bins are counted from the epoch.
pub(crate) fn bin_start(time: i64, width: i64) -> i64 {
    time.div_euclid(width).saturating_mul(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_round_and_few_bins_suffice() {
        assert_eq!(round_width(0, 3600 * SECOND - 1, 60), MINUTE);
        assert_eq!(round_width(0, 0, 60), MS);
        assert_eq!(round_width(0, 14 * DAY, 100), 6 * HOUR);
        let width = round_width(i64::MIN, i64::MAX, 100);
        assert!(width > 364 * DAY && (i128::from(i64::MAX) * 2 / i128::from(width)) <= 100);
    }

    #[test]
    fn bins_count_from_the_epoch_also_before_it() {
        assert_eq!(bin_start(-1, 10), -10);
        assert_eq!(bin_start(19, 10), 10);
        assert_eq!(bin_start(i64::MIN, 3), i64::MIN);
    }

    #[test]
    fn the_upper_end_is_not_within() {
        let range = TimeRange::new(Some(5), Some(7));
        assert!(range.holds(5) && range.holds(6) && !range.holds(7) && !range.holds(4));
        assert!(!TimeRange::new(None, Some(i64::MIN)).holds(i64::MIN));
    }
}
