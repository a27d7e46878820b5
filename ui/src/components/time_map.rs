//! The scroll bar as a map of time: density and worst severity over the range, what is in sight
//! marked, drag to travel. Newest above.

use leptos::{
    ev::{KeyboardEvent, PointerEvent},
    html,
    prelude::*,
};
use timberline_proto::api::HistogramAnswer;

use super::{histogram::capture, search::exact};
use crate::model::{app::App, window::Level};

/// The map.
#[component]
pub(crate) fn TimeMap() -> impl IntoView {
    let app = App::get();
    let search = app.search;
    let track = NodeRef::<html::Div>::new();
    let drag = RwSignal::new(None::<f64>);
    let ms_at = move |share: f64| {
        search.histogram.with_untracked(|h| {
            h.as_ref().filter(|h| !h.bins.is_empty()).map(|h| {
                let span = h.bins.len() as f64 * h.width_ms as f64;
                h.start_ms + ((1.0 - share) * span) as i64
            })
        })
    };
    let share = move |event: &PointerEvent| {
        let rect = track.get_untracked()?.get_bounding_client_rect();
        Some(((f64::from(event.client_y()) - rect.top()) / rect.height().max(1.0)).clamp(0.0, 1.0))
    };
    let travel = move |share: f64| {
        if let Some(ms) = ms_at(share) {
            app.unchoose();
            search.travel(&app.view.get_untracked(), ms);
        }
    };
    let marked = Memo::new(move |_| {
        let (newest, oldest) = search.feed.seen.get()?;
        search
            .histogram
            .with(|h| h.as_ref().and_then(|h| Some((place(h, newest)?, place(h, oldest)?))))
    });
    let on_key = move |event: KeyboardEvent| {
        let by = match event.key().as_str() {
            "PageUp" => -0.1,
            "PageDown" => 0.1,
            "ArrowUp" => -0.02,
            "ArrowDown" => 0.02,
            _ => return,
        };
        event.prevent_default();
        travel((marked.get_untracked().map_or(0.0, |(top, _)| top) + by).clamp(0.0, 1.0));
    };
    view! {
        <div
            class="map"
            node_ref=track
            role="scrollbar"
            tabindex="0"
            aria-orientation="vertical"
            aria-label="Time"
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow=move || marked.get().map_or(0, |(top, _)| (top * 100.0) as i64).to_string()
            aria-valuetext=move || search.feed.seen.get().map(|(newest, _)| exact(app, newest))
            on:pointerdown=move |event| {
                capture(&event);
                drag.set(share(&event));
            }
            on:pointermove=move |event| if drag.with_untracked(Option::is_some) { drag.set(share(&event)) }
            on:pointerup=move |_| {
                if let Some(at) = drag.get_untracked() {
                    drag.set(None);
                    travel(at);
                }
            }
            on:pointercancel=move |_| drag.set(None)
            on:keydown=on_key
        >
            {move || search.histogram.with(|h| h.as_ref().map(density))}
            {move || marked.get().map(|(top, bottom)| view! {
                <div class="map-seen" style:top=format!("{}%", top * 100.0) style:height=format!("{}%", (bottom - top).max(0.0) * 100.0)></div>
            })}
            {move || drag.get().and_then(|at| ms_at(at).map(|ms| (at, ms))).map(|(at, ms)| view! {
                <div class="map-drag" style:top=format!("{}%", at * 100.0)><span>{exact(app, ms)}</span></div>
            })}
        </div>
    }
}

fn density(histogram: &HistogramAnswer) -> impl IntoView + use<> {
    let max = histogram
        .bins
        .iter()
        .map(|bin| bin.iter().sum::<u64>())
        .max()
        .unwrap_or(0)
        .max(1) as f64;
    let bins = histogram
        .bins
        .iter()
        .rev()
        .map(|bin| {
            let total: u64 = bin.iter().sum();
            let worst = Level::ALL
                .into_iter()
                .rev()
                .find(|level| bin[*level as usize] > 0)
                .unwrap_or_default();
            // By the root, so that quiet times beside a burst are still seen.
            let width = (total as f64 / max).sqrt() * 100.0;
            let class = format!(
                "map-bin {}",
                if worst >= Level::Warn {
                    format!("sev-{}", worst.word())
                } else {
                    "calm".into()
                }
            );
            view! { <div class=class><i style:width=format!("{width:.0}%")></i></div> }
        })
        .collect_view();
    view! { <div class="map-bins">{bins}</div> }
}

/// Where an instant stands on the map: 0 at the top (newest), 1 at the bottom.
fn place(histogram: &HistogramAnswer, ms: i64) -> Option<f64> {
    let span = histogram.bins.len() as f64 * histogram.width_ms as f64;
    (span > 0.0).then(|| (1.0 - (ms - histogram.start_ms) as f64 / span).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_is_above() {
        let histogram = HistogramAnswer {
            start_ms: 1_000,
            width_ms: 100,
            bins: vec![[0; 7]; 10],
            ..HistogramAnswer::default()
        };
        assert_eq!(place(&histogram, 2_000), Some(0.0));
        assert_eq!(place(&histogram, 1_000), Some(1.0));
        assert_eq!(place(&histogram, 1_500), Some(0.5));
        assert_eq!(place(&histogram, 0), Some(1.0));
        assert_eq!(place(&HistogramAnswer::default(), 0), None);
    }
}
