//! What tells rows to draw themselves anew.
//!
//! A signal never forgets who listened, not even when a listener goes (reactive_graph 0.2): rows come
//! and go by thousands while one scrolls or follows, and would be remembered for ever. So rows listen
//! to these alone, which forget all of them now and then, just after they have told them: whoever is
//! still there draws itself anew, and so is known again. Who owns rows does not forget those that went,
//! either: now and then all are made anew under a new owner.

use std::sync::Arc;

use leptos::{prelude::*, reactive::graph::Source};

use crate::{
    lang::Hits,
    model::{app::App, feed::Feed, layout::Layout},
};

/// Rows that may come until those that went are forgotten.
const ROWS_MAX: i64 = 400;
/// Rows that may come until all are made anew.
const ROWS_RENEWED_MAX: i64 = 4_000;

/// Each counts changes.
#[derive(Clone, Copy)]
pub(super) struct Ticks {
    /// Of how rows look: what is chosen, opened, marked, in which zone and columns.
    pub looks: RwSignal<u64>,
    /// Of where they stand.
    pub places: RwSignal<u64>,
    /// Of the lines that are held, by which one is common or not.
    pub held: RwSignal<u64>,
    /// Of the rows' owner.
    pub renewed: RwSignal<u64>,
}

impl Ticks {
    /// Follows what rows depend on.
    pub(super) fn new(
        app: App,
        feed: Feed,
        layout: Memo<Layout>,
        hits: Memo<Arc<Hits>>,
        visible: Memo<(i64, i64)>,
    ) -> Ticks {
        let ticks = Ticks {
            looks: RwSignal::new(0),
            places: RwSignal::new(0),
            held: RwSignal::new(0),
            renewed: RwSignal::new(0),
        };
        Effect::new(move || {
            app.selected.track();
            app.anchor.track();
            app.word.track();
            app.view.track();
            app.prefs.zone.track();
            app.search.bounds.track();
            hits.track();
            ticks.looks.update(|looks| *looks += 1);
        });
        Effect::new(move || {
            layout.track();
            ticks.places.update(|places| *places += 1);
        });
        Effect::new(move || {
            feed.window.track();
            ticks.held.update(|held| *held += 1);
        });
        Effect::new(move |before: Option<Passed>| {
            let now = visible.get();
            let before = before.unwrap_or(Passed {
                visible: now,
                ..Passed::default()
            });
            let kept = (now.1.min(before.visible.1) - now.0.max(before.visible.0)).max(0);
            let came = now.1 - now.0 - kept;
            let mut passed = Passed {
                visible: now,
                unforgotten: before.unforgotten + came,
                owned: before.owned + came,
            };
            if passed.unforgotten >= ROWS_MAX {
                passed.unforgotten = 0;
                for tick in [ticks.looks, ticks.places, ticks.held] {
                    tick.update(|count| *count += 1);
                    tick.clear_subscribers();
                }
            }
            if passed.owned >= ROWS_RENEWED_MAX {
                passed.owned = 0;
                ticks.renewed.update(|count| *count += 1);
            }
            passed
        });
        ticks
    }
}

/// Rows that came.
#[derive(Default)]
struct Passed {
    visible: (i64, i64),
    unforgotten: i64,
    owned: i64,
}
