//! The leaves of a structured line: where its values stand, so that what is around them, its
//! *shape*, can be kept once for all lines that share it.
//!
//! Only lines that are structured through and through have leaves: one JSON object, perhaps after a prefix
//! of plain text, or `key=value` pairs, and nothing behind. Pairs behind text have none: their values are
//! mostly words that are told from the template where they stand in it. Bounds: [`DEPTH_MAX`],
//! [`LEAVES_MAX`]. [`fields`](super::fields) of such a line gives one field per leaf, in order, except
//! where a name is longer than it takes.

use std::borrow::Cow;

use super::fields::{FieldValue, json_start, logfmt_value};
use super::json::{self, Cursor, RawText, Value};
use super::logfmt;

/// Objects and arrays nested deeper than this have no leaves.
const DEPTH_MAX: usize = 16;
/// Nor have lines with more values than this.
const LEAVES_MAX: usize = 256;

/// How a leaf's bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// A JSON string without its quotes.
    JsonText,
    /// A JSON number or literal.
    JsonBare,
    /// A quoted logfmt value without its quotes.
    LogfmtText,
    /// A logfmt value without quotes.
    LogfmtBare,
}

/// Where a value stands: `start..end`, without quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// How its bytes are read.
    pub kind: LeafKind,
}

/// Puts the line's leaves into `leaves`, in order; where its structure begins, if it has leaves.
pub fn leaves(line: &[u8], leaves: &mut Vec<Leaf>) -> Option<usize> {
    leaves.clear();
    match json_start(line) {
        Some(start) => {
            let mut walk = Walk {
                line,
                cursor: Cursor::new(line, start),
                leaves,
            };
            walk.object(1)?;
            let rest = &line[walk.cursor.at..];
            let plain = |b: &u8| !matches!(b, b'{' | b'}' | b'"' | b'[' | b']' | b'\\');
            (rest.iter().all(u8::is_ascii_whitespace) && line[..start].iter().all(plain)).then_some(start)
        }
        None => pairs(line, leaves),
    }
    .filter(|_| !leaves.is_empty())
}

/// What a leaf's bytes say.
pub fn leaf_value(raw: &[u8], kind: LeafKind) -> FieldValue<'_> {
    match kind {
        LeafKind::JsonText => {
            let whole = RawText {
                start: 0,
                end: raw.len(),
                escaped: memchr::memchr(b'\\', raw).is_some(),
            };
            FieldValue::Text(json::text(raw, whole).unwrap_or(Cow::Borrowed("")))
        }
        LeafKind::JsonBare => match raw {
            b"true" => FieldValue::Bool(true),
            b"false" => FieldValue::Bool(false),
            b"null" => FieldValue::Null,
            number => FieldValue::Number(str::from_utf8(number).unwrap_or_default()),
        },
        LeafKind::LogfmtText | LeafKind::LogfmtBare => {
            let quoted = kind == LeafKind::LogfmtText;
            let pair = logfmt::Pair {
                key_start: 0,
                key_end: 0,
                value_start: 0,
                value_end: raw.len(),
                quoted,
                escaped: quoted && memchr::memchr(b'\\', raw).is_some(),
                next: raw.len(),
            };
            logfmt_value(raw, &pair)
        }
    }
}

struct Walk<'a, 'l> {
    line: &'a [u8],
    cursor: Cursor<'a>,
    leaves: &'l mut Vec<Leaf>,
}

impl Walk<'_, '_> {
    fn object(&mut self, depth: usize) -> Option<()> {
        self.cursor.eat(b'{')?;
        if self.cursor.peek()? == b'}' {
            return self.cursor.eat(b'}');
        }
        loop {
            let key = self.cursor.key()?;
            self.check(key)?;
            self.value(depth)?;
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
        let value = self.cursor.value()?;
        let (start, end, kind) = match value {
            Value::Object | Value::Array if depth >= DEPTH_MAX => return None,
            Value::Object => return self.object(depth + 1),
            Value::Array => return self.array(depth + 1),
            Value::Text(raw) => {
                self.check(raw)?;
                (raw.start, raw.end, LeafKind::JsonText)
            }
            Value::Number(start, end) => (start, end, LeafKind::JsonBare),
            Value::Bool(value) => (
                self.cursor.at - if value { 4 } else { 5 },
                self.cursor.at,
                LeafKind::JsonBare,
            ),
            Value::Null => (self.cursor.at - 4, self.cursor.at, LeafKind::JsonBare),
        };
        if self.leaves.len() == LEAVES_MAX {
            return None;
        }
        self.leaves.push(Leaf { start, end, kind });
        Some(())
    }

    /// Whether a string can be unescaped: where one cannot, the line's fields end.
    fn check(&self, raw: RawText) -> Option<()> {
        if raw.escaped {
            json::text(self.line, raw)?;
        }
        Some(())
    }
}

fn pairs(line: &[u8], leaves: &mut Vec<Leaf>) -> Option<usize> {
    if logfmt::start(line) != Some(0) {
        return None;
    }
    let mut at = 0;
    while let Some(pair) = logfmt::pair(line, at) {
        if leaves.len() == LEAVES_MAX {
            return None;
        }
        at = pair.next;
        leaves.push(Leaf {
            start: pair.value_start,
            end: pair.value_end,
            kind: if pair.quoted {
                LeafKind::LogfmtText
            } else {
                LeafKind::LogfmtBare
            },
        });
    }
    let blank = u8::is_ascii_whitespace;
    line[at..].iter().all(blank).then_some(0)
}

#[cfg(test)]
mod tests {
    use super::super::fields;
    use super::*;

    /// The leaves read as the fields are.
    #[track_caller]
    fn check(line: &str, expected: usize) {
        let mut found = Vec::new();
        let start = leaves(line.as_bytes(), &mut found);
        assert_eq!(start.map_or(0, |_| found.len()), expected, "{line}");
        if start.is_none() {
            return;
        }
        let mut values = Vec::new();
        fields(line.as_bytes(), &mut |_, value| {
            values.push(value);
            true
        });
        let read = found
            .iter()
            .map(|l| leaf_value(&line.as_bytes()[l.start..l.end], l.kind));
        assert_eq!(read.collect::<Vec<_>>(), values, "{line}");
    }

    #[test]
    fn leaves_are_the_fields_values() {
        check(r#"{"a":1,"b":{"c":"x\n","d":[true,null,-1e999]},"e":""}"#, 6);
        check(r#"Nov  1 host app: {"a": "b" , "a":2 } "#, 2);
        check(r#"a=1 b="x \" y" c= d=true e=007"#, 5);
        check("a=1\tb=2 ", 2);
        check("2026-11-24 INFO done: a=1 b=\"x y\" c=", 0);
    }

    #[test]
    fn lines_that_are_not_structured_to_their_end_have_none() {
        check(r#"{"a":1} more"#, 0);
        check(r#"{"a":1"#, 0);
        check(r#"{"a":"\x"}"#, 0);
        check("a=1 b=2 and then", 0);
        check("plain 1 text", 0);
        check("{}", 0);
        check(&format!("{}1{}", r#"{"a":"#.repeat(20), "}".repeat(20)), 0);
        check(&format!("{{\"a\":[{}1]}}", "1,".repeat(300)), 0);
    }
}
