//! `key=value` pairs, one after the other: from the beginning of a line, or behind plain text to its end.
//!
//! A key is a run of letters, digits and `_ . - / @`; a value is quoted, with backslash escapes, or
//! a run without blanks. Blanks separate pairs. Anything else is rubbish and ends the walk.

use std::borrow::Cow;

/// So many places are tried as the beginning of pairs behind text.
const TEXT_TRIES_MAX: usize = 4;

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

/// Where the pairs of a line begin, two at least: at its beginning, whatever follows them, or behind plain
/// text if they go on to its end.
pub(super) fn start(line: &[u8]) -> Option<usize> {
    let first = memchr::memchr(b'=', line)?;
    if pair(line, 0).and_then(|first| pair(line, first.next)).is_some() {
        return Some(0);
    }
    let mut equals = first;
    let mut from = 0;
    for _ in 0..TEXT_TRIES_MAX {
        let before = &line[from..equals];
        let key_bytes = before.iter().rev().take_while(|b| is_key_byte(**b)).count();
        let key_start = equals - key_bytes;
        let is_apart = key_start > 0 && matches!(line[key_start - 1], b' ' | b'\t');
        from = equals + 1;
        if key_bytes > 0 && is_apart {
            let (pairs, end) = run(line, key_start);
            if line[end..].iter().all(u8::is_ascii_whitespace) {
                // What begins further on is shorter.
                return (pairs >= 2).then_some(key_start);
            }
            from = from.max(end);
        }
        equals = from + memchr::memchr(b'=', &line[from..])?;
    }
    None
}

/// How many pairs stand from here on, and where the last ends.
fn run(line: &[u8], start: usize) -> (usize, usize) {
    let (mut pairs, mut end) = (0, start);
    while let Some(pair) = pair(line, end) {
        (pairs, end) = (pairs + 1, pair.next);
    }
    (pairs, end)
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
