//! A batch's records as any client of the format sees them: key, value and headers as bytes.

use super::frame::Cursor;
use super::read::LogBatch;

/// One record as it is framed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage<'a> {
    /// Its offset.
    pub offset: u64,
    /// Its time, milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// Names and values, those of the whole batch with its first record.
    pub headers: Vec<(&'a [u8], &'a [u8])>,
}

impl LogBatch {
    /// Its records as they are framed, in order; a marker's too.
    pub fn messages(&self) -> impl Iterator<Item = RawMessage<'_>> {
        let mut cursor = Cursor { rest: &self.records };
        std::iter::from_fn(move || {
            if cursor.rest.is_empty() {
                return None;
            }
            // Parsing checked every record, so neither of these fails.
            let record = cursor.record().ok()?;
            let mut headers = Vec::new();
            record
                .headers(|header| {
                    headers.push((header.name, header.value));
                    Ok(())
                })
                .ok()?;
            Some(RawMessage {
                offset: self.header.base_offset.saturating_add(record.offset_delta).max(0) as u64,
                timestamp_ms: self.header.base_timestamp_ms.saturating_add(record.timestamp_delta),
                key: record.key,
                value: record.value,
                headers,
            })
        })
    }
}
