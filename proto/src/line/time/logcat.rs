//! `11-01 10:00:00.123`: Android's logcat. Always with a fraction.

use super::civil::Civil;
use super::form::{Family, Moment, Read, TimeForm};
use super::text;

pub(super) const STYLES: u8 = 1;

pub(super) fn read(line: &[u8], at: usize) -> Option<Read> {
    let mut civil = Civil {
        month: text::two(line, at)?,
        day: text::two(line, at + 3)?,
        ..Civil::default()
    };
    if line[at + 2] != b'-' || line.get(at + 5) != Some(&b' ') {
        return None;
    }
    let mut form = TimeForm::new(Family::Logcat, 0);
    let end = text::clock(line, at + 6, &mut civil, &mut form)?;
    let sound = form.fraction().0 > 0 && civil.is_valid_without_year();
    sound.then_some(Read {
        moment: Moment::Yearless(civil),
        form,
        end,
    })
}

pub(super) fn write(civil: &Civil, form: TimeForm, out: &mut Vec<u8>) {
    text::put_two(out, civil.month);
    out.push(b'-');
    text::put_two(out, civil.day);
    out.push(b' ');
    text::put_clock(out, civil, form);
}
