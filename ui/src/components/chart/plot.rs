//! From a table to what is drawn.

use std::collections::BTreeMap;

use serde_json::Value;
use timberline_proto::api::dashboards::{ChartKind, Reduce};

use crate::{
    model::{search::Table, window::Level},
    text::time,
};

/// Series drawn, as many as there are colours.
pub(super) const SERIES_MAX: usize = 8;
const BARS_MAX: usize = 40;
const STATS_MAX: usize = 12;

/// What is drawn.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plot {
    /// Over time.
    Time(TimePlot, TimeStyle),
    /// By name.
    Names(NamePlot),
    /// Numbers.
    Stats(Vec<Stat>),
}

/// How values over time are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeStyle {
    Line,
    Area,
    Bar,
}

/// Values of one name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) name: String,
    /// As many as there are times or names; `None` where there is no value.
    pub(super) values: Vec<Option<f64>>,
}

impl Series {
    fn total(&self) -> f64 {
        self.values.iter().flatten().map(|value| value.abs()).sum()
    }
}

/// Series over the same times.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimePlot {
    /// Ascending, each once.
    pub(super) times: Vec<i64>,
    /// The distance between neighbours; 0 if there is but one time.
    pub(super) step_ms: i64,
    pub(super) series: Vec<Series>,
    /// Series that are not drawn.
    pub(super) others: usize,
}

/// What a series without a value to be named by is called.
const NAMELESS: &str = "–";

/// The style of a series by its number and name: severities have their own colours everywhere.
pub(super) fn series_class(number: usize, name: &str) -> String {
    match Level::of(Some(name)) {
        // Without a name, so without a colour: the first one's is another's.
        Level::None if name == NAMELESS => "series-none".to_owned(),
        Level::None => format!("series-{}", number + 1),
        level => format!("series-{} series-sev-{}", number + 1, level.word()),
    }
}

/// Series over the same names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NamePlot {
    pub(super) names: Vec<String>,
    pub(super) series: Vec<Series>,
    /// The series are parts of one number; else they are other numbers, which have no sum.
    pub(super) is_stacked: bool,
    /// Names that are not drawn.
    pub(super) others: usize,
}

/// One large number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stat {
    pub(super) name: String,
    pub(super) value: f64,
    /// The value before, if there is a course.
    pub(super) before: Option<f64>,
    /// Its course over time.
    pub(super) course: Vec<(i64, f64)>,
}

/// What the columns are.
struct Shape {
    time: Option<usize>,
    numbers: Vec<usize>,
    names: Vec<usize>,
}

impl Shape {
    fn of(table: &Table) -> Shape {
        let time = table.columns.iter().position(|column| column.kind == "timestamp");
        let is_number = |at: &usize| matches!(table.columns[*at].kind.as_str(), "integer" | "number");
        let (numbers, others): (Vec<_>, Vec<_>) = (0..table.columns.len()).partition(is_number);
        Shape {
            time,
            numbers,
            names: others.into_iter().filter(|at| Some(*at) != time).collect(),
        }
    }
}

/// The charts that the columns allow, besides rows.
pub(crate) fn fitting(table: &Table) -> Vec<ChartKind> {
    use ChartKind::{Area, Bar, Line, Stat};
    let shape = Shape::of(table);
    match (shape.numbers.is_empty() || table.rows.is_empty(), shape.time) {
        (true, _) => Vec::new(),
        (false, Some(_)) => vec![Line, Area, Bar, Stat],
        (false, None) if shape.names.is_empty() => vec![Stat],
        (false, None) => vec![Bar, Stat],
    }
}

/// The chart that is drawn if `asked` is; what the columns do not allow becomes what they suggest.
pub(crate) fn chosen(table: &Table, asked: ChartKind) -> ChartKind {
    let fitting = fitting(table);
    if asked == ChartKind::Table || fitting.contains(&asked) {
        return asked;
    }
    match (fitting.first(), table.rows.len()) {
        // Many rows of nothing but numbers are no number.
        (Some(ChartKind::Stat), 2..) | (None, _) => ChartKind::Table,
        // A single bar says less than its number.
        (Some(ChartKind::Bar), 1) => ChartKind::Table,
        (Some(first), _) => *first,
    }
}

/// What is drawn; `None` for rows. `now_ms` is when it was asked, 0 if that does not matter.
pub(super) fn plot(table: &Table, asked: ChartKind, reduce: Reduce, now_ms: i64) -> Option<Plot> {
    let shape = Shape::of(table);
    let over_time = |style| Some(Plot::Time(time_plot(table, &shape)?, style));
    match chosen(table, asked) {
        ChartKind::Line => over_time(TimeStyle::Line),
        ChartKind::Area => over_time(TimeStyle::Area),
        ChartKind::Bar if shape.time.is_some() => over_time(TimeStyle::Bar),
        ChartKind::Bar => name_plot(table, &shape).map(Plot::Names),
        ChartKind::Stat => stats(table, &shape, reduce, now_ms).map(Plot::Stats),
        ChartKind::Auto | ChartKind::Table => None,
    }
}

fn time_plot(table: &Table, shape: &Shape) -> Option<TimePlot> {
    let time_at = shape.time?;
    let mut by_name: BTreeMap<String, BTreeMap<i64, f64>> = BTreeMap::new();
    let mut times: Vec<i64> = Vec::new();
    for row in &table.rows {
        let Some(ms) = row.get(time_at).and_then(Value::as_str).and_then(time::millis) else {
            continue;
        };
        times.push(ms);
        let group = joined(row, &shape.names);
        for &at in &shape.numbers {
            let Some(value) = row.get(at).and_then(Value::as_f64) else {
                continue;
            };
            let column = &table.columns[at].name;
            let name = match (&group, shape.numbers.len()) {
                (Some(group), 1) => group.clone(),
                (Some(group), _) => format!("{group} · {column}"),
                (None, _) => column.clone(),
            };
            by_name.entry(name).or_default().insert(ms, value);
        }
    }
    times.sort_unstable();
    times.dedup();
    let step_ms = times.windows(2).map(|pair| pair[1] - pair[0]).min().unwrap_or(0);
    let all: Vec<Series> = by_name
        .into_iter()
        .map(|(name, points)| Series {
            name,
            values: times.iter().map(|ms| points.get(ms).copied()).collect(),
        })
        .collect();
    let (series, others) = largest(all, SERIES_MAX);
    (!series.is_empty()).then_some(TimePlot {
        times,
        step_ms,
        series,
        others,
    })
}

fn name_plot(table: &Table, shape: &Shape) -> Option<NamePlot> {
    // Two names and one number: the second name cuts the bars of the first.
    if let ([first, second], [number]) = (&shape.names[..], &shape.numbers[..]) {
        let mut names: Vec<String> = Vec::new();
        let mut cells: BTreeMap<String, BTreeMap<usize, f64>> = BTreeMap::new();
        for row in &table.rows {
            let Some(value) = row.get(*number).and_then(Value::as_f64) else {
                continue;
            };
            let name = spoken(row.get(*first));
            let place = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            *cells
                .entry(spoken(row.get(*second)))
                .or_default()
                .entry(place)
                .or_default() += value;
        }
        if (2..=SERIES_MAX).contains(&cells.len())
            && cells.values().flat_map(BTreeMap::values).all(|value| *value >= 0.0)
        {
            let others = names.len().saturating_sub(BARS_MAX);
            names.truncate(BARS_MAX);
            let series = cells
                .into_iter()
                .map(|(name, cells)| Series {
                    name,
                    values: (0..names.len()).map(|place| cells.get(&place).copied()).collect(),
                })
                .collect();
            let (series, _) = largest(series, SERIES_MAX);
            return Some(NamePlot {
                names,
                series,
                is_stacked: true,
                others,
            });
        }
    }
    let rows: Vec<&Vec<Value>> = table.rows.iter().take(BARS_MAX).collect();
    let names = rows
        .iter()
        .map(|row| joined(row, &shape.names).unwrap_or_default())
        .collect::<Vec<_>>();
    let series: Vec<Series> = shape
        .numbers
        .iter()
        .take(SERIES_MAX)
        .map(|&at| Series {
            name: table.columns[at].name.clone(),
            values: rows.iter().map(|row| row.get(at).and_then(Value::as_f64)).collect(),
        })
        .collect();
    let has_values = series.iter().any(|series| series.values.iter().any(Option::is_some));
    (has_values && !names.is_empty()).then_some(NamePlot {
        others: table.rows.len() - names.len(),
        is_stacked: false,
        names,
        series,
    })
}

fn stats(table: &Table, shape: &Shape, reduce: Reduce, now_ms: i64) -> Option<Vec<Stat>> {
    let stats: Vec<Stat> = if shape.time.is_some() {
        let plot = time_plot(table, shape)?;
        let times = &plot.times;
        // A step that has not ended is no less for it: the last of a course is the last whole one.
        let running = |ms: i64| now_ms > 0 && reduce == Reduce::Last && ms + plot.step_ms > now_ms;
        let stats = plot.series.iter().filter_map(|series| {
            let course: Vec<(i64, f64)> = times
                .iter()
                .zip(&series.values)
                .filter(|(ms, _)| times.len() < 2 || !running(**ms))
                .filter_map(|(ms, value)| Some((*ms, (*value)?)))
                .collect();
            let before = course.len().checked_sub(2).map(|at| course[at].1);
            Some(Stat {
                name: series.name.clone(),
                value: reduced(course.iter().map(|point| point.1), reduce)?,
                before: before.filter(|_| reduce == Reduce::Last),
                course,
            })
        });
        stats.collect()
    } else if shape.names.is_empty() {
        let of_column = |at: &usize| {
            let values = table.rows.iter().filter_map(|row| row.get(*at)?.as_f64());
            Some(Stat {
                name: table.columns[*at].name.clone(),
                value: reduced(values, reduce)?,
                before: None,
                course: Vec::new(),
            })
        };
        shape.numbers.iter().filter_map(of_column).collect()
    } else {
        let of_row = |row: &Vec<Value>| {
            Some(Stat {
                name: joined(row, &shape.names)?,
                value: row.get(*shape.numbers.first()?)?.as_f64()?,
                before: None,
                course: Vec::new(),
            })
        };
        table.rows.iter().take(STATS_MAX).filter_map(of_row).collect()
    };
    (!stats.is_empty()).then_some(stats)
}

fn reduced(values: impl Iterator<Item = f64>, reduce: Reduce) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    let sum = || values.iter().sum::<f64>();
    Some(match reduce {
        Reduce::Last => *values.last()?,
        Reduce::Sum if !values.is_empty() => sum(),
        Reduce::Mean if !values.is_empty() => sum() / values.len() as f64,
        Reduce::Min => values.iter().copied().reduce(f64::min)?,
        Reduce::Max => values.iter().copied().reduce(f64::max)?,
        Reduce::Sum | Reduce::Mean => return None,
    })
}

/// The largest are worth the colours; and how many are left out.
fn largest(mut series: Vec<Series>, max: usize) -> (Vec<Series>, usize) {
    series.sort_by(|a, b| b.total().total_cmp(&a.total()).then_with(|| a.name.cmp(&b.name)));
    let others = series.len().saturating_sub(max);
    series.truncate(max);
    (series, others)
}

fn joined(row: &[Value], columns: &[usize]) -> Option<String> {
    let parts: Vec<String> = columns.iter().map(|at| spoken(row.get(*at))).collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

fn spoken(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => NAMELESS.to_owned(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
