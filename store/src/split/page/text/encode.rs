//! Writes the text block.

use timberline_proto::token::tokens;

use crate::split::block::Sinks;
use crate::split::column::{ints, values};
use crate::split::page::{Groups, PageRows};
use crate::split::stripe::{CutTexts, TemplatePlaces};
use crate::split::template::{SlotKind, cut};
use crate::split::time::TimeFinder;
use crate::split::wire::put_varint;

/// A template with fewer rows than this in a page has no columns of its own.
const COLUMN_ROWS_MIN: usize = 8;

/// A template with more slots than this has no columns of its own.
const COLUMN_SLOTS_MAX: usize = 1024;

/// So many values of a leaf without a time, one after another, and no more are tried.
const TIME_MISSES_MAX: usize = 4;

/// A leaf's values are cut only if they have fewer templates than one for so many values.
const CUT_VALUES_MIN: usize = 4;

/// What is kept from page to page of a stripe.
#[derive(Debug)]
pub(crate) struct TextEncoder {
    /// Templates of texts within lines.
    pub(crate) inner: TemplatePlaces,
    finder: TimeFinder,
    cut: CutTexts,
}

impl TextEncoder {
    pub(crate) fn new() -> Self {
        Self {
            inner: TemplatePlaces::default(),
            finder: TimeFinder::new(),
            cut: CutTexts::default(),
        }
    }

    pub(crate) fn encode(&mut self, page: &PageRows<'_>, groups: &Groups, out: &mut Sinks) {
        let slots = |row: usize| page.stripe.lines.slots(page.first + row);
        let value = |row: usize, slot: usize| page.variable(row, slot);
        encode_slots(groups, &slots, &value, out, |group, slot, rows, column, out| {
            let kinds = &page.stripe.kinds[groups.numbers[group] as usize];
            match kinds.get(slot) {
                Some(SlotKind::Leaf) => self.encode_leaf(page, rows, column, out),
                _ => values::encode(column, out),
            }
        });
    }

    /// A leaf's values: a column of values, or texts cut like lines.
    fn encode_leaf(&mut self, page: &PageRows<'_>, rows: &[u32], column: &[&[u8]], out: &mut Sinks) {
        let plan = values::plan(column);
        if plan.is_good(column) || !column.iter().take(8).any(|value| is_cuttable(value)) {
            return plan.write(column, out);
        }
        self.cut.clear();
        let mut misses = 0;
        for (&row, value) in rows.iter().zip(column) {
            let row = page.row(row as usize);
            let found = if row.time_parsed && misses < TIME_MISSES_MAX {
                self.finder.find(value, row.time_nanos)
            } else {
                None
            };
            misses = if found.is_some() { 0 } else { misses + 1 };
            self.cut.push(found, &mut self.inner, |time, template, variables| {
                cut(value, time, template, variables)
            });
        }
        let groups = Groups::of(&self.cut.templates);
        if groups.len() * CUT_VALUES_MIN > column.len() {
            return plan.write(column, out);
        }
        out.meta.push(values::CUT);
        put_varint(&mut out.meta, groups.len() as u64);
        let mut before = 0;
        for &number in &groups.numbers {
            put_varint(&mut out.meta, u64::from(number - before));
            before = number;
        }
        let which: Vec<i64> = groups.which.iter().map(|&w| i64::from(w)).collect();
        ints::encode(&which, out);
        let cut = &self.cut;
        let value = |at: usize, slot: usize| cut.variable(at, slot, column[at]);
        encode_slots(&groups, &|at| cut.slots(at), &value, out, |_, _, _, column, out| {
            values::encode(column, out);
        });
    }
}

/// Whether it is more than one token, and some of it varies.
fn is_cuttable(value: &[u8]) -> bool {
    let mut tokens = tokens(value);
    tokens
        .next()
        .is_some_and(|first| first.start > 0 || first.end < value.len())
}

/// Columns for the slots of templates with rows enough; the slots of all others row by row.
fn encode_slots<'v>(
    groups: &Groups,
    slots: &dyn Fn(usize) -> usize,
    value: &dyn Fn(usize, usize) -> &'v [u8],
    out: &mut Sinks,
    mut encode: impl FnMut(usize, usize, &[u32], &[&'v [u8]], &mut Sinks),
) {
    let is_rare = |group: usize| {
        let rows = groups.rows_of(group);
        rows.len() < COLUMN_ROWS_MIN || slots(rows[0] as usize) > COLUMN_SLOTS_MAX
    };
    let rare: Vec<bool> = (0..groups.len()).map(is_rare).collect();
    out.meta.extend(rare.iter().map(|&rare| u8::from(!rare)));
    let mut column = Vec::new();
    for group in (0..groups.len()).filter(|&group| !rare[group]) {
        let rows = groups.rows_of(group);
        for slot in 0..slots(rows[0] as usize) {
            column.clear();
            column.extend(rows.iter().map(|&row| value(row as usize, slot)));
            encode(group, slot, rows, &column, out);
        }
    }
    for (row, _) in groups
        .which
        .iter()
        .enumerate()
        .filter(|(_, which)| rare[**which as usize])
    {
        for slot in 0..slots(row) {
            let variable = value(row, slot);
            put_varint(&mut out.delta, variable.len() as u64);
            out.text.extend_from_slice(variable);
        }
    }
}
