//! How answers are printed: for people (control characters escaped), as JSON, as the lines' own
//! bytes, or as CSV.

use std::io::{self, Write};

use serde_json::Value;
use timberline_proto::api::{Column, Record};

use crate::cli::Output;

/// Rows whose widths are measured before a table's first row is printed.
const MEASURED_ROWS: usize = 200;

/// A column of a table is cut at this many characters on a screen; other outputs cut nothing.
const COLUMN_CHARS_MAX: usize = 120;

/// Prints records or the rows of a table.
pub(in crate::commands) struct Printer<W> {
    out: W,
    output: Output,
    columns: Vec<Column>,
    /// Rows waiting until the table's widths are known.
    waiting: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
    csv_begun: bool,
}

impl<W: Write> Printer<W> {
    /// A printer that has printed nothing.
    pub(in crate::commands) fn new(out: W, output: Output) -> Self {
        Self {
            out,
            output,
            columns: Vec::new(),
            waiting: Vec::new(),
            widths: None,
            csv_begun: false,
        }
    }

    /// The columns of the rows to come.
    pub(in crate::commands) fn columns(&mut self, columns: Vec<Column>) -> io::Result<()> {
        if self.output == Output::Csv {
            let names: Vec<_> = columns.iter().map(|column| csv_field(&column.name)).collect();
            writeln!(self.out, "{}", names.join(","))?;
        }
        self.columns = columns;
        Ok(())
    }

    /// One record.
    pub(in crate::commands) fn record(&mut self, record: &Record) -> io::Result<()> {
        match self.output {
            Output::Table => {
                let severity = record.severity.as_deref().unwrap_or("");
                let host = record.stream.get("host.name").map_or("", String::as_str);
                let service = record.stream.get("service.name").map_or("", String::as_str);
                writeln!(
                    self.out,
                    "{}  {severity:<5}  {}  {}  {}",
                    record.timestamp,
                    visible(host),
                    visible(service),
                    visible(&record.body)
                )
            }
            Output::Json => {
                serde_json::to_writer(&mut self.out, record)?;
                self.out.write_all(b"\n")
            }
            Output::Raw => {
                match record.body_base64.as_deref().and_then(decode_base64) {
                    Some(bytes) => self.out.write_all(&bytes)?,
                    None => self.out.write_all(record.body.as_bytes())?,
                }
                self.out.write_all(b"\n")
            }
            Output::Csv => {
                if !self.csv_begun {
                    self.csv_begun = true;
                    writeln!(self.out, "timestamp,severity,host,service,file,body,id")?;
                }
                let stream = |name: &str| csv_field(record.stream.get(name).map_or("", String::as_str));
                writeln!(
                    self.out,
                    "{},{},{},{},{},{},{}",
                    record.timestamp,
                    record.severity.as_deref().unwrap_or(""),
                    stream("host.name"),
                    stream("service.name"),
                    stream("log.file.path"),
                    csv_field(&record.body),
                    csv_field(&record.id)
                )
            }
        }
    }

    /// Some rows of a table.
    pub(in crate::commands) fn rows(&mut self, rows: Vec<Vec<Value>>) -> io::Result<()> {
        for row in rows {
            match self.output {
                Output::Json => {
                    let object: serde_json::Map<_, _> =
                        self.columns.iter().map(|column| column.name.clone()).zip(row).collect();
                    serde_json::to_writer(&mut self.out, &object)?;
                    self.out.write_all(b"\n")?;
                }
                Output::Csv => {
                    let fields: Vec<_> = row.iter().map(|value| csv_field(&plain(value))).collect();
                    writeln!(self.out, "{}", fields.join(","))?;
                }
                Output::Raw => {
                    let fields: Vec<_> = row.iter().map(plain).collect();
                    writeln!(self.out, "{}", fields.join("\t"))?;
                }
                Output::Table => {
                    self.waiting
                        .push(row.iter().map(|value| visible(&plain(value))).collect());
                    if self.widths.is_some() || self.waiting.len() >= MEASURED_ROWS {
                        self.table()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Prints what waits, and flushes.
    pub(in crate::commands) fn finish(&mut self) -> io::Result<()> {
        if self.output == Output::Table && !self.columns.is_empty() {
            self.table()?;
        }
        self.flush()
    }

    /// Flushes what is printed.
    pub(in crate::commands) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn table(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        if self.widths.is_none() {
            let names: Vec<String> = self.columns.iter().map(|column| visible(&column.name)).collect();
            let widths = (0..names.len())
                .map(|at| {
                    let cells = rows
                        .iter()
                        .filter_map(|row| row.get(at))
                        .map(|cell| cell.chars().count());
                    cells
                        .chain([names[at].chars().count()])
                        .max()
                        .unwrap_or(0)
                        .min(COLUMN_CHARS_MAX)
                })
                .collect();
            self.widths = Some(widths);
            self.table_row(&names)?;
        }
        rows.iter().try_for_each(|row| self.table_row(row))
    }

    fn table_row(&mut self, cells: &[String]) -> io::Result<()> {
        let widths = self.widths.as_deref().unwrap_or_default();
        let mut line = String::new();
        for (cell, width) in cells.iter().zip(widths) {
            let cut: String = cell.chars().take(COLUMN_CHARS_MAX).collect();
            line.push_str(&format!("{cut:<width$}  "));
        }
        writeln!(self.out, "{}", line.trim_end())
    }
}

/// A value without JSON's quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Text that cannot steer a terminal: control characters are escaped (fault case X14).
pub(super) fn visible(text: &str) -> String {
    if !text.chars().any(is_steering) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut out, c| {
        if is_steering(c) {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
        out
    })
}

fn is_steering(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// One CSV field. A value that a spreadsheet would take for a formula gets a `'` in front (X16).
fn csv_field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(output: Output, record: &Record) -> Vec<u8> {
        let mut out = Vec::new();
        Printer::new(&mut out, output).record(record).unwrap();
        out
    }

    #[test]
    fn x14_a_line_cannot_steer_the_terminal() {
        let record = Record {
            body: "a\u{1b}[31mred\u{202e}".into(),
            ..Record::default()
        };
        let out = String::from_utf8(printed(Output::Table, &record)).unwrap();
        assert!(out.contains("a\\u{1b}[31mred\\u{202e}"), "{out}");
    }

    #[test]
    fn raw_output_is_the_lines_own_bytes() {
        let record = Record {
            body: "a\u{fffd}".into(),
            body_base64: Some("Yf8=".into()),
            ..Record::default()
        };
        assert_eq!(printed(Output::Raw, &record), b"a\xff\n");
    }

    #[test]
    fn x16_csv_holds_no_formula() {
        assert_eq!(csv_field("=1+1"), "'=1+1");
        assert_eq!(csv_field("-5"), "-5");
        assert_eq!(csv_field("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
