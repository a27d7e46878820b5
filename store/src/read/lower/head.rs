//! `head N`: the first N; of records, the newest. Also `tail N` of records, the oldest, where nothing
//! stands before it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::dataframe::DataFrame;
use datafusion::datasource::MemTable;
use timberline_proto::api::Direction;
use timberline_proto::query::ast::{Filter, Pipe, PipeKind};

use super::{Lowering, Table, planned, sort};
use crate::read::columns;
use crate::read::engine::BATCH_ROWS_MAX;
use crate::read::reader::blocking;
use crate::read::scan::Selection;
use crate::read::search::Search;
use crate::read::{ReadError, engine};

pub(super) fn lower(table: Table, rows: u64) -> Result<Table, ReadError> {
    let mut table = if table.records { sort::in_order(table)? } else { table };
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    table.frame = table.frame.limit(0, Some(rows)).map_err(planned)?;
    Ok(table)
}

/// If the pipes begin with a `head` or `tail` of at most `rows_max` records: how many from which
/// end, and the pipes after it.
pub(super) fn at_an_end(pipes: &[Pipe], rows_max: usize) -> Option<(usize, Direction, &[Pipe])> {
    let (rows, direction) = match pipes.first()?.kind {
        PipeKind::Head(rows) => (rows, Direction::Backward),
        PipeKind::Tail(rows) => (rows, Direction::Forward),
        _ => return None,
    };
    let rows = usize::try_from(rows).ok().filter(|&rows| rows <= rows_max)?;
    Some((rows, direction, &pipes[1..]))
}

/// The newest or oldest `rows` records, found by the search that stops early, as a table, newest first.
pub(super) async fn table(
    lowering: &Lowering,
    filter: Filter,
    names: &BTreeSet<String>,
    rows: usize,
    direction: Direction,
) -> Result<DataFrame, ReadError> {
    let schema = columns::schema(names);
    let search = Search {
        view: lowering.view.clone(),
        selection: Selection::new(filter, lowering.range)?,
        direction,
        after: None,
        limit: rows,
        running: Arc::clone(&lowering.running),
    };
    let batch_schema = Arc::clone(&schema);
    let batches = blocking(move || {
        let mut hits = Vec::new();
        search.run(&mut |portion| {
            hits.extend(portion);
            ControlFlow::Continue(())
        })?;
        if direction == Direction::Forward {
            hits.reverse();
        }
        let portions = hits.chunks(BATCH_ROWS_MAX).map(|portion| {
            let views: Vec<_> = portion.iter().map(|hit| hit.view()).collect();
            columns::batch(&batch_schema, &views)
        });
        portions
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| engine::failed(&error))
    });
    let table = MemTable::try_new(schema, vec![batches.await?]).map_err(planned)?;
    lowering.session.read_table(Arc::new(table)).map_err(planned)
}
