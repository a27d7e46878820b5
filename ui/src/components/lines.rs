//! The list of lines. Only those in sight are in the document, at places that follow from their
//! index; more are asked for as an end of the window comes near.

use std::sync::Arc;

use leptos::{html, prelude::*};

use super::row::Row;
use crate::{
    lang::Hits,
    model::{
        app::App,
        layout::{Layout, ROW_PX},
        paging::Edge,
        window::{Line, Window},
    },
};

/// Rows drawn beyond each edge of what is in sight.
const MARGIN_ROWS: i64 = 12;
/// More is asked for when fewer rows than this are left.
const AHEAD_ROWS: i64 = 250;

#[derive(Clone)]
struct Shown {
    epoch: u64,
    index: i64,
    line: Arc<Line>,
    /// Of the same second as the line above.
    repeats_second: bool,
}

/// The list.
#[component]
pub(crate) fn Lines(
    /// What is listed.
    window: RwSignal<Window>,
    /// The end towards which indices count up comes near.
    on_older: Callback<()>,
    /// The other end comes near.
    on_newer: Callback<()>,
    /// Stay at the end as lines are added.
    follow: Signal<bool>,
) -> impl IntoView {
    let app = App::get();
    let scroller = NodeRef::<html::Div>::new();
    let scroll_top = RwSignal::new(0.0);
    let height = RwSignal::new(0.0);
    let opened_px = RwSignal::new(0.0);
    let opened = Memo::new(move |_| {
        let id = app.view.with(|view| view.open.clone())?;
        window.with(|window| window.index_of(&id))
    });
    let layout = Memo::new(move |_| Layout {
        origin: window.with(Window::origin),
        opened: opened.get().map(|index| (index, opened_px.get())),
    });
    let ends = Memo::new(move |_| window.with(|window| (window.first(), window.end(), window.epoch())));
    let sight = Memo::new(move |_| {
        let layout = layout.get();
        let top = scroll_top.get();
        (layout.index_at(top), layout.index_at(top + height.get()) + 1)
    });
    let visible = Memo::new(move |_| {
        let (from, to) = sight.get();
        let (first, end, _) = ends.get();
        (
            (from - MARGIN_ROWS).clamp(first, end),
            (to + MARGIN_ROWS).clamp(first, end),
        )
    });
    let rows = move || {
        let (from, to) = visible.get();
        window.with(|window| (from..to).filter_map(|index| shown(window, index)).collect::<Vec<_>>())
    };
    let hits = Memo::new_with_compare(
        move |_| Arc::new(Hits::of(&app.view.with(|view| view.query.clone()))),
        |_, _| true,
    );

    watch_size(scroller, height);
    watch_ends(app, window, sight, ends, on_older, on_newer);
    place_first(scroller, window, layout, ends, scroll_top, height);
    keep_selected_in_sight(app, scroller, layout);
    let on_scroll = move |_| {
        if let Some(scroller) = scroller.get_untracked() {
            scroll_top.set(f64::from(scroller.scroll_top()));
        }
    };
    Effect::new(move || {
        ends.track();
        if follow.get() {
            request_animation_frame(move || {
                if let Some(scroller) = scroller.try_get_untracked().flatten() {
                    scroller.set_scroll_top(scroller.scroll_height());
                }
            });
        }
    });
    view! {
        <div class="lines" node_ref=scroller role="list" aria-label="Lines" on:scroll=on_scroll>
            <div class="lines-room" style:height=move || format!("{}px", layout.get().top(ends.get().1) + ROW_PX)>
                <For each=rows key=|shown| (shown.epoch, shown.index, shown.repeats_second) let(shown)>
                    <Row index=shown.index line=shown.line repeats_second=shown.repeats_second window layout opened_px hits/>
                </For>
                <div class="lines-end" style:top=move || format!("{}px", layout.get().top(ends.get().1))>
                    {move || end_words(app, window)}
                </div>
            </div>
        </div>
    }
}

fn shown(window: &Window, index: i64) -> Option<Shown> {
    let line = Arc::clone(window.get(index)?);
    let repeats_second = window
        .get(index - 1)
        .is_some_and(|above| above.time_ms.div_euclid(1_000) == line.time_ms.div_euclid(1_000));
    Some(Shown {
        epoch: window.epoch(),
        index,
        line,
        repeats_second,
    })
}

fn end_words(app: App, window: RwSignal<Window>) -> Option<&'static str> {
    if app.search.window != window || window.with(Window::is_empty) {
        return None;
    }
    app.search
        .edges
        .with(|edges| match (&edges.older, edges.loading_older) {
            (_, true) => Some("loading older lines …"),
            // Of a file's part there is no telling.
            (Edge::Reached, _) if app.view.with(|view| view.around.is_some()) => None,
            (Edge::Reached, _) if !app.search.is_busy() => Some("the oldest line of this answer"),
            _ => None,
        })
}

/// The list's height follows the page's.
fn watch_size(scroller: NodeRef<html::Div>, height: RwSignal<f64>) {
    let measure = move || {
        if let Some(scroller) = scroller.try_get_untracked().flatten() {
            height.set(f64::from(scroller.client_height()));
        }
    };
    Effect::new(move || {
        scroller.track();
        request_animation_frame(measure);
    });
    super::row::observe(
        move || scroller.get().map(|scroller| scroller.into()),
        move |_| measure(),
    );
}

/// Asks for more near the ends, and tells the time map what is in sight.
fn watch_ends(
    app: App,
    window: RwSignal<Window>,
    sight: Memo<(i64, i64)>,
    ends: Memo<(i64, i64, u64)>,
    on_older: Callback<()>,
    on_newer: Callback<()>,
) {
    Effect::new(move || {
        let (from, to) = sight.get();
        let (first, end, _) = ends.get();
        app.search.edges.track();
        if first == end {
            return;
        }
        if to + AHEAD_ROWS > end {
            on_older.run(());
        }
        if from - AHEAD_ROWS < first {
            on_newer.run(());
        }
    });
    Effect::new(move || {
        let (from, to) = sight.get();
        let (first, end, _) = ends.get();
        if first == end || app.search.window != window {
            app.search.seen.set(None);
            return;
        }
        let (from, to) = (from.clamp(first, end - 1), (to - 2).clamp(first, end - 1));
        let times = window.with(|window| {
            window
                .get(from)
                .zip(window.get(to))
                .map(|(newest, oldest)| (newest.time_ms, oldest.time_ms))
        });
        app.search.seen.set(times);
        app.search.seen_first.set(from);
    });
}

/// A new answer begins at its first line; when the newest line turns out to be held, the room
/// above it goes.
fn place_first(
    scroller: NodeRef<html::Div>,
    window: RwSignal<Window>,
    layout: Memo<Layout>,
    ends: Memo<(i64, i64, u64)>,
    scroll_top: RwSignal<f64>,
    height: RwSignal<f64>,
) {
    let scroll_to = move |px: f64| {
        scroll_top.set(px);
        request_animation_frame(move || {
            if let Some(scroller) = scroller.try_get_untracked().flatten() {
                scroller.set_scroll_top(px as i32);
            }
        });
    };
    let search = App::get().search;
    Effect::new(move |placed: Option<u64>| {
        let (first, end, epoch) = ends.get();
        if placed == Some(epoch) || first == end {
            return placed.unwrap_or(u64::MAX);
        }
        let from_end = search.from_end.get_untracked();
        search.from_end.set(false);
        let center = search.center.try_update_value(Option::take).flatten();
        let center = center.and_then(|id| window.with_untracked(|window| window.index_of(&id)));
        let layout = layout.get_untracked();
        scroll_to(match center {
            Some(index) => (layout.top(index) - height.get_untracked() / 2.0).max(0.0),
            None => layout.top(if from_end { end } else { first }),
        });
        epoch
    });
    let app = App::get();
    Effect::new(move || {
        let reached = app.search.edges.with(|edges| edges.newer == Edge::Reached);
        let (first, end, _) = ends.get();
        let room = window.with_untracked(|window| window.first() - window.origin());
        if reached && first < end && room > 0 && app.search.window == window {
            window.update(|window| {
                window.close_front();
            });
            scroll_to((scroll_top.get_untracked() - room as f64 * ROW_PX).max(0.0));
        }
    });
    // Above the first line there is only room: one cannot get lost in it.
    Effect::new(move || {
        let first_top = layout.get().top(ends.get().0);
        if scroll_top.get() + 1.0 < first_top && ends.get_untracked().0 < ends.get_untracked().1 {
            scroll_to(first_top);
        }
    });
}

fn keep_selected_in_sight(app: App, scroller: NodeRef<html::Div>, layout: Memo<Layout>) {
    Effect::new(move || {
        let Some(index) = app.selected.get() else { return };
        let Some(scroller) = scroller.get_untracked() else {
            return;
        };
        let top = layout.get_untracked().top(index);
        let (seen, height) = (f64::from(scroller.scroll_top()), f64::from(scroller.client_height()));
        if top < seen {
            scroller.set_scroll_top(top as i32);
        } else if top + 2.0 * ROW_PX > seen + height {
            scroller.set_scroll_top((top + 2.0 * ROW_PX - height) as i32);
        }
    });
}
