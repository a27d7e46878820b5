//! Files that the operator allows, by the names that `[query.tables]` gives them. A query never names
//! a path. What a file is its name says: `.csv` or `.tsv` (with a line of names first), or `.parquet`.
//!
//! A file is opened anew for each query that names it, so a replaced file is seen at once.

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::prelude::{CsvReadOptions, SessionContext};

use super::parquet::ParquetFile;
use crate::read::engine::failed;
use crate::read::{FileTables, ReadError};

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
    let frame = session.read_csv(path.to_string_lossy().into_owned(), options).await;
    Ok(frame.map_err(|error| failed(&error))?.into_view())
}
