//! Redaction: what of a record is replaced, and the rest of it as it was.

use regex::bytes::Regex;
use serde_json::Value;
use timberline_proto::batch::AttributeValue;
use timberline_proto::line::{field_place, fields};
use timberline_proto::query::matcher::CompiledText;

use super::error::ErasureError;
use crate::rows::Row;
use crate::write::Changed;

/// What stands in the place of a value.
const REDACTED: &str = "[redacted]";
/// Bytes of a compiled regex at most.
const REGEX_BYTES_MAX: usize = 4 << 20;
/// Places of one field in one line at most; beyond it the whole line is replaced.
const PLACES_MAX: usize = 1_000;

/// What is replaced.
#[derive(Debug)]
pub(super) struct Redactor {
    fields: Vec<String>,
    patterns: Vec<Regex>,
    /// The subject, where nothing else is named.
    phrase: Option<CompiledText>,
}

impl Redactor {
    /// # Errors
    /// [`ErasureError::Text`]
    pub(super) fn new(fields: &[String], patterns: &[String], subject: Option<&str>) -> Result<Self, ErasureError> {
        let regex = |pattern: &String| {
            let built = regex::bytes::RegexBuilder::new(pattern)
                .size_limit(REGEX_BYTES_MAX)
                .build();
            let regex = built.map_err(|error| ErasureError::Text(format!("pattern {pattern}: {error}")))?;
            match regex.is_match(REDACTED.as_bytes()) || regex.is_match(b"") {
                true => Err(ErasureError::Text(format!(
                    "pattern {pattern} finds what is put in the place of values, {REDACTED}, or nothing at all: make it narrower"
                ))),
                false => Ok(regex),
            }
        };
        Ok(Self {
            fields: fields.to_vec(),
            patterns: patterns.iter().map(regex).collect::<Result<_, _>>()?,
            phrase: subject
                .filter(|_| fields.is_empty() && patterns.is_empty())
                .map(|subject| CompiledText::text(subject, true)),
        })
    }

    /// What a row becomes; `None` if nothing of it is replaced.
    pub(super) fn changed(&self, row: &Row<'_>) -> Option<Changed> {
        let line = self.line(row.line);
        let attributes: Vec<Option<AttributeValue>> = row
            .attributes
            .iter()
            .map(|(name, value)| self.attribute(name, value))
            .collect();
        if line.is_none() && attributes.iter().all(Option::is_none) {
            return None;
        }
        let of = |((name, value), fresh): (&(String, AttributeValue), Option<AttributeValue>)| {
            (name.clone(), fresh.unwrap_or_else(|| value.clone()))
        };
        Some(Changed {
            line: line.unwrap_or_else(|| row.line.to_vec()),
            attributes: row.attributes.iter().zip(attributes).map(of).collect(),
        })
    }

    fn attribute(&self, name: &str, value: &AttributeValue) -> Option<AttributeValue> {
        if self.fields.iter().any(|field| field == name) {
            let is_done = matches!(value, AttributeValue::Text(text) if text == REDACTED);
            return (!is_done).then(|| AttributeValue::Text(REDACTED.to_owned()));
        }
        match value {
            AttributeValue::Text(text) => self
                .found(text.as_bytes())
                .map(|bytes| AttributeValue::Text(text_of(&bytes))),
            AttributeValue::Integer(number) => self.whole(&number.to_string()),
            AttributeValue::Number(number) => self.whole(&number.to_string()),
            AttributeValue::Json(json) => {
                let mut json = json.clone();
                self.in_value(&mut json).then_some(AttributeValue::Json(json))
            }
            AttributeValue::Bool(_) => None,
        }
    }

    fn whole(&self, text: &str) -> Option<AttributeValue> {
        self.found(text.as_bytes())
            .map(|_| AttributeValue::Text(REDACTED.to_owned()))
    }

    fn line(&self, line: &[u8]) -> Option<Vec<u8>> {
        let mut made: Option<Vec<u8>> = None;
        for field in &self.fields {
            if let Some(fresh) = without_field(made.as_deref().unwrap_or(line), field) {
                made = Some(fresh);
            }
        }
        let so_far = made.as_deref().unwrap_or(line);
        if let Some(fresh) = self.found(so_far) {
            made = Some(match is_json(so_far) && !is_json(&fresh) {
                // A number or a part of the frame was found: value by value, so that it stays JSON.
                true => self.json(so_far).unwrap_or_else(|| REDACTED.as_bytes().to_vec()),
                false => fresh,
            });
        }
        made
    }

    /// A text without what patterns and the subject find in it.
    fn found(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut made: Option<Vec<u8>> = None;
        for pattern in &self.patterns {
            let of = made.as_deref().unwrap_or(text);
            if pattern.is_match(of) {
                made = Some(
                    pattern
                        .replace_all(of, regex::bytes::NoExpand(REDACTED.as_bytes()))
                        .into_owned(),
                );
            }
        }
        if let Some(phrase) = &self.phrase {
            let spans = phrase.find_spans(made.as_deref().unwrap_or(text));
            if !spans.is_empty() {
                made = Some(spliced(made.as_deref().unwrap_or(text), &spans));
            }
        }
        made
    }

    fn json(&self, line: &[u8]) -> Option<Vec<u8>> {
        let mut value: Value = serde_json::from_slice(line).ok()?;
        self.in_value(&mut value).then(|| value.to_string().into_bytes())
    }

    fn in_value(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.found(text.as_bytes()) {
                Some(fresh) => {
                    *text = text_of(&fresh);
                    true
                }
                None => false,
            },
            Value::Number(number) if self.found(number.to_string().as_bytes()).is_some() => {
                *value = Value::String(REDACTED.to_owned());
                true
            }
            Value::Array(values) => values
                .iter_mut()
                .fold(false, |changed, value| self.in_value(value) | changed),
            Value::Object(map) => map
                .iter_mut()
                .fold(false, |changed, (_, value)| self.in_value(value) | changed),
            Value::Number(_) | Value::Null | Value::Bool(_) => false,
        }
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn is_json(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

fn spliced(text: &[u8], spans: &[(usize, usize)]) -> Vec<u8> {
    let (mut made, mut at) = (Vec::with_capacity(text.len()), 0);
    for &(start, end) in spans {
        made.extend_from_slice(&text[at..start]);
        made.extend_from_slice(REDACTED.as_bytes());
        at = end;
    }
    made.extend_from_slice(&text[at..]);
    made
}

/// A line with every value of a field replaced; `None` if it has none, or they are replaced already.
fn without_field(line: &[u8], field: &str) -> Option<Vec<u8>> {
    let mut is_there = false;
    fields(line, &mut |name, value| {
        is_there |= name == field && value.as_text() != REDACTED;
        !is_there
    });
    // An object or an array is no value of its own.
    if !is_there && field_place(line, field).is_none_or(|place| &line[place.inner] == REDACTED.as_bytes()) {
        return None;
    }
    // Keys that were found are made others in a copy, so that the next place is found, too.
    let mut copy = line.to_vec();
    let mut places = Vec::new();
    while let Some(place) = field_place(&copy, field) {
        if place.key.is_empty() || places.len() == PLACES_MAX {
            return Some(REDACTED.as_bytes().to_vec());
        }
        let filler = if copy[place.key.start] == b'_' { b'-' } else { b'_' };
        copy[place.key.clone()].fill(filler);
        places.push(place);
    }
    let mut spans: Vec<(usize, usize)> = Vec::new();
    let mut is_quoted = Vec::new();
    places.sort_unstable_by_key(|place| place.value.start);
    for place in places {
        if spans.last().is_some_and(|last| place.value.start < last.1) {
            continue;
        }
        spans.push((place.value.start, place.value.end));
        is_quoted.push(place.json);
    }
    let (mut made, mut at, mut has_changed) = (Vec::with_capacity(line.len()), 0, false);
    for ((start, end), json) in spans.into_iter().zip(is_quoted) {
        let by = if json {
            format!("\"{REDACTED}\"")
        } else {
            REDACTED.to_owned()
        };
        has_changed |= &line[start..end] != by.as_bytes();
        made.extend_from_slice(&line[at..start]);
        made.extend_from_slice(by.as_bytes());
        at = end;
    }
    made.extend_from_slice(&line[at..]);
    has_changed.then_some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(redactor: &Redactor, line: &str) -> Option<String> {
        redactor.line(line.as_bytes()).as_deref().map(text_of)
    }

    fn of(fields: &[&str], patterns: &[&str], subject: Option<&str>) -> Redactor {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Redactor::new(&owned(fields), &owned(patterns), subject).unwrap()
    }

    #[test]
    fn a_field_is_replaced_wherever_it_stands_and_the_line_stays_what_it_was() {
        let redactor = of(&["user.email", "card"], &[], None);
        let line = r#"{"a":1,"user":{"email":"a@b.example","id":7},"card":4711,"z":[{"card":1}]}"#;
        let made = redacted(&redactor, line).unwrap();
        assert_eq!(
            made,
            r#"{"a":1,"user":{"email":"[redacted]","id":7},"card":"[redacted]","z":[{"card":1}]}"#
        );
        assert_eq!(redacted(&redactor, &made), None, "twice changes nothing");
        let made = redacted(&redactor, "level=info card=4711 user.email=\"a b\" end=1").unwrap();
        assert_eq!(made, "level=info card=[redacted] user.email=[redacted] end=1");
        assert_eq!(redacted(&redactor, &made), None);
        assert_eq!(redacted(&redactor, "no fields at all"), None);
    }

    #[test]
    fn a_pattern_is_replaced_and_json_stays_json() {
        let redactor = of(&[], &[r"\d{4}-\d{4}"], None);
        assert_eq!(
            redacted(&redactor, "paid by 1234-5678.").unwrap(),
            "paid by [redacted]."
        );
        let redactor = of(&[], &[r"\b4711\b"], None);
        let made = redacted(&redactor, r#"{"card":4711,"say":"4711!"}"#).unwrap();
        assert_eq!(made, r#"{"card":"[redacted]","say":"[redacted]!"}"#);
        let subject = of(&[], &[], Some("alice smith"));
        assert_eq!(redacted(&subject, "hello Alice  Smith").unwrap(), "hello [redacted]");
        assert!(Redactor::new(&[], &["[a-z]+".to_owned()], None).is_err());
    }
}
