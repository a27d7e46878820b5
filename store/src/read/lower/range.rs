//! The range of time that a table of records spans.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::TimestampNanosecondType;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::ident;
use timberline_proto::api::Direction;
use timberline_proto::query::ast::Filter;

use super::{Lowering, Table, planned};
use crate::read::ReadError;
use crate::read::reader::blocking;
use crate::read::scan::Selection;
use crate::read::search::Search;

/// The range as asked, where it has ends; what was found decides the open ones, so that a few
/// records far away that do not match make no chart of empty bins.
pub(super) async fn of(lowering: &Lowering, table: &Table) -> Result<(i64, i64), ReadError> {
    let asked = &lowering.range;
    if asked.first != i64::MIN && asked.last != i64::MAX {
        return Ok((asked.first, asked.last));
    }
    if let Some(filter) = &table.filter {
        return of_search(lowering, filter.clone()).await;
    }
    let ends = vec![
        min(ident("timestamp")).alias("first"),
        max(ident("timestamp")).alias("last"),
    ];
    let frame = table.frame.clone().aggregate(Vec::new(), ends).map_err(planned)?;
    let found = frame.collect().await.map_err(planned)?;
    let end = |column: usize| {
        let row = found.iter().find(|batch| batch.num_rows() > 0)?;
        let times = row.column(column).as_primitive_opt::<TimestampNanosecondType>()?;
        times.is_valid(0).then(|| times.value(0))
    };
    let first = if asked.first == i64::MIN {
        end(0).unwrap_or(0)
    } else {
        asked.first
    };
    let last = if asked.last == i64::MAX {
        end(1).unwrap_or(first)
    } else {
        asked.last
    };
    Ok((first, last.max(first)))
}

/// The times of the first and the last record of a search: most pages are never read for them.
async fn of_search(lowering: &Lowering, filter: Filter) -> Result<(i64, i64), ReadError> {
    let asked = lowering.range;
    let search = Search {
        view: lowering.view.clone(),
        selection: Selection::new(filter, asked)?,
        direction: Direction::Backward,
        after: None,
        limit: 1,
        running: Arc::clone(&lowering.running),
    };
    let end = |search: &Search| -> Result<Option<i64>, ReadError> {
        let mut time = None;
        search.run(&mut |hits| {
            time = hits.first().map(|hit| hit.key.time);
            ControlFlow::Continue(())
        })?;
        Ok(time)
    };
    blocking(move || {
        let Some(newest) = end(&search)? else {
            let first = if asked.first == i64::MIN { 0 } else { asked.first };
            let last = if asked.last == i64::MAX { first } else { asked.last };
            return Ok((first, last.max(first)));
        };
        let last = if asked.last == i64::MAX { newest } else { asked.last };
        let first = match asked.first {
            i64::MIN => {
                let forward = Search {
                    direction: Direction::Forward,
                    ..search
                };
                end(&forward)?.unwrap_or(newest)
            }
            first => first,
        };
        Ok((first, last.max(first)))
    })
    .await
}
