//! One role as a form.

use std::collections::BTreeSet;

use leptos::prelude::*;
use timberline_proto::api::access::Role;

use super::words::said;
use crate::{lang, model::app::App};
use timberline_proto::api::access::Permission;

/// The form.
#[component]
pub(super) fn RoleForm(role: Role, form: RwSignal<Option<Role>>) -> impl IntoView {
    let app = App::get();
    let is_new = role.name.is_empty();
    let name = RwSignal::new(role.name.clone());
    let description = RwSignal::new(role.description.clone());
    let streams = RwSignal::new(role.streams.clone().unwrap_or_default());
    let hidden = RwSignal::new(role.hidden_fields.iter().cloned().collect::<Vec<_>>().join(", "));
    let rights = RwSignal::new(role.permissions.clone());
    let fault = Memo::new(move |_| streams.with(|streams| limit_fault(streams)));
    let ready =
        move || name.with(|name| !name.trim().is_empty()) && fault.with(Option::is_none) && !app.access.busy.get();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let streams = streams.get_untracked().trim().to_owned();
        let role = Role {
            name: name.get_untracked().trim().to_lowercase(),
            description: description.get_untracked().trim().to_owned(),
            permissions: rights.get_untracked(),
            streams: (!streams.is_empty()).then_some(streams),
            hidden_fields: listed(&hidden.get_untracked()),
            built_in: false,
        };
        app.access.put_role(app, role, move || form.set(None));
    };
    // Nobody gives away what they may not do themselves.
    let right = move |permission: Permission| {
        let is_on = Memo::new(move |_| rights.with(|rights| rights.contains(&permission)));
        let may_give = app.may(permission);
        view! {
            <label class="set-right" class:lacks=!may_give title=if may_give { "" } else { "You cannot give what you may not do yourself" }>
                <input type="checkbox" disabled=!may_give prop:checked=move || is_on.get() on:change=move |_| rights.update(|rights| if !rights.remove(&permission) { rights.insert(permission); })/>
                <span>{said(permission)}</span>
                <code>{permission.name()}</code>
            </label>
        }
    };
    view! {
        <form class="ask-back set-new" aria-label="Role" on:submit=submit>
            <div class="set-fields">
                <label class="form-field">
                    <span>"Name"</span>
                    <input class="input" autocomplete="off" spellcheck="false" disabled=!is_new placeholder="checkout" prop:value=move || name.get() on:input=move |event| name.set(event_target_value(&event))/>
                </label>
                <label class="form-field">
                    <span>"What it is for"</span>
                    <input class="input" autocomplete="off" prop:value=move || description.get() on:input=move |event| description.set(event_target_value(&event))/>
                </label>
            </div>
            <fieldset class="set-checks"><legend>"It gives"</legend>{Permission::ALL.map(right).collect_view()}</fieldset>
            <div class="set-fields">
                <label class="form-field">
                    <span>"Only lines that this search keeps"</span>
                    <input class="input mono" autocomplete="off" spellcheck="false" placeholder="all lines" aria-invalid=move || fault.with(Option::is_some).to_string() prop:value=move || streams.get() on:input=move |event| streams.set(event_target_value(&event))/>
                    {move || match fault.get() {
                        Some(fault) => view! { <span class="field-fault" role="alert">{fault}</span> }.into_any(),
                        None => view! { <span class="field-hint">"such as service.name:checkout"</span> }.into_any(),
                    }}
                </label>
                <label class="form-field">
                    <span>"Without these fields"</span>
                    <input class="input mono" autocomplete="off" spellcheck="false" placeholder="card, user.mail" prop:value=move || hidden.get() on:input=move |event| hidden.set(event_target_value(&event))/>
                    <span class="field-hint">"not shown, searched, sorted by or counted"</span>
                </label>
            </div>
            <div class="set-tools">
                <button class="button primary" disabled=move || !ready()>{if is_new { "Make the role" } else { "Save the role" }}</button>
                <button class="button" type="button" on:click=move |_| form.set(None)>"Discard"</button>
            </div>
        </form>
    }
}

/// A limit is a filter alone.
fn limit_fault(streams: &str) -> Option<String> {
    if streams.trim().is_empty() {
        return None;
    }
    match lang::mistake(streams) {
        Some(error) => Some(error.message),
        None if lang::has_table(streams) => Some("a limit is a search without pipes, and no SQL".into()),
        None => None,
    }
}

fn listed(text: &str) -> BTreeSet<String> {
    let names = text.split([',', ' ', '\n']).map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_filter_alone() {
        assert_eq!(limit_fault(" "), None);
        assert_eq!(limit_fault("service.name:checkout"), None);
        assert!(limit_fault("a | head 5").is_some() && limit_fault("SELECT 1").is_some());
        assert!(limit_fault("a AND (").is_some());
    }

    #[test]
    fn fields_are_listed_with_commas_or_spaces() {
        assert_eq!(
            listed("card, user.mail  card"),
            ["card".to_owned(), "user.mail".to_owned()].into()
        );
        assert!(listed(" , ").is_empty());
    }
}
