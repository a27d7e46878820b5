//! Puts a table of counts in place of an aggregate that only counts rows of `logs`, or asks for the first
//! and the last time of all.
//!
//! Whatever it does not know to be exactly the same stays with DataFusion.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, IntervalMonthDayNano, Schema};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder, Projection, TableScan, ident};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use timberline_proto::query::ast::Filter;

use super::condition::{Condition, condition};
use super::table::{CountsTable, Output};
use super::{Counting, Key};
use crate::read::provider::Logs;
use crate::read::scalar::time_type;
use crate::read::scan::Selection;
use crate::read::time::TimeRange;

/// Nanoseconds of a day.
const DAY_NANOS: i64 = 86_400_000_000_000;

/// The rule.
#[derive(Debug)]
pub(crate) struct CountsRule;

impl OptimizerRule for CountsRule {
    fn name(&self) -> &'static str {
        "timberline_counts"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else {
            return Ok(Transformed::no(plan));
        };
        match counts(aggregate)? {
            Some(counts) => Ok(Transformed::yes(counts)),
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// The rows that an aggregate is about.
struct Rows<'a> {
    scan: &'a TableScan,
    filters: Vec<Filter>,
    range: TimeRange,
    present: Vec<String>,
}

fn counts(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let Some(rows) = rows(&aggregate.input) else {
        return Ok(None);
    };
    let provider = source_as_provider(&rows.scan.source)?;
    let Some(logs) = provider.downcast_ref::<Logs>() else {
        return Ok(None);
    };
    let Some(shape) = Shape::of(aggregate, &rows, logs) else {
        return Ok(None);
    };
    let mut source = logs.source().clone();
    let Ok(selection) = source.selection.narrowed(rows.filters, rows.range) else {
        return Ok(None);
    };
    source.selection = selection.clone();
    shape.plan(aggregate, source, selection).map(Some)
}

/// The scan below, and what is asked of its rows on the way up.
fn rows(mut plan: &LogicalPlan) -> Option<Rows<'_>> {
    let mut filters = Vec::new();
    let mut range = TimeRange::ALL;
    let mut present = Vec::new();
    loop {
        plan = match plan {
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::Projection(Projection { expr, input, .. })
                if expr.iter().all(|expr| matches!(expr, Expr::Column(_))) =>
            {
                input
            }
            LogicalPlan::Filter(filter) => {
                for expr in datafusion::logical_expr::utils::split_conjunction(&filter.predicate) {
                    match condition(expr)? {
                        Condition::Range(narrower) => range = range.intersect(&narrower),
                        Condition::Filter(filter) => filters.push(filter),
                        Condition::Present(name) => present.push(name),
                    }
                }
                &filter.input
            }
            LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
                return Some(Rows {
                    scan,
                    filters,
                    range,
                    present,
                });
            }
            _ => return None,
        }
    }
}

/// Keys and columns of the counts.
struct Shape {
    keys: Vec<Key>,
    outputs: Vec<Output>,
    present: Vec<usize>,
}

impl Shape {
    fn of(aggregate: &Aggregate, rows: &Rows<'_>, logs: &Logs) -> Option<Self> {
        let mut keys: Vec<Key> = Vec::new();
        let mut names = Vec::new();
        let mut outputs = Vec::new();
        for expr in &aggregate.group_expr {
            let (name, key) = key_of(expr)?;
            // A field's values are counted by whoever can spill them.
            let streams = &logs.source().view.snapshot.streams;
            if !streams.is_empty() && !streams.values().any(|stream| key.is_of_stream(stream)) {
                return None;
            }
            outputs.push(Output::Key(keys.len()));
            if matches!(key, Key::Bin(_)) && keys.iter().any(|key| matches!(key, Key::Bin(_))) {
                return None;
            }
            keys.push(key);
            names.push(name);
        }
        for expr in &aggregate.aggr_expr {
            outputs.push(match end_of(expr) {
                // Of groups, rows tell.
                Some(end) if names.is_empty() => end,
                _ => count_of(expr, &names)?,
            });
        }
        let place = |name: &String| names.iter().position(|key| key.as_ref() == Some(name));
        let present = rows.present.iter().map(place).collect::<Option<_>>()?;
        Some(Self { keys, outputs, present })
    }

    /// A projection that calls the counts' columns what the aggregate called them.
    fn plan(
        self,
        aggregate: &Aggregate,
        source: crate::read::provider::Source,
        selection: Selection,
    ) -> Result<LogicalPlan> {
        let schema: &DFSchema = &aggregate.schema;
        let name = |at: usize| format!("c{at}");
        let fields = schema.fields().iter().enumerate();
        let fields = fields.map(|(at, field)| Field::new(name(at), field.data_type().clone(), field.is_nullable()));
        let table = CountsTable {
            source,
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            outputs: self.outputs,
            present: self.present,
            always: self.keys.is_empty(),
            counting: Counting {
                selection,
                keys: self.keys,
            },
        };
        let names = schema.iter().enumerate();
        let names = names
            .map(|(at, (relation, field))| ident(name(at)).alias_qualified(relation.cloned(), field.name().clone()));
        LogicalPlanBuilder::scan("counts", provider_as_source(Arc::new(table)), None)?
            .project(names.collect::<Vec<_>>())?
            .build()
    }
}

/// A grouping expression's key, and the name of its column if it is one.
fn key_of(expr: &Expr) -> Option<(Option<String>, Key)> {
    match expr {
        Expr::Alias(alias) => key_of(&alias.expr),
        Expr::Column(column) => Some((Some(column.name.clone()), Key::of_column(&column.name)?)),
        // To its own type, as `bin` plans it: another is computed of the finished bins.
        Expr::Cast(cast) if *cast.field.data_type() == time_type() => match key_of(&cast.expr)? {
            (None, key) => Some((None, key)),
            _ => None,
        },
        Expr::ScalarFunction(call) if call.func.name() == "date_bin" => {
            let (width, time, origin) = match call.args.as_slice() {
                [width, time] => (width, time, None),
                [width, time, origin] => (width, time, Some(origin)),
                _ => return None,
            };
            let from_epoch = origin
                .is_none_or(|origin| matches!(origin, Expr::Literal(ScalarValue::TimestampNanosecond(Some(0), _), _)));
            let is_time = matches!(time, Expr::Column(column) if column.name == "timestamp");
            let width = width_of(width)?;
            (from_epoch && is_time).then_some((None, Key::Bin(width)))
        }
        _ => None,
    }
}

fn width_of(expr: &Expr) -> Option<i64> {
    let Expr::Literal(
        ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano {
            months: 0,
            days,
            nanoseconds,
        })),
        _,
    ) = expr
    else {
        return None;
    };
    let nanos = i64::from(*days).checked_mul(DAY_NANOS)?.checked_add(*nanoseconds)?;
    (nanos > 0).then_some(nanos)
}

/// The earliest or the latest time.
fn end_of(expr: &Expr) -> Option<Output> {
    let function = match expr {
        Expr::Alias(alias) => return end_of(&alias.expr),
        Expr::AggregateFunction(function) => function,
        _ => return None,
    };
    let params = &function.params;
    if params.distinct || params.filter.is_some() || !params.order_by.is_empty() || params.null_treatment.is_some() {
        return None;
    }
    match (function.func.name(), params.args.as_slice()) {
        ("min", [Expr::Column(column)]) if column.name == "timestamp" => Some(Output::First),
        ("max", [Expr::Column(column)]) if column.name == "timestamp" => Some(Output::Last),
        _ => None,
    }
}

fn count_of(expr: &Expr, names: &[Option<String>]) -> Option<Output> {
    let function = match expr {
        Expr::Alias(alias) => return count_of(&alias.expr, names),
        Expr::AggregateFunction(function) if function.func.name() == "count" => function,
        _ => return None,
    };
    let params = &function.params;
    if params.distinct || params.filter.is_some() || !params.order_by.is_empty() || params.null_treatment.is_some() {
        return None;
    }
    match params.args.as_slice() {
        [] => Some(Output::Count),
        [Expr::Literal(value, _)] if !value.is_null() => Some(Output::Count),
        [Expr::Column(column)] => match column.name.as_str() {
            "timestamp" | "body" | "id" | "topic" | "partition" | "offset" | "observed" => Some(Output::Count),
            name => {
                let key = names.iter().position(|key| key.as_deref() == Some(name))?;
                Some(Output::CountOf(key))
            }
        },
        _ => None,
    }
}
