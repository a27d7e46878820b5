//! The field above a list in which what is looked for is typed.

use leptos::prelude::*;

/// The field.
#[component]
pub(crate) fn Find(
    /// What stands in it while it is empty, and what readers of the screen hear unless `label` is given.
    word: &'static str,
    /// What readers of the screen hear.
    #[prop(optional)]
    label: &'static str,
    /// What is typed.
    wanted: RwSignal<String>,
) -> impl IntoView {
    view! {
        <input
            class="input tools-find" placeholder=word aria-label=if label.is_empty() { word } else { label } spellcheck="false"
            prop:value=move || wanted.get()
            on:input=move |event| wanted.set(event_target_value(&event))
        />
    }
}
