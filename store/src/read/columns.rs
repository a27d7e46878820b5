//! Rows as Arrow columns: the fixed ones, and one text column per field that a query names.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, RecordBatch, RecordBatchOptions, StringArray, TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::Result;

use crate::split::Columns;

use super::records::fields;
use super::row::{FIXED, RowView};

/// The zone of every timestamp column; the same as that of `now()`.
pub(crate) const UTC: &str = "+00:00";
/// Metadata of a field that says what its text really is.
pub(crate) const KIND: &str = "timberline.kind";
/// The value of [`KIND`] for text that is a JSON object.
pub(crate) const MAP: &str = "map";
/// The value of [`KIND`] for text that is a number where it reads as one.
pub(crate) const MIXED: &str = "mixed";
/// The value of [`KIND`] for a field taken from records: text that may read as a number.
pub(crate) const FIELD: &str = "field";

/// The fixed columns, then one of text for each of `names` that is none of them.
pub(crate) fn schema(names: &BTreeSet<String>) -> SchemaRef {
    let fixed = FIXED.iter().map(|name| fixed_field(name));
    let fields = names.iter().filter(|name| !FIXED.contains(&name.as_str()));
    let of_field = HashMap::from([(KIND.to_owned(), FIELD.to_owned())]);
    let fields = fields.map(|name| Field::new(name, DataType::Utf8, true).with_metadata(of_field.clone()));
    Arc::new(Schema::new(fixed.chain(fields).collect::<Vec<_>>()))
}

/// Whether a column's text is a JSON object.
pub(crate) fn is_map(field: &Field) -> bool {
    is_kind(field, MAP)
}

/// Whether a column's text is what [`KIND`] says.
pub(crate) fn is_kind(field: &Field, kind: &str) -> bool {
    field.metadata().get(KIND).is_some_and(|of| of == kind)
}

fn fixed_field(name: &str) -> Field {
    let kind = match name {
        "timestamp" | "observed" => DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())),
        "partition" => DataType::UInt32,
        "offset" => DataType::UInt64,
        _ => DataType::Utf8,
    };
    let nullable = matches!(name, "severity" | "host" | "service" | "file" | "template");
    let field = Field::new(name, kind, nullable);
    match name {
        "stream" | "fields" => field.with_metadata(HashMap::from([(KIND.to_owned(), MAP.to_owned())])),
        _ => field,
    }
}

/// What of a page must be decoded to fill the columns of `schema`.
pub(crate) fn needed(schema: &Schema) -> Columns {
    let mut needed = Columns {
        line: false,
        provenance: false,
        attributes: false,
    };
    for field in schema.fields() {
        match field.name().as_str() {
            "timestamp" | "severity" | "template" | "id" | "topic" | "partition" | "offset" | "stream" => {}
            "observed" => needed.provenance = true,
            "body" => needed.line = true,
            _ => {
                needed.line = true;
                needed.attributes = true;
                needed.provenance |= field.name() == "fields";
            }
        }
    }
    needed
}

/// The rows as a batch of `schema`.
pub(crate) fn batch(schema: &SchemaRef, rows: &[RowView<'_>]) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|field| column(field.name(), rows)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

/// So many rows without columns.
pub(crate) fn empty_batch(schema: &SchemaRef, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        Vec::new(),
        &options,
    )?)
}

fn column(name: &str, rows: &[RowView<'_>]) -> ArrayRef {
    match name {
        "timestamp" => times(rows.iter().map(|view| view.row.time_nanos)),
        "observed" => times(rows.iter().map(|view| view.row.observed_nanos)),
        "partition" => Arc::new(UInt32Array::from_iter_values(
            rows.iter().map(|view| view.row.partition),
        )),
        "offset" => Arc::new(UInt64Array::from_iter_values(rows.iter().map(|view| view.row.offset))),
        "stream" => text(rows, |view| Some(json(&view.row.stream.attributes).into())),
        "fields" => text(rows, |view| Some(json(&fields(view)).into())),
        _ => text(rows, |view| view.text(name)),
    }
}

fn times(nanos: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from_iter_values(nanos).with_timezone(UTC))
}

fn text<'a, 'b>(
    rows: &'a [RowView<'b>],
    of: impl Fn(&'a RowView<'b>) -> Option<std::borrow::Cow<'a, str>>,
) -> ArrayRef {
    Arc::new(rows.iter().map(of).collect::<StringArray>())
}

pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
