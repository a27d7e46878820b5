//! The names under which structured lines keep their severity, and what their values mean.

use super::Severity;
use super::words;
use crate::line::json::{self, Value};
use crate::line::logfmt;

/// Pairs are looked for within so many bytes of text.
const HEAD_BYTES_MAX: usize = 512;
const NAME_BYTES_MAX: usize = 16;

/// Words, and Bunyan's and pino's 10–60.
const LEVEL: &[&[u8]] = &[
    b"level",
    b"lvl",
    b"severity",
    b"loglevel",
    b"log_level",
    b"log.level",
    b"levelname",
    b"level_name",
    b"severity_text",
    b"severitytext",
    b"priority",
    b"@l",
];
/// Those under which a number below eight is syslog's; elsewhere small numbers mean anything.
const SYSLOG: &[&[u8]] = &[b"severity", b"priority", b"level"];
/// OpenTelemetry's 1–24.
const NUMBER: &[&[u8]] = &[b"severity_number", b"severitynumber"];

fn is_in(names: &[&[u8]], key: &[u8]) -> bool {
    key.len() <= NAME_BYTES_MAX && names.iter().any(|name| name.eq_ignore_ascii_case(key))
}

/// The level of the JSON object that begins at `start`: its first member that names one, also within
/// a member `log`; MongoDB's `s` where there is none.
pub(super) fn in_object(line: &[u8], start: usize) -> Option<Severity> {
    let mut sure = None;
    let mut likely = None;
    let mut each = |key: &[u8], value: Value, at: usize| {
        if is_in(LEVEL, key) {
            sure = scalar(line, value).and_then(|value| meaning(key, value));
        } else if is_in(NUMBER, key) {
            sure = scalar(line, value).and_then(opentelemetry);
        } else if key == b"log" && value == Value::Object {
            sure = in_log(line, at);
        } else if key == b"s" {
            likely = scalar(line, value).and_then(words::from_word);
        }
        sure.is_none()
    };
    // A fault later in the line does not make an earlier level wrong.
    let _: Option<()> = json::members(line, start, &mut each);
    sure.or(likely)
}

fn in_log(line: &[u8], at: usize) -> Option<Severity> {
    let mut found = None;
    let each = &mut |key: &[u8], value: Value, _: usize| {
        if key == b"level" {
            found = scalar(line, value).and_then(|value| meaning(key, value));
        }
        found.is_none()
    };
    let _: Option<()> = json::members(line, at, each);
    found
}

/// The level of the first `key=value` whose key names one.
pub(super) fn in_pairs(text: &[u8]) -> Option<Severity> {
    let head = &text[..text.len().min(HEAD_BYTES_MAX)];
    memchr::memchr_iter(b'=', head).find_map(|equals| {
        let before = &head[..equals];
        let length = before.iter().rev().take_while(|b| logfmt::is_key_byte(**b)).count();
        let key = &before[equals - length..];
        if !is_in(LEVEL, key) && !is_in(NUMBER, key) {
            return None;
        }
        let rest = &text[equals + 1..];
        let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
        let end = rest
            .iter()
            .position(|b| !b.is_ascii_alphanumeric())
            .unwrap_or(rest.len());
        if is_in(LEVEL, key) {
            meaning(key, &rest[..end])
        } else {
            opentelemetry(&rest[..end])
        }
    })
}

fn scalar(line: &[u8], value: Value) -> Option<&[u8]> {
    match value {
        Value::Text(raw) => line.get(raw.start..raw.end),
        Value::Number(start, end) => line.get(start..end),
        _ => None,
    }
}

/// What the word or number under `key` means.
fn meaning(key: &[u8], value: &[u8]) -> Option<Severity> {
    let Some(number) = number(value) else {
        return words::from_word(value.trim_ascii());
    };
    match number {
        0..=7 if is_in(SYSLOG, key) => Severity::from_syslog(number),
        10..=19 => Some(Severity::Trace),
        20..=29 => Some(Severity::Debug),
        30..=39 => Some(Severity::Info),
        40..=49 => Some(Severity::Warn),
        50..=59 => Some(Severity::Error),
        60..=69 => Some(Severity::Fatal),
        _ => None,
    }
}

fn opentelemetry(value: &[u8]) -> Option<Severity> {
    let number = number(value).filter(|number| (1..=24).contains(number))?;
    Severity::from_rank((number - 1) / 4 + 1)
}

fn number(value: &[u8]) -> Option<u8> {
    if value.is_empty() || value.len() > 3 {
        return None;
    }
    str::from_utf8(value).ok()?.parse().ok()
}
