//! As whom acts are signed: nobody logs in yet, so people say it once for this browser.

use leptos::prelude::*;

use crate::model::app::App;

/// The field.
#[component]
pub(super) fn Who() -> impl IntoView {
    let who = App::get().prefs.who;
    view! {
        <input class="input alert-who" placeholder="your name" aria-label="Your name" autocomplete="name" spellcheck="false"
            prop:value=move || who.get() on:change=move |event| who.set(event_target_value(&event))/>
    }
}
