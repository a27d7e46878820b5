//! Roles: those that came with the program, and own ones.

use leptos::prelude::*;
use timberline_proto::api::access::Role;

use super::{Fault, role::RoleForm};
use crate::{
    components::pipeline::skeleton,
    model::app::App,
    text::printable::{Layout, printable},
};

/// The part.
#[component]
pub(super) fn Roles() -> impl IntoView {
    let app = App::get();
    let access = app.access;
    let none_yet = Memo::new(move |_| access.roles.with(Option::is_none));
    let has_failed = Memo::new(move |_| access.error.with(Option::is_some));
    // The role that is made or changed.
    let form = RwSignal::new(None::<Role>);
    let removing = RwSignal::new(None::<String>);
    let rows = move || {
        let roles = access.roles.get().unwrap_or_default();
        roles.into_iter().map(|role| row(role, form, removing)).collect_view()
    };
    move || {
        match (none_yet.get(), has_failed.get()) {
        (true, true) => ().into_any(),
        (true, false) => skeleton().into_any(),
        (false, _) => view! {
            <div class="tools">
                <span class="set-count">"What several roles of an account give adds up; what any of them hides is hidden."</span>
                <button class="button primary set-add" on:click=move |_| form.set(Some(Role::default()))>"Make a role"</button>
            </div>
            {move || form.get().map(|role| view! { <RoleForm role form/> })}
            <Fault form="role"/>
            {move || removing.get().map(|name| {
                let removed = name.clone();
                view! {
                    <div class="ask-back" role="group" aria-label="Delete the role">
                        <p>"The role “"<b>{name}</b>"” will be gone, and with it what it gives to accounts and keys that have it."</p>
                        <div class="ask-back-tools">
                            <button class="button danger" on:click=move |_| { access.remove_role(app, &removed); removing.set(None) }>"Delete the role"</button>
                            <button class="button" on:click=move |_| removing.set(None)>"Keep it"</button>
                        </div>
                    </div>
                }
            })}
            <div class="table-scroll">
                <table class="rows wide set-roles">
                    <thead><tr>
                        <th scope="col"><span class="table-head">"Role"</span></th>
                        <th scope="col"><span class="table-head">"Gives"</span></th>
                        <th scope="col"><span class="table-head">"Limits"</span></th>
                        <th scope="col"><span class="sr">"What can be done"</span></th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any(),
    }
    }
}

fn row(role: Role, form: RwSignal<Option<Role>>, removing: RwSignal<Option<String>>) -> impl IntoView {
    let (edited, removed, copied) = (role.clone(), role.name.clone(), role.clone());
    let rights: Vec<&str> = role.permissions.iter().map(|permission| permission.name()).collect();
    let limits = limits(&role);
    let everything = role.permissions.len() == timberline_proto::api::access::Permission::ALL.len();
    let description = printable(&role.description, Layout::Row).into_owned();
    view! {
        <tr>
            <td class="set-role"><b>{role.name.clone()}</b><span class="alert-condition">{description}</span></td>
            <td class="alert-rule">{if everything { "everything".to_owned() } else { rights.join(", ") }}</td>
            <td class="alert-rule">{match limits.is_empty() {
                true => view! { <span class="absent">"none"</span> }.into_any(),
                false => limits.into_iter().map(|limit| view! { <span class="alert-condition">{limit}</span> }).collect_view().into_any(),
            }}</td>
            <td class="row-tools">{if role.built_in {
                view! {
                    <span class="set-tag">"built in"</span>
                    <button class="button small" title="An own role like this one" on:click=move |_| form.set(Some(Role { name: String::new(), built_in: false, ..copied.clone() }))>"Copy"</button>
                }.into_any()
            } else {
                view! {
                    <button class="button small" on:click=move |_| form.set(Some(edited.clone()))>"Change"</button>
                    <button class="button small" on:click=move |_| removing.set(Some(removed.clone()))>"Delete"</button>
                }.into_any()
            }}</td>
        </tr>
    }
}

fn limits(role: &Role) -> Vec<String> {
    let mut limits = Vec::new();
    if let Some(streams) = &role.streams {
        limits.push(format!("only {}", printable(streams, Layout::Row)));
    }
    if !role.hidden_fields.is_empty() {
        let fields: Vec<&str> = role.hidden_fields.iter().map(String::as_str).collect();
        limits.push(format!("without {}", printable(&fields.join(", "), Layout::Row)));
    }
    limits
}
