//! A cursor over the bytes of a JSON text.
//!
//! It yields spans, never values of its own, so that a line is walked without a tree. It is strict
//! in what decides structure (commas, colons, quotes, brackets, numbers, literals) and lenient in
//! what does not (control characters and invalid UTF-8 within strings). A fault is `None`.

use std::borrow::Cow;

/// Where a string's text stands, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawText {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it holds a backslash.
    pub(super) escaped: bool,
}

/// A value's first glance: scalars whole, containers by where they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(RawText),
    /// Bytes `start..end`.
    Number(usize, usize),
    Bool(bool),
    Null,
    /// The cursor stands on its `{`.
    Object,
    /// The cursor stands on its `[`.
    Array,
}

/// A place in a line.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a [u8], at: usize) -> Self {
        Cursor { line, at }
    }

    /// The next byte that is not blank, which stays to be read.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.line.get(self.at) {
            self.at += 1;
        }
        self.line.get(self.at).copied()
    }

    /// Reads `byte` after blanks, or nothing.
    pub(super) fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Reads a key and its colon.
    pub(super) fn key(&mut self) -> Option<RawText> {
        let key = self.string()?;
        self.eat(b':')?;
        Some(key)
    }

    /// Reads a scalar; stops on a container's first byte.
    pub(super) fn value(&mut self) -> Option<Value> {
        match self.peek()? {
            b'"' => self.string().map(Value::Text),
            b'{' => Some(Value::Object),
            b'[' => Some(Value::Array),
            b't' => self.literal(b"true", Value::Bool(true)),
            b'f' => self.literal(b"false", Value::Bool(false)),
            b'n' => self.literal(b"null", Value::Null),
            _ => self.number(),
        }
    }

    /// Passes over the container that the cursor stands on: strings are respected and brackets
    /// counted, what stands between them is not checked.
    pub(super) fn skip_container(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match *self.line.get(self.at)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn string(&mut self) -> Option<RawText> {
        self.eat(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = self.line.get(self.at..)?;
            let found = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += found + 1;
            if rest[found] == b'"' {
                let end = self.at - 1;
                return Some(RawText { start, end, escaped });
            }
            escaped = true;
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &[u8], value: Value) -> Option<Value> {
        self.line.get(self.at..)?.starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        let length = number_length(self.line.get(start..)?)?;
        self.at += length;
        Some(Value::Number(start, start + length))
    }
}

/// How many bytes the number at the beginning of `text` has, by JSON's grammar.
pub(super) fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && text[at] == b'0') {
        return None;
    }
    at += whole;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        if fraction == 0 {
            return None;
        }
        at += 1 + fraction;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = text.get(at + 1 + sign..).map_or(0, |_| digits(at + 1 + sign));
        if exponent == 0 {
            return None;
        }
        at += 1 + sign + exponent;
    }
    Some(at)
}

/// Walks the members of the object that begins at `start`, one level deep. `each` gets the key, the
/// value and where the value begins; it stops the walk by returning `false`.
pub(super) fn members(line: &[u8], start: usize, each: &mut dyn FnMut(&[u8], Value, usize) -> bool) -> Option<()> {
    let mut cursor = Cursor::new(line, start);
    cursor.eat(b'{')?;
    if cursor.peek()? == b'}' {
        return Some(());
    }
    loop {
        let key = cursor.key()?;
        let value = cursor.value()?;
        if !each(&line[key.start..key.end], value, cursor.at) {
            return Some(());
        }
        if matches!(value, Value::Object | Value::Array) {
            cursor.skip_container()?;
        }
        match cursor.peek()? {
            b',' => cursor.at += 1,
            b'}' => return Some(()),
            _ => return None,
        }
    }
}

/// The text of a string: borrowed where it holds no escape and is UTF-8; what is not UTF-8 becomes
/// U+FFFD, and so does half a surrogate pair. `None` for an escape that JSON does not know.
pub(super) fn text<'a>(line: &'a [u8], raw: RawText) -> Option<Cow<'a, str>> {
    let bytes = line.get(raw.start..raw.end)?;
    if !raw.escaped {
        return Some(String::from_utf8_lossy(bytes));
    }
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(found) = memchr::memchr(b'\\', rest) {
        out.push_str(&String::from_utf8_lossy(&rest[..found]));
        rest = unescape(&rest[found + 1..], &mut out)?;
    }
    out.push_str(&String::from_utf8_lossy(rest));
    Some(Cow::Owned(out))
}

/// Appends what the escape after a backslash means and gives back what follows it.
fn unescape<'a>(rest: &'a [u8], out: &mut String) -> Option<&'a [u8]> {
    let (&kind, rest) = rest.split_first()?;
    let plain = match kind {
        b'"' | b'\\' | b'/' => char::from(kind),
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return unescape_unicode(rest, out),
        _ => return None,
    };
    out.push(plain);
    Some(rest)
}

fn unescape_unicode<'a>(rest: &'a [u8], out: &mut String) -> Option<&'a [u8]> {
    let high = hex4(rest)?;
    let rest = &rest[4..];
    if (0xD800..0xDC00).contains(&high)
        && let Some(tail) = rest.strip_prefix(b"\\u")
        && let Some(low) = hex4(tail).filter(|low| (0xDC00..0xE000).contains(low))
    {
        let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        return Some(&tail[4..]);
    }
    out.push(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
    Some(rest)
}

fn hex4(text: &[u8]) -> Option<u32> {
    text.get(..4)?
        .iter()
        .try_fold(0, |code, &digit| Some(code << 4 | char::from(digit).to_digit(16)?))
}
