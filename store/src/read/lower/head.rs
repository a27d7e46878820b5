//! `head N`: the first N; of records, the newest. Also `tail N` of records, the oldest, where nothing
//! stands before it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use timberline_proto::api::Direction;
use timberline_proto::query::ast::{Filter, Pipe, PipeKind};

use super::{Lowering, Table, planned, sort};
use crate::read::columns;
use crate::read::engine::{BATCH_ROWS_MAX, carried};
use crate::read::memory::{Held, batch_bytes};
use crate::read::reader::blocking;
use crate::read::scan::Selection;
use crate::read::search::{Hit, Search};
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
        selection: Selection::new(&lowering.view.limits, filter, lowering.range)?,
        direction,
        after: None,
        limit: rows,
        running: Arc::clone(&lowering.running),
    };
    let held = lowering.hold("head");
    let taken = Arc::clone(&held);
    let hits = blocking(move || {
        let mut hits = Vec::new();
        let mut failed = None;
        let outcome = search.run(&mut |portion| {
            let bytes = portion.iter().map(hit_bytes).sum();
            if let Err(error) = taken.grow(bytes) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            hits.extend(portion);
            ControlFlow::Continue(())
        });
        if let Some(error) = failed {
            return Err(error);
        }
        outcome?;
        if direction == Direction::Forward {
            hits.reverse();
        }
        Ok(hits)
    });
    let table = Hits {
        schema,
        hits: Arc::new(hits.await?),
        held: lowering.hold("head"),
    };
    lowering.session.read_table(Arc::new(table)).map_err(planned)
}

/// Bytes of a record that was found: its line, and about what stands beside it.
fn hit_bytes(hit: &Hit) -> usize {
    const BESIDE_BYTES: usize = 128;
    hit.view().row.line.len() + BESIDE_BYTES
}

/// Records that were found. Columns are made of them when it is known which are needed.
#[derive(Debug)]
struct Hits {
    schema: SchemaRef,
    hits: Arc<Vec<Hit>>,
    /// Of the columns made.
    held: Arc<Held>,
}

#[async_trait::async_trait]
impl TableProvider for Hits {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let schema = match projection {
            Some(projection) => Arc::new(self.schema.project(projection)?),
            None => Arc::clone(&self.schema),
        };
        let (hits, held, of) = (Arc::clone(&self.hits), Arc::clone(&self.held), Arc::clone(&schema));
        let rows = limit.unwrap_or(usize::MAX).min(hits.len());
        // A plan that is made once more makes its columns once more.
        held.free();
        let batches = blocking(move || {
            let portions = hits[..rows].chunks(BATCH_ROWS_MAX).map(|portion| {
                let views: Vec<_> = portion.iter().map(|hit| hit.view()).collect();
                let batch = columns::batch(&of, &views).map_err(|error| engine::failed(&error))?;
                held.grow(batch_bytes(&batch))?;
                Ok(batch)
            });
            portions.collect::<Result<Vec<_>, ReadError>>()
        });
        let table = MemTable::try_new(schema, vec![batches.await.map_err(carried)?])?;
        table.scan(session, None, &[], None).await
    }
}
