//! From what a line says to nanoseconds since the epoch.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::civil::{Civil, NANOS_PER_SECOND};
use super::form::{Moment, Read};
use super::{FUTURE_NANOS_MAX, TimeHints};

/// February the 29th comes back after so many years at most.
const LEAP_GAP_YEARS: i32 = 8;
/// No change of clocks is nearer to a remembered span than this: more than any offset.
const MARGIN_SECONDS: i64 = 2 * 86_400;

/// One span of a zone's local time that has one offset throughout.
#[derive(Clone, Debug, Default)]
pub(super) struct OffsetMemory(Option<OffsetSpan>);

#[derive(Clone, Debug)]
struct OffsetSpan {
    zone: TimeZone,
    offset_seconds: i64,
    /// Local seconds `local_from..local_to`.
    local_from: i64,
    local_to: i64,
}

impl OffsetMemory {
    /// The time that was read, in nanoseconds. `None` where no such time fits.
    pub(super) fn resolve(&mut self, read: &Read, hints: &TimeHints) -> Option<i64> {
        match read.moment {
            Moment::Epoch(nanos) => Some(nanos),
            Moment::Civil(civil) => self.civil_nanos(&civil, read.form.offset_seconds(), hints),
            Moment::Yearless(civil) => self.yearless_nanos(civil, read.form.offset_seconds(), hints),
        }
    }

    fn yearless_nanos(&mut self, mut civil: Civil, named: Option<i64>, hints: &TimeHints) -> Option<i64> {
        let latest = hints.reference_nanos.saturating_add(FUTURE_NANOS_MAX);
        // The latest that is not beyond the limit is also the nearest: the next is a year away. No
        // zone is so far from UTC that the year after the limit's could be needed.
        let latest_year = Civil::at(latest, 86_400).year;
        for year in (latest_year - LEAP_GAP_YEARS..=latest_year).rev() {
            civil.year = year;
            // Surely too late, without asking the zone about a time in another of its spans.
            if !civil.is_valid() || civil.local_seconds() - MARGIN_SECONDS > latest.div_euclid(NANOS_PER_SECOND) {
                continue;
            }
            if let Some(nanos) = self.civil_nanos(&civil, named, hints)
                && nanos <= latest
            {
                return Some(nanos);
            }
        }
        None
    }

    fn civil_nanos(&mut self, civil: &Civil, named: Option<i64>, hints: &TimeHints) -> Option<i64> {
        let local = civil.local_seconds();
        let offset = match named {
            Some(offset) => offset,
            None => self.offset_seconds(civil, local, hints)?,
        };
        let seconds = local.checked_sub(offset)?;
        seconds
            .checked_mul(NANOS_PER_SECOND)?
            .checked_add(i64::from(civil.nanos))
    }

    fn offset_seconds(&mut self, civil: &Civil, local: i64, hints: &TimeHints) -> Option<i64> {
        if let Some(span) = &self.0
            && (span.local_from..span.local_to).contains(&local)
            && span.zone == hints.zone
        {
            return Some(span.offset_seconds);
        }
        let time = civil_to_jiff(civil)?;
        let timestamp = hints.zone.to_ambiguous_timestamp(time).compatible().ok()?;
        // In a gap this is not the zone's offset at that time, but the one from before the change.
        let utc = timestamp.as_second();
        let leap = i64::from(civil.second == 60);
        self.0 =
            Some(OffsetSpan::around(&hints.zone, timestamp)).filter(|s| (s.local_from..s.local_to).contains(&local));
        Some(local - leap - utc)
    }
}

impl OffsetSpan {
    fn around(zone: &TimeZone, timestamp: Timestamp) -> OffsetSpan {
        let before = zone.preceding(timestamp).next().map(|t| t.timestamp().as_second());
        let after = zone.following(timestamp).next().map(|t| t.timestamp().as_second());
        OffsetSpan {
            zone: zone.clone(),
            offset_seconds: i64::from(zone.to_offset(timestamp).seconds()),
            local_from: before.map_or(i64::MIN, |from| from + MARGIN_SECONDS),
            local_to: after.map_or(i64::MAX, |to| to - MARGIN_SECONDS),
        }
    }
}

/// The offset of `zone` at a time, in seconds.
pub(super) fn offset_at(zone: &TimeZone, nanos: i64) -> Option<i64> {
    let timestamp = Timestamp::from_second(nanos.div_euclid(NANOS_PER_SECOND)).ok()?;
    Some(i64::from(zone.to_offset(timestamp).seconds()))
}

fn civil_to_jiff(civil: &Civil) -> Option<DateTime> {
    DateTime::new(
        i16::try_from(civil.year).ok()?,
        civil.month.cast_signed(),
        civil.day.cast_signed(),
        civil.hour.cast_signed(),
        civil.minute.cast_signed(),
        // jiff knows no second 60; the caller counts it.
        civil.second.min(59).cast_signed(),
        0,
    )
    .ok()
}
