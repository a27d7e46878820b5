//! Which fields the newest matching records have, of what types, with their most frequent values.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use timberline_proto::api::{Direction, FieldSummary, FieldsAnswer, FieldsRequest, ValueCount};
use timberline_proto::batch::AttributeValue;
use timberline_proto::line::FieldValue;
use timberline_proto::query::ast::Filter;
use timberline_proto::query::matcher::number;

use super::histogram::filter_of;
use super::reader::{blocking, range};
use super::row::{RowView, attribute_text};
use super::running::Running;
use super::scan::Selection;
use super::search::Search;
use super::time::TimeRange;
use super::{ReadError, Reader};

/// Distinct values counted per field at most.
const DISTINCT_MAX: usize = 2000;
/// Bytes of a value that are counted as one; longer values are cut.
const VALUE_BYTES_MAX: usize = 256;
/// Fields of an answer at most.
const FIELDS_MAX: usize = 1000;
/// Top values per field, where the request names no number.
const VALUES_DEFAULT: u32 = 10;

impl Reader {
    /// Summarises the fields of the newest records that a search's filter keeps.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn fields(&self, request: FieldsRequest) -> Result<FieldsAnswer, ReadError> {
        let task = self.begin(request.query_id.clone()).await?;
        let range = range(request.from.as_deref(), request.to.as_deref())?;
        let filter = filter_of(&request.query)?;
        let asked = Asked {
            only: request.field,
            values: request.values.unwrap_or(VALUES_DEFAULT) as usize,
        };
        self.summarised(filter, range, asked, &task.running).await
    }

    /// The fields of all records in a range, as part of a query that runs already.
    pub(crate) async fn fields_within(
        &self,
        range: TimeRange,
        running: &Arc<Running>,
    ) -> Result<FieldsAnswer, ReadError> {
        let asked = Asked {
            only: None,
            values: VALUES_DEFAULT as usize,
        };
        self.summarised(Filter::All, range, asked, running).await
    }

    async fn summarised(
        &self,
        filter: Filter,
        range: TimeRange,
        asked: Asked,
        running: &Arc<Running>,
    ) -> Result<FieldsAnswer, ReadError> {
        let sample = self.options().fields_sample_rows;
        self.check_filter(&filter)?;
        let search = Search {
            view: self.view(),
            selection: Selection::prepared(filter, range).await?,
            direction: Direction::Backward,
            after: None,
            limit: sample,
            running: Arc::clone(running),
        };
        blocking(move || {
            let mut summaries = Summaries {
                only: asked.only,
                fields: BTreeMap::new(),
            };
            let mut rows = 0;
            let more = search.run(&mut |hits| {
                rows += hits.len() as u64;
                hits.iter().for_each(|hit| summaries.record(&hit.view()));
                ControlFlow::Continue(())
            })?;
            Ok(summaries.answer(rows, more.is_none(), asked.values))
        })
        .await
    }
}

/// Which fields, and how many values of each.
struct Asked {
    only: Option<String>,
    values: usize,
}

struct Summaries {
    only: Option<String>,
    fields: BTreeMap<String, Summary>,
}

#[derive(Default)]
struct Summary {
    records: u64,
    types: BTreeMap<&'static str, u64>,
    values: HashMap<String, u64>,
    capped: bool,
    /// Smallest and largest of the values that are or read as numbers.
    numbers: Option<(f64, f64)>,
}

impl Summaries {
    fn record(&mut self, view: &RowView<'_>) {
        let mut seen: Vec<String> = Vec::new();
        let severity = view.row.severity.name();
        if !severity.is_empty() {
            self.value("severity", "text", severity, &mut seen);
        }
        for (name, value) in &view.row.stream.attributes {
            self.value(name, "text", value, &mut seen);
        }
        for (name, value) in view.row.attributes {
            if let Some(text) = attribute_text(value) {
                self.value(name, attribute_type(value), &text, &mut seen);
            }
        }
        for (name, value) in view.fields() {
            if !matches!(value, FieldValue::Null) {
                self.value(name, field_type(value), value.as_text(), &mut seen);
            }
        }
    }

    fn value(&mut self, name: &str, kind: &'static str, text: &str, seen: &mut Vec<String>) {
        if self.only.as_ref().is_some_and(|only| only != name) {
            return;
        }
        if !self.fields.contains_key(name) && self.fields.len() >= FIELDS_MAX {
            return;
        }
        let summary = self.fields.entry(name.to_owned()).or_default();
        if !seen.iter().any(|seen| seen == name) {
            seen.push(name.to_owned());
            summary.records += 1;
        }
        *summary.types.entry(kind).or_default() += 1;
        if let Some(n) = number(text.trim().as_bytes()) {
            let (min, max) = summary.numbers.unwrap_or((n, n));
            summary.numbers = Some((min.min(n), max.max(n)));
        }
        let text = cut(text);
        if let Some(count) = summary.values.get_mut(text) {
            *count += 1;
        } else if summary.values.len() < DISTINCT_MAX {
            summary.values.insert(text.to_owned(), 1);
        } else {
            summary.capped = true;
        }
    }

    fn answer(self, rows: u64, exact: bool, values: usize) -> FieldsAnswer {
        let mut fields: Vec<_> = self
            .fields
            .into_iter()
            .map(|(name, s)| s.answer(name, values))
            .collect();
        fields.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        FieldsAnswer { fields, rows, exact }
    }
}

impl Summary {
    fn answer(self, name: String, values: usize) -> FieldSummary {
        let mut types: Vec<_> = self.types.into_iter().collect();
        types.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let distinct = self.values.len() as u64;
        let mut top: Vec<_> = self
            .values
            .into_iter()
            .map(|(value, count)| ValueCount { value, count })
            .collect();
        top.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        top.truncate(values);
        FieldSummary {
            name,
            type_counts: types.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
            types: types.into_iter().map(|(kind, _)| kind.to_owned()).collect(),
            min: self.numbers.map(|(min, _)| min),
            max: self.numbers.map(|(_, max)| max),
            count: self.records,
            distinct,
            distinct_capped: self.capped,
            top,
        }
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(VALUE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn number_type(text: &str) -> &'static str {
    if text.parse::<i64>().is_ok() {
        "integer"
    } else {
        "number"
    }
}

fn field_type(value: &FieldValue<'_>) -> &'static str {
    match value {
        FieldValue::Number(text) => number_type(text),
        FieldValue::Bool(_) => "boolean",
        FieldValue::Text(_) | FieldValue::Null => "text",
    }
}

fn attribute_type(value: &AttributeValue) -> &'static str {
    match value {
        AttributeValue::Bool(_) => "boolean",
        AttributeValue::Integer(_) => "integer",
        AttributeValue::Number(_) => "number",
        AttributeValue::Text(_) | AttributeValue::Json(_) => "text",
    }
}
