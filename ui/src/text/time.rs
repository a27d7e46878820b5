//! Instants and ranges of time: the forms that the address bar holds and those that people read.

/// Milliseconds of a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// A date and a time of day in some zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    /// Year.
    pub year: i64,
    /// 1–12.
    pub month: u32,
    /// 1–31.
    pub day: u32,
    /// 0–23.
    pub hour: u32,
    /// 0–59.
    pub minute: u32,
    /// 0–59.
    pub second: u32,
    /// 0–999.
    pub milli: u32,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl Civil {
    /// Of an instant that already has the zone's offset added.
    pub(crate) fn of(local_ms: i64) -> Civil {
        let days = local_ms.div_euclid(DAY_MS);
        let rest = local_ms.rem_euclid(DAY_MS) as u32;
        let (year, month, day) = date_of(days);
        Civil {
            year,
            month,
            day,
            hour: rest / 3_600_000,
            minute: rest / 60_000 % 60,
            second: rest / 1_000 % 60,
            milli: rest % 1_000,
        }
    }

    /// The instant, as if the zone were UTC.
    pub(crate) fn to_ms(self) -> i64 {
        let day = days_of(self.year, self.month, self.day);
        let seconds = i64::from(self.hour) * 3_600 + i64::from(self.minute) * 60 + i64::from(self.second);
        day * DAY_MS + seconds * 1_000 + i64::from(self.milli)
    }

    /// `12:03:11.482`
    pub(crate) fn clock(&self) -> String {
        format!("{}.{:03}", self.clock_seconds(), self.milli)
    }

    /// `12:03:11`
    pub(crate) fn clock_seconds(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }

    /// `20 Nov`
    pub(crate) fn day_month(&self) -> String {
        format!("{:02} {}", self.day, MONTHS[(self.month as usize + 11) % 12])
    }

    /// `20 Nov`, with the year if that is not the year of `now`.
    pub(crate) fn day_of(&self, now: &Civil) -> String {
        match self.year == now.year {
            true => self.day_month(),
            false => format!("{} {}", self.day_month(), self.year),
        }
    }

    /// `2026-11-20 12:03:11`, without what is zero at its end (seconds, milliseconds).
    pub(crate) fn editable(&self) -> String {
        let mut text = format!(
            "{:04}-{:02}-{:02} {:02}:{:02}",
            self.year, self.month, self.day, self.hour, self.minute
        );
        if self.second != 0 || self.milli != 0 {
            text.push_str(&format!(":{:02}", self.second));
        }
        if self.milli != 0 {
            text.push_str(&format!(".{:03}", self.milli));
        }
        text
    }
}

/// `2026-11-20T12:03:11.482Z`
pub(crate) fn rfc3339(ms: i64) -> String {
    let c = Civil::of(ms);
    let fraction = if c.milli == 0 {
        String::new()
    } else {
        format!(".{:03}", c.milli)
    };
    format!(
        "{:04}-{:02}-{:02}T{}{fraction}Z",
        c.year,
        c.month,
        c.day,
        c.clock_seconds()
    )
}

/// A label for a tick of an axis `width_ms` wide in all.
pub(crate) fn tick(local_ms: i64, width_ms: i64) -> String {
    let c = Civil::of(local_ms);
    match width_ms {
        0..=5_000 => c.clock(),
        5_001..=600_000 => c.clock_seconds(),
        600_001..=DAY_MS => format!("{:02}:{:02}", c.hour, c.minute),
        _ if width_ms < 5 * DAY_MS => format!("{} {:02}:{:02}", c.day_month(), c.hour, c.minute),
        _ if width_ms < 400 * DAY_MS => c.day_month(),
        _ => format!("{} {}", MONTHS[(c.month as usize + 11) % 12], c.year),
    }
}

/// Nanoseconds since the epoch of an RFC 3339 text.
pub(crate) fn nanos(text: &str) -> Option<i128> {
    let (civil, sub_ms_nanos, offset_ms) = read_date_time(text)?;
    let ms = civil.to_ms() - offset_ms?;
    Some(i128::from(ms) * 1_000_000 + i128::from(sub_ms_nanos))
}

/// Milliseconds since the epoch of an RFC 3339 text, rounded down.
pub(crate) fn millis(text: &str) -> Option<i64> {
    i64::try_from(nanos(text)?.div_euclid(1_000_000)).ok()
}

/// An end of a range as written: `now`, `-15m`, `now-15m`, an epoch, or a date with or without a
/// time of day (in the zone whose offset `zone_offset_ms` gives) or RFC 3339.
pub(crate) fn instant(text: &str, now_ms: i64, zone_offset_ms: impl Fn(i64) -> i64) -> Option<i64> {
    let text = text.trim();
    if text == "now" {
        return Some(now_ms);
    }
    if let Some(back) = text.strip_prefix("now-").or_else(|| text.strip_prefix('-')) {
        return Some(now_ms - span_ms(back)?);
    }
    if let Some(ahead) = text.strip_prefix("now+") {
        return Some(now_ms + span_ms(ahead)?);
    }
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit()) {
        return epoch_ms(text);
    }
    let (civil, _, offset_ms) = read_date_time(text)?;
    let local = civil.to_ms();
    Some(local - offset_ms.unwrap_or_else(|| zone_offset_ms(local)))
}

/// `15m` → 900,000.
pub(crate) fn span_ms(text: &str) -> Option<i64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let count: i64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => DAY_MS,
        "w" => 7 * DAY_MS,
        "y" => 365 * DAY_MS,
        _ => return None,
    };
    count.checked_mul(unit)
}

fn epoch_ms(digits: &str) -> Option<i64> {
    let n: i64 = digits.parse().ok()?;
    Some(match digits.len() {
        ..=11 => n.checked_mul(1_000)?,
        12..=14 => n,
        15..=17 => n / 1_000,
        _ => n / 1_000_000,
    })
}

/// Date and time, nanoseconds below the millisecond, and the offset if one is written.
fn read_date_time(text: &str) -> Option<(Civil, u32, Option<i64>)> {
    let (date, rest) = if text.len() > 10 {
        text.split_at_checked(10)?
    } else {
        (text, "")
    };
    let mut parts = date.split('-');
    let year: i64 = parts.next().filter(|p| p.len() == 4)?.parse().ok()?;
    let month = number(parts.next()?, 1, 12)?;
    let day = number(parts.next()?, 1, 31)?;
    if parts.next().is_some() {
        return None;
    }
    let midnight = Civil {
        year,
        month,
        day,
        hour: 0,
        minute: 0,
        second: 0,
        milli: 0,
    };
    if rest.is_empty() {
        return Some((midnight, 0, None));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let clock_end = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(clock_end);
    let mut parts = clock.trim().split(':');
    let hour = number(parts.next()?, 0, 23)?;
    let minute = number(parts.next()?, 0, 59)?;
    let (second, nanos) = parts.next().map_or(Some((0, 0)), read_seconds)?;
    let civil = Civil {
        hour,
        minute,
        second,
        milli: nanos / 1_000_000,
        ..midnight
    };
    Some((civil, nanos % 1_000_000, read_offset(zone)?))
}

fn read_seconds(text: &str) -> Option<(u32, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos = if fraction.is_empty() {
        0
    } else {
        format!("{fraction:0<9}").parse().ok()?
    };
    Some((number(whole, 0, 60)?.min(59), nanos))
}

fn read_offset(zone: &str) -> Option<Option<i64>> {
    match zone {
        "" => Some(None),
        "Z" | "z" => Some(Some(0)),
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let digits: String = zone[1..].chars().filter(|&c| c != ':').collect();
            let hours = number(digits.get(..2)?, 0, 23)?;
            let minutes = digits
                .get(2..)
                .filter(|m| !m.is_empty())
                .map_or(Some(0), |m| number(m, 0, 59))?;
            Some(Some(sign * (i64::from(hours) * 60 + i64::from(minutes)) * 60_000))
        }
    }
}

fn number(text: &str, min: u32, max: u32) -> Option<u32> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
        .filter(|n| (min..=max).contains(n))
}

/// Days since 1970-01-01 of a Gregorian date, by counting years from March so that a leap day ends them.
fn days_of(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn date_of(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    } as u32;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// How the times begin that lines begin with: `0` a digit, `_` a digit or a blank, `A` a letter.
const STAMPS: [&[u8]; 6] = [
    b"0000-00-00 00:00:00",
    b"0000-00-00T00:00:00",
    b"0000/00/00 00:00:00",
    b"00/00/00 00:00:00",
    b"00-00 00:00:00",
    b"Aaa _0 00:00:00",
];

/// Bytes of the date and time that a line begins with, and of the blank after it; 0 without one.
pub(crate) fn stamp_bytes(line: &str) -> usize {
    let bytes = line.as_bytes();
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'_' => byte.is_ascii_digit() || *byte == b' ',
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        _ => byte == shape,
    };
    let fitting = STAMPS
        .into_iter()
        .find(|shape| bytes.len() >= shape.len() && bytes.iter().zip(*shape).all(fits));
    let Some(shape) = fitting else { return 0 };
    let is_rest = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b':' | b'+' | b'-' | b'Z');
    let rest = bytes[shape.len()..].iter().take_while(|byte| is_rest(byte)).count();
    let end = shape.len() + rest;
    if bytes.get(end) == Some(&b' ') { end + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_185_124_000; // 2026-11-20T14:32:04Z

    #[test]
    fn dates_survive_the_round_trip() {
        for ms in [0, 1, -1, NOW, 951_782_400_000, 4_102_444_799_999, -62_135_596_800_000] {
            assert_eq!(Civil::of(ms).to_ms(), ms);
        }
        assert_eq!(rfc3339(NOW), "2026-11-20T14:32:04Z");
        assert_eq!(rfc3339(951_782_400_007), "2000-02-29T00:00:00.007Z");
    }

    #[test]
    fn rfc_3339_keeps_its_nanoseconds() {
        assert_eq!(nanos("1970-01-01T00:00:00.000000001Z"), Some(1));
        assert_eq!(nanos("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(millis("2026-11-20T14:32:04.5Z"), Some(NOW + 500));
        assert_eq!(nanos("2026-11-20T14:32:04"), None);
        assert_eq!(nanos("nonsense"), None);
    }

    #[test]
    fn ends_of_ranges_have_many_forms() {
        let at = |text: &str| instant(text, NOW, |_| 3_600_000);
        assert_eq!(at("now"), Some(NOW));
        assert_eq!(at("-15m"), Some(NOW - 900_000));
        assert_eq!(at("now-1d"), Some(NOW - DAY_MS));
        assert_eq!(at("1795185124"), Some(NOW));
        assert_eq!(at("1795185124000000000"), Some(NOW));
        assert_eq!(at("2026-11-20 15:32:04"), Some(NOW));
        assert_eq!(at("2026-11-20"), Some(NOW - (15 * 60 + 32) * 60_000 - 4_000));
        for bad in [
            "",
            "yesterday",
            "2026-13-01",
            "-5 parsecs",
            "2026-11-20 25:00",
            "ü026-11-20 10:00",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_editable_time_reads_back() {
        let c = Civil::of(NOW + 40);
        assert_eq!(c.editable(), "2026-11-20 14:32:04.040");
        assert_eq!(instant(&c.editable(), 0, |_| 0), Some(NOW + 40));
    }

    #[test]
    fn a_line_begins_with_a_stamp_or_does_not() {
        assert_eq!(stamp_bytes("Dec 10 06:55:46 LabSZ sshd"), 16);
        assert_eq!(stamp_bytes("Jul  1 09:00:55 x"), 16);
        assert_eq!(stamp_bytes("17/06/09 20:10:40 INFO"), 18);
        assert_eq!(stamp_bytes("03-17 16:13:38.811  1702"), 19);
        for (line, bytes) in [
            ("2026-11-20T15:52:30.755Z INFO x", 25),
            ("2026-11-20 15:52:30,755 x", 24),
            ("2026-11-20T15:52:30+02:00 x", 26),
            ("2026-11-20T15:52:30.755Zx", 0),
            ("2026-11-20", 0),
            ("ünïcode x", 0),
            ("", 0),
        ] {
            assert_eq!(stamp_bytes(line), bytes, "{line}");
        }
    }
}
