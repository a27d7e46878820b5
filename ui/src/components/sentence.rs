//! A sentence of the server's with its instants in the reader's zone, and as written on hover.

use leptos::prelude::*;

use crate::{
    model::app::App,
    text::{
        instants::{Piece, pieces},
        printable::{Layout, printable},
    },
};

/// The sentence, on one line.
#[component]
pub(crate) fn Sentence(text: String) -> impl IntoView {
    let zone = App::get().prefs.zone;
    move || {
        let zone = zone.get();
        pieces(&text)
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => view! { <>{printable(text, Layout::Row).into_owned()}</> }.into_any(),
                Piece::Instant(written, ms) => {
                    view! { <time title=written.to_owned()>{zone.civil(ms).editable()}</time> }.into_any()
                }
            })
            .collect_view()
    }
}
