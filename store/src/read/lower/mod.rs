//! Pipes as DataFusion plans: one file per pipe.
//!
//! `where` right after the search joins its filter. `head` before anything is computed takes the
//! newest records by the early-stopping search; the pipes after it work on those. Otherwise the
//! pipes work on a scan of the table `logs`.

mod dedup;
mod expr;
mod extend;
mod fields;
mod filter;
mod head;
mod json;
mod lookup;
mod parse;
mod patterns;
mod range;
mod rename;
mod sort;
mod stats;
mod tail;
mod timechart;
mod top;
mod variables;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, SortExpr, ident};
use datafusion::prelude::SessionContext;
use timberline_proto::query::ast::{Filter, GroupKey, Pipe, PipeKind, Search};

use super::memory::Held;
use super::provider::{Logs, Source};
use super::row::FIXED;
use super::row::column_name;
use super::running::Running;
use super::scan::Selection;
use super::time::TimeRange;
use super::topics::Topics;
use super::view::View;
use super::{FileTables, ReadError, Reader, engine};

/// What lowering needs to know of the query around the pipes.
pub(crate) struct Lowering {
    pub(crate) session: SessionContext,
    pub(crate) view: View,
    pub(crate) range: TimeRange,
    pub(crate) running: Arc<Running>,
    pub(crate) threads: usize,
    pub(crate) rows_max: usize,
    /// Templates that `patterns` joins at most.
    pub(crate) patterns_merge_max: usize,
    /// Files that may be named as tables.
    pub(crate) files: FileTables,
}

impl Lowering {
    pub(crate) fn new(reader: &Reader, topics: &Topics, range: TimeRange, running: &Arc<Running>) -> Self {
        let options = reader.options();
        Self {
            session: engine::session(reader.runtime(), options, running),
            view: reader.view_of(topics),
            range,
            running: Arc::clone(running),
            threads: options.threads,
            rows_max: usize::try_from(options.rows_max).unwrap_or(usize::MAX),
            patterns_merge_max: options.patterns_merge_max,
            files: options.tables.clone(),
        }
    }

    /// The table `logs` under a filter, with a column for each of `names`.
    pub(crate) fn logs(&self, filter: Filter, names: &BTreeSet<String>) -> Result<Logs, ReadError> {
        Ok(Logs::new(self.source(filter, self.range)?, names))
    }

    /// Shared memory for what a pipe collects.
    fn hold(&self, pipe: &str) -> Arc<Held> {
        self.running.hold(pipe, &self.session.runtime_env().memory_pool)
    }

    fn source(&self, filter: Filter, range: TimeRange) -> Result<Source, ReadError> {
        Ok(Source {
            view: self.view.clone(),
            selection: Selection::new(&self.view.limits, filter, range)?,
            running: Arc::clone(&self.running),
            threads: self.threads,
        })
    }
}

/// The table between two pipes.
pub(crate) struct Table {
    pub(crate) frame: DataFrame,
    /// Whether its rows are records still, with all columns of `logs`.
    pub(crate) records: bool,
    /// Whether its rows come in `order`.
    pub(crate) sorted: bool,
    /// Whether the query sorted it.
    pub(crate) sorted_by_query: bool,
    /// The order that its rows have, or are shown in.
    pub(crate) order: Vec<SortExpr>,
    /// The search that its rows are the records of, all of them.
    pub(crate) filter: Option<Filter>,
    /// The columns of records that are shown, if `fields` chose them.
    pub(crate) shown: Option<Vec<String>>,
}

impl Table {
    /// Takes note that the frame is a table of its own now, in `order`.
    fn becomes(&mut self, order: Vec<SortExpr>) {
        self.records = false;
        self.shown = None;
        self.sorted = true;
        self.sorted_by_query = false;
        self.order = order;
    }
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
                commutes &= matches!(kind, PipeKind::Sort { limit: None, .. });
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
    let mut filter = None;
    let (frame, pipes, sorted) = match head::at_an_end(&search.pipes, lowering.rows_max) {
        Some((rows, direction, rest)) => {
            let frame = head::table(lowering, search.filter, &names, rows, direction).await?;
            (frame, rest, true)
        }
        None => {
            filter = Some(search.filter.clone());
            let logs = lowering.logs(search.filter, &names)?;
            let frame = lowering.session.read_table(Arc::new(logs)).map_err(planned)?;
            (frame, search.pipes.as_slice(), false)
        }
    };
    let mut table = Table {
        frame,
        records: true,
        sorted,
        sorted_by_query: false,
        order: sort::total_order(),
        filter,
        shown: None,
    };
    for pipe in pipes {
        table = step(lowering, table, pipe, &names).await?;
        if !matches!(pipe.kind, PipeKind::Sort { limit: None, .. } | PipeKind::Extend(_)) {
            table.filter = None;
        }
    }
    finish(table)
}

async fn step(lowering: &Lowering, table: Table, pipe: &Pipe, names: &BTreeSet<String>) -> Result<Table, ReadError> {
    match &pipe.kind {
        PipeKind::Where(filter) => filter::lower(table, filter),
        PipeKind::Stats(stats) => stats::lower(lowering, table, stats).await,
        PipeKind::Timechart(chart) => timechart::lower(lowering, table, chart, pipe.span).await,
        PipeKind::Top { limit, fields } => top::lower(table, *limit, fields, false),
        PipeKind::Rare { limit, fields } => top::lower(table, *limit, fields, true),
        PipeKind::Sort { keys, limit } => sort::lower(table, keys, *limit),
        PipeKind::Head(rows) => head::lower(table, *rows),
        PipeKind::Tail(rows) => tail::lower(table, *rows),
        PipeKind::Dedup { rows, keep, fields } => dedup::lower(table, *rows, *keep, fields),
        PipeKind::Fields { fields, keep } => fields::lower(table, fields, *keep),
        PipeKind::Rename(all) => rename::lower(table, all),
        PipeKind::Extend(all) => extend::lower(table, all),
        PipeKind::Parse(parse) => parse::lower(table, parse),
        PipeKind::Json { paths, from } => json::lower(table, paths, from.as_ref(), names),
        PipeKind::Patterns(asked) => patterns::lower(lowering, table, asked, pipe.span).await,
        PipeKind::Variables { templates, limit } => {
            variables::lower(lowering, table, templates, *limit, pipe.span).await
        }
        PipeKind::Lookup { table: named, on } => lookup::lower(lowering, table, named, on).await,
    }
}

/// Records are shown newest first, with the columns that matter.
fn finish(table: Table) -> Result<DataFrame, ReadError> {
    if !table.records {
        return Ok(table.frame);
    }
    let table = sort::in_order(table)?;
    let shown = table
        .shown
        .unwrap_or_else(|| fields::DEFAULT.map(str::to_owned).to_vec());
    table
        .frame
        .select(shown.iter().map(ident).collect::<Vec<_>>())
        .map_err(planned)
}

/// A frame with a column more, or another of its name; it is shown.
fn with_column(mut table: Table, name: &str, value: Expr) -> Result<Table, ReadError> {
    if table.records {
        let mut shown = fields::shown(&table);
        if !shown.iter().any(|known| known == name) {
            shown.push(name.to_owned());
        }
        table.shown = Some(shown);
    }
    // What the rows are ordered by must not change under them.
    let ordered_by = table
        .order
        .iter()
        .any(|key| key.expr.column_refs().iter().any(|column| column.name == name));
    if ordered_by {
        table = sort::in_order(table)?;
        let before = |key: &SortExpr| !key.expr.column_refs().iter().any(|column| column.name == name);
        let kept = table.order.iter().take_while(|key| before(key)).cloned().collect();
        table.order = kept;
    }
    table.frame = replaced(table.frame, name, value)?;
    Ok(table)
}

/// The same columns, with `value` in the place of `name`, or after them.
fn replaced(frame: DataFrame, name: &str, value: Expr) -> Result<DataFrame, ReadError> {
    let value = value.alias(name);
    let mut columns = Vec::new();
    let mut placed = false;
    for column in frame.schema().columns() {
        if column.name == name {
            columns.push(value.clone());
            placed = true;
        } else {
            columns.push(Expr::Column(column));
        }
    }
    if !placed {
        columns.push(value);
    }
    frame.select(columns).map_err(planned)
}

/// The line of records.
fn line(table: &Table) -> Result<Expr, ReadError> {
    let field = timberline_proto::query::ast::Field {
        name: "body".to_owned(),
        span: Default::default(),
    };
    column(table, &field)
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
        names_of(&pipe.kind, &mut add);
    }
    names
}

fn names_of(pipe: &PipeKind, add: &mut dyn FnMut(&str)) {
    match pipe {
        PipeKind::Where(filter) => filter.for_each_leaf(&mut |leaf, _| {
            leaf.field.iter().for_each(|field| add(&field.name));
        }),
        PipeKind::Stats(stats) => {
            stats
                .aggregates
                .iter()
                .for_each(|aggregate| names_of_aggregate(aggregate, add));
            stats.by.iter().for_each(|key| match key {
                GroupKey::Field(field) | GroupKey::Bin { field, .. } => add(&field.name),
            });
        }
        PipeKind::Timechart(chart) => {
            chart
                .aggregates
                .iter()
                .for_each(|aggregate| names_of_aggregate(aggregate, add));
            chart.by.iter().for_each(|field| add(&field.name));
        }
        PipeKind::Top { fields, .. }
        | PipeKind::Rare { fields, .. }
        | PipeKind::Dedup { fields, .. }
        | PipeKind::Fields { fields, .. } => fields.iter().for_each(|field| add(&field.name)),
        PipeKind::Sort { keys, .. } => keys.iter().for_each(|key| add(&key.field.name)),
        PipeKind::Rename(all) => all.iter().for_each(|one| add(&one.from.name)),
        PipeKind::Extend(all) => all
            .iter()
            .for_each(|one| one.value.for_each_field(&mut |field| add(&field.name))),
        PipeKind::Parse(parse) => parse.from.iter().for_each(|field| add(&field.name)),
        PipeKind::Json { from, .. } => from.iter().for_each(|field| add(&field.name)),
        PipeKind::Lookup { on, .. } => on.iter().for_each(|key| add(&key.field.name)),
        PipeKind::Head(_) | PipeKind::Tail(_) | PipeKind::Patterns(_) | PipeKind::Variables { .. } => {}
    }
}

fn names_of_aggregate(aggregate: &timberline_proto::query::ast::Aggregate, add: &mut dyn FnMut(&str)) {
    aggregate.field.iter().for_each(|field| add(&field.name));
    if let Some(condition) = &aggregate.condition {
        condition.for_each_field(&mut |field| add(&field.name));
    }
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
