//! `variables TEMPLATE, … [N]`: what stands in the slots of a template, or of several that are one
//! pattern: there the words in which they differ are slots too.
//!
//! A row per slot and value, the N most frequent values of each slot: the slot's number from 1 on,
//! the value, how many records have it and their share of the slot in percent; beside each how many
//! different values the slot has, and the smallest and largest number among them.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt, WindowFunctionDefinition, cast, ident, lit};
use timberline_proto::query::ast::{CompareOp, Field, Filter, Leaf, Literal, Span, Test};

use super::patterns::{is_scan, kinds, plain, wrong};
use super::{Lowering, Table, planned};
use crate::read::ReadError;
use crate::read::functions::num;
use crate::read::memory::collected;
use crate::read::patterns::{Asked, Holes, slot_of, slots_of, value_of};

/// A name that no field has.
const SLOTS: &str = "\u{1}slots";
const RANK: &str = "\u{1}rank";
const TOTAL: &str = "\u{1}total";

/// Templates that are taken apart at once.
const TEMPLATES_MAX: usize = 1000;

pub(super) async fn lower(
    lowering: &Lowering,
    mut table: Table,
    templates: &[Literal],
    limit: u64,
    span: Span,
) -> Result<Table, ReadError> {
    if !table.records {
        return Err(wrong(
            span,
            "variables works on records: put it before what makes a table of them",
        ));
    }
    if templates.len() > TEMPLATES_MAX {
        return Err(wrong(
            span,
            &format!("variables takes {TEMPLATES_MAX} templates at most: name those with the most records"),
        ));
    }
    let ids = templates.iter().map(|template| lit(template.text.as_str())).collect();
    let frame = table
        .frame
        .clone()
        .filter(ident("template").in_list(ids, false))
        .map_err(planned)?;
    let holes = match templates.len() {
        1 => Holes::default(),
        _ => holes(lowering, &table, templates, frame.clone(), span).await?,
    };
    let frame = frame
        .select(vec![slots_of(ident("body"), ident("timestamp"), holes).alias(SLOTS)])
        .and_then(|frame| frame.unnest_columns(&[SLOTS]))
        .map_err(planned)?;
    let keys = vec![
        slot_of(ident(SLOTS)).alias("slot"),
        value_of(ident(SLOTS)).alias("value"),
    ];
    let frame = frame
        .aggregate(keys, vec![count(lit(1)).alias("count")])
        .and_then(|frame| frame.window(vec![rank()?]))
        .and_then(|frame| frame.window(of_slots()?))
        .map_err(planned)?;
    let share = cast(ident("count"), DataType::Float64) * lit(100.0) / cast(ident(TOTAL), DataType::Float64);
    let columns = vec![
        ident("slot"),
        ident("value"),
        ident("count"),
        share.alias("share"),
        ident("distinct"),
        ident("min"),
        ident("max"),
    ];
    let order = vec![
        ident("slot").sort(true, false),
        ident("count").sort(false, false),
        ident("value").sort(true, false),
    ];
    table.frame = frame
        .filter(ident(RANK).lt_eq(lit(limit)))
        .and_then(|frame| frame.select(columns))
        .and_then(|frame| frame.sort(order.clone()))
        .map_err(planned)?;
    table.becomes(order);
    Ok(table)
}

/// Where the templates differ.
async fn holes(
    lowering: &Lowering,
    table: &Table,
    templates: &[Literal],
    frame: datafusion::dataframe::DataFrame,
    span: Span,
) -> Result<Holes, ReadError> {
    let bare = table.filter.as_ref().filter(|_| is_scan(table.frame.logical_plan()));
    let found = match bare {
        Some(filter) => {
            let is = |template: &Literal| {
                Filter::Leaf(Leaf {
                    field: Some(Field {
                        name: "template".to_owned(),
                        span: template.span,
                    }),
                    test: Test::Compare(CompareOp::Eq, template.clone()),
                    span: template.span,
                })
            };
            let any = Filter::or(templates.iter().map(is).collect());
            let asked = Asked {
                limit: None,
                merge_max: None,
                parts: None,
                before: None,
            };
            kinds(lowering, Filter::and(vec![filter.clone(), any]), asked)?
        }
        None => plain(frame)?,
    };
    let found = found.select(vec![ident("pattern")]).map_err(planned)?;
    let held = lowering.hold("variables");
    let batches = collected(found, TEMPLATES_MAX, &held).await?;
    let texts = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten())
        .map(str::to_owned)
        .collect::<Vec<_>>();
    Holes::between(&texts).ok_or_else(|| {
        wrong(
            span,
            "these templates are not one pattern: name those that patterns shows together",
        )
    })
}

/// Each value's place in its slot. A plan of windows holds those of one order only.
fn rank() -> datafusion::common::Result<Expr> {
    let order = vec![ident("count").sort(false, false), ident("value").sort(true, false)];
    let rank = row_number().partition_by(vec![ident("slot")]).order_by(order).build()?;
    Ok(rank.alias(RANK))
}

/// What is said of each slot, beside each of its values.
fn of_slots() -> datafusion::common::Result<Vec<Expr>> {
    use datafusion::functions_aggregate::{count::count_udaf, min_max::max_udaf, min_max::min_udaf, sum::sum_udaf};
    let over_slot = |function: std::sync::Arc<datafusion::logical_expr::AggregateUDF>, of: Expr| {
        let call = WindowFunction::new(WindowFunctionDefinition::AggregateUDF(function), vec![of]);
        Expr::from(call).partition_by(vec![ident("slot")]).build()
    };
    Ok(vec![
        over_slot(sum_udaf(), ident("count"))?.alias(TOTAL),
        over_slot(count_udaf(), lit(1))?.alias("distinct"),
        over_slot(min_udaf(), num(ident("value")))?.alias("min"),
        over_slot(max_udaf(), num(ident("value")))?.alias("max"),
    ])
}
