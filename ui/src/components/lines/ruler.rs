//! A row that nobody sees, from which it is read how many characters a row of text holds.

use leptos::{html, prelude::*};

use super::row::{clock, observe};
use crate::model::app::App;

/// Characters measured at once; one alone is too short to be exact.
const CHARACTERS: usize = 100;

/// The ruler; tells `columns` what it finds whenever that changes.
#[component]
pub(crate) fn Ruler(columns: RwSignal<usize>) -> impl IntoView {
    let app = App::get();
    let room = NodeRef::<html::Span>::new();
    let characters = NodeRef::<html::Span>::new();
    let measure = move || {
        // A frame may come when the list is gone.
        let node = |node: NodeRef<html::Span>| node.try_get_untracked().flatten();
        let (Some(room), Some(characters)) = (node(room), node(characters)) else {
            return;
        };
        let character_px = characters.get_bounding_client_rect().width() / CHARACTERS as f64;
        let room_px = room.get_bounding_client_rect().width();
        if character_px > 0.0 && room_px > 0.0 {
            let found = ((room_px / character_px) as usize).max(1);
            if columns.try_get_untracked().is_some_and(|columns| columns != found) {
                columns.set(found);
            }
        }
    };
    observe(move || room.get().map(|room| room.into()), move |_| measure());
    Effect::new(move || {
        app.prefs.dense.track();
        request_animation_frame(measure);
    });
    view! {
        <div class="row-line ruler" aria-hidden="true">
            <span class="row-time">{move || clock(app, app.search.feed.seen.get().map_or(0, |(newest, _)| newest))}</span>
            <i></i>
            <b></b>
            {move || app.view.with(|view| view.columns.len()..view.columns.len() * 2).map(|_| view! { <span></span> }).collect_view()}
            <span class="ruler-text"><span class="ruler-room" node_ref=room></span><span class="ruler-characters" node_ref=characters>{"0".repeat(CHARACTERS)}</span></span>
        </div>
    }
}
