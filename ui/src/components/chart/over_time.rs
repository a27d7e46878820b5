//! Lines, areas and bars over time: hover for values, drag to zoom, arrows to walk through the times.

mod drawn;
mod said;

use leptos::{
    ev::{KeyboardEvent, PointerEvent},
    html,
    prelude::*,
};

use drawn::{Drawn, HEIGHT, WIDTH};
use said::{Values, tip};

use super::{
    Keys,
    plot::{TimePlot, TimeStyle},
    scale::time_ticks,
};
use crate::{
    components::histogram::{capture, share_across},
    model::{app::App, search::Bounds},
    text::{number, time},
};

const TICKS: i64 = 6;
/// Labels nearer to an end of the axis than this share of it stand within.
const AXIS_END: f64 = 0.05;
/// A pointer that moved less, as a share of the width, did not drag.
const DRAG_MIN: f64 = 0.01;

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
                let share = share_of(ms);
                let (first, last) = (share < AXIS_END, share > 1.0 - AXIS_END);
                // At the ends a label stands within, not across.
                view! { <span class:first=first class:last=last style:left=format!("{:.2}%", share * 100.0)>{text}</span> }
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

#[cfg(test)]
mod tests;
