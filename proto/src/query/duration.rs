//! Durations as people write them: `5m`, `1h30m`, `500ms`, `1.5h`.

use super::ast::BinWidth;

/// Units by their names, largest first; the first name of a width is the one written back.
const UNITS: [(&str, i64); 9] = [
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

/// The units' names, for messages.
pub const UNIT_NAMES: &str = "ns, us, ms, s, m, h, d or w";

/// Nanoseconds of `text`: numbers with units, one after the other. `None` if it is not a duration
/// or does not fit.
pub fn parse_duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, after) = rest.split_at(digits);
        let letters = after
            .char_indices()
            .find(|(_, c)| !c.is_alphabetic())
            .map_or(after.len(), |(at, _)| at);
        let (unit, after) = after.split_at(letters);
        let &(_, width) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(scale(number, width)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// Months by their names; the first is written back.
const MONTHS: [(&str, u32); 7] = [
    ("mon", 1),
    ("month", 1),
    ("months", 1),
    ("q", 3),
    ("y", 12),
    ("year", 12),
    ("years", 12),
];

/// The width of a bin of time above 0: a duration, or months (`1mon`, `3mon`, `1q`, `1y`).
pub fn parse_width(text: &str) -> Option<BinWidth> {
    if let Some(nanos) = parse_duration(text) {
        return (nanos > 0).then_some(BinWidth::Nanos(nanos));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let &(_, months) = MONTHS.iter().find(|(name, _)| *name == unit)?;
    let months = number.parse::<u32>().ok()?.checked_mul(months)?;
    (months > 0).then_some(BinWidth::Months(months))
}

/// `width` as [`parse_width`] reads it back.
pub fn format_width(width: BinWidth) -> String {
    match width {
        BinWidth::Nanos(nanos) => format_duration(nanos),
        BinWidth::Months(months) => format!("{months}mon"),
        BinWidth::Number(number) => number.to_string(),
    }
}

/// `number × width`, exact for whole numbers.
fn scale(number: &str, width: i64) -> Option<i64> {
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(width);
    }
    let (whole, fraction) = number.split_once('.')?;
    let fraction_value: f64 = format!("0.{fraction}").parse().ok()?;
    let whole = if whole.is_empty() {
        0
    } else {
        whole.parse::<i64>().ok()?
    };
    // Below one unit, and units are below 2^53 ns: the cast is in range.
    let part = (fraction_value * width as f64).round() as i64;
    whole.checked_mul(width)?.checked_add(part)
}

/// `nanos` as a text that [`parse_duration`] reads back: `1h30m`. Negative values have a leading
/// `-`, which it does not read.
pub fn format_duration(nanos: i64) -> String {
    if nanos == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if nanos < 0 {
        out.push('-');
    }
    let mut rest = nanos.unsigned_abs();
    for (name, width) in UNITS {
        let width = width.unsigned_abs();
        if name == "w" || rest < width {
            continue;
        }
        out.push_str(&(rest / width).to_string());
        out.push_str(name);
        rest %= width;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        assert_eq!(parse_duration(text), expected, "{text}");
    }

    #[test]
    fn durations_are_numbers_with_units() {
        check("5m", Some(300_000_000_000));
        check("1h30m", Some(5_400_000_000_000));
        check("1.5h", Some(5_400_000_000_000));
        check(".5s", Some(500_000_000));
        check("500ms", Some(500_000_000));
        check("7µs", Some(7_000));
        check("1w", Some(604_800_000_000_000));
        check("0s", Some(0));
    }

    #[test]
    fn a_bin_may_be_as_wide_as_months() {
        assert_eq!(parse_width("1mon"), Some(BinWidth::Months(1)));
        assert_eq!(parse_width("2q"), Some(BinWidth::Months(6)));
        assert_eq!(parse_width("1y"), Some(BinWidth::Months(12)));
        assert_eq!(parse_width("1d"), Some(BinWidth::Nanos(86_400_000_000_000)));
        for text in ["0mon", "0s", "mon", "1.5mon", "5", ""] {
            assert_eq!(parse_width(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_none() {
        for text in [
            "",
            "5",
            "m",
            "5x",
            "5m3",
            "1..5s",
            "-5m",
            "99999999999999d",
            "5 m",
            "1.s.",
            ".",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_written_duration_is_read_back() {
        for nanos in [0, 1, 999, 1_000, 60_000_000_000, 5_400_000_000_001, i64::MAX] {
            assert_eq!(parse_duration(&format_duration(nanos)), Some(nanos));
        }
        assert_eq!(format_duration(5_400_000_000_000), "1h30m");
        assert_eq!(format_duration(-1_000_000), "-1ms");
        assert!(format_duration(i64::MIN).starts_with('-'));
    }
}
