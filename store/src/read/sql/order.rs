//! `ORDER BY` a field.
//!
//! A field is text in SQL, since nobody knows the type of all its values. Rows that are ordered by a
//! field, under its own or another name, are ordered by its numbers first (as numbers), then by its
//! texts; so a field that is numeric everywhere sorts as numbers, and one that is not anywhere as
//! texts. Whatever is computed (`upper(user)`, `dur || ''`) sorts as its type says, and so do the
//! fixed columns. `NULLS FIRST` and `NULLS LAST` hold; unless said nulls come last for `ASC` and first
//! for `DESC`, as elsewhere in SQL. The same holds within `OVER (ORDER BY …)`, unless its frame counts
//! in values.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, Sort, SortExpr, Window, WindowFrameBound, WindowFrameUnits};

use crate::read::columns::{FIELD, KIND};
use crate::read::functions::num;

/// The plan with every order by a field as people count.
pub(super) fn as_people_count(plan: LogicalPlan) -> Result<LogicalPlan> {
    let changed = plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Sort(sort) => {
            let expr = mixed(sort.expr, sort.input.schema());
            Ok(Transformed::yes(LogicalPlan::Sort(Sort { expr, ..sort })))
        }
        LogicalPlan::Window(window) => windows(window),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(changed.data)
}

fn mixed(order: Vec<SortExpr>, schema: &DFSchema) -> Vec<SortExpr> {
    let mut all = Vec::with_capacity(order.len());
    for key in order {
        if is_field(&key.expr, schema) {
            // Where nulls come first, texts that are no number must not come with them.
            if key.nulls_first {
                all.push(key.expr.clone().is_null().sort(false, false));
            }
            all.push(num(key.expr.clone()).sort(key.asc, false));
        }
        all.push(key);
    }
    all
}

fn is_field(expr: &Expr, schema: &DFSchema) -> bool {
    let Expr::Column(column) = expr else { return false };
    let field = schema.field_from_column(column);
    field.is_ok_and(|field| field.metadata().get(KIND).is_some_and(|kind| kind == FIELD))
}

fn windows(window: Window) -> Result<Transformed<LogicalPlan>> {
    let schema = window.input.schema();
    let mut changed = false;
    let mut exprs = Vec::with_capacity(window.window_expr.len());
    for expr in &window.window_expr {
        // The name of the column stays, since what is above asks for it.
        let name = expr.schema_name().to_string();
        let new = expr.clone().transform_up(|expr| match expr {
            Expr::WindowFunction(mut function) if !counts_in_values(&function.params.window_frame) => {
                let order = std::mem::take(&mut function.params.order_by);
                let keys = order.len();
                function.params.order_by = mixed(order, schema);
                let grew = function.params.order_by.len() > keys;
                Ok(Transformed::new_transformed(Expr::WindowFunction(function), grew))
            }
            other => Ok(Transformed::no(other)),
        })?;
        changed |= new.transformed;
        exprs.push(if new.transformed {
            new.data.alias(name)
        } else {
            new.data
        });
    }
    if !changed {
        return Ok(Transformed::no(LogicalPlan::Window(window)));
    }
    // A window cannot rename, so a projection above it does.
    let bare: Vec<Expr> = exprs.iter().map(|expr| expr.clone().unalias()).collect();
    let inner = Window::try_new(bare.clone(), window.input.clone())?;
    let mut columns: Vec<Expr> = window.input.schema().columns().into_iter().map(Expr::Column).collect();
    for (expr, bare) in exprs.iter().zip(&bare) {
        let column = datafusion::logical_expr::ident(bare.schema_name().to_string());
        columns.push(match expr {
            Expr::Alias(alias) => column.alias(alias.name.clone()),
            _ => column,
        });
    }
    let plan = datafusion::logical_expr::LogicalPlanBuilder::from(LogicalPlan::Window(inner))
        .project(columns)?
        .build()?;
    Ok(Transformed::yes(plan))
}

/// `RANGE BETWEEN 5 PRECEDING …` needs one number to count in.
fn counts_in_values(frame: &datafusion::logical_expr::WindowFrame) -> bool {
    let open = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => true,
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => value.is_null(),
    };
    frame.units == WindowFrameUnits::Range && !(open(&frame.start_bound) && open(&frame.end_bound))
}
