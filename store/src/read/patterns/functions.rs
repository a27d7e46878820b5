//! Lines as patterns: what a person sees of a template.
//!
//! A line is cut as a split cuts it. Each variable is shown as `<*>` and is a slot, numbered from 1
//! on.

use std::sync::Arc;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::array::{Float64Array, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::Expr;

use crate::split::LineCutter;

use crate::read::scalar::{call, text_of_text};
use crate::read::time::now_nanos;

/// Between a slot's number and its value.
const COLON: char = ':';

/// The pattern of lines.
pub(crate) fn pattern_of(line: Expr) -> Expr {
    call("pattern", String::new(), DataType::Utf8, vec![line], |args| {
        let mut cutter = LineCutter::new(now_nanos());
        let texts = args.text(0)?;
        Ok(Arc::new(
            texts
                .iter()
                .map(|line| line.map(|line| cutter.cut(line).pattern))
                .collect::<StringArray>(),
        ))
    })
}

/// The variables of records' lines, as lists of texts that [`slot_of`] and [`value_of`] take apart.
pub(crate) fn slots_of(line: Expr, time: Expr) -> Expr {
    let item = Arc::new(Field::new_list_field(DataType::Utf8, true));
    call("slots", String::new(), DataType::List(item), vec![line, time], |args| {
        let mut cutter = LineCutter::new(now_nanos());
        let mut lists = ListBuilder::new(StringBuilder::new());
        for (line, time) in args.text(0)?.iter().zip(&args.times(1)?) {
            let cut = line.map(|line| match time {
                Some(time) => cutter.cut_at(line, time),
                None => cutter.cut(line),
            });
            let variables = cut.map(|cut| cut.variables).unwrap_or_default();
            for (at, value) in variables.iter().enumerate() {
                lists.values().append_value(format!("{}{COLON}{value}", at + 1));
            }
            lists.append(true);
        }
        Ok(Arc::new(lists.finish()))
    })
}

/// The number of a slot.
pub(crate) fn slot_of(slot: Expr) -> Expr {
    call("slot", String::new(), DataType::Float64, vec![slot], |args| {
        let number = |text: Option<&str>| text?.split_once(COLON)?.0.parse().ok();
        Ok(Arc::new(args.text(0)?.iter().map(number).collect::<Float64Array>()))
    })
}

/// What stands in a slot.
pub(crate) fn value_of(slot: Expr) -> Expr {
    text_of_text("slot_value", slot, |text| Some(text.split_once(COLON)?.1.to_owned()))
}
