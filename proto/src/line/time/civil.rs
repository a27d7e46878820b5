//! Calendar dates without zones (proleptic Gregorian).

pub(super) const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// Years that are believed. Within them every time fits `i64` nanoseconds.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2261;

/// What a clock and a calendar show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i32,
    /// 1–12.
    pub(super) month: u8,
    /// 1–31.
    pub(super) day: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
    /// 0–60: a leap second is the first of the next minute.
    pub(super) second: u8,
    pub(super) nanos: u32,
}

impl Civil {
    /// Whether such a day and such a time of day exist.
    pub(super) fn is_valid(&self) -> bool {
        YEARS.contains(&self.year)
            && (1..=12).contains(&self.month)
            && (1..=days_in_month(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second <= 60
    }

    /// Whether such a day exists in some year.
    pub(super) fn is_valid_without_year(&self) -> bool {
        Civil { year: 2000, ..*self }.is_valid()
    }

    /// Seconds since 1970-01-01 00:00:00 on the same clock. Only for a valid date.
    pub(super) fn local_seconds(&self) -> i64 {
        let day_seconds = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days_from_civil(self.year, self.month, self.day) * SECONDS_PER_DAY + day_seconds
    }

    /// What a clock shows that is `offset_seconds` ahead of UTC.
    pub(super) fn at(nanos: i64, offset_seconds: i64) -> Civil {
        let seconds = nanos.div_euclid(NANOS_PER_SECOND) + offset_seconds;
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let rest = seconds.rem_euclid(SECONDS_PER_DAY);
        let byte = |value: i64| u8::try_from(value).unwrap_or(0);
        Civil {
            year,
            month,
            day,
            hour: byte(rest / 3600),
            minute: byte(rest / 60 % 60),
            second: byte(rest % 60),
            nanos: u32::try_from(nanos.rem_euclid(NANOS_PER_SECOND)).unwrap_or(0),
        }
    }

    /// 0 is Sunday.
    pub(super) fn weekday(&self) -> usize {
        let days = days_from_civil(self.year, self.month, self.day);
        usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0)
    }
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years begin in March here, so that the leap day is a year's last; 400 years
/// are 146,097 days, and 1970-01-01 is 719,468 days after 0000-03-01.
fn days_from_civil(year: i32, month: u8, day: u8) -> i64 {
    let march_year = i64::from(year) - i64::from(month <= 2);
    let march_month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + i64::from(day) - 1;
    let cycle = march_year.div_euclid(400);
    let year_of_cycle = march_year.rem_euclid(400);
    cycle * 146_097 + year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let shifted = days + 719_468;
    let cycle = shifted.div_euclid(146_097);
    let day_of_cycle = shifted.rem_euclid(146_097);
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
    (
        i32::try_from(year).unwrap_or(0),
        u8::try_from(month).unwrap_or(1),
        u8::try_from(day).unwrap_or(1),
    )
}

#[cfg(test)]
mod tests {
    //! Against jiff, which has its own calendar.
    use super::*;

    #[test]
    fn days_agree_with_jiff_over_four_centuries() {
        let mut date = jiff::civil::date(1899, 12, 31);
        let first = days_from_civil(1899, 12, 31);
        let epoch = jiff::civil::date(1970, 1, 1);
        assert_eq!(first, i64::from(epoch.until(date).expect("close enough").get_days()));
        for days in first..first + 400 * 366 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(
                (year, month, day),
                (
                    date.year().into(),
                    date.month().cast_unsigned(),
                    date.day().cast_unsigned()
                )
            );
            assert_eq!(days_from_civil(year, month, day), days);
            let civil = Civil {
                year,
                month,
                day,
                ..Civil::default()
            };
            assert_eq!(
                civil.weekday(),
                usize::from(date.weekday().to_sunday_zero_offset().cast_unsigned())
            );
            date = date.tomorrow().expect("far from the end");
        }
    }
}
