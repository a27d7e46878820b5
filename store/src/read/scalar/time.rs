//! Functions of times, in a zone of the calendar.

use std::sync::Arc;

use datafusion::arrow::array::{Float64Array, StringArray, TimestampNanosecondArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use jiff::Zoned;
use jiff::tz::TimeZone;
use timberline_proto::query::time_range::parse_time;

use super::{UTC, call, time_type};
use crate::read::time::rfc3339_short;

const SECOND: f64 = 1e9;

/// A time from text; what is no instant of its own (`now`, `-5m`) is null.
pub(crate) fn of_text(text: Expr) -> Expr {
    call("text_time", String::new(), time_type(), vec![text], |args| {
        let parse = |text: Option<&str>| {
            let text = text?.trim();
            if text.starts_with(['n', '-', '+']) {
                return None;
            }
            parse_time(text, 0).ok()
        };
        times(args.text(0)?.iter().map(parse))
    })
}

/// A time from seconds since the epoch.
pub(crate) fn of_seconds(seconds: Expr) -> Expr {
    call("seconds_time", String::new(), time_type(), vec![seconds], |args| {
        times(args.numbers(0)?.iter().map(|seconds| nanos(seconds?)))
    })
}

/// Seconds since the epoch.
pub(crate) fn seconds(time: Expr) -> Expr {
    call("time_seconds", String::new(), DataType::Float64, vec![time], |args| {
        let seconds = |time: Option<i64>| time.map(|nanos| nanos as f64 / SECOND);
        Ok(Arc::new(args.times(0)?.iter().map(seconds).collect::<Float64Array>()))
    })
}

/// A time some seconds later, exact to the nanosecond for whole seconds.
pub(crate) fn moved(time: Expr, seconds: Expr) -> Expr {
    call("moved", String::new(), time_type(), vec![time, seconds], |args| {
        let (from, by) = (args.times(0)?, args.numbers(1)?);
        times(
            from.iter()
                .zip(by.iter())
                .map(|(time, by)| time?.checked_add(nanos(by?)?)),
        )
    })
}

/// The seconds from the right time to the left one.
pub(crate) fn between(left: Expr, right: Expr) -> Expr {
    call("between", String::new(), DataType::Float64, vec![left, right], |args| {
        let (left, right) = (args.times(0)?, args.times(1)?);
        let pairs = left.iter().zip(right.iter());
        let apart = pairs.map(|(a, b)| Some((i128::from(a?) - i128::from(b?)) as f64 / SECOND));
        Ok(Arc::new(apart.collect::<Float64Array>()))
    })
}

/// RFC 3339, UTC.
pub(crate) fn text(time: Expr) -> Expr {
    call("time_text", String::new(), DataType::Utf8, vec![time], |args| {
        let times = args.times(0)?;
        Ok(Arc::new(
            times
                .iter()
                .map(|time| time.map(rfc3339_short))
                .collect::<StringArray>(),
        ))
    })
}

/// By a format of `strftime`; null where it cannot be written.
pub(crate) fn format(time: Expr, format: String, zone: TimeZone) -> Expr {
    let parameters = format!("{format} {zone:?}");
    call("format_time", parameters, DataType::Utf8, vec![time], move |args| {
        let write = |time: Option<i64>| jiff::fmt::strtime::format(&format, &zoned(time?, &zone)?).ok();
        Ok(Arc::new(args.times(0)?.iter().map(write).collect::<StringArray>()))
    })
}

/// The part of the calendar that `name` names, if it does.
pub(crate) fn part(name: &str, time: Expr, zone: TimeZone) -> Option<Expr> {
    let of: fn(&Zoned) -> f64 = match name {
        "year" => |time| f64::from(time.year()),
        "month" => |time| f64::from(time.month()),
        "day" => |time| f64::from(time.day()),
        "hour" => |time| f64::from(time.hour()),
        "minute" => |time| f64::from(time.minute()),
        "weekday" => |time| f64::from(time.weekday().to_monday_one_offset()),
        _ => return None,
    };
    let parameters = format!("{name} {zone:?}");
    Some(call(
        "time_part",
        parameters,
        DataType::Float64,
        vec![time],
        move |args| {
            let parts = args
                .times(0)?
                .iter()
                .map(|time| Some(of(&zoned(time?, &zone)?)))
                .collect::<Float64Array>();
            Ok(Arc::new(parts))
        },
    ))
}

fn zoned(nanos: i64, zone: &TimeZone) -> Option<Zoned> {
    let time = jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok()?;
    Some(time.to_zoned(zone.clone()))
}

/// Nanoseconds of seconds; `None` beyond 64 bits.
fn nanos(seconds: f64) -> Option<i64> {
    let whole = seconds.trunc();
    if whole.abs() > 9_223_372_035.0 || whole.is_nan() {
        return None;
    }
    // Both are far within 64 bits.
    Some(whole as i64 * 1_000_000_000 + ((seconds - whole) * SECOND).round() as i64)
}

fn times(times: impl Iterator<Item = Option<i64>>) -> datafusion::common::Result<datafusion::arrow::array::ArrayRef> {
    Ok(Arc::new(times.collect::<TimestampNanosecondArray>().with_timezone(UTC)))
}
