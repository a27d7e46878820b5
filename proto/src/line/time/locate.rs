//! Where a line's time stands. The rules are in the module above.

use super::form::{Moment, Read};
use super::{
    FUTURE_NANOS_MAX, HEAD_BYTES_MAX, compact, dayfirst, epoch, iso8601, keys, klog, logcat, monthname, short, text,
};
use crate::line::{fields, logfmt};

/// The time of `line` and where it begins.
pub(super) fn locate(line: &[u8], reference_nanos: i64) -> Option<(usize, Read)> {
    let object = fields::json_start(line);
    let first = line.iter().position(|b| !b.is_ascii_whitespace())?;
    if object != Some(first)
        && let Some(found) = scan(line, object.unwrap_or(line.len()), reference_nanos)
    {
        return Some(found);
    }
    keys::in_object(line, object?)
}

/// The leftmost time that begins before `limit`.
fn scan(line: &[u8], limit: usize, reference_nanos: i64) -> Option<(usize, Read)> {
    let lead = lead(line);
    let limit = limit.min(HEAD_BYTES_MAX).min(line.len());
    let mut at = lead;
    while at < limit {
        let byte = line[at];
        if (byte.is_ascii_digit() || byte.is_ascii_uppercase()) && begins(line, at) {
            if let Some(found) = candidate(line, at, at == lead, reference_nanos) {
                return Some(found);
            }
            // Nothing begins within a word or a number.
            at += line[at..limit]
                .iter()
                .take_while(|b| b.is_ascii_alphanumeric())
                .count()
                .max(1);
        } else {
            at += 1;
        }
    }
    None
}

/// Where a line begins when blanks, brackets, quotes and a syslog priority are passed over.
pub(in crate::line) fn lead(line: &[u8]) -> usize {
    let opening = |from: usize| {
        let rest = line.get(from..).unwrap_or_default();
        from + rest
            .iter()
            .take_while(|b| b" \t[(\"'".contains(b))
            .count()
            .min(HEAD_BYTES_MAX)
    };
    let from = opening(0);
    let digits = text::run(line, from + 1);
    if line.get(from) != Some(&b'<') || !(1..=3).contains(&digits) || line.get(from + 1 + digits) != Some(&b'>') {
        return from;
    }
    let after = from + digits + 2;
    // RFC 5424 has its version here.
    let version = if line.get(after..).is_some_and(|rest| rest.starts_with(b"1 ")) {
        2
    } else {
        0
    };
    opening(after + version)
}

/// Whether a time may begin at `at`: not within a word, a number, a path or a version.
fn begins(line: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| line[before]);
    !before.is_some_and(|b| b.is_ascii_alphanumeric() || b"._-/+".contains(&b))
}

fn candidate(line: &[u8], start: usize, leads: bool, reference_nanos: i64) -> Option<(usize, Read)> {
    let key = key_before(line, start);
    if key.is_some_and(|key| !keys::is_time_key(key)) {
        return None;
    }
    if leads && is_level_letter(line[start]) && text::run(line, start + 1) >= 4 {
        let read = klog::read(line, start + 1)?;
        return text::ends(line, read.end).then_some((start + 1, read));
    }
    let audit = line[..start].ends_with(b"audit(");
    let read = at(line, start, leads || audit || key.is_some())?;
    match read.moment {
        Moment::Epoch(nanos) if leads && nanos > reference_nanos.saturating_add(FUTURE_NANOS_MAX) => None,
        _ => Some((start, read)),
    }
}

/// The key of `key=` or `key="` before `start`.
fn key_before(line: &[u8], start: usize) -> Option<&[u8]> {
    let before = &line[..start];
    let before = before.strip_suffix(b"\"").unwrap_or(before);
    let before = before.strip_suffix(b"=")?;
    let length = before.iter().rev().take_while(|b| logfmt::is_key_byte(**b)).count();
    Some(&before[before.len() - length..])
}

fn is_level_letter(byte: u8) -> bool {
    matches!(byte, b'I' | b'W' | b'E' | b'F' | b'D' | b'C')
}

/// The time that begins exactly at `at`. `certain` says that a time is expected there, so that formats
/// count which ordinary numbers could be taken for.
pub(super) fn at(line: &[u8], at: usize, certain: bool) -> Option<Read> {
    let read = if line.get(at)?.is_ascii_digit() {
        number(line, at, certain)
    } else {
        monthname::read(line, at)
    };
    read.filter(|read| text::ends(line, read.end))
}

fn number(line: &[u8], at: usize, certain: bool) -> Option<Read> {
    let count = text::run(line, at);
    let after = line.get(at + count).copied();
    match count {
        4 if after == Some(b' ') && certain => klog::read(line, at),
        4 => iso8601::read(line, at),
        8 => compact::read(line, at).or_else(|| if certain { klog::read(line, at) } else { None }),
        1 | 2 if line.get(at + count + 1)?.is_ascii_alphabetic() => dayfirst::read(line, at),
        2 if certain && after == Some(b'-') => logcat::read(line, at),
        2 | 6 if certain => short::read(line, at),
        10 | 13 | 16 | 19 if certain => epoch::read(line, at),
        _ => None,
    }
}

/// Where Android's time ends, if the line leads with one.
pub(in crate::line) fn logcat_end(line: &[u8]) -> Option<usize> {
    logcat::read(line, lead(line)).map(|read| read.end)
}
