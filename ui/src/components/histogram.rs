//! Lines over time, stacked by severity: drag to zoom, click a bar to filter, hover for counts.

use leptos::{ev::PointerEvent, html, prelude::*};
use timberline_proto::api::HistogramAnswer;
use wasm_bindgen::JsCast;

use crate::{
    model::{app::App, prefs::Zone, view::TimeRange, window::Level},
    text::{number, time},
};

/// Height of the bars in pixels.
const BARS_PX: f64 = 64.0;
/// A pointer that moved less clicked.
const CLICK_PX: f64 = 4.0;
const TICKS: usize = 6;

/// The chart.
#[component]
pub(crate) fn Histogram() -> impl IntoView {
    let app = App::get();
    let search = app.search;
    let area = NodeRef::<html::Div>::new();
    // Both as shares of the width.
    let hover = RwSignal::new(None::<f64>);
    let brush = RwSignal::new(None::<(f64, f64)>);
    let share = move |event: &PointerEvent| share_across(area, event);
    let on_down = move |event: PointerEvent| {
        if event.button() == 0
            && let Some(at) = share(&event)
        {
            brush.set(Some((at, at)));
            capture(&event);
        }
    };
    let on_move = move |event: PointerEvent| {
        let at = share(&event);
        hover.set(at);
        if let Some(at) = at {
            brush.update(|brush| *brush = brush.map(|(from, _)| (from, at)));
        }
    };
    let on_up = move |_: PointerEvent| {
        let Some((from, to)) = brush.get_untracked() else {
            return;
        };
        brush.set(None);
        let width = area.get_untracked().map_or(1.0, |area| f64::from(area.client_width()));
        let range = search
            .histogram
            .with_untracked(|h| h.as_ref().and_then(|h| chosen(h, from, to, width)));
        if let Some((from_ms, to_ms)) = range {
            app.set_range(TimeRange::absolute(from_ms, to_ms));
        }
    };
    view! {
        <div class="histogram" class:stale=move || search.is_busy()>
            <div
                class="histogram-area"
                node_ref=area
                role="img"
                aria-label=move || search.histogram.with(|h| h.as_ref().map(|h| format!("{} over time", number::counted(h.total, "line", "lines"))))
                on:pointerdown=on_down
                on:pointermove=on_move
                on:pointerup=on_up
                on:pointercancel=move |_| brush.set(None)
                on:pointerleave=move |_| hover.set(None)
            >
                {move || search.histogram.with(|h| h.as_ref().map(bars))}
                <Show when=move || brush.with(|brush| brush.is_some_and(|(from, to)| (from - to).abs() > 0.002))>
                    <div
                        class="histogram-brush"
                        style:left=move || brush.get().map(|(a, b)| format!("{}%", a.min(b) * 100.0))
                        style:width=move || brush.get().map(|(a, b)| format!("{}%", (a - b).abs() * 100.0))
                    ></div>
                </Show>
                {move || {
                    let at = hover.get()?;
                    search.histogram.with(|h| h.as_ref().and_then(|h| tip(h, at, app.prefs.zone.get(), search.bounds.get().now_ms)))
                }}
            </div>
            <div class="histogram-axis" aria-hidden="true">{move || search.histogram.with(|h| h.as_ref().map(|h| ticks(h, app.prefs.zone.get())))}</div>
            <Legend/>
        </div>
    }
}

/// Totals by severity; each is a filter.
#[component]
fn Legend() -> impl IntoView {
    let app = App::get();
    let totals = Memo::new(move |_| app.search.histogram.with(|h| h.as_ref().map(totals)));
    let entries = move || {
        let totals = totals.get()?;
        let shown = Level::ALL.into_iter().rev().filter(|level| totals[*level as usize] > 0);
        Some(
            shown
                .map(|level| {
                    let count = totals[level as usize];
                    let mark = format!("mark sev-{}", level.word());
                    let word = if level == Level::None { "no level" } else { level.word() };
                    let title = format!("{} · click to keep only these", number::counted(count, "line", "lines"));
                    view! {
                        <button class="legend-entry" title=title disabled=level == Level::None on:click=move |_| app.filter(Some("severity"), level.word(), true)>
                            <i class=mark></i>
                            {word}
                            <span class="number">{number::short(count)}</span>
                        </button>
                    }
                })
                .collect_view(),
        )
    };
    view! { <div class="legend">{entries}</div> }
}

/// How far across an area the pointer is, from 0 at its left to 1 at its right.
pub(crate) fn share_across(area: NodeRef<html::Div>, event: &PointerEvent) -> Option<f64> {
    let rect = area.get_untracked()?.get_bounding_client_rect();
    Some(((f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0)).clamp(0.0, 1.0))
}

/// The pointer stays ours until it is lifted, also outside.
pub(crate) fn capture(event: &PointerEvent) {
    if let Some(element) = event
        .current_target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
    {
        let captured = element.set_pointer_capture(event.pointer_id());
        debug_assert!(captured.is_ok());
    }
}

fn totals(histogram: &HistogramAnswer) -> [u64; 7] {
    histogram.bins.iter().fold([0; 7], |mut sum, bin| {
        for (sum, count) in sum.iter_mut().zip(bin) {
            *sum += count;
        }
        sum
    })
}

/// The bars alone.
pub(super) fn bars(histogram: &HistogramAnswer) -> impl IntoView + use<> {
    let max = histogram
        .bins
        .iter()
        .map(|bin| bin.iter().sum::<u64>())
        .max()
        .unwrap_or(0);
    let bars = histogram
        .bins
        .iter()
        .map(|bin| {
            let parts = stack(bin, max)
                .into_iter()
                .map(|(level, px)| view! { <i class=format!("sev-{}", level.word()) style:height=format!("{px}px")></i> })
                .collect_view();
            view! { <div class="bar">{parts}</div> }
        })
        .collect_view();
    view! {
        <div class="bars">{bars}</div>
        <span class="histogram-max">{(max > 0).then(|| number::short(max))}</span>
    }
}

/// The parts of one bar from the top, the worst first, with their heights; gaps of one pixel are
/// taken from the parts. What is there at all is at least one pixel high.
fn stack(bin: &[u64; 7], max: u64) -> Vec<(Level, f64)> {
    let parts: Vec<Level> = Level::ALL
        .into_iter()
        .rev()
        .filter(|level| bin[*level as usize] > 0)
        .collect();
    let total: u64 = bin.iter().sum();
    let gaps = parts.len().saturating_sub(1) as f64;
    let height = (total as f64 / max.max(1) as f64 * BARS_PX - gaps).max(parts.len() as f64);
    let heights = parts
        .iter()
        .map(|level| (bin[*level as usize] as f64 / total as f64 * height).max(1.0));
    parts
        .iter()
        .copied()
        .zip(heights)
        .map(|(level, px)| (level, (px * 10.0).round() / 10.0))
        .collect()
}

/// The range that a brush, or a click on one bar, means.
fn chosen(histogram: &HistogramAnswer, from: f64, to: f64, width_px: f64) -> Option<(i64, i64)> {
    let bins = histogram.bins.len();
    if bins == 0 {
        return None;
    }
    let span = bins as f64 * histogram.width_ms as f64;
    if (from - to).abs() * width_px < CLICK_PX {
        let bin = ((to * bins as f64) as usize).min(bins - 1) as i64;
        let start = histogram.start_ms + bin * histogram.width_ms;
        return Some((start, start + histogram.width_ms.max(1)));
    }
    let at = |share: f64| histogram.start_ms + (share * span).round() as i64;
    let (start, end) = (at(from.min(to)), at(from.max(to)));
    Some((start, end.max(start + 1)))
}

/// From when to when a bar is: with the year where that is not this one, and with both days where they
/// differ.
fn span_words(start_ms: i64, width_ms: i64, zone: Zone, now_ms: i64) -> String {
    let (from, to, now) = (
        zone.civil(start_ms),
        zone.civil(start_ms + width_ms),
        zone.civil(now_ms),
    );
    let clock = |civil: &time::Civil| {
        if width_ms < 1_000 {
            civil.clock()
        } else {
            civil.clock_seconds()
        }
    };
    let day = from.day_of(&now);
    match (from.year, from.month, from.day) == (to.year, to.month, to.day) {
        true => format!("{day} {} – {}", clock(&from), clock(&to)),
        false => format!("{day} {} – {} {}", clock(&from), to.day_of(&now), clock(&to)),
    }
}

fn tip(histogram: &HistogramAnswer, at: f64, zone: Zone, now_ms: i64) -> Option<impl IntoView + use<>> {
    let index = ((at * histogram.bins.len() as f64) as usize).min(histogram.bins.len().checked_sub(1)?);
    let bin = histogram.bins[index];
    let start = histogram.start_ms + index as i64 * histogram.width_ms;
    let span = span_words(start, histogram.width_ms, zone, now_ms);
    let rows = Level::ALL
        .into_iter()
        .rev()
        .filter(|level| bin[*level as usize] > 0)
        .map(|level| {
            let word = if level == Level::None { "no level" } else { level.word() };
            view! {
                <div class="tip-row">
                    <i class=format!("mark sev-{}", level.word())></i>
                    {word}
                    <span class="number">{number::grouped(bin[level as usize])}</span>
                </div>
            }
        })
        .collect_view();
    let total: u64 = bin.iter().sum();
    let middle = (index as f64 + 0.5) / histogram.bins.len() as f64 * 100.0;
    let beside = if middle > 70.0 { "tip left" } else { "tip" };
    Some(view! {
        <div class=beside style:left=format!("{middle}%")>
            <div class="tip-head">{span}</div>
            {rows}
            {(total == 0).then_some("no lines")}
        </div>
    })
}

fn ticks(histogram: &HistogramAnswer, zone: Zone) -> impl IntoView + use<> {
    let width = histogram.bins.len() as i64 * histogram.width_ms;
    let start = histogram.start_ms;
    (0..TICKS)
        .map(|tick| {
            let ms = start + width * tick as i64 / TICKS as i64;
            view! { <span>{time::tick(ms + zone.offset_ms(ms), width)}</span> }
        })
        .collect_view()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> HistogramAnswer {
        HistogramAnswer {
            start_ms: 1_000,
            width_ms: 100,
            bins: vec![[0, 0, 0, 9, 0, 1, 0]; 10],
            ..HistogramAnswer::default()
        }
    }

    #[test]
    fn a_bar_of_another_year_says_so() {
        let now_ms = time::millis("2026-12-01T00:00:00Z").unwrap();
        let words = |start: &str, width_ms| span_words(time::millis(start).unwrap(), width_ms, Zone::Utc, now_ms);
        assert_eq!(words("2026-11-20T10:00:00Z", 60_000), "20 Nov 10:00:00 – 10:01:00");
        assert_eq!(
            words("2005-06-14T00:00:00Z", 7 * time::DAY_MS),
            "14 Jun 2005 00:00:00 – 21 Jun 2005 00:00:00"
        );
    }

    #[test]
    fn a_click_means_one_bar() {
        assert_eq!(chosen(&histogram(), 0.25, 0.25, 1_000.0), Some((1_200, 1_300)));
        assert_eq!(chosen(&histogram(), 1.0, 1.0, 1_000.0), Some((1_900, 2_000)));
        assert_eq!(chosen(&HistogramAnswer::default(), 0.5, 0.5, 100.0), None);
    }

    #[test]
    fn a_drag_means_its_range_in_either_direction() {
        assert_eq!(chosen(&histogram(), 0.5, 0.1, 1_000.0), Some((1_100, 1_500)));
    }

    #[test]
    fn a_bar_keeps_what_is_rare_visible() {
        let parts = stack(&[0, 0, 0, 1_000_000, 0, 1, 0], 1_000_001);
        assert_eq!(
            parts.iter().map(|part| part.0).collect::<Vec<_>>(),
            [Level::Error, Level::Info]
        );
        assert!(parts[0].1 >= 1.0 && parts[1].1 > 60.0);
        assert!(stack(&[0; 7], 5).is_empty());
    }
}
