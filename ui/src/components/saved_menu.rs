//! Saved searches: keep this one, ask another.

use leptos::{html, prelude::*};
use timberline_proto::api::dashboards::KeptSearch;

use super::{
    icon::{self, Icon},
    time_picker::label,
};
use crate::model::{app::App, view::TimeRange};

/// The button beside the query, and its menu.
#[component]
pub(crate) fn SavedMenu() -> impl IntoView {
    let app = App::get();
    let saved = app.saved;
    let toggle = move |_| {
        saved.open.update(|open| *open = !*open);
        if saved.open.get_untracked() {
            saved.load();
        }
    };
    view! {
        <div class="board-menu">
            <button class="button saved-button" title="Saved searches (s)" aria-expanded=move || saved.open.get().to_string() on:click=toggle>
                <Icon path=icon::SAVED/><span>"Saved"</span>
            </button>
            <Show when=move || saved.open.get()>
                <div class="time-veil" on:click=move |_| saved.open.set(false)></div>
                <Menu/>
            </Show>
        </div>
    }
}

#[component]
fn Menu() -> impl IntoView {
    let app = App::get();
    let saved = app.saved;
    let name = RwSignal::new(String::new());
    let wanted = RwSignal::new(String::new());
    let field = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if let Some(field) = field.get() {
            _ = field.focus();
        }
    });
    let is_known = move || {
        let name = name.get();
        saved
            .list
            .with(|list| list.iter().flatten().any(|kept| kept.search.name == name.trim()))
    };
    let is_nameless = move || name.with(|name| name.trim().is_empty());
    let keep = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !untrack(is_nameless) {
            saved.keep(app, name.get_untracked().trim().to_owned());
        }
    };
    let entries = move || {
        let wanted = wanted.get().to_lowercase();
        let list = saved.list.get()?;
        let found: Vec<KeptSearch> = list
            .into_iter()
            .filter(|kept| {
                kept.search.name.to_lowercase().contains(&wanted) || kept.search.query.to_lowercase().contains(&wanted)
            })
            .collect();
        Some(if found.is_empty() {
            view! { <p class="board-hint">"None yet: save this one under a name."</p> }.into_any()
        } else {
            found.into_iter().map(|kept| entry(app, kept)).collect_view().into_any()
        })
    };
    view! {
        <div class="panel board-menu-list saved-list" role="dialog" aria-label="Saved searches">
            <form class="saved-new needs-documents" on:submit=keep>
                <input class="input" node_ref=field placeholder="Save this search as …" aria-label="Name" spellcheck="false" prop:value=move || name.get() on:input=move |event| name.set(event_target_value(&event))/>
                <button class="button primary" disabled=is_nameless>{move || if is_known() { "Replace" } else { "Save" }}</button>
            </form>
            {move || saved.error.get().map(|error| view! { <p class="bad" role="alert">{error.message}</p> })}
            <Show when=move || saved.list.with(|list| list.as_ref().is_some_and(|list| list.len() > 8))>
                <input class="input" placeholder="Find" aria-label="Find a saved search" spellcheck="false" prop:value=move || wanted.get() on:input=move |event| wanted.set(event_target_value(&event))/>
            </Show>
            <div class="saved-entries">{entries}</div>
        </div>
    }
}

fn entry(app: App, kept: KeptSearch) -> impl IntoView {
    let search = kept.search.clone();
    let range = TimeRange {
        from: search.from.clone(),
        to: search.to.clone(),
    };
    let time = label(&range, app.prefs.zone.get_untracked());
    let query = if search.query.is_empty() {
        "every line".to_owned()
    } else {
        search.query.clone()
    };
    let name = search.name.clone();
    view! {
        <div class="saved-entry">
            <button class="menu-item" title=query.clone() on:click=move |_| app.saved.show(app, search.clone())>
                <b>{name.clone()}</b><span class="mono">{query.clone()}</span><span>{time}</span>
            </button>
            <button class="button bare needs-documents" aria-label=format!("Delete {name}") on:click=move |_| app.saved.forget(app, kept.clone())><Icon path=icon::CLOSE/></button>
        </div>
    }
}
