//! What a query measures: a number for each group.

use crate::query::ast::{Aggregate, AggregateFunction, Filter, GroupKey, PipeKind, Query};
use crate::query::parse;

use super::Fault;

/// A query that gives a number for each group.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The fields whose values make a group.
    pub by: Vec<String>,
    /// The column with the number.
    pub column: String,
    /// How it is counted row by row, as rows come; `None` where only asking the whole query gives it.
    pub rows: Option<MeasuredRows>,
}

/// A query whose number can be kept up row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredRows {
    /// Which rows.
    pub filter: Filter,
    /// What is computed of them.
    pub function: AggregateFunction,
    /// Of which field.
    pub field: Option<String>,
}

impl MeasuredRows {
    /// Whether the numbers of two times add up to that of both.
    pub fn is_sum(&self) -> bool {
        matches!(
            self.function,
            AggregateFunction::Count | AggregateFunction::Sum | AggregateFunction::Rate(_)
        )
    }
}

impl Measured {
    /// What `query` measures. `place` names it in faults.
    ///
    /// # Errors
    /// [`Fault`]: it cannot be read, gives no number, or several of which none is chosen.
    pub fn of(place: &str, query: &str, value: Option<&str>) -> Result<Self, Fault> {
        let parsed = parse(query).map_err(|error| Fault::new(place, error.to_string()))?;
        let Query::Search(search) = parsed else {
            return Err(Fault::new(
                place,
                "a rule's query is a search with pipes, not SQL: write it with `| stats`",
            ));
        };
        let mut pipes = search.pipes;
        let last = match pipes.last() {
            None => None,
            Some(pipe) => match &pipe.kind {
                PipeKind::Where(_) if pipes.iter().all(|pipe| matches!(pipe.kind, PipeKind::Where(_))) => None,
                PipeKind::Stats(_) => pipes.pop(),
                _ => {
                    return Err(Fault::new(
                        place,
                        "its last pipe must be `stats`, which gives the number: `| stats count() as n by host`",
                    ));
                }
            },
        };
        let mut filters = vec![search.filter];
        let mut only_where = true;
        for pipe in &pipes {
            match &pipe.kind {
                PipeKind::Where(filter) => filters.push(filter.clone()),
                _ => only_where = false,
            }
        }
        let filter = Filter::and(filters);
        let Some(PipeKind::Stats(stats)) = last.map(|pipe| pipe.kind) else {
            if let Some(value) = value {
                let what = format!("{value:?} is no column: the query has no `| stats`");
                return Err(Fault::new("condition.value", what));
            }
            let rows = MeasuredRows {
                filter,
                function: AggregateFunction::Count,
                field: None,
            };
            return Ok(Self {
                by: Vec::new(),
                column: "lines".to_owned(),
                rows: Some(rows),
            });
        };
        let aggregate = chosen(&stats.aggregates, value)?;
        let mut by = Vec::new();
        for key in &stats.by {
            match key {
                GroupKey::Field(field) => by.push(field.name.clone()),
                GroupKey::Bin { .. } => {
                    let what = "`by` takes fields: the rule's window cuts the time, so leave `bin` out";
                    return Err(Fault::new(place, what));
                }
            }
        }
        let kept_up = only_where && aggregate.condition.is_none() && is_kept_up(aggregate.function);
        Ok(Self {
            by,
            column: aggregate.name.clone(),
            rows: kept_up.then(|| MeasuredRows {
                filter,
                function: aggregate.function,
                field: aggregate.field.as_ref().map(|field| field.name.clone()),
            }),
        })
    }
}

fn chosen<'a>(aggregates: &'a [Aggregate], value: Option<&str>) -> Result<&'a Aggregate, Fault> {
    let names = || {
        let names: Vec<_> = aggregates.iter().map(|one| format!("\"{}\"", one.name)).collect();
        names.join(", ")
    };
    let found = match (value, aggregates) {
        (None, [only]) => only,
        (None, _) => {
            let what = format!(
                "the query computes several columns: name the one that is compared ({})",
                names()
            );
            return Err(Fault::new("condition.value", what));
        }
        (Some(value), all) => match all.iter().find(|one| one.name == value) {
            Some(found) => found,
            None => {
                let what = format!("{value:?} is no column of `stats`, which computes {}", names());
                return Err(Fault::new("condition.value", what));
            }
        },
    };
    match found.function {
        AggregateFunction::First | AggregateFunction::Last | AggregateFunction::Histogram(_) => {
            let what = format!(
                "`{}` gives no number to compare: count, sum, avg, min, max or a percentile do",
                found.name
            );
            Err(Fault::new("condition.value", what))
        }
        _ => Ok(found),
    }
}

/// Whether a number is kept up exactly as rows come, and in any order.
fn is_kept_up(function: AggregateFunction) -> bool {
    matches!(
        function,
        AggregateFunction::Count
            | AggregateFunction::Sum
            | AggregateFunction::Avg
            | AggregateFunction::Min
            | AggregateFunction::Max
            | AggregateFunction::Rate(_)
    )
}
