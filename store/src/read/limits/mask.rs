//! A row without its hidden fields.
//!
//! | of a row | becomes |
//! |---|---|
//! | a hidden field of a JSON or logfmt line | the line without it, key and value |
//! | a hidden attribute of the record or of its stream | is not there |
//! | the value of a hidden field anywhere else in the line or in another attribute | [`MASK`] |
//! | a line that is not wholly taken apart (free text, JSON that is cut off) | what stands behind a hidden name and a colon or equals sign: [`MASK`] |
//! | a part of a line that was cut for its length | [`MASK`]: a value may begin in one part and end in the next |
//! | its template | cut anew from what is left |
//!
//! Whatever is too much to be sure of is masked whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::Value;
use timberline_proto::batch::AttributeValue;
use timberline_proto::line::{Structure, field_place, fields, structure};

use super::hidden::Hidden;
use super::values::{MASK, Values, to_words, without};
use crate::read::row::attribute_text;
use crate::rows::{Row, Stream, StreamId};

/// Members that are taken out of a line one by one; a line of more is masked whole.
const MEMBERS_MAX: usize = 64;
/// Values deeper within an attribute than this are not shown.
const DEPTH_MAX: usize = 64;

/// A stream as it is seen, and what is hidden of it.
pub(super) type Streams = HashMap<StreamId, (Arc<Stream>, Vec<String>)>;

/// What of a row is not as it is stored.
#[derive(Debug, Default)]
pub(crate) struct Masked {
    is_masked: bool,
    line: Option<Vec<u8>>,
    attributes: Option<Vec<(String, AttributeValue)>>,
    stream: Option<Arc<Stream>>,
}

impl Masked {
    /// `streams` keeps what is made of each stream.
    pub(super) fn of(row: &Row<'_>, hidden: Option<&Hidden>, streams: &mut Streams) -> Self {
        let Some(hidden) = hidden else { return Self::default() };
        let mut values = Values::default();
        let (stream, of_stream) = streams
            .entry(row.stream.id)
            .or_insert_with(|| stream(hidden, row.stream));
        of_stream.iter().for_each(|value| values.add(value));
        for (name, value) in row.attributes {
            match hidden.hides(name) {
                true => attribute_values(value, &mut values),
                false => nested_values(hidden, name, value, &mut values),
            }
        }
        let line = line(hidden, row, &mut values);
        let attributes = (!row.attributes.is_empty()).then(|| {
            let kept = row.attributes.iter().filter(|(name, _)| !hidden.hides(name));
            kept.map(|(name, value)| (name.clone(), attribute(hidden, name, value, &values)))
                .collect()
        });
        Self {
            is_masked: true,
            line,
            attributes,
            stream: Some(Arc::clone(stream)),
        }
    }

    /// The row `raw`, of which this was made, as it is seen.
    pub(crate) fn row<'a>(&'a self, raw: &Row<'a>) -> Row<'a> {
        if !self.is_masked {
            return raw.clone();
        }
        Row {
            template: 0,
            stream: self.stream.as_ref().unwrap_or(raw.stream),
            line: self.line.as_deref().unwrap_or(raw.line),
            attributes: self.attributes.as_deref().unwrap_or(&[]),
            ..raw.clone()
        }
    }
}

fn stream(hidden: &Hidden, stream: &Arc<Stream>) -> (Arc<Stream>, Vec<String>) {
    let all = stream.attributes.iter();
    let (out, kept): (Vec<_>, Vec<_>) = all.partition(|(name, _)| hidden.hides(name));
    if out.is_empty() {
        return (Arc::clone(stream), Vec::new());
    }
    let attributes: BTreeMap<_, _> = kept
        .into_iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let seen = Stream {
        // It stays one stream, whatever is seen of it.
        id: stream.id,
        attributes,
    };
    (
        Arc::new(seen),
        out.into_iter().map(|(_, value)| value.clone()).collect(),
    )
}

fn attribute_values(value: &AttributeValue, values: &mut Values) {
    match value {
        AttributeValue::Json(json) => json_values(json, values, 0),
        other => {
            if let Some(text) = attribute_text(other) {
                values.add(&text);
            }
        }
    }
}

fn json_values(json: &Value, values: &mut Values, depth: usize) {
    match json {
        Value::String(text) => values.add(text),
        Value::Number(number) => values.add(&number.to_string()),
        Value::Array(all) if depth < DEPTH_MAX => all.iter().for_each(|one| json_values(one, values, depth + 1)),
        Value::Object(all) if depth < DEPTH_MAX => all.values().for_each(|one| json_values(one, values, depth + 1)),
        _ => {}
    }
}

/// The values of what is hidden within an attribute that is not.
fn nested_values(hidden: &Hidden, name: &str, value: &AttributeValue, values: &mut Values) {
    if let AttributeValue::Json(json) = value {
        nested(hidden, name, json, values, 0);
    }
}

fn nested(hidden: &Hidden, name: &str, json: &Value, values: &mut Values, depth: usize) {
    match json {
        _ if depth >= DEPTH_MAX => {}
        Value::Array(all) => all.iter().for_each(|one| nested(hidden, name, one, values, depth + 1)),
        Value::Object(all) => {
            for (key, one) in all {
                let path = format!("{name}.{key}");
                match hidden.hides(&path) {
                    true => json_values(one, values, depth + 1),
                    false => nested(hidden, &path, one, values, depth + 1),
                }
            }
        }
        _ => {}
    }
}

fn attribute(hidden: &Hidden, name: &str, value: &AttributeValue, values: &Values) -> AttributeValue {
    match value {
        AttributeValue::Text(text) => AttributeValue::Text(masked_text(text, values)),
        AttributeValue::Json(json) => AttributeValue::Json(masked_json(Some((hidden, name)), json, values, 0)),
        AttributeValue::Bool(_) => value.clone(),
        AttributeValue::Integer(_) | AttributeValue::Number(_) => {
            let text = attribute_text(value).unwrap_or_default();
            match values.masked(text.as_bytes()) {
                Some(_) => AttributeValue::Text(MASK.to_owned()),
                None => value.clone(),
            }
        }
    }
}

fn masked_text(text: &str, values: &Values) -> String {
    match values.masked(text.as_bytes()) {
        Some(masked) => String::from_utf8_lossy(&masked).into_owned(),
        None => text.to_owned(),
    }
}

/// `of`: what is hidden, and the name of what `json` is the value of; none where nothing in it is a hidden field.
fn masked_json(of: Option<(&Hidden, &str)>, json: &Value, values: &Values, depth: usize) -> Value {
    match json {
        Value::String(text) => Value::String(masked_text(text, values)),
        Value::Number(number) => match values.masked(number.to_string().as_bytes()) {
            Some(_) => Value::String(MASK.to_owned()),
            None => json.clone(),
        },
        Value::Bool(_) | Value::Null => json.clone(),
        _ if depth >= DEPTH_MAX => Value::String(MASK.to_owned()),
        Value::Array(all) => all.iter().map(|one| masked_json(of, one, values, depth + 1)).collect(),
        Value::Object(all) => {
            let member = |(key, one): (&String, &Value)| {
                let path = of.map(|(_, name)| format!("{name}.{key}"));
                let of = of.and_then(|(hidden, _)| Some((hidden, path.as_deref()?)));
                if of.is_some_and(|(hidden, path)| hidden.hides(path)) {
                    return None;
                }
                Some((masked_text(key, values), masked_json(of, one, values, depth + 1)))
            };
            Value::Object(all.iter().filter_map(member).collect())
        }
    }
}

/// The line as it is seen; `None` if that is the line as it is.
fn line(hidden: &Hidden, row: &Row<'_>, values: &mut Values) -> Option<Vec<u8>> {
    if row.part.is_some() {
        return Some(MASK.into());
    }
    let mut names = BTreeSet::new();
    fields(row.line, &mut |name, value| {
        if hidden.hides(name) {
            names.insert(name.to_owned());
            values.add(value.as_text());
        }
        true
    });
    let mut line = row.line.to_vec();
    if !names.is_empty() && !take_out(&mut line, hidden.names().iter().chain(&names)) {
        return Some(MASK.into());
    }
    let (apart_from, is_json) = match structure(&line) {
        Structure::Plain => (line.len(), false),
        Structure::Logfmt { start } => (start, false),
        Structure::Json { start } if is_whole(&line[start..]) => (start, true),
        Structure::Json { .. } => (line.len(), false),
    };
    let said = said(hidden, &line[..apart_from], values);
    if names.is_empty() && said.is_empty() && values.is_empty() {
        return None;
    }
    let said = merged(said, values.found_in(&line));
    if said.is_empty() {
        return (!names.is_empty()).then_some(line);
    }
    if !is_json {
        return Some(without(&line, &said));
    }
    let (before, after): (Vec<_>, Vec<_>) = said.into_iter().partition(|range| range.start < apart_from);
    if before.last().is_some_and(|range| range.end > apart_from) {
        return Some(MASK.into());
    }
    let after: Vec<_> = after
        .into_iter()
        .map(|range| range.start - apart_from..range.end - apart_from)
        .collect();
    let mut out = without(&line[..apart_from], &before);
    let json = without(&line[apart_from..], &after);
    // A number that is masked leaves no JSON: then it is written anew.
    match is_whole(&json) {
        true => out.extend_from_slice(&json),
        false => out.extend_from_slice(&written_anew(&line[apart_from..], values)),
    }
    Some(out)
}

/// Takes the members of these names out of a line; `false` if that is too much.
fn take_out<'a>(line: &mut Vec<u8>, names: impl Iterator<Item = &'a String>) -> bool {
    let mut left = MEMBERS_MAX;
    for name in names {
        while let Some(place) = field_place(line, name) {
            if left == 0 {
                return false;
            }
            left -= 1;
            line.drain(place.member);
        }
    }
    true
}

fn is_whole(json: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(json).is_ok()
}

/// Where a text seems to say what is hidden, ascending; what it says is added to the values.
fn said(hidden: &Hidden, text: &[u8], values: &mut Values) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for name in hidden.said.find_iter(text) {
        let value = value_at(text, name.end());
        if value.is_empty() || found.last().is_some_and(|before| before.end > value.start) {
            continue;
        }
        values.add(String::from_utf8_lossy(&text[value.clone()]).trim_matches(['"', '\'', '\\']));
        found.push(to_words(text, value));
    }
    found
}

/// A value that begins at a place of a text: what its quotes enclose, all that follows a bracket, or a word to
/// the next that separates values.
fn value_at(text: &[u8], start: usize) -> Range<usize> {
    let rest = &text[start..];
    let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
    let length = match rest.get(slashes) {
        Some(quote @ (b'"' | b'\'')) => {
            let inner = &rest[slashes + 1..];
            let end = (0..inner.len()).find(|&at| {
                let before = inner[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                inner[at] == *quote && before == slashes
            });
            end.map_or(rest.len(), |end| slashes + 1 + end + 1)
        }
        Some(b'{' | b'[') => rest.len(),
        _ => {
            let ends = |byte: &u8| byte.is_ascii_whitespace() || b",;&)}]|\"'".contains(byte);
            rest.iter().position(ends).unwrap_or(rest.len())
        }
    };
    start..start + length
}

/// Both, ascending, none touching another.
fn merged(one: Vec<Range<usize>>, other: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut all: Vec<_> = one.into_iter().chain(other).collect();
    all.sort_by_key(|range| (range.start, range.end));
    all.dedup_by(|next, before| {
        let touches = next.start <= before.end;
        if touches {
            before.end = before.end.max(next.end);
        }
        touches
    });
    all
}

/// An object of which each text and number is masked by itself.
fn written_anew(json: &[u8], values: &Values) -> Vec<u8> {
    match serde_json::from_slice::<Value>(json) {
        Ok(json) => masked_json(None, &json, values, 0).to_string().into_bytes(),
        Err(_) => MASK.into(),
    }
}
