//! Files that the operator allows, by the names that `[query.tables]` gives them. A query never names
//! a path. What a file is its name says: `.csv` or `.tsv` (with a line of names first), or `.parquet`.
//!
//! A file is opened anew for each query that names it, so a replaced file is seen at once.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::prelude::{CsvReadOptions, SessionContext};

use super::parquet::ParquetFile;
use crate::read::engine::failed;
use crate::read::{FileTables, ReadError};

/// Rows by which the types of a file's columns are told.
const SAMPLE_ROWS: usize = 1000;

/// The allowed file of a name as a table; `None` if none is allowed under it.
pub(crate) async fn table(
    session: &SessionContext,
    files: &FileTables,
    name: &str,
) -> Result<Option<Arc<dyn TableProvider>>, ReadError> {
    let Some(path) = files.get(name) else {
        return Ok(None);
    };
    let unreadable = |error: String| {
        ReadError::BadRequest(format!(
            "the table {name:?} cannot be read from {}: {error}; query.tables names its file",
            path.display()
        ))
    };
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is no file".to_owned()));
    }
    let table = match extension(path).as_str() {
        "csv" => csv(session, path, b',').await,
        "tsv" => csv(session, path, b'\t').await,
        "parquet" => ParquetFile::open(path).map(|file| Arc::new(file) as Arc<dyn TableProvider>),
        _ => Err(ReadError::BadRequest(
            "its name ends in neither .csv nor .tsv nor .parquet".to_owned(),
        )),
    };
    table.map(Some).map_err(|error| unreadable(error.to_string()))
}

fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

async fn csv(session: &SessionContext, path: &Path, delimiter: u8) -> Result<Arc<dyn TableProvider>, ReadError> {
    let extension = format!(".{}", path.extension().unwrap_or_default().to_string_lossy());
    let options = CsvReadOptions::new().delimiter(delimiter).file_extension(&extension);
    let path = path.to_string_lossy().into_owned();
    let guessed = session.read_csv(path.clone(), options.clone()).await;
    let guessed = guessed.map_err(|error| failed(&error))?.schema().as_arrow().clone();
    let schema = kept_as_written(session, &path, options.clone(), &guessed).await;
    let schema = schema.map_err(|error| failed(&error))?;
    let frame = session.read_csv(path, options.schema(&schema)).await;
    Ok(frame.map_err(|error| failed(&error))?.into_view())
}

/// The guessed types, but text where a value would not be shown as it is written: `007` is no number.
async fn kept_as_written(
    session: &SessionContext,
    path: &str,
    options: CsvReadOptions<'_>,
    guessed: &Schema,
) -> Result<Schema, DataFusionError> {
    let of_type = |field: &FieldRef, kind: DataType| Field::new(field.name(), kind, true);
    let texts = guessed.fields().iter().map(|field| of_type(field, DataType::Utf8));
    let texts = Schema::new(texts.collect::<Vec<_>>());
    let sample = session.read_csv(path, options.schema(&texts)).await?;
    let sample = sample.limit(0, Some(SAMPLE_ROWS))?.collect().await?;
    let is_kept = |at: usize, kind: &DataType| -> Result<bool, DataFusionError> {
        for batch in &sample {
            let written = batch.column(at);
            let shown = cast(&cast(written, kind)?, written.data_type())?;
            let (written, shown) = (written.as_string::<i32>(), shown.as_string::<i32>());
            let differs = |(written, shown): (Option<&str>, Option<&str>)| {
                written.is_some_and(|written| !written.is_empty()) && written != shown
            };
            if written.iter().zip(shown).any(differs) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    let mut fields = Vec::new();
    for (at, field) in guessed.fields().iter().enumerate() {
        let is_number = field.data_type().is_numeric();
        let kept = !is_number || is_kept(at, field.data_type())?;
        fields.push(of_type(
            field,
            if kept {
                field.data_type().clone()
            } else {
                DataType::Utf8
            },
        ));
    }
    Ok(Schema::new(fields))
}
