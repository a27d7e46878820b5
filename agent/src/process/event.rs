//! A record on its way through the rules, and what filters see of it: the same names as in a search.

use std::borrow::Cow;
use std::collections::BTreeMap;

use timberline_proto::batch::AttributeValue;
use timberline_proto::id::GenerationId;
use timberline_proto::line::{self, FieldValue};
use timberline_proto::query::matcher::{FieldRef, Row};

/// Attributes of one record at most; further ones are not added.
pub(super) const ATTRIBUTES_MAX: usize = 1024;

/// The attribute of a record whose line is no longer what its file holds.
pub(crate) const EDITED: &str = "log.edited";

/// Where a record comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    /// The attributes of its stream.
    pub(crate) stream: &'a BTreeMap<String, String>,
    pub(crate) generation: GenerationId,
    /// Its first byte in the file.
    pub(crate) start: u64,
}

/// A record.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) origin: Origin<'a>,
    pub(crate) line: Cow<'a, [u8]>,
    /// Its time, nanoseconds, and whether that is the record's own.
    pub(crate) time: (i64, bool),
    pub(crate) attributes: Vec<(String, AttributeValue)>,
}

impl<'a> Event<'a> {
    pub(crate) fn set(&mut self, name: &str, value: AttributeValue) {
        if let Some((_, known)) = self.attributes.iter_mut().find(|(known, _)| known == name) {
            *known = value;
        } else if self.attributes.len() < ATTRIBUTES_MAX {
            self.attributes.push((name.to_owned(), value));
        }
    }

    /// Takes an attribute away.
    pub(crate) fn take(&mut self, name: &str) -> Option<AttributeValue> {
        let at = self.attributes.iter().position(|(known, _)| known == name)?;
        Some(self.attributes.remove(at).1)
    }

    /// Puts another line in the record's place.
    pub(crate) fn edit(&mut self, line: Vec<u8>) {
        self.line = Cow::Owned(line);
        self.set(EDITED, AttributeValue::Bool(true));
    }

    /// The text of a field: an attribute of the record, of its stream, or a field of the line.
    pub(crate) fn text_of(&self, name: &str) -> Option<String> {
        let mut found = None;
        self.field(name, &mut |value| {
            found = Some(String::from_utf8_lossy(value.text).into_owned());
            true
        });
        found
    }

    /// What is parsed: a field, or the line where none is named.
    pub(crate) fn source<'s>(&'s self, name: &str) -> Option<Cow<'s, str>> {
        if name.is_empty() {
            return Some(String::from_utf8_lossy(&self.line));
        }
        self.text_of(name).map(Cow::Owned)
    }
}

/// A value of a line as an attribute.
pub(crate) fn attribute(value: &FieldValue<'_>) -> Option<AttributeValue> {
    Some(match value {
        FieldValue::Text(text) => AttributeValue::Text(text.as_ref().to_owned()),
        FieldValue::Number(text) => number(text),
        FieldValue::Bool(truth) => AttributeValue::Bool(*truth),
        FieldValue::Null => return None,
    })
}

/// A number where it is one that can be written back; else its text.
pub(crate) fn number(text: &str) -> AttributeValue {
    if let Ok(whole) = text.parse::<i64>() {
        return AttributeValue::Integer(whole);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => AttributeValue::Number(number),
        _ => AttributeValue::Text(text.to_owned()),
    }
}

/// An attribute's text, as searches see it.
pub(crate) fn text(value: &AttributeValue) -> Cow<'_, str> {
    match value {
        AttributeValue::Text(text) => Cow::Borrowed(text),
        AttributeValue::Integer(number) => number.to_string().into(),
        AttributeValue::Number(number) => number.to_string().into(),
        AttributeValue::Bool(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
        AttributeValue::Json(json) => json.to_string().into(),
    }
}

impl Row for Event<'_> {
    fn line(&self) -> &[u8] {
        &self.line
    }

    fn any_value(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.origin.stream.values().any(|value| test(value.as_bytes()))
            || self.attributes.iter().any(|(_, value)| test(text(value).as_bytes()))
    }

    fn field(&self, name: &str, test: &mut dyn FnMut(FieldRef<'_>) -> bool) -> bool {
        let stream_name = match name {
            "timestamp" | "@timestamp" | "_time" => {
                let text = jiff::Timestamp::from_nanosecond(self.time.0.into()).map(|time| time.to_string());
                return test(FieldRef {
                    text: text.unwrap_or_default().as_bytes(),
                    number: None,
                    nanos: Some(self.time.0),
                });
            }
            "body" => return test(FieldRef::text(&self.line)),
            "severity" | "level" => {
                let severity = line::severity(&self.line).name();
                if !severity.is_empty() && test(FieldRef::text(severity.as_bytes())) {
                    return true;
                }
                name
            }
            "host" => "host.name",
            "service" => "service.name",
            "file" => "log.file.path",
            other => other,
        };
        let mut own = self.attributes.iter().filter(|(known, _)| known == name);
        if own.any(|(_, value)| test(FieldRef::text(text(value).as_bytes()))) {
            return true;
        }
        let of_stream = self.origin.stream.get(stream_name);
        if of_stream.is_some_and(|value| test(FieldRef::text(value.as_bytes()))) {
            return true;
        }
        let mut found = false;
        line::fields(&self.line, &mut |known, value| {
            found = known == name && value != FieldValue::Null && test(FieldRef::text(value.as_text().as_bytes()));
            !found
        });
        found
    }
}
