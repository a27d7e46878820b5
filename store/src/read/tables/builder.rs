//! Columns of a table that is made in memory.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};

use crate::read::ReadError;
use crate::read::columns::{KIND, MAP};
use crate::read::lower::planned;
use crate::read::scalar::{UTC, time_type};

/// Columns, in the order in which they are added. All have the same number of rows.
#[derive(Debug, Default)]
pub(super) struct Builder {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl Builder {
    fn add(&mut self, field: Field, column: ArrayRef) {
        self.fields.push(field);
        self.columns.push(column);
    }

    pub(super) fn texts(&mut self, name: &str, values: impl Iterator<Item = Option<String>>) {
        let column = values.collect::<StringArray>();
        self.add(Field::new(name, DataType::Utf8, true), Arc::new(column));
    }

    /// Texts that are JSON.
    pub(super) fn json(&mut self, name: &str, values: impl Iterator<Item = serde_json::Value>) {
        let column = values.map(|value| Some(value.to_string())).collect::<StringArray>();
        let metadata = HashMap::from([(KIND.to_owned(), MAP.to_owned())]);
        self.add(
            Field::new(name, DataType::Utf8, true).with_metadata(metadata),
            Arc::new(column),
        );
    }

    pub(super) fn counts(&mut self, name: &str, values: impl Iterator<Item = Option<u64>>) {
        let column = values.collect::<UInt64Array>();
        self.add(Field::new(name, DataType::UInt64, true), Arc::new(column));
    }

    pub(super) fn numbers(&mut self, name: &str, values: impl Iterator<Item = Option<f64>>) {
        let column = values.collect::<Float64Array>();
        self.add(Field::new(name, DataType::Float64, true), Arc::new(column));
    }

    pub(super) fn truths(&mut self, name: &str, values: impl Iterator<Item = bool>) {
        let column = values.map(Some).collect::<BooleanArray>();
        self.add(Field::new(name, DataType::Boolean, true), Arc::new(column));
    }

    pub(super) fn times(&mut self, name: &str, values: impl Iterator<Item = Option<i64>>) {
        let column = values.collect::<TimestampNanosecondArray>().with_timezone(UTC);
        self.add(Field::new(name, time_type(), true), Arc::new(column));
    }

    pub(super) fn batch(self) -> Result<RecordBatch, ReadError> {
        let batch = RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.columns);
        batch.map_err(|error| planned(error.into()))
    }
}
