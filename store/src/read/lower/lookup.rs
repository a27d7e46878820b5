//! `lookup table on field [= column], …`: the other columns of an allowed table beside the rows.
//!
//! Values are equal as texts. Of several rows of the table with the same key the first counts. A
//! column of the same name that the rows have already is replaced; where nothing is found, by null.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field as ArrowField, Schema};
use datafusion::common::JoinType;
use datafusion::dataframe::DataFrame;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, ident, lit};
use timberline_proto::query::ast::{Field, LookupKey};
use timberline_proto::query::{QueryError, nearest};

use super::expr::{Value, kind_of};
use super::{Lowering, Table, column, column_name, planned, replaced, with_column};
use crate::read::memory::{batch_bytes, collected};
use crate::read::{ReadError, tables};

/// Rows of a table that is looked up in.
const ROWS_MAX: usize = 1_000_000;
/// Names that no field has.
const ROW: &str = "\u{1}row";
const FIRST: &str = "\u{1}first";

pub(super) async fn lower(
    lowering: &Lowering,
    mut table: Table,
    named: &Field,
    on: &[LookupKey],
) -> Result<Table, ReadError> {
    let right = load(lowering, named).await?;
    let other_columns = columns(&right, on)?;
    let right = right_side(right, on, &other_columns)?;
    for (at, key) in on.iter().enumerate() {
        let plan = column(&table, &key.field)?;
        let known = table
            .frame
            .schema()
            .field_with_unqualified_name(column_name(&key.field.name));
        let kind = known.map_or(super::expr::Kind::Text, |known| kind_of(known.data_type()));
        table.frame = replaced(table.frame, &format!("\u{1}left{at}"), Value { plan, kind }.text())?;
    }
    let names = |side: &str| (0..on.len()).map(|at| format!("\u{1}{side}{at}")).collect::<Vec<_>>();
    let (left_names, right_names) = (names("left"), names("right"));
    let left_names: Vec<&str> = left_names.iter().map(String::as_str).collect();
    let right_names: Vec<&str> = right_names.iter().map(String::as_str).collect();
    let joined = table.frame.join(right, JoinType::Left, &left_names, &right_names, None);
    table.frame = joined.map_err(planned)?;
    // A join keeps no order.
    table.sorted = false;
    for name in &other_columns {
        table = with_column(table, name, ident(found_name(name)))?;
    }
    let kept: Vec<Expr> = table
        .frame
        .schema()
        .columns()
        .into_iter()
        .filter(|column| !column.name.starts_with('\u{1}'))
        .map(Expr::Column)
        .collect();
    table.frame = table.frame.select(kept).map_err(planned)?;
    if !table.records {
        table = super::sort::in_order(table)?;
    }
    Ok(table)
}

fn found_name(name: &str) -> String {
    format!("\u{1}found.{name}")
}

/// The whole table in memory, with the number of each row.
async fn load(lowering: &Lowering, named: &Field) -> Result<DataFrame, ReadError> {
    lowering.view.limits.refuse(&format!("the table {}", named.name))?;
    let Some(provider) = tables::files::table(&lowering.session, &lowering.files, &named.name).await? else {
        let known: Vec<&str> = lowering.files.keys().map(String::as_str).collect();
        let message = match known.is_empty() {
            true => format!(
                "there is no table {:?}: query.tables in the configuration names none",
                named.name
            ),
            false => format!("there is no table {:?}, only {}", named.name, known.join(", ")),
        };
        return Err(ReadError::Query(QueryError {
            message,
            span: named.span,
            suggestion: nearest(&named.name, known).map(str::to_owned),
        }));
    };
    let frame = lowering.session.read_table(provider).map_err(planned)?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let frame = frame.limit(0, Some(ROWS_MAX + 1)).map_err(planned)?;
    let held = lowering.hold("lookup");
    let batches = collected(frame, usize::MAX, &held).await?;
    // For a moment they are there twice.
    held.grow(batches.iter().map(batch_bytes).sum())?;
    let batch = concat_batches(&schema, &batches).map_err(|error| planned(error.into()))?;
    if batch.num_rows() > ROWS_MAX {
        return Err(ReadError::BadRequest(format!(
            "the table {:?} has more than {ROWS_MAX} rows: join it in SQL",
            named.name
        )));
    }
    let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(0..batch.num_rows() as u64));
    let fields = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true));
    let fields: Vec<ArrowField> = fields.chain([ArrowField::new(ROW, DataType::UInt64, false)]).collect();
    let mut columns = batch.columns().to_vec();
    columns.push(numbers);
    let numbered =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| planned(error.into()))?;
    lowering.session.read_batch(numbered).map_err(planned)
}

/// The columns that are no keys.
fn columns(right: &DataFrame, on: &[LookupKey]) -> Result<Vec<String>, ReadError> {
    let all: Vec<String> = right
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    for key in on {
        if !all.contains(&key.column.name) {
            let known: Vec<&str> = all.iter().map(String::as_str).filter(|name| *name != ROW).collect();
            return Err(ReadError::Query(QueryError {
                message: format!(
                    "the table has no column {:?}, only {}",
                    key.column.name,
                    known.join(", ")
                ),
                span: key.column.span,
                suggestion: nearest(&key.column.name, known).map(str::to_owned),
            }));
        }
    }
    let is_key = |name: &String| on.iter().any(|key| key.column.name == *name);
    Ok(all.into_iter().filter(|name| name != ROW && !is_key(name)).collect())
}

/// Keys as texts, the first row of each, every column under a name of its own.
fn right_side(right: DataFrame, on: &[LookupKey], other_columns: &[String]) -> Result<DataFrame, ReadError> {
    let kind = |name: &str| {
        let known = right.schema().field_with_unqualified_name(name);
        known.map_or(super::expr::Kind::Text, |known| kind_of(known.data_type()))
    };
    let keys: Vec<Expr> = on
        .iter()
        .map(|key| {
            let plan = ident(&key.column.name);
            Value {
                plan,
                kind: kind(&key.column.name),
            }
            .text()
        })
        .collect();
    let first = row_number()
        .partition_by(keys.clone())
        .order_by(vec![ident(ROW).sort(true, false)])
        .build()
        .map_err(planned)?;
    let mut shown: Vec<Expr> = keys
        .into_iter()
        .enumerate()
        .map(|(at, key)| key.alias(format!("\u{1}right{at}")))
        .collect();
    shown.extend(other_columns.iter().map(|name| ident(name).alias(found_name(name))));
    right
        .window(vec![first.alias(FIRST)])
        .and_then(|frame| frame.filter(ident(FIRST).eq(lit(1_u64))))
        .and_then(|frame| frame.select(shown))
        .map_err(planned)
}
