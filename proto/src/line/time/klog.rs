//! `1101 10:00:00.123456`, which klog and glog write after the level's letter (`I1101 …`), and glog's
//! later `20261101 10:00:00.123456`. Always with microseconds.
//!
//! Style: 1 with a year.

use super::civil::Civil;
use super::form::{Family, Moment, Read, TimeForm};
use super::text;

pub(super) const STYLES: u8 = 2;
const YEAR: u8 = 1;

/// Reads what stands after the letter.
pub(super) fn read(line: &[u8], at: usize) -> Option<Read> {
    let with_year = match text::run(line, at) {
        4 => 0,
        8 => 4,
        _ => return None,
    };
    let mut civil = Civil {
        month: text::two(line, at + with_year)?,
        day: text::two(line, at + with_year + 2)?,
        ..Civil::default()
    };
    let mut form = TimeForm::new(Family::Klog, if with_year > 0 { YEAR } else { 0 });
    let from = at + with_year + 4;
    if line.get(from) != Some(&b' ') {
        return None;
    }
    let end = text::clock(line, from + 1, &mut civil, &mut form)?;
    if form.fraction() != (6, 0) {
        return None;
    }
    if with_year > 0 {
        civil.year = text::year(line, at)?;
        return civil.is_valid().then_some(Read {
            moment: Moment::Civil(civil),
            form,
            end,
        });
    }
    civil.is_valid_without_year().then_some(Read {
        moment: Moment::Yearless(civil),
        form,
        end,
    })
}

pub(super) fn write(civil: &Civil, form: TimeForm, out: &mut Vec<u8>) {
    if form.style() & YEAR != 0 {
        text::put_year(out, civil.year);
    }
    text::put_two(out, civil.month);
    text::put_two(out, civil.day);
    out.push(b' ');
    text::put_clock(out, civil, form);
}
