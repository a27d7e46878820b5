//! What could stand at the cursor, under the query box.

use leptos::{ev::PointerEvent, prelude::*};

use crate::model::{app::App, complete::Item};

/// The list's id, which the box names for those who listen.
pub(crate) const LIST_ID: &str = "complete";

/// The list, while something is offered.
#[component]
pub(crate) fn Complete(on_take: Callback<Item>) -> impl IntoView {
    let suggestions = App::get().suggestions;
    let is_open = Memo::new(move |_| suggestions.items.with(|items| !items.is_empty()));
    let entries = move || {
        suggestions
            .items
            .get()
            .into_iter()
            .enumerate()
            .map(|(at, item)| {
                let current = move || suggestions.current.get() == Some(at);
                let taken = item.clone();
                // The box keeps the keyboard: a press is not a change of focus.
                let on_press = move |event: PointerEvent| {
                    event.prevent_default();
                    on_take.run(taken.clone());
                };
                view! {
                    <div
                        id=option_id(at)
                        class="complete-item"
                        class:current=current
                        class:past=item.is_past
                        role="option"
                        aria-selected=move || current().to_string()
                        on:pointerdown=on_press
                    >
                        <b>{item.text.trim_end().to_owned()}</b>
                        <span>{item.note}</span>
                    </div>
                }
            })
            .collect_view()
    };
    view! {
        <Show when=move || is_open.get()>
            <div class="complete">
                <div class="panel complete-list" id=LIST_ID role="listbox" aria-label="What could stand here">
                    {entries}
                    <p class="complete-keys"><kbd>"↓"</kbd>"choose "<kbd>"Tab"</kbd>"take"</p>
                </div>
            </div>
        </Show>
    }
}

/// The id of one entry.
pub(crate) fn option_id(at: usize) -> String {
    format!("{LIST_ID}-{at}")
}
