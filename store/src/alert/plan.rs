//! A rule made ready to be evaluated.

use std::collections::BTreeMap;

use timberline_proto::alert::{Condition, Measured, MeasuredRows, PATTERN_GROUP, Rule, SilenceOf, TransitionRule};
use timberline_proto::query::ast::{
    AggregateFunction, CompareOp, Explain, Field, Filter, Leaf, Literal, PipeKind, Query, Search, Span, Test,
};
use timberline_proto::query::parse;

use super::ask::Measure;
use super::machine::Timing;
use super::options::AlertOptions;
use super::sample::Group;
use super::windows::Grid;

/// A rule made ready.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) id: String,
    pub(crate) version: u64,
    pub(crate) rule: Rule,
    pub(crate) grid: Grid,
    pub(crate) timing: Timing,
    /// What its groups are values of.
    pub(crate) by: Vec<String>,
    /// The number that is kept up as lines come, if it can be.
    pub(crate) rows: Option<MeasuredRows>,
    /// The number as the store is asked for it.
    pub(crate) measure: Measure,
    /// Which lines it takes; none if the store is asked, or nobody is.
    pub(crate) searches: Vec<Filter>,
    pub(crate) groups_max: usize,
    pub(crate) keys_max: usize,
    pub(crate) patterns_max: usize,
    /// How long late lines are looked at.
    pub(crate) late_window: i64,
}

impl Plan {
    /// # Errors
    /// What is wrong with the rule, as a sentence.
    pub(crate) fn new(id: &str, version: u64, rule: Rule, options: &AlertOptions) -> Result<Self, String> {
        rule.check().map_err(|fault| fault.to_string())?;
        let grid = Grid::of(&rule);
        let mut by = Vec::new();
        let mut rows = None;
        let mut measure = Measure::default();
        let mut searches = Vec::new();
        match &rule.condition {
            Condition::Threshold(condition) => {
                (by, rows, measure) = measured(&condition.query, condition.value.as_deref())?;
                searches.extend(rows.as_ref().map(|rows| rows.filter.clone()));
            }
            Condition::Change(condition) => {
                (by, rows, measure) = measured(&condition.query, condition.value.as_deref())?;
                searches.extend(rows.as_ref().map(|rows| rows.filter.clone()));
            }
            Condition::Deviation(condition) => {
                (by, rows, measure) = measured(&condition.query, condition.value.as_deref())?;
                searches.extend(rows.as_ref().map(|rows| rows.filter.clone()));
            }
            Condition::Match(condition) => {
                by.clone_from(&condition.by);
                searches.push(filter(&condition.query)?);
            }
            Condition::Absence(condition) => {
                by.clone_from(&condition.by);
                searches.push(filter(&condition.query)?);
            }
            Condition::Pattern(condition) => {
                by.push(PATTERN_GROUP.to_owned());
                searches.push(filter(&condition.query)?);
            }
            Condition::Sequence(condition) => {
                by.clone_from(&condition.by);
                searches.push(filter(&condition.first)?);
                searches.push(filter(&condition.then)?);
            }
            Condition::Silence(condition) => {
                by = match condition.of {
                    SilenceOf::Host => vec!["host".to_owned()],
                    SilenceOf::Agent => vec!["host".to_owned(), "agent".to_owned()],
                    SilenceOf::File => vec!["host".to_owned(), "file".to_owned()],
                };
            }
        }
        Ok(Self {
            id: id.to_owned(),
            version,
            grid,
            timing: Timing::of(&rule),
            by,
            rows,
            measure,
            searches,
            groups_max: options.groups_max,
            keys_max: options.keys_max,
            patterns_max: options.patterns_max,
            late_window: options.late_window.as_nanos() as i64,
            rule,
        })
    }

    /// Whether each line is told.
    pub(crate) fn tells_lines(&self) -> bool {
        matches!(self.rule.condition, Condition::Match(_))
    }

    /// Whether agents' reports decide, and no line.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self.rule.condition, Condition::Silence(_))
    }

    /// Whether its groups are kinds of lines.
    pub(crate) fn needs_pattern(&self) -> bool {
        matches!(self.rule.condition, Condition::Pattern(_))
    }

    /// What is counted: lines, unless the rule says otherwise.
    pub(crate) fn measured_rows(&self) -> MeasuredRows {
        self.rows.clone().unwrap_or_else(|| MeasuredRows {
            filter: self.searches.first().cloned().unwrap_or(Filter::All),
            function: AggregateFunction::Count,
            field: None,
        })
    }

    /// How far before a window's end lines matter to it.
    pub(crate) fn reach(&self, looks_back: i64) -> i64 {
        self.grid.window.saturating_add(looks_back)
    }

    /// The search for the lines of a group, in the query language.
    pub(crate) fn search_of(&self, group: &Group) -> Search {
        let mut filters = vec![match self.searches.first() {
            Some(filter) => filter.clone(),
            None => self.measure.filter.clone(),
        }];
        if !self.needs_pattern() {
            filters.extend(
                self.by
                    .iter()
                    .zip(group.0.iter())
                    .map(|(field, value)| is(field, value)),
            );
        }
        Search {
            explain: Explain::No,
            filter: Filter::and(filters),
            pipes: Vec::new(),
        }
    }

    /// What routes, silences and inhibitions match.
    pub(crate) fn labels(&self, group: &Group) -> BTreeMap<String, String> {
        let mut labels = group.named(&self.by);
        labels.extend(self.rule.labels.clone());
        labels.insert("alertname".to_owned(), self.rule.name.clone());
        labels.insert("severity".to_owned(), self.rule.severity.word().to_owned());
        labels
    }

    /// The rule as a transition names it.
    pub(crate) fn told(&self) -> TransitionRule {
        TransitionRule {
            id: self.id.clone(),
            name: self.rule.name.clone(),
            version: self.version,
            severity: self.rule.severity,
            annotations: self.rule.annotations.clone(),
            owner: self.rule.owner.clone(),
        }
    }
}

type OfQuery = (Vec<String>, Option<MeasuredRows>, Measure);

fn measured(query: &str, value: Option<&str>) -> Result<OfQuery, String> {
    let measured = Measured::of("condition.query", query, value).map_err(|fault| fault.to_string())?;
    let measure = Measure {
        query: query.to_owned(),
        filter: match &measured.rows {
            Some(rows) => rows.filter.clone(),
            None => first_filter(query)?,
        },
        column: measured.column,
        by: measured.by.clone(),
    };
    Ok((measured.by, measured.rows, measure))
}

/// The filter of a search whose pipes only filter.
fn filter(text: &str) -> Result<Filter, String> {
    match parse(text).map_err(|error| error.to_string())? {
        Query::Search(search) => {
            let wheres = search.pipes.into_iter().filter_map(|pipe| match pipe.kind {
                PipeKind::Where(filter) => Some(filter),
                _ => None,
            });
            Ok(Filter::and(std::iter::once(search.filter).chain(wheres).collect()))
        }
        Query::Sql(_) => Err("a rule's query is a search, not SQL".to_owned()),
    }
}

/// The filter before the first pipe.
fn first_filter(text: &str) -> Result<Filter, String> {
    match parse(text).map_err(|error| error.to_string())? {
        Query::Search(search) => Ok(search.filter),
        Query::Sql(_) => Err("a rule's query is a search, not SQL".to_owned()),
    }
}

/// A test of a field's whole value; of an empty one, that there is none.
pub(crate) fn is(field: &str, value: &str) -> Filter {
    let named = Some(Field {
        name: field.to_owned(),
        span: Span::default(),
    });
    let leaf = |test| {
        Filter::Leaf(Leaf {
            field: named.clone(),
            test,
            span: Span::default(),
        })
    };
    match value.is_empty() {
        true => Filter::Not(Box::new(leaf(Test::Exists))),
        false => leaf(Test::Compare(
            CompareOp::Eq,
            Literal {
                text: value.to_owned(),
                span: Span::default(),
            },
        )),
    }
}

/// Lines that were read before an instant.
pub(crate) fn read_before(nanos: i64) -> Filter {
    Filter::Leaf(Leaf {
        field: Some(Field {
            name: "observed".to_owned(),
            span: Span::default(),
        }),
        test: Test::Compare(
            CompareOp::Lt,
            Literal {
                text: timberline_proto::query::time_range::format_rfc3339_nanos(nanos),
                span: Span::default(),
            },
        ),
        span: Span::default(),
    })
}
