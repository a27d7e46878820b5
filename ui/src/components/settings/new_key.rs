//! Making a key, which is shown once.

use std::collections::BTreeSet;

use leptos::prelude::*;
use timberline_proto::api::access::{NewKey, Permission};

use super::{Choices, accounts::role_choices, words::rights};
use crate::model::app::App;

/// For how long a key may be, in days; 0 is for good.
const DAYS: [(u64, &str); 5] = [
    (7, "7 days"),
    (30, "30 days"),
    (90, "90 days"),
    (365, "a year"),
    (0, "for good"),
];
const DAY_S: u64 = 86_400;

/// The form.
#[component]
pub(super) fn NewKeyForm(adding: RwSignal<bool>) -> impl IntoView {
    let app = App::get();
    let access = app.access;
    let name = RwSignal::new(String::new());
    let roles = RwSignal::new(BTreeSet::from(["ingest".to_owned()]));
    let scopes = RwSignal::new(BTreeSet::<String>::new());
    let days = RwSignal::new(90_u64);
    // Of what its roles give, that may be chosen.
    let given = Signal::derive(move || {
        let of_roles: BTreeSet<Permission> = access.roles.with(|all| {
            let chosen = all
                .iter()
                .flatten()
                .filter(|role| roles.with(|roles| roles.contains(&role.name)));
            chosen.flat_map(|role| role.permissions.iter().copied()).collect()
        });
        rights()
            .into_iter()
            .filter(|(name, _)| of_roles.iter().any(|permission| permission.name() == name))
            .collect::<Vec<_>>()
    });
    let all = Signal::derive(move || role_choices(app));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let chosen: BTreeSet<Permission> =
            scopes.with_untracked(|scopes| scopes.iter().filter_map(|scope| scope.parse().ok()).collect());
        let given = given.get_untracked();
        let chosen: BTreeSet<Permission> = chosen
            .into_iter()
            .filter(|permission| given.iter().any(|(name, _)| name == permission.name()))
            .collect();
        let new = NewKey {
            name: name.get_untracked().trim().to_owned(),
            roles: roles.get_untracked(),
            scopes: (!chosen.is_empty()).then_some(chosen),
            ttl_s: Some(days.get_untracked() * DAY_S).filter(|ttl| *ttl > 0),
        };
        access.create_key(app, new, move || adding.set(false));
    };
    let ready = move || {
        name.with(|name| !name.trim().is_empty()) && roles.with(|roles| !roles.is_empty()) && !access.busy.get()
    };
    let span = move |(count, word): (u64, &'static str)| {
        view! {
            <button type="button" class="chip" class:current=move || days.get() == count aria-pressed=move || (days.get() == count).to_string() on:click=move |_| days.set(count)>{word}</button>
        }
    };
    view! {
        <form class="ask-back set-new" aria-label="Make a key" on:submit=submit>
            <div class="set-fields">
                <label class="form-field">
                    <span>"What it is for"</span>
                    <input class="input" autocomplete="off" spellcheck="false" placeholder="shop, production" prop:value=move || name.get() on:input=move |event| name.set(event_target_value(&event))/>
                </label>
                <div class="form-field"><span>"Valid for"</span><div class="set-choices" role="group" aria-label="Valid for">{DAYS.map(span).collect_view()}</div></div>
            </div>
            <div class="form-field"><span>"Roles"</span><Choices label="Roles" all chosen=roles/></div>
            <div class="form-field"><span>"Of that only"</span><Choices label="Of that only" all=given chosen=scopes/><span class="field-hint">"everything that the roles give if none is chosen"</span></div>
            <div class="set-tools">
                <button class="button primary" disabled=move || !ready()>"Make the key"</button>
                <button class="button" type="button" on:click=move |_| adding.set(false)>"Discard"</button>
            </div>
        </form>
    }
}

/// The key that was just made, until it is put away.
#[component]
pub(super) fn MadeKey() -> impl IntoView {
    let app = App::get();
    let access = app.access;
    move || {
        access.made_key.get().map(|made| {
            let (key, curl) = (made.key.clone(), example(&made.key, &made.info.roles));
            view! {
                <div class="set-notice set-made" role="status">
                    <h2>{format!("The key of “{}” is shown only now", made.info.name)}</h2>
                    <p>"Only its hash is kept: whoever loses it needs another one."</p>
                    <div class="set-secret">
                        <code class="set-key">{made.key.clone()}</code>
                        <button class="button small" on:click=move |_| app.copy(&key, "Key")>"Copy"</button>
                        <button class="button small" on:click=move |_| app.copy(&curl, "Command")>"Copy as curl"</button>
                        <button class="button small primary" on:click=move |_| access.made_key.set(None)>"I have kept it"</button>
                    </div>
                </div>
            }
        })
    }
}

/// A first use of it.
fn example(key: &str, roles: &BTreeSet<String>) -> String {
    let origin = window().location().origin().unwrap_or_default();
    if roles.contains("ingest") {
        format!("curl -H 'Authorization: Bearer {key}' --data-binary @lines.ndjson '{origin}/api/v1/ingest'")
    } else {
        format!("curl -H 'Authorization: Bearer {key}' '{origin}/api/v1/whoami'")
    }
}
