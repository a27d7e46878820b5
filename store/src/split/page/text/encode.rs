//! Writes the text block, and gives the index what stands in it.

use timberline_proto::token::tokens;

use crate::split::block::Sinks;
use crate::split::column::{ints, values};
use crate::split::index::PageTerms;
use crate::split::page::{Groups, PageRows};
use crate::split::stripe::{CutTexts, TemplatePlaces};
use crate::split::template::{LeafField, Shape, SlotKind};
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

    pub(crate) fn encode(&mut self, page: &PageRows<'_>, groups: &Groups, terms: &mut PageTerms, out: &mut Sinks) {
        for (group, &number) in groups.numbers.iter().enumerate() {
            terms.template(page, number, groups.rows_of(group));
        }
        let slots = |row: usize| page.stripe.lines.slots(page.first + row);
        let value = |row: usize, slot: usize| page.variable(row, slot);
        encode_slots(groups, &slots, &value, out, |column, out| {
            let number = groups.numbers[column.group] as usize;
            let kind = page.stripe.kinds[number][column.slot];
            let field = match &page.stripe.shapes[number] {
                Shape::Fields(fields) => fields.iter().find(|field| field.slot == column.slot),
                Shape::Plain | Shape::Unread => None,
            };
            if let Some(field) = field {
                terms.field_exists(&field.name);
            }
            match kind {
                SlotKind::Leaf => self.encode_leaf(page, field, column, terms, out),
                SlotKind::Variable => encode_values(column, terms, out),
                SlotKind::Time => encode_times(page, field, column, terms, out),
            }
        });
    }

    /// A leaf's values: a column of values, or texts cut like lines.
    fn encode_leaf(
        &mut self,
        page: &PageRows<'_>,
        field: Option<&LeafField>,
        column: &SlotValues<'_, '_>,
        terms: &mut PageTerms,
        out: &mut Sinks,
    ) {
        let values = column.values;
        let mut put = |value: &[u8]| terms.value(SlotKind::Leaf, field, value);
        if column.is_rare {
            return values.iter().for_each(|value| put(value));
        }
        let plan = values::plan(values);
        if plan.is_good(values) || !values.iter().take(8).any(|value| is_cuttable(value)) {
            plan.each_distinct(values, put);
            return plan.write(values, out);
        }
        self.cut(page, column);
        let (cut, groups) = (&self.cut, Groups::of(&self.cut.templates));
        if groups.len() * CUT_VALUES_MIN > values.len() {
            plan.each_distinct(values, put);
            return plan.write(values, out);
        }
        out.meta.push(values::CUT);
        put_varint(&mut out.meta, groups.len() as u64);
        let mut before = 0;
        for (group, &number) in groups.numbers.iter().enumerate() {
            put_varint(&mut out.meta, u64::from(number - before));
            before = number;
            let first = groups.rows_of(group)[0] as usize;
            terms.fixed(values[first], cut.slots_of(first));
        }
        let which: Vec<i64> = groups.which.iter().map(|&w| i64::from(w)).collect();
        ints::encode(&which, out);
        if let Some(field) = field {
            plan.each_distinct(values, |value| terms.leaf_field(field, value));
        }
        let time = |at: usize| cut.time_of(at, values[at]);
        terms.times((0..values.len()).filter_map(time));
        let value = |at: usize, slot: usize| cut.variable(at, slot, values[at]);
        encode_slots(&groups, &|at| cut.slots(at), &value, out, |column, out| {
            match cut.is_time(column.rows[0] as usize, column.slot) {
                true if column.is_rare => {}
                true => values::encode(column.values, out),
                false => encode_values(column, terms, out),
            }
        });
    }

    fn cut(&mut self, page: &PageRows<'_>, column: &SlotValues<'_, '_>) {
        self.cut.clear();
        let mut misses = 0;
        for (&row, value) in column.rows.iter().zip(column.values) {
            let row = page.first + row as usize;
            let found = if page.rows.times_parsed()[row] && misses < TIME_MISSES_MAX {
                self.finder.find(value, page.rows.times()[row])
            } else {
                None
            };
            misses = if found.is_some() { 0 } else { misses + 1 };
            self.cut.push(value, found, &mut self.inner);
        }
    }
}

/// Variables: each is one token.
fn encode_values(column: &SlotValues<'_, '_>, terms: &mut PageTerms, out: &mut Sinks) {
    let values = column.values;
    let mut put = |value: &[u8]| terms.value(SlotKind::Variable, None, value);
    if column.is_rare {
        return values.iter().for_each(|value| put(value));
    }
    let plan = values::plan(values);
    plan.each_distinct(values, put);
    plan.write(values, out);
}

/// Times are written by their forms and asked for by their text.
fn encode_times(
    page: &PageRows<'_>,
    field: Option<&LeafField>,
    column: &SlotValues<'_, '_>,
    terms: &mut PageTerms,
    out: &mut Sinks,
) {
    let lines = &page.stripe.lines;
    let time = |&row: &u32| lines.time_of(page.first + row as usize, page.line(row as usize));
    terms.times(column.rows.iter().filter_map(time));
    if let Some(field) = field {
        column
            .rows
            .iter()
            .filter_map(time)
            .for_each(|time| terms.leaf_field(field, time));
    }
    if !column.is_rare {
        values::encode(column.values, out);
    }
}

/// Whether it is more than one token, and some of it varies.
fn is_cuttable(value: &[u8]) -> bool {
    let mut tokens = tokens(value);
    tokens
        .next()
        .is_some_and(|first| first.start > 0 || first.end < value.len())
}

/// What fills one slot in the rows of one template.
#[derive(Debug)]
struct SlotValues<'c, 'v> {
    group: usize,
    slot: usize,
    rows: &'c [u32],
    values: &'c [&'v [u8]],
    /// It is no column: its values are written with the rows.
    is_rare: bool,
}

/// Columns for the slots of templates with rows enough; the slots of all others row by row. `encode`
/// sees every slot, and writes those that are columns.
fn encode_slots<'v>(
    groups: &Groups,
    slots: &dyn Fn(usize) -> usize,
    value: &dyn Fn(usize, usize) -> &'v [u8],
    out: &mut Sinks,
    mut encode: impl FnMut(&SlotValues<'_, 'v>, &mut Sinks),
) {
    let is_rare = |group: usize| {
        let rows = groups.rows_of(group);
        rows.len() < COLUMN_ROWS_MIN || slots(rows[0] as usize) > COLUMN_SLOTS_MAX
    };
    let rare: Vec<bool> = (0..groups.len()).map(is_rare).collect();
    out.meta.extend(rare.iter().map(|&rare| u8::from(!rare)));
    let mut values = Vec::new();
    for (group, &is_rare) in rare.iter().enumerate() {
        let rows = groups.rows_of(group);
        for slot in 0..slots(rows[0] as usize) {
            values.clear();
            values.extend(rows.iter().map(|&row| value(row as usize, slot)));
            let column = SlotValues {
                group,
                slot,
                rows,
                values: &values,
                is_rare,
            };
            encode(&column, out);
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
