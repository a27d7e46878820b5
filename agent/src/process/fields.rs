//! Adds, removes and renames fields. Of a field that stands in the line (JSON, logfmt) the line's bytes
//! are changed, and only they; what is added becomes an attribute of the record.

use timberline_proto::batch::AttributeValue;
use timberline_proto::line::{FieldValue, field_place, fields, json_escaped};

use super::config::{Constant, RuleConfig};
use super::event::{Event, attribute};

/// A field stands in a line so often at most.
const TIMES_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Edit {
    add: Vec<(String, AttributeValue)>,
    remove: Vec<String>,
    rename: Vec<(String, String)>,
}

impl Edit {
    pub(super) fn new(config: &RuleConfig) -> Result<Self, String> {
        let names = config.add.keys().chain(&config.remove);
        let names = names.chain(config.rename.keys()).chain(config.rename.values());
        for name in names {
            if name.is_empty() || name.len() > 256 {
                return Err(format!("{name:?} is no name of a field; use 1 to 256 bytes"));
            }
        }
        let value = |value: &Constant| match value {
            Constant::Bool(truth) => AttributeValue::Bool(*truth),
            Constant::Integer(number) => AttributeValue::Integer(*number),
            Constant::Number(number) => AttributeValue::Number(*number),
            Constant::Text(text) => AttributeValue::Text(text.clone()),
        };
        Ok(Self {
            add: config
                .add
                .iter()
                .map(|(name, constant)| (name.clone(), value(constant)))
                .collect(),
            remove: config.remove.clone(),
            rename: config
                .rename
                .iter()
                .map(|(old, new)| (old.clone(), new.clone()))
                .collect(),
        })
    }

    /// Renames, then removes, then adds.
    pub(super) fn apply(&self, event: &mut Event<'_>) {
        for (old, new) in &self.rename {
            rename(event, old, new);
        }
        for name in &self.remove {
            event.take(name);
            remove_from_line(event, name);
        }
        for (name, value) in &self.add {
            event.set(name, value.clone());
        }
    }
}

fn remove_from_line(event: &mut Event<'_>, name: &str) {
    for _ in 0..TIMES_MAX {
        let Some(place) = field_place(&event.line, name) else {
            return;
        };
        let mut line = event.line.to_vec();
        line.drain(place.member);
        event.edit(line);
    }
}

fn rename(event: &mut Event<'_>, old: &str, new: &str) {
    if let Some(value) = event.take(old) {
        event.set(new, value);
    }
    let Some(place) = field_place(&event.line, old) else {
        return;
    };
    // A key is changed where it stands if only the last part of its name is another.
    let parent = |name: &str| name.rsplit_once('.').map(|(parent, _)| parent.to_owned());
    let raw_key = &event.line[place.key.clone()];
    let key = if place.json && raw_key == old.as_bytes() {
        Some(json_escaped(new))
    } else if place.json && parent(old) == parent(new) {
        new.rsplit('.').next().map(json_escaped)
    } else if !place.json && new.bytes().all(is_logfmt_key) {
        Some(new.to_owned())
    } else {
        None
    };
    if let Some(key) = key {
        let mut line = event.line.to_vec();
        line.splice(place.key, key.bytes());
        return event.edit(line);
    }
    // Elsewhere in the tree: it becomes an attribute.
    let mut value = None;
    fields(&event.line, &mut |name, found: FieldValue<'_>| {
        if name == old {
            value = attribute(&found);
        }
        name != old
    });
    let value = value.or_else(|| {
        serde_json::from_slice(&event.line[place.value.clone()])
            .ok()
            .map(AttributeValue::Json)
    });
    if let Some(value) = value {
        remove_from_line(event, old);
        event.set(new, value);
    }
}

fn is_logfmt_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b'@')
}
