//! Accounts: all of them, and making one.

use std::collections::BTreeSet;

use leptos::prelude::*;
use timberline_proto::api::access::{NewUser, UserInfo};

use super::{Choices, Fault, account::Account, words::ago_or_never};
use crate::{
    components::{
        find::Find,
        pipeline::skeleton,
        sorted::{self, Key},
    },
    model::{access::new_password, app::App},
    text::number,
};

/// The part.
#[component]
pub(super) fn Accounts() -> impl IntoView {
    let app = App::get();
    let access = app.access;
    let wanted = RwSignal::new(String::new());
    let order = RwSignal::new(None::<(usize, bool)>);
    let opened = RwSignal::new(None::<String>);
    let adding = RwSignal::new(false);
    let shown = Memo::new(move |_| {
        let wanted = wanted.get().to_lowercase();
        let mut users: Vec<UserInfo> = access.users.with(|users| {
            let fits =
                |user: &&UserInfo| user.name.contains(&wanted) || user.roles.iter().any(|role| role.contains(&wanted));
            users.iter().flatten().filter(fits).cloned().collect()
        });
        sorted::sort(&mut users, order.get(), |user, column| match column {
            0 => Key::Text(user.name.clone()),
            1 => Key::Text(user.roles.iter().cloned().collect::<Vec<_>>().join(" ")),
            3 => Key::Text(user.last_login.clone().unwrap_or_default()),
            _ => Key::Number(user.sessions as f64),
        });
        users
    });
    let none_yet = Memo::new(move |_| access.users.with(Option::is_none));
    let has_failed = Memo::new(move |_| access.error.with(Option::is_some));
    move || {
        match (none_yet.get(), has_failed.get()) {
        (true, true) => ().into_any(),
        (true, false) => skeleton().into_any(),
        (false, _) => view! {
            <div class="tools">
                <Find word="Find an account or role" wanted/>
                <span class="set-count">{move || access.users.with(|users| number::counted(users.as_ref().map_or(0, Vec::len) as u64, "account", "accounts"))}</span>
                <button class="button primary set-add" aria-expanded=move || adding.get().to_string() on:click=move |_| adding.update(|adding| *adding = !*adding)>"Add an account"</button>
            </div>
            {move || adding.get().then(|| view! { <New adding/> })}
            <Fault form="account"/>
            <div class="table-scroll">
                <table class="rows wide">
                    <thead><tr>
                        <sorted::Head at=0 word="Name" order/>
                        <sorted::Head at=1 word="Roles" order/>
                        <th scope="col"><span class="table-head">"State"</span></th>
                        <sorted::Head at=3 word="Last login" order/>
                        <sorted::Head at=4 word="Sessions" numeric=true order/>
                        <th scope="col"><span class="sr">"What can be done"</span></th>
                    </tr></thead>
                    <tbody>
                        <For each=move || shown.get() key=|user| user.clone_key() let(user)><Row user opened/></For>
                    </tbody>
                </table>
                {move || shown.with(Vec::is_empty).then(|| view! { <p class="table-rest">"No account is like this."</p> })}
            </div>
        }
        .into_any(),
    }
    }
}

/// What a row is drawn by: it is drawn anew when any of it changes.
trait RowKey {
    fn clone_key(&self) -> String;
}

impl RowKey for UserInfo {
    fn clone_key(&self) -> String {
        format!(
            "{} {:?} {} {} {:?} {}",
            self.name, self.roles, self.disabled, self.totp, self.last_login, self.sessions
        )
    }
}

#[component]
fn Row(user: UserInfo, opened: RwSignal<Option<String>>) -> impl IntoView {
    let app = App::get();
    let name = user.name.clone();
    let is_open = {
        let name = name.clone();
        Memo::new(move |_| opened.with(|opened| opened.as_ref() == Some(&name)))
    };
    let toggle = {
        let name = name.clone();
        move |_| opened.update(|opened| *opened = (opened.as_ref() != Some(&name)).then(|| name.clone()))
    };
    let is_own = app.access.user().as_ref() == Some(&name);
    let roles = user.roles.iter().cloned().collect::<Vec<_>>().join(", ");
    let whole = user.clone();
    view! {
        <tr class:current=move || is_open.get()>
            <td><b>{name.clone()}</b>{is_own.then(|| view! { <span class="set-tag">"you"</span> })}</td>
            <td>{if roles.is_empty() { view! { <span class="absent">"none"</span> }.into_any() } else { roles.into_any() }}</td>
            <td>
                {if user.disabled { view! { <span class="bad">"shut out"</span> }.into_any() } else { "may log in".into_any() }}
                {user.totp.then(|| view! { <span class="set-tag">"second factor"</span> })}
            </td>
            <td>{ago_or_never(app, user.last_login.as_deref())}</td>
            <td class="number">{number::grouped(user.sessions)}</td>
            <td class="row-tools"><button class="button small" aria-expanded=move || is_open.get().to_string() aria-label=format!("Change {name}") on:click=toggle>"Change"</button></td>
        </tr>
        {move || is_open.get().then(|| view! {
            <tr class="opened-below"><td colspan="6"><Account user=whole.clone() opened/></td></tr>
        })}
    }
}

/// A new account.
#[component]
fn New(adding: RwSignal<bool>) -> impl IntoView {
    let app = App::get();
    let access = app.access;
    let (name, password) = (RwSignal::new(String::new()), RwSignal::new(new_password()));
    let roles = RwSignal::new(BTreeSet::from(["viewer".to_owned()]));
    let all = Signal::derive(move || role_choices(app));
    let made = RwSignal::new(None::<(String, String)>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let new = NewUser {
            name: name.get_untracked().trim().to_owned(),
            password: password.get_untracked(),
            roles: roles.get_untracked(),
        };
        access.create_user(app, new, move || {
            made.set(Some((
                name.get_untracked().trim().to_lowercase(),
                password.get_untracked(),
            )));
            name.set(String::new());
            password.set(new_password());
        });
    };
    let ready = move || {
        name.with(|name| !name.trim().is_empty())
            && password.with(|password| !password.is_empty())
            && !access.busy.get()
    };
    view! {
        <form class="ask-back set-new" aria-label="Add an account" on:submit=submit>
            <div class="set-fields">
                <label class="form-field">
                    <span>"Name"</span>
                    <input class="input" autocomplete="off" autocapitalize="none" spellcheck="false" placeholder="ada" prop:value=move || name.get() on:input=move |event| name.set(event_target_value(&event))/>
                    <span class="field-hint">"a–z, digits, . _ - @"</span>
                </label>
                <label class="form-field">
                    <span>"First password"</span>
                    <input class="input mono" autocomplete="off" spellcheck="false" prop:value=move || password.get() on:input=move |event| password.set(event_target_value(&event))/>
                    <span class="field-hint">"Made at random; the person changes it under Settings."</span>
                </label>
            </div>
            <div class="form-field"><span>"Roles"</span><Choices label="Roles" all chosen=roles/></div>
            <div class="set-tools">
                <button class="button primary" disabled=move || !ready()>"Make the account"</button>
                <button class="button" type="button" on:click=move |_| adding.set(false)>"Close"</button>
            </div>
            {move || made.get().map(|(name, password)| {
                let text = format!("{}/login\nuser {name}\npassword {password}", window().location().origin().unwrap_or_default());
                view! {
                    <div class="set-secret" role="status">
                        <span>{format!("“{name}” was made. Its password is shown only now:")}</span>
                        <code>{password}</code>
                        <button class="button small" type="button" on:click=move |_| app.copy(&text, "Address, name and password")>"Copy for them"</button>
                    </div>
                }
            })}
        </form>
    }
}

/// All roles, with what each is for.
pub(super) fn role_choices(app: App) -> Vec<(String, String)> {
    app.access.roles.with(|roles| {
        let all = roles.iter().flatten();
        all.map(|role| (role.name.clone(), role.description.clone())).collect()
    })
}
