//! Rows in, bytes of a format out.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

use super::parquet::ParquetFile;
use super::raw::RawLines;
use super::{ExportRequest, Format, Formulas, csv, ndjson};
use crate::read::search::Hit;
use crate::read::{ReadError, cells, engine};

/// Writes one export.
pub(super) struct Encoder {
    /// What is written and not taken yet.
    pub(super) out: Vec<u8>,
    kind: Kind,
}

enum Kind {
    Csv(Formulas),
    Ndjson { names: Vec<String> },
    Parquet(Box<ParquetFile>),
    Raw(RawLines),
}

impl Encoder {
    pub(super) fn new(format: Format, request: &ExportRequest) -> Self {
        let formulas = match request.keep_formulas {
            true => Formulas::Keep,
            false => Formulas::Quote,
        };
        let kind = match format {
            Format::Csv => Kind::Csv(formulas),
            Format::Ndjson => Kind::Ndjson { names: Vec::new() },
            Format::Parquet => Kind::Parquet(Box::default()),
            Format::Raw => Kind::Raw(RawLines::default()),
        };
        Self { out: Vec::new(), kind }
    }

    /// Before the first records.
    pub(super) fn begin_records(&mut self) -> Result<(), ReadError> {
        match &mut self.kind {
            Kind::Csv(_) => csv::header_of_records(&mut self.out),
            Kind::Parquet(file) => return file.begin_records(),
            Kind::Ndjson { .. } | Kind::Raw(_) => {}
        }
        Ok(())
    }

    pub(super) fn records(&mut self, hits: &[Hit]) -> Result<(), ReadError> {
        let out = &mut self.out;
        match &mut self.kind {
            Kind::Csv(formulas) => hits.iter().for_each(|hit| csv::record(&hit.view(), *formulas, out)),
            Kind::Ndjson { .. } => return hits.iter().try_for_each(|hit| ndjson::record(&hit.view(), out)),
            Kind::Parquet(file) => return file.records(hits, out),
            Kind::Raw(lines) => hits.iter().for_each(|hit| lines.record(&hit.view(), out)),
        }
        Ok(())
    }

    /// Before the first rows of a table.
    pub(super) fn begin_table(&mut self, schema: &SchemaRef) -> Result<(), ReadError> {
        let columns = || {
            schema
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect::<Vec<_>>()
        };
        match &mut self.kind {
            Kind::Csv(formulas) => csv::row(columns().iter().map(|name| csv::cell(name, *formulas)), &mut self.out),
            Kind::Ndjson { names } => *names = columns(),
            Kind::Parquet(file) => return file.begin(schema),
            Kind::Raw(_) => {}
        }
        Ok(())
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch) -> Result<(), ReadError> {
        let out = &mut self.out;
        if let Kind::Parquet(file) = &mut self.kind {
            return file.batch(batch, out);
        }
        let rows = cells::rows(batch).map_err(|error| engine::failed(&error))?;
        match &self.kind {
            Kind::Csv(formulas) => rows.iter().for_each(|row| {
                csv::row(row.iter().map(|value| csv::value(value, *formulas)), out);
            }),
            Kind::Ndjson { names } => return rows.iter().try_for_each(|row| ndjson::row(names, row, out)),
            Kind::Raw(_) => rows.iter().for_each(|row| RawLines::row(row, out)),
            Kind::Parquet(_) => {}
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<(), ReadError> {
        match &mut self.kind {
            Kind::Parquet(file) => file.finish(&mut self.out),
            Kind::Raw(lines) => {
                lines.finish(&mut self.out);
                Ok(())
            }
            Kind::Csv(_) | Kind::Ndjson { .. } => Ok(()),
        }
    }
}
