//! Numbers as people say them.

/// `2431112` → `2,431,112`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count in few characters: `950`, `12.4 k`, `3.1 M`.
pub(crate) fn short(n: u64) -> String {
    const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let value = n as f64;
    for (size, unit) in UNITS {
        if value >= size {
            let scaled = value / size;
            let decimals = usize::from(scaled < 100.0);
            return format!("{scaled:.decimals$} {unit}");
        }
    }
    n.to_string()
}

/// Any number in few characters: `950`, `12.4 k`, `−3.1 M`, `0.25`.
pub(crate) fn compact(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "−" } else { "" };
    if !size.is_finite() || size >= 1e16 || (size > 0.0 && size < 1e-3) {
        return format!("{value:.2e}");
    }
    let (scaled, unit) = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")]
        .into_iter()
        .find(|(least, _)| size >= *least)
        .map_or((size, ""), |(least, unit)| (size / least, unit));
    let decimals = match scaled {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{sign}{}{unit}", trimmed(scaled, decimals))
}

/// Milliseconds: `0.4 ms`, `38 ms`, `1.24 s`, `2 min 3 s`, `1 h 4 min`, `3 d 2 h`.
pub(crate) fn duration(ms: f64) -> String {
    let ms = ms.abs();
    if ms < 10.0 {
        return format!("{} ms", trimmed(ms, 1));
    }
    if ms < 1_000.0 {
        return format!("{ms:.0} ms");
    }
    if ms < 60_000.0 {
        return format!("{} s", trimmed(ms / 1_000.0, 2));
    }
    let seconds = (ms / 1_000.0).round() as u64;
    let (large, large_unit, small, small_unit) = match seconds {
        0..3_600 => (seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => (seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => (seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    };
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// Bytes: `812 B`, `64.0 KiB`, `1.2 GiB`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{} {unit}", trimmed(value, 1))
}

/// A number as a table shows it.
pub(crate) fn of(number: f64) -> String {
    serde_json::Number::from_f64(number).map_or_else(|| number.to_string(), |number| cell(&number))
}

/// A JSON number with separators in its whole part, as a table shows it.
pub(crate) fn cell(number: &serde_json::Number) -> String {
    if let Some(n) = number.as_u64() {
        return grouped(n);
    }
    if let Some(n) = number.as_i64() {
        return format!("−{}", grouped(n.unsigned_abs()));
    }
    let value = number.as_f64().unwrap_or(f64::NAN);
    let sign = if value < 0.0 { "−" } else { "" };
    let size = value.abs();
    if !size.is_finite() || size >= 1e15 || (size > 0.0 && size < 1e-3) {
        return format!("{value:e}");
    }
    let text = trimmed(size, 3);
    let (whole, rest) = text
        .split_once('.')
        .map_or((text.as_str(), ""), |(whole, rest)| (whole, rest));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    if rest.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{rest}")
    }
}

/// `n` of `total` in percent: `12 %`, `0.4 %`, `< 0.1 %`.
pub(crate) fn share(n: u64, total: u64) -> String {
    if total == 0 {
        return "–".into();
    }
    let percent = n as f64 * 100.0 / total as f64;
    if percent > 0.0 && percent < 0.1 {
        "< 0.1 %".into()
    } else {
        format!("{} %", trimmed(percent, usize::from(percent < 10.0)))
    }
}

/// `one thing`, `2 things`.
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(2_431_112), "2,431,112");
        assert_eq!(grouped(1_000), "1,000");
    }

    #[test]
    fn counts_become_short() {
        assert_eq!(short(950), "950");
        assert_eq!(short(12_400), "12.4 k");
        assert_eq!(short(3_000_000), "3.0 M");
    }

    #[test]
    fn any_number_becomes_compact() {
        for (value, text) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (999.0, "999"),
            (1_000.0, "1 k"),
            (-12_400.0, "−12.4 k"),
            (2_500_000.0, "2.5 M"),
        ] {
            assert_eq!(compact(value), text);
        }
    }

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!(duration(0.42), "0.4 ms");
        assert_eq!(duration(38.2), "38 ms");
        assert_eq!(duration(1_240.0), "1.24 s");
        assert_eq!(duration(123_000.0), "2 min 3 s");
        assert_eq!(duration(3_600_000.0), "1 h");
        assert_eq!(duration(90_000_000.0), "1 d 1 h");
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(bytes(812), "812 B");
        assert_eq!(bytes(65_536), "64 KiB");
        assert_eq!(bytes(1_288_490_189), "1.2 GiB");
    }

    #[test]
    fn cells_keep_sign_and_decimals() {
        let cell_of = |text: &str| cell(&serde_json::from_str(text).unwrap());
        assert_eq!(cell_of("-12345"), "−12,345");
        assert_eq!(cell_of("12345.5"), "12,345.5");
        assert_eq!(cell_of("0.25"), "0.25");
    }

    #[test]
    fn shares_never_round_to_nothing() {
        assert_eq!(share(1, 4), "25 %");
        assert_eq!(share(1, 10_000), "< 0.1 %");
        assert_eq!(share(1, 0), "–");
    }
}
