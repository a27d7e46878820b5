//! `20261101T100000Z`, `20261101 10:00:00`, and the phone health app's `20261101-10:0:0:12`, whose
//! numbers are not padded and whose last is milliseconds.
//!
//! Style: separator (`T`, blank, `-`) | clock (`100000`, `10:00:00`, `10:0:0:12`) << 2.

use super::civil::Civil;
use super::form::{Family, Moment, Read, TimeForm};
use super::text;

pub(super) const STYLES: u8 = 12;
const SEPARATORS: &[u8; 3] = b"T -";
const BASIC: u8 = 0;
const PADDED: u8 = 1;
const UNPADDED: u8 = 2;

pub(super) fn read(line: &[u8], at: usize) -> Option<Read> {
    let mut civil = Civil {
        year: text::year(line, at)?,
        month: text::two(line, at + 4)?,
        day: text::two(line, at + 6)?,
        ..Civil::default()
    };
    let separator = SEPARATORS.iter().position(|s| line.get(at + 8) == Some(s))?;
    let mut form = TimeForm::new(Family::Compact, 0);
    let from = at + 9;
    let (clock, end) = if let Some(end) = unpadded(line, from, &mut civil) {
        (UNPADDED, end)
    } else if text::run(line, from) == 6 {
        civil.hour = text::two(line, from)?;
        civil.minute = text::two(line, from + 2)?;
        civil.second = text::two(line, from + 4)?;
        (BASIC, text::fraction(line, from + 6, &mut civil, &mut form))
    } else {
        (PADDED, text::clock(line, from, &mut civil, &mut form)?)
    };
    form.set_style(u8::try_from(separator).ok()? | clock << 2);
    let end = if clock == UNPADDED {
        end
    } else {
        text::zone(line, end, &mut form)
    };
    civil.is_valid().then_some(Read {
        moment: Moment::Civil(civil),
        form,
        end,
    })
}

/// Four numbers without leading zeros, the last of them milliseconds.
fn unpadded(line: &[u8], at: usize, civil: &mut Civil) -> Option<usize> {
    let (hour, at) = number(line, at, 2)?;
    let (minute, at) = number(line, colon(line, at)?, 2)?;
    let (second, at) = number(line, colon(line, at)?, 2)?;
    let (millis, at) = number(line, colon(line, at)?, 3)?;
    civil.hour = u8::try_from(hour).ok()?;
    civil.minute = u8::try_from(minute).ok()?;
    civil.second = u8::try_from(second).ok()?;
    civil.nanos = millis * 1_000_000;
    Some(at)
}

fn colon(line: &[u8], at: usize) -> Option<usize> {
    (line.get(at) == Some(&b':')).then_some(at + 1)
}

fn number(line: &[u8], at: usize, digits_max: usize) -> Option<(u32, usize)> {
    let count = text::run(line, at);
    if count == 0 || count > digits_max || (count > 1 && line[at] == b'0') {
        return None;
    }
    let value = line[at..at + count]
        .iter()
        .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    Some((value, at + count))
}

/// Whether the clock's numbers take as many bytes as they have digits.
pub(super) fn is_unpadded(form: TimeForm) -> bool {
    !matches!(form.style() >> 2, BASIC | PADDED)
}

pub(super) fn write(civil: &Civil, form: TimeForm, out: &mut Vec<u8>) {
    text::put_year(out, civil.year);
    text::put_two(out, civil.month);
    text::put_two(out, civil.day);
    let style = form.style();
    out.push(SEPARATORS[usize::from(style & 3).min(2)]);
    match style >> 2 {
        BASIC => {
            text::put_two(out, civil.hour);
            text::put_two(out, civil.minute);
            text::put_two(out, civil.second);
            text::put_fraction(out, civil.nanos, form);
        }
        PADDED => text::put_clock(out, civil, form),
        _ => {
            for number in [civil.hour, civil.minute, civil.second] {
                text::put(out, number.into(), 1);
                out.push(b':');
            }
            text::put(out, u64::from(civil.nanos / 1_000_000), 1);
        }
    }
}
