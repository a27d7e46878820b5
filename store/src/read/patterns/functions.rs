//! Lines as patterns: what a person sees of a template.
//!
//! A line is cut as a split cuts it. Each variable is shown as `<*>` and is a slot, numbered from 1
//! on.

use std::sync::Arc;

use datafusion::arrow::array::StringArray;
use datafusion::arrow::array::{Float64Array, ListBuilder, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::Expr;

use super::merge::{SLOT, Words};
use crate::read::scalar::{call, text_of_text};
use crate::read::time::now_nanos;
use crate::split::{CutLine, LineCutter};

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

/// Where the patterns of several templates differ: by word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holes(Vec<usize>);

impl Holes {
    /// Those of patterns of one skeleton; `None` if they are not.
    pub(crate) fn between(patterns: &[String]) -> Option<Self> {
        let all: Vec<Words<'_>> = patterns.iter().map(|pattern| Words::of(pattern)).collect();
        let Some((first, others)) = all.split_first() else {
            return Some(Self::default());
        };
        let differs = |&at: &usize| others.iter().any(|other| other.words[at] != first.words[at]);
        others
            .iter()
            .all(|other| other.same_skeleton(first))
            .then(|| Self((0..first.words.len()).filter(differs).collect()))
    }

    /// What stands in the slots of a line: each of its variables, but for a word that differs the word.
    fn values(&self, cut: CutLine) -> Vec<String> {
        if self.0.is_empty() {
            return cut.variables;
        }
        let words = Words::of(&cut.pattern).words;
        let slots = words.iter().map(|word| word.matches(SLOT).count()).sum::<usize>();
        // A line that holds the sign for a slot cannot be told from its pattern.
        if slots != cut.variables.len() {
            return Vec::new();
        }
        let mut variables = cut.variables.iter();
        let mut values = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let own = variables.by_ref().take(word.matches(SLOT).count());
            match self.0.contains(&at) {
                true => values.push(own.fold((*word).to_owned(), |word, value| word.replacen(SLOT, value, 1))),
                false => values.extend(own.cloned()),
            }
        }
        values
    }
}

/// The variables of records' lines, as lists of texts that [`slot_of`] and [`value_of`] take apart.
pub(crate) fn slots_of(line: Expr, time: Expr, holes: Holes) -> Expr {
    let item = Arc::new(Field::new_list_field(DataType::Utf8, true));
    let key = format!("{:?}", holes.0);
    call("slots", key, DataType::List(item), vec![line, time], move |args| {
        let mut cutter = LineCutter::new(now_nanos());
        let mut lists = ListBuilder::new(StringBuilder::new());
        for (line, time) in args.text(0)?.iter().zip(&args.times(1)?) {
            let cut = line.map(|line| match time {
                Some(time) => cutter.cut_at(line, time),
                None => cutter.cut(line),
            });
            let values = cut.map(|cut| holes.values(cut)).unwrap_or_default();
            for (at, value) in values.iter().enumerate() {
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
