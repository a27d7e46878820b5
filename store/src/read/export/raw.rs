//! The lines' own bytes, each with a line end; the parts of a line that was too long for one record
//! stand together again. Of a table the values, with tabs between.

use serde_json::Value;

use crate::read::row::RowView;

/// Lines on their way.
#[derive(Debug, Default)]
pub(super) struct RawLines {
    /// The place of the part that would go on with the line that has no end yet.
    open: Option<Place>,
}

/// Topic, partition, offset.
type Place = (String, u32, u64);

impl RawLines {
    pub(super) fn record(&mut self, view: &RowView<'_>, out: &mut Vec<u8>) {
        let row = &view.row;
        let goes_on = row.part.is_some_and(|(index, _)| index > 0)
            && self.open.as_ref().is_some_and(|(topic, partition, offset)| {
                topic == view.topic && (*partition, *offset) == (row.partition, row.offset)
            });
        if !goes_on {
            self.finish(out);
        }
        out.extend_from_slice(row.line);
        let next = || (view.topic.to_owned(), row.partition, row.offset + 1);
        self.open = row.part.filter(|(_, last)| !last).map(|_| next());
        if self.open.is_none() {
            out.push(b'\n');
        }
    }

    /// Ends a line whose other parts did not come.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            out.push(b'\n');
        }
    }

    pub(super) fn row(row: &[Value], out: &mut Vec<u8>) {
        for (at, value) in row.iter().enumerate() {
            if at > 0 {
                out.push(b'\t');
            }
            match value {
                Value::Null => {}
                Value::String(text) => out.extend_from_slice(text.as_bytes()),
                other => out.extend_from_slice(other.to_string().as_bytes()),
            }
        }
        out.push(b'\n');
    }
}
