//! JSON laid out over lines, byte for byte as it was written: only white space between its parts
//! changes, never a number's digits or the order of its keys.

use serde::de::IgnoredAny;

/// What a part is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A key.
    Key,
    /// A text.
    Text,
    /// A number, true, false or null.
    Word,
    /// All else.
    Mark,
}

/// Levels deeper than this are not indented further.
const DEPTH_MAX: usize = 24;

/// The parts of `text` laid out, if it is a JSON object or list.
pub(crate) fn laid_out(text: &str) -> Option<Vec<(Kind, String)>> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    let mut out = Out::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let end = part_end(bytes, at);
        let part = &text[at..end];
        match bytes[at] {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            open @ (b'{' | b'[') => {
                let next = end
                    + bytes[end..]
                        .iter()
                        .take_while(|byte| byte.is_ascii_whitespace())
                        .count();
                let close = if open == b'{' { b'}' } else { b']' };
                if bytes.get(next) == Some(&close) {
                    out.mark(if open == b'{' { "{}" } else { "[]" });
                    at = next + 1;
                    continue;
                }
                out.mark(part);
                out.depth += 1;
                out.line();
            }
            b'}' | b']' => {
                out.depth = out.depth.saturating_sub(1);
                out.line();
                out.mark(part);
            }
            b',' => {
                out.mark(part);
                out.line();
            }
            b':' => out.mark(": "),
            b'"' => {
                let after = bytes[end..].iter().find(|byte| !byte.is_ascii_whitespace());
                let kind = if after == Some(&b':') { Kind::Key } else { Kind::Text };
                out.parts.push((kind, part.to_owned()));
            }
            _ => out.parts.push((Kind::Word, part.to_owned())),
        }
        at = end;
    }
    Some(out.parts)
}

#[derive(Default)]
struct Out {
    parts: Vec<(Kind, String)>,
    depth: usize,
}

impl Out {
    fn mark(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some((Kind::Mark, last)) => last.push_str(text),
            _ => self.parts.push((Kind::Mark, text.to_owned())),
        }
    }

    fn line(&mut self) {
        self.mark(&format!("\n{}", "  ".repeat(self.depth.min(DEPTH_MAX))));
    }
}

/// One past the part that begins at `at`.
fn part_end(bytes: &[u8], at: usize) -> usize {
    match bytes[at] {
        b'"' => {
            let mut end = at + 1;
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            (end + 1).min(bytes.len())
        }
        b'{' | b'}' | b'[' | b']' | b',' | b':' => at + 1,
        byte if byte.is_ascii_whitespace() => at + 1,
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':') || byte.is_ascii_whitespace();
            bytes[at..]
                .iter()
                .position(ends)
                .map_or(bytes.len(), |length| at + length)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<String> {
        Some(laid_out(json)?.into_iter().map(|(_, part)| part).collect())
    }

    #[test]
    fn what_was_written_stays_as_it_was() {
        let json = r#"{"b":1.50e+003,"a":[true,{}, [ ] ,"x\"},:ü"],"big":12345678901234567890}"#;
        let expected = "{\n  \"b\": 1.50e+003,\n  \"a\": [\n    true,\n    {},\n    [],\n    \"x\\\"},:ü\"\n  ],\n  \"big\": 12345678901234567890\n}";
        assert_eq!(text(json).as_deref(), Some(expected));
        let keys = laid_out(json).unwrap();
        assert!(keys.contains(&(Kind::Key, "\"big\"".into())) && keys.contains(&(Kind::Word, "true".into())));
    }

    #[test]
    fn what_is_no_json_is_left_alone() {
        for line in ["plain", "{\"a\":1} and more", "{\"a\":", "17", ""] {
            assert_eq!(text(line), None, "{line}");
        }
    }
}
