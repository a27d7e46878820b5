//! Silences and maintenance windows, ready to be asked.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use timberline_proto::alert::notify::{Calendar, KeptSilence, SILENCE_MATCHERS_MAX, Silence, SilenceState, Weekday};

use super::matcher::{Labels, Matchers};

/// Characters of who and why.
const TEXT_CHARS_MAX: usize = 1_000;
/// Days that the next window is looked for: February 29th on one weekday comes once in 40 years.
const DAYS_AHEAD_MAX: i32 = 366 * 41;

/// A silence, ready to be asked.
#[derive(Clone, Debug)]
pub struct Silencer {
    /// Its id.
    pub id: String,
    matchers: Matchers,
    starts: i64,
    ends: Option<i64>,
    windows: Option<Windows>,
}

#[derive(Clone, Debug)]
struct Windows {
    zone: TimeZone,
    from: Time,
    to: Time,
    calendar: Calendar,
}

impl Silencer {
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn new(id: &str, silence: &Silence) -> Result<Self, String> {
        check_texts(silence)?;
        let starts = instant("starts", &silence.starts)?;
        let ends = silence.ends.as_deref().map(|ends| instant("ends", ends)).transpose()?;
        match ends {
            Some(ends) if ends <= starts => return Err("it ends before it starts".to_owned()),
            None if silence.calendar.is_none() => {
                return Err("it has no end: name one, or a calendar for what comes again".to_owned());
            }
            _ => {}
        }
        Ok(Self {
            id: id.to_owned(),
            matchers: Matchers::new(&silence.matchers)?,
            starts,
            ends,
            windows: silence.calendar.as_ref().map(Windows::new).transpose()?,
        })
    }

    /// Of one that is kept; what cannot be read silences nothing.
    pub fn kept(kept: &KeptSilence) -> Option<Self> {
        match Self::new(&kept.id, &kept.silence) {
            Ok(silencer) => Some(silencer),
            Err(error) => {
                tracing::warn!(silence = %kept.id, %error, "a silence cannot be read and silences nothing");
                None
            }
        }
    }

    /// Whether it silences what has these labels.
    pub fn silences(&self, labels: &Labels, now: i64) -> bool {
        self.is_active(now) && self.matchers.fit(labels)
    }

    /// Whether it holds.
    pub fn is_active(&self, now: i64) -> bool {
        let between = self.starts <= now && self.ends.is_none_or(|ends| now < ends);
        between && self.windows.as_ref().is_none_or(|windows| windows.hold(now))
    }

    /// How it is.
    pub fn state(&self, now: i64) -> SilenceState {
        match self.ends {
            Some(ends) if ends <= now => SilenceState::Over,
            _ if self.is_active(now) => SilenceState::Active,
            _ => SilenceState::Waiting,
        }
    }
}

fn check_texts(silence: &Silence) -> Result<(), String> {
    match silence.matchers.len() {
        0 => {
            return Err(
                "it has no matchers, and would silence everything: write alertname=~\".+\" for that".to_owned(),
            );
        }
        n if n > SILENCE_MATCHERS_MAX => return Err(format!("it has {n} matchers, more than {SILENCE_MATCHERS_MAX}")),
        _ => {}
    }
    if silence.by.trim().is_empty() {
        return Err("`by` is empty: say who makes it".to_owned());
    }
    for (name, text) in [("by", &silence.by), ("comment", &silence.comment)] {
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(format!("`{name}` has more than {TEXT_CHARS_MAX} characters"));
        }
    }
    Ok(())
}

fn instant(name: &str, text: &str) -> Result<i64, String> {
    let parsed: Result<Timestamp, _> = text.parse();
    let nanos = parsed
        .ok()
        .and_then(|instant| i64::try_from(instant.as_nanosecond()).ok());
    nanos.ok_or_else(|| format!("{name} = {text:?} is no time; write it as 2026-11-30T22:00:00Z"))
}

impl Windows {
    fn new(calendar: &Calendar) -> Result<Self, String> {
        let zone = TimeZone::get(&calendar.zone).map_err(|_| {
            format!(
                "zone = {:?} is no time zone; use an IANA name such as \"Europe/Berlin\"",
                calendar.zone
            )
        })?;
        if calendar.days.iter().any(|day| *day == 0 || !(-31..=31).contains(day)) {
            return Err("days are 1 to 31, or -1 to -31 from the month's end".to_owned());
        }
        if calendar.months.iter().any(|month| !(1..=12).contains(month)) {
            return Err("months are 1 to 12".to_owned());
        }
        let windows = Self {
            zone,
            from: clock("from", &calendar.from)?,
            to: clock("to", &calendar.to)?,
            calendar: calendar.clone(),
        };
        let (mut day, mut left) = (jiff::civil::date(2024, 1, 1), DAYS_AHEAD_MAX);
        while !windows.fits(day) {
            left -= 1;
            day = match day.tomorrow() {
                Ok(next) if left > 0 => next,
                _ => return Err("no day fits weekdays, days and months".to_owned()),
            };
        }
        Ok(windows)
    }

    /// Whether a window of this day's zone holds now: one that began today, or yesterday and goes on.
    fn hold(&self, now: i64) -> bool {
        let Ok(instant) = Timestamp::from_nanosecond(i128::from(now)) else {
            return false;
        };
        let today = instant.to_zoned(self.zone.clone()).date();
        let days = [Some(today), today.yesterday().ok()];
        days.into_iter()
            .flatten()
            .any(|day| self.fits(day) && self.of(day, instant))
    }

    fn of(&self, day: Date, now: Timestamp) -> bool {
        let end_day = if self.to <= self.from { day.tomorrow() } else { Ok(day) };
        let at = |date: Date, time: Time| self.zone.to_timestamp(date.to_datetime(time));
        match (at(day, self.from), end_day.and_then(|end| at(end, self.to))) {
            (Ok(from), Ok(to)) => from <= now && now < to,
            _ => false,
        }
    }

    fn fits(&self, day: Date) -> bool {
        let Calendar {
            weekdays, days, months, ..
        } = &self.calendar;
        let from_end = day.day() - day.days_in_month() - 1;
        (weekdays.is_empty() || weekdays.iter().any(|weekday| is(*weekday, day)))
            && (days.is_empty() || days.contains(&day.day()) || days.contains(&from_end))
            && (months.is_empty() || months.contains(&day.month()))
    }
}

fn is(weekday: Weekday, day: Date) -> bool {
    use jiff::civil::Weekday as Civil;
    let civil = match weekday {
        Weekday::Mon => Civil::Monday,
        Weekday::Tue => Civil::Tuesday,
        Weekday::Wed => Civil::Wednesday,
        Weekday::Thu => Civil::Thursday,
        Weekday::Fri => Civil::Friday,
        Weekday::Sat => Civil::Saturday,
        Weekday::Sun => Civil::Sunday,
    };
    day.weekday() == civil
}

/// `22:00`; `24:00` is the next day's beginning, which an end at `00:00` is, too.
fn clock(name: &str, text: &str) -> Result<Time, String> {
    if text == "24:00" && name == "to" {
        return Ok(Time::midnight());
    }
    let parts = text.split_once(':').and_then(|(hour, minute)| {
        let two = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        (two(hour) && two(minute)).then(|| Some((hour.parse().ok()?, minute.parse().ok()?)))?
    });
    parts
        .and_then(|(hour, minute)| Time::new(hour, minute, 0, 0).ok())
        .ok_or_else(|| format!("{name} = {text:?} is no time of day; write it as \"22:00\""))
}

#[cfg(test)]
mod tests;
