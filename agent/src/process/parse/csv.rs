//! One record of separated values (RFC 4180), read by csv-core.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use timberline_proto::batch::AttributeValue;

use super::Fields;

#[derive(Debug)]
pub(super) struct Csv {
    columns: Vec<String>,
    delimiter: u8,
}

impl Csv {
    pub(super) fn new(columns: &[String], delimiter: &str) -> Result<Self, String> {
        if columns.is_empty() {
            return Err("csv: name the columns; an empty name passes one over".to_owned());
        }
        let delimiter = match delimiter.as_bytes() {
            [] => b',',
            [one] if !matches!(one, b'"' | b'\n' | b'\r') => *one,
            _ => return Err(format!("csv: delimiter = {delimiter:?} is not one byte")),
        };
        Ok(Self {
            columns: columns.to_vec(),
            delimiter,
        })
    }

    /// The columns that are there; `None` if the text is empty.
    pub(super) fn read(&self, text: &str) -> Option<Fields> {
        let mut reader: Reader = ReaderBuilder::new().delimiter(self.delimiter).build();
        let mut values = vec![0; text.len() + 1];
        // One more for what stands behind the last column that has a name.
        let mut ends = vec![0; self.columns.len() + 1];
        let (result, used, _, mut n) = reader.read_record(text.as_bytes(), &mut values, &mut ends);
        if result == ReadRecordResult::InputEmpty && used == text.len() {
            // The text's end ends the record.
            let written = ends[..n].last().copied().unwrap_or(0);
            let (_, _, _, last) = reader.read_record(b"", &mut values[written..], &mut ends[n..]);
            n += last;
        }
        let mut found = Fields::new();
        let mut start = 0;
        for (name, end) in self.columns.iter().zip(&ends[..n]) {
            let value = String::from_utf8_lossy(values.get(start..*end)?);
            if !name.is_empty() {
                found.push((name.clone(), AttributeValue::Text(value.into_owned())));
            }
            start = *end;
        }
        (!text.is_empty() && n > 0).then_some(found)
    }
}
