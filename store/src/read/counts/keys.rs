//! What rows are counted by, and its values.

use std::sync::Arc;

use timberline_proto::line::Severity;

use crate::read::row::{RowView, aliased, stream_attribute};
use crate::read::time::bin_start;
use crate::rows::Stream;

/// What rows are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    /// The time, rounded down to bins of so many nanoseconds counted from the epoch.
    Bin(i64),
    Severity,
    /// The severity, or a field `level` where there is none.
    Level,
    Template,
    Topic,
    /// A stream's attribute, mostly: a column or field of this name.
    Named(String),
}

/// A key's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Value {
    /// A bin's start, nanoseconds.
    Time(i64),
    Text(Option<Arc<str>>),
}

impl Value {
    pub(crate) fn bytes(&self) -> usize {
        let text = match self {
            Self::Text(Some(text)) => text.len(),
            _ => 0,
        };
        size_of::<Self>() + text
    }
}

fn text(text: &str) -> Value {
    Value::Text(Some(Arc::from(text)))
}

impl Key {
    /// The key behind a column of `logs`, if rows can be counted by it here.
    pub(crate) fn of_column(name: &str) -> Option<Self> {
        Some(match name {
            "severity" => Self::Severity,
            "level" => Self::Level,
            "template" => Self::Template,
            "topic" => Self::Topic,
            "timestamp" | "body" | "id" | "partition" | "offset" | "observed" | "stream" | "fields" => return None,
            name => Self::Named(name.to_owned()),
        })
    }

    /// A row's value: what its column shows.
    pub(crate) fn of_row(&self, view: &RowView<'_>) -> Value {
        let name = match self {
            Self::Bin(width) => return Value::Time(bin_start(view.row.time_nanos, *width)),
            Self::Severity => "severity",
            Self::Level => "level",
            Self::Template => "template",
            Self::Topic => "topic",
            Self::Named(name) => name,
        };
        Value::Text(view.text(name).map(|text| Arc::from(text.as_ref())))
    }

    /// The value of all rows of a severity, stream and so on; `None` if only each row knows.
    /// `field`: whether rows may have a field or attribute of the key's name themselves;
    /// `attributes`: whether rows may have attributes of their own.
    pub(crate) fn of_cell(&self, cell: &CellValues<'_>, field: bool, attributes: bool) -> Option<Value> {
        Some(match self {
            Self::Bin(_) => Value::Time(cell.bin),
            Self::Severity | Self::Level => match cell.severity.name() {
                "" if *self == Self::Level => {
                    return (!field)
                        .then_some(cell.stream.attributes.get("level"))
                        .map(|value| Value::Text(value.map(|value| Arc::from(value.as_str()))));
                }
                "" => Value::Text(None),
                name => text(name),
            },
            Self::Template => text(&format!("{:016x}", cell.template)),
            Self::Topic => text(cell.topic),
            Self::Named(name) => {
                let alias = stream_attribute(name).and_then(|name| cell.stream.attributes.get(name));
                if let Some(value) = alias {
                    return Some(text(value));
                }
                let own = cell.stream.attributes.get(name);
                match own {
                    // A record's attribute comes first, a line's field last.
                    Some(value) if !(field && attributes) => text(value),
                    None if !field => Value::Text(None),
                    _ => return None,
                }
            }
        })
    }

    /// The field that rows may have, which then is what they are counted by.
    pub(crate) fn field(&self) -> Option<&str> {
        match self {
            Self::Level => Some("level"),
            Self::Named(name) => Some(name),
            _ => None,
        }
    }

    /// Whether a stream has the attribute behind it.
    pub(crate) fn is_of_stream(&self, stream: &Stream) -> bool {
        match self {
            Self::Named(name) => stream.attributes.contains_key(name) || stream.attributes.contains_key(aliased(name)),
            _ => true,
        }
    }
}

/// What rows of one cell have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellValues<'a> {
    pub(crate) topic: &'a str,
    pub(crate) stream: &'a Stream,
    pub(crate) severity: Severity,
    /// Its id.
    pub(crate) template: u64,
    /// The bin's start.
    pub(crate) bin: i64,
}
