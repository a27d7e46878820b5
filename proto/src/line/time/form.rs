//! How a time is written, so that it can be left out of a line and put back byte for byte.

use super::civil::{Civil, NANOS_PER_SECOND};
use super::text::{self, OFFSET_MINUTES_MAX};
use super::{TimeFound, TimeHints, compact, dayfirst, epoch, iso8601, klog, locate, logcat, monthname, short, zone};

/// What was read at a place in a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) moment: Moment,
    pub(super) form: TimeForm,
    /// One past the time's last byte.
    pub(super) end: usize,
}

/// What a time says before zone and year are filled in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    /// Nanoseconds since the epoch.
    Epoch(i64),
    Civil(Civil),
    /// The year is not named.
    Yearless(Civil),
}

/// The formats' families, by the byte that stands for them. Stable: kept on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Family {
    Iso8601 = 1,
    Compact = 2,
    Short = 3,
    MonthName = 4,
    DayFirst = 5,
    Klog = 6,
    Logcat = 7,
    Epoch = 8,
}

/// How a zone is written, by the number that stands for it. Stable: kept on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ZoneStyle {
    /// Not at all.
    Unnamed = 0,
    /// `Z`
    Z = 1,
    /// `+01:00`
    Extended = 2,
    /// `+0100`
    Basic = 3,
    /// `+01`
    Hours = 4,
    /// `UTC`
    Utc = 5,
    /// `GMT`
    Gmt = 6,
}

const ZONE_SPACED: u8 = 0x10;

/// How one time is written in a line: from it and the nanoseconds, [`TimeForm::write`] makes the exact
/// bytes. Lines of one program mostly share one form (two where clocks change).
///
/// Its bytes are: family, style (the family's own numbers), digits of the fraction | its separator
/// (`.` `,` `:`) << 4, zone's style | 0x10 after a blank, minutes ahead of UTC (two bytes, little-endian).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeForm {
    family: Family,
    style: u8,
    fraction: u8,
    zone: u8,
    /// Of the zone that the text names, or else of the one that it was read in.
    offset_minutes: i16,
}

impl TimeForm {
    /// The length of its encoding.
    pub const BYTES: usize = 6;

    pub(super) fn new(family: Family, style: u8) -> Self {
        TimeForm {
            family,
            style,
            fraction: 0,
            zone: 0,
            offset_minutes: 0,
        }
    }

    /// Its encoding, stable from version to version.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let [low, high] = self.offset_minutes.to_le_bytes();
        [self.family as u8, self.style, self.fraction, self.zone, low, high]
    }

    /// The inverse of [`to_bytes`](Self::to_bytes); `None` for bytes that it never writes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let &[family, style, fraction, zone, low, high] = bytes else {
            return None;
        };
        let offset_minutes = i16::from_le_bytes([low, high]);
        let family = family_of(family)?;
        let form = TimeForm {
            family,
            style,
            fraction,
            zone,
            offset_minutes,
        };
        let styles = match family {
            Family::Iso8601 => iso8601::STYLES,
            Family::Compact => compact::STYLES,
            Family::Short => short::STYLES,
            Family::MonthName => monthname::STYLES,
            Family::DayFirst => dayfirst::STYLES,
            Family::Klog => klog::STYLES,
            Family::Logcat => logcat::STYLES,
            Family::Epoch => epoch::STYLES,
        };
        let sound = style < styles
            && fraction & 0x0f <= 9
            && fraction >> 4 <= 2
            && zone_style(zone & !ZONE_SPACED).is_some()
            && offset_minutes.abs() <= OFFSET_MINUTES_MAX;
        sound.then_some(form)
    }

    /// Nanoseconds between two times that follow each other in this form.
    pub fn step_nanos(self) -> i64 {
        let unit_nanos = match self.family {
            Family::Epoch => epoch::unit_nanos(self),
            _ => NANOS_PER_SECOND,
        };
        let digits = u32::from(self.fraction().0.min(9));
        (unit_nanos / 10_i64.pow(digits)).max(1)
    }

    /// Appends the text of the time `nanos` (since the epoch) in this form.
    pub fn write(self, nanos: i64, out: &mut Vec<u8>) {
        if self.family == Family::Epoch {
            return epoch::write(nanos, self, out);
        }
        let civil = Civil::at(nanos, i64::from(self.offset_minutes) * 60);
        match self.family {
            Family::Iso8601 => iso8601::write(&civil, self, out),
            Family::Compact => compact::write(&civil, self, out),
            Family::Short => short::write(&civil, self, out),
            Family::MonthName => monthname::write(&civil, self, out),
            Family::DayFirst => dayfirst::write(&civil, self, out),
            Family::Klog => klog::write(&civil, self, out),
            Family::Logcat => logcat::write(&civil, self, out),
            Family::Epoch => {}
        }
        text::put_zone(out, self);
    }

    /// Bytes of every time in this form; `None` if they are not the same for all.
    pub fn width(self) -> Option<usize> {
        let varies = match self.family {
            Family::Epoch => true,
            Family::Compact => compact::is_unpadded(self),
            Family::MonthName => monthname::is_unpadded(self),
            Family::DayFirst => dayfirst::is_unpadded(self),
            Family::Iso8601 | Family::Short | Family::Klog | Family::Logcat => false,
        };
        let mut one = Vec::with_capacity(40);
        self.write(0, &mut one);
        (!varies).then_some(one.len())
    }

    pub(super) fn style(self) -> u8 {
        self.style
    }
    pub(super) fn set_style(&mut self, style: u8) {
        self.style = style;
    }
    /// How many digits, and which separator of `.,:`.
    pub(super) fn fraction(self) -> (u8, u8) {
        (self.fraction & 0x0f, self.fraction >> 4)
    }
    pub(super) fn set_fraction(&mut self, count: u8, separator: u8) {
        self.fraction = count | separator << 4;
    }
    pub(super) fn zone(self) -> (ZoneStyle, bool) {
        let style = zone_style(self.zone & !ZONE_SPACED).unwrap_or(ZoneStyle::Unnamed);
        (style, self.zone & ZONE_SPACED != 0)
    }
    pub(super) fn set_zone(&mut self, style: ZoneStyle, spaced: bool, offset_minutes: i16) {
        self.zone = style as u8 | if spaced { ZONE_SPACED } else { 0 };
        self.offset_minutes = offset_minutes;
    }
    pub(super) fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }
    /// The offset that the text names.
    pub(super) fn offset_seconds(self) -> Option<i64> {
        (self.zone().0 != ZoneStyle::Unnamed).then_some(i64::from(self.offset_minutes) * 60)
    }
}

/// The form of the time that was found in `line`, if writing `found.nanos` in it gives the line's exact
/// bytes. `hints` are those that it was found with.
pub fn describe(line: &[u8], found: &TimeFound, hints: &TimeHints) -> Option<TimeForm> {
    let head = line.get(..found.end)?;
    let text = head.get(found.start..)?;
    let read = locate::at(head, found.start, true)?;
    let mut form = read.form;
    if form.offset_seconds().is_none() && form.family != Family::Epoch {
        let offset = zone::offset_at(&hints.zone, found.nanos)?;
        if offset % 60 != 0 {
            return None;
        }
        form.offset_minutes = i16::try_from(offset / 60).ok()?;
    }
    let mut written = Vec::with_capacity(text.len() + 8);
    form.write(found.nanos, &mut written);
    (written == text).then_some(form)
}

fn family_of(byte: u8) -> Option<Family> {
    use Family::*;
    [Iso8601, Compact, Short, MonthName, DayFirst, Klog, Logcat, Epoch]
        .into_iter()
        .find(|family| *family as u8 == byte)
}

fn zone_style(number: u8) -> Option<ZoneStyle> {
    use ZoneStyle::*;
    [Unnamed, Z, Extended, Basic, Hours, Utc, Gmt]
        .get(usize::from(number))
        .copied()
}
