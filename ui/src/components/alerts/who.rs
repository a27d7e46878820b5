//! As whom acts are signed: the account's name where people log in; elsewhere people say it once for
//! this browser.

use leptos::prelude::*;

use crate::model::app::App;

/// The field, where it is needed.
#[component]
pub(crate) fn Who() -> impl IntoView {
    let app = App::get();
    let who = app.prefs.who;
    let user = Memo::new(move |_| app.access.user());
    move || {
        match user.get() {
        Some(user) => view! { <span class="alert-as">"as "{user}</span> }.into_any(),
        None => view! {
            <input class="input alert-who" placeholder="your name" aria-label="Your name" autocomplete="name" spellcheck="false"
                prop:value=move || who.get() on:change=move |event| who.set(event_target_value(&event))/>
        }
        .into_any(),
    }
    }
}
