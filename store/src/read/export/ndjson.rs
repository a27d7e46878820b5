//! One JSON object per line: a record as the API gives it, or a row by the names of its columns, in
//! their order.

use serde_json::Value;

use crate::read::ReadError;
use crate::read::records;
use crate::read::row::RowView;

pub(super) fn record(view: &RowView<'_>, out: &mut Vec<u8>) -> Result<(), ReadError> {
    write(&records::record(view), out)?;
    out.push(b'\n');
    Ok(())
}

pub(super) fn row(names: &[String], row: &[Value], out: &mut Vec<u8>) -> Result<(), ReadError> {
    for (at, (name, value)) in names.iter().zip(row).enumerate() {
        out.push(if at == 0 { b'{' } else { b',' });
        write(name, out)?;
        out.push(b':');
        write(value, out)?;
    }
    out.extend_from_slice(if row.is_empty() { b"{}\n" } else { b"}\n" });
    Ok(())
}

fn write<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), ReadError> {
    serde_json::to_writer(out, value).map_err(|error| ReadError::Internal(error.to_string()))
}
