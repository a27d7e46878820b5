//! Arrow columns as JSON cells.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType, UInt64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::Result;
use serde_json::{Number, Value};
use timberline_proto::api::Column;
use timberline_proto::query::matcher;

use super::columns::{MAP, MIXED, is_kind, is_map};
use super::time::rfc3339_short;

/// How a column's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Timestamp,
    Integer,
    Unsigned,
    Number,
    Boolean,
    Text,
    /// Text, written as a number where it is one.
    Mixed,
    Map,
    Other,
}

fn kind(field: &Field) -> Kind {
    match field.data_type() {
        DataType::Timestamp(..) => Kind::Timestamp,
        kind if kind.is_unsigned_integer() => Kind::Unsigned,
        kind if kind.is_integer() => Kind::Integer,
        kind if kind.is_floating() => Kind::Number,
        DataType::Boolean => Kind::Boolean,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if is_map(field) => Kind::Map,
        DataType::Utf8 if is_kind(field, MIXED) => Kind::Mixed,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Decimal128(..) | DataType::Decimal256(..) => Kind::Number,
        _ => Kind::Other,
    }
}

/// A column as the API names it.
pub(crate) fn column(field: &Field) -> Column {
    let kind = match kind(field) {
        Kind::Timestamp => "timestamp",
        Kind::Integer | Kind::Unsigned => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Text | Kind::Mixed | Kind::Other => "text",
        Kind::Map => MAP,
    };
    Column {
        name: field.name().clone(),
        kind: kind.to_owned(),
    }
}

/// A batch's rows, one value per column.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<Value>>> {
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    let schema = batch.schema();
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        for (row, value) in rows.iter_mut().zip(values(kind(field), array)?) {
            row.push(value);
        }
    }
    Ok(rows)
}

fn values(kind: Kind, array: &ArrayRef) -> Result<Vec<Value>> {
    Ok(match kind {
        Kind::Timestamp => {
            let array = cast(array, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
            let times = array.as_primitive::<TimestampNanosecondType>().iter();
            times
                .map(|time| time.map_or(Value::Null, |nanos| rfc3339_short(nanos).into()))
                .collect()
        }
        Kind::Integer => {
            let array = cast(array, &DataType::Int64)?;
            array.as_primitive::<Int64Type>().iter().map(Value::from).collect()
        }
        Kind::Unsigned => {
            let array = cast(array, &DataType::UInt64)?;
            array.as_primitive::<UInt64Type>().iter().map(Value::from).collect()
        }
        Kind::Number => {
            let array = cast(array, &DataType::Float64)?;
            array
                .as_primitive::<Float64Type>()
                .iter()
                .map(|n| n.map_or(Value::Null, number))
                .collect()
        }
        Kind::Boolean => array.as_boolean().iter().map(Value::from).collect(),
        Kind::Text | Kind::Mixed | Kind::Map => {
            let array = cast(array, &DataType::Utf8)?;
            let cell = |text: &str| match kind {
                Kind::Mixed => mixed(text),
                Kind::Map => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
                _ => text.into(),
            };
            array
                .as_string::<i32>()
                .iter()
                .map(|text| text.map_or(Value::Null, cell))
                .collect()
        }
        Kind::Other => {
            let format = ArrayFormatter::try_new(array, &FormatOptions::default())?;
            let cell = |row| match array.is_null(row) {
                true => Value::Null,
                false => Value::from(format.value(row).to_string()),
            };
            (0..array.len()).map(cell).collect()
        }
    })
}

/// A number if the text reads as one that JSON can hold exactly, else the text.
fn mixed(text: &str) -> Value {
    let trimmed = text.trim();
    if let Ok(whole) = trimmed.parse::<i64>() {
        return Value::from(whole);
    }
    match matcher::number(trimmed.as_bytes()) {
        Some(n) => number(n),
        None => text.into(),
    }
}

/// Whole numbers are written without a fraction.
fn number(n: f64) -> Value {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if n.fract() == 0.0 && n.abs() <= EXACT_MAX {
        return Value::from(n as i64);
    }
    Number::from_f64(n).map_or_else(|| Value::from(n.to_string()), Value::Number)
}
