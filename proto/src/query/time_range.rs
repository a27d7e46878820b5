//! Instants as people write them, to nanoseconds since the epoch.
//!
//! | written | means |
//! |---|---|
//! | `now` | the instant of asking |
//! | `now-15m`, `-15m`, `now+1h30m` | before or after it |
//! | `now/d`, `now-1d/d` | rounded down: `s m h d w` (Monday) `M y`, UTC |
//! | `2026-11-20T14:31:57.5Z`, `…+01:00`, without zone (UTC), with a space for `T`, without seconds | RFC 3339 |
//! | `2026-11-20`, `2026-11` | the beginning of the day or month, UTC |
//! | `1795185117` | epoch: seconds below 10¹¹, milliseconds below 10¹⁴, microseconds below 10¹⁷, else nanoseconds |
//! | `1795185117.25` | epoch seconds |
//!
//! Years are 0001 to 9999; what an `i64` of nanoseconds cannot hold (before 1677, after 2262) is
//! the nearest that it can.

use super::duration::{UNIT_NAMES, parse_duration};

/// A text that is no instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimeError(String);

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// Nanoseconds since the epoch of `text`, asked at `now_nanos`.
///
/// # Errors
/// [`TimeError`] says what could stand there.
pub fn parse_time(text: &str, now_nanos: i64) -> Result<i64, TimeError> {
    parse_period(text, now_nanos).map(|(start, _)| start)
}

/// First nanosecond and the one after the last of what `text` names: a day for `2026-11-20`, a
/// minute or second for times that end there, else one instant.
///
/// # Errors
/// As [`parse_time`].
pub fn parse_period(text: &str, now_nanos: i64) -> Result<(i64, i64), TimeError> {
    let text = text.trim();
    let (start, length) = match text.strip_prefix("now") {
        Some(rest) => (relative(rest, now_nanos, text)?, 1),
        None if text.starts_with(['-', '+']) => (relative(text, now_nanos, text)?, 1),
        None => epoch(text).or_else(|| civil(text)).ok_or_else(|| wrong(text))?,
    };
    Ok((saturate(start), saturate(start + length)))
}

fn wrong(text: &str) -> TimeError {
    let shown: String = text.chars().take(40).collect();
    TimeError(format!(
        "`{shown}` is no time; write now-15m, now/d, 2026-11-20T14:30:00Z, 2026-11-20, or seconds since the epoch"
    ))
}

fn saturate(nanos: i128) -> i64 {
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

/// `-15m`, `+1h-5m`, `/d`, `-1d/d` from `now`.
fn relative(mut rest: &str, now_nanos: i64, text: &str) -> Result<i128, TimeError> {
    let mut at = i128::from(now_nanos);
    while let Some(sign) = rest.chars().next() {
        let after = &rest[sign.len_utf8()..];
        let end = after.find(['-', '+', '/']).unwrap_or(after.len());
        let (term, next) = after.split_at(end);
        let step = || {
            parse_duration(term).map(i128::from).ok_or_else(|| {
                TimeError(format!(
                    "`{sign}{term}` in `{text}` is no duration; units are {UNIT_NAMES}"
                ))
            })
        };
        match sign {
            '-' => at -= step()?,
            '+' => at += step()?,
            '/' => {
                at = round_down(at, term).ok_or_else(|| {
                    TimeError(format!(
                        "`/{term}` in `{text}` rounds to nothing known; units are s, m, h, d, w, M or y"
                    ))
                })?
            }
            _ => return Err(wrong(text)),
        }
        rest = next;
    }
    Ok(at)
}

fn round_down(nanos: i128, unit: &str) -> Option<i128> {
    let floor = |width: i128| nanos - nanos.rem_euclid(width);
    let days = nanos.div_euclid(DAY);
    let (year, month, _) = civil_from_days(days);
    Some(match unit {
        "s" => floor(SECOND),
        "m" => floor(60 * SECOND),
        "h" => floor(3600 * SECOND),
        "d" => floor(DAY),
        // Day 0 was a Thursday.
        "w" => (days - (days + 3).rem_euclid(7)) * DAY,
        "M" => days_from_civil(year, month, 1) * DAY,
        "y" => days_from_civil(year, 1, 1) * DAY,
        _ => return None,
    })
}

fn epoch(text: &str) -> Option<(i128, i128)> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((whole, fraction)) = text.split_once('.') {
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole = whole.parse::<i64>().map_or(i128::from(i64::MAX), i128::from);
        return Some((whole * SECOND + fraction_nanos(fraction), 1));
    }
    if !digits(text) {
        return None;
    }
    let number = text.parse::<i64>().map_or(i128::from(i64::MAX), i128::from);
    let unit = match number {
        ..100_000_000_000 => SECOND,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    Some((number * unit, unit))
}

/// The first nine digits as nanoseconds.
fn fraction_nanos(digits: &str) -> i128 {
    digits
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'))
}

/// Reads numbers of fixed width from the left.
struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn take(&mut self, count: usize) -> Option<i128> {
        let digits = self.0.get(..count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = &self.0[count..];
        Some(digits.iter().fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0')))
    }
    fn skip(&mut self, any_of: &[u8]) -> bool {
        let found = self.0.first().is_some_and(|byte| any_of.contains(byte));
        if found {
            self.0 = &self.0[1..];
        }
        found
    }
}

/// RFC 3339 and what is shorter: the instant and how long what was named lasts.
fn civil(text: &str) -> Option<(i128, i128)> {
    let mut digits = Digits(text.as_bytes());
    let year = digits.take(4).filter(|year| *year >= 1)?;
    if !digits.skip(b"-") {
        return None;
    }
    let month = digits.take(2).filter(|month| (1..=12).contains(month))?;
    if digits.0.is_empty() {
        let start = days_from_civil(year, month, 1);
        let next = if month == 12 {
            days_from_civil(year + 1, 1, 1)
        } else {
            days_from_civil(year, month + 1, 1)
        };
        return Some((start * DAY, (next - start) * DAY));
    }
    if !digits.skip(b"-") {
        return None;
    }
    let day = digits
        .take(2)
        .filter(|day| (1..=days_in_month(year, month)).contains(day))?;
    let date = days_from_civil(year, month, day) * DAY;
    if digits.0.is_empty() {
        return Some((date, DAY));
    }
    if !digits.skip(b"Tt ") {
        return None;
    }
    let (time, length) = clock(&mut digits)?;
    let offset = zone(&mut digits)?;
    digits.0.is_empty().then_some((date + time - offset, length))
}

/// `14:31`, `14:31:57`, `14:31:57.25`: nanoseconds since midnight and how long it lasts.
fn clock(digits: &mut Digits<'_>) -> Option<(i128, i128)> {
    let hour = digits.take(2).filter(|hour| *hour < 24)?;
    if !digits.skip(b":") {
        return None;
    }
    let minute = digits.take(2).filter(|minute| *minute < 60)?;
    let time = (hour * 60 + minute) * 60 * SECOND;
    if !digits.skip(b":") {
        return Some((time, 60 * SECOND));
    }
    // A leap second is the first of the next minute.
    let second = digits.take(2).filter(|second| *second <= 60)?;
    let time = time + second * SECOND;
    if !digits.skip(b".,") {
        return Some((time, SECOND));
    }
    let count = digits.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = digits.0.split_at(count);
    digits.0 = rest;
    let fraction = std::str::from_utf8(fraction).ok().filter(|text| !text.is_empty())?;
    let length = 10_i128.pow(9_u32.saturating_sub(u32::try_from(count).unwrap_or(9)));
    Some((time + fraction_nanos(fraction), length))
}

/// `Z`, `+01:00`, `+0100`, `+01`, or nothing: nanoseconds east of UTC.
fn zone(digits: &mut Digits<'_>) -> Option<i128> {
    if digits.0.is_empty() || digits.skip(b"Zz") {
        return Some(0);
    }
    let west = digits.0.first() == Some(&b'-');
    if !digits.skip(b"+-") {
        return None;
    }
    let hours = digits.take(2).filter(|hours| *hours < 24)?;
    let minutes = if digits.skip(b":") || !digits.0.is_empty() {
        digits.take(2).filter(|m| *m < 60)?
    } else {
        0
    };
    let offset = (hours * 60 + minutes) * 60 * SECOND;
    Some(if west { -offset } else { offset })
}

fn days_in_month(year: i128, month: i128) -> i128 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of 400 years of the Gregorian calendar.
const DAYS_400_YEARS: i128 = 146_097;
/// From 1 March of year 0 to the epoch.
const DAYS_TO_EPOCH: i128 = 719_468;

/// Days since the epoch. Years begin in March here, so that the leap day is the last one.
fn days_from_civil(year: i128, month: i128, day: i128) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    cycle * DAYS_400_YEARS + year * 365 + year / 4 - year / 100 + day_of_year - DAYS_TO_EPOCH
}

/// Year, month and day of a day since the epoch.
fn civil_from_days(days: i128) -> (i128, i128, i128) {
    let days = days + DAYS_TO_EPOCH;
    let (cycle, day) = (days.div_euclid(DAYS_400_YEARS), days.rem_euclid(DAYS_400_YEARS));
    // 1,460 days are four years less their leap day, 36,524 a century, 146,096 all but the last day.
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (cycle * 400 + year + i128::from(month <= 2), month, day)
}

/// `nanos` since the epoch as RFC 3339, UTC, with nine digits of the second.
pub fn format_rfc3339_nanos(nanos: i64) -> String {
    let nanos = i128::from(nanos);
    let (year, month, day) = civil_from_days(nanos.div_euclid(DAY));
    let time = nanos.rem_euclid(DAY);
    let (seconds, fraction) = (time / SECOND, time % SECOND);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:09}Z")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-20T14:31:57.123456789Z, a Friday.
    const NOW: i64 = 1_795_185_117_123_456_789;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let nanos = parse_time(text, NOW).expect(text);
        assert_eq!(format_rfc3339_nanos(nanos), expected, "{text}");
    }

    #[test]
    fn relative_times_count_from_now() {
        check("now", "2026-11-20T14:31:57.123456789Z");
        check("now-15m", "2026-11-20T14:16:57.123456789Z");
        check("-15m", "2026-11-20T14:16:57.123456789Z");
        check("now+1h30m", "2026-11-20T16:01:57.123456789Z");
        check("now-1d-1h", "2026-11-19T13:31:57.123456789Z");
    }

    #[test]
    fn rounding_goes_down() {
        check("now/s", "2026-11-20T14:31:57.000000000Z");
        check("now/m", "2026-11-20T14:31:00.000000000Z");
        check("now/h", "2026-11-20T14:00:00.000000000Z");
        check("now/d", "2026-11-20T00:00:00.000000000Z");
        check("now-1d/d", "2026-11-19T00:00:00.000000000Z");
        check("now/d+8h", "2026-11-20T08:00:00.000000000Z");
        check("now/w", "2026-11-16T00:00:00.000000000Z");
        check("now/M", "2026-11-01T00:00:00.000000000Z");
        check("now/y", "2026-01-01T00:00:00.000000000Z");
    }

    #[test]
    fn rfc_3339_and_what_is_shorter() {
        check("2026-11-20T14:31:57Z", "2026-11-20T14:31:57.000000000Z");
        check("2026-11-20 14:31", "2026-11-20T14:31:00.000000000Z");
        check("2026-11-20t14:31:57.5+01:00", "2026-11-20T13:31:57.500000000Z");
        check("2026-11-20T14:31:57,25-0130", "2026-11-20T16:01:57.250000000Z");
        check("2026-11-20T14:31:57+01", "2026-11-20T13:31:57.000000000Z");
        check("2026-11-20", "2026-11-20T00:00:00.000000000Z");
        check("2024-02-29", "2024-02-29T00:00:00.000000000Z");
        check("2026-11", "2026-11-01T00:00:00.000000000Z");
        check("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000000Z");
        check("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn epochs_are_told_apart_by_magnitude() {
        for text in ["1795185117", "1795185117000", "1795185117000000", "1795185117000000000"] {
            check(text, "2026-11-20T14:31:57.000000000Z");
        }
        check("1795185117.25", "2026-11-20T14:31:57.250000000Z");
        check("0", "1970-01-01T00:00:00.000000000Z");
    }

    #[test]
    fn a_time_names_a_period() {
        let length = |text: &str| parse_period(text, NOW).map(|(start, end)| i128::from(end) - i128::from(start));
        assert_eq!(length("2026-11-20"), Ok(DAY));
        assert_eq!(length("2024-02"), Ok(29 * DAY));
        assert_eq!(length("2026-12"), Ok(31 * DAY));
        assert_eq!(length("2026-11-20T14:31"), Ok(60 * SECOND));
        assert_eq!(length("2026-11-20T14:31:57"), Ok(SECOND));
        assert_eq!(length("2026-11-20T14:31:57.5"), Ok(SECOND / 10));
        assert_eq!(length("2026-11-20T14:31:57.123456789123"), Ok(1));
        assert_eq!(length("now"), Ok(1));
    }

    #[test]
    fn what_cannot_be_held_is_the_nearest_that_can() {
        assert_eq!(parse_time("0001-01-01", NOW), Ok(i64::MIN));
        assert_eq!(parse_time("9999-12-31T23:59:59Z", NOW), Ok(i64::MAX));
        assert_eq!(parse_time("99999999999999999999999", NOW), Ok(i64::MAX));
        assert_eq!(parse_time("99999999999999999999999.5", NOW), Ok(i64::MAX));
        assert_eq!(parse_time("now-100000d", i64::MIN), Ok(i64::MIN));
        assert!(format_rfc3339_nanos(i64::MIN).starts_with("1677-09-21"));
        assert!(format_rfc3339_nanos(i64::MAX).starts_with("2262-04-11"));
    }

    #[test]
    fn what_is_no_time_says_what_would_be() {
        for text in [
            "",
            "yesterday",
            "now-",
            "now-15",
            "now/x",
            "now/",
            "nowhere",
            "-",
            "-15",
            "2026-13-01",
            "2026-02-29",
            "2026-11-20T25:00",
            "2026-11-20T14",
            "2026-11-20T14:31:57X",
            "2026-11-20T14:31:57+1",
            "0000-01-01",
            "1.",
            ".5",
            "2026/11/20",
            "2026-11-20T14:31:57.",
            "ünï",
        ] {
            let error = parse_time(text, NOW).expect_err(text);
            assert!(!error.to_string().is_empty());
        }
    }

    proptest! {
        #[test]
        fn fuzz_no_text_panics(text in ".{0,24}", now in any::<i64>()) {
            parse_period(&text, now).ok();
        }

        #[test]
        fn fuzz_no_text_like_a_time_panics(text in "(now|2026-11-20|9999-12|-|[0-9]{1,30})?[-+/:T .Z0-9a-zM]{0,12}", now in any::<i64>()) {
            parse_period(&text, now).ok();
        }

        #[test]
        fn a_written_time_is_read_back(nanos in any::<i64>()) {
            prop_assert_eq!(parse_time(&format_rfc3339_nanos(nanos), 0), Ok(nanos));
        }
    }
}
