//! One account, with what can be done to it.

use leptos::prelude::*;
use timberline_proto::api::access::{SessionInfo, UserChange, UserInfo};

use super::{Choices, accounts::role_choices};
use crate::{
    model::{access::new_password, app::App},
    text::number,
};

/// What is asked back before it is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Remove,
    ShutOut,
}

/// The account.
#[component]
pub(super) fn Account(user: UserInfo, opened: RwSignal<Option<String>>) -> impl IntoView {
    let app = App::get();
    let access = app.access;
    let name = StoredValue::new(user.name.clone());
    let roles = RwSignal::new(user.roles.clone());
    let kept = StoredValue::new(user.roles.clone());
    let all = Signal::derive(move || role_choices(app));
    let changed = move || roles.with(|roles| kept.with_value(|kept| roles != kept));
    let asks = RwSignal::new(None::<Asks>);
    let password = RwSignal::new(None::<String>);
    let (disabled, has_totp, sessions) = (user.disabled, user.totp, user.sessions);
    let is_own = access.user().as_deref() == Some(user.name.as_str());
    let change = move |change: UserChange, said: &'static str| {
        name.with_value(|name| access.change_user(app, name, change, said));
    };
    let shut = move |disabled: bool| {
        let said = if disabled { "Shut out" } else { "May log in again" };
        change(
            UserChange {
                disabled: Some(disabled),
                ..UserChange::default()
            },
            said,
        );
    };
    let own_sessions = Memo::new(move |_| {
        access.sessions.with(|sessions| {
            let all = sessions.iter().flatten();
            name.with_value(|name| {
                all.filter(|session| session.user == *name)
                    .cloned()
                    .collect::<Vec<SessionInfo>>()
            })
        })
    });
    view! {
        <div class="set-account">
            <div class="form-field"><span>"Roles"</span><Choices label="Roles" all chosen=roles/></div>
            <div class="set-tools">
                <button class="button primary" disabled=move || !changed() || access.busy.get() on:click=move |_| change(UserChange { roles: Some(roles.get_untracked()), ..UserChange::default() }, "Roles changed")>"Save roles"</button>
                <button class="button" on:click=move |_| password.set(Some(new_password()))>"Set a password"</button>
                {has_totp.then(|| view! {
                    <button class="button" title="For whoever lost their phone" on:click=move |_| change(UserChange { reset_totp: Some(true), ..UserChange::default() }, "The second factor is off")>"Take the second factor away"</button>
                })}
                {if disabled {
                    view! { <button class="button" on:click=move |_| shut(false)>"Let in again"</button> }.into_any()
                } else {
                    view! { <button class="button" disabled=is_own title=if is_own { "You cannot shut yourself out" } else { "" } on:click=move |_| asks.set(Some(Asks::ShutOut))>"Shut out"</button> }.into_any()
                }}
                <button class="button" disabled=is_own title=if is_own { "You cannot delete your own account" } else { "" } on:click=move |_| asks.set(Some(Asks::Remove))>"Delete"</button>
                <button class="button set-add" on:click=move |_| opened.set(None)>"Close"</button>
            </div>
            {move || password.get().map(|made| {
                let copied = made.clone();
                view! {
                    <form class="ask-back" aria-label="Set a password" on:submit=move |event| {
                        event.prevent_default();
                        name.with_value(|name| access.reset_password(app, name, password.get_untracked().unwrap_or_default()));
                    }>
                        <p>"It takes the place of the one until now, and all sessions of the account end."</p>
                        <div class="ask-back-tools">
                            <input class="input mono" aria-label="New password" spellcheck="false" autocomplete="off" value=made on:change=move |event| password.set(Some(event_target_value(&event)))/>
                            <button class="button" type="button" on:click=move |_| app.copy(&copied, "Password")>"Copy"</button>
                            <button class="button primary">"Set it"</button>
                            <button class="button" type="button" on:click=move |_| password.set(None)>"Keep the old one"</button>
                        </div>
                    </form>
                }
            })}
            {move || asks.get().map(|asked| {
                let who = name.get_value();
                let (words, button) = match asked {
                    Asks::ShutOut => (format!("“{who}” cannot log in any more, and {} at once.", ends(sessions)), "Shut out"),
                    Asks::Remove => (format!("“{who}” will be gone, and {} at once. What it kept and did stays, under its name.", ends(sessions)), "Delete the account"),
                };
                view! {
                    <div class="ask-back" role="group" aria-label=button>
                        <p>{words}</p>
                        <div class="ask-back-tools">
                            <button class="button danger" on:click=move |_| match asked {
                                Asks::ShutOut => shut(true),
                                Asks::Remove => name.with_value(|name| access.remove_user(app, name)),
                            }>{button}</button>
                            <button class="button" on:click=move |_| asks.set(None)>"Leave it"</button>
                        </div>
                    </div>
                }
            })}
            {move || {
                let sessions = own_sessions.get();
                (!sessions.is_empty()).then(|| view! {
                    <ul class="set-list">{sessions.into_iter().map(|session| {
                        let id = session.id.clone();
                        view! {
                            <li>
                                <div class="set-entry">
                                    <b>"Session"</b>
                                    <span>"from "{session.origin.unwrap_or_else(|| "an unknown address".into())}</span>
                                    <span>"used "{crate::components::pipeline::ago(app, &session.last_used)}</span>
                                </div>
                                <button class="button small" disabled=session.own on:click=move |_| access.end_session(app, id.clone())>"End it"</button>
                            </li>
                        }
                    }).collect_view()}</ul>
                })
            }}
        </div>
    }
}

fn ends(sessions: u64) -> String {
    match sessions {
        0 => "its keys and sessions, should it have any, end".to_owned(),
        1 => "its session ends".to_owned(),
        more => format!("{} end", number::counted(more, "session", "sessions")),
    }
}
