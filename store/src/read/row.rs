//! One row as queries see it: its line, and values by name.
//!
//! A name means, in this order: a column that every record has ([`FIXED`]), an attribute of the
//! record, an attribute of its stream, a field of its line. Filters test every value a name has;
//! columns of tables show the first.

use std::borrow::Cow;
use std::cell::OnceCell;

use timberline_proto::batch::AttributeValue;
use timberline_proto::id::RecordId;
use timberline_proto::line::{FieldValue, fields};

use crate::rows::Row;
use crate::split::template_id;

use super::time::rfc3339;

/// The columns that every record has, in the order in which tables show them.
pub(crate) const FIXED: [&str; 14] = [
    "timestamp",
    "severity",
    "host",
    "service",
    "file",
    "body",
    "template",
    "id",
    "topic",
    "partition",
    "offset",
    "observed",
    "stream",
    "fields",
];

/// The stream attribute behind a fixed column.
pub(crate) fn stream_attribute(column: &str) -> Option<&'static str> {
    match column {
        "host" => Some("host.name"),
        "service" => Some("service.name"),
        "file" => Some("log.file.path"),
        _ => None,
    }
}

/// The attribute of streams that a name also stands for; the name itself if there is none.
pub(crate) fn aliased(name: &str) -> &str {
    stream_attribute(name).unwrap_or(name)
}

/// The column behind a name: other names for the time are the column `timestamp`.
pub(crate) fn column_name(name: &str) -> &str {
    match name {
        "@timestamp" | "_time" => "timestamp",
        other => other,
    }
}

/// One row with its topic; fields of the line are taken once, when first asked for.
pub(crate) struct RowView<'a> {
    pub(crate) row: Row<'a>,
    pub(crate) topic: &'a str,
    fields: OnceCell<Vec<(String, FieldValue<'a>)>>,
}

impl<'a> RowView<'a> {
    pub(crate) fn new(row: Row<'a>, topic: &'a str) -> Self {
        Self {
            row,
            topic,
            fields: OnceCell::new(),
        }
    }

    /// The fields of the line, in their order; a name may stand more than once.
    pub(crate) fn fields(&self) -> &[(String, FieldValue<'a>)] {
        self.fields.get_or_init(|| {
            let mut found = Vec::new();
            fields(self.row.line, &mut |name, value| {
                found.push((name.to_owned(), value));
                true
            });
            found
        })
    }

    pub(crate) fn id(&self) -> RecordId {
        RecordId {
            topic: self.topic.to_owned(),
            partition: self.row.partition,
            offset: self.row.offset,
        }
    }

    pub(crate) fn body(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.row.line)
    }

    pub(crate) fn template(&self) -> Option<String> {
        // A split knows it; of a row that is in none yet it is cut anew.
        let id = match self.row.template {
            0 => template_id(&self.row),
            id => id,
        };
        Some(format!("{id:016x}"))
    }

    /// The values of a name that is no fixed column of its own, as text, until `each` returns `false`.
    pub(crate) fn each_named(&self, name: &str, each: &mut dyn FnMut(&str) -> bool) {
        for (key, value) in self.row.attributes {
            if key == name
                && let Some(text) = attribute_text(value)
                && !each(&text)
            {
                return;
            }
        }
        if let Some(text) = self.row.stream.attributes.get(name)
            && !each(text)
        {
            return;
        }
        for (key, value) in self.fields() {
            if key == name && !matches!(value, FieldValue::Null) && !each(value.as_text()) {
                return;
            }
        }
    }

    /// The first value of a name, fixed columns included, as text.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "timestamp" | "@timestamp" | "_time" => return Some(rfc3339(self.row.time_nanos).into()),
            "observed" => return Some(rfc3339(self.row.observed_nanos).into()),
            "body" => return Some(self.body()),
            "template" => return self.template().map(Into::into),
            "id" => return Some(self.id().to_string().into()),
            "topic" => return Some(self.topic.into()),
            "partition" => return Some(self.row.partition.to_string().into()),
            "offset" => return Some(self.row.offset.to_string().into()),
            "severity" | "level" => {
                let severity = self.row.severity.name();
                if !severity.is_empty() || name == "severity" {
                    return (!severity.is_empty()).then_some(Cow::Borrowed(severity));
                }
            }
            _ => {}
        }
        if let Some(attribute) = stream_attribute(name)
            && let Some(text) = self.row.stream.attributes.get(attribute)
        {
            return Some(Cow::Borrowed(text));
        }
        let mut found = None;
        self.each_named(name, &mut |text| {
            found = Some(text.to_owned());
            false
        });
        found.map(Cow::Owned)
    }
}

/// An attribute's value as text; `None` for JSON null.
pub(crate) fn attribute_text(value: &AttributeValue) -> Option<Cow<'_, str>> {
    Some(match value {
        AttributeValue::Bool(true) => "true".into(),
        AttributeValue::Bool(false) => "false".into(),
        AttributeValue::Integer(n) => n.to_string().into(),
        AttributeValue::Number(n) => n.to_string().into(),
        AttributeValue::Text(text) => Cow::Borrowed(text),
        AttributeValue::Json(serde_json::Value::Null) => return None,
        AttributeValue::Json(value) => value.to_string().into(),
    })
}
