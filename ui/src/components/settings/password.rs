//! Changing one's own password.

use leptos::prelude::*;
use timberline_proto::api::access::OwnPassword;

use super::Fault;
use crate::model::app::App;

/// The form.
#[component]
pub(super) fn Password() -> impl IntoView {
    let app = App::get();
    let (old, new, again) = (
        RwSignal::new(String::new()),
        RwSignal::new(String::new()),
        RwSignal::new(String::new()),
    );
    let differ = move || again.with(|again| !again.is_empty() && new.with(|new| new != again));
    let ready = move || {
        old.with(|old| !old.is_empty())
            && new.with(|new| !new.is_empty() && again.with(|again| again == new))
            && !app.access.busy.get()
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let change = OwnPassword {
            old: old.get_untracked(),
            new: new.get_untracked(),
        };
        app.access.change_password(app, change, move || {
            for field in [old, new, again] {
                field.set(String::new());
            }
        });
    };
    let field = move |word: &'static str, kind: &'static str, text: RwSignal<String>| {
        view! {
            <label class="form-field">
                <span>{word}</span>
                <input class="input" type="password" autocomplete=kind prop:value=move || text.get() on:input=move |event| text.set(event_target_value(&event))/>
            </label>
        }
    };
    view! {
        <form class="set-form" aria-label="Change the password" on:submit=submit>
            // So that the browser's keeper of passwords knows whose it is.
            <input class="sr" type="text" autocomplete="username" tabindex="-1" aria-hidden="true" prop:value=move || app.access.user().unwrap_or_default()/>
            {field("Password until now", "current-password", old)}
            {field("New password", "new-password", new)}
            {field("New password once more", "new-password", again)}
            {move || differ().then(|| view! { <p class="field-fault">"The two are not alike."</p> })}
            <Fault form="password"/>
            <div><button class="button" disabled=move || !ready()>"Change password"</button></div>
        </form>
    }
}
