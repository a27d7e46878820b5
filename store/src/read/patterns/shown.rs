//! Kinds of lines as they are shown: those of templates joined where they differ in names alone, in
//! order, and as a batch.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::Result;

use super::found::{Found, Place, add_points, join};
use super::merge::merge;
use crate::read::columns::{KIND, MAP, UTC, json};
use crate::read::search::Key;

/// A kind of line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Its templates, the most frequent first. The first names it.
    pub(crate) templates: Vec<u64>,
    pub(crate) count: u64,
    /// In the range to compare with.
    pub(crate) before: u64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// Of the last row, where known.
    pub(crate) key: Option<Key>,
    pub(crate) place: Option<Place>,
    pub(crate) points: Option<Box<[u32]>>,
    pub(crate) pattern: String,
    /// Whether it may be joined with others: shapes differ in names of fields.
    pub(crate) may_join: bool,
    /// The line of the last row.
    pub(crate) example: String,
}

impl Shown {
    fn add(&mut self, more: Shown) {
        self.templates.extend(more.templates);
        self.count += more.count;
        self.before += more.before;
        self.first = self.first.min(more.first);
        add_points(&mut self.points, more.points.as_deref());
        if (more.last, &more.key) > (self.last, &self.key) {
            self.last = more.last;
            self.key = more.key;
            self.place = more.place;
            self.example = more.example;
        }
    }
}

/// A row per template of either range.
pub(crate) fn of_templates(now: &Found, before: &Found) -> Vec<Shown> {
    let mut both = now.clone();
    before.iter().for_each(|(id, template)| join(&mut both, *id, template));
    let rows = |found: &Found, id: u64| found.get(&id).map_or(0, |template| template.rows);
    both.into_iter()
        .map(|(id, template)| Shown {
            templates: vec![id],
            count: rows(now, id),
            before: rows(before, id),
            first: template.first,
            last: template.last.time,
            key: Some(template.last),
            place: Some(template.place),
            points: now.get(&id).and_then(|template| template.points.clone()),
            ..Shown::default()
        })
        .collect()
}

/// Puts the most frequent first.
pub(crate) fn sort(shown: &mut [Shown]) {
    shown.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.templates[0].cmp(&b.templates[0])));
}

/// Joins those that are one pattern, of which the first `most` are looked at; sorted before and after.
pub(crate) fn joined(mut shown: Vec<Shown>, most: usize) -> Vec<Shown> {
    let rest = shown.split_off(most.min(shown.len()));
    let texts: Vec<&str> = shown.iter().map(|one| one.pattern.as_str()).collect();
    let merged = merge(&texts, |one| shown[one].may_join);
    let mut place_of: HashMap<usize, usize> = HashMap::new();
    let mut all: Vec<Shown> = Vec::with_capacity(merged.patterns.len() + rest.len());
    for (one, group) in shown.into_iter().zip(merged.group) {
        match place_of.get(&group) {
            Some(&at) => all[at].add(one),
            None => {
                place_of.insert(group, all.len());
                all.push(Shown {
                    pattern: merged.patterns[group].clone(),
                    ..one
                });
            }
        }
    }
    all.extend(rest);
    sort(&mut all);
    all
}

/// The columns.
pub(crate) fn schema(merges: bool, points: bool, compares: bool) -> SchemaRef {
    let time = || DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into()));
    let list = |name: &str| {
        let of_list = HashMap::from([(KIND.to_owned(), MAP.to_owned())]);
        Field::new(name, DataType::Utf8, true).with_metadata(of_list)
    };
    let mut fields = vec![
        Field::new("template", DataType::Utf8, false),
        Field::new("pattern", DataType::Utf8, true),
        Field::new("count", DataType::Int64, false),
        Field::new("share", DataType::Float64, true),
    ];
    if compares {
        fields.extend([
            Field::new("before", DataType::Int64, false),
            Field::new("change", DataType::Int64, false),
            Field::new("state", DataType::Utf8, true),
        ]);
    }
    fields.extend([
        Field::new("first_seen", time(), false),
        Field::new("last_seen", time(), false),
        Field::new("example", DataType::Utf8, true),
    ]);
    if merges {
        fields.push(list("templates"));
    }
    if points {
        fields.push(list("points"));
    }
    Arc::new(Schema::new(fields))
}

/// The rows as a batch of [`schema`]; shares are of `total` records.
pub(crate) fn batch(schema: &SchemaRef, shown: &[Shown], total: u64) -> Result<RecordBatch> {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let counts = |of: fn(&Shown) -> u64| Arc::new(Int64Array::from_iter_values(shown.iter().map(|one| count(of(one)))));
    let times = |of: fn(&Shown) -> i64| {
        let times = TimestampNanosecondArray::from_iter_values(shown.iter().map(of));
        Arc::new(times.with_timezone(UTC))
    };
    let share = |one: &Shown| (total > 0).then(|| one.count as f64 * 100.0 / total as f64);
    let state = |one: &Shown| match (one.before, one.count) {
        (0, _) => Some("new"),
        (_, 0) => Some("gone"),
        _ => None,
    };
    let change = |one: &Shown| count(one.count) - count(one.before);
    let id = |id: &u64| format!("{id:016x}");
    let column = |name: &str| -> ArrayRef {
        match name {
            "template" => Arc::new(StringArray::from_iter_values(
                shown.iter().map(|one| id(&one.templates[0])),
            )),
            "pattern" => Arc::new(StringArray::from_iter_values(shown.iter().map(|one| &one.pattern))),
            "count" => counts(|one| one.count),
            "share" => Arc::new(shown.iter().map(share).collect::<Float64Array>()),
            "before" => counts(|one| one.before),
            "change" => Arc::new(Int64Array::from_iter_values(shown.iter().map(change))),
            "state" => Arc::new(shown.iter().map(state).collect::<StringArray>()),
            "first_seen" => times(|one| one.first),
            "last_seen" => times(|one| one.last),
            "templates" => Arc::new(StringArray::from_iter_values(
                shown
                    .iter()
                    .map(|one| json(&one.templates.iter().map(id).collect::<Vec<_>>())),
            )),
            "points" => Arc::new(StringArray::from_iter_values(
                shown.iter().map(|one| json(&one.points.as_deref().unwrap_or_default())),
            )),
            _ => Arc::new(StringArray::from_iter_values(shown.iter().map(|one| &one.example))),
        }
    };
    let columns = schema.fields().iter().map(|field| column(field.name())).collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
