//! Day, then the month by name, then the year: `01/Nov/2026:10:00:00 +0000` (access logs of Apache,
//! nginx, HAProxy), `01-Nov-2026 10:00:00.123` (Tomcat, BIND, PHP), `01 Nov 2026 10:00:00.123` (Redis,
//! RFC 2822).
//!
//! Style: date's separator (`/`, `-`, blank) | 4 for a blank before the time (else `:`) | 8 for a day
//! below ten without a zero.

use super::civil::Civil;
use super::form::{Family, Moment, Read, TimeForm};
use super::{monthname, text};

pub(super) const STYLES: u8 = 16;
const SEPARATORS: &[u8; 3] = b"/- ";
const BLANK_BEFORE_TIME: u8 = 4;
const UNPADDED: u8 = 8;

pub(super) fn read(line: &[u8], at: usize) -> Option<Read> {
    let (day, digits) = text::one_or_two(line, at)?;
    let at = at + digits;
    let mark = *line.get(at)?;
    let separator = SEPARATORS.iter().position(|s| *s == mark)?;
    let month = monthname::month(line, at + 1)?;
    if line.get(at + 4) != Some(&mark) {
        return None;
    }
    let mut civil = Civil {
        year: text::year(line, at + 5)?,
        month,
        day,
        ..Civil::default()
    };
    let between = match line.get(at + 9)? {
        b':' => 0,
        b' ' => BLANK_BEFORE_TIME,
        _ => return None,
    };
    let padding = if digits == 1 { UNPADDED } else { 0 };
    let mut form = TimeForm::new(Family::DayFirst, u8::try_from(separator).ok()? | between | padding);
    let end = text::clock(line, at + 10, &mut civil, &mut form)?;
    let end = text::zone(line, end, &mut form);
    civil.is_valid().then_some(Read {
        moment: Moment::Civil(civil),
        form,
        end,
    })
}

/// Whether days below ten take one byte.
pub(super) fn is_unpadded(form: TimeForm) -> bool {
    form.style() & UNPADDED != 0
}

pub(super) fn write(civil: &Civil, form: TimeForm, out: &mut Vec<u8>) {
    let style = form.style();
    let separator = SEPARATORS[usize::from(style & 3).min(2)];
    if style & UNPADDED != 0 {
        text::put(out, civil.day.into(), 1);
    } else {
        text::put_two(out, civil.day);
    }
    out.push(separator);
    monthname::put_month(out, civil.month);
    out.push(separator);
    text::put_year(out, civil.year);
    out.push(if style & BLANK_BEFORE_TIME != 0 { b' ' } else { b':' });
    text::put_clock(out, civil, form);
}
