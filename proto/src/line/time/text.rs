//! Pieces of times that several formats share: digits, clocks, fractions, zones. Read and written
//! side by side.

use super::civil::Civil;
use super::form::{TimeForm, ZoneStyle};

/// Digits of a fraction that are read; more only pass.
const FRACTION_DIGITS_MAX: usize = 9;
/// A fraction with more digits than this is not a time's.
const FRACTION_DIGITS_PASSED_MAX: usize = 18;
/// No zone is further from UTC than this.
pub(super) const OFFSET_MINUTES_MAX: i16 = 18 * 60;

/// `N` digits as a number.
pub(super) fn digits<const N: usize>(line: &[u8], at: usize) -> Option<u32> {
    let text: &[u8; N] = line.get(at..)?.first_chunk()?;
    let mut value = 0;
    for &digit in text {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u32::from(digit - b'0');
    }
    Some(value)
}

/// Two digits.
pub(super) fn two(line: &[u8], at: usize) -> Option<u8> {
    digits::<2>(line, at).and_then(|value| u8::try_from(value).ok())
}

/// One or two digits, and how many.
pub(super) fn one_or_two(line: &[u8], at: usize) -> Option<(u8, usize)> {
    match two(line, at) {
        Some(value) => Some((value, 2)),
        None => Some((u8::try_from(digits::<1>(line, at)?).ok()?, 1)),
    }
}

/// Four digits.
pub(super) fn year(line: &[u8], at: usize) -> Option<i32> {
    digits::<4>(line, at).and_then(|value| i32::try_from(value).ok())
}

/// How many digits stand at `at`.
pub(super) fn run(line: &[u8], at: usize) -> usize {
    line.get(at..)
        .map_or(0, |rest| rest.iter().take_while(|b| b.is_ascii_digit()).count())
}

/// Whether a time may end at `at`: no letter, digit or underscore follows.
pub(super) fn ends(line: &[u8], at: usize) -> bool {
    !line.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Reads `HH:MM:SS` and a fraction into `civil` and `form`; gives back the end.
pub(super) fn clock(line: &[u8], at: usize, civil: &mut Civil, form: &mut TimeForm) -> Option<usize> {
    civil.hour = two(line, at)?;
    civil.minute = two(line, at + 3)?;
    civil.second = two(line, at + 6)?;
    if line[at + 2] != b':' || line[at + 5] != b':' {
        return None;
    }
    Some(fraction(line, at + 8, civil, form))
}

/// Reads a fraction of a second, if one stands at `at`. After a comma or a colon, which also end
/// times, only whole milli-, micro- or nanoseconds (milliseconds) count.
pub(super) fn fraction(line: &[u8], at: usize, civil: &mut Civil, form: &mut TimeForm) -> usize {
    let Some(&mark) = line.get(at) else { return at };
    let separator = match mark {
        b'.' => 0,
        b',' => 1,
        b':' => 2,
        _ => return at,
    };
    let count = run(line, at + 1);
    let counts = match separator {
        0 => (1..=FRACTION_DIGITS_PASSED_MAX).contains(&count),
        1 => matches!(count, 3 | 6 | 9),
        _ => count == 3,
    };
    if !counts {
        return at;
    }
    let read = count.min(FRACTION_DIGITS_MAX);
    let value = line[at + 1..at + 1 + read]
        .iter()
        .fold(0u32, |value, digit| value * 10 + u32::from(digit - b'0'));
    civil.nanos = value * 10u32.pow(u32::try_from(FRACTION_DIGITS_MAX - read).unwrap_or(0));
    form.set_fraction(u8::try_from(read).unwrap_or(9), separator);
    at + 1 + count
}

/// Reads a zone, if one stands at `at`, perhaps after a blank.
pub(super) fn zone(line: &[u8], at: usize, form: &mut TimeForm) -> usize {
    let spaced = line.get(at) == Some(&b' ');
    let from = at + usize::from(spaced);
    let Some((style, minutes, end)) = zone_at(line, from) else {
        return at;
    };
    if !ends(line, end) || (spaced && matches!(style, ZoneStyle::Z | ZoneStyle::Hours)) {
        return at;
    }
    form.set_zone(style, spaced, minutes);
    end
}

fn zone_at(line: &[u8], at: usize) -> Option<(ZoneStyle, i16, usize)> {
    let rest = line.get(at..)?;
    let sign = match rest.first()? {
        b'Z' => return Some((ZoneStyle::Z, 0, at + 1)),
        b'U' if rest.starts_with(b"UTC") => return Some((ZoneStyle::Utc, 0, at + 3)),
        b'G' if rest.starts_with(b"GMT") => return Some((ZoneStyle::Gmt, 0, at + 3)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (style, minute, length) = match (run(rest, 1), rest.get(3)) {
        (4, _) => (ZoneStyle::Basic, two(rest, 3)?, 5),
        (2, Some(b':')) if run(rest, 4) == 2 => (ZoneStyle::Extended, two(rest, 4)?, 6),
        (2, _) => (ZoneStyle::Hours, 0, 3),
        _ => return None,
    };
    let minutes = i16::from(two(rest, 1)?) * 60 + i16::from(minute);
    (minute < 60 && minutes <= OFFSET_MINUTES_MAX).then_some((style, sign * minutes, at + length))
}

/// Writes a number with at least `width` digits.
pub(super) fn put(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut text = [b'0'; 20];
    let mut at = text.len();
    let mut rest = value;
    while rest > 0 || text.len() - at < width.min(20) {
        at -= 1;
        text[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    out.extend_from_slice(&text[at..]);
}

/// Writes two digits.
pub(super) fn put_two(out: &mut Vec<u8>, value: u8) {
    out.extend_from_slice(&[b'0' + value / 10 % 10, b'0' + value % 10]);
}

/// Writes four digits.
pub(super) fn put_year(out: &mut Vec<u8>, year: i32) {
    put(out, u64::try_from(year).unwrap_or(0), 4);
}

/// The inverse of [`clock`].
pub(super) fn put_clock(out: &mut Vec<u8>, civil: &Civil, form: TimeForm) {
    put_two(out, civil.hour);
    out.push(b':');
    put_two(out, civil.minute);
    out.push(b':');
    put_two(out, civil.second);
    put_fraction(out, civil.nanos, form);
}

/// The inverse of [`fraction`].
pub(super) fn put_fraction(out: &mut Vec<u8>, nanos: u32, form: TimeForm) {
    let (count, separator) = form.fraction();
    if count == 0 {
        return;
    }
    out.push(b".,:"[usize::from(separator)]);
    let cut = FRACTION_DIGITS_MAX - usize::from(count);
    put(
        out,
        u64::from(nanos) / 10u64.pow(u32::try_from(cut).unwrap_or(0)),
        usize::from(count),
    );
}

/// The inverse of [`zone`].
pub(super) fn put_zone(out: &mut Vec<u8>, form: TimeForm) {
    let (style, spaced) = form.zone();
    if spaced {
        out.push(b' ');
    }
    match style {
        ZoneStyle::Unnamed => {}
        ZoneStyle::Z => out.push(b'Z'),
        ZoneStyle::Utc => out.extend_from_slice(b"UTC"),
        ZoneStyle::Gmt => out.extend_from_slice(b"GMT"),
        ZoneStyle::Extended | ZoneStyle::Basic | ZoneStyle::Hours => {
            let minutes = form.offset_minutes();
            out.push(if minutes < 0 { b'-' } else { b'+' });
            let minutes = minutes.unsigned_abs();
            put(out, u64::from(minutes / 60), 2);
            if style == ZoneStyle::Extended {
                out.push(b':');
            }
            if style != ZoneStyle::Hours {
                put(out, u64::from(minutes % 60), 2);
            }
        }
    }
}
