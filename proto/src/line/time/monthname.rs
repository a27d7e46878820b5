//! Month by name, then the day: `Nov  1 10:00:00` (RFC 3164), `Sun Nov  1 10:00:00 2026` (ctime),
//! `Sun Nov 01 10:00:00.123456 2026` (Apache's error log), `Nov 01 2026 10:00:00` (Cisco).
//!
//! Style: padding of a day below ten (blank, zero, none) | 4 with weekday | year (none, after the time,
//! after the day) << 3. A day of two digits counts as padded with a blank, as RFC 3164 wants it.

use super::civil::Civil;
use super::form::{Family, Moment, Read, TimeForm};
use super::text;

pub(super) const STYLES: u8 = 24;
pub(super) const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const WEEKDAYS: [&[u8; 3]; 7] = [b"Sun", b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat"];
const PAD_BLANK: u8 = 0;
const PAD_ZERO: u8 = 1;
const PAD_NONE: u8 = 2;
const WEEKDAY: u8 = 4;
const YEAR_LAST: u8 = 1 << 3;
const YEAR_EARLY: u8 = 2 << 3;

/// The number of the month whose name stands at `at`.
pub(super) fn month(line: &[u8], at: usize) -> Option<u8> {
    let name: &[u8; 3] = line.get(at..)?.first_chunk()?;
    let index = MONTHS.iter().position(|month| *month == name)?;
    u8::try_from(index + 1).ok()
}

pub(super) fn read(line: &[u8], at: usize) -> Option<Read> {
    match month(line, at) {
        Some(_) => read_month(line, at),
        None => read_weekday(line, at),
    }
}

/// From the weekday on: the year stands last.
fn read_weekday(line: &[u8], at: usize) -> Option<Read> {
    let name: &[u8; 3] = line.get(at..)?.first_chunk()?;
    if !WEEKDAYS.contains(&name) || line.get(at + 3) != Some(&b' ') {
        return None;
    }
    let mut read = read_month(line, at + 4)?;
    let Moment::Yearless(mut civil) = read.moment else {
        return None;
    };
    if line.get(read.end) != Some(&b' ') || text::run(line, read.end + 1) != 4 {
        return None;
    }
    civil.year = text::year(line, read.end + 1)?;
    read.end += 5;
    read.form.set_style(read.form.style() | WEEKDAY | YEAR_LAST);
    read.moment = Moment::Civil(civil);
    civil.is_valid().then_some(read)
}

fn read_month(line: &[u8], at: usize) -> Option<Read> {
    let mut civil = Civil {
        month: month(line, at)?,
        ..Civil::default()
    };
    if line.get(at + 3) != Some(&b' ') {
        return None;
    }
    let blank = usize::from(line.get(at + 4) == Some(&b' '));
    let (day, digits) = text::one_or_two(line, at + 4 + blank)?;
    let padding = match (blank, digits, line[at + 4]) {
        (1, 1, _) => PAD_BLANK,
        (0, 2, b'0') => PAD_ZERO,
        (0, 2, _) => PAD_BLANK,
        (0, 1, _) => PAD_NONE,
        _ => return None,
    };
    civil.day = day;
    let mut form = TimeForm::new(Family::MonthName, padding);
    let from = at + 4 + blank + digits;
    if line.get(from) != Some(&b' ') {
        return None;
    }
    if text::run(line, from + 1) == 4 && line.get(from + 5) == Some(&b' ') {
        civil.year = text::year(line, from + 1)?;
        form.set_style(padding | YEAR_EARLY);
        let end = text::clock(line, from + 6, &mut civil, &mut form)?;
        return civil.is_valid().then_some(Read {
            moment: Moment::Civil(civil),
            form,
            end,
        });
    }
    let end = text::clock(line, from + 1, &mut civil, &mut form)?;
    civil.is_valid_without_year().then_some(Read {
        moment: Moment::Yearless(civil),
        form,
        end,
    })
}

/// Whether days below ten take one byte.
pub(super) fn is_unpadded(form: TimeForm) -> bool {
    form.style() & 3 == PAD_NONE
}

pub(super) fn write(civil: &Civil, form: TimeForm, out: &mut Vec<u8>) {
    let style = form.style();
    if style & WEEKDAY != 0 {
        out.extend_from_slice(WEEKDAYS[civil.weekday()]);
        out.push(b' ');
    }
    put_month(out, civil.month);
    out.push(b' ');
    match style & 3 {
        PAD_BLANK if civil.day < 10 => out.extend_from_slice(&[b' ', b'0' + civil.day]),
        PAD_NONE => text::put(out, civil.day.into(), 1),
        _ => text::put_two(out, civil.day),
    }
    out.push(b' ');
    if style >> 3 == YEAR_EARLY >> 3 {
        text::put_year(out, civil.year);
        out.push(b' ');
    }
    text::put_clock(out, civil, form);
    if style >> 3 == YEAR_LAST >> 3 {
        out.push(b' ');
        text::put_year(out, civil.year);
    }
}

/// Writes a month's name.
pub(super) fn put_month(out: &mut Vec<u8>, month: u8) {
    out.extend_from_slice(MONTHS[usize::from(month.clamp(1, 12)) - 1]);
}
