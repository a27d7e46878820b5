//! The fields of JSON and logfmt lines.
//!
//! JSON is walked in place: no tree is built, and a value is copied only where it must be unescaped.
//! Bounds: [`DEPTH_MAX`], [`FIELDS_MAX`], [`NAME_BYTES_MAX`]; what lies beyond them is not named as a
//! field and stays findable as words of the line.

use std::borrow::Cow;

use super::json::{self, Cursor, RawText, Value};
use super::logfmt;

/// Objects and arrays nested deeper than this are passed over.
pub(super) const DEPTH_MAX: usize = 64;
/// A line yields no more fields than this.
pub(super) const FIELDS_MAX: usize = 16_384;
/// Fields whose dotted name is longer than this are passed over.
pub(super) const NAME_BYTES_MAX: usize = 1024;
/// So many places are tried as the beginning of an object after a prefix.
const PREFIX_TRIES_MAX: usize = 4;

/// What a line is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// Free text.
    Plain,
    /// One JSON object (perhaps after a syslog-like prefix, from the byte given on).
    Json {
        /// Where the object begins.
        start: usize,
    },
    /// `key=value` pairs: two or more that begin the line, or go on to its end behind plain text.
    Logfmt {
        /// Where the first begins.
        start: usize,
    },
}

/// Which structure `line` has. Cheap for plain lines. An object that begins the line makes it JSON
/// even if it is cut off; one after a prefix must be whole and end with the line.
pub fn structure(line: &[u8]) -> Structure {
    if let Some(start) = json_start(line) {
        return Structure::Json { start };
    }
    if let Some(start) = logfmt::start(line) {
        return Structure::Logfmt { start };
    }
    Structure::Plain
}

/// Where the line's JSON object begins, if it has one.
pub(super) fn json_start(line: &[u8]) -> Option<usize> {
    let first = line.iter().position(|b| !b.is_ascii_whitespace())?;
    if line[first] == b'{' {
        return opens_object(line, first).then_some(first);
    }
    let last = line.iter().rposition(|b| !b.is_ascii_whitespace())?;
    if line[last] != b'}' {
        return None;
    }
    memchr::memchr_iter(b'{', line)
        .take(PREFIX_TRIES_MAX)
        .find(|&start| opens_object(line, start) && ends_at(line, start, last))
}

/// Whether the brace at `start` is followed by what an object may begin with.
fn opens_object(line: &[u8], start: usize) -> bool {
    matches!(Cursor::new(line, start + 1).peek(), Some(b'"' | b'}'))
}

fn ends_at(line: &[u8], start: usize, last: usize) -> bool {
    let mut cursor = Cursor::new(line, start);
    cursor.skip_container().is_some() && cursor.at == last + 1
}

/// A field's value with the type it was written in. Numbers keep their text.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// Text, unescaped.
    Text(Cow<'a, str>),
    /// A number as written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// JSON null.
    Null,
}

impl FieldValue<'_> {
    /// The value as text: what queries compare and people see.
    pub fn as_text(&self) -> &str {
        match self {
            FieldValue::Text(text) => text,
            FieldValue::Number(text) => text,
            FieldValue::Bool(true) => "true",
            FieldValue::Bool(false) => "false",
            FieldValue::Null => "null",
        }
    }
    /// The value as a number: a number, or text that reads as one. Always finite.
    pub fn as_number(&self) -> Option<f64> {
        let number: Option<f64> = match self {
            FieldValue::Number(text) => text.parse().ok(),
            FieldValue::Text(text) => text.trim().parse().ok(),
            FieldValue::Bool(_) | FieldValue::Null => None,
        };
        number.filter(|n| n.is_finite())
    }
}

/// Calls `each` with every field of `line`, names dotted (`http.status`; array elements share the
/// array's name), until it returns `false`. A key that stands twice is given twice. Bounded in depth
/// and size; what lies beyond stays findable as words of the line. A malformed line gives the fields
/// before the fault, or none.
pub fn fields<'a>(line: &'a [u8], each: &mut dyn FnMut(&str, FieldValue<'a>) -> bool) {
    match structure(line) {
        Structure::Plain => {}
        Structure::Json { start } => {
            let cursor = Cursor::new(line, start);
            let mut walk = Walk {
                line,
                cursor,
                name: String::new(),
                left: FIELDS_MAX,
                each,
            };
            // `None` is a fault or a wish to stop: either way the walk is over.
            let _: Option<()> = walk.object(1);
        }
        Structure::Logfmt { start } => logfmt_fields(line, start, each),
    }
}

struct Walk<'a, 'f> {
    line: &'a [u8],
    cursor: Cursor<'a>,
    /// The dotted name of where the cursor stands.
    name: String,
    /// How many fields may still be given.
    left: usize,
    each: &'f mut dyn FnMut(&str, FieldValue<'a>) -> bool,
}

impl<'a> Walk<'a, '_> {
    fn object(&mut self, depth: usize) -> Option<()> {
        self.cursor.eat(b'{')?;
        if self.cursor.peek()? == b'}' {
            return self.cursor.eat(b'}');
        }
        loop {
            let key = self.cursor.key()?;
            let parent_length = self.name.len();
            self.push_name(key, depth)?;
            self.value(depth)?;
            self.name.truncate(parent_length);
            match self.cursor.peek()? {
                b',' => self.cursor.at += 1,
                b'}' => return self.cursor.eat(b'}'),
                _ => return None,
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.cursor.eat(b'[')?;
        if self.cursor.peek()? == b']' {
            return self.cursor.eat(b']');
        }
        loop {
            self.value(depth)?;
            match self.cursor.peek()? {
                b',' => self.cursor.at += 1,
                b']' => return self.cursor.eat(b']'),
                _ => return None,
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        let value = match self.cursor.value()? {
            Value::Object | Value::Array if depth >= DEPTH_MAX || self.name.len() > NAME_BYTES_MAX => {
                return self.cursor.skip_container();
            }
            Value::Object => return self.object(depth + 1),
            Value::Array => return self.array(depth + 1),
            Value::Text(raw) => FieldValue::Text(json::text(self.line, raw)?),
            Value::Number(start, end) => FieldValue::Number(str::from_utf8(&self.line[start..end]).ok()?),
            Value::Bool(value) => FieldValue::Bool(value),
            Value::Null => FieldValue::Null,
        };
        if self.name.len() > NAME_BYTES_MAX {
            return Some(());
        }
        self.left = self.left.checked_sub(1)?;
        (self.each)(&self.name, value).then_some(())
    }

    fn push_name(&mut self, key: RawText, depth: usize) -> Option<()> {
        if depth > 1 {
            self.name.push('.');
        }
        self.name.push_str(&json::text(self.line, key)?);
        Some(())
    }
}

fn logfmt_fields<'a>(line: &'a [u8], start: usize, each: &mut dyn FnMut(&str, FieldValue<'a>) -> bool) {
    let mut at = start;
    for _ in 0..FIELDS_MAX {
        let Some(pair) = logfmt::pair(line, at) else { return };
        at = pair.next;
        let Ok(name) = str::from_utf8(&line[pair.key_start..pair.key_end]) else {
            return;
        };
        if name.len() <= NAME_BYTES_MAX && !each(name, logfmt_value(line, &pair)) {
            return;
        }
    }
}

pub(super) fn logfmt_value<'a>(line: &'a [u8], pair: &logfmt::Pair) -> FieldValue<'a> {
    let raw = &line[pair.value_start..pair.value_end];
    if !pair.quoted {
        match raw {
            b"true" => return FieldValue::Bool(true),
            b"false" => return FieldValue::Bool(false),
            _ => {}
        }
        if json::number_length(raw) == Some(raw.len())
            && let Ok(number) = str::from_utf8(raw)
        {
            return FieldValue::Number(number);
        }
    }
    FieldValue::Text(logfmt::text(line, pair))
}

#[cfg(test)]
mod tests;
