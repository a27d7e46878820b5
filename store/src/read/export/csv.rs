//! CSV, RFC 4180: fields with commas, quotes or line ends stand in quotes, quotes are doubled, rows end
//! with CR LF, the first row names the columns.
//!
//! It is UTF-8. Bytes of a line that are not are U+FFFD in `body`, and all of them stand in base64 in
//! `body_base64`. A text that a spreadsheet would compute (it begins with `=`, `+`, `-`, `@`, a tab or
//! a carriage return, and is no number) gets an apostrophe in front, unless that is not wanted.

use std::borrow::Cow;

use serde_json::Value;

use crate::read::base64;
use crate::read::records::fields;
use crate::read::row::RowView;
use crate::read::time::rfc3339;

/// The columns of records.
const COLUMNS: [&str; 9] = [
    "timestamp",
    "severity",
    "host",
    "service",
    "file",
    "body",
    "id",
    "fields",
    "body_base64",
];

/// What becomes of texts that a spreadsheet would compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Formulas {
    /// They get an apostrophe in front.
    Quote,
    /// They stay as they are.
    Keep,
}

/// The names of the columns of records.
pub(crate) fn header_of_records(out: &mut Vec<u8>) {
    row(COLUMNS.into_iter().map(Cow::Borrowed), out);
}

/// A record as a row.
pub(super) fn record(view: &RowView<'_>, formulas: Formulas, out: &mut Vec<u8>) {
    let stream = |name: &str| view.row.stream.attributes.get(name).map_or("", String::as_str);
    let cell = |text| cell(text, formulas);
    let fields = serde_json::to_string(&fields(view)).unwrap_or_default();
    let (time, id, body) = (rfc3339(view.row.time_nanos), view.id().to_string(), view.body());
    let base64 = match std::str::from_utf8(view.row.line) {
        Ok(_) => String::new(),
        Err(_) => base64::encode(view.row.line),
    };
    let cells = [
        Cow::Borrowed(time.as_str()),
        view.row.severity.name().into(),
        cell(stream("host.name")),
        cell(stream("service.name")),
        cell(stream("log.file.path")),
        cell(&body),
        cell(&id),
        cell(&fields),
        base64.into(),
    ];
    row(cells, out);
}

/// A row of cells.
pub(crate) fn row<'a>(cells: impl IntoIterator<Item = Cow<'a, str>>, out: &mut Vec<u8>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(cell.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// A value of a table as a cell.
pub(crate) fn value(value: &Value, formulas: Formulas) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => cell(text, formulas),
        other => cell(&other.to_string(), Formulas::Keep).into_owned().into(),
    }
}

/// A text as a cell.
pub(crate) fn cell(text: &str, formulas: Formulas) -> Cow<'_, str> {
    let computed = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    let text: Cow<'_, str> = match computed && formulas == Formulas::Quote {
        true => format!("'{text}").into(),
        false => text.into(),
    };
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")).into(),
        false => text,
    }
}
