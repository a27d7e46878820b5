//! Lines, areas and bars over time: hover for values, drag to zoom, arrows to walk through the times.

use leptos::{
    ev::{KeyboardEvent, PointerEvent},
    html,
    prelude::*,
};

use super::{
    Keys,
    plot::{Series, TimePlot, TimeStyle},
    said,
    scale::{Scale, time_ticks},
};
use crate::{
    components::histogram::{capture, share_across},
    model::{app::App, search::Bounds},
    text::{
        number,
        printable::{Layout, printable},
        time,
    },
};

/// The drawing's own units; it is stretched to its place.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 200.0;
/// The width of a bar that has no neighbour.
const LONE_BAR: f64 = WIDTH / 40.0;
const STEPS: usize = 4;
const TICKS: i64 = 6;
/// A pointer that moved less, as a share of the width, did not drag.
const DRAG_MIN: f64 = 0.01;
/// Neighbours further apart than so many steps have a gap between them.
const GAP_STEPS: f64 = 1.5;

/// The chart.
#[component]
pub(super) fn OverTime(
    plot: TimePlot,
    style: TimeStyle,
    bounds: Bounds,
    on_zoom: Callback<(i64, i64)>,
) -> impl IntoView {
    let app = App::get();
    let zone = app.prefs.zone;
    let area = NodeRef::<html::Div>::new();
    let hidden = RwSignal::new(Vec::new());
    let at = RwSignal::new(None::<usize>);
    let brush = RwSignal::new(None::<(f64, f64)>);
    let (from_ms, to_ms) = ends(&plot, style, bounds);
    let span = (to_ms - from_ms).max(1) as f64;
    let share_of = move |ms: i64| (ms - from_ms) as f64 / span;
    let names: Vec<String> = plot.series.iter().map(|series| series.name.clone()).collect();
    let others = plot.others;
    let plot = StoredValue::new(plot);
    let middle = if style == TimeStyle::Bar {
        plot.with_value(|plot| plot.step_ms) / 2
    } else {
        0
    };
    let nearest = move |share: f64| {
        let ms = from_ms + (share * span) as i64 - middle;
        plot.with_value(|plot| (0..plot.times.len()).min_by_key(|at| (plot.times[*at] - ms).abs()))
    };
    let share = move |event: &PointerEvent| share_across(area, event);
    let on_down = move |event: PointerEvent| {
        if event.button() == 0
            && let Some(share) = share(&event)
        {
            brush.set(Some((share, share)));
            capture(&event);
        }
    };
    let on_move = move |event: PointerEvent| {
        let share = share(&event);
        at.set(share.and_then(nearest));
        if let Some(share) = share {
            brush.update(|brush| *brush = brush.map(|(from, _)| (from, share)));
        }
    };
    let on_up = move |_: PointerEvent| {
        let dragged = brush.get_untracked();
        brush.set(None);
        if let Some((a, b)) = dragged.filter(|(a, b)| (a - b).abs() > DRAG_MIN) {
            let ms = |share: f64| from_ms + (share * span).round() as i64;
            on_zoom.run((ms(a.min(b)), ms(a.max(b)).max(ms(a.min(b)) + 1)));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let last = plot.with_value(|plot| plot.times.len()).saturating_sub(1);
        let step = |by: i64| {
            at.get_untracked()
                .map_or(last, |at| (at as i64 + by).clamp(0, last as i64) as usize)
        };
        match event.key().as_str() {
            "ArrowLeft" => at.set(Some(step(-1))),
            "ArrowRight" => at.set(Some(step(1))),
            "Home" => at.set(Some(0)),
            "End" => at.set(Some(last)),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let drawn =
        Memo::new(move |_| hidden.with(|hidden| plot.with_value(|plot| Drawn::of(plot, style, hidden, &share_of))));
    let label = move || plot.with_value(|plot| described(plot, from_ms, to_ms, app));
    let ticks = move || {
        let zone = zone.get();
        time_ticks(from_ms, to_ms, TICKS, zone)
            .into_iter()
            .map(|ms| {
                let text = time::tick(ms + zone.offset_ms(ms), to_ms - from_ms);
                view! { <span style:left=format!("{:.2}%", share_of(ms) * 100.0)>{text}</span> }
            })
            .collect_view()
    };
    view! {
        <figure class="chart over-time">
            <Keys names hidden others/>
            <div class="chart-body">
                <div class="chart-scale" aria-hidden="true">
                    {move || drawn.with(|drawn| drawn.scale.ticks.iter().map(|tick| {
                        let bottom = format!("{:.2}%", drawn.scale.share(*tick) * 100.0);
                        view! { <span style:bottom=bottom>{number::compact(*tick)}</span> }
                    }).collect_view())}
                </div>
                <div
                    class="chart-area" node_ref=area role="img" tabindex="0" aria-label=label
                    on:pointerdown=on_down on:pointermove=on_move on:pointerup=on_up
                    on:pointercancel=move |_| brush.set(None)
                    on:pointerleave=move |_| at.set(None)
                    on:keydown=on_key
                    on:blur=move |_| at.set(None)
                >
                    <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
                        {move || drawn.with(Drawn::view)}
                    </svg>
                    {move || at.get().map(|at| {
                        let left = plot.with_value(|plot| share_of(plot.times[at] + middle));
                        view! { <div class="chart-cursor" style:left=format!("{:.2}%", left * 100.0)></div> }
                    })}
                    <Show when=move || brush.with(|brush| brush.is_some_and(|(a, b)| (a - b).abs() > DRAG_MIN))>
                        <div
                            class="histogram-brush"
                            style:left=move || brush.get().map(|(a, b)| format!("{}%", a.min(b) * 100.0))
                            style:width=move || brush.get().map(|(a, b)| format!("{}%", (a - b).abs() * 100.0))
                        ></div>
                    </Show>
                    {move || at.get().map(|at| plot.with_value(|plot| tip(app, plot, at, share_of(plot.times[at]), &hidden.get())))}
                </div>
                <div class="chart-axis" aria-hidden="true">{ticks}</div>
            </div>
            <Values plot/>
        </figure>
    }
}

/// The first and the last instant of the axis: what was asked, and what came.
fn ends(plot: &TimePlot, style: TimeStyle, bounds: Bounds) -> (i64, i64) {
    let first = plot.times.first().copied().unwrap_or(0);
    let last = plot.times.last().copied().unwrap_or(first);
    let end = if style == TimeStyle::Bar {
        last + plot.step_ms.max(1)
    } else {
        last
    };
    let from = bounds.from_ms.map_or(first, |from| from.min(first));
    let asked_to = bounds
        .to_ms
        .or((bounds.from_ms.is_some() && bounds.now_ms > 0).then_some(bounds.now_ms));
    (from, asked_to.map_or(end, |to| to.max(end)).max(from + 1))
}

fn described(plot: &TimePlot, from_ms: i64, to_ms: i64, app: App) -> String {
    let zone = app.prefs.zone.get();
    let names: Vec<&str> = plot.series.iter().map(|series| series.name.as_str()).collect();
    format!(
        "{} from {} to {}; arrows walk through the times",
        names.join(", "),
        zone.civil(from_ms).editable(),
        zone.civil(to_ms).editable()
    )
}

/// The shapes, by the number of their series.
#[derive(Clone, Debug, PartialEq)]
struct Drawn {
    scale: Scale,
    style: TimeStyle,
    /// Of each series a path, and its outline if it is an area.
    paths: Vec<(usize, String, Option<String>)>,
}

/// At each time from where to where a series is drawn, if it has a value there.
type Band = Vec<Option<(f64, f64)>>;

impl Drawn {
    fn of(plot: &TimePlot, style: TimeStyle, hidden: &[usize], share_of: &impl Fn(i64) -> f64) -> Drawn {
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
        Drawn { scale, style, paths }
    }

    fn view(&self) -> impl IntoView + use<> {
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
                let series = format!("series-{}", number + 1);
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

fn tip(app: App, plot: &TimePlot, at: usize, share: f64, hidden: &[usize]) -> impl IntoView + use<> {
    let civil = app.prefs.zone.get().civil(plot.times[at]);
    let clock = if civil.milli == 0 {
        civil.clock_seconds()
    } else {
        civil.clock()
    };
    let mut rows: Vec<(usize, &Series)> = plot
        .series
        .iter()
        .enumerate()
        .filter(|(number, _)| !hidden.contains(number))
        .collect();
    rows.sort_by(|a, b| {
        let value = |series: &Series| series.values[at].unwrap_or(f64::NEG_INFINITY);
        value(b.1).total_cmp(&value(a.1))
    });
    let rows = rows
        .into_iter()
        .map(|(number, series)| {
            let name = printable(&series.name, Layout::Row).into_owned();
            view! {
                <div class="tip-row">
                    <i class=format!("chart-mark series-{}", number + 1)></i>
                    <span class="tip-name">{name}</span>
                    <span class="number">{series.values[at].map_or_else(|| "–".to_owned(), said)}</span>
                </div>
            }
        })
        .collect_view();
    let beside = if share > 0.6 { "tip left" } else { "tip" };
    view! {
        <div class=beside style:left=format!("{:.2}%", share * 100.0)>
            <div class="tip-head">{civil.day_month()}" "{clock}</div>
            {rows}
        </div>
    }
}

/// Times written out, at most.
const VALUES_MAX: usize = 200;

/// The same in rows, for who does not see the drawing.
#[component]
fn Values(plot: StoredValue<TimePlot>) -> impl IntoView {
    let app = App::get();
    let open = RwSignal::new(false);
    let rows = move || {
        plot.with_value(|plot| {
            let zone = app.prefs.zone.get();
            let skipped = plot.times.len().saturating_sub(VALUES_MAX);
            let heads = plot.series.iter().map(|series| view! { <th scope="col">{series.name.clone()}</th> }).collect_view();
            let rows = (skipped..plot.times.len())
                .map(|at| {
                    let cells = plot.series.iter().map(|series| view! { <td>{series.values[at].map_or_else(|| "–".to_owned(), said)}</td> });
                    view! { <tr><th scope="row">{zone.civil(plot.times[at]).editable()}</th>{cells.collect_view()}</tr> }
                })
                .collect_view();
            view! { <table><thead><tr><th scope="col">"Time"</th>{heads}</tr></thead><tbody>{rows}</tbody></table> }
        })
    };
    view! {
        <div class="chart-values">
            <button class="button small" aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>"Values as a table"</button>
            {move || open.get().then(rows)}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(values: Vec<Vec<Option<f64>>>, times: Vec<i64>) -> TimePlot {
        TimePlot {
            step_ms: 10,
            times,
            series: values
                .into_iter()
                .map(|values| Series {
                    name: "s".into(),
                    values,
                })
                .collect(),
            others: 0,
        }
    }

    #[test]
    fn gaps_in_values_and_in_times_stay_gaps() {
        let plot = plot(
            vec![vec![Some(1.0), None, Some(2.0), Some(3.0), Some(4.0)]],
            vec![0, 10, 20, 30, 60],
        );
        let drawn = Drawn::of(&plot, TimeStyle::Line, &[], &|ms| ms as f64 / 60.0);
        // A point, a line of two points, a point.
        assert_eq!(drawn.paths[0].1.matches('M').count(), 3);
        assert_eq!(drawn.paths[0].1.matches('L').count(), 1);
    }

    #[test]
    fn areas_and_bars_are_stacked_unless_values_are_negative() {
        let two = |b: f64| plot(vec![vec![Some(5.0); 2], vec![Some(b); 2]], vec![0, 10]);
        let share = |ms: i64| ms as f64 / 20.0;
        let top = |b: f64, style| *Drawn::of(&two(b), style, &[], &share).scale.ticks.last().unwrap();
        assert_eq!(top(5.0, TimeStyle::Area), 10.0);
        assert_eq!(top(5.0, TimeStyle::Line), 6.0);
        assert_eq!(top(-5.0, TimeStyle::Bar), 5.0);
        let hidden = Drawn::of(&two(5.0), TimeStyle::Bar, &[0], &share);
        assert_eq!(hidden.paths.len(), 1);
        assert_eq!(hidden.paths[0].0, 1);
    }

    #[test]
    fn the_axis_shows_what_was_asked_and_what_came() {
        let plot = plot(vec![vec![Some(1.0); 2]], vec![100, 110]);
        let asked = |from_ms, to_ms| Bounds {
            from_ms,
            to_ms,
            now_ms: 500,
        };
        assert_eq!(ends(&plot, TimeStyle::Line, asked(None, None)), (100, 110));
        assert_eq!(ends(&plot, TimeStyle::Bar, asked(None, None)), (100, 120));
        assert_eq!(ends(&plot, TimeStyle::Line, asked(Some(50), None)), (50, 500));
        assert_eq!(ends(&plot, TimeStyle::Line, asked(Some(105), Some(108))), (100, 110));
    }
}
