//! The shapes of a chart over time.

use leptos::prelude::*;

use super::super::{
    plot::{Series, TimePlot, TimeStyle, series_class},
    scale::Scale,
};

/// The drawing's own units; it is stretched to its place.
pub(super) const WIDTH: f64 = 1_000.0;
pub(super) const HEIGHT: f64 = 200.0;
/// The width of a bar that has no neighbour.
const LONE_BAR: f64 = WIDTH / 40.0;
const STEPS: usize = 4;
/// Neighbours further apart than so many steps have a gap between them.
const GAP_STEPS: f64 = 1.5;

/// The shapes, by the number of their series.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Drawn {
    pub(super) scale: Scale,
    style: TimeStyle,
    /// Of each series a path, and its outline if it is an area.
    pub(super) paths: Vec<(usize, String, Option<String>)>,
    /// Each series' style.
    classes: Vec<String>,
}

/// At each time from where to where a series is drawn, if it has a value there.
type Band = Vec<Option<(f64, f64)>>;

impl Drawn {
    pub(super) fn of(plot: &TimePlot, style: TimeStyle, hidden: &[usize], share_of: &impl Fn(i64) -> f64) -> Drawn {
        let shown = || plot.series.iter().enumerate().filter(|(at, _)| !hidden.contains(at));
        let values = || shown().flat_map(|(_, series)| series.values.iter().copied().flatten());
        let is_stacked = style != TimeStyle::Line && values().all(|value| value >= 0.0);
        let mut below = vec![0.0; plot.times.len()];
        let bands: Vec<(usize, Band)> = shown()
            .map(|(number, series)| (number, bands(series, &mut below, is_stacked)))
            .collect();
        let tops = || {
            bands
                .iter()
                .flat_map(|(_, band)| band.iter().flatten().map(|(_, top)| *top))
        };
        let scale = Scale::over(tops().fold(0.0, f64::min), tops().fold(0.0, f64::max), STEPS);
        let x = |ms: i64| share_of(ms) * WIDTH;
        let y = |value: f64| HEIGHT - scale.share(value) * HEIGHT;
        let paths = bands
            .iter()
            .map(|(number, band)| {
                let runs = runs(plot, band);
                let line = || runs.iter().map(|run| polyline(run, x, y)).collect::<String>();
                match style {
                    TimeStyle::Line => (*number, line(), None),
                    TimeStyle::Area => {
                        let areas = runs.iter().map(|run| closed(run, x, y)).collect();
                        (*number, areas, Some(line()))
                    }
                    TimeStyle::Bar => {
                        let right = |ms: i64| match plot.step_ms {
                            0 => x(ms) + LONE_BAR,
                            step => x(ms + step),
                        };
                        let bars = runs.iter().flatten().filter(|(_, bottom, top)| bottom != top);
                        let bars = bars.map(|(ms, bottom, top)| {
                            format!(
                                "M{:.1},{:.1}V{:.1}H{:.1}V{:.1}Z",
                                x(*ms),
                                y(*bottom),
                                y(*top),
                                right(*ms),
                                y(*bottom)
                            )
                        });
                        (*number, bars.collect(), None)
                    }
                }
            })
            .collect();
        let classes = plot
            .series
            .iter()
            .enumerate()
            .map(|(at, series)| series_class(at, &series.name));
        Drawn {
            scale,
            style,
            paths,
            classes: classes.collect(),
        }
    }

    pub(super) fn view(&self) -> impl IntoView + use<> {
        let grid = self
            .scale
            .ticks
            .iter()
            .map(|tick| {
                let y = format!("{:.1}", HEIGHT - self.scale.share(*tick) * HEIGHT);
                view! { <line class="chart-grid" x1="0" x2=WIDTH.to_string() y1=y.clone() y2=y vector-effect="non-scaling-stroke"/> }
            })
            .collect_view();
        let class = match self.style {
            TimeStyle::Line => "drawn-line",
            TimeStyle::Area => "drawn-area",
            TimeStyle::Bar => "drawn-bar",
        };
        let paths = self
            .paths
            .iter()
            .map(|(number, path, outline)| {
                let series = self.classes.get(*number).map_or("", String::as_str);
                view! {
                    <path class=format!("{class} {series}") d=path.clone() vector-effect="non-scaling-stroke"/>
                    {outline.clone().map(|outline| view! { <path class=format!("drawn-line {series}") d=outline vector-effect="non-scaling-stroke"/> })}
                }
            })
            .collect_view();
        view! { {grid}{paths} }
    }
}

/// Per time from where to where; stacked ones stand on those before.
fn bands(series: &Series, below: &mut [f64], is_stacked: bool) -> Vec<Option<(f64, f64)>> {
    series
        .values
        .iter()
        .zip(below)
        .map(|(value, below)| {
            let value = (*value)?;
            if !is_stacked {
                return Some((0.0, value));
            }
            let bottom = *below;
            *below += value;
            Some((bottom, *below))
        })
        .collect()
}

/// Time, bottom, top.
type Point = (i64, f64, f64);

/// What hangs together: where a value is missing or a time is, there is a gap.
fn runs(plot: &TimePlot, band: &[Option<(f64, f64)>]) -> Vec<Vec<Point>> {
    let mut runs: Vec<Vec<Point>> = Vec::new();
    let mut before = None;
    for (&ms, band) in plot.times.iter().zip(band) {
        let Some((bottom, top)) = *band else {
            before = None;
            continue;
        };
        let follows = before.is_some_and(|before| (ms - before) as f64 <= plot.step_ms as f64 * GAP_STEPS);
        match runs.last_mut().filter(|_| follows) {
            Some(run) => run.push((ms, bottom, top)),
            None => runs.push(vec![(ms, bottom, top)]),
        }
        before = Some(ms);
    }
    runs
}

fn polyline(run: &[Point], x: impl Fn(i64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut path: String = run
        .iter()
        .enumerate()
        .map(|(at, (ms, _, top))| format!("{}{:.1},{:.1}", if at == 0 { 'M' } else { 'L' }, x(*ms), y(*top)))
        .collect();
    if run.len() == 1 {
        // A point by itself is drawn by its round cap.
        path.push_str("h0.01");
    }
    path
}

fn closed(run: &[Point], x: impl Fn(i64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let top = run.iter().map(|(ms, _, top)| (*ms, *top));
    let back = run.iter().rev().map(|(ms, bottom, _)| (*ms, *bottom));
    let points = top.chain(back).enumerate();
    let mut path: String = points
        .map(|(at, (ms, value))| format!("{}{:.1},{:.1}", if at == 0 { 'M' } else { 'L' }, x(ms), y(value)))
        .collect();
    path.push('Z');
    path
}
