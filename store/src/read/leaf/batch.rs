//! Rows of a page as columns for DataFusion, read column by column.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, StringArray, StringBuilder, TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::Schema;
use timberline_proto::id::RecordId;
use timberline_proto::line::Severity;

use super::Texts;
use crate::read::columns::{UTC, json};
use crate::read::open_page::OpenPage;
use crate::read::row::FIXED;
use crate::read::time::rfc3339;
use crate::split::SplitError;

/// Whether the columns can be read so: none is of a row's provenance or attributes.
pub(crate) fn can_fill(schema: &Schema, open: &OpenPage) -> bool {
    let by_row = |name: &str| matches!(name, "observed" | "fields");
    let attributes = open.split.page_has_attributes(open.page);
    !schema.fields().iter().any(|field| {
        let name = field.name();
        by_row(name) || (attributes && is_named(name))
    })
}

/// Whether a column is what a name has: in streams, attributes and lines.
fn is_named(name: &str) -> bool {
    match name {
        "host" | "service" | "file" => true,
        "@timestamp" | "_time" => false,
        name => !FIXED.contains(&name),
    }
}

/// The columns of `schema`, of which [`can_fill`] holds, of rows, which ascend; and the bytes of lines
/// and values that were read for it.
pub(crate) fn columns_of(schema: &Schema, open: &OpenPage, rows: &[u32]) -> Result<(Vec<ArrayRef>, usize), SplitError> {
    let mut bytes = 0;
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .filter(|name| is_named(name))
        .collect();
    let mut texts = Texts::read(open, rows, &names)?.into_iter();
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        columns.push(match is_named(field.name()) {
            false => fixed(field.name(), open, rows, &mut bytes)?,
            true => {
                let texts = texts.next().expect("texts were read for each of these names");
                bytes += texts.bytes();
                match field.name().as_str() {
                    "level" => text(rows.iter().zip(texts.iter()).map(|(&row, text)| {
                        let severity = open.core.severities()[row as usize].name();
                        if severity.is_empty() { text } else { Some(severity) }
                    })),
                    _ => text(texts.iter()),
                }
            }
        });
    }
    Ok((columns, bytes))
}

fn text<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(texts.collect::<StringArray>())
}

fn fixed(name: &str, open: &OpenPage, rows: &[u32], bytes: &mut usize) -> Result<ArrayRef, SplitError> {
    let core = &open.core;
    let times = rows.iter().map(|&row| core.times()[row as usize]);
    Ok(match name {
        "timestamp" => Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone(UTC)),
        "@timestamp" | "_time" => Arc::new(StringArray::from_iter_values(times.map(rfc3339))),
        "severity" => text(rows.iter().map(|&row| match core.severities()[row as usize] {
            Severity::None => None,
            severity => Some(severity.name()),
        })),
        "partition" => Arc::new(UInt32Array::from_iter_values(
            rows.iter().map(|&row| core.partitions()[row as usize]),
        )),
        "offset" => Arc::new(UInt64Array::from_iter_values(
            rows.iter().map(|&row| core.offsets()[row as usize]),
        )),
        "topic" => text(rows.iter().map(|_| Some(&*open.topic))),
        "id" => Arc::new(StringArray::from_iter_values(rows.iter().map(|&row| {
            let id = RecordId {
                topic: open.topic.to_string(),
                partition: core.partitions()[row as usize],
                offset: core.offsets()[row as usize],
            };
            id.to_string()
        }))),
        "template" => {
            let ids: Vec<_> = core
                .templates()
                .iter()
                .map(|&number| format!("{:016x}", open.template_id(number)))
                .collect();
            text(rows.iter().map(|&row| {
                let which = core.which()[row as usize] as usize;
                Some(ids[which].as_str())
            }))
        }
        "stream" => {
            let mut shown = HashMap::new();
            for &row in rows {
                let stream = core.streams()[row as usize];
                shown
                    .entry(stream)
                    .or_insert_with(|| json(&open.split.streams()[stream as usize].attributes));
            }
            text(
                rows.iter()
                    .map(|&row| shown.get(&core.streams()[row as usize]).map(String::as_str)),
            )
        }
        _ => {
            let page = open.text()?;
            let (mut line, mut lines) = (Vec::new(), StringBuilder::new());
            for &row in rows {
                line.clear();
                page.line_into(row as usize, &mut line);
                *bytes += line.len();
                lines.append_value(String::from_utf8_lossy(&line));
            }
            Arc::new(lines.finish())
        }
    })
}
