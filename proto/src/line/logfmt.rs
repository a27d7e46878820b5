//! `key=value` pairs, one after the other from the beginning of a line.
//!
//! A key is a run of letters, digits and `_ . - / @`; a value is quoted, with backslash escapes, or
//! a run without blanks. Blanks separate pairs. Anything else is rubbish and ends the walk.

use std::borrow::Cow;

/// One pair's spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) key_start: usize,
    pub(super) key_end: usize,
    /// The value's first byte, after a quote.
    pub(super) value_start: usize,
    /// One past its last byte, before a quote.
    pub(super) value_end: usize,
    pub(super) quoted: bool,
    /// Whether it is quoted and holds a backslash.
    pub(super) escaped: bool,
    /// Where the next pair is looked for.
    pub(super) next: usize,
}

/// The pair that stands at `at`, blanks before it passed over.
pub(super) fn pair(line: &[u8], at: usize) -> Option<Pair> {
    let key_start = at + line.get(at..)?.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let key_end = key_start + line[key_start..].iter().take_while(|&&b| is_key_byte(b)).count();
    if key_end == key_start || line.get(key_end) != Some(&b'=') {
        return None;
    }
    let value_start = key_end + 1;
    if line.get(value_start) == Some(&b'"') {
        return quoted(line, key_start, key_end);
    }
    let rest = &line[value_start..];
    let length = rest.iter().position(|b| b.is_ascii_whitespace()).unwrap_or(rest.len());
    Some(Pair {
        key_start,
        key_end,
        value_start,
        value_end: value_start + length,
        quoted: false,
        escaped: false,
        next: value_start + length,
    })
}

fn quoted(line: &[u8], key_start: usize, key_end: usize) -> Option<Pair> {
    let value_start = key_end + 2;
    let mut at = value_start;
    let mut escaped = false;
    loop {
        let rest = line.get(at..)?;
        let found = memchr::memchr2(b'"', b'\\', rest)?;
        at += found + 1;
        if rest[found] == b'"' {
            break;
        }
        escaped = true;
        at += 1;
    }
    if line.get(at).is_some_and(|b| !b.is_ascii_whitespace()) {
        return None;
    }
    Some(Pair {
        key_start,
        key_end,
        value_start,
        value_end: at - 1,
        quoted: true,
        escaped,
        next: at,
    })
}

pub(super) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b'@')
}

/// Whether `line` begins with at least two pairs.
pub(super) fn is_logfmt(line: &[u8]) -> bool {
    pair(line, 0).and_then(|first| pair(line, first.next)).is_some()
}

/// A pair's value as text. A backslash before anything but `n t r` stands for what follows it.
pub(super) fn text<'a>(line: &'a [u8], pair: &Pair) -> Cow<'a, str> {
    let bytes = &line[pair.value_start..pair.value_end];
    if !pair.escaped {
        return String::from_utf8_lossy(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        let plain = match byte {
            b'\\' => match rest.next() {
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'r') => b'\r',
                Some(&other) => other,
                None => b'\\',
            },
            other => other,
        };
        out.push(plain);
    }
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|fault| String::from_utf8_lossy(fault.as_bytes()).into_owned()))
}
