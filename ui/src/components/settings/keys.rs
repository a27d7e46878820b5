//! Keys of programs.

use leptos::prelude::*;
use timberline_proto::api::access::KeyInfo;

use super::{
    Fault,
    new_key::{MadeKey, NewKeyForm},
    words::{ago_or_never, day},
};
use crate::{
    components::{
        find::Find,
        pipeline::{ago, skeleton},
    },
    model::app::App,
    text::printable::{Layout, printable},
};

/// The part.
#[component]
pub(super) fn Keys() -> impl IntoView {
    let app = App::get();
    let access = app.access;
    let wanted = RwSignal::new(String::new());
    let over = RwSignal::new(false);
    let adding = RwSignal::new(false);
    let revoking = RwSignal::new(None::<String>);
    on_cleanup(move || access.made_key.set(None));
    let shown = Memo::new(move |_| {
        let wanted = wanted.get().to_lowercase();
        access.keys.with(|keys| {
            let fits = |key: &&KeyInfo| {
                (over.get() || key.state == "valid")
                    && (key.name.to_lowercase().contains(&wanted)
                        || key.roles.iter().any(|role| role.contains(&wanted)))
            };
            keys.iter().flatten().filter(fits).cloned().collect::<Vec<_>>()
        })
    });
    let none_yet = Memo::new(move |_| access.keys.with(Option::is_none));
    let none_at_all = Memo::new(move |_| access.keys.with(|keys| keys.as_ref().is_some_and(Vec::is_empty)));
    let has_failed = Memo::new(move |_| access.error.with(Option::is_some));
    move || {
        match (none_yet.get(), has_failed.get()) {
        (true, true) => ().into_any(),
        (true, false) => skeleton().into_any(),
        (false, _) => view! {
            <Show when=move || !none_at_all.get() || adding.get()>
                <div class="tools">
                    <Find word="Find a key" wanted/>
                    <button class="chip" class:current=move || over.get() aria-pressed=move || over.get().to_string() on:click=move |_| over.update(|over| *over = !*over)>"Also those that are over"</button>
                    <button class="button primary set-add" aria-expanded=move || adding.get().to_string() on:click=move |_| adding.update(|adding| *adding = !*adding)>"Make a key"</button>
                </div>
            </Show>
            <MadeKey/>
            {move || adding.get().then(|| view! { <NewKeyForm adding/> })}
            <Fault form="key"/>
            {move || if none_at_all.get() {
                (!adding.get()).then(|| view! {
                    <div class="empty">
                        <h2>"No key yet"</h2>
                        <p>"Programs show a key where people log in: shippers that add lines, scripts that search, collectors of metrics. Give each its own, with no more rights than it needs."</p>
                        <div class="empty-ways"><button class="button primary" on:click=move |_| adding.set(true)>"Make a key"</button></div>
                    </div>
                }).into_any()
            } else {
                view! {
                    <div class="table-scroll">
                        <table class="rows wide">
                            <thead><tr>
                                <th scope="col"><span class="table-head">"For"</span></th>
                                <th scope="col"><span class="table-head">"Gives"</span></th>
                                <th scope="col"><span class="table-head">"Used"</span></th>
                                <th scope="col"><span class="table-head">"Made"</span></th>
                                <th scope="col"><span class="table-head">"Until"</span></th>
                                <th scope="col"><span class="sr">"What can be done"</span></th>
                            </tr></thead>
                            <tbody><For each=move || shown.get() key=|key| (key.id.clone(), key.state.clone(), key.last_used.clone()) let(key)><Row key revoking/></For></tbody>
                        </table>
                        {move || shown.with(Vec::is_empty).then(|| view! { <p class="table-rest">"No key is like this."</p> })}
                    </div>
                }.into_any()
            }}
        }
        .into_any(),
    }
    }
}

#[component]
fn Row(key: KeyInfo, revoking: RwSignal<Option<String>>) -> impl IntoView {
    let app = App::get();
    let is_valid = key.state == "valid";
    let (id, asked, revoked) = (key.id.clone(), key.id.clone(), key.id.clone());
    let asks = Memo::new(move |_| revoking.with(|revoking| revoking.as_ref() == Some(&id)));
    let roles = key.roles.iter().cloned().collect::<Vec<_>>().join(", ");
    let scopes = key.scopes.as_ref().map(|scopes| {
        let names: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        format!("only {}", names.join(", "))
    });
    let expires = key.expires.clone();
    let name = printable(&key.name, Layout::Row).into_owned();
    let said = name.clone();
    view! {
        <tr class:over=!is_valid>
            <td class="alert-rule"><b>{name}</b><span class="alert-condition">{key.id.clone()}</span></td>
            <td class="alert-rule">{roles}{scopes.map(|scopes| view! { <span class="alert-condition">{scopes}</span> })}</td>
            <td>{ago_or_never(app, key.last_used.as_deref())}</td>
            <td>{ago(app, &key.created)}" by "{printable(key.created_by.trim_start_matches("user:"), Layout::Row).into_owned()}</td>
            <td>{move || match (is_valid, &expires) {
                (false, _) => key.state.clone(),
                (true, Some(expires)) => day(app, expires),
                (true, None) => "for good".to_owned(),
            }}</td>
            <td class="row-tools">{is_valid.then(|| view! { <button class="button small" aria-label=format!("Revoke {said}") on:click=move |_| revoking.set(Some(asked.clone()))>"Revoke"</button> })}</td>
        </tr>
        {move || asks.get().then(|| {
            let revoked = revoked.clone();
            view! {
                <tr class="opened-below"><td colspan="6">
                    <p>"Whatever uses this key is refused from now on. It cannot be brought back."</p>
                    <div class="ask-back-tools">
                        <button class="button danger" on:click=move |_| { app.access.revoke_key(app, revoked.clone()); revoking.set(None) }>"Revoke the key"</button>
                        <button class="button" on:click=move |_| revoking.set(None)>"Keep it"</button>
                    </div>
                </td></tr>
            }
        })}
    }
}
