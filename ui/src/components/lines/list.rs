//! The list of lines. Only those in sight are in the document, at places that follow from their
//! index; more are asked for as an end of the window comes near.

use std::sync::Arc;

use leptos::{html, prelude::*};

use super::{
    head::Head,
    place::{follow_end, keep_selected_in_sight, place_first, watch_ends, watch_size},
    row::Row,
    ruler::Ruler,
    text::cut,
    ticks::Ticks,
};
use crate::{
    lang::Hits,
    model::{
        app::App,
        columns,
        feed::{Feed, Kind},
        layout::{self, Layout, Wrapped},
        paging::Edge,
        window::{Line, Window},
    },
};

/// Rows drawn beyond each edge of what is in sight.
const MARGIN_ROWS: i64 = 12;

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
    feed: Feed,
    /// The end towards which indices count down comes near.
    on_front: Callback<()>,
    /// The other end comes near.
    on_back: Callback<()>,
    /// Stay at the end as lines are added.
    follow: Signal<bool>,
) -> impl IntoView {
    let window = feed.window;
    let app = App::get();
    let scroller = NodeRef::<html::Div>::new();
    let scroll_top = RwSignal::new(0.0);
    let height = RwSignal::new(0.0);
    let opened_px = RwSignal::new(0.0);
    let opened = Memo::new(move |_| {
        let id = app.view.with(|view| view.open.clone())?;
        window.with(|window| window.index_of(&id))
    });
    let room_columns = RwSignal::new(0);
    let wrapped = wrapped(app, feed, room_columns);
    let layout = Memo::new(move |_| Layout {
        origin: window.with(Window::origin),
        row_px: app.prefs.row_px(),
        wrapped: wrapped.get(),
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
        move |_| {
            Arc::new(app.view.with(|view| match feed.kind {
                Kind::File => Hits::of_text(&view.find),
                _ => Hits::of(&view.query),
            }))
        },
        |_, _| true,
    );

    watch_size(scroller, height);
    watch_ends(feed, sight, ends, on_front, on_back);
    place_first(feed, scroller, layout, ends, scroll_top);
    keep_selected_in_sight(app, scroller, layout);
    let on_scroll = move |_| {
        if let Some(scroller) = scroller.get_untracked() {
            scroll_top.set(f64::from(scroller.scroll_top()));
        }
    };
    follow_end(scroller, layout, ends, follow);
    let ticks = Ticks::new(app, feed, layout, hits, visible);
    let grid = move || app.view.with(|view| columns::grid(&view.columns));
    let height_px = move || layout.get().top(ends.get().1 + 1);
    view! {
        <div class="lines-frame" class:wrap=move || app.prefs.wrap.get() style:--columns=grid>
            <Head/>
            <Ruler columns=room_columns/>
            <div class="lines" node_ref=scroller role="list" aria-label="Lines" tabindex="0" on:scroll=on_scroll>
                <div class="lines-room" style:height=move || format!("{}px", height_px())>
                    {move || {
                        let renewed = ticks.renewed.get();
                        view! {
                            <For each=rows key=move |shown| (renewed, shown.epoch, shown.index, shown.repeats_second) let(shown)>
                                <Row index=shown.index line=shown.line repeats_second=shown.repeats_second feed layout opened_px hits ticks/>
                            </For>
                        }
                    }}
                    <div class="lines-end" style:top=move || format!("{}px", layout.get().top(ends.get().1))>
                        {move || end_words(app, feed)}
                    </div>
                </div>
            </div>
        </div>
    }
}

/// The places of the lines, if they are wrapped and it is known at how many characters.
fn wrapped(app: App, feed: Feed, room_columns: RwSignal<usize>) -> Memo<Option<Arc<Wrapped>>> {
    Memo::new(move |before: Option<&Option<Arc<Wrapped>>>| {
        let columns = Some(room_columns.get()).filter(|&columns| columns > 0 && app.prefs.wrap.get())?;
        let row_px = app.prefs.row_px();
        let steady = feed.seen_first.get_untracked();
        feed.window.with(|window| {
            let (first, end) = (window.first(), window.end());
            let rows = (first..end).map(|index| {
                let text = window.get(index).map_or("", |line| cut(&line.record.body));
                layout::rows(text, columns)
            });
            let before = before.and_then(|before| before.as_deref());
            let room = first - window.origin();
            Some(Arc::new(Wrapped::after(
                before,
                (first, window.epoch(), columns),
                rows,
                (room, steady),
                row_px,
            )))
        })
    })
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

fn end_words(app: App, feed: Feed) -> Option<&'static str> {
    if feed.window.with(Window::is_empty) {
        return None;
    }
    feed.edges
        .with(|edges| match (feed.kind, &edges.back, edges.loading_back) {
            (Kind::Tail, ..) => None,
            (Kind::File, _, true) => Some("loading …"),
            (Kind::File, Edge::Reached, _) => Some("the end of the file so far"),
            (Kind::Answer, _, true) => Some("loading older lines …"),
            (Kind::Answer, Edge::Reached, _) if !app.search.is_busy() => Some("the oldest line of this answer"),
            _ => None,
        })
}
