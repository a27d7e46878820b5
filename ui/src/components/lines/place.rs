//! Where the list is scrolled to: at a new answer, as lines come and go, as the keyboard moves.

use leptos::{html, prelude::*};

use super::row::observe;
use crate::model::{
    app::App,
    feed::{Feed, Kind},
    layout::Layout,
    paging::Edge,
};

/// More is asked for when fewer rows than this are left.
const AHEAD_ROWS: i64 = 250;

/// Stays at the end as lines are added.
pub(super) fn follow_end(
    scroller: NodeRef<html::Div>,
    layout: Memo<Layout>,
    ends: Memo<(i64, i64, u64)>,
    follow: Signal<bool>,
) {
    Effect::new(move || {
        ends.track();
        layout.track();
        if follow.get() {
            request_animation_frame(move || {
                if let Some(scroller) = scroller.try_get_untracked().flatten() {
                    scroller.set_scroll_top(scroller.scroll_height());
                }
            });
        }
    });
}

/// The list's height follows the page's.
pub(super) fn watch_size(scroller: NodeRef<html::Div>, height: RwSignal<f64>) {
    let measure = move || {
        if let Some(scroller) = scroller.try_get_untracked().flatten() {
            height.set(f64::from(scroller.client_height()));
        }
    };
    Effect::new(move || {
        scroller.track();
        request_animation_frame(measure);
    });
    observe(
        move || scroller.get().map(|scroller| scroller.into()),
        move |_| measure(),
    );
}

/// Asks for more near the ends, and keeps what is in sight for others.
pub(super) fn watch_ends(
    feed: Feed,
    sight: Memo<(i64, i64)>,
    ends: Memo<(i64, i64, u64)>,
    on_front: Callback<()>,
    on_back: Callback<()>,
) {
    Effect::new(move || {
        let (from, to) = sight.get();
        let (first, end, _) = ends.get();
        feed.edges.track();
        if first == end {
            return;
        }
        if to + AHEAD_ROWS > end {
            on_back.run(());
        }
        if from - AHEAD_ROWS < first {
            on_front.run(());
        }
    });
    Effect::new(move || {
        let (from, to) = sight.get();
        let (first, end, _) = ends.get();
        if first == end {
            feed.seen.set(None);
            return;
        }
        let (from, to) = (from.clamp(first, end - 1), (to - 2).clamp(first, end - 1));
        let times = feed.window.with(|window| {
            window
                .get(from)
                .zip(window.get(to))
                .map(|(first, last)| (first.time_ms, last.time_ms))
        });
        feed.seen.set(times);
        feed.seen_first.set(from);
    });
}

/// A new answer begins at its first line; when the newest line turns out to be held, the room
/// above it goes.
pub(super) fn place_first(
    feed: Feed,
    scroller: NodeRef<html::Div>,
    layout: Memo<Layout>,
    ends: Memo<(i64, i64, u64)>,
    scroll_top: RwSignal<f64>,
) {
    let scroll_to = move |px: f64| {
        scroll_top.set(px);
        request_animation_frame(move || {
            if let Some(scroller) = scroller.try_get_untracked().flatten() {
                scroller.set_scroll_top(px as i32);
                // The list may end before: what is in sight is where the browser stopped.
                scroll_top.set(f64::from(scroller.scroll_top()));
            }
        });
    };
    let window = feed.window;
    Effect::new(move |placed: Option<u64>| {
        let (first, end, epoch) = ends.get();
        if placed == Some(epoch) || first == end {
            return placed.unwrap_or(u64::MAX);
        }
        let from_end = feed.from_end.get_untracked();
        feed.from_end.set(false);
        let center = feed.center.try_update_value(Option::take).flatten();
        let center = center.and_then(|id| window.with_untracked(|window| window.index_of(&id)));
        let layout = layout.get_untracked();
        match center {
            Some(index) => {
                scroll_top.set(layout.top(index));
                // Only in the next frame is it known how high the list is.
                request_animation_frame(move || {
                    if let Some(scroller) = scroller.try_get_untracked().flatten() {
                        let middle = layout.top(index) - f64::from(scroller.client_height()) / 2.0;
                        scroller.set_scroll_top(middle.max(0.0) as i32);
                        scroll_top.set(f64::from(scroller.scroll_top()));
                    }
                });
            }
            None => scroll_to(layout.top(if from_end { end } else { first })),
        }
        epoch
    });
    Effect::new(move || {
        let reached = feed.edges.with(|edges| edges.front == Edge::Reached);
        let (first, end, _) = ends.get();
        let room = window.with_untracked(|window| window.first() - window.origin());
        if reached && first < end && room > 0 && feed.kind != Kind::Tail {
            let layout = layout.get_untracked();
            window.update(|window| {
                window.close_front();
            });
            // Of wrapped lines it is the layout that says how far they moved.
            if layout.wrapped.is_none() {
                scroll_to((scroll_top.get_untracked() - room as f64 * layout.row_px).max(0.0));
            }
        }
    });
    // Wrapped lines that moved take along what is in sight; rows of another height, too.
    Effect::new(move |before: Option<Layout>| {
        let now = layout.get();
        let top = scroll_top.get_untracked();
        let moved_px = match (&before, &now.wrapped) {
            (Some(before), Some(wrapped)) if before.wrapped.as_ref() != Some(wrapped) => match before.wrapped {
                Some(_) => wrapped.moved_px,
                None => now.top(before.index_at(top)) - before.top(before.index_at(top)),
            },
            (Some(before), None) if before.wrapped.is_some() || before.row_px != now.row_px => {
                now.top(before.index_at(top)) - before.top(before.index_at(top))
            }
            _ => 0.0,
        };
        if moved_px != 0.0 {
            scroll_to((top + moved_px).max(0.0));
        }
        now
    });
    // Above the first line there is only room: one cannot get lost in it.
    Effect::new(move || {
        let first_top = layout.get().top(ends.get().0);
        if scroll_top.get() + 1.0 < first_top && ends.get_untracked().0 < ends.get_untracked().1 {
            scroll_to(first_top);
        }
    });
}

pub(super) fn keep_selected_in_sight(app: App, scroller: NodeRef<html::Div>, layout: Memo<Layout>) {
    Effect::new(move || {
        let Some(index) = app.selected.get() else { return };
        let Some(scroller) = scroller.get_untracked() else {
            return;
        };
        let layout = layout.get_untracked();
        // The next line is in sight, too.
        let (top, bottom) = (layout.top(index), layout.top(index + 1) + layout.row_px);
        let (seen, height) = (f64::from(scroller.scroll_top()), f64::from(scroller.client_height()));
        if top < seen {
            scroller.set_scroll_top(top as i32);
        } else if bottom > seen + height {
            scroller.set_scroll_top((bottom - height).min(top) as i32);
        }
    });
}
