//! The fields of JSON and logfmt lines.

use std::borrow::Cow;

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
    /// `key=value` pairs.
    Logfmt,
}

/// Which structure `line` has. Cheap for plain lines.
pub fn structure(_line: &[u8]) -> Structure {
    todo!()
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
    /// The value as a number: a number, or text that reads as one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            FieldValue::Number(text) => text.parse().ok(),
            FieldValue::Text(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
            FieldValue::Bool(_) | FieldValue::Null => None,
        }
    }
}

/// Calls `each` with every field of `line`, names dotted (`http.status`; array elements share the
/// array's name), until it returns `false`. Bounded in depth and size; what lies beyond stays
/// findable as words of the line. A malformed line gives the fields before the fault, or none.
pub fn fields<'a>(_line: &'a [u8], _each: &mut dyn FnMut(&str, FieldValue<'a>) -> bool) {
    todo!()
}
