//! A chart beside a table: lines over time, or bars by name.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde_json::Value;

use super::table::is_numeric;
use crate::{
    model::{app::App, search::Table},
    text::{number, time},
};

/// Series drawn, as many as there are colours.
const SERIES_MAX: usize = 8;
const BARS_MAX: usize = 12;
/// The drawing's own units; it is stretched to its place.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 200.0;

/// What the columns allow.
#[derive(Clone, Debug, PartialEq)]
enum Plot {
    /// Points over time, by name.
    Lines {
        series: Vec<(String, Vec<(i64, f64)>)>,
        from_ms: i64,
        to_ms: i64,
        max: f64,
    },
    /// Values by name.
    Bars { bars: Vec<(String, f64)>, max: f64 },
}

/// The chart, if one fits.
#[component]
pub(crate) fn Chart(table: RwSignal<Option<Table>>) -> impl IntoView {
    let app = App::get();
    let plot = Memo::new(move |_| table.with(|table| table.as_ref().and_then(plot)));
    move || {
        plot.get().map(|plot| match plot {
            Plot::Lines {
                series,
                from_ms,
                to_ms,
                max,
            } => lines(app, series, from_ms, to_ms, max).into_any(),
            Plot::Bars { bars, max } => bars_view(bars, max).into_any(),
        })
    }
}

fn plot(table: &Table) -> Option<Plot> {
    let numeric: Vec<usize> = (0..table.columns.len())
        .filter(|&at| is_numeric(&table.columns[at]))
        .collect();
    if numeric.is_empty() || table.rows.len() < 2 {
        return None;
    }
    match table.columns.iter().position(|column| column.kind == "timestamp") {
        Some(time_at) => plot_lines(table, time_at, &numeric),
        None => plot_bars(table, numeric[0]),
    }
}

fn plot_lines(table: &Table, time_at: usize, numeric: &[usize]) -> Option<Plot> {
    let text_at = table.columns.iter().position(|column| column.kind == "text");
    let mut series: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
    for row in &table.rows {
        let Some(ms) = row.get(time_at).and_then(Value::as_str).and_then(time::millis) else {
            continue;
        };
        for &at in numeric {
            let Some(value) = row.get(at).and_then(Value::as_f64) else {
                continue;
            };
            let column = &table.columns[at].name;
            let name = match text_at.and_then(|at| row.get(at)) {
                Some(Value::String(group)) if numeric.len() == 1 => group.clone(),
                Some(Value::String(group)) => format!("{group} {column}"),
                Some(_) => format!("– {column}"),
                None => column.clone(),
            };
            series.entry(name).or_default().push((ms, value));
        }
    }
    let mut series: Vec<_> = series.into_iter().collect();
    // The largest are worth the colours.
    series.sort_by(|a, b| sum(&b.1).total_cmp(&sum(&a.1)));
    series.truncate(SERIES_MAX);
    for (_, points) in &mut series {
        points.sort_by_key(|point| point.0);
    }
    let times = || series.iter().flat_map(|(_, points)| points.iter().map(|point| point.0));
    let (from_ms, to_ms) = (times().min()?, times().max()?);
    let max = series
        .iter()
        .flat_map(|(_, points)| points.iter().map(|point| point.1))
        .fold(0.0, f64::max);
    (to_ms > from_ms && max > 0.0).then_some(Plot::Lines {
        series,
        from_ms,
        to_ms,
        max,
    })
}

fn plot_bars(table: &Table, value_at: usize) -> Option<Plot> {
    let names: Vec<usize> = (0..table.columns.len())
        .filter(|&at| !is_numeric(&table.columns[at]))
        .collect();
    if names.is_empty() {
        return None;
    }
    let name = |row: &Vec<Value>| {
        let parts = names.iter().filter_map(|&at| row.get(at)).map(|value| match value {
            Value::String(text) => text.clone(),
            Value::Null => "–".to_owned(),
            other => other.to_string(),
        });
        parts.collect::<Vec<_>>().join(" · ")
    };
    let mut bars: Vec<(String, f64)> = table
        .rows
        .iter()
        .filter_map(|row| Some((name(row), row.get(value_at)?.as_f64()?)))
        .filter(|(_, value)| *value >= 0.0)
        .collect();
    bars.truncate(BARS_MAX);
    let max = bars.iter().map(|bar| bar.1).fold(0.0, f64::max);
    (bars.len() > 1 && max > 0.0).then_some(Plot::Bars { bars, max })
}

fn sum(points: &[(i64, f64)]) -> f64 {
    points.iter().map(|point| point.1).sum()
}

fn lines(app: App, series: Vec<(String, Vec<(i64, f64)>)>, from_ms: i64, to_ms: i64, max: f64) -> impl IntoView {
    let width = (to_ms - from_ms) as f64;
    let paths = series
        .iter()
        .enumerate()
        .map(|(at, (_, points))| {
            let place = |(ms, value): &(i64, f64)| format!("{:.1},{:.1}", (ms - from_ms) as f64 / width * WIDTH, HEIGHT - value / max * (HEIGHT - 6.0));
            let points = points.iter().map(place).collect::<Vec<_>>().join(" ");
            view! { <polyline class=format!("series-{}", at + 1) points=points fill="none" vector-effect="non-scaling-stroke"/> }
        })
        .collect_view();
    let keys = series
        .into_iter()
        .enumerate()
        .map(
            |(at, (name, _))| view! { <span class="chart-key"><i class=format!("series-{}", at + 1)></i>{name}</span> },
        )
        .collect_view();
    let tick = move |ms: i64| {
        let zone = app.prefs.zone.get();
        time::tick(ms + zone.offset_ms(ms), to_ms - from_ms)
    };
    view! {
        <figure class="chart">
            <div class="chart-keys">{keys}</div>
            <div class="chart-area">
                <span class="chart-max">{number::short(max.ceil() as u64)}</span>
                <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label="Values over time">{paths}</svg>
            </div>
            <div class="chart-axis"><span>{move || tick(from_ms)}</span><span>{move || tick((from_ms + to_ms) / 2)}</span><span>{move || tick(to_ms)}</span></div>
        </figure>
    }
}

fn bars_view(bars: Vec<(String, f64)>, max: f64) -> impl IntoView {
    let rows = bars
        .into_iter()
        .map(|(name, value)| {
            let shown = serde_json::Number::from_f64(value).map_or_else(String::new, |value| number::cell(&value));
            view! {
                <div class="chart-row">
                    <span class="chart-name" title=name.clone()>{name.clone()}</span>
                    <span class="chart-track"><i class="series-1" style:width=format!("{:.1}%", value / max * 100.0)></i></span>
                    <span class="number">{shown}</span>
                </div>
            }
        })
        .collect_view();
    view! { <figure class="chart bars-chart">{rows}</figure> }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use timberline_proto::api::Column;

    fn table(columns: &[(&str, &str)], rows: Vec<Vec<Value>>) -> Table {
        let columns = columns
            .iter()
            .map(|(name, kind)| Column {
                name: (*name).into(),
                kind: (*kind).into(),
            })
            .collect();
        Table { columns, rows }
    }

    #[test]
    fn time_and_a_name_make_a_line_per_name() {
        let at = |second: u32| json!(format!("2026-11-20T00:00:{second:02}Z"));
        let rows = vec![
            vec![at(0), json!("a"), json!(1)],
            vec![at(0), json!("b"), json!(5)],
            vec![at(9), json!("a"), json!(2)],
        ];
        let Some(Plot::Lines { series, max, .. }) =
            plot(&table(&[("t", "timestamp"), ("l", "text"), ("n", "integer")], rows))
        else {
            panic!("a line chart fits");
        };
        assert_eq!(series.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(max, 5.0);
    }

    #[test]
    fn names_and_numbers_make_bars_and_nothing_else_makes_a_chart() {
        let rows = vec![vec![json!("x"), json!(3)], vec![Value::Null, json!(1.5)]];
        let bars = plot(&table(&[("host", "text"), ("n", "number")], rows.clone()));
        assert_eq!(
            bars,
            Some(Plot::Bars {
                bars: vec![("x".into(), 3.0), ("–".into(), 1.5)],
                max: 3.0
            })
        );
        assert_eq!(plot(&table(&[("host", "text"), ("other", "text")], rows.clone())), None);
        assert_eq!(plot(&table(&[("n", "number"), ("m", "number")], rows)), None);
    }
}
