//! `2026-11-01T10:00:00.123+01:00` and its relatives: a blank or `T` between date and time, dashes or
//! slashes in the date, a fraction after `.`, `,` or `:`, seconds left out, any zone or none.
//!
//! Style: 1 slashes | separator (`T`, blank, `t`, `_`) << 1 | 8 without seconds.

use super::civil::Civil;
use super::form::{Family, Moment, Read, TimeForm};
use super::text;

pub(super) const STYLES: u8 = 16;
const SEPARATORS: &[u8; 4] = b"T t_";
const SLASHES: u8 = 1;
const NO_SECONDS: u8 = 8;

pub(super) fn read(line: &[u8], at: usize) -> Option<Read> {
    let mut civil = Civil {
        year: text::year(line, at)?,
        ..Civil::default()
    };
    let dash = *line.get(at + 4)?;
    let slashes = match dash {
        b'-' => 0,
        b'/' => SLASHES,
        _ => return None,
    };
    civil.month = text::two(line, at + 5)?;
    civil.day = text::two(line, at + 8)?;
    let separator = SEPARATORS.iter().position(|s| line.get(at + 10) == Some(s))?;
    if line[at + 7] != dash {
        return None;
    }
    let mut form = TimeForm::new(Family::Iso8601, slashes | u8::try_from(separator).ok()? << 1);
    let end = match text::clock(line, at + 11, &mut civil, &mut form) {
        Some(end) => end,
        None => minutes(line, at + 11, &mut civil, &mut form)?,
    };
    let end = text::zone(line, end, &mut form);
    civil.is_valid().then_some(Read {
        moment: Moment::Civil(civil),
        form,
        end,
    })
}

fn minutes(line: &[u8], at: usize, civil: &mut Civil, form: &mut TimeForm) -> Option<usize> {
    civil.hour = text::two(line, at)?;
    civil.minute = text::two(line, at + 3)?;
    form.set_style(form.style() | NO_SECONDS);
    (line[at + 2] == b':' && line.get(at + 5) != Some(&b':')).then_some(at + 5)
}

pub(super) fn write(civil: &Civil, form: TimeForm, out: &mut Vec<u8>) {
    let style = form.style();
    let dash = if style & SLASHES != 0 { b'/' } else { b'-' };
    text::put_year(out, civil.year);
    out.push(dash);
    text::put_two(out, civil.month);
    out.push(dash);
    text::put_two(out, civil.day);
    out.push(SEPARATORS[usize::from(style >> 1 & 3)]);
    if style & NO_SECONDS == 0 {
        return text::put_clock(out, civil, form);
    }
    text::put_two(out, civil.hour);
    out.push(b':');
    text::put_two(out, civil.minute);
}
