//! Pipes as DataFusion plans: one file per pipe.
//!
//! `where` right after the search joins its filter. `head` before anything is computed takes the
//! newest records by the early-stopping search; the pipes after it work on those. Otherwise the
//! pipes work on a scan of the table `logs`.

mod fields;
mod filter;
mod head;
mod sort;
mod stats;
mod timechart;
mod top;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ident};
use datafusion::prelude::SessionContext;
use timberline_proto::query::ast::{Filter, GroupKey, Pipe, PipeKind, Search};

use super::provider::{Logs, Source};
use super::row::FIXED;
use super::row::column_name;
use super::running::Running;
use super::scan::Selection;
use super::time::TimeRange;
use super::view::View;
use super::{ReadError, Reader, engine};

/// What lowering needs to know of the query around the pipes.
pub(crate) struct Lowering {
    pub(crate) session: SessionContext,
    pub(crate) view: View,
    pub(crate) range: TimeRange,
    pub(crate) running: Arc<Running>,
    pub(crate) threads: usize,
    pub(crate) rows_max: usize,
}

impl Lowering {
    pub(crate) fn new(reader: &Reader, range: TimeRange, running: &Arc<Running>) -> Self {
        let options = reader.options();
        Self {
            session: engine::session(reader.runtime(), options),
            view: reader.view(),
            range,
            running: Arc::clone(running),
            threads: options.threads,
            rows_max: usize::try_from(options.rows_max).unwrap_or(usize::MAX),
        }
    }

    /// The table `logs` under a filter, with a column for each of `names`.
    pub(crate) fn logs(&self, filter: Filter, names: &BTreeSet<String>) -> Result<Logs, ReadError> {
        let source = Source {
            view: self.view.clone(),
            selection: Selection::new(filter, self.range)?,
            running: Arc::clone(&self.running),
            threads: self.threads,
        };
        Ok(Logs::new(source, names))
    }
}

/// The table between two pipes.
pub(crate) struct Table {
    pub(crate) frame: DataFrame,
    /// Whether its rows are records still, with all columns of `logs`.
    pub(crate) records: bool,
    /// Whether its order was asked for.
    pub(crate) sorted: bool,
    /// The columns of records that are shown, if `fields` chose them.
    pub(crate) shown: Option<Vec<String>>,
}

/// Moves each `where` that nothing but `sort` precedes into the filter.
pub(crate) fn fold_wheres(mut search: Search) -> Search {
    let mut filters = vec![search.filter];
    let mut rest = Vec::with_capacity(search.pipes.len());
    let mut commutes = true;
    for pipe in search.pipes {
        match pipe.kind {
            PipeKind::Where(filter) if commutes => filters.push(filter),
            kind => {
                commutes &= matches!(kind, PipeKind::Sort(_));
                rest.push(Pipe { kind, span: pipe.span });
            }
        }
    }
    search.filter = Filter::and(filters);
    search.pipes = rest;
    search
}

/// The plan of a search with pipes, ending in the columns to show.
pub(crate) async fn lower(lowering: &Lowering, search: Search) -> Result<DataFrame, ReadError> {
    let names = names(&search.pipes);
    let (frame, pipes, sorted) = match head::newest(&search.pipes, lowering.rows_max) {
        Some((rows, rest)) => (head::table(lowering, search.filter, &names, rows).await?, rest, true),
        None => {
            let logs = lowering.logs(search.filter, &names)?;
            let frame = lowering.session.read_table(Arc::new(logs)).map_err(planned)?;
            (frame, search.pipes.as_slice(), false)
        }
    };
    let mut table = Table {
        frame,
        records: true,
        sorted,
        shown: None,
    };
    for pipe in pipes {
        table = step(lowering, table, pipe).await?;
    }
    finish(table)
}

async fn step(lowering: &Lowering, table: Table, pipe: &Pipe) -> Result<Table, ReadError> {
    match &pipe.kind {
        PipeKind::Where(filter) => filter::lower(table, filter),
        PipeKind::Stats(stats) => stats::lower(table, stats),
        PipeKind::Timechart(chart) => timechart::lower(lowering, table, chart, pipe.span).await,
        PipeKind::Top { limit, fields } => top::lower(table, *limit, fields),
        PipeKind::Sort(keys) => sort::lower(table, keys),
        PipeKind::Head(rows) => head::lower(table, *rows),
        PipeKind::Fields { fields, keep } => fields::lower(table, fields, *keep),
    }
}

/// Records are shown newest first, with the columns that matter.
fn finish(table: Table) -> Result<DataFrame, ReadError> {
    if !table.records {
        return Ok(table.frame);
    }
    let table = sort::newest_first(table)?;
    let shown = table
        .shown
        .unwrap_or_else(|| fields::DEFAULT.map(str::to_owned).to_vec());
    table
        .frame
        .select(shown.iter().map(ident).collect::<Vec<_>>())
        .map_err(planned)
}

/// Every name that the pipes use, whether a field or a column made by a pipe before.
fn names(pipes: &[Pipe]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |name: &str| {
        let name = column_name(name);
        if !FIXED.contains(&name) {
            names.insert(name.to_owned());
        }
    };
    for pipe in pipes {
        match &pipe.kind {
            PipeKind::Where(filter) => filter.for_each_leaf(&mut |leaf, _| {
                leaf.field.iter().for_each(|field| add(&field.name));
            }),
            PipeKind::Stats(stats) => {
                stats
                    .aggregates
                    .iter()
                    .filter_map(|a| a.field.as_ref())
                    .for_each(|field| add(&field.name));
                stats.by.iter().for_each(|key| match key {
                    GroupKey::Field(field) | GroupKey::Bin { field, .. } => add(&field.name),
                });
            }
            PipeKind::Timechart(chart) => {
                chart
                    .aggregates
                    .iter()
                    .filter_map(|a| a.field.as_ref())
                    .for_each(|field| add(&field.name));
                chart.by.iter().for_each(|field| add(&field.name));
            }
            PipeKind::Top { fields, .. } | PipeKind::Fields { fields, .. } => {
                fields.iter().for_each(|field| add(&field.name));
            }
            PipeKind::Sort(keys) => keys.iter().for_each(|key| add(&key.field.name)),
            PipeKind::Head(_) => {}
        }
    }
    names
}

/// A column of the table before; an error with its place names the nearest there is.
fn column(table: &Table, field: &timberline_proto::query::ast::Field) -> Result<Expr, ReadError> {
    let name = column_name(&field.name);
    let schema = table.frame.schema();
    if schema.fields().iter().any(|known| known.name() == name) {
        return Ok(ident(name));
    }
    let known: Vec<&str> = schema.fields().iter().map(|known| known.name().as_str()).collect();
    Err(ReadError::Query(timberline_proto::query::QueryError {
        message: format!("there is no column {name:?} here, only {}", known.join(", ")),
        span: field.span,
        suggestion: timberline_proto::query::nearest(name, known.iter().copied()).map(str::to_owned),
    }))
}

/// An error of DataFusion while a plan is made.
#[allow(clippy::needless_pass_by_value, reason = "the form that map_err calls")]
pub(crate) fn planned(error: DataFusionError) -> ReadError {
    engine::failed(&error)
}
