//! Single letters at a fixed place: klog's `I1101 10:00:00.123456`, logcat's `… 1702  2395 D tag`
//! and its brief form `D/tag( 123): `.

use super::Severity;
use crate::line::time;

/// Level letter and four digits, a blank, two digits, a colon.
pub(super) fn klog(text: &[u8], lead: usize) -> Option<Severity> {
    let rest = text.get(lead..)?;
    let date = rest.get(1..)?.iter().take_while(|b| b.is_ascii_digit()).count();
    let clock = rest.get(1 + date..)?;
    let sound = matches!(date, 4 | 8) && clock.len() > 3 && clock[0] == b' ' && clock[3] == b':';
    if sound { letter(rest[0]) } else { None }
}

pub(super) fn logcat(text: &[u8], lead: usize) -> Option<Severity> {
    match time::logcat_end(text) {
        Some(end) => threadtime(&text[end..]),
        None => brief(text.get(lead..)?),
    }
}

/// Process, thread, letter.
fn threadtime(rest: &[u8]) -> Option<Severity> {
    let rest = number(number(rest)?)?;
    match rest.trim_ascii_start() {
        [level, b' ', ..] => letter(*level),
        [_, b'/', ..] => brief(rest.trim_ascii_start()),
        _ => brief(rest),
    }
}

fn number(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.trim_ascii_start();
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    (digits > 0).then(|| &rest[digits..])
}

/// `D/tag( 123): `
fn brief(rest: &[u8]) -> Option<Severity> {
    let [level, b'/', tag @ ..] = rest.trim_ascii_start() else {
        return None;
    };
    let tag = &tag[..tag.len().min(64)];
    let open = memchr::memchr(b'(', tag)?;
    let inner = number(&tag[open + 1..])?;
    if inner.starts_with(b")") { letter(*level) } else { None }
}

fn letter(letter: u8) -> Option<Severity> {
    Some(match letter {
        b'V' => Severity::Trace,
        b'D' => Severity::Debug,
        b'I' => Severity::Info,
        b'W' => Severity::Warn,
        b'E' => Severity::Error,
        b'F' | b'C' | b'A' => Severity::Fatal,
        _ => return None,
    })
}
