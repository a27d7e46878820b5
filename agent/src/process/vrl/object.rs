//! A record as an object of the language, and back.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use timberline_proto::batch::AttributeValue;
use vrl::value::{KeyString, ObjectMap, Value};

use crate::process::event::{ATTRIBUTES_MAX, EDITED, Event};

/// The line.
const BODY: &str = "body";
/// The time.
const TIMESTAMP: &str = "timestamp";
/// Bytes of a line that is longer than it was, and of all attributes.
const BYTES_MAX: usize = 1 << 20;
/// Objects within objects.
const DEPTH_MAX: usize = 64;

/// What of a record a program may change.
pub(super) fn of(event: &Event<'_>) -> Value {
    let mut object = ObjectMap::new();
    object.insert(BODY.into(), Value::from(event.line.as_ref()));
    object.insert(TIMESTAMP.into(), time(event.time.0).into());
    // By name, so that what stands at `a` is there before what would stand within it at `a.b`.
    let mut attributes: Vec<_> = event.attributes.iter().filter(|(name, _)| !is_kept(name)).collect();
    attributes.sort_by(|left, right| left.0.cmp(&right.0));
    for (name, value) in attributes {
        put(&mut object, name, value_of(value));
    }
    Value::Object(object)
}

/// The attributes of a record's stream.
pub(super) fn of_stream(event: &Event<'_>) -> Value {
    let mut object = ObjectMap::new();
    for (name, value) in event.origin.stream {
        put(&mut object, name, Value::from(value.as_str()));
    }
    Value::Object(object)
}

/// Makes the record what a program left; `None` if that is no record, which leaves it as it was.
pub(super) fn take(event: &mut Event<'_>, left: Value) -> Option<()> {
    let Value::Object(mut object) = left else {
        return None;
    };
    // A line that was deleted is gone: whoever deleted it may not want it to leave the machine.
    let body = object.remove(BODY).unwrap_or(Value::Null);
    let body = line(&body);
    if body.len() > event.line.len().max(BYTES_MAX) {
        return None;
    }
    let time = match object.remove(TIMESTAMP) {
        Some(Value::Timestamp(time)) => time.timestamp_nanos_opt(),
        _ => None,
    };
    let mut attributes: Vec<(String, AttributeValue)> = Vec::new();
    let mut bytes = 0;
    flatten(&mut String::new(), object, 0, &mut |name, value| {
        bytes += name.len() + length(&value);
        attributes.push((name.to_owned(), value));
        bytes <= BYTES_MAX && attributes.len() <= ATTRIBUTES_MAX
    })?;

    event.attributes.retain(|(name, _)| is_kept(name));
    for (name, value) in attributes.iter_mut().filter(|(name, _)| !is_kept(name)) {
        event.set(name, std::mem::replace(value, AttributeValue::Bool(false)));
    }
    if *body != *event.line {
        let body = body.into_owned();
        event.edit(body);
    }
    if let Some(nanos) = time.filter(|nanos| *nanos != event.time.0) {
        event.time = (nanos, true);
    }
    Some(())
}

/// Attributes that a program neither sees nor changes: that a line is not the original stays true,
/// and `.body` and `.timestamp` are the record's.
fn is_kept(name: &str) -> bool {
    [EDITED, BODY, TIMESTAMP].contains(&name) || name.starts_with("body.") || name.starts_with("timestamp.")
}

fn time(nanos: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos)
}

/// At its dots, or by its whole name where another attribute stands in the way.
fn put(object: &mut ObjectMap, name: &str, value: Value) {
    let segments: Vec<&str> = name.split('.').collect();
    if segments.len() > DEPTH_MAX || segments.iter().any(|segment| segment.is_empty()) || !fits(object, &segments) {
        object.insert(name.into(), value);
        return;
    }
    let (last, parents) = segments.split_last().expect("what is split has a part at least");
    let mut at = object;
    for parent in parents {
        let child = at
            .entry(KeyString::from(*parent))
            .or_insert_with(|| Value::Object(ObjectMap::new()));
        at = child.as_object_mut().expect("it was looked whether it fits");
    }
    at.insert((*last).into(), value);
}

fn fits(object: &ObjectMap, segments: &[&str]) -> bool {
    let mut at = object;
    for (n, segment) in segments.iter().enumerate() {
        match at.get(*segment) {
            None => return true,
            Some(Value::Object(child)) if n + 1 < segments.len() => at = child,
            Some(_) => return false,
        }
    }
    false
}

fn value_of(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Text(text) => Value::from(text.as_str()),
        AttributeValue::Integer(number) => Value::Integer(*number),
        AttributeValue::Number(number) => Value::from_f64_or_zero(*number),
        AttributeValue::Bool(truth) => Value::Boolean(*truth),
        AttributeValue::Json(json) => Value::from(json),
    }
}

fn line(value: &Value) -> Cow<'_, [u8]> {
    match value {
        Value::Bytes(bytes) => Cow::Borrowed(bytes),
        Value::Null => Cow::Borrowed(&[]),
        other => Cow::Owned(other.to_string_lossy().into_owned().into_bytes()),
    }
}

/// Calls `add` with each attribute until it says false; `None` then, and where objects lie too deep.
fn flatten(
    prefix: &mut String,
    object: ObjectMap,
    depth: usize,
    add: &mut dyn FnMut(&str, AttributeValue) -> bool,
) -> Option<()> {
    if depth > DEPTH_MAX {
        return None;
    }
    for (key, value) in object {
        let length = prefix.len();
        if length > 0 {
            prefix.push('.');
        }
        prefix.push_str(&key);
        let goes_on = match value {
            Value::Object(child) => flatten(prefix, child, depth + 1, add).is_some(),
            other => attribute(other).is_none_or(|value| add(prefix, value)),
        };
        prefix.truncate(length);
        goes_on.then_some(())?;
    }
    Some(())
}

fn attribute(value: Value) -> Option<AttributeValue> {
    Some(match value {
        Value::Integer(number) => AttributeValue::Integer(number),
        Value::Float(number) => AttributeValue::Number(number.into_inner()),
        Value::Boolean(truth) => AttributeValue::Bool(truth),
        Value::Null => return None,
        Value::Array(_) => AttributeValue::Json(value.try_into().ok()?),
        text => AttributeValue::Text(text.to_string_lossy().into_owned()),
    })
}

fn length(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Json(json) => json.to_string().len(),
        AttributeValue::Integer(_) | AttributeValue::Number(_) | AttributeValue::Bool(_) => 8,
    }
}
