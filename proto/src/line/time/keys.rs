//! The names under which structured lines keep their time.

use super::form::Read;
use super::locate;
use crate::line::json::{self, RawText, Value};

/// Names that are the record's time wherever they stand.
const SURE: &[&[u8]] = &[
    b"timestamp",
    b"@timestamp",
    b"time",
    b"ts",
    b"datetime",
    b"eventtime",
    b"event_time",
    b"asctime",
    b"_time",
    b"@t",
    b"log_time",
    b"logtime",
    b"time_local",
    b"time_iso8601",
    b"timemillis",
    b"timestamp_ms",
    b"timeunixnano",
    b"time_unix_nano",
    b"__realtime_timestamp",
    b"startutc",
];
/// Names that are it where none of the others is.
const LIKELY: &[&[u8]] = &[b"t", b"date", b"startlocal"];
const NAME_BYTES_MAX: usize = 24;

fn is_in(names: &[&[u8]], key: &[u8]) -> bool {
    key.len() <= NAME_BYTES_MAX && names.iter().any(|name| name.eq_ignore_ascii_case(key))
}

/// Whether `key` names a time.
pub(super) fn is_time_key(key: &[u8]) -> bool {
    is_in(SURE, key) || is_in(LIKELY, key)
}

/// The time of the JSON object that begins at `start`: the first sure member that reads as a time,
/// else the first likely one.
pub(super) fn in_object(line: &[u8], start: usize) -> Option<(usize, Read)> {
    let mut sure = None;
    let mut likely = None;
    let mut each = |key: &[u8], value: Value, at: usize| {
        if is_in(SURE, key) {
            sure = member(line, value, at);
        } else if likely.is_none() && is_in(LIKELY, key) {
            likely = member(line, value, at);
        }
        sure.is_none()
    };
    // A fault later in the line does not make an earlier time wrong.
    let _: Option<()> = json::members(line, start, &mut each);
    sure.or(likely)
}

/// The time in a member's value; MongoDB wraps it as `{"$date": …}`.
fn member(line: &[u8], value: Value, at: usize) -> Option<(usize, Read)> {
    match value {
        Value::Text(text) => in_text(line, text),
        Value::Number(start, end) => {
            let read = locate::at(line.get(..end)?, start, true)?;
            (read.end == end).then_some((start, read))
        }
        Value::Object => {
            let mut found = None;
            let each = &mut |key: &[u8], value: Value, _: usize| {
                if key == b"$date"
                    && let Value::Text(text) = value
                {
                    found = in_text(line, text);
                }
                found.is_none()
            };
            let _: Option<()> = json::members(line, at, each);
            found
        }
        Value::Array | Value::Bool(_) | Value::Null => None,
    }
}

/// A time at the beginning of a string; access logs keep their bracket.
fn in_text(line: &[u8], text: RawText) -> Option<(usize, Read)> {
    let start = text.start + usize::from(line.get(text.start) == Some(&b'['));
    Some((start, locate::at(line.get(..text.end)?, start, true)?))
}
