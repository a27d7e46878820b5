//! What arrays take, and the shared memory of what is collected outside of DataFusion's operators.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::dataframe::DataFrame;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use futures::StreamExt;

use super::{ReadError, engine};

/// Memory of the pool that all queries share, for what one of them collects.
#[derive(Debug)]
pub(crate) struct Held(MemoryReservation);

impl Held {
    pub(crate) fn new(name: &str, pool: &Arc<dyn MemoryPool>) -> Self {
        Self(MemoryConsumer::new(name).register(pool))
    }

    /// Takes so many bytes more.
    ///
    /// # Errors
    /// [`ReadError::Limit`] if all queries would hold more than they may.
    pub(crate) fn grow(&self, bytes: usize) -> Result<(), ReadError> {
        self.0.try_grow(bytes).map_err(|error| engine::failed(&error))
    }

    /// Gives all of it back.
    pub(crate) fn free(&self) {
        self.0.free();
    }
}

/// All rows of a frame, at most `rows_max` of them.
///
/// # Errors
/// [`ReadError::Limit`] if there are more, or memory does not hold them.
pub(crate) async fn collected(frame: DataFrame, rows_max: usize, held: &Held) -> Result<Vec<RecordBatch>, ReadError> {
    let failed = |error| engine::failed(&error);
    let mut stream = frame.execute_stream().await.map_err(failed)?;
    let mut batches = Vec::new();
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(failed)?;
        rows += batch.num_rows();
        if rows > rows_max {
            return Err(ReadError::Limit {
                what: format!("a pipe makes more than {rows_max} rows"),
                key: "query.rows_max",
            });
        }
        held.grow(batch_bytes(&batch))?;
        batches.push(batch);
    }
    Ok(batches)
}

/// Bytes of a batch, about.
pub(crate) fn batch_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(array_bytes).sum()
}

/// Bytes of an array's own rows, about: a slice counts for what it shows.
pub(crate) fn array_bytes(array: &ArrayRef) -> usize {
    let views: usize = match array.data_type() {
        DataType::Utf8View => array.as_string_view().lengths().map(|bytes| bytes as usize).sum(),
        DataType::BinaryView => array.as_binary_view().lengths().map(|bytes| bytes as usize).sum(),
        _ => 0,
    };
    let fixed = array.to_data().get_slice_memory_size();
    fixed
        .unwrap_or_else(|_| array.get_array_memory_size())
        .saturating_add(views)
}
