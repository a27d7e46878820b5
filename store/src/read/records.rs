//! Rows as the API's records.

use std::collections::BTreeMap;

use serde_json::{Number, Value};
use timberline_proto::api::{Place, Record};
use timberline_proto::batch::AttributeValue;
use timberline_proto::line::FieldValue;

use super::base64;
use super::row::RowView;
use super::time::rfc3339;

/// The whole record, fields included.
pub(crate) fn record(view: &RowView<'_>) -> Record {
    let row = &view.row;
    let severity = row.severity.name();
    Record {
        id: view.id().to_string(),
        timestamp: rfc3339(row.time_nanos),
        observed: rfc3339(row.observed_nanos),
        severity: (!severity.is_empty()).then(|| severity.to_owned()),
        body: view.body().into_owned(),
        body_base64: std::str::from_utf8(row.line).is_err().then(|| base64::encode(row.line)),
        template: view.template(),
        stream: row.stream.attributes.clone(),
        fields: fields(view),
        place: row.place.map(|place| Place {
            agent: place.agent.to_string(),
            generation: place.generation.to_string(),
            start: place.start,
            length: u64::from(place.source_bytes),
        }),
    }
}

/// Fields of the line and the record's own attributes; a name that stands more than once becomes an array.
pub(crate) fn fields(view: &RowView<'_>) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (name, value) in view.fields() {
        add(&mut all, name, field_json(value));
    }
    for (name, value) in view.row.attributes {
        add(&mut all, name, attribute_json(value));
    }
    if let Some((index, last)) = view.row.part {
        add(&mut all, "part.index", Value::from(index));
        add(&mut all, "part.last", Value::from(last));
    }
    all
}

fn add(all: &mut BTreeMap<String, Value>, name: &str, value: Value) {
    match all.get_mut(name) {
        None => {
            all.insert(name.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => {
            let values = vec![first.take(), value];
            *first = Value::Array(values);
        }
    }
}

fn field_json(value: &FieldValue<'_>) -> Value {
    match value {
        FieldValue::Text(text) => Value::from(text.as_ref()),
        FieldValue::Bool(b) => Value::from(*b),
        FieldValue::Null => Value::Null,
        FieldValue::Number(text) => number_json(text),
    }
}

/// A number that JSON readers can hold exactly, else its text.
fn number_json(text: &str) -> Value {
    let exact = text
        .parse::<i64>()
        .map(Value::from)
        .or_else(|_| text.parse::<u64>().map(Value::from));
    exact.unwrap_or_else(|_| {
        let parsed = text.parse::<f64>().ok().and_then(Number::from_f64);
        parsed.map_or_else(|| Value::from(text), Value::Number)
    })
}

fn attribute_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Bool(b) => Value::from(*b),
        AttributeValue::Integer(n) => Value::from(*n),
        AttributeValue::Number(n) => Value::from(*n),
        AttributeValue::Text(text) => Value::from(text.as_str()),
        AttributeValue::Json(value) => value.clone(),
    }
}
