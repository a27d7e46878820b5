//! Bins of time: of a width, or of the days, weeks and months of a zone.
//!
//! Bins of less than a day and of days are counted in the zone's local time from 1970-01-01T00:00,
//! bins of whole weeks from the Monday after it, bins of months from January of year 0. So days
//! have 23 to 25 hours where clocks change; an hour that comes twice is two bins, and a bin whose
//! local start is skipped begins when the clocks have jumped.

use std::sync::Arc;

use datafusion::arrow::array::{Float64Array, TimestampNanosecondArray};
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNanoType};
use datafusion::common::ScalarValue;
use datafusion::functions::datetime::expr_fn::date_bin;
use datafusion::logical_expr::{Expr, cast};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use timberline_proto::query::ast::{BinWidth, Zone};
use timberline_proto::query::{QueryError, nearest};

use super::ReadError;
use super::scalar::{UTC, call, time_type};

const DAY: i64 = 86_400_000_000_000;
const WEEK: i64 = 7 * DAY;
/// 1970-01-05, a Monday.
const MONDAY: i64 = 4 * DAY;

/// How time is cut. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Bins {
    width: BinWidth,
    zone: TimeZone,
    zone_name: String,
}

/// The zone of a name.
///
/// # Errors
/// [`ReadError::Query`] that names the nearest there is.
pub(crate) fn zone(zone: &Zone) -> Result<TimeZone, ReadError> {
    TimeZone::get(&zone.name).map_err(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let near = nearest_zone(&zone.name, &known);
        let hint = near
            .as_ref()
            .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        ReadError::Query(QueryError {
            message: format!("there is no zone `{}`{hint}", zone.name),
            span: zone.span,
            suggestion: near,
        })
    })
}

/// Also by the city alone: `Berlin`.
fn nearest_zone(name: &str, known: &[String]) -> Option<String> {
    let city = |known: &&String| {
        let last = known.rsplit('/').next();
        last.is_some_and(|last| last.eq_ignore_ascii_case(&name.replace(' ', "_")))
    };
    let found = known.iter().find(city).map(String::as_str);
    found
        .or_else(|| nearest(name, known.iter().map(String::as_str)))
        .map(str::to_owned)
}

impl Bins {
    /// Bins of a width above 0, in UTC unless a zone is named.
    pub(crate) fn new(width: BinWidth, named: Option<&Zone>) -> Result<Self, ReadError> {
        let (zone, zone_name) = match named {
            Some(named) => (zone(named)?, named.name.clone()),
            None => (TimeZone::UTC, "UTC".to_owned()),
        };
        Ok(Self { width, zone, zone_name })
    }

    /// A time rounded down to its bin's start.
    pub(crate) fn expr(&self, time: Expr) -> Expr {
        match self.width {
            // What DataFusion has itself, it can also plan with.
            BinWidth::Nanos(nanos) if self.zone == TimeZone::UTC => {
                let width = IntervalMonthDayNanoType::make_value(0, 0, nanos);
                let origin = ScalarValue::TimestampNanosecond(Some(anchor(nanos)), Some(UTC.into()));
                let bin = date_bin(
                    Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(width)), None),
                    time,
                    Expr::Literal(origin, None),
                );
                cast(bin, time_type())
            }
            _ => {
                let bins = self.clone();
                let parameters = format!("{:?} {}", self.width, self.zone_name);
                call("time_bin", parameters, time_type(), vec![time], move |args| {
                    let times = args.times(0)?;
                    let starts = times.iter().map(|time| time.map(|time| bins.start(time)));
                    Ok(Arc::new(
                        starts.collect::<TimestampNanosecondArray>().with_timezone(UTC),
                    ))
                })
            }
        }
    }

    /// How many seconds the bins that begin at some times are long.
    pub(crate) fn seconds(&self, start: Expr) -> Expr {
        let bins = self.clone();
        let parameters = format!("{:?} {}", self.width, self.zone_name);
        call("bin_seconds", parameters, DataType::Float64, vec![start], move |args| {
            let length = |start: i64| Some((i128::from(bins.next(start)?) - i128::from(start)) as f64 / 1e9);
            let lengths = args
                .times(0)?
                .iter()
                .map(|start| length(start?))
                .collect::<Float64Array>();
            Ok(Arc::new(lengths))
        })
    }

    /// The start of the bin that `time` lies in.
    pub(crate) fn start(&self, time: i64) -> i64 {
        match self.width {
            BinWidth::Nanos(width) => self.start_of_width(time, width.max(1)),
            BinWidth::Months(months) => self.month(time, months, 0),
            BinWidth::Number(_) => time,
        }
    }

    /// The start of the bin after the one that begins at `start`; `None` beyond all times.
    pub(crate) fn next(&self, start: i64) -> Option<i64> {
        let next = match self.width {
            BinWidth::Nanos(width) => {
                let width = width.max(1);
                let local = self.local(start);
                let anchor = i128::from(anchor(width));
                let begun = (local - anchor).div_euclid(i128::from(width)) + 1;
                let after = self.instant(anchor + begun * i128::from(width), None)?;
                // An hour that comes again is a bin of its own.
                let again = start.checked_add(width).map(|time| self.start(time));
                again
                    .filter(|again| *again > start)
                    .map_or(after, |again| again.min(after))
            }
            BinWidth::Months(months) => self.month(start, months, 1),
            BinWidth::Number(_) => return None,
        };
        (next > start).then_some(next)
    }

    fn start_of_width(&self, time: i64, width: i64) -> i64 {
        let anchor = i128::from(anchor(width));
        let local = self.local(time);
        let start = anchor + (local - anchor).div_euclid(i128::from(width)) * i128::from(width);
        let own = self.offset(time);
        self.instant(start, own).unwrap_or(i64::MIN)
    }

    /// The first instant of the bin of months that `time` lies in, or of one `further` bins on.
    fn month(&self, time: i64, months: u32, further: i64) -> i64 {
        let date = date_of(self.local(time));
        let months = i64::from(months.max(1));
        let index = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
        let first = (index.div_euclid(months) + further) * months;
        let year = i16::try_from(first.div_euclid(12));
        let month = i8::try_from(first.rem_euclid(12) + 1).unwrap_or(1);
        let start = year.ok().and_then(|year| Date::new(year, month, 1).ok());
        let local = start.and_then(|date| {
            Offset::UTC
                .to_timestamp(date.to_datetime(jiff::civil::Time::midnight()))
                .ok()
        });
        let beyond = if further > 0 { i64::MAX } else { i64::MIN };
        local
            .and_then(|local| self.instant(local.as_nanosecond(), None))
            .unwrap_or(beyond)
    }

    fn offset(&self, time: i64) -> Option<Offset> {
        let time = Timestamp::from_nanosecond(i128::from(time)).ok()?;
        Some(self.zone.to_offset(time))
    }

    /// Local time as nanoseconds since 1970-01-01T00:00 local.
    fn local(&self, time: i64) -> i128 {
        let seconds = self.offset(time).map_or(0, Offset::seconds);
        i128::from(time) + i128::from(seconds) * 1_000_000_000
    }

    /// The instant of a local time: of two the one with the offset `own`, else the earlier; of none
    /// the one at which the clocks jumped over it.
    fn instant(&self, local: i128, own: Option<Offset>) -> Option<i64> {
        let at = |offset: Offset| i64::try_from(local - i128::from(offset.seconds()) * 1_000_000_000).ok();
        match self.zone.to_ambiguous_timestamp(datetime_of(local)?).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset),
            AmbiguousOffset::Fold { before, after } => at(if own == Some(after) { after } else { before }),
            AmbiguousOffset::Gap { before, .. } => {
                let within = at(before)?;
                let until = Timestamp::from_nanosecond(i128::from(within) + 1).ok()?;
                let jump = self.zone.preceding(until).next()?;
                i64::try_from(jump.timestamp().as_nanosecond()).ok()
            }
        }
    }
}

fn anchor(width: i64) -> i64 {
    if width % WEEK == 0 { MONDAY } else { 0 }
}

fn datetime_of(local: i128) -> Option<DateTime> {
    Some(Offset::UTC.to_datetime(Timestamp::from_nanosecond(local).ok()?))
}

fn date_of(local: i128) -> Date {
    datetime_of(local).map_or(Date::ZERO, DateTime::date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(width: BinWidth, zone: &str) -> Bins {
        let zone = Zone {
            name: zone.to_owned(),
            span: Default::default(),
        };
        Bins::new(width, Some(&zone)).unwrap()
    }

    fn nanos(text: &str) -> i64 {
        i64::try_from(text.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap()
    }

    fn text(nanos: i64) -> String {
        Timestamp::from_nanosecond(i128::from(nanos)).unwrap().to_string()
    }

    /// The bins' starts from the one that holds `from` on.
    #[track_caller]
    fn check(bins: &Bins, from: &str, expected: &[&str]) {
        let mut start = bins.start(nanos(from));
        for (at, expected) in expected.iter().enumerate() {
            assert_eq!(text(start), *expected, "bin {at}");
            assert_eq!(bins.start(start), start, "a start is its own bin's start");
            let next = bins.next(start).unwrap();
            assert_eq!(bins.start(next - 1), start, "the last instant belongs to it");
            start = next;
        }
    }

    const HOUR: BinWidth = BinWidth::Nanos(3_600_000_000_000);

    #[test]
    fn days_are_as_long_as_the_zone_makes_them() {
        let days = bins(BinWidth::Nanos(DAY), "Europe/Berlin");
        check(
            &days,
            "2026-03-28T12:00:00Z",
            &["2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"],
        );
        check(
            &days,
            "2026-10-24T23:30:00Z",
            &["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"],
        );
        // Midnight was skipped.
        check(
            &bins(BinWidth::Nanos(DAY), "America/Sao_Paulo"),
            "2018-11-04T12:00:00Z",
            &["2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"],
        );
    }

    #[test]
    fn an_hour_that_comes_twice_is_two_bins() {
        check(
            &bins(HOUR, "Europe/Berlin"),
            "2026-10-24T23:59:00Z",
            &[
                "2026-10-24T23:00:00Z",
                "2026-10-25T00:00:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T02:00:00Z",
            ],
        );
        check(
            &bins(HOUR, "Asia/Kolkata"),
            "2026-01-01T00:00:00Z",
            &["2025-12-31T23:30:00Z", "2026-01-01T00:30:00Z"],
        );
        check(
            &bins(BinWidth::Nanos(6 * 3_600_000_000_000), "Europe/Berlin"),
            "2026-10-25T03:30:00Z",
            &["2026-10-24T22:00:00Z", "2026-10-25T05:00:00Z", "2026-10-25T11:00:00Z"],
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let weeks = bins(BinWidth::Nanos(WEEK), "UTC");
        check(
            &weeks,
            "2026-11-24T14:00:00Z",
            &["2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"],
        );
        let months = bins(BinWidth::Months(1), "America/New_York");
        check(
            &months,
            "2026-11-01T03:00:00Z",
            &[
                "2026-10-01T04:00:00Z",
                "2026-11-01T04:00:00Z",
                "2026-12-01T05:00:00Z",
                "2027-01-01T05:00:00Z",
            ],
        );
        let quarters = bins(BinWidth::Months(3), "UTC");
        check(
            &quarters,
            "1969-12-31T00:00:00Z",
            &["1969-10-01T00:00:00Z", "1970-01-01T00:00:00Z"],
        );
    }

    #[test]
    fn an_unknown_zone_names_the_nearest() {
        let suggestion = |name: &str| {
            let zone = Zone {
                name: name.to_owned(),
                span: Default::default(),
            };
            match Bins::new(HOUR, Some(&zone)) {
                Err(ReadError::Query(error)) => error.suggestion,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(suggestion("Europe/Berln").as_deref(), Some("Europe/Berlin"));
        assert_eq!(suggestion("Berlin").as_deref(), Some("Europe/Berlin"));
        assert_eq!(suggestion("Mars/Olympus_Mons"), None);
    }

    proptest::proptest! {
        #[test]
        fn bins_follow_each_other_without_gaps(
            time in -4_000_000_000_i64..8_000_000_000,
            width in proptest::sample::select(vec![
                BinWidth::Nanos(900_000_000_000), HOUR, BinWidth::Nanos(6 * 3_600_000_000_000),
                BinWidth::Nanos(DAY), BinWidth::Nanos(3 * DAY), BinWidth::Nanos(WEEK), BinWidth::Months(1),
            ]),
            zone in proptest::sample::select(vec![
                "UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia",
            ]),
        ) {
            let bins = bins(width, zone);
            let time = time * 1_000_000_000;
            let start = bins.start(time);
            proptest::prop_assert!(start <= time);
            proptest::prop_assert_eq!(bins.start(start), start);
            let next = bins.next(start).unwrap();
            proptest::prop_assert!(next > time, "{} {} {}", start, time, next);
            proptest::prop_assert_eq!(bins.start(next), next);
            proptest::prop_assert_eq!(bins.start(next - 1), start);
        }
    }
}
