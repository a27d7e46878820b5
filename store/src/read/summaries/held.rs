//! What is held of fields while they are counted: bounded, whatever they are.

use std::collections::{BTreeMap, HashMap};

use timberline_proto::api::{FieldSummary, ValueCount};
use timberline_proto::batch::AttributeValue;
use timberline_proto::line::{FieldValue, Severity};
use timberline_proto::query::matcher::number;

use super::sketch::Sketch;
use crate::read::row::{RowView, attribute_text};
use crate::rows::Stream;

/// Distinct values held per field; of those that come later it is only known about how many they are.
pub(super) const DISTINCT_MAX: usize = 10_000;
/// Bytes of all values held together, with what each takes besides.
const HELD_BYTES_MAX: usize = 32 << 20;
/// What a value takes besides its text.
const ENTRY_BYTES: usize = 64;
/// Bytes of a value that are counted as one; longer values are cut.
const VALUE_BYTES_MAX: usize = 256;
/// Fields that are counted at most.
const FIELDS_HELD_MAX: usize = 20_000;
/// Fields of an answer at most: those of most records.
const FIELDS_MAX: usize = 1000;

/// The fields of records.
#[derive(Default)]
pub(super) struct Summaries {
    only: Option<String>,
    fields: BTreeMap<String, Summary>,
    /// Whether there were more fields.
    capped: bool,
    held_bytes: usize,
    /// Which record, or records that are alike, is counted.
    at: u64,
}

#[derive(Default)]
struct Summary {
    records: u64,
    /// The record that was counted last.
    at: u64,
    types: BTreeMap<&'static str, u64>,
    values: HashMap<String, u64>,
    /// Of values that are not held, once one is not.
    others: Option<Sketch>,
    /// Smallest and largest of the values that are or read as numbers.
    numbers: Option<(f64, f64)>,
}

impl Summaries {
    /// Of all fields, or of one.
    pub(super) fn new(only: Option<String>) -> Self {
        Self {
            only,
            ..Self::default()
        }
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }

    /// Counts a record.
    pub(super) fn record(&mut self, view: &RowView<'_>) {
        self.common(view.row.stream, view.row.severity, 1);
        for (name, value) in view.row.attributes {
            if let Some(text) = attribute_text(value) {
                self.of_record(name, attribute_type(value), &text, 1);
            }
        }
        for (name, value) in view.fields() {
            if let Some(kind) = field_type(value) {
                self.of_record(name, kind, value.as_text(), 1);
            }
        }
    }

    /// Counts what records of one stream and severity have in common.
    pub(super) fn common(&mut self, stream: &Stream, severity: Severity, rows: u64) {
        self.at += 1;
        if severity != Severity::None {
            self.of_record("severity", "text", severity.name(), rows);
        }
        for (name, value) in &stream.attributes {
            self.of_record(name, "text", value, rows);
        }
    }

    fn of_record(&mut self, name: &str, kind: &'static str, text: &str, rows: u64) {
        let at = self.at;
        self.values(name, kind, text, rows);
        if let Some(summary) = self.fields.get_mut(name)
            && std::mem::replace(&mut summary.at, at) != at
        {
            summary.records += rows;
        }
    }

    /// Counts a value of a field in `rows` records, which are left to [`records`](Self::records).
    pub(super) fn values(&mut self, name: &str, kind: &'static str, text: &str, rows: u64) {
        if !self.wants(name) {
            return;
        }
        if !self.fields.contains_key(name) {
            if self.fields.len() >= FIELDS_HELD_MAX {
                self.capped = true;
                return;
            }
            self.fields.insert(name.to_owned(), Summary::default());
        }
        if let Some(summary) = self.fields.get_mut(name) {
            summary.add(kind, text, rows, &mut self.held_bytes);
        }
    }

    /// Counts records that have a field of which values were counted.
    pub(super) fn records(&mut self, name: &str, rows: u64) {
        if let Some(summary) = self.fields.get_mut(name) {
            summary.records += rows;
        }
    }

    /// The fields, those of most records first, with so many values each; and whether there are more.
    pub(super) fn answer(self, values: usize) -> (Vec<FieldSummary>, bool) {
        let mut all: Vec<_> = self.fields.into_iter().collect();
        all.sort_by(|a, b| b.1.records.cmp(&a.1.records).then_with(|| a.0.cmp(&b.0)));
        let capped = self.capped || all.len() > FIELDS_MAX;
        all.truncate(FIELDS_MAX);
        (
            all.into_iter().map(|(name, s)| s.answer(name, values)).collect(),
            capped,
        )
    }
}

impl Summary {
    fn add(&mut self, kind: &'static str, text: &str, rows: u64, held_bytes: &mut usize) {
        *self.types.entry(kind).or_default() += rows;
        if let Some(n) = number(text.trim().as_bytes()) {
            let (min, max) = self.numbers.unwrap_or((n, n));
            self.numbers = Some((min.min(n), max.max(n)));
        }
        let text = cut(text);
        if let Some(count) = self.values.get_mut(text) {
            *count += rows;
            return;
        }
        let bytes = *held_bytes + text.len() + ENTRY_BYTES;
        if self.others.is_none() && self.values.len() < DISTINCT_MAX && bytes <= HELD_BYTES_MAX {
            *held_bytes = bytes;
            self.values.insert(text.to_owned(), rows);
        } else {
            self.others.get_or_insert_default().add(text);
        }
    }

    fn answer(self, name: String, values: usize) -> FieldSummary {
        let mut types: Vec<_> = self.types.into_iter().collect();
        types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let others = self.others.as_ref().map_or(0, |others| others.distinct().max(1));
        let distinct = self.values.len() as u64 + others;
        let mut top: Vec<_> = self
            .values
            .into_iter()
            .map(|(value, count)| ValueCount { value, count })
            .collect();
        top.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        top.truncate(values);
        FieldSummary {
            name,
            type_counts: types.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
            types: types.into_iter().map(|(kind, _)| kind.to_owned()).collect(),
            min: self.numbers.map(|(min, _)| min),
            max: self.numbers.map(|(_, max)| max),
            count: self.records,
            distinct,
            distinct_capped: self.others.is_some(),
            top,
        }
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(VALUE_BYTES_MAX)]
}

/// The type of a field's value; none of null, which is no value.
pub(super) fn field_type(value: &FieldValue<'_>) -> Option<&'static str> {
    match value {
        FieldValue::Number(text) if text.parse::<i64>().is_ok() => Some("integer"),
        FieldValue::Number(_) => Some("number"),
        FieldValue::Bool(_) => Some("boolean"),
        FieldValue::Text(_) => Some("text"),
        FieldValue::Null => None,
    }
}

fn attribute_type(value: &AttributeValue) -> &'static str {
    match value {
        AttributeValue::Bool(_) => "boolean",
        AttributeValue::Integer(_) => "integer",
        AttributeValue::Number(_) => "number",
        AttributeValue::Text(_) | AttributeValue::Json(_) => "text",
    }
}
