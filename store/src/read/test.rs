//! The exact test of rows: the language's matcher over what a row, a line or a table's row holds.

use std::sync::Arc;

use timberline_proto::line::{FieldValue, fields};
use timberline_proto::query::ast::{Filter, Test};
use timberline_proto::query::matcher::{CompiledFilter, FieldRef, RegexMatch, Row};

use super::ReadError;
use super::row::{RowView, attribute_text, column_name, stream_attribute};
use super::time::{now_nanos, rfc3339};

/// Bytes of a compiled regex at most.
pub(super) const REGEX_BYTES_MAX: usize = 4 << 20;

/// Bytes that the compiled regexes of one filter share.
const REGEXES_BYTES_MAX: usize = 32 << 20;

/// Bytes that each regex of a filter may take, compiled.
pub(super) fn regex_bytes_max(filter: &Filter) -> usize {
    let mut regexes = 0;
    filter.for_each_leaf(&mut |leaf, _| regexes += usize::from(matches!(leaf.test, Test::Regex(_))));
    (REGEXES_BYTES_MAX / regexes.max(1)).min(REGEX_BYTES_MAX)
}

/// A filter ready to test rows. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tester {
    filter: Arc<CompiledFilter>,
}

impl Tester {
    pub(crate) fn new(filter: &Filter) -> Result<Self, ReadError> {
        let bytes_max = regex_bytes_max(filter);
        let compiled = CompiledFilter::compile(filter, now_nanos(), &|pattern: &str| regex(pattern, bytes_max))?;
        Ok(Self {
            filter: Arc::new(compiled),
        })
    }

    /// Whether it keeps every row.
    pub(crate) fn is_all(&self) -> bool {
        self.filter.is_all()
    }

    pub(crate) fn matches(&self, row: &RowView<'_>) -> bool {
        self.filter.matches(row)
    }

    pub(crate) fn matches_row(&self, row: &impl Row) -> bool {
        self.filter.matches(row)
    }

    pub(crate) fn matches_table(&self, row: &TableRow<'_>) -> bool {
        self.filter.matches(row)
    }
}

#[derive(Debug)]
struct Regex(regex::bytes::Regex);

impl RegexMatch for Regex {
    fn find_at(&self, value: &[u8], from: usize) -> Option<(usize, usize)> {
        self.0.find_at(value, from).map(|found| (found.start(), found.end()))
    }
    fn is_match(&self, value: &[u8]) -> bool {
        self.0.is_match(value)
    }
}

/// `bytes_max`: more is an error.
pub(super) fn regex(pattern: &str, bytes_max: usize) -> Result<Box<dyn RegexMatch>, String> {
    let built = regex::bytes::RegexBuilder::new(pattern).size_limit(bytes_max).build();
    match built {
        Ok(regex) => Ok(Box::new(Regex(regex))),
        Err(regex::Error::CompiledTooBig(_)) => Err(format!(
            "it takes more than {bytes_max} bytes compiled; all regexes of a filter share {REGEXES_BYTES_MAX}"
        )),
        Err(error) => Err(timberline_proto::grok::regex_fault(&error)),
    }
}

impl Row for RowView<'_> {
    fn line(&self) -> &[u8] {
        self.row.line
    }

    fn any_value(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.row.stream.attributes.values().any(|value| test(value.as_bytes()))
            || self
                .row
                .attributes
                .iter()
                .any(|(_, value)| attribute_text(value).is_some_and(|text| test(text.as_bytes())))
    }

    fn field(&self, name: &str, test: &mut dyn FnMut(FieldRef<'_>) -> bool) -> bool {
        match column_name(name) {
            "timestamp" => return time(self.row.time_nanos, test),
            "observed" => return time(self.row.observed_nanos, test),
            "body" => return test(FieldRef::text(self.row.line)),
            fixed @ ("template" | "id" | "topic" | "partition" | "offset") => {
                return self
                    .text(fixed)
                    .is_some_and(|text| test(FieldRef::text(text.as_bytes())));
            }
            "severity" | "level" => {
                let severity = self.row.severity.name();
                if !severity.is_empty() && test(FieldRef::text(severity.as_bytes())) {
                    return true;
                }
            }
            other => {
                let attribute = stream_attribute(other).and_then(|name| self.row.stream.attributes.get(name));
                if attribute.is_some_and(|text| test(FieldRef::text(text.as_bytes()))) {
                    return true;
                }
            }
        }
        let mut found = false;
        self.each_named(name, &mut |text| {
            found = test(FieldRef::text(text.as_bytes()));
            !found
        });
        found
    }
}

fn time(nanos: i64, test: &mut dyn FnMut(FieldRef<'_>) -> bool) -> bool {
    let text = rfc3339(nanos);
    test(FieldRef {
        text: text.as_bytes(),
        number: None,
        nanos: Some(nanos),
    })
}

/// A row of a table, or a line alone.
#[derive(Clone, Debug)]
pub(crate) struct TableRow<'a> {
    line: &'a str,
    columns: Vec<(&'a str, &'a str)>,
}

impl<'a> TableRow<'a> {
    /// A line alone: its fields are taken from it.
    pub(crate) fn line(line: &'a str) -> Self {
        Self {
            line,
            columns: Vec::new(),
        }
    }

    /// Values with their names.
    pub(crate) fn columns(columns: Vec<(&'a str, &'a str)>) -> Self {
        Self { line: "", columns }
    }
}

impl Row for TableRow<'_> {
    fn line(&self) -> &[u8] {
        self.line.as_bytes()
    }

    fn any_value(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.columns.iter().any(|(_, value)| test(value.as_bytes()))
    }

    fn field(&self, name: &str, test: &mut dyn FnMut(FieldRef<'_>) -> bool) -> bool {
        let name = column_name(name);
        let mut named = self.columns.iter().filter(|(column, _)| *column == name);
        if named.any(|(_, value)| test(FieldRef::text(value.as_bytes()))) {
            return true;
        }
        if name == "body" && !self.line.is_empty() {
            return test(FieldRef::text(self.line.as_bytes()));
        }
        let mut found = false;
        fields(self.line.as_bytes(), &mut |field, value| {
            found = field == name && value != FieldValue::Null && test(FieldRef::text(value.as_text().as_bytes()));
            !found
        });
        found
    }
}
