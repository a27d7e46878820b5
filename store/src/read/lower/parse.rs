//! `parse [field] /regex/`, `parse [field] grok "pattern"`: a column for each named group; null
//! where the pattern does not match, or the group takes no part.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringBuilder, StructArray, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::logical_expr::{Expr, ident};
use timberline_proto::grok::{Capture, Pattern};
use timberline_proto::query::ast::Parse;

use super::{Table, column, column_name, expr, planned, replaced, with_column};
use crate::read::ReadError;
use crate::read::functions::num;
use crate::read::scalar;

/// A name that no field has.
const FOUND: &str = "\u{1}parse";

pub(super) fn lower(mut table: Table, parse: &Parse) -> Result<Table, ReadError> {
    let pattern = Pattern::new(parse)?;
    let text = match &parse.from {
        Some(from) => {
            let plan = column(&table, from)?;
            let name = column_name(&from.name);
            let known = table.frame.schema().field_with_unqualified_name(name);
            let kind = known.map_or(expr::Kind::Text, |known| expr::kind_of(known.data_type()));
            expr::Value { plan, kind }.text()
        }
        None => super::line(&table)?,
    };
    let captures = pattern.captures.clone();
    let mut names: Vec<&str> = captures.iter().map(|capture| capture.name.as_str()).collect();
    names.dedup();
    table.frame = replaced(table.frame, FOUND, captured(text, pattern))?;
    for name in names {
        let value = part(ident(FOUND), name.to_owned());
        let number = captures.iter().any(|capture| capture.name == name && capture.number);
        let value = if number { num(value) } else { value };
        table = with_column(table, column_name(name), value)?;
    }
    let kept: Vec<Expr> = table
        .frame
        .schema()
        .columns()
        .into_iter()
        .filter(|column| column.name != FOUND)
        .map(Expr::Column)
        .collect();
    table.frame = table.frame.select(kept).map_err(planned)?;
    Ok(table)
}

/// All groups of a text at once, as a struct of texts.
fn captured(text: Expr, pattern: Pattern) -> Expr {
    let mut names: Vec<String> = pattern.captures.iter().map(|capture| capture.name.clone()).collect();
    names.dedup();
    let fields: Fields = names
        .iter()
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect();
    let returns = DataType::Struct(fields.clone());
    let parameters = format!("{} {names:?}", pattern.regex);
    scalar::call("captured", parameters, returns, vec![text], move |args| {
        let texts = args.text(0)?;
        let mut columns: Vec<StringBuilder> = names.iter().map(|_| StringBuilder::new()).collect();
        let mut places = pattern.regex.capture_locations();
        for text in &texts {
            let found = text.filter(|text| pattern.regex.captures_read(&mut places, text).is_some());
            for (name, column) in names.iter().zip(&mut columns) {
                let groups = pattern
                    .captures
                    .iter()
                    .filter(|capture: &&Capture| capture.name == *name);
                let mut taken = groups.filter_map(|capture| places.get(capture.group));
                let value = found.and_then(|text| taken.next().map(|(start, end)| &text[start..end]));
                column.append_option(value);
            }
        }
        let arrays = columns
            .iter_mut()
            .map(|column| Arc::new(column.finish()) as ArrayRef)
            .collect();
        Ok(Arc::new(StructArray::try_new(fields.clone(), arrays, None)?))
    })
}

/// One of the texts. Not DataFusion's `get_field`, which its optimizer would move below the columns
/// that it replaces.
fn part(found: Expr, name: String) -> Expr {
    scalar::call(
        "captured_part",
        name.clone(),
        DataType::Utf8,
        vec![found],
        move |args| {
            let part = args
                .array(0)
                .as_struct_opt()
                .and_then(|found| found.column_by_name(&name));
            Ok(part.map_or_else(|| new_null_array(&DataType::Utf8, args.rows), Arc::clone))
        },
    )
}
