//! Parquet, a row group at a time: what is held is the encoded part of one, and of the others what the
//! footer says of them. Texts are UTF-8; the bytes of a line that is not stand in `body_base64` too.

use std::io::{self, Write};
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parking_lot::Mutex;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::read::columns;
use crate::read::engine;
use crate::read::search::Hit;
use crate::read::{ReadError, base64};

/// Rows of a group at most.
const GROUP_ROWS_MAX: usize = 1 << 18;
/// Bytes of a group that are held, about, before it is written.
pub(super) const GROUP_BYTES_MAX: usize = 16 << 20;
/// What it is called when it is no text.
const BODY_BASE64: &str = "body_base64";

/// Where the writer puts its bytes, until they are taken.
#[derive(Clone, Debug, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One file on its way.
#[derive(Default)]
pub(super) struct ParquetFile {
    written: Written,
    writer: Option<ArrowWriter<Written>>,
    /// That of the records' own columns.
    records: Option<SchemaRef>,
}

impl ParquetFile {
    pub(super) fn begin_records(&mut self) -> Result<(), ReadError> {
        let of_record = columns::schema(&Default::default());
        let mut fields = of_record.fields().to_vec();
        fields.push(Arc::new(Field::new(BODY_BASE64, DataType::Utf8, true)));
        self.begin(&Arc::new(Schema::new(fields)))?;
        self.records = Some(of_record);
        Ok(())
    }

    pub(super) fn begin(&mut self, schema: &SchemaRef) -> Result<(), ReadError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
            .build();
        let writer = ArrowWriter::try_new(self.written.clone(), Arc::clone(schema), Some(properties));
        self.writer = Some(writer.map_err(|error| failed(&error))?);
        Ok(())
    }

    pub(super) fn records(&mut self, hits: &[Hit], out: &mut Vec<u8>) -> Result<(), ReadError> {
        let of_record = self.records.clone().expect("begun with records");
        for portion in hits.chunks(engine::BATCH_ROWS_MAX) {
            let views: Vec<_> = portion.iter().map(Hit::view).collect();
            let batch = columns::batch(&of_record, &views).map_err(|error| engine::failed(&error))?;
            let base64 = views.iter().map(|view| {
                let is_text = std::str::from_utf8(view.row.line).is_ok();
                (!is_text).then(|| base64::encode(view.row.line))
            });
            let mut arrays = batch.columns().to_vec();
            arrays.push(Arc::new(base64.collect::<StringArray>()));
            let schema = self.schema();
            let batch = RecordBatch::try_new(schema, arrays).map_err(|error| ReadError::Internal(error.to_string()))?;
            self.batch(&batch, out)?;
        }
        Ok(())
    }

    fn schema(&self) -> SchemaRef {
        let of_record = self.records.as_ref().expect("begun with records");
        let mut fields = of_record.fields().to_vec();
        fields.push(Arc::new(Field::new(BODY_BASE64, DataType::Utf8, true)));
        Arc::new(Schema::new(fields))
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ReadError> {
        let writer = self.writer.as_mut().expect("begun before the first batch");
        writer.write(batch).map_err(|error| failed(&error))?;
        if writer.memory_size() >= GROUP_BYTES_MAX {
            writer.flush().map_err(|error| failed(&error))?;
        }
        self.take(out);
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), ReadError> {
        if let Some(writer) = self.writer.take() {
            writer.close().map_err(|error| failed(&error))?;
        }
        self.take(out);
        Ok(())
    }

    fn take(&mut self, out: &mut Vec<u8>) {
        let mut written = self.written.0.lock();
        match out.is_empty() {
            true => std::mem::swap(&mut *written, out),
            false => out.append(&mut written),
        }
    }
}

fn failed(error: &ParquetError) -> ReadError {
    ReadError::BadRequest(format!(
        "this result cannot be written as Parquet: {error}; cast the column in the query, or choose another format"
    ))
}
