//! The list, or the opened dashboard; what went wrong.

use leptos::prelude::*;

use super::{board::Board, list::List};
use crate::model::{app::App, reach::OFFLINE};

/// The page.
#[component]
pub(crate) fn BoardsPage() -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    on_cleanup(move || boards.set_aside());
    let is_one = Memo::new(move |_| app.view.with(|view| view.item.is_some()));
    view! {
        <div class="boards">
            <div class="load" class:busy=move || boards.busy.get() aria-hidden="true"></div>
            {move || if is_one.get() { view! { <Board/> }.into_any() } else { view! { <List/> }.into_any() }}
        </div>
    }
}

/// What went wrong, under a head.
#[component]
pub(super) fn Trouble() -> impl IntoView {
    let app = App::get();
    move || {
        app.boards
            .error
            .get()
            .filter(|error| error.code != OFFLINE)
            .map(|error| {
                view! {
                    <div class="problem" role="alert"><div class="problem-text">
                        <span>{error.message}</span>
                        <button class="button small" on:click=move |_| app.again()>"Try again"</button>
                    </div></div>
                }
            })
    }
}
