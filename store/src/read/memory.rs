//! What arrays take, and the shared memory of what is collected outside of DataFusion's operators.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::DataType;

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
