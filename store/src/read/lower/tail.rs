//! `tail N`: the last N rows, in the order that they have; of records the oldest.

use super::{Table, planned, sort};
use crate::read::ReadError;

pub(super) fn lower(mut table: Table, rows: u64) -> Result<Table, ReadError> {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let order = sort::usable(&table);
    // Without an order there is but one row.
    let reversed: Vec<_> = order.iter().map(sort::reversed).collect();
    let mut frame = table.frame;
    if !reversed.is_empty() {
        frame = frame.sort(reversed).map_err(planned)?;
    }
    frame = frame.limit(0, Some(rows)).map_err(planned)?;
    if !order.is_empty() {
        frame = frame.sort(order).map_err(planned)?;
    }
    table.frame = frame;
    table.sorted = true;
    Ok(table)
}
