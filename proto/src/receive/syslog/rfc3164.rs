//! `TIMESTAMP SP HOSTNAME SP TAG MSG` (RFC 3164, 4.1) as it is met: without priority, without host,
//! with the year, with fractions and zones, in RFC 3339 (rsyslog, syslog-ng), and Cisco's, which put
//! a number, a name and an asterisk before the time and `%FACILITY-SEVERITY-MNEMONIC` in the tag's place.

use super::{NAME_BYTES_MAX, put_process};
use crate::batch::AttributeValue;
use crate::line::{TimeHints, TimeReader};
use crate::receive::{Said, lossy};

/// What AIX writes before the host's name.
const FORWARDED: &[u8] = b"Message forwarded from ";
const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// Reads what follows the priority, or the whole message where there is none.
pub(super) fn read(rest: &[u8], has_priority: bool, mut said: Said, times: &mut TimeReader, hints: &TimeHints) -> Said {
    let (origin, rest) = cisco_origin(rest, has_priority);
    let rest = trim(rest);
    let unsynchronised = rest.strip_prefix(b"*").or_else(|| rest.strip_prefix(b"."));
    let Some((nanos, len)) = time(unsynchronised.unwrap_or(rest), times, hints) else {
        said.host = origin.map(lossy);
        if !has_priority {
            return said.failed("syslog");
        }
        tag(rest, &mut said);
        return said;
    };
    said.time_nanos = Some(nanos);
    let rest = after_time(&unsynchronised.unwrap_or(rest)[len..]);
    let (host, rest) = host(rest);
    said.host = origin.or(host).map(lossy);
    tag(rest, &mut said);
    said
}

/// `29: ` and `29: router: `, which Cisco's devices write before the time. Gives the name.
fn cisco_origin(rest: &[u8], has_priority: bool) -> (Option<&[u8]>, &[u8]) {
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if !has_priority || !(1..=10).contains(&digits) || !rest[digits..].starts_with(b": ") {
        return (None, rest);
    }
    let rest = &rest[digits + 2..];
    let name = rest.iter().take(NAME_BYTES_MAX).position(|b| b" :".contains(b));
    match name {
        Some(end) if end > 0 && rest[end..].starts_with(b": ") && !rest.starts_with(b"%") => {
            (Some(&rest[..end]), &rest[end + 2..])
        }
        _ => (None, rest),
    }
}

/// The time that stands here, and its length.
fn time(rest: &[u8], times: &mut TimeReader, hints: &TimeHints) -> Option<(i64, usize)> {
    if let Some((iso, len)) = month_day_year(rest) {
        return Some((times.find(iso.as_bytes(), hints)?.nanos, len));
    }
    let found = times.find(rest, hints).filter(|found| found.start == 0)?;
    Some((found.nanos, found.end))
}

/// `Nov 30 2026 11:04:27[.123]` as `2026-11-30T11:04:27[.123]`, and its length.
fn month_day_year(rest: &[u8]) -> Option<(String, usize)> {
    let month = rest.get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let mut at = 3;
    let mut number = |digits: std::ops::RangeInclusive<usize>| {
        let blanks = rest[at..].iter().take_while(|b| **b == b' ').count();
        let from = at + blanks;
        let len = rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        at = from + len;
        (blanks > 0 && digits.contains(&len)).then(|| lossy(&rest[from..at]))
    };
    let (day, year) = (number(1..=2)?, number(4..=4)?);
    let clock = rest.get(at..)?.strip_prefix(b" ")?;
    let len = clock
        .iter()
        .take(24)
        .take_while(|b| b.is_ascii_digit() || b":.,".contains(b))
        .count();
    let clock = clock[..len].strip_suffix(b":").unwrap_or(&clock[..len]);
    let whole = clock.len() >= 8 && clock[2] == b':' && clock[5] == b':';
    whole.then(|| {
        (
            format!("{year}-{month:02}-{day:0>2}T{}", lossy(clock)),
            at + 1 + clock.len(),
        )
    })
}

/// Passes over a zone's name and a colon behind a time.
fn after_time(rest: &[u8]) -> &[u8] {
    let rest = match rest.strip_prefix(b" ") {
        Some(zone) => {
            let letters = zone.iter().take_while(|b| b.is_ascii_uppercase()).count();
            let is_zone = (1..=5).contains(&letters) && zone[letters..].starts_with(b": ");
            if is_zone { &zone[letters..] } else { rest }
        }
        None => rest,
    };
    trim(rest.strip_prefix(b":").unwrap_or(rest))
}

/// The host, unless the tag stands in its place.
fn host(rest: &[u8]) -> (Option<&[u8]>, &[u8]) {
    if let Some(rest) = rest.strip_prefix(FORWARDED) {
        let end = rest.iter().take(NAME_BYTES_MAX).position(|b| b" :".contains(b));
        return match end {
            Some(end) if end > 0 => (
                Some(&rest[..end]),
                trim(rest[end..].strip_prefix(b":").unwrap_or(&rest[end..])),
            ),
            _ => (None, rest),
        };
    }
    let token = token(rest);
    let is_tag = token.ends_with(b":") || token.contains(&b'[') || token.starts_with(b"%");
    if token.is_empty() || token.len() > NAME_BYTES_MAX || is_tag || token.len() == rest.len() {
        return (None, rest);
    }
    let after = trim(&rest[token.len()..]);
    // Cisco's firewalls write `HOST : %ASA…`.
    (Some(token), after.strip_prefix(b": ").map_or(after, trim))
}

/// `NAME:`, `NAME[PID]:`, `NAME[PID]`.
fn tag(rest: &[u8], said: &mut Said) {
    let end = rest
        .iter()
        .take(NAME_BYTES_MAX)
        .position(|b| b.is_ascii_whitespace() || b":[".contains(b));
    let Some(end) = end.filter(|end| *end > 0) else {
        return;
    };
    let (name, after) = rest.split_at(end);
    if after.starts_with(b"[") {
        let inside = &after[1..];
        let Some(close) = inside.iter().take(NAME_BYTES_MAX).position(|b| *b == b']') else {
            return;
        };
        said.service = Some(lossy(name));
        if close > 0 {
            put_process(said, &inside[..close]);
        }
        return;
    }
    if !after.starts_with(b":") {
        return;
    }
    match name.strip_prefix(b"%").filter(|id| is_cisco(id)) {
        Some(id) => said.put("syslog.msgid", AttributeValue::Text(lossy(id))),
        None => said.service = Some(lossy(name)),
    }
}

/// `SYS-5-CONFIG_I`, `ASA-6-302013`.
fn is_cisco(id: &[u8]) -> bool {
    let mut parts = id.rsplitn(3, |b| *b == b'-');
    let mnemonic = parts.next().unwrap_or_default();
    let severity = parts.next().unwrap_or_default();
    !mnemonic.is_empty()
        && matches!(severity, [b'0'..=b'7'])
        && parts.next().is_some_and(|facility| !facility.is_empty())
}

fn token(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    &rest[..end]
}

fn trim(rest: &[u8]) -> &[u8] {
    let blanks = rest.iter().take_while(|b| **b == b' ').count();
    &rest[blanks..]
}
