//! Docker's `json-file` logging driver (`moby`, `daemon/logger/jsonfilelog/jsonlog`): one JSON
//! object a line, whose `log` ends with `\n` unless the line was longer than 16 KiB and goes on.

use std::borrow::Cow;

use serde::Deserialize;
use timberline_proto::batch::AttributeValue;

use super::{Unwrapped, nanos_of, output_of};

/// How its lines begin.
pub(super) const BEGINNING: &[u8] = b"{\"log\":\"";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    // The driver leaves an empty one out.
    #[serde(borrow, default)]
    log: Cow<'a, str>,
    #[serde(borrow)]
    stream: Cow<'a, str>,
    /// What `--log-opt labels`, `env` and `tag` ask for.
    #[serde(default)]
    attrs: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(borrow)]
    time: Cow<'a, str>,
}

pub(super) fn unwrap(line: &[u8]) -> Option<Unwrapped<'_>> {
    let entry: Entry<'_> = serde_json::from_slice(line).ok()?;
    let (text, goes_on) = match entry.log {
        Cow::Borrowed(log) => (Cow::Borrowed(log.as_bytes()), true),
        Cow::Owned(mut log) => {
            let ended = log.ends_with('\n');
            // A terminator of a container with a terminal is `\r\n`.
            let whole = log.strip_suffix('\n').unwrap_or(&log);
            log.truncate(whole.strip_suffix('\r').filter(|_| ended).unwrap_or(whole).len());
            (Cow::Owned(log.into_bytes()), !ended)
        }
    };
    let attributes = entry.attrs.into_iter().flatten().map(|(name, value)| {
        let value = match value {
            serde_json::Value::String(text) => AttributeValue::Text(text),
            other => AttributeValue::Json(other),
        };
        (format!("container.attributes.{name}"), value)
    });
    Some(Unwrapped {
        text,
        output: output_of(entry.stream.as_bytes())?,
        time: nanos_of(entry.time.as_bytes())?,
        goes_on,
        attributes: attributes.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_newline_goes_on() {
        let unwrapped = |log: &str| {
            let line = format!(r#"{{"log":"{log}","stream":"stderr","time":"1970-01-01T00:00:01Z"}}"#);
            let found = unwrap(line.as_bytes()).unwrap();
            assert_eq!((found.output, found.time), (1, 1_000_000_000));
            (String::from_utf8(found.text.into_owned()).unwrap(), found.goes_on)
        };
        assert_eq!(unwrapped(r"a\tb\n"), ("a\tb".into(), false));
        assert_eq!(unwrapped(r"a\r\n"), ("a".into(), false));
        assert_eq!(unwrapped("half"), ("half".into(), true));
        assert_eq!(unwrapped(r"half\r"), ("half\r".into(), true));
        assert_eq!(
            unwrapped(r"\u001b[31mred\u001b[0m\n"),
            ("\u{1b}[31mred\u{1b}[0m".into(), false)
        );
    }

    #[test]
    fn labels_become_attributes_and_other_objects_are_refused() {
        let line = br#"{"log":"a\n","stream":"stdout","attrs":{"tag":"x"},"time":"1970-01-01T00:00:00Z"}"#;
        let text = AttributeValue::Text("x".into());
        assert_eq!(
            unwrap(line).unwrap().attributes,
            [("container.attributes.tag".to_owned(), text)]
        );
        for other in [
            r#"{"log":"a\n","stream":"stdout"}"#,
            r#"{"log":"a\n","stream":"stdin","time":"1970-01-01T00:00:00Z"}"#,
            r#"{"log":"a\n","stream":"stdout","time":"now"}"#,
            r#"{"log":"a\n","stream":"stdout","time":"1970-01-01T00:00:00Z","level":"info"}"#,
            r#"{"log":"a\n","stream":"stdout","time":"#,
        ] {
            assert!(unwrap(other.as_bytes()).is_none(), "{other}");
        }
    }
}
