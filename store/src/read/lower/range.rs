//! The range of time that a table of records spans.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::TimestampNanosecondType;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::ident;

use super::{Lowering, Table, planned};
use crate::read::ReadError;

/// The range as asked, where it has ends; what was found decides the open ones, so that a few
/// records far away that do not match make no chart of empty bins. Of a search they are found by an
/// early stop (`counts::ends`).
pub(super) async fn of(lowering: &Lowering, table: &Table) -> Result<(i64, i64), ReadError> {
    let asked = &lowering.range;
    if asked.first != i64::MIN && asked.last != i64::MAX {
        return Ok((asked.first, asked.last));
    }
    let (no_first, no_last) = (asked.first == i64::MIN, asked.last == i64::MAX);
    let time = || ident("timestamp");
    let ends = [no_first.then(|| min(time())), no_last.then(|| max(time()))];
    let ends = ends.into_iter().flatten().collect();
    let frame = table.frame.clone().aggregate(Vec::new(), ends).map_err(planned)?;
    let found = frame.collect().await.map_err(planned)?;
    let end = |column: usize| {
        let row = found.iter().find(|batch| batch.num_rows() > 0)?;
        let times = row.column(column).as_primitive_opt::<TimestampNanosecondType>()?;
        times.is_valid(0).then(|| times.value(0))
    };
    let first = match no_first {
        true => end(0).unwrap_or(0),
        false => asked.first,
    };
    let last = match no_last {
        true => end(usize::from(no_first)).unwrap_or(first),
        false => asked.last,
    };
    Ok((first, last.max(first)))
}
