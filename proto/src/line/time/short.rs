//! Years of two digits: `26/11/01 10:00:00` (log4j as Spark sets it), `261101 100000` (HDFS),
//! `261101 10:00:00` (old MySQL). 70–99 are of the 20th century.
//!
//! Style: 1 slashes | 2 colons.

use super::civil::Civil;
use super::form::{Family, Moment, Read, TimeForm};
use super::text;

pub(super) const STYLES: u8 = 4;
const SLASHES: u8 = 1;
const COLONS: u8 = 2;

pub(super) fn read(line: &[u8], at: usize) -> Option<Read> {
    let slashes = usize::from(line.get(at + 2) == Some(&b'/'));
    let year = i32::from(text::two(line, at)?);
    let mut civil = Civil {
        year: year + if year < 70 { 2000 } else { 1900 },
        month: text::two(line, at + 2 + slashes)?,
        day: text::two(line, at + 4 + 2 * slashes)?,
        ..Civil::default()
    };
    let from = at + 6 + 2 * slashes;
    if (slashes == 1 && line[at + 5] != b'/') || line.get(from) != Some(&b' ') {
        return None;
    }
    let mut form = TimeForm::new(Family::Short, 0);
    let from = from + 1;
    let (colons, end) = if let Some(end) = text::clock(line, from, &mut civil, &mut form) {
        (COLONS, end)
    } else {
        civil.hour = text::two(line, from)?;
        civil.minute = text::two(line, from + 2)?;
        civil.second = text::two(line, from + 4)?;
        (0, from + 6)
    };
    form.set_style(if slashes == 1 { SLASHES } else { 0 } | colons);
    civil.is_valid().then_some(Read {
        moment: Moment::Civil(civil),
        form,
        end,
    })
}

pub(super) fn write(civil: &Civil, form: TimeForm, out: &mut Vec<u8>) {
    let style = form.style();
    let year = u8::try_from(civil.year.rem_euclid(100)).unwrap_or(0);
    for (nth, number) in [year, civil.month, civil.day].into_iter().enumerate() {
        if nth > 0 && style & SLASHES != 0 {
            out.push(b'/');
        }
        text::put_two(out, number);
    }
    out.push(b' ');
    if style & COLONS != 0 {
        return text::put_clock(out, civil, form);
    }
    text::put_two(out, civil.hour);
    text::put_two(out, civil.minute);
    text::put_two(out, civil.second);
}
