//! What evaluating asks, answered by the store's reader.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::Value;
use timberline_proto::alert::{Condition, Evidence};
use timberline_proto::api::Answer;
use timberline_proto::query::ast::{
    Aggregate, AggregateFunction, BinWidth, Explain, Field, Filter, GroupKey, Patterns, Pipe, PipeKind, Query, Search,
    Span, Stats,
};
use timberline_proto::query::{parse, time_range};
use tokio::runtime::Handle;

use super::ask::{Ask, Baseline, KnownPattern, Lasts, Measure, Range};
use super::buckets::Sums;
use super::options::AlertOptions;
use super::plan::{Plan, is, read_before};
use super::route::evidence_line;
use super::sample::Group;
use crate::read::Reader;
use crate::split::{pattern_of_template, template_of_row};

/// Templates of one kind of line that are searched for.
const TEMPLATES_MAX: usize = 50;

/// Asks the store. Blocks: for threads of its own.
#[derive(Debug)]
pub(crate) struct StoreAsk<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) handle: &'a Handle,
    pub(crate) options: &'a AlertOptions,
}

impl StoreAsk<'_> {
    fn answer(&self, query: &Search, range: Range) -> Result<Answer, String> {
        self.handle.block_on(self.reader.answer(query.to_string(), range, None))
    }
}

impl Ask for StoreAsk<'_> {
    fn measure(&self, measure: &Measure, window: Range, before: i64) -> Result<Vec<(Group, Option<f64>)>, String> {
        let mut search = search_of(&measure.query)?;
        if before < i64::MAX {
            search.filter = Filter::and(vec![search.filter, read_before(before)]);
        }
        let answer = self.answer(&search, window)?;
        let table = Table::new(&answer, &measure.by)?;
        let column = table.column(&measure.column)?;
        let rows = answer.rows.iter();
        Ok(rows
            .map(|row| (table.group(row), row.get(column).and_then(Value::as_f64)))
            .collect())
    }

    fn lasts(&self, lasts: &Lasts, range: Range) -> Result<Vec<(Group, i64)>, String> {
        let mut search = search_of(&lasts.query)?;
        let at = aggregate(AggregateFunction::Last, Some("timestamp"), "last_at");
        search.pipes.push(stats(vec![at], &lasts.by, None));
        let answer = self.answer(&search, range)?;
        let table = Table::new(&answer, &lasts.by)?;
        let column = table.column("last_at")?;
        let time = |row: &Vec<Value>| {
            let text = row.get(column)?.as_str()?.to_owned();
            Some((table.group(row), time_range::parse_time(&text, range.1).ok()?))
        };
        Ok(answer.rows.iter().filter_map(time).collect())
    }

    fn patterns(&self, query: &str, range: Range, patterns_max: usize) -> Result<Vec<KnownPattern>, String> {
        let mut search = search_of(query)?;
        search.pipes.push(pipe(PipeKind::Patterns(Patterns {
            limit: Some(patterns_max as u64),
            by_template: true,
            points: None,
            compare_nanos: None,
        })));
        let answer = self.answer(&search, range)?;
        let table = Table::new(&answer, &[])?;
        let (pattern, template, count, last) = (
            table.column("pattern")?,
            table.column("template")?,
            table.column("count")?,
            table.column("last_seen")?,
        );
        let known = |row: &Vec<Value>| {
            let last = row.get(last)?.as_str()?.to_owned();
            Some(KnownPattern {
                pattern: Group::new(vec![row.get(pattern)?.as_str()?.to_owned()]),
                template: row.get(template)?.as_str()?.to_owned(),
                lines: row.get(count)?.as_u64()?,
                last: time_range::parse_time(&last, range.1).ok()?,
            })
        };
        Ok(answer.rows.iter().filter_map(known).collect())
    }

    fn baseline(&self, baseline: &Baseline, range: Range) -> Result<Vec<(Group, i64, Sums)>, String> {
        let mut search = search_of(&baseline.query)?;
        search.pipes.retain(|pipe| matches!(pipe.kind, PipeKind::Where(_)));
        let mut aggregates = vec![aggregate(AggregateFunction::Count, None, "rows_of_step")];
        if let Some(field) = &baseline.field {
            aggregates.push(aggregate(AggregateFunction::Count, Some(field), "numbers_of_step"));
            aggregates.push(aggregate(AggregateFunction::Sum, Some(field), "sum_of_step"));
            aggregates.push(aggregate(AggregateFunction::Min, Some(field), "least_of_step"));
            aggregates.push(aggregate(AggregateFunction::Max, Some(field), "greatest_of_step"));
        }
        search.pipes.push(stats(aggregates, &baseline.by, Some(baseline.step)));
        let answer = self.answer(&search, range)?;
        let table = Table::new(&answer, &baseline.by)?;
        let (at, rows) = (table.column("step")?, table.column("rows_of_step")?);
        let of_field = match &baseline.field {
            Some(_) => Some([
                table.column("numbers_of_step")?,
                table.column("sum_of_step")?,
                table.column("least_of_step")?,
                table.column("greatest_of_step")?,
            ]),
            None => None,
        };
        let sums = |row: &Vec<Value>| {
            let text = row.get(at)?.as_str()?.to_owned();
            let number = |column: usize| row.get(column).and_then(Value::as_f64);
            let mut sums = Sums {
                rows: number(rows).unwrap_or(0.0) as u64,
                ..Sums::default()
            };
            if let Some([numbers, sum, least, greatest]) = of_field {
                sums.numbers = number(numbers).unwrap_or(0.0) as u64;
                sums.sum = number(sum).unwrap_or(0.0);
                sums.least = number(least).unwrap_or(sums.least);
                sums.greatest = number(greatest).unwrap_or(sums.greatest);
            }
            Some((table.group(row), time_range::parse_time(&text, range.1).ok()?, sums))
        };
        Ok(answer.rows.iter().filter_map(sums).collect())
    }

    fn oldest(&self) -> i64 {
        self.reader.oldest_row().unwrap_or(i64::MAX)
    }

    fn search(&self, plan: &Plan, group: &Group, window: Range) -> Search {
        let mut search = plan.search_of(group);
        let Condition::Pattern(pattern) = &plan.rule.condition else {
            return search;
        };
        let range = (window.0.saturating_sub(pattern.lookback.0), window.1);
        match self.patterns(&pattern.query, range, plan.patterns_max) {
            Ok(known) => {
                let of_group = known.into_iter().filter(|known| known.pattern == *group);
                let templates: Vec<Filter> = of_group
                    .take(TEMPLATES_MAX)
                    .map(|known| is("template", &known.template))
                    .collect();
                if !templates.is_empty() {
                    search.filter = Filter::and(vec![search.filter, Filter::or(templates)]);
                }
            }
            Err(error) => {
                tracing::warn!(
                    rule = plan.rule.name,
                    error,
                    "the templates of a kind of line cannot be asked for"
                );
            }
        }
        search
    }

    fn evidence(&self, plan: &Plan, group: &Group, search: &Search, window: Range) -> Evidence {
        if plan.is_silence() {
            return Evidence::default();
        }
        let wanted = plan.needs_pattern().then(|| group.0.first().cloned()).flatten();
        let lines_max = self.options.evidence_lines_max;
        let mut evidence = Evidence::default();
        let mut patterns: BTreeMap<String, usize> = BTreeMap::new();
        let mut each = |view: &crate::read::RowView<'_>| {
            let pattern = pattern_of_template(&template_of_row(&view.row));
            // Where the templates are not known, the search is for other kinds, too.
            if wanted.as_ref().is_none_or(|wanted| *wanted == pattern) {
                *patterns.entry(pattern).or_default() += 1;
                evidence
                    .lines
                    .push(evidence_line(view, self.options.evidence_line_bytes_max));
            }
            match evidence.lines.len() < lines_max {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        };
        if lines_max > 0 {
            let found = self.reader.replay(search.filter.clone(), window, lines_max, &mut each);
            if let Err(error) = self.handle.block_on(found) {
                tracing::warn!(rule = plan.rule.name, %error, "the lines of an alert cannot be read");
            }
        }
        evidence.pattern = patterns
            .into_iter()
            .max_by_key(|(_, lines)| *lines)
            .map(|(pattern, _)| pattern);
        let shown = evidence.lines.len() as u64;
        evidence.lines_total = self.count(search.clone(), window).unwrap_or(shown);
        evidence
    }
}

impl StoreAsk<'_> {
    fn count(&self, mut search: Search, window: Range) -> Option<u64> {
        search
            .pipes
            .push(stats(vec![aggregate(AggregateFunction::Count, None, "n")], &[], None));
        let answer = self.answer(&search, window).ok()?;
        answer.rows.first()?.first()?.as_u64()
    }
}

/// Where the columns of an answer are.
struct Table<'a> {
    answer: &'a Answer,
    by: Vec<usize>,
}

impl<'a> Table<'a> {
    fn new(answer: &'a Answer, by: &[String]) -> Result<Self, String> {
        let mut table = Self { answer, by: Vec::new() };
        table.by = by.iter().map(|name| table.column(name)).collect::<Result<_, _>>()?;
        Ok(table)
    }

    fn column(&self, name: &str) -> Result<usize, String> {
        let found = self.answer.columns.iter().position(|column| column.name == name);
        found.ok_or_else(|| format!("the query gives no column {name:?}"))
    }

    fn group(&self, row: &[Value]) -> Group {
        let text = |at: &usize| match row.get(*at) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        Group::new(self.by.iter().map(text).collect())
    }
}

fn search_of(text: &str) -> Result<Search, String> {
    match parse(text).map_err(|error| error.to_string())? {
        Query::Search(search) => Ok(Search {
            explain: Explain::No,
            ..search
        }),
        Query::Sql(_) => Err("a rule's query is a search, not SQL".to_owned()),
    }
}

fn pipe(kind: PipeKind) -> Pipe {
    Pipe {
        kind,
        span: Span::default(),
    }
}

fn field(name: &str) -> Field {
    Field {
        name: name.to_owned(),
        span: Span::default(),
    }
}

fn aggregate(function: AggregateFunction, of: Option<&str>, name: &str) -> Aggregate {
    Aggregate {
        function,
        field: of.map(field),
        condition: None,
        name: name.to_owned(),
        span: Span::default(),
    }
}

/// `stats … by …`, and by steps of time as `step`.
fn stats(aggregates: Vec<Aggregate>, by: &[String], step: Option<i64>) -> Pipe {
    let mut by: Vec<GroupKey> = by.iter().map(|name| GroupKey::Field(field(name))).collect();
    by.extend(step.map(|step| GroupKey::Bin {
        field: field("timestamp"),
        width: BinWidth::Nanos(step),
        zone: None,
        name: "step".to_owned(),
        span: Span::default(),
    }));
    pipe(PipeKind::Stats(Stats { aggregates, by }))
}
