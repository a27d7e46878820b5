//! Where the fields of JSON and logfmt lines stand, for whoever changes a line: an agent's rules
//! remove fields, rename them and mask their values without writing the rest of the line anew.

use std::borrow::Cow;
use std::ops::Range;

use super::fields::{DEPTH_MAX, FIELDS_MAX, NAME_BYTES_MAX, json_start};
use super::json::{self, Cursor, Value};
use super::logfmt;

/// Where one field stands in its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPlace {
    /// Key and value, what separates it from its neighbours included: without these bytes the line
    /// is one without the field.
    pub member: Range<usize>,
    /// The key, without quotes.
    pub key: Range<usize>,
    /// The value with its quotes or brackets.
    pub value: Range<usize>,
    /// The value's bytes without quotes.
    pub inner: Range<usize>,
    /// Whether the line is JSON; else it is logfmt.
    pub json: bool,
}

/// The first place in `line` of the field `name`, dotted where it is nested; a field may be an object
/// or an array. Objects in arrays are looked into.
pub fn field_place(line: &[u8], name: &str) -> Option<FieldPlace> {
    match json_start(line) {
        Some(start) => {
            let mut walk = Walk {
                line,
                cursor: Cursor::new(line, start),
                wanted: name,
                left: FIELDS_MAX,
                found: None,
            };
            // `None` is also a fault behind the place that was found.
            let _: Option<()> = walk.object(1, "");
            walk.found
        }
        None => in_logfmt(line, logfmt::start(line)?, name),
    }
}

/// `text` as it stands within the quotes of a JSON string.
pub fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn in_logfmt(line: &[u8], start: usize, name: &str) -> Option<FieldPlace> {
    let mut at = start;
    for _ in 0..FIELDS_MAX {
        let pair = logfmt::pair(line, at)?;
        if &line[pair.key_start..pair.key_end] == name.as_bytes() {
            // The blanks before the pair go with it, or those behind it where it is the first.
            let blank = |b: &&u8| matches!(b, b' ' | b'\t');
            let behind = line[pair.next..].iter().take_while(blank).count();
            let member = if pair.key_start > at && at > start {
                at..pair.next
            } else {
                pair.key_start..pair.next + behind
            };
            let quote = usize::from(pair.quoted);
            return Some(FieldPlace {
                member,
                key: pair.key_start..pair.key_end,
                value: pair.value_start - quote..pair.value_end + quote,
                inner: pair.value_start..pair.value_end,
                json: false,
            });
        }
        at = pair.next;
    }
    None
}

struct Walk<'a> {
    line: &'a [u8],
    cursor: Cursor<'a>,
    wanted: &'a str,
    /// How many members may still be looked at.
    left: usize,
    found: Option<FieldPlace>,
}

impl Walk<'_> {
    /// `None` ends the walk: the place was found, or the line is no JSON from here on.
    fn object(&mut self, depth: usize, parent: &str) -> Option<()> {
        self.cursor.eat(b'{')?;
        if self.cursor.peek()? == b'}' {
            return self.cursor.eat(b'}');
        }
        let mut comma_before = None;
        loop {
            self.left = self.left.checked_sub(1)?;
            self.cursor.peek()?;
            let start = self.cursor.at;
            let key = self.cursor.key()?;
            let text = json::text(self.line, key)?;
            let name: Cow<'_, str> = if parent.is_empty() {
                text
            } else {
                format!("{parent}.{text}").into()
            };
            self.cursor.peek()?;
            let value = self.cursor.at;
            let is_it = name == self.wanted;
            let inner = self.value(depth, &name, is_it)?;
            let end = self.cursor.at;
            let next = self.cursor.peek();
            if is_it {
                let member = match (comma_before, next) {
                    (Some(comma), _) => comma..end,
                    (None, Some(b',')) => start..self.behind_comma(),
                    (None, _) => start..end,
                };
                self.found = Some(FieldPlace {
                    member,
                    key: key.start..key.end,
                    value: value..end,
                    inner,
                    json: true,
                });
                return None;
            }
            match next? {
                b',' => {
                    comma_before = Some(self.cursor.at);
                    self.cursor.at += 1;
                }
                b'}' => return self.cursor.eat(b'}'),
                _ => return None,
            }
        }
    }

    /// One past the comma that the cursor stands on, and the blanks behind it.
    fn behind_comma(&self) -> usize {
        let rest = &self.line[self.cursor.at + 1..];
        self.cursor.at + 1 + rest.iter().take_while(|b| b.is_ascii_whitespace()).count()
    }

    /// Passes a value, looking into containers unless it is the one sought; its bytes without quotes.
    fn value(&mut self, depth: usize, name: &str, is_it: bool) -> Option<Range<usize>> {
        let start = self.cursor.at;
        match self.cursor.value()? {
            Value::Text(raw) => return Some(raw.start..raw.end),
            Value::Object | Value::Array if is_it || depth >= DEPTH_MAX || name.len() > NAME_BYTES_MAX => {
                self.cursor.skip_container()?;
            }
            Value::Object => self.object(depth + 1, name)?,
            Value::Array => self.array(depth + 1, name)?,
            _ => {}
        }
        Some(start..self.cursor.at)
    }

    fn array(&mut self, depth: usize, name: &str) -> Option<()> {
        self.cursor.eat(b'[')?;
        if self.cursor.peek()? == b']' {
            return self.cursor.eat(b']');
        }
        loop {
            self.cursor.peek()?;
            self.value(depth, name, false)?;
            match self.cursor.peek()? {
                b',' => self.cursor.at += 1,
                b']' => return self.cursor.eat(b']'),
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(line: &str, name: &str) -> Option<String> {
        let place = field_place(line.as_bytes(), name)?;
        Some(format!("{}{}", &line[..place.member.start], &line[place.member.end..]))
    }

    #[track_caller]
    fn check(line: &str, name: &str, expected: &str) {
        assert_eq!(without(line, name).as_deref(), Some(expected), "{name} of {line}");
    }

    #[test]
    fn a_line_without_a_member_is_still_the_line_it_was() {
        check(r#"{"a":1,"b":2,"c":3}"#, "b", r#"{"a":1,"c":3}"#);
        check(r#"{"a":1, "b":2}"#, "a", r#"{"b":2}"#);
        check(r#"{"a":1 , "b":2}"#, "b", r#"{"a":1 }"#);
        check(r#"{"a":"x, }"}"#, "a", "{}");
        check(
            r#"{"a":{"b":[1,{"c":2,"d":3}]}}"#,
            "a.b.c",
            r#"{"a":{"b":[1,{"d":3}]}}"#,
        );
        check(r#"{"a":{"b":1},"c":2}"#, "a", r#"{"c":2}"#);
        check(r#"Nov 1 app: {"a":1,"b":2}"#, "b", r#"Nov 1 app: {"a":1}"#);
        check("a=1 b=\"x y\" c=3", "b", "a=1 c=3");
        check("a=1 b=2", "a", "b=2");
        check("a=1 b=2", "b", "a=1");
        check("INFO done a=1 b=2", "a", "INFO done b=2");
    }

    #[test]
    fn what_is_not_there_has_no_place() {
        for (line, name) in [
            (r#"{"a":1}"#, "b"),
            ("a=1 b=2", "c"),
            ("plain text", "a"),
            (r#"{"a":"#, "a"),
        ] {
            assert_eq!(field_place(line.as_bytes(), name), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn fuzz_any_bytes_never_panic(line in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            field_place(&line, "a");
        }

        #[test]
        fn json_stays_json_when_a_member_is_taken_out(
            keys in proptest::collection::btree_set("[a-e]", 1..5),
            out in "[a-e]",
            text in "\\PC*",
        ) {
            let members: serde_json::Map<_, _> = keys.iter().map(|key| (key.clone(), text.clone().into())).collect();
            let mut line = serde_json::Value::from(members.clone()).to_string();
            if let Some(place) = field_place(line.as_bytes(), &out) {
                line.replace_range(place.member, "");
            }
            let mut expected = members;
            expected.remove(&out);
            let read: serde_json::Value = serde_json::from_str(&line).unwrap();
            proptest::prop_assert_eq!(read, serde_json::Value::from(expected));
        }
    }
}
