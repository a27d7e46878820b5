//! Numbers since 1970: ten digits are seconds, 13 milli-, 16 micro-, 19 nanoseconds, that is 2001 to
//! 2286 (to 2262 for nanoseconds). Seconds and milliseconds may have a fraction.
//!
//! Style: 0 seconds, 1 milli-, 2 micro-, 3 nanoseconds.

use super::civil::{Civil, NANOS_PER_SECOND};
use super::form::{Family, Moment, Read, TimeForm};
use super::text;

pub(super) const STYLES: u8 = 4;
/// Units in a second, by style.
const PER_SECOND: [i64; 4] = [1, 1_000, 1_000_000, 1_000_000_000];

pub(super) fn read(line: &[u8], at: usize) -> Option<Read> {
    let count = text::run(line, at);
    let style: u8 = match count {
        10 => 0,
        13 => 1,
        16 => 2,
        19 => 3,
        _ => return None,
    };
    if line[at] == b'0' {
        return None;
    }
    let whole = line[at..at + count].iter().try_fold(0i64, |value, digit| {
        value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
    })?;
    let unit_nanos = NANOS_PER_SECOND / PER_SECOND[usize::from(style)];
    let mut form = TimeForm::new(Family::Epoch, style);
    let mut fraction = Civil::default();
    let mut end = at + count;
    if style <= 1 && line.get(end) == Some(&b'.') {
        end = text::fraction(line, end, &mut fraction, &mut form);
    }
    let below = i64::from(fraction.nanos) / (NANOS_PER_SECOND / unit_nanos);
    let nanos = whole.checked_mul(unit_nanos)?.checked_add(below)?;
    Some(Read {
        moment: Moment::Epoch(nanos),
        form,
        end,
    })
}

/// Of the whole number.
pub(super) fn unit_nanos(form: TimeForm) -> i64 {
    NANOS_PER_SECOND / PER_SECOND[usize::from(form.style()).min(3)]
}

pub(super) fn write(nanos: i64, form: TimeForm, out: &mut Vec<u8>) {
    let unit_nanos = unit_nanos(form);
    let per_second = NANOS_PER_SECOND / unit_nanos;
    text::put(out, u64::try_from(nanos.div_euclid(unit_nanos)).unwrap_or(0), 1);
    let below = nanos.rem_euclid(unit_nanos) * per_second;
    text::put_fraction(out, u32::try_from(below).unwrap_or(0), form);
}
