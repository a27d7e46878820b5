//! The record's time from a field, where the line's own time is not found or is another one.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use timberline_proto::line::{TimeHints, TimeReader};

use super::config::TimeConfig;
use super::event::Event;

#[derive(Debug)]
pub(super) struct Time {
    from: String,
    format: Format,
    zone: TimeZone,
}

#[derive(Debug)]
enum Format {
    /// Any form that a line's time is found in.
    Auto,
    /// Since 1970, in units of so many nanoseconds.
    Unix(i64),
    /// In the signs of `strftime`.
    Strftime(String),
}

impl Time {
    pub(super) fn new(config: &TimeConfig, zone: &TimeZone) -> Result<Self, String> {
        if config.from.is_empty() {
            return Err("time: from names no field".to_owned());
        }
        let zone = match config.zone.as_str() {
            "" => zone.clone(),
            name => TimeZone::get(name).map_err(|error| format!("time: zone = {name:?}: {error}"))?,
        };
        let format = match config.format.as_str() {
            "" | "auto" => Format::Auto,
            "unix" => Format::Unix(1_000_000_000),
            "unix_ms" => Format::Unix(1_000_000),
            "unix_us" => Format::Unix(1_000),
            "unix_ns" => Format::Unix(1),
            text if text.contains('%') => {
                let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
                strtime::format(text, &now).map_err(|error| format!("time: format = {text:?}: {error}"))?;
                Format::Strftime(text.to_owned())
            }
            other => {
                return Err(format!(
                    "time: format = {other:?} is none of auto, unix, unix_ms, unix_us, unix_ns, and has no sign such as %Y"
                ));
            }
        };
        Ok(Self {
            from: config.from.clone(),
            format,
            zone,
        })
    }

    /// Whether a time was found.
    pub(super) fn apply(&self, event: &mut Event<'_>) -> bool {
        let Some(text) = event.text_of(&self.from) else {
            return false;
        };
        let found = self.read(text.trim(), event.time.0);
        if let Some(nanos) = found {
            event.time = (nanos, true);
        }
        found.is_some()
    }

    fn read(&self, text: &str, reference_nanos: i64) -> Option<i64> {
        match &self.format {
            Format::Auto => {
                let hints = TimeHints {
                    reference_nanos,
                    zone: self.zone.clone(),
                };
                TimeReader::new().find(text.as_bytes(), &hints).map(|found| found.nanos)
            }
            Format::Unix(unit) => unix(text, *unit),
            Format::Strftime(format) => self.strftime(format, text),
        }
    }

    fn strftime(&self, format: &str, text: &str) -> Option<i64> {
        let parts = strtime::parse(format, text).ok()?;
        let time = match parts.to_timestamp() {
            Ok(time) => time,
            Err(_) => {
                let civil = parts
                    .to_datetime()
                    .or_else(|_| parts.to_date().map(|date| date.at(0, 0, 0, 0)));
                civil.ok()?.to_zoned(self.zone.clone()).ok()?.timestamp()
            }
        };
        i64::try_from(time.as_nanosecond()).ok()
    }
}

/// `1700000000`, `1700000000.25`: exactly, not by way of a float.
fn unix(text: &str, unit: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.bytes().any(|b| !b.is_ascii_digit()) || fraction.len() > 18 {
        return None;
    }
    let nanos = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    let part = match fraction {
        "" => 0,
        digits => {
            let scaled = digits.parse::<i128>().ok()? * i128::from(unit) / 10i128.pow(digits.len() as u32);
            i64::try_from(scaled).ok()?
        }
    };
    nanos.checked_add(if whole.starts_with('-') { -part } else { part })
}
